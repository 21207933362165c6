#include <array>
#include <cerrno>

#include "base/error.h"
#include "cli/context.h"
#include "cli/interrupt.h"
#include "cli/usage_error.h"
#include "engine/image/save_image.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct Options {
    engine::SaveOptions save;
    bool is_multi = false;
    bool is_quiet = false;
};

constexpr std::array kRefused = {
    cli::RefusedFlag{"--compress", "layers are saved as they were fetched"},
    cli::RefusedFlag{"--uncompressed", "layers are saved as they were fetched"},
    cli::RefusedFlag{"--platform", "an image here is for one platform"},
    cli::RefusedFlag{"--signature-policy", ""},
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Write images with all their layers into a file or a directory, from which 'nau load', "
        "podman, docker and other tools read them. Layers and manifests go out byte by byte as "
        "they "
        "were fetched, so that digests stay, and equal images give equal archives.");
    flags
        .parsed("--format",
                "FORMAT",
                "What to write",
                [&options](std::string_view text) {
                    options.save.format = engine::parse_archive_format(text);
                })
        .defaults_to("docker-archive")
        .one_of({"docker-archive", "oci-archive", "oci-dir", "docker-dir"})
        .explain(
            "docker-archive is an OCI layout with docker's own lists beside; docker-dir is what "
            "skopeo calls dir: and holds one image. In the OCI formats an image with docker's "
            "media types gets a manifest with OCI's; its layers and its id stay.");
    flags.toggle("-m,--multi-image-archive",
                 "Several images in one archive, as nau always writes them",
                 options.is_multi);
    flags
        .value("-o,--output",
               "PATH",
               "Write to this file or directory instead of standard output",
               options.save.output)
        .completes(cli::Complete::file);
    flags.toggle("-q,--quiet", "Print nothing, as nau always does", options.is_quiet);
    flags.refuse(kRefused);
    flags.arguments("IMAGE", options.save.names).completes(cli::Complete::image);
    flags.example("nau save -o images.tar alpine:3.20 busybox");
    flags.example("nau save alpine:3.20 | ssh host nau load");
}

int run(cli::Context& context, const Options& options) {
    engine::SaveOptions save = options.save;
    if (save.output.empty()) {
        save.output = "-";
    }
    const bool is_stream = save.output == "-";
    if (is_stream && context.out().is_terminal()) {
        throw cli::UsageError(
            "nau save", "an archive is not for a terminal: redirect it, or name a file with -o");
    }
    std::stop_source stop;
    const cli::InterruptWatch watch(stop);
    try {
        engine::save_images(context.engine(), save, stop.get_token());
    } catch (const SysError& error) {
        if (is_stream && error.error() == EPIPE) {
            throw cli::OutputClosed();
        }
        throw;
    }
    return 0;
}

}  // namespace

constinit const cli::Command save =
    cli::make_command<Options, declare, run>("Write images into an archive");

}  // namespace nau::subcommands
