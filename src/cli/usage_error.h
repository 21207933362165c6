#pragma once

// The user typed something that no command takes. Printed with "See 'nau run --help'"; status 125.

#include <string>

#include "base/error.h"

namespace nau::cli {

class UsageError final : public Error {
  public:
    /// `command` is what --help is to be asked of: "nau run".
    template <typename... Args>
    UsageError(std::string command, fmt::format_string<Args...> format, Args&&... args)
        : Error(ErrorKind::invalid, format, std::forward<Args>(args)...),
          command_(std::move(command)) {}

    const std::string& command() const noexcept { return command_; }

  private:
    std::string command_;
};

}  // namespace nau::cli
