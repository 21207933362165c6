#include "subcommands/flags/filters.h"

#include "base/error.h"
#include "base/parse.h"
#include "base/time.h"
#include "cli/human.h"

namespace nau::subcommands {

void declare_filters(cli::FlagSet& flags,
                     std::string_view names,
                     std::string_view description,
                     Filters& filters) {
    flags
        .parsed(names,
                "KEY=VALUE",
                description,
                [&filters](std::string_view text) {
                    const auto pair = split_once(text, '=');
                    if (!pair || pair->first.empty()) {
                        throw Error(ErrorKind::invalid, "is not KEY=VALUE");
                    }
                    // "24h" is before now; further down there are only moments.
                    filters.emplace_back(
                        pair->first,
                        pair->first == "until"
                            ? format_rfc3339(cli::parse_moment(pair->second, SystemClock().now()))
                            : std::string(pair->second));
                })
        .repeatable();
}

}  // namespace nau::subcommands
