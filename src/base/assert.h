#pragma once

// Broken invariants are bugs, not failures: they abort, in every build, with the place and the
// words.

namespace nau {

[[noreturn]] void assertion_failed(const char* expression,
                                   const char* file,
                                   int line,
                                   const char* function) noexcept;

}  // namespace nau

#define NAU_ASSERT(expression) \
    ((expression) ? (void)0 : ::nau::assertion_failed(#expression, __FILE__, __LINE__, __func__))
