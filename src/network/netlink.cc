#include "network/netlink.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <endian.h>
#include <sys/socket.h>

#include <fmt/core.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/error.h"

namespace nau::network {

namespace {

constexpr size_t kAlignment = 4;
constexpr int kSendBufferBytes = 8 << 20;
constexpr int kReceiveBufferBytes = 4 << 20;
constexpr size_t kReceiveChunk = 64 * 1024;

constexpr size_t align(size_t size) noexcept {
    return (size + kAlignment - 1) & ~(kAlignment - 1);
}

/// What the kernel says beside the errno; empty on older kernels and for some errors.
std::string explanation(std::string_view error_payload) {
    // struct nlmsgerr: the errno and the header of the request, then attributes.
    constexpr size_t start = sizeof(nlmsgerr);
    if (error_payload.size() <= start) {
        return {};
    }
    return std::string(NetlinkAttributes(error_payload.substr(start)).text(NLMSGERR_ATTR_MSG));
}

}  // namespace

// --- NetlinkMessage

NetlinkMessage::NetlinkMessage(uint16_t type, unsigned flags) {
    nlmsghdr start{};
    start.nlmsg_len = sizeof(start);
    start.nlmsg_type = type;
    start.nlmsg_flags = static_cast<uint16_t>(flags | NLM_F_REQUEST);
    bytes_.reserve(256);
    bytes_.assign(reinterpret_cast<const char*>(&start), sizeof(start));
}

void NetlinkMessage::append(const void* data, size_t size) {
    bytes_.append(static_cast<const char*>(data), size);
    bytes_.append(align(size) - size, '\0');
    header().nlmsg_len = static_cast<uint32_t>(bytes_.size());
}

void NetlinkMessage::attribute(uint16_t type, std::string_view bytes) {
    if (bytes.size() > UINT16_MAX - sizeof(nlattr)) {
        throw Error(ErrorKind::invalid, "netlink: an attribute of {} bytes", bytes.size());
    }
    const nlattr start{.nla_len = static_cast<uint16_t>(sizeof(nlattr) + bytes.size()),
                       .nla_type = type};
    bytes_.append(reinterpret_cast<const char*>(&start), sizeof(start));
    append(bytes.data(), bytes.size());
}

void NetlinkMessage::text(uint16_t type, std::string_view text) {
    attribute(type, std::string(text) + '\0');
}

void NetlinkMessage::big_endian32(uint16_t type, uint32_t value) {
    number(type, ::htonl(value));
}

void NetlinkMessage::big_endian64(uint16_t type, uint64_t value) {
    number(type, ::htobe64(value));
}

NetlinkMessage::Nest NetlinkMessage::nest(uint16_t type, std::string_view header) {
    const size_t start = bytes_.size();
    attribute(static_cast<uint16_t>(type | NLA_F_NESTED), header);
    return {*this, start};
}

void NetlinkMessage::end_nest(size_t start) noexcept {
    const auto length = static_cast<uint16_t>(bytes_.size() - start);
    std::memcpy(bytes_.data() + start, &length, sizeof(length));
}

void NetlinkMessage::add_flags(unsigned flags) {
    header().nlmsg_flags = static_cast<uint16_t>(header().nlmsg_flags | flags);
}

void NetlinkMessage::set_sequence(uint32_t sequence) {
    header().nlmsg_seq = sequence;
}

// --- NetlinkAttributes

void NetlinkAttributes::each(
    const std::function<void(uint16_t type, std::string_view bytes)>& visit) const {
    std::string_view rest = bytes_;
    while (rest.size() >= sizeof(nlattr)) {
        nlattr start{};
        std::memcpy(&start, rest.data(), sizeof(start));
        if (start.nla_len < sizeof(start) || start.nla_len > rest.size()) {
            return;
        }
        visit(start.nla_type & NLA_TYPE_MASK,
              rest.substr(sizeof(start), start.nla_len - sizeof(start)));
        rest.remove_prefix(std::min(align(start.nla_len), rest.size()));
    }
}

std::optional<std::string_view> NetlinkAttributes::find(uint16_t type) const noexcept {
    std::optional<std::string_view> found;
    each([&](uint16_t each_type, std::string_view bytes) {
        if (each_type == type) {
            found = bytes;
        }
    });
    return found;
}

std::string_view NetlinkAttributes::text(uint16_t type) const noexcept {
    const auto bytes = find(type).value_or(std::string_view());
    return bytes.substr(0, bytes.find('\0'));
}

NetlinkAttributes NetlinkAttributes::nested(uint16_t type) const noexcept {
    return NetlinkAttributes(find(type).value_or(std::string_view()));
}

void NetlinkReply::require(size_t size) const {
    if (payload.size() < size) {
        throw Error(ErrorKind::corrupt, "netlink: a message of {} bytes", payload.size());
    }
}

// --- NetlinkSocket

struct NetlinkSocket::Answer {
    uint32_t sequence = 0;
    bool is_done = false;
    std::optional<int> error;  ///< 0: acknowledged
    NetlinkReply reply;
};

NetlinkSocket::NetlinkSocket(int protocol, std::initializer_list<unsigned> groups)
    : fd_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol)) {
    if (!fd_) {
        throw SysError(errno,
                       "opening a netlink socket of {}",
                       protocol == NETLINK_NETFILTER ? "netfilter" : "rtnetlink")
            .with_hint("this kernel may lack the support; --network=none and host work without");
    }
    const int on = 1;
    // Without these (Linux < 4.12) errors are less clear, no more.
    (void)!::setsockopt(fd_.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
    (void)!::setsockopt(fd_.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
    if (protocol == NETLINK_NETFILTER) {
        // A transaction is one datagram, and one for thousands of ports is big.
        (void)!::setsockopt(
            fd_.get(), SOL_SOCKET, SO_SNDBUFFORCE, &kSendBufferBytes, sizeof(kSendBufferBytes));
    }
    if (groups.size() > 0) {
        (void)!::setsockopt(fd_.get(),
                            SOL_SOCKET,
                            SO_RCVBUFFORCE,
                            &kReceiveBufferBytes,
                            sizeof(kReceiveBufferBytes));
    }
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        throw SysError(errno, "bind a netlink socket");
    }
    for (const unsigned group : groups) {
        if (::setsockopt(fd_.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) !=
            0) {
            throw SysError(errno, "listening to netlink group {}", group);
        }
    }
    socklen_t size = sizeof(address);
    if (::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        throw SysError(errno, "getsockname of a netlink socket");
    }
    port_ = address.nl_pid;
}

void NetlinkSocket::send(std::string_view bytes) {
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    const ssize_t sent = sys::retry([&] {
        return ::sendto(fd_.get(),
                        bytes.data(),
                        bytes.size(),
                        0,
                        reinterpret_cast<const sockaddr*>(&kernel),
                        sizeof(kernel));
    });
    if (sent < 0) {
        throw SysError(errno, "sending {} bytes by netlink", bytes.size());
    }
}

std::vector<NetlinkSocket::Answer> NetlinkSocket::receive(bool must_wait) {
    std::vector<Answer> answers;
    std::string buffer(kReceiveChunk, '\0');
    for (bool waits = must_wait;; waits = false) {
        sockaddr_nl sender{};
        socklen_t sender_size = sizeof(sender);
        const ssize_t size = sys::retry([&] {
            return ::recvfrom(fd_.get(),
                              buffer.data(),
                              buffer.size(),
                              waits ? 0 : MSG_DONTWAIT,
                              reinterpret_cast<sockaddr*>(&sender),
                              &sender_size);
        });
        if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return answers;
        }
        if (size < 0) {
            throw SysError(errno, "receiving by netlink");
        }
        if (sender.nl_pid != 0) {
            continue;  // not the kernel
        }
        std::string_view rest(buffer.data(), static_cast<size_t>(size));
        while (rest.size() >= sizeof(nlmsghdr)) {
            nlmsghdr start{};
            std::memcpy(&start, rest.data(), sizeof(start));
            if (start.nlmsg_len < sizeof(start) || start.nlmsg_len > rest.size()) {
                break;
            }
            const auto payload = rest.substr(sizeof(start), start.nlmsg_len - sizeof(start));
            Answer answer{.sequence = start.nlmsg_seq,
                          .is_done = start.nlmsg_type == NLMSG_DONE,
                          .error = {},
                          .reply = {.type = start.nlmsg_type,
                                    .sender_port = start.nlmsg_pid,
                                    .payload = std::string(payload)}};
            if (start.nlmsg_type == NLMSG_ERROR && payload.size() >= sizeof(int)) {
                int error = 0;
                std::memcpy(&error, payload.data(), sizeof(error));
                answer.error = -error;
            }
            answers.push_back(std::move(answer));
            rest.remove_prefix(std::min(align(start.nlmsg_len), rest.size()));
        }
    }
}

