#include <cerrno>
#include <cstring>
#include <sys/socket.h>

#include "runtime/child/context.h"
#include "sys/raw.h"

namespace nau::runtime::child {

namespace raw = sys::raw;

void copy_text(char* to, size_t size, const char* from) noexcept {
    size_t i = 0;
    for (; i + 1 < size && from[i] != '\0'; ++i) {
        to[i] = from[i];
    }
    to[i] = '\0';
}

void send(const Context& c, SyncMessage& message, int fd) noexcept {
    iovec part = {&message, sizeof message};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr header = {};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (fd != kNone) {
        header.msg_control = control;
        header.msg_controllen = sizeof control;
        cmsghdr* item = CMSG_FIRSTHDR(&header);
        item->cmsg_level = SOL_SOCKET;
        item->cmsg_type = SCM_RIGHTS;
        item->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(item), &fd, sizeof fd);
    }
    // Nothing can be done if the parent has gone: the kernel or the monitor's heir will see to us.
    while (raw::sendmsg(c.sync, &header, MSG_NOSIGNAL) == -EINTR) {
    }
}

void report(const Context& c, SyncKind kind, int error, const char* text) noexcept {
    SyncMessage message;
    message.kind = kind;
    message.step = static_cast<uint32_t>(c.step);
    message.error = error;
    message.object = c.object;
    copy_text(message.text, sizeof message.text, text);
    send(c, message);
}

[[noreturn]] void die(const Context& c, int error, const char* text) noexcept {
    report(c, SyncKind::error, error, text);
    raw::exit(1);
}

}  // namespace nau::runtime::child
