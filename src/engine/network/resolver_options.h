#pragma once

// What --dns, --dns-search and --dns-option may say.

#include <string>
#include <string_view>

#include "engine/network/network_options.h"

namespace nau::engine {

/// In place of name servers: /etc/resolv.conf stays the image's.
inline constexpr std::string_view kNoNameServers = "none";

/// The address, as it is written, or kNoNameServers. @throws Error{invalid}
std::string parse_dns_flag(std::string_view text);
bool omits_resolv_conf(const NetworkOptions& options);
/// A word of resolv.conf. @throws Error{invalid}
void check_resolver_word(std::string_view text);

}  // namespace nau::engine
