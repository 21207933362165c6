#include "oci/layout/member_name.h"

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "oci/layer/printable.h"

namespace nau::oci {

namespace {

constexpr size_t kMaxNameBytes = 1024;

[[noreturn]] void refuse(std::string_view name, const char* problem) {
    throw Error(ErrorKind::corrupt, "the archive names '{}', which {}", printable(name), problem);
}

/// The parts of a path; "." and empty ones are left out.
std::vector<std::string_view> parts_of(std::string_view path) {
    std::vector<std::string_view> parts;
    while (!path.empty()) {
        const size_t slash = std::min(path.find('/'), path.size());
        const std::string_view part = path.substr(0, slash);
        if (!part.empty() && part != ".") {
            parts.push_back(part);
        }
        path.remove_prefix(std::min(slash + 1, path.size()));
    }
    return parts;
}

std::string join(const std::vector<std::string_view>& parts) {
    std::string path;
    for (const auto& part : parts) {
        path += path.empty() ? "" : "/";
        path += part;
    }
    return path;
}

void check_characters(std::string_view name) {
    if (name.empty() || name.size() > kMaxNameBytes) {
        refuse(name.substr(0, 100), name.empty() ? "is empty" : "is too long");
    }
    if (std::any_of(name.begin(), name.end(), [](char c) { return c >= 0 && c < ' '; })) {
        refuse(name, "has control characters");
    }
}

}  // namespace

std::string clean_member_name(std::string_view name) {
    check_characters(name);
    if (name.front() == '/') {
        refuse(name, "is an absolute path");
    }
    const auto parts = parts_of(name);
    if (std::find(parts.begin(), parts.end(), "..") != parts.end()) {
        refuse(name, "leads out of its directory");
    }
    if (parts.empty() && name.find_first_not_of("./") != name.npos) {
        refuse(name, "is no name");
    }
    return join(parts);
}

std::string resolve_member_link(std::string_view link_name, std::string_view target) {
    check_characters(target);
    if (target.front() == '/') {
        refuse(target, "is an absolute path");
    }
    std::vector<std::string_view> parts = parts_of(link_name);
    parts.pop_back();
    for (const auto part : parts_of(target)) {
        if (part != "..") {
            parts.push_back(part);
        } else if (parts.empty()) {
            refuse(target, "leads out of the archive");
        } else {
            parts.pop_back();
        }
    }
    return join(parts);
}

}  // namespace nau::oci
