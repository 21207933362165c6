#pragma once

// Secrets: small texts that containers get and that no image, record, log or listing shows. Each is
// one file below the graph root, readable by its owner only; the database does not know them, so
// that they are neither in its log nor in its free pages.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "storage/paths.h"
#include "storage/records/labels.h"

namespace nau::storage {

struct Secret {
    std::string id;  ///< 25 hexadecimal digits, as podman's
    std::string name;
    Labels labels;
    Time created;
    Time updated;
    std::string data;
};

class Secrets {
  public:
    /// As podman: what a secret may be long.
    static constexpr size_t kMaxBytes = 512'000;

    Secrets(const Paths& paths, std::string name_space)
        : paths_(paths), name_space_(std::move(name_space)) {}

    /// Durable. @throws Error{already_exists}, unless it may replace one of that name; {invalid}
    void create(const Secret& secret, bool replaces) const;
    /// By name, id or a beginning of an id of one only.
    std::optional<Secret> find(std::string_view name_or_id) const;
    /// By name.
    std::vector<Secret> list() const;
    /// false when there is none of that name.
    bool remove(std::string_view name) const;

  private:
    std::string directory() const;

    const Paths& paths_;
    std::string name_space_;
};

}  // namespace nau::storage
