#include <limits>

#include "base/error.h"
#include "base/parse.h"
#include "subcommands/flags/create_flags.h"

namespace nau::subcommands {

namespace {

using engine::ResourceOptions;

/// Below this no process starts; docker draws the line here too.
constexpr int64_t kSmallestMemory = 6 << 20;

int64_t parse_memory(std::string_view text) {
    const uint64_t bytes = parse_size_bytes(text);
    if (bytes > uint64_t{std::numeric_limits<int64_t>::max()}) {
        throw Error(ErrorKind::invalid, "is too large");
    }
    return static_cast<int64_t>(bytes);
}

/// 0 means no limit, as in podman and docker.
std::optional<int64_t> parse_memory_limit(std::string_view text) {
    const int64_t bytes = parse_memory(text);
    if (bytes != 0 && bytes < kSmallestMemory) {
        throw Error(ErrorKind::invalid, "the smallest limit is 6m");
    }
    return bytes == 0 ? std::nullopt : std::optional(bytes);
}

void declare_memory_flags(cli::FlagSet& flags, ResourceOptions& resources) {
    flags.parsed(
        "-m,--memory",
        "BYTES",
        "Limit the memory; the number may end in b, k, m or g",
        [&resources](std::string_view text) { resources.memory_bytes = parse_memory_limit(text); });
    flags
        .parsed("--memory-swap",
                "BYTES",
                "Limit memory and swap together; -1 is without limit",
                [&resources](std::string_view text) {
                    const int64_t bytes = text == "-1" ? -1 : parse_memory(text);
                    resources.memory_swap_bytes = bytes == 0 ? std::nullopt : std::optional(bytes);
                })
        .explain("It needs --memory. The default is twice the memory.");
    flags.parsed("--memory-reservation",
                 "BYTES",
                 "Give memory back down to this when the machine runs short",
                 [&resources](std::string_view text) {
                     const int64_t bytes = parse_memory(text);
                     resources.memory_reservation_bytes =
                         bytes == 0 ? std::nullopt : std::optional(bytes);
                 });
    flags
        .parsed("--memory-swappiness",
                "NUMBER",
                "Swap sooner (100) or later (0); -1 leaves it to the machine",
                [&resources](std::string_view text) {
                    constexpr int64_t kMost = 100;
                    const auto number = parse_int64(text);
                    if (!number || *number < -1 || *number > kMost) {
                        throw Error(ErrorKind::invalid, "is not from 0 to 100");
                    }
                    resources.memory_swappiness =
                        *number < 0 ? std::nullopt : std::optional(static_cast<uint64_t>(*number));
                })
        .explain("Control groups of version 1 only; on version 2 it is refused at the start.");
    flags
        .toggle("--oom-kill-disable",
                "Let processes wait for memory instead of killing them",
                resources.disables_oom_killer)
        .explain("Control groups of version 1 only; on version 2 it is refused at the start.");
}

void declare_cpu_flags(cli::FlagSet& flags, ResourceOptions& resources) {
    flags.value("--cpus", "NUMBER", "Limit the use of processors, such as 1.5", resources.cpus)
        .explain("The same as a --cpu-quota of so many --cpu-periods.");
    flags.value("-c,--cpu-shares",
                "NUMBER",
                "Weight against other containers when processors are short",
                resources.cpu_shares);
    flags.value("--cpu-quota",
                "MICROSECONDS",
                "Limit the use of processors in each period",
                resources.cpu_quota_us);
    flags.value("--cpu-period",
                "MICROSECONDS",
                "Length of the period of --cpu-quota",
                resources.cpu_period_us);
    flags.value("--cpu-rt-period",
                "MICROSECONDS",
                "Length of the period of --cpu-rt-runtime",
                resources.cpu_rt_period_us);
    flags
        .value("--cpu-rt-runtime",
               "MICROSECONDS",
               "Limit the use of processors by real-time tasks in each period",
               resources.cpu_rt_runtime_us)
        .explain("Control groups of version 1 only; on version 2 it is refused at the start.");
    flags.value(
        "--cpuset-cpus", "LIST", "Use only these processors, such as 0-2,5", resources.cpuset_cpus);
    flags.value("--cpuset-mems",
                "LIST",
                "Use only the memory of these nodes, such as 0,1",
                resources.cpuset_mems);
}

}  // namespace

void declare_limit_flags(cli::FlagSet& flags, ResourceOptions& resources) {
    declare_memory_flags(flags, resources);
    declare_cpu_flags(flags, resources);
    flags.parsed("--pids-limit",
                 "NUMBER",
                 "Limit the number of processes; -1 is without limit, and 2048 what a container "
                 "gets unasked",
                 [&resources](std::string_view text) {
                     const auto number = parse_int64(text);
                     if (!number || *number < -1) {
                         throw Error(ErrorKind::invalid, "is neither a number nor -1");
                     }
                     resources.pids_limit = *number == 0 ? -1 : *number;
                 });
    flags
        .parsed("--cgroup-conf",
                "FILE=VALUE",
                "Write to a file of the container's control group",
                [&resources](std::string_view text) {
                    const auto pair = split_once(text, '=');
                    if (!pair || pair->first.empty() || pair->first.find('/') != text.npos) {
                        throw Error(ErrorKind::invalid, "is not FILE=VALUE");
                    }
                    resources.cgroup_files.insert_or_assign(std::string(pair->first),
                                                            std::string(pair->second));
                })
        .repeatable()
        .explain("Such as memory.high=1073741824. Control groups of version 2 only.");
    declare_block_io_flags(flags, resources.block_io);
}

void declare_resource_flags(cli::FlagSet& flags, CreateFlags& create) {
    auto& resources = create.options.resources;
    flags.section("Resources");
    declare_limit_flags(flags, resources);
    flags.value("--oom-score-adj",
                "NUMBER",
                "Make the kernel choose the process sooner (up to 1000) or later (down to -1000) "
                "when memory runs out",
                resources.oom_score_adj);
    flags
        .parsed("--shm-size",
                "BYTES",
                "Size of /dev/shm",
                [&resources](std::string_view text) {
                    resources.shm_size_bytes = parse_size_bytes(text);
                })
        .defaults_to("64m");
    flags
        .parsed("--ulimit",
                "NAME=SOFT[:HARD]",
                "Limit what one process may use, such as nofile=1024:2048",
                [&resources](std::string_view text) {
                    resources.ulimits.push_back(engine::parse_ulimit_flag(text));
                })
        .repeatable()
        .explain(
            "Names are those of getrlimit(2) without RLIMIT_, in small letters; -1 is "
            "without limit.");
    flags.value("--cgroup-parent",
                "PATH",
                "Make the container's control group below this one",
                resources.cgroup_parent);
    flags
        .parsed("--cgroups",
                "MODE",
                "Whether to make control groups: enabled, no-conmon (the same)",
                [](std::string_view text) {
                    if (text == "disabled" || text == "split") {
                        throw Error(ErrorKind::unsupported,
                                    "'{}': every container of nau has control groups of its own",
                                    text)
                            .with_hint("--cgroup-parent says where they are made");
                    }
                    if (text != "enabled" && text != "no-conmon") {
                        throw Error(ErrorKind::invalid,
                                    "'{}' is none of enabled, no-conmon, disabled, split",
                                    text);
                    }
                })
        .defaults_to("enabled")
        .explain("A monitor is never in the control groups of its container.");
    flags.value("--rdt-class",
                "NAME",
                "Use this class of the processor's resource control (RDT)",
                resources.rdt_class);
}

void check_resources(const ResourceOptions& resources) {
    const auto fail = [](const char* text) { throw Error(ErrorKind::invalid, "{}", text); };
    if (resources.cpus && (resources.cpu_quota_us || resources.cpu_period_us)) {
        fail("--cpus and --cpu-quota or --cpu-period cannot be set together");
    }
    if (resources.cpus && *resources.cpus < 0.01 && *resources.cpus != 0) {
        fail("--cpus: the smallest share is 0.01");
    }
    if (resources.memory_swap_bytes && *resources.memory_swap_bytes > 0) {
        if (!resources.memory_bytes) {
            fail("--memory-swap needs --memory");
        }
        if (*resources.memory_swap_bytes < *resources.memory_bytes) {
            fail("--memory-swap is smaller than --memory, which it includes");
        }
    }
    if (resources.memory_reservation_bytes && resources.memory_bytes &&
        *resources.memory_reservation_bytes > *resources.memory_bytes) {
        fail("--memory-reservation is larger than --memory");
    }
    if (resources.disables_oom_killer && !resources.memory_bytes) {
        fail("--oom-kill-disable needs --memory: without a limit the whole machine would hang");
    }
    if (resources.oom_score_adj &&
        (*resources.oom_score_adj < -1000 || *resources.oom_score_adj > 1000)) {
        fail("--oom-score-adj is not between -1000 and 1000");
    }
}

}  // namespace nau::subcommands
