#pragma once

// Commands over several objects: go on after a failure, print each error, end with the worst
// status.

#include <functional>
#include <span>
#include <string>

namespace nau::cli {

class Context;

/// Runs `action` on each name. A failure is reported and its `code` remembered.
/// @returns the largest code, 0 when all went well
/// @throws OutputClosed, and Error{interrupted}: then nobody wants the rest
int for_each_object(Context& context,
                    std::span<const std::string> names,
                    const std::function<void(const std::string&)>& action,
                    int (*code)(const std::exception&));

}  // namespace nau::cli
