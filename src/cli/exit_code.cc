#include "cli/exit_code.h"

#include <csignal>

#include "base/error.h"
#include "cli/interrupt.h"
#include "engine/container/run_container.h"

namespace nau::cli {

int exit_code_of(const std::exception& error) noexcept {
    const auto* own = dynamic_cast<const Error*>(&error);
    if (own != nullptr && own->kind() == ErrorKind::interrupted) {
        return 128 + (last_interrupt() != 0 ? last_interrupt() : SIGINT);
    }
    return engine::exit_code_of_error(error);
}

int exit_code_of_removal(const std::exception& error) noexcept {
    const auto* own = dynamic_cast<const Error*>(&error);
    if (own != nullptr && own->kind() == ErrorKind::not_found) {
        return kNotFound;
    }
    if (own != nullptr && own->kind() == ErrorKind::in_use) {
        return kInUse;
    }
    return exit_code_of(error);
}

int exit_code_of(const engine::ExitStatus& status) noexcept {
    if (status.was_detached) {
        return 0;
    }
    return status.code.value_or(kFailure);
}

}  // namespace nau::cli
