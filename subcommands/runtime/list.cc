#include <algorithm>

#include <nlohmann/json.hpp>

#include "cli/context.h"
#include "cli/listing.h"
#include "engine/oci_runtime/observe.h"
#include "subcommands/declarations.h"
#include "subcommands/runtime/verb.h"

namespace nau::subcommands {

namespace {

struct Options {
    runtime::Globals globals;
    std::string format = "table";
    bool is_quiet = false;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description("List the containers below --root.");
    flags.value("-f,--format", "FORMAT", "Print a table or json", options.format)
        .defaults_to("table")
        .one_of({"table", "json"});
    flags.toggle("-q,--quiet", "Print ids only", options.is_quiet);
    runtime::declare_globals(flags, options.globals);
    flags.example("nau runtime list --format json");
}

void print_row(cli::Output& out, const nlohmann::json& row, size_t id_width) {
    out.print("{:<{}}  {:<10}  {:<8}  {}  {}  {}\n",
              row["id"].get<std::string>(),
              id_width,
              row["pid"].get<int>(),
              row["status"].get<std::string>(),
              row["bundle"].get<std::string>(),
              row["created"].get<std::string>(),
              row["owner"].get<std::string>());
}

void print_list(cli::Output& out, const Options& options, const std::vector<nlohmann::json>& list) {
    if (options.is_quiet) {
        for (const auto& row : list) {
            out.print("{}\n", row["id"].get<std::string>());
        }
        return;
    }
    if (options.format == "json") {
        // runc writes null for no container, and its readers know it.
        cli::print_json(out, list.empty() ? nlohmann::json() : nlohmann::json(list));
        return;
    }
    size_t width = 2;
    for (const auto& row : list) {
        width = std::max(width, row["id"].get<std::string>().size());
    }
    out.print("{:<{}}  {:<10}  {:<8}  BUNDLE  CREATED  OWNER\n", "ID", width, "PID", "STATUS");
    for (const auto& row : list) {
        print_row(out, row, width);
    }
}

int run(cli::Context& context, const Options& options) {
    return runtime::run_verb(options.globals, [&] {
        print_list(context.out(),
                   options,
                   engine::oci_runtime::list_containers(runtime::state_root(options.globals)));
        return 0;
    });
}

}  // namespace

constinit const cli::Command runtime_list =
    cli::make_command<Options, declare, run>("List containers");

}  // namespace nau::subcommands
