#pragma once

// The host's side of published ports. For each port a socket is held, so that nobody else can take
// it, and so that what the firewall cannot translate gets through all the same: connections from
// the host itself over 127.0.0.1 and ::1, and those of an address family that the container does
// not have. Everything else is translated by the firewall, keeps its source address and never
// arrives here.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "network/network.h"
#include "network/socket_address.h"
#include "network/stream_relay.h"
#include "sys/event_loop.h"

namespace nau::network {

class PortServer {
  public:
    explicit PortServer(sys::EventLoop& loop);
    ~PortServer();
    PortServer(const PortServer&) = delete;
    PortServer& operator=(const PortServer&) = delete;
    PortServer(PortServer&&) = delete;
    PortServer& operator=(PortServer&&) = delete;

    /// The ports of a container from now on: new ones are taken, those that are gone let go, the
    /// others keep their connections. Nothing changes on failure.
    /// @throws Error{in_use} naming who has the port
    void set(const Attachment& attachment);
    void remove(const std::string& container_id);

    size_t connections() const noexcept { return relays_.size(); }

  private:
    struct Listener;
    struct Datagrams;
    struct Key {
        PublishedPort port;
        bool is_v6 = false;
        friend auto operator<=>(const Key&, const Key&) = default;
    };
    std::unique_ptr<Listener> open(const Attachment& attachment, const Key& key);
    void watch(Listener& listener);
    void close(Listener& listener) noexcept;
    void on_connection(Listener& listener);
    void on_datagram(Listener& listener);
    [[noreturn]] void fail_taken(const Attachment& attachment, const Key& key, int error) const;

    sys::EventLoop& loop_;
    std::map<Key, std::unique_ptr<Listener>> listeners_;
    std::map<uint64_t, std::unique_ptr<StreamRelay>> relays_;
    uint64_t next_relay_ = 1;
};

}  // namespace nau::network
