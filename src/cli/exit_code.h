#pragma once

// The only place that decides exit statuses. The table stands in nau(1):
//
//   0      done
//   125    nau itself failed, or was misused
//   126    the command inside the container cannot be invoked
//   127    it does not exist
//   128+n  it, or nau (130, 143), was ended by signal n
//   else   the status of the command inside
//   1, 2   rm and rmi: no such object; in use

#include <exception>

namespace nau::engine {
struct ExitStatus;
}

namespace nau::cli {

inline constexpr int kFailure = 125;
inline constexpr int kNotFound = 1;
inline constexpr int kInUse = 2;

int exit_code_of(const std::exception& error) noexcept;

/// Of rm and rmi: 1 for an object that does not exist, 2 for one in use.
int exit_code_of_removal(const std::exception& error) noexcept;

/// The status of the command inside; 125 when nobody knows it.
int exit_code_of(const engine::ExitStatus& status) noexcept;

}  // namespace nau::cli