void NetlinkSocket::check_answers(const std::vector<Request>& requests, uint32_t first_sequence) {
    // The kernel worked while we were in send(): all answers are there.
    for (const Answer& answer : receive(false)) {
        if (!answer.error || *answer.error == 0) {
            continue;
        }
        // An error of the border of a transaction (no privilege, no nftables) is nobody's.
        const uint32_t place = answer.sequence - first_sequence;
        const Request* request = place < requests.size() ? &requests[place] : nullptr;
        if (request != nullptr && *answer.error == request->accepted_error) {
            continue;
        }
        const std::string why = explanation(answer.reply.payload);
        throw SysError(*answer.error,
                       "{}{}",
                       request != nullptr ? request->what : requests.front().what,
                       why.empty() ? "" : fmt::format(" ({})", why));
    }
}

void NetlinkSocket::request(NetlinkMessage& message, std::string_view what) {
    std::vector<Request> requests;
    requests.push_back({.message = message, .what = std::string(what)});
    request_all(requests);
}

void NetlinkSocket::request_all(std::vector<Request>& requests) {
    if (requests.empty()) {
        return;
    }
    const uint32_t first = sequence_ + 1;
    std::string bytes;
    for (Request& request : requests) {
        request.message.set_sequence(++sequence_);
        request.message.add_flags(NLM_F_ACK);
        bytes += request.message.bytes();
    }
    send(bytes);
    check_answers(requests, first);
}

