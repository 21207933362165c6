#include "logs/journal_writer.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <fmt/core.h>

#include "base/error.h"
#include "sys/file.h"

namespace nau::logs {

namespace {

constexpr size_t kShortId = 12;

/// 0 or errno.
int connect_to(int socket, const std::string& path) noexcept {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path)) {
        return ENAMETOOLONG;
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    const int result =
        ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    return result == 0 ? 0 : errno;
}

std::string fields_of(const JournalWriter::Identity& identity) {
    std::string fields = fmt::format(
        "CONTAINER_ID={}\nCONTAINER_ID_FULL={}\nCONTAINER_NAME={}\nSYSLOG_IDENTIFIER={}\n",
        identity.id.substr(0, kShortId),
        identity.id,
        identity.name,
        identity.tag.empty() ? identity.name : identity.tag);
    if (!identity.tag.empty()) {
        fields += fmt::format("CONTAINER_TAG={}\n", identity.tag);
    }
    return fields;
}

}  // namespace

JournalWriter::JournalWriter(const std::filesystem::path& socket, const Identity& identity)
    : path_(socket), fields_(fields_of(identity)) {
    socket_ = sys::UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int error = socket_ ? connect_to(socket_.get(), path_.string()) : errno;
    if (error != 0) {
        throw Error(ErrorKind::unavailable,
                    "log driver journald: connect to {}: {}",
                    path_.string(),
                    errno_text(error))
            .with_hint("it needs a running systemd-journald; --log-driver k8s-file needs nothing");
    }
}

void JournalWriter::lose(size_t bytes, int error) noexcept {
    lost_bytes_ += bytes;
    last_error_ = error;
}

/// 0 or errno.
int JournalWriter::send_datagram(std::string_view entry) noexcept {
    const auto send_once = [&] {
        const ssize_t count = sys::retry([&] {
            return ::send(socket_.get(), entry.data(), entry.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        });
        return count >= 0 ? 0 : errno;
    };
    const int error = send_once();
    if (error != ECONNREFUSED && error != ENOTCONN && error != EPIPE && error != ECONNRESET) {
        return error;
    }
    // Another journald may listen under the name by now.
    const int failure = connect_to(socket_.get(), path_.string());
    return failure == 0 ? send_once() : failure;
}

/// 0 or errno.
int JournalWriter::send_memfd(std::string_view entry) noexcept {
    const sys::UniqueFd file(::memfd_create("nau-journal", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!file) {
        return errno;
    }
    try {
        sys::write_all(file.get(), entry);
    } catch (const SysError& error) {
        return error.error();
    } catch (const std::exception&) {
        return ENOMEM;
    }
    // journald maps it, and takes only what nobody can change any more.
    if (::fcntl(file.get(),
                F_ADD_SEALS,
                F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
        return errno;
    }
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    const int fd = file.get();
    std::memcpy(CMSG_DATA(header), &fd, sizeof(fd));
    const ssize_t sent =
        sys::retry([&] { return ::sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL); });
    return sent >= 0 ? 0 : errno;
}

/// 0 or errno.
int JournalWriter::send(Stream stream, bool is_partial, std::string_view text) noexcept {
    try {
        // A text without '\n' needs no length in front, whatever else is in it.
        std::string entry = "MESSAGE=";
        entry += text;
        entry += stream == Stream::standard_output ? "\nPRIORITY=6\n" : "\nPRIORITY=3\n";
        entry += is_partial ? "CONTAINER_PARTIAL_MESSAGE=true\n" : "";
        entry += fields_;
        const int error = send_datagram(entry);
        return error == EMSGSIZE || error == ENOBUFS ? send_memfd(entry) : error;
    } catch (const std::exception&) {
        return ENOMEM;
    }
}

/// false when the journal takes no more now.
bool JournalWriter::send_some(Piece& piece) noexcept {
    while (piece.sent < piece.bytes.size()) {
        const std::string_view rest = std::string_view(piece.bytes).substr(piece.sent);
        const size_t newline = rest.substr(0, kMaxText + 1).find('\n');
        const bool is_partial = newline == std::string_view::npos;
        const std::string_view text =
            rest.substr(0, is_partial ? std::min(rest.size(), kMaxText) : newline);
        const size_t length = text.size() + (is_partial ? 0 : 1);
        const int error = send(piece.stream, is_partial, text);
        if (error == EAGAIN && !is_stuck_) {
            return false;
        }
        if (error == 0) {
            is_stuck_ = false;
        } else {
            lose(length, error);
        }
        piece.sent += length;
    }
    return true;
}

void JournalWriter::write(Stream stream, std::string_view bytes) noexcept {
    try {
        pending_.push_back({.stream = stream, .bytes = std::string(bytes)});
    } catch (const std::exception&) {
        lose(bytes.size(), ENOMEM);
    }
    flush();
}

void JournalWriter::flush() noexcept {
    while (!pending_.empty() && send_some(pending_.front())) {
        pending_.pop_front();
    }
}

void JournalWriter::flush_within(std::chrono::milliseconds patience) noexcept {
    const auto end = std::chrono::steady_clock::now() + patience;
    flush();
    while (is_waiting()) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        pollfd writable{fd(), POLLOUT, 0};
        if (left.count() <= 0 || ::poll(&writable, 1, static_cast<int>(left.count())) == 0) {
            drop();
            return;
        }
        flush();
    }
}

void JournalWriter::drop() noexcept {
    is_stuck_ = true;
    for (const Piece& piece : pending_) {
        lose(piece.bytes.size() - piece.sent, EAGAIN);
    }
    pending_.clear();
}

}  // namespace nau::logs
