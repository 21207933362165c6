#include "storage/layers/same_entry.h"

#include <map>

#include "storage/layers/xattr_policy.h"
#include "sys/dir_fd.h"

namespace nau::storage {

namespace {

std::map<std::string, std::string> attributes_of(int dir, const std::string& name) {
    std::map<std::string, std::string> attributes;
    for (const auto& attribute : sys::listxattrat(dir, name)) {
        if (may_apply_xattr(attribute)) {
            attributes.emplace(attribute, sys::getxattrat(dir, name, attribute).value_or(""));
        }
    }
    return attributes;
}

bool has_same_time(const struct ::stat& own, const struct ::stat& other) noexcept {
    return own.st_mtim.tv_sec == other.st_mtim.tv_sec &&
           own.st_mtim.tv_nsec == other.st_mtim.tv_nsec;
}

}  // namespace

bool is_equal(int own_dir,
              const struct ::stat& own,
              int other_dir,
              const struct ::stat& other,
              const std::string& name) {
    if (own.st_mode != other.st_mode || own.st_uid != other.st_uid || own.st_gid != other.st_gid ||
        own.st_rdev != other.st_rdev) {
        return false;
    }
    if (S_ISREG(own.st_mode) && (own.st_size != other.st_size || !has_same_time(own, other))) {
        return false;
    }
    if (S_ISLNK(own.st_mode)) {
        return sys::readlinkat(own_dir, name) == sys::readlinkat(other_dir, name);
    }
    return attributes_of(own_dir, name) == attributes_of(other_dir, name);
}

}  // namespace nau::storage
