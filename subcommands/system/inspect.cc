#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/context.h"
#include "cli/each.h"
#include "cli/exit_code.h"
#include "cli/listing.h"
#include "cli/usage_error.h"
#include "engine/container/containers.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

enum class Kind { all, container, image };

struct Options {
    Kind kind = Kind::all;
    std::vector<std::string> names;
    bool has_size = false;
    bool is_latest = false;
    std::string format;
};

void declare_common(cli::FlagSet& flags, Options& options) {
    flags.value("-f,--format",
                "TEMPLATE",
                "Print what a Go template says of each object, or json",
                options.format);
    flags.example("nau inspect --format '{{.State.Status}}' web");
}

void declare_container_flags(cli::FlagSet& flags, Options& options) {
    flags.toggle("-s,--size", "Tell the size of what a container has written", options.has_size);
    flags.toggle("-l,--latest", "Take the container that was created last", options.is_latest);
}

void declare_all(cli::FlagSet& flags, Options& options) {
    flags.description("Print all that is known of containers or images as a JSON list.");
    declare_common(flags, options);
    declare_container_flags(flags, options);
    flags
        .parsed("-t,--type",
                "TYPE",
                "Look for this kind of object only",
                [&options](std::string_view text) {
                    options.kind = text == "all"     ? Kind::all
                                   : text == "image" ? Kind::image
                                                     : Kind::container;
                })
        .one_of({"all", "container", "image"})
        .defaults_to("all");
    flags.arguments("NAME", options.names).optional().completes(cli::Complete::container);
    flags.usage("NAME...");
}

void declare_container(cli::FlagSet& flags, Options& options) {
    options.kind = Kind::container;
    flags.description("Print all that is known of containers as a JSON list.");
    declare_common(flags, options);
    declare_container_flags(flags, options);
    flags.arguments("CONTAINER", options.names).optional().completes(cli::Complete::container);
    flags.usage("CONTAINER...");
}

void declare_image(cli::FlagSet& flags, Options& options) {
    options.kind = Kind::image;
    flags.description("Print all that is known of images as a JSON list.");
    declare_common(flags, options);
    flags.arguments("IMAGE", options.names).completes(cli::Complete::image);
}

nlohmann::json inspect_any(cli::Context& context, const Options& options, const std::string& name) {
    engine::Engine& engine = context.engine();
    if (options.kind == Kind::image) {
        return engine::inspect_image(engine, name);
    }
    if (options.kind == Kind::container) {
        return engine::inspect_container(engine, name, options.has_size);
    }
    try {
        return engine::inspect_container(engine, name, options.has_size);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::not_found) {
            throw;
        }
    }
    try {
        return engine::inspect_image(engine, name);
    } catch (const Error& error) {
        // A text that cannot name an image was meant to name a container.
        if (error.kind() != ErrorKind::not_found && error.kind() != ErrorKind::invalid) {
            throw;
        }
        throw Error(ErrorKind::not_found, "no container and no image with name or id '{}'", name);
    }
}

int run(cli::Context& context, const Options& options) {
    std::vector<std::string> names = options.names;
    if (options.is_latest) {
        names.push_back(engine::latest_container_id(context.engine()));
    }
    if (names.empty()) {
        throw cli::UsageError("nau inspect", "'nau inspect' needs at least one NAME");
    }
    nlohmann::json objects = nlohmann::json::array();
    const bool has_template = !options.format.empty() && options.format != "json";
    const int worst = cli::for_each_object(
        context,
        names,
        [&](const std::string& name) {
            nlohmann::json object = inspect_any(context, options, name);
            if (has_template) {
                cli::print_object(context.out(), options.format, object);
            } else {
                objects.push_back(std::move(object));
            }
        },
        cli::exit_code_of);
    if (!has_template) {
        cli::print_json(context.out(), objects);
    }
    return worst;
}

}  // namespace

constinit const cli::Command inspect = cli::make_command<Options, declare_all, run>(
    "Print all that is known of containers and images");
constinit const cli::Command container_inspect =
    cli::make_command<Options, declare_container, run>("Print all that is known of containers");
constinit const cli::Command image_inspect =
    cli::make_command<Options, declare_image, run>("Print all that is known of images");

}  // namespace nau::subcommands
