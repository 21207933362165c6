#include "subcommands/flags/registry.h"

#include <algorithm>

#include "base/error.h"
#include "base/parse.h"

namespace nau::subcommands {

namespace {

constexpr uint64_t kMaxRetries = 100;

int parse_retries(std::string_view text) {
    const auto number = parse_uint64(text);
    if (!number || *number > kMaxRetries) {
        throw Error(ErrorKind::invalid, "is not a number from 0 to {}", kMaxRetries);
    }
    return static_cast<int>(*number);
}

/// "5s", or seconds without a unit.
std::chrono::milliseconds parse_delay(std::string_view text) {
    if (const auto seconds = parse_uint64(text)) {
        constexpr uint64_t kMaxSeconds = 24 * 3600;
        return std::chrono::seconds(std::min(*seconds, kMaxSeconds));
    }
    return std::chrono::ceil<std::chrono::milliseconds>(parse_duration(text));
}

}  // namespace

void declare_registry_flags(cli::FlagSet& flags, engine::RegistryFlags& options) {
    flags.toggle("--tls-verify", "Insist on verified TLS of registries", options.tls_verify)
        .defaults_to("as registries.conf says")
        .explain(
            "With =false certificates are not checked, and plain HTTP will do. Without the flag "
            "registries on this machine itself may speak plain HTTP as well.");
    flags.value("--creds",
                "USER[:PASSWORD]",
                "Log in to the registry with these credentials",
                options.creds);
    flags.value("--authfile", "FILE", "Look for credentials in this file", options.authfile)
        .completes(cli::Complete::file);
    flags
        .value("--cert-dir",
               "DIR",
               "Look for certificates of registries in this directory",
               options.cert_dir)
        .completes(cli::Complete::directory);
}

void declare_retry_flags(cli::FlagSet& flags, engine::RegistryFlags& options) {
    flags
        .parsed("--retry",
                "NUMBER",
                "Try again so often when the network or the registry fails",
                [&options](std::string_view text) { options.retries = parse_retries(text); })
        .defaults_to("4")
        .explain("Each further MiB that was fetched allows as many failures again.");
    flags
        .parsed("--retry-delay",
                "DURATION",
                "Wait so long in between, unless the registry says how long",
                [&options](std::string_view text) { options.retry_delay = parse_delay(text); })
        .defaults_to("0.5s, then ever longer");
}

}  // namespace nau::subcommands
