#include <nlohmann/json.hpp>

#include "cli/context.h"
#include "cli/each.h"
#include "cli/exit_code.h"
#include "cli/listing.h"
#include "engine/volume/secret.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    std::vector<std::string> names;
    std::string format;
    bool shows_data = false;
    bool is_pretty = false;
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description("Print what is known of secrets as a JSON list, but for what they hold.");
    flags.value("-f,--format",
                "TEMPLATE",
                "Print what a Go template says of each secret, or json",
                options.format);
    flags.toggle("--pretty", "Print lines for people", options.is_pretty);
    flags.toggle("--showsecret", "Print what it holds as well", options.shows_data);
    flags.arguments("SECRET", options.names);
}

int run(cli::Context& context, const Options& options) {
    nlohmann::json objects = nlohmann::json::array();
    const bool has_template = !options.format.empty() && options.format != "json";
    const int worst = cli::for_each_object(
        context,
        options.names,
        [&](const std::string& name) {
            nlohmann::json object =
                engine::inspect_secret(context.engine(), name, options.shows_data);
            if (has_template) {
                cli::print_object(context.out(), options.format, object);
            } else if (options.is_pretty) {
                context.out().write(cli::outline(object));
            } else {
                objects.push_back(std::move(object));
            }
        },
        cli::exit_code_of);
    if (!has_template && !options.is_pretty) {
        cli::print_json(context.out(), objects);
    }
    return worst;
}

}  // namespace

constinit const cli::Command secret_inspect =
    cli::make_command<Options, declare, run>("Print what is known of secrets");

}  // namespace nau::subcommands
