#include "subcommands/container/mount_rows.h"

#include <nlohmann/json.hpp>

#include "cli/listing.h"
#include "cli/table.h"

namespace nau::subcommands {

namespace {

constexpr size_t kShortId = 12;

}  // namespace

void declare_mount_display(cli::FlagSet& flags, MountDisplay& display) {
    flags.value("--format", "TEMPLATE", "Print json, or what a Go template says", display.format)
        .explain("Fields: .id .Names .mountpoint");
    flags.toggle("--no-trunc", "Do not shorten ids", display.is_whole);
    flags.toggle("--notruncate", "The same", display.is_whole).hidden();
}

void print_mounts(cli::Context& context,
                  const MountDisplay& display,
                  const std::vector<engine::MountedRoot>& mounts) {
    if (display.format.empty()) {
        cli::Table table;
        for (const auto& mounted : mounts) {
            table.add_row(
                {display.is_whole ? mounted.id : mounted.id.substr(0, kShortId), mounted.path});
        }
        context.out().write(table.text());
        return;
    }
    nlohmann::json rows = nlohmann::json::array();
    for (const auto& mounted : mounts) {
        rows.push_back(
            {{"id", mounted.id}, {"Names", mounted.names}, {"mountpoint", mounted.path}});
    }
    if (cli::list_format_of(display.format) == cli::ListFormat::json) {
        cli::print_json(context.out(), rows);
        return;
    }
    const nlohmann::json headings = {
        {"id", "ID"}, {"Names", "NAMES"}, {"mountpoint", "MOUNTPOINT"}};
    cli::print_custom_list(context.out(), display.format, headings, rows, true);
}

}  // namespace nau::subcommands
