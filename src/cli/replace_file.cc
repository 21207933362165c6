#include "cli/replace_file.h"

#include <fmt/core.h>

#include "base/error.h"
#include "cli/files.h"
#include "sys/file.h"

namespace nau::cli {

void replace_file(const std::string& path, std::string_view text) {
    doing([&] { return fmt::format("writing {}", path); },
          [&] {
              const auto status = sys::stat_if_exists(path);
              if (status && !S_ISREG(status->st_mode)) {
                  sys::write_all(create_output_file(path).get(), text);
                  return;
              }
              constexpr mode_t kReadable = 0644;
              sys::write_file_atomic(path, text, kReadable, sys::Durability::relaxed);
          });
}

}  // namespace nau::cli
