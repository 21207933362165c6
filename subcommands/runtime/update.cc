#include "base/parse.h"
#include "cli/context.h"
#include "engine/oci_runtime/update_container.h"
#include "subcommands/declarations.h"
#include "subcommands/runtime/verb.h"

namespace nau::subcommands {

namespace {

struct Options {
    runtime::Globals globals;
    std::string id;
    std::string file;
    oci::spec::MemoryResources memory;
    oci::spec::CpuResources cpu;
    std::optional<int64_t> pids_limit;
    std::optional<uint64_t> block_io_weight;
    bool has_memory = false;
    bool has_cpu = false;
};

/// Sizes as people write them, and -1 for none.
void declare_size(cli::FlagSet& flags,
                  std::string_view name,
                  std::string_view description,
                  std::optional<int64_t>& target,
                  bool& is_given) {
    flags.parsed(name, "BYTES", description, [&target, &is_given](std::string_view text) {
        target = text == "-1" ? -1 : static_cast<int64_t>(parse_size_bytes(text));
        is_given = true;
    });
}

template <typename Number>
void declare_number(cli::FlagSet& flags,
                    std::string_view name,
                    std::string_view description,
                    std::optional<Number>& target,
                    bool& is_given) {
    flags.parsed(name, "NUMBER", description, [&target, &is_given](std::string_view text) {
        const auto number = parse_int64(text);
        if (!number || (!std::is_signed_v<Number> && *number < 0)) {
            throw Error(ErrorKind::invalid, "is no number that fits");
        }
        target = static_cast<Number>(*number);
        is_given = true;
    });
}

void declare_list(cli::FlagSet& flags,
                  std::string_view name,
                  std::string_view description,
                  std::string& target,
                  bool& is_given) {
    flags.parsed(name, "LIST", description, [&target, &is_given](std::string_view text) {
        target = std::string(text);
        is_given = true;
    });
}

void declare(cli::FlagSet& flags, Options& o) {
    flags.description("Change the limits of a container.");
    flags
        .value("-r,--resources",
               "FILE",
               "Read them from this file, an object as linux.resources of config.json",
               o.file)
        .completes(cli::Complete::file)
        .explain("- reads standard input. What other flags say is ignored then.");
    declare_size(flags, "--memory", "Memory limit", o.memory.limit, o.has_memory);
    declare_size(flags, "--memory-reservation", "Soft limit", o.memory.reservation, o.has_memory);
    declare_size(flags, "--memory-swap", "Memory and swap", o.memory.swap, o.has_memory);
    declare_number(flags, "--cpu-shares", "Relative weight", o.cpu.shares, o.has_cpu);
    declare_number(flags, "--cpu-share", "The same", o.cpu.shares, o.has_cpu);
    declare_number(flags, "--cpu-period", "Period in microseconds", o.cpu.period, o.has_cpu);
    declare_number(flags, "--cpu-quota", "Microseconds per period", o.cpu.quota, o.has_cpu);
    declare_number(flags, "--cpu-burst", "Microseconds to save up", o.cpu.burst, o.has_cpu);
    declare_number(flags, "--cpu-rt-period", "Period", o.cpu.realtime_period, o.has_cpu);
    declare_number(flags, "--cpu-rt-runtime", "Runtime", o.cpu.realtime_runtime, o.has_cpu);
    declare_number(flags, "--cpu-idle", "1: only when nobody else runs", o.cpu.idle, o.has_cpu);
    declare_list(flags, "--cpuset-cpus", "Processors it may use", o.cpu.cpus, o.has_cpu);
    declare_list(flags, "--cpuset-mems", "Memory nodes it may use", o.cpu.mems, o.has_cpu);
    flags.value("--pids-limit", "NUMBER", "Number of tasks, -1 for no limit", o.pids_limit);
    flags.value("--blkio-weight", "WEIGHT", "Weight of block I/O, 10 to 1000", o.block_io_weight);
    runtime::declare_globals(flags, o.globals);
    flags.argument("ID", o.id);
    flags.example("nau runtime update --memory 256m web");
}

oci::spec::Resources from_flags(const Options& options) {
    oci::spec::Resources resources;
    if (options.has_memory) {
        resources.memory = options.memory;
    }
    if (options.has_cpu) {
        resources.cpu = options.cpu;
    }
    resources.pids_limit = options.pids_limit;
    if (options.block_io_weight) {
        if (*options.block_io_weight > 1000) {
            throw Error(ErrorKind::invalid, "--blkio-weight: is not between 10 and 1000");
        }
        resources.block_io.emplace();
        resources.block_io->weight = static_cast<uint16_t>(*options.block_io_weight);
    }
    engine::oci_runtime::drop_unsaid(resources);
    return resources;
}

int run(cli::Context&, const Options& options) {
    return runtime::run_verb(options.globals, [&] {
        engine::oci_runtime::update_container(runtime::state_root(options.globals),
                                              options.id,
                                              options.file.empty()
                                                  ? from_flags(options)
                                                  : engine::oci_runtime::read_update(options.file));
        return 0;
    });
}

}  // namespace

constinit const cli::Command runtime_update =
    cli::make_command<Options, declare, run>("Change the limits of a container");

}  // namespace nau::subcommands
