#pragma once

// A namespace is a tenant in containerd's sense: images, containers, volumes, networks and leases
// of one are invisible to another; blobs and layers are shared. Made when its first record is.

#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "storage/db/database.h"
#include "storage/records/labels.h"

namespace nau::storage {

struct Namespace {
    std::string name = {};
    Time created = {};
    Labels labels = {};
};

class Namespaces {
  public:
    explicit Namespaces(Database& db) : db_(db) {}

    /// Nothing happens when it exists. @throws Error{invalid} for a name that is not plain
    void ensure(Transaction& tx, std::string_view name, Time now);
    void set_labels(Transaction& tx, std::string_view name, const Labels& labels);
    std::vector<Namespace> list();
    /// false when there was none. @throws Error{in_use} when records are left in it
    bool remove(Transaction& tx, std::string_view name);

  private:
    Database& db_;
};

}  // namespace nau::storage
