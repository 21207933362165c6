#include "network/port_server.h"

#include <array>
#include <cerrno>
#include <netinet/in.h>
#include <sys/socket.h>

#include <fmt/core.h>

#include "base/error.h"
#include "base/log.h"
#include "network/port_owner.h"

namespace nau::network {

namespace {

/// A datagram's "connection" is forgotten after this long without traffic.
constexpr std::chrono::seconds kDatagramPatience{60};
constexpr size_t kMaxDatagramPeers = 1024;
constexpr size_t kMaxDatagramBytes = 65536;
constexpr int kDatagramsPerTurn = 64;
constexpr size_t kMaxRelays = 16384;

}  // namespace

/// One socket of one family. `peers` is for datagrams: who sent, and the socket that speaks for him
/// to the container.
struct PortServer::Listener {
    struct Peer {
        sys::UniqueFd upstream;
        sys::EventLoop::TimerId timer = 0;
        bool was_used = false;
    };
    std::string container_id;
    std::string container_name;
    sys::UniqueFd fd;
    bool is_stream = true;
    int protocol = 0;  ///< of the sockets; 0: what the type has
    SocketAddress target;
    /// The firewall translates this family: only loopback traffic belongs here.
    bool only_local = false;
    std::map<SocketAddress, Peer> peers = {};
};

PortServer::PortServer(sys::EventLoop& loop) : loop_(loop) {}

PortServer::~PortServer() {
    for (auto& [key, listener] : listeners_) {
        close(*listener);
    }
}

void PortServer::fail_taken(const Attachment& attachment, const Key& key, int error) const {
    const PublishedPort& port = key.port;
    const std::string what = fmt::format("publishing port {} ({}) of container {}",
                                         host_side(port),
                                         port.protocol,
                                         attachment.container_name);
    for (const auto& [other, listener] : listeners_) {
        if (other.port.host_port == port.host_port && other.port.protocol == port.protocol &&
            other.is_v6 == key.is_v6) {
            throw Error(
                ErrorKind::in_use, "{}: container {} has it", what, listener->container_name);
        }
    }
    if (error == EADDRINUSE) {
        const auto owner = find_port_owner(port.protocol, port.host_port);
        throw Error(ErrorKind::in_use, "{}: {} has it", what, owner.value_or("another process"))
            .with_hint("choose another port of the host, or end what holds it");
    }
    throw SysError(error, "{}", what);
}

std::unique_ptr<PortServer::Listener> PortServer::open(const Attachment& attachment,
                                                       const Key& key) {
    const PublishedPort& port = key.port;
    const auto same_family = attachment.address(key.is_v6);
    const auto target = same_family ? same_family : attachment.address(!key.is_v6);
    auto listener = std::make_unique<Listener>();
    listener->container_id = attachment.container_id;
    listener->container_name = attachment.container_name;
    listener->only_local = same_family.has_value();
    listener->is_stream = port.protocol != "udp";
    listener->protocol = port.protocol == "sctp" ? IPPROTO_SCTP : 0;
    if (!target) {
        throw Error(ErrorKind::invalid,
                    "publishing port {}: container {} has no address that it could lead to",
                    host_side(port),
                    attachment.container_name)
            .with_hint("ports are published by bridge networks that are not internal");
    }
    listener->target = {.address = *target, .port = port.container_port};
    const IpAddress any = key.is_v6 ? IpAddress::v6({}) : IpAddress();
    try {
        listener->fd =
            listen_on({.address = port.host_address.value_or(any), .port = port.host_port},
                      listener->is_stream ? SOCK_STREAM : SOCK_DGRAM,
                      listener->protocol);
    } catch (const SysError& error) {
        const bool lacks_family =
            key.is_v6 && (error.error() == EAFNOSUPPORT || error.error() == EADDRNOTAVAIL) &&
            !port.host_address;
        const bool lacks_sctp = port.protocol == "sctp" && error.error() == EPROTONOSUPPORT;
        if (!lacks_family && !lacks_sctp) {
            fail_taken(attachment, key, error.error());
        }
        listener->fd.reset();  // the firewall's rules alone have to do
    }
    return listener;
}

void PortServer::watch(Listener& listener) {
    if (listener.fd) {
        loop_.add_fd(listener.fd.get(), EPOLLIN, [this, &listener](uint32_t) {
            listener.is_stream ? on_connection(listener) : on_datagram(listener);
        });
    }
}

void PortServer::close(Listener& listener) noexcept {
    if (listener.fd) {
        loop_.remove_fd(listener.fd.get());
    }
    for (auto& [address, peer] : listener.peers) {
        loop_.remove_fd(peer.upstream.get());
        loop_.cancel_timer(peer.timer);
    }
}

void PortServer::set(const Attachment& attachment) {
    std::map<Key, bool> wanted;
    for (const auto& port : attachment.ports) {
        for (const bool is_v6 : {false, true}) {
            if (!port.host_address || port.host_address->is_v6() == is_v6) {
                wanted.emplace(Key{.port = port, .is_v6 = is_v6}, true);
            }
        }
    }
    std::map<Key, std::unique_ptr<Listener>> opened;
    for (const auto& [key, wants] : wanted) {
        const auto place = listeners_.find(key);
        if (place != listeners_.end() && place->second->container_id == attachment.container_id) {
            const auto same_family = attachment.address(key.is_v6);
            const auto target = same_family ? same_family : attachment.address(!key.is_v6);
            if (target) {
                place->second->target.address = *target;
                place->second->only_local = same_family.has_value();
            }
            continue;
        }
        if (place != listeners_.end()) {
            fail_taken(attachment, key, EADDRINUSE);
        }
        opened.emplace(key, open(attachment, key));
    }
    std::erase_if(listeners_, [&](auto& entry) {
        const bool is_gone =
            entry.second->container_id == attachment.container_id && !wanted.contains(entry.first);
        if (is_gone) {
            close(*entry.second);
        }
        return is_gone;
    });
    for (auto& [key, listener] : opened) {
        watch(*listener);
        listeners_.emplace(key, std::move(listener));
    }
}

void PortServer::remove(const std::string& container_id) {
    std::erase_if(listeners_, [&](auto& entry) {
        if (entry.second->container_id != container_id) {
            return false;
        }
        close(*entry.second);
        return true;
    });
}

void PortServer::on_connection(Listener& listener) {
    sockaddr_storage raw{};
    socklen_t size = sizeof(raw);
    sys::UniqueFd client(::accept4(
        listener.fd.get(), reinterpret_cast<sockaddr*>(&raw), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!client || relays_.size() >= kMaxRelays) {
        return;
    }
    const SocketAddress peer = SocketAddress::of(raw);
    // With the firewall's rules in place nothing from elsewhere comes here. While they are missing
    // it is turned away, rather than carried under the host's address.
    const bool is_local =
        peer.address.is_loopback() || peer.address == local_address(client.get()).address;
    if (listener.only_local && !is_local) {
        const linger at_once{.l_onoff = 1, .l_linger = 0};
        (void)!::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
        return;
    }
    try {
        sys::UniqueFd upstream =
            make_socket(listener.target.address.family(), SOCK_STREAM, listener.protocol);
        const int error = connect_socket(upstream.get(), listener.target);
        if (error != 0 && error != EINPROGRESS) {
            throw SysError(error, "connect {}", listener.target.to_string());
        }
        const uint64_t number = next_relay_++;
        relays_.emplace(number,
                        std::make_unique<StreamRelay>(
                            loop_, std::move(client), std::move(upstream), [this, number] {
                                relays_.erase(number);
                            }));
    } catch (const Error& error) {
        NAU_LOG_WARN("port {}: {}, ignoring", listener.target.port, error.text());
    }
}

void PortServer::on_datagram(Listener& listener) {
    std::string buffer(kMaxDatagramBytes, '\0');
    for (int turn = 0; turn < kDatagramsPerTurn; ++turn) {
        sockaddr_storage raw{};
        socklen_t raw_size = sizeof(raw);
        const ssize_t size = ::recvfrom(listener.fd.get(),
                                        buffer.data(),
                                        buffer.size(),
                                        0,
                                        reinterpret_cast<sockaddr*>(&raw),
                                        &raw_size);
        if (size < 0) {
            return;
        }
        const SocketAddress from = SocketAddress::of(raw);
        if (listener.only_local && !from.address.is_loopback()) {
            continue;
        }
        auto place = listener.peers.find(from);
        if (place == listener.peers.end()) {
            if (listener.peers.size() >= kMaxDatagramPeers) {
                continue;
            }
            try {
                sys::UniqueFd upstream = make_socket(listener.target.address.family(), SOCK_DGRAM);
                if (connect_socket(upstream.get(), listener.target) != 0) {
                    continue;
                }
                place = listener.peers.emplace(from, Listener::Peer{}).first;
                place->second.upstream = std::move(upstream);
            } catch (const Error&) {
                continue;  // out of descriptors: datagrams may be lost
            }
            Listener::Peer& peer = place->second;
            loop_.add_fd(peer.upstream.get(), EPOLLIN, [&listener, &peer, raw, raw_size](uint32_t) {
                std::string reply(kMaxDatagramBytes, '\0');
                const ssize_t got =
                    ::recv(peer.upstream.get(), reply.data(), reply.size(), MSG_DONTWAIT);
                if (got >= 0) {
                    peer.was_used = true;
                    (void)::sendto(listener.fd.get(),
                                   reply.data(),
                                   static_cast<size_t>(got),
                                   MSG_NOSIGNAL,
                                   reinterpret_cast<const sockaddr*>(&raw),
                                   raw_size);
                }
            });
            const auto expire = [this, &listener, from](const auto& self) -> void {
                const auto found = listener.peers.find(from);
                if (found == listener.peers.end()) {
                    return;
                }
                if (std::exchange(found->second.was_used, false)) {
                    found->second.timer =
                        loop_.add_timer(kDatagramPatience, [self] { self(self); });
                    return;
                }
                loop_.remove_fd(found->second.upstream.get());
                listener.peers.erase(found);
            };
            peer.timer = loop_.add_timer(kDatagramPatience, [expire] { expire(expire); });
        }
        place->second.was_used = true;
        (void)::send(place->second.upstream.get(),
                     buffer.data(),
                     static_cast<size_t>(size),
                     MSG_NOSIGNAL | MSG_DONTWAIT);
    }
}

}  // namespace nau::network
