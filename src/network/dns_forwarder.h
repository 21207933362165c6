#pragma once

// Asking the resolvers outside: by UDP from a fresh port with a fresh id each time, so that answers
// are hard to guess; by TCP for a client that came by TCP. One server after the other, each with a
// time-out.
//
//   ask(query) ─▶ server 1 ──time-out, error──▶ server 2 ─▶ … ─▶ answered(reply) or answered("")

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "network/socket_address.h"
#include "sys/event_loop.h"

namespace nau::network::dns {

class Forwarder {
  public:
    explicit Forwarder(sys::EventLoop& loop);
    ~Forwarder();
    Forwarder(const Forwarder&) = delete;
    Forwarder& operator=(const Forwarder&) = delete;
    Forwarder(Forwarder&&) = delete;
    Forwarder& operator=(Forwarder&&) = delete;

    /// `answered` gets the reply with the query's id, or an empty text when nobody answered; it is
    /// called from the loop, never from here.
    using Answered = std::function<void(std::string reply)>;
    void ask(std::string query,
             std::vector<SocketAddress> servers,
             bool is_stream,
             Answered answered);

    size_t open_queries() const noexcept { return queries_.size(); }

  private:
    struct Query;
    void try_next(uint64_t number);
    bool start(Query& query, const SocketAddress& server);
    void on_event(uint64_t number, uint32_t events);
    void on_stream_event(uint64_t number, Query& query, uint32_t events);
    void finish(uint64_t number, std::string reply);
    void close(Query& query) noexcept;

    sys::EventLoop& loop_;
    std::map<uint64_t, std::unique_ptr<Query>> queries_;
    uint64_t next_number_ = 1;
};

/// The "nameserver" lines of a resolv.conf.
std::vector<SocketAddress> parse_name_servers(std::string_view resolv_conf);

}  // namespace nau::network::dns
