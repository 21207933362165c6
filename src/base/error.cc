#include "base/error.h"

#include <array>
#include <cerrno>
#include <cstring>

namespace nau {

namespace {

struct KindName {
    ErrorKind kind;
    std::string_view name;
};

constexpr std::array kKindNames = {
    KindName{ErrorKind::internal, "internal"},
    KindName{ErrorKind::invalid, "invalid"},
    KindName{ErrorKind::not_found, "not_found"},
    KindName{ErrorKind::already_exists, "already_exists"},
    KindName{ErrorKind::in_use, "in_use"},
    KindName{ErrorKind::permission_denied, "permission_denied"},
    KindName{ErrorKind::unsupported, "unsupported"},
    KindName{ErrorKind::corrupt, "corrupt"},
    KindName{ErrorKind::unavailable, "unavailable"},
    KindName{ErrorKind::timed_out, "timed_out"},
    KindName{ErrorKind::interrupted, "interrupted"},
};

}  // namespace

std::string_view to_string(ErrorKind kind) noexcept {
    for (const auto& entry : kKindNames) {
        if (entry.kind == kind) {
            return entry.name;
        }
    }
    return "internal";
}

ErrorKind parse_error_kind(std::string_view word) noexcept {
    for (const auto& entry : kKindNames) {
        if (entry.name == word) {
            return entry.kind;
        }
    }
    return ErrorKind::internal;
}

ErrorKind error_kind_of_errno(int error) noexcept {
    switch (error) {
        case ENOENT:
        case ESRCH:
        case ENODEV:
        case ENXIO:
            return ErrorKind::not_found;
        case EEXIST:
        case ENOTEMPTY:
            return ErrorKind::already_exists;
        case EBUSY:
        case ETXTBSY:
        case EADDRINUSE:
            return ErrorKind::in_use;
        case EACCES:
        case EPERM:
        case EROFS:
            return ErrorKind::permission_denied;
        case EINVAL:
        case ENAMETOOLONG:
        case ENOTDIR:
        case EISDIR:
        case ELOOP:
            return ErrorKind::invalid;
        case ENOSYS:
        case EOPNOTSUPP:
        case EPROTONOSUPPORT:
        case EAFNOSUPPORT:
            return ErrorKind::unsupported;
        case ENOSPC:
        case EDQUOT:
        case ENOMEM:
        case EMFILE:
        case ENFILE:
        case EAGAIN:
        case ECONNREFUSED:
        case ECONNRESET:
        case EHOSTUNREACH:
        case ENETUNREACH:
        case EPIPE:
            return ErrorKind::unavailable;
        case ETIMEDOUT:
            return ErrorKind::timed_out;
        case EINTR:
            return ErrorKind::interrupted;
        case EBADMSG:
        case EUCLEAN:
            return ErrorKind::corrupt;
        default:
            return ErrorKind::internal;
    }
}

std::string errno_text(int error) {
    // strerrordesc_np (glibc ≥ 2.32) never translates and needs no buffer.
    const char* text = strerrordesc_np(error);
    return text != nullptr ? text : fmt::format("error {}", error);
}

}  // namespace nau
