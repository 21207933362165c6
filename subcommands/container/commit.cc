#include <array>

#include "cli/context.h"
#include "cli/files.h"
#include "cli/interrupt.h"
#include "engine/container/commit_container.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    engine::CommitOptions commit;
    std::string id_file;
    bool is_quiet = false;
};

constexpr std::array kRefused = {
    cli::RefusedFlag{"--include-volumes", "volumes are no part of an image"},
    cli::RefusedFlag{"--config", "use --change"},
};

void declare(cli::FlagSet& flags, Options& options) {
    engine::CommitOptions& commit = options.commit;
    flags.description(
        "Make an image of what a container has become, and print its id: its changes are a new "
        "layer, and what it was told to run is what containers of the image run. Volumes and "
        "mounts "
        "are left out. A running container stands still meanwhile.");
    flags.value("-a,--author", "TEXT", "Who made it: \"Name <mail>\"", commit.author);
    flags.list("-c,--change", "INSTRUCTION", "Apply this instruction to the image", commit.changes)
        .repeatable()
        .explain(
            "As a Containerfile has it: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, "
            "SHELL, STOPSIGNAL, USER, VOLUME, WORKDIR.");
    flags
        .parsed("-f,--format",
                "FORMAT",
                "Media types of the manifest",
                [&commit](std::string_view text) { commit.is_docker_format = text == "docker"; })
        .defaults_to("oci")
        .one_of({"oci", "docker"});
    flags.value("--iidfile", "FILE", "Write the image id to this file", options.id_file)
        .completes(cli::Complete::file);
    flags.value("-m,--message", "TEXT", "Comment for the history", commit.message);
    flags.toggle("-p,--pause", "Let a running container stand still meanwhile", commit.pauses)
        .defaults_to("true");
    flags.toggle("-q,--quiet", "Print nothing but the id, as nau always does", options.is_quiet);
    flags.toggle("-s,--squash",
                 "Make one layer of all files instead of one of the changes",
                 commit.is_squashed);
    flags.refuse(kRefused);
    flags.argument("CONTAINER", commit.container).completes(cli::Complete::container);
    flags.argument("IMAGE", commit.name).optional();
    flags.example("nau commit -m 'with tools' -c 'CMD [\"bash\"]' work example.com/tools:1");
}

int run(cli::Context& context, const Options& options) {
    cli::IdFile id_file(options.id_file);
    std::stop_source stop;
    std::string id;
    {
        const cli::InterruptWatch watch(stop);
        id = engine::commit_container(context.engine(), options.commit, stop.get_token()).hex();
    }
    id_file.write("sha256:" + id);
    context.out().print("{}\n", id);
    return 0;
}

}  // namespace

constinit const cli::Command commit =
    cli::make_command<Options, declare, run>("Make an image of a container");

}  // namespace nau::subcommands
