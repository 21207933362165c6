#include "base/error.h"
#include "base/parse.h"
#include "cli/context.h"
#include "engine/volume/volume.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    engine::CreateVolumeOptions volume;
};

void add_pair(std::string_view text, std::map<std::string, std::string>& pairs, bool needs_value) {
    const auto pair = split_once(text, '=');
    if (text.empty() || text.front() == '=' || (needs_value && !pair)) {
        throw Error(ErrorKind::invalid, "{}", needs_value ? "is not KEY=VALUE" : "has no key");
    }
    pairs.insert_or_assign(std::string(pair ? pair->first : text),
                           std::string(pair ? pair->second : ""));
}

cli::Store store_id(std::optional<uint32_t>& target) {
    return [&target](std::string_view text) {
        const auto number = parse_uint64(text);
        if (!number || *number >= UINT32_MAX) {
            throw Error(ErrorKind::invalid, "is no id");
        }
        target = static_cast<uint32_t>(*number);
    };
}

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Make a volume, a directory that outlives containers, and print its name. Without a name "
        "one is made up.");
    flags
        .parsed("-d,--driver",
                "DRIVER",
                "Where the volume is kept: local",
                [](std::string_view text) {
                    if (text != "local") {
                        throw Error(
                            ErrorKind::unsupported, "volume driver '{}': nau has only local", text);
                    }
                })
        .defaults_to("local");
    flags.toggle("--ignore",
                 "Do not fail if there is a volume of that name",
                 options.volume.ignores_existing);
    flags
        .parsed("-l,--label",
                "KEY[=VALUE]",
                "Attach a label",
                [&options](std::string_view text) {
                    add_pair(text, options.volume.labels, /*needs_value=*/false);
                })
        .repeatable();
    flags
        .parsed("-o,--opt",
                "KEY=VALUE",
                "Set type, device or o of a file system that is mounted as the volume",
                [&options](std::string_view text) {
                    add_pair(text, options.volume.options, /*needs_value=*/true);
                })
        .repeatable()
        .explain(
            "As mount(8) takes them: type=tmpfs with o=size=64m, type=none with o=bind and "
            "device=/path. Each container mounts it for itself.");
    flags.parsed(
        "--uid", "UID", "Give the volume's directory to this user", store_id(options.volume.uid));
    flags.parsed(
        "--gid", "GID", "Give the volume's directory to this group", store_id(options.volume.gid));
    flags.argument("NAME", options.volume.name).optional();
    flags.example("nau volume create --label app=web data");
}

int run(cli::Context& context, const Options& options) {
    context.out().print("{}\n", engine::create_volume(context.engine(), options.volume));
    return 0;
}

}  // namespace

constinit const cli::Command volume_create =
    cli::make_command<Options, declare, run>("Make a volume");

}  // namespace nau::subcommands
