#pragma once

// How a spec that makes no sense, or asks for what cannot be had, is refused: by its member.

#include <string>

#include "base/error.h"

namespace nau::runtime {

[[noreturn]] inline void fail(const std::string& member, const std::string& problem) {
    throw Error(ErrorKind::invalid, "{}: {}", member, problem);
}

[[noreturn]] inline void fail_unsupported(const std::string& member, const std::string& problem) {
    throw Error(ErrorKind::unsupported, "{}: {}", member, problem);
}

}  // namespace nau::runtime
