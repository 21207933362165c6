#include "subcommands/flags/prune_filter.h"

#include "base/error.h"
#include "cli/human.h"

namespace nau::subcommands {

void declare_prune_filters(cli::FlagSet& flags, Filters& filters) {
    declare_filters(flags,
                    "--filter",
                    "Remove only those with label=KEY[=VALUE], label!=KEY[=VALUE] or until=TIME",
                    filters);
}

engine::PruneFilter prune_filter_of(const Filters& filters, Time now) {
    engine::PruneFilter filter;
    for (const auto& [key, value] : filters) {
        if (key == "until") {
            filter.until = cli::parse_moment(value, now);
        } else if (key == "label!") {
            filter.unwanted_labels.push_back(value);
        } else if (key == "label") {
            filter.labels.push_back(value);
        } else {
            throw Error(ErrorKind::invalid, "unknown filter '{}' (label, label!, until)", key);
        }
    }
    return filter;
}

}  // namespace nau::subcommands
