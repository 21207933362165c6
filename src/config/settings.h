#pragma once

// What the administrator and the environment say about this invocation: read once, never changed.
// Each layer overrides the one before it; the command line, the last one, is cli's business.
//
//   built-in defaults ─▶ one file: $NAU_CONF, or else ~/.config/nau/nau.conf for a user who is not
//   root, or else /etc/nau/nau.conf ─▶ NAU_ROOT, NAU_RUNROOT, NAU_NAMESPACE, NAU_LOG_LEVEL,
//   NAU_STORAGE_DRIVER
//
// The file holds "key = value" lines; nau.conf(5) lists the keys. What is not understood is an
// error that names file and line: a misspelt limit that is silently ignored is no limit.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "base/log.h"
#include "config/registries.h"

namespace nau::config {

inline constexpr const char* kSystemConfPath = "/etc/nau/nau.conf";

struct Settings {
    std::string graph_root = "/var/lib/nau";  ///< durable state; an absolute path
    std::string run_root = "/run/nau";        ///< gone at boot; an absolute path
    std::string name_space = "default";       ///< the tenant
    log::Level log_level = log::Level::warn;

    int64_t log_max_size_bytes = 16 << 20;  ///< of one container log file; 0: no limit
    int log_max_files = 3;                  ///< the current one included

    std::string default_network = "bridge";      ///< of containers that do not say
    std::string default_publish_address = {};    ///< of -p without address; empty: all addresses
    std::vector<std::string> subnet_pools = {};  ///< "BASE/LENGTH,LENGTH"; empty: built in

    std::string storage_driver = {};  ///< "overlay", "vfs"; empty: what the file system can
    std::vector<std::string> additional_image_stores = {};  ///< read-only; absolute paths

    unsigned max_concurrent_downloads = 0;  ///< 0: by the number of processors
    Registries registries;

    friend bool operator==(const Settings&, const Settings&) = default;
};

/// The part of the process's environment that settings depend on; a value, so that tests need none.
/// An empty variable counts as absent.
struct Environment {
    uid_t uid = 0;
    std::optional<std::string> conf = {};            ///< NAU_CONF
    std::optional<std::string> root = {};            ///< NAU_ROOT
    std::optional<std::string> run_root = {};        ///< NAU_RUNROOT
    std::optional<std::string> name_space = {};      ///< NAU_NAMESPACE
    std::optional<std::string> log_level = {};       ///< NAU_LOG_LEVEL
    std::optional<std::string> storage_driver = {};  ///< NAU_STORAGE_DRIVER
    std::optional<std::string> home = {};
    std::optional<std::string> xdg_config_home = {};
    std::optional<std::string> xdg_data_home = {};
    std::optional<std::string> xdg_runtime_dir = {};
    std::optional<std::string> registries_conf = {};  ///< CONTAINERS_REGISTRIES_CONF
};

/// Of this process, with its effective user id.
Environment read_environment();

/// For root /var/lib/nau and /run/nau; for others below $XDG_DATA_HOME (~/.local/share) and
/// $XDG_RUNTIME_DIR (/run/user/UID). Pure.
Settings default_settings(const Environment& environment);

/// Applies the text of a settings file to `settings`. Pure. @param file names it in errors
/// @throws Error{invalid} "FILE:LINE: what is wrong"
Settings parse_settings(std::string_view text, std::string_view file, Settings settings);

/// Applies the environment's variables to `settings`. Pure.
/// @throws Error{invalid} naming the variable
Settings apply_environment(const Environment& environment, Settings settings);

/// All layers. Opens at most two names and reads at most one file. @throws Error{not_found} when
/// NAU_CONF names no file, Error{invalid}, SysError
Settings load_settings(const Environment& environment);

/// containerd's grammar of identifiers: letters, digits and single separators "-._" between them,
/// at most 76 bytes.
bool is_valid_namespace(std::string_view name) noexcept;

/// @throws Error{invalid} unless it is overlay or vfs
std::string parse_storage_driver(std::string_view text);
/// "imagestore=DIR", also in podman's words for it; returns the directory.
/// @throws Error{invalid} for anything else
std::string parse_storage_option(std::string_view text);

}  // namespace nau::config
