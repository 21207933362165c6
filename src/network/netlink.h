#pragma once

// Netlink sockets: requests to the kernel's network stack, as bytes. A request is built attribute
// by attribute; several go to the kernel in one send, which works them off in order before the call
// returns, so that all answers can be read at once and nobody ever waits.
//
//   NetlinkSocket socket(NETLINK_ROUTE);               belongs to the network namespace it was made
//   in NetlinkMessage message(RTM_NEWLINK, NLM_F_CREATE); message.put(ifinfomsg{…});
//   message.text(IFLA_IFNAME, "nau0"); { const auto nest = message.nest(IFLA_LINKINFO); … }
//   socket.request(message, "create bridge nau0");     throws with the kernel's own explanation

#include <cstdint>
#include <cstring>
#include <functional>
#include <linux/netlink.h>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "sys/unique_fd.h"

namespace nau::network {

class NetlinkMessage {
  public:
    /// NLM_F_REQUEST is added.
    NetlinkMessage(uint16_t type, unsigned flags);

    /// The family's own header, once, before any attribute.
    template <typename Header>
    void put(const Header& header) {
        static_assert(std::is_trivially_copyable_v<Header>);
        append(&header, sizeof(header));
    }
    void attribute(uint16_t type, std::string_view bytes);
    void text(uint16_t type, std::string_view text);  ///< with the final NUL
    void flag(uint16_t type) { attribute(type, {}); }
    template <typename Integer>
    void number(uint16_t type, Integer value) {
        static_assert(std::is_trivially_copyable_v<Integer>);
        attribute(type, {reinterpret_cast<const char*>(&value), sizeof(value)});
    }
    /// In network order, as nftables wants all of its numbers.
    void big_endian32(uint16_t type, uint32_t value);
    void big_endian64(uint16_t type, uint64_t value);

    /// An attribute that holds attributes: everything until the Nest ends.
    class [[nodiscard]] Nest {
      public:
        Nest(NetlinkMessage& message, size_t start) noexcept : message_(message), start_(start) {}
        ~Nest() { message_.end_nest(start_); }
        Nest(const Nest&) = delete;
        Nest& operator=(const Nest&) = delete;
        Nest(Nest&&) = delete;
        Nest& operator=(Nest&&) = delete;

      private:
        NetlinkMessage& message_;
        size_t start_;
    };
    /// `header` is what some nests have before their attributes (VETH_INFO_PEER).
    Nest nest(uint16_t type, std::string_view header = {});

    void add_flags(unsigned flags);
    void set_sequence(uint32_t sequence);
    /// The whole message with its length filled in.
    std::string_view bytes() const noexcept { return bytes_; }

  private:
    friend class Nest;
    void append(const void* data, size_t size);
    void end_nest(size_t start) noexcept;
    nlmsghdr& header() noexcept { return *reinterpret_cast<nlmsghdr*>(bytes_.data()); }

    std::string bytes_;
};

/// The attributes of a received message or nest, found by type.
class NetlinkAttributes {
  public:
    explicit NetlinkAttributes(std::string_view bytes) noexcept : bytes_(bytes) {}
    std::optional<std::string_view> find(uint16_t type) const noexcept;
    /// Without the final NUL; empty when absent.
    std::string_view text(uint16_t type) const noexcept;
    template <typename Integer>
    std::optional<Integer> number(uint16_t type) const noexcept {
        const auto bytes = find(type);
        if (!bytes || bytes->size() < sizeof(Integer)) {
            return std::nullopt;
        }
        Integer value;
        std::memcpy(&value, bytes->data(), sizeof(value));
        return value;
    }
    NetlinkAttributes nested(uint16_t type) const noexcept;
    /// All in order.
    void each(const std::function<void(uint16_t type, std::string_view bytes)>& visit) const;

  private:
    std::string_view bytes_;
};

struct NetlinkReply {
    uint16_t type = 0;
    uint32_t sender_port = 0;
    std::string payload;  ///< behind the netlink header

    /// The family's header. @throws Error{corrupt} when the message is too short
    template <typename Header>
    Header header() const {
        Header value{};
        require(sizeof(value));
        std::memcpy(&value, payload.data(), sizeof(value));
        return value;
    }
    template <typename Header>
    NetlinkAttributes attributes() const {
        require(sizeof(Header));
        constexpr size_t start = (sizeof(Header) + 3) & ~size_t{3};
        return NetlinkAttributes(std::string_view(payload).substr(std::min(start, payload.size())));
    }

  private:
    void require(size_t size) const;
};

class NetlinkSocket {
  public:
    /// NETLINK_ROUTE or NETLINK_NETFILTER, in the calling thread's network namespace; `groups` are
    /// numbers of multicast groups to listen to. @throws SysError
    explicit NetlinkSocket(int protocol, std::initializer_list<unsigned> groups = {});

    /// Sends one request and waits for its acknowledgement. @throws SysError "<what>: <errno>
    /// (<the kernel's explanation>)"
    void request(NetlinkMessage& message, std::string_view what);

    /// Several requests in one send, each acknowledged; the kernel goes on after a failure.
    struct Request {
        NetlinkMessage message;
        std::string what;
        /// This errno is as good as success: EEXIST of an address that is there already.
        int accepted_error = 0;
    };
    /// @throws SysError of the first that failed
    void request_all(std::vector<Request>& requests);

    /// The answer to a question about one object; nullopt when there is none (ENODEV, ENOENT,
    /// ESRCH).
    std::optional<NetlinkReply> query(NetlinkMessage& message, std::string_view what);
    /// All answers (NLM_F_DUMP is added).
    std::vector<NetlinkReply> dump(NetlinkMessage& message, std::string_view what);

    /// An nftables transaction: between a begin and an end message, all or nothing.
    /// @throws SysError of the first message that was refused
    void commit(std::vector<Request>& messages);

    /// What has arrived from a multicast group; nullopt when there is nothing now. `was_overrun`
    /// becomes true when events were lost.
    std::optional<std::vector<NetlinkReply>> receive_events(bool& was_overrun);

    int fd() const noexcept { return fd_.get(); }
    /// The port by which the kernel knows this socket.
    uint32_t port() const noexcept { return port_; }

  private:
    struct Answer;
    void send(std::string_view bytes);
    /// Everything that has arrived; waits for the first datagram when `must_wait`.
    std::vector<Answer> receive(bool must_wait);
    void check_answers(const std::vector<Request>& requests, uint32_t first_sequence);

    sys::UniqueFd fd_;
    uint32_t port_ = 0;
    uint32_t sequence_ = 0;
};

}  // namespace nau::network
