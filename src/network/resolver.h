#pragma once

// The name server of the networks: it listens on the gateways' port 53, answers for containers from
// the zone and asks outside for everything else. One for all networks, inside the keeper.
//
//   question ─▶ whose? (source address and network) ─▶ zone ──no such name──▶ forwarder ─▶ outside
//                     └── unknown: refused                  └── internal network: no such name

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "network/dns_forwarder.h"
#include "network/dns_message.h"
#include "network/dns_zone.h"
#include "network/network.h"
#include "sys/event_loop.h"

namespace nau::network::dns {

class Resolver {
  public:
    explicit Resolver(sys::EventLoop& loop);
    ~Resolver();
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;
    Resolver(Resolver&&) = delete;
    Resolver& operator=(Resolver&&) = delete;

    /// The names of a container from now on, and sockets for the networks that need one; those that
    /// stay are not touched. Returns what could not be done, for people.
    std::vector<std::string> set(const Attachment& attachment);
    void remove(const std::string& container_id);

    size_t listening() const noexcept { return listeners_.size(); }

  private:
    struct Listener;
    struct Stream;
    using Reply = std::function<void(std::string)>;

    std::vector<std::string> update_listeners();
    void open_listener(const std::string& network, const IpAddress& gateway);
    void on_datagram(Listener& listener);
    void on_connection(Listener& listener);
    void on_stream(uint64_t number, uint32_t events);
    void close_stream(uint64_t number);
    void reply_on_stream(uint64_t number, std::string reply);
    /// `reply` is called now or later, once; never for what deserves no answer.
    void answer(std::string_view message,
                const std::string& network,
                const SocketAddress& from,
                bool is_stream,
                const Reply& reply);
    void forward(const Question& question,
                 std::string_view message,
                 const Zone::Client& client,
                 bool is_stream,
                 const Reply& reply);
    std::vector<SocketAddress> servers_for(const Zone::Client& client);

    sys::EventLoop& loop_;
    Forwarder forwarder_;
    Zone zone_;
    /// By network id and address.
    std::map<std::pair<std::string, IpAddress>, std::unique_ptr<Listener>> listeners_;
    std::map<uint64_t, std::unique_ptr<Stream>> streams_;
    uint64_t next_stream_ = 1;
    unsigned rotation_ = 0;
    std::map<std::string, Network> networks_;
    std::vector<SocketAddress> host_servers_;
    int64_t host_servers_changed_ = 0;  ///< of resolv.conf, in nanoseconds
};

}  // namespace nau::network::dns
