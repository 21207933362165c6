#pragma once

// `nau login`, `nau logout`: credentials are tried at the registry before they are kept, in the
// file or the helper program where podman, skopeo and docker look for them as well.

#include <optional>
#include <stop_token>
#include <string>

#include "engine/image/registry_flags.h"

namespace nau::engine {

class Engine;

/// Where credentials are kept.
struct LoginFiles {
    std::string authfile = {};  ///< --authfile; empty: $REGISTRY_AUTH_FILE or the usual place
    std::string compat_auth_file = {};  ///< --compat-auth-file: the same in docker's words
};

/// HOST[:PORT][/NAMESPACE], as it is written into auth files: without scheme, docker's names for
/// its hub replaced. Empty: the one that names without registry mean. @throws Error{invalid}
std::string login_key(Engine& engine, const std::string& registry);

struct LoginOptions {
    std::string key;  ///< of login_key()
    std::string username;
    std::string password;
    LoginFiles files = {};
    RegistryFlags registry = {};
};

/// @returns what they were written to, for people
/// @throws Error{permission_denied} when the registry does not take them, {unavailable}; SysError
std::string log_in(Engine& engine, const LoginOptions& options, std::stop_token stop);

/// Who is logged in, as far as files and helpers know. @throws Error{corrupt}
struct KnownLogin {
    std::string username;
    std::string password;
};
std::optional<KnownLogin> find_login(Engine& engine,
                                     const std::string& key,
                                     const LoginFiles& files);

/// @throws Error{not_found} when there were no credentials
void log_out(Engine& engine, const std::string& key, const LoginFiles& files);
void log_out_everywhere(Engine& engine, const LoginFiles& files);

}  // namespace nau::engine
