#pragma once

// When a request may be sent again and how long to wait before. Pure.

#include <chrono>
#include <optional>
#include <string_view>

#include "oci/registry/http.h"

namespace nau::oci {

/// A registry that asks for a longer wait than this is taken at its word: the request fails.
inline constexpr std::chrono::seconds kMaxRetryAfter{120};

/// 429 and the 5xx that pass: 500, 502, 503, 504; 408.
bool is_transient_status(int status) noexcept;

/// Connections lost or late. An unknown host, a refused connection, a certificate stay what they
/// are.
bool is_transient(const HttpError& error) noexcept;

/// The wait that a Retry-After header asks for: seconds, or a date (measured against the response's
/// own Date, so that the two clocks need not agree). nullopt: absent or unreadable.
std::optional<std::chrono::seconds> retry_after(const HttpHeaders& headers);

/// Doubling from half a second to 16; `jitter` in [0, 1) takes up to a quarter off.
/// @param attempt 1 for the wait after the first failure
std::chrono::milliseconds backoff(int attempt, double jitter) noexcept;

/// Seconds since the epoch of an HTTP date ("Sun, 06 Nov 1994 08:49:37 GMT"); the obsolete forms
/// are not read.
std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text) noexcept;

}  // namespace nau::oci