std::optional<NetlinkReply> NetlinkSocket::query(NetlinkMessage& message, std::string_view what) {
    message.set_sequence(++sequence_);
    send(message.bytes());
    for (Answer& answer : receive(true)) {
        if (answer.sequence != sequence_) {
            continue;
        }
        if (!answer.error) {
            return std::move(answer.reply);
        }
        const int error = *answer.error;
        if (error == ENODEV || error == ENOENT || error == ESRCH || error == ENETUNREACH) {
            return std::nullopt;
        }
        if (error != 0) {
            throw SysError(error, "{}", what);
        }
    }
    return std::nullopt;
}

std::vector<NetlinkReply> NetlinkSocket::dump(NetlinkMessage& message, std::string_view what) {
    message.set_sequence(++sequence_);
    message.add_flags(NLM_F_DUMP);
    send(message.bytes());
    std::vector<NetlinkReply> replies;
    for (;;) {
        for (Answer& answer : receive(true)) {
            if (answer.sequence != sequence_) {
                continue;
            }
            if (answer.error && *answer.error != 0) {
                throw SysError(*answer.error, "{}", what);
            }
            if (answer.is_done || answer.error) {
                return replies;
            }
            replies.push_back(std::move(answer.reply));
        }
    }
}

void NetlinkSocket::commit(std::vector<Request>& messages) {
    const auto border = [&](uint16_t type) {
        NetlinkMessage message(type, 0);
        message.put(nfgenmsg{.nfgen_family = AF_UNSPEC,
                             .version = NFNETLINK_V0,
                             .res_id = ::htons(NFNL_SUBSYS_NFTABLES)});
        message.set_sequence(++sequence_);
        return std::string(message.bytes());
    };
    std::string bytes = border(NFNL_MSG_BATCH_BEGIN);
    const uint32_t first = sequence_ + 1;
    for (Request& request : messages) {
        request.message.set_sequence(++sequence_);
        bytes += request.message.bytes();
    }
    bytes += border(NFNL_MSG_BATCH_END);
    send(bytes);
    check_answers(messages, first);
}

std::optional<std::vector<NetlinkReply>> NetlinkSocket::receive_events(bool& was_overrun) {
    was_overrun = false;
    std::vector<NetlinkReply> events;
    try {
        for (Answer& answer : receive(false)) {
            events.push_back(std::move(answer.reply));
        }
    } catch (const SysError& error) {
        if (error.error() != ENOBUFS) {
            throw;
        }
        was_overrun = true;
    }
    return events.empty() && !was_overrun ? std::nullopt : std::optional(std::move(events));
}

}  // namespace nau::network
