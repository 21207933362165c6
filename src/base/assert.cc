#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace nau {

void assertion_failed(const char* expression,
                      const char* file,
                      int line,
                      const char* function) noexcept {
    (void)std::fprintf(stderr,  // nothing is left to do if this fails
                       "nau: bug: %s:%d: %s: '%s' does not hold\n",
                       file,
                       line,
                       function,
                       expression);
    std::abort();
}

}  // namespace nau
