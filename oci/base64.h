#pragma once

// Base64 (RFC 4648, section 4): how descriptors embed data and how credentials are stored and sent.

#include <optional>
#include <string>
#include <string_view>

namespace nau::oci {

std::string encode_base64(std::string_view bytes);

/// Strict: padded, no line ends, no other alphabet; nullopt for anything else.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace nau::oci
