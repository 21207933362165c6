// volume export and volume import: its contents as a tar.

#include <unistd.h>

#include "cli/context.h"
#include "cli/files.h"
#include "cli/usage_error.h"
#include "engine/volume/volume.h"
#include "subcommands/declarations.h"

namespace nau::subcommands {

namespace {

struct ExportOptions {
    std::string name;
    std::string output;
};

void declare_export(cli::FlagSet& flags, ExportOptions& options) {
    flags.description("Write the contents of a volume as a tar to standard output or a file.");
    flags.value("-o,--output", "FILE", "Write to this file", options.output)
        .completes(cli::Complete::file);
    flags.argument("VOLUME", options.name);
    flags.example("nau volume export -o data.tar data");
}

int run_export(cli::Context& context, const ExportOptions& options) {
    if (options.output.empty() || options.output == "-") {
        if (context.out().is_terminal()) {
            throw cli::UsageError("nau volume export", "a tar is not for a terminal: use --output");
        }
        engine::export_volume(context.engine(), options.name, STDOUT_FILENO);
        return 0;
    }
    (void)engine::find_volume_name(context.engine(), options.name);  // before a file is emptied
    const auto file = cli::create_output_file(options.output);
    engine::export_volume(context.engine(), options.name, file.get());
    return 0;
}

struct ImportOptions {
    std::string name;
    std::string source;
};

void declare_import(cli::FlagSet& flags, ImportOptions& options) {
    flags.description("Unpack a tar, which may be compressed, into a volume, over what is in it.");
    flags.argument("VOLUME", options.name);
    flags.argument("SOURCE", options.source).completes(cli::Complete::file);
    flags.usage("VOLUME FILE|-");
    flags.example("nau volume import data data.tar");
}

int run_import(cli::Context& context, const ImportOptions& options) {
    if (options.source == "-") {
        engine::import_volume(context.engine(), options.name, STDIN_FILENO);
        return 0;
    }
    const auto file = cli::open_input_file(options.source);
    engine::import_volume(context.engine(), options.name, file.get());
    return 0;
}

}  // namespace

constinit const cli::Command volume_export =
    cli::make_command<ExportOptions, declare_export, run_export>(
        "Write the contents of a volume as a tar");
constinit const cli::Command volume_import =
    cli::make_command<ImportOptions, declare_import, run_import>("Unpack a tar into a volume");

}  // namespace nau::subcommands
