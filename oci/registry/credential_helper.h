#pragma once

// The programs in which users keep their credentials: docker-credential-NAME with the verbs get,
// store, erase and list, JSON on standard input and output. They are the one kind of program that
// nau starts, because the user himself has put its name into his configuration.

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "oci/registry/credentials.h"

namespace nau::oci {

/// Looked for in `environment`'s PATH.
class CredentialHelper {
  public:
    /// @param name "secretservice" of docker-credential-secretservice
    /// @throws Error{invalid} for a name that is no part of a file name, Error{not_found}
    CredentialHelper(std::string_view name, const EnvironmentLookup& environment);

    // `server` as the configuration names it. @throws Error{unavailable} with what the helper said
    std::optional<Credentials> get(std::string_view server) const;
    void store(std::string_view server, const Credentials& credentials) const;
    void erase(std::string_view server) const;
    /// Server → user name.
    std::map<std::string, std::string> list() const;

  private:
    struct Answer {
        bool is_success = false;
        std::string output;
    };
    Answer run(const char* verb, std::string_view input) const;
    std::string run_or_throw(const char* verb, std::string_view input) const;

    std::string program_;  ///< "docker-credential-NAME"
    std::string path_;
};

/// What "get" prints. nullopt: it knows the server without a user. Pure. @throws Error{corrupt}
std::optional<Credentials> parse_helper_answer(std::string_view text, std::string_view program);

}  // namespace nau::oci
