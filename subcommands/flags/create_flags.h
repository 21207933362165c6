#pragma once

// The flags of run and create, and those of them that exec shares, by topic. What is parsed goes
// straight into the engine's options; what needs the caller's environment or files is finished when
// the command runs.

#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/flag_set.h"
#include "engine/container/run_container.h"
#include "engine/spec/create_options.h"
#include "subcommands/flags/platform.h"

namespace nau::subcommands {

/// -e, --env-file, -u, -w, -i, -t: what run, create and exec have in common.
struct ProcessFlags {
    engine::ProcessOptions options;
    std::vector<std::string> env;
    std::vector<std::string> env_files;
    std::vector<std::string> merge_env;
    bool passes_host_env = false;
    bool passes_proxy_env =
        false;  ///< run and create: the caller's proxies, unless --http-proxy=false
};
void declare_process_flags(cli::FlagSet& flags, ProcessFlags& process);
/// Reads the files and the caller's environment. @throws Error
engine::ProcessOptions finish_process(const cli::Context& context, const ProcessFlags& flags);

struct CreateFlags {
    engine::CreateOptions options;
    ProcessFlags process;
    std::vector<std::string> labels;
    std::vector<std::string> label_files;
    bool is_quiet = false;
    std::string cid_file;
    bool ignores_content_trust = true;
    PlatformFlags platform;
    std::optional<std::chrono::seconds> stop_timeout;
};

/// All topics, the positional arguments, and the flags that are refused.
void declare_create_flags(cli::FlagSet& flags, CreateFlags& create);
/// @throws Error{invalid} for flags that contradict each other
engine::CreateOptions finish_create(cli::Context& context, const CreateFlags& flags);

// One topic each.
void declare_record_flags(cli::FlagSet& flags, CreateFlags& create);
void declare_image_flags(cli::FlagSet& flags, CreateFlags& create);
void declare_start_flags(cli::FlagSet& flags, CreateFlags& create);
void declare_resource_flags(cli::FlagSet& flags, CreateFlags& create);
/// Those that can be changed while a container runs: `update` takes them as well.
void declare_limit_flags(cli::FlagSet& flags, engine::ResourceOptions& resources);
void declare_block_io_flags(cli::FlagSet& flags, engine::BlockIoOptions& block_io);
void declare_mount_flags(cli::FlagSet& flags, CreateFlags& create);
void declare_network_flags(cli::FlagSet& flags, CreateFlags& create);
void declare_security_flags(cli::FlagSet& flags, CreateFlags& create);
void declare_restart_flag(cli::FlagSet& flags, CreateFlags& create);
void declare_health_flags(cli::FlagSet& flags, CreateFlags& create);
/// --passwd, --passwd-entry, --group-entry, --hostuser.
void declare_account_flags(cli::FlagSet& flags, engine::AccountOptions& accounts);
void declare_log_flags(cli::FlagSet& flags, CreateFlags& create);
void refuse_unknown_flags(cli::FlagSet& flags);

void check_security(const engine::SecurityOptions& security);
void check_resources(const engine::ResourceOptions& resources);
void check_supervision(const engine::CreateOptions& options);
void check_network(const engine::CreateOptions& options);
/// A directory in place of an image. @throws Error{invalid}
void finish_rootfs(engine::CreateOptions& options);
void finish_mounts(std::vector<engine::MountRequest>& mounts);
void read_labels(const CreateFlags& flags, std::map<std::string, std::string>& labels);

// Of run, start, attach and exec.
/// --preserve-fds and --preserve-fd.
void declare_preserved_fds(cli::FlagSet& flags, std::vector<int>& fds);
void declare_detach_keys(cli::FlagSet& flags, std::string& keys);
void declare_signal_proxy(cli::FlagSet& flags, bool& forwards);

}  // namespace nau::subcommands
