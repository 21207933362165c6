#include "network/resolver.h"

#include <algorithm>
#include <cerrno>
#include <set>
#include <sys/socket.h>

#include <fmt/core.h>

#include "base/error.h"
#include "base/log.h"
#include "sys/file.h"

namespace nau::network::dns {

namespace {

constexpr uint16_t kPort = 53;
constexpr const char* kResolvConf = "/etc/resolv.conf";
constexpr size_t kMaxResolvConfBytes = 64 * 1024;
constexpr size_t kMaxStreams = 256;
constexpr std::chrono::seconds kStreamPatience{10};
/// Questions are short; what is longer is nobody's honest question.
constexpr size_t kMaxQuestionBytes = 4096;
/// Datagrams read before others get their turn.
constexpr int kDatagramsPerTurn = 64;

}  // namespace

struct Resolver::Listener {
    std::string network;
    sys::UniqueFd datagrams;
    sys::UniqueFd streams;
};

struct Resolver::Stream {
    sys::UniqueFd fd;
    std::string network;
    SocketAddress peer;
    std::string received;
    std::string unsent;
    sys::EventLoop::TimerId timer = 0;
};

Resolver::Resolver(sys::EventLoop& loop) : loop_(loop), forwarder_(loop) {}

Resolver::~Resolver() {
    for (auto& [key, listener] : listeners_) {
        loop_.remove_fd(listener->datagrams.get());
        loop_.remove_fd(listener->streams.get());
    }
    while (!streams_.empty()) {
        close_stream(streams_.begin()->first);
    }
}

std::vector<std::string> Resolver::set(const Attachment& attachment) {
    zone_.set(attachment);
    return update_listeners();
}

void Resolver::remove(const std::string& container_id) {
    zone_.remove(container_id);
    (void)update_listeners();  // nothing is opened when a container goes
}

std::vector<std::string> Resolver::update_listeners() {
    networks_ = zone_.networks();
    std::set<std::pair<std::string, IpAddress>> needed;
    for (const auto& [id, network] : networks_) {
        for (const auto& subnet : network.subnets) {
            needed.emplace(id, subnet.gateway);
        }
    }
    std::erase_if(listeners_, [&](const auto& entry) {
        if (needed.contains(entry.first)) {
            return false;
        }
        loop_.remove_fd(entry.second->datagrams.get());
        loop_.remove_fd(entry.second->streams.get());
        return true;
    });
    std::vector<std::string> problems;
    for (const auto& [network, gateway] : needed) {
        if (listeners_.contains({network, gateway})) {
            continue;
        }
        try {
            open_listener(network, gateway);
        } catch (const Error& error) {
            problems.push_back(
                fmt::format("names of the network cannot be served: {}", error.text()));
        }
    }
    return problems;
}

void Resolver::open_listener(const std::string& network, const IpAddress& gateway) {
    auto listener = std::make_unique<Listener>();
    listener->network = network;
    const SocketAddress address{.address = gateway, .port = kPort};
    listener->datagrams = listen_on(address, SOCK_DGRAM);
    listener->streams = listen_on(address, SOCK_STREAM);
    Listener& made = *listener;
    listeners_.emplace(std::pair(network, gateway), std::move(listener));
    loop_.add_fd(made.datagrams.get(), EPOLLIN, [this, &made](uint32_t) { on_datagram(made); });
    loop_.add_fd(made.streams.get(), EPOLLIN, [this, &made](uint32_t) { on_connection(made); });
}

void Resolver::on_datagram(Listener& listener) {
    std::array<char, kMaxQuestionBytes> buffer{};
    for (int turn = 0; turn < kDatagramsPerTurn; ++turn) {
        sockaddr_storage raw{};
        socklen_t raw_size = sizeof(raw);
        const ssize_t size = ::recvfrom(listener.datagrams.get(),
                                        buffer.data(),
                                        buffer.size(),
                                        MSG_TRUNC,
                                        reinterpret_cast<sockaddr*>(&raw),
                                        &raw_size);
        if (size < 0) {
            return;
        }
        if (static_cast<size_t>(size) > buffer.size()) {
            continue;
        }
        const SocketAddress from = SocketAddress::of(raw);
        // The listener may go before an answer from outside comes: the socket is found anew.
        const auto key =
            std::pair(listener.network, local_address(listener.datagrams.get()).address);
        answer({buffer.data(), static_cast<size_t>(size)},
               listener.network,
               from,
               false,
               [this, key, raw, raw_size](const std::string& reply) {
                   const auto place = listeners_.find(key);
                   if (place != listeners_.end()) {
                       // Nobody to tell when it fails: the client asks again.
                       (void)::sendto(place->second->datagrams.get(),
                                      reply.data(),
                                      reply.size(),
                                      MSG_NOSIGNAL,
                                      reinterpret_cast<const sockaddr*>(&raw),
                                      raw_size);
                   }
               });
    }
}

void Resolver::on_connection(Listener& listener) {
    sockaddr_storage raw{};
    socklen_t raw_size = sizeof(raw);
    sys::UniqueFd fd(::accept4(listener.streams.get(),
                               reinterpret_cast<sockaddr*>(&raw),
                               &raw_size,
                               SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd || streams_.size() >= kMaxStreams) {
        return;
    }
    const uint64_t number = next_stream_++;
    auto stream = std::make_unique<Stream>();
    stream->fd = std::move(fd);
    stream->network = listener.network;
    stream->peer = SocketAddress::of(raw);
    stream->timer = loop_.add_timer(kStreamPatience, [this, number] { close_stream(number); });
    loop_.add_fd(
        stream->fd.get(), EPOLLIN, [this, number](uint32_t events) { on_stream(number, events); });
    streams_.emplace(number, std::move(stream));
}

void Resolver::close_stream(uint64_t number) {
    const auto place = streams_.find(number);
    if (place != streams_.end()) {
        loop_.cancel_timer(place->second->timer);
        loop_.remove_fd(place->second->fd.get());
        streams_.erase(place);
    }
}

void Resolver::on_stream(uint64_t number, uint32_t events) {
    const auto place = streams_.find(number);
    if (place == streams_.end()) {
        return;
    }
    Stream& stream = *place->second;
    if ((events & EPOLLOUT) != 0 && !stream.unsent.empty()) {
        reply_on_stream(number, {});
        return;
    }
    std::array<char, 2048> buffer{};
    const ssize_t size = ::recv(stream.fd.get(), buffer.data(), buffer.size(), 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (size <= 0) {
        close_stream(number);
        return;
    }
    stream.received.append(buffer.data(), static_cast<size_t>(size));
    while (stream.received.size() >= 2) {
        const size_t length = get_id(stream.received);
        if (length > kMaxQuestionBytes) {
            close_stream(number);
            return;
        }
        if (stream.received.size() < 2 + length) {
            return;
        }
        const std::string message = stream.received.substr(2, length);
        stream.received.erase(0, 2 + length);
        answer(message, stream.network, stream.peer, true, [this, number](std::string reply) {
            reply_on_stream(number, std::move(reply));
        });
        if (!streams_.contains(number)) {
            return;
        }
    }
}

void Resolver::reply_on_stream(uint64_t number, std::string reply) {
    const auto place = streams_.find(number);
    if (place == streams_.end()) {
        return;
    }
    Stream& stream = *place->second;
    if (!reply.empty()) {
        stream.unsent += static_cast<char>(reply.size() >> 8U);
        stream.unsent += static_cast<char>(reply.size() & 0xffU);
        stream.unsent += reply;
    }
    const ssize_t sent =
        ::send(stream.fd.get(), stream.unsent.data(), stream.unsent.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        close_stream(number);
        return;
    }
    stream.unsent.erase(0, sent > 0 ? static_cast<size_t>(sent) : 0);
    loop_.modify_fd(stream.fd.get(), stream.unsent.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

void Resolver::answer(std::string_view message,
                      const std::string& network,
                      const SocketAddress& from,
                      bool is_stream,
                      const Reply& reply) {
    const ReadQuestion read = read_question(message);
    if (!read.question) {
        if (read.refusal) {
            reply(write_refusal(read.id, *read.refusal));
        }
        return;
    }
    const Question& question = *read.question;
    const size_t max_bytes = is_stream ? kMaxMessageBytes : question.udp_bytes;
    const auto client = zone_.find_client(network, from.address);
    if (!client || question.question_class != kClassInternet) {
        reply(
            write_answer(question, {.code = Code::refused, .is_authoritative = false}, max_bytes));
        return;
    }
    const auto reverse =
        question.type == kTypePtr ? parse_reverse_name(question.name) : std::nullopt;
    if (reverse && zone_.is_own(*client, *reverse)) {
        auto names = zone_.find_names(*client, *reverse);
        const Code code = names.empty() ? Code::name_error : Code::no_error;
        reply(write_answer(question, {.code = code, .names = std::move(names)}, max_bytes));
        return;
    }
    Zone::Found found = zone_.find_addresses(*client, question.name, question.type);
    if (found.exists) {
        if (found.addresses.size() > 1) {
            const auto turn = static_cast<std::ptrdiff_t>(++rotation_ % found.addresses.size());
            std::rotate(
                found.addresses.begin(), found.addresses.begin() + turn, found.addresses.end());
        }
        reply(write_answer(question, {.addresses = std::move(found.addresses)}, max_bytes));
        return;
    }
    if (!client->may_forward) {
        reply(write_answer(question, {.code = Code::name_error}, max_bytes));
        return;
    }
    forward(question, message, *client, is_stream, reply);
}

void Resolver::forward(const Question& question,
                       std::string_view message,
                       const Zone::Client& client,
                       bool is_stream,
                       const Reply& reply) {
    forwarder_.ask(std::string(message),
                   servers_for(client),
                   is_stream,
                   [question, reply, is_stream](std::string answer) {
                       if (answer.empty()) {
                           answer = write_answer(
                               question,
                               {.code = Code::server_failure, .is_authoritative = false},
                               kMaxUdpBytes);
                       } else if (!is_stream && answer.size() > question.udp_bytes) {
                           answer = truncate(answer, question);
                       }
                       reply(std::move(answer));
                   });
}

std::vector<SocketAddress> Resolver::servers_for(const Zone::Client& client) {
    std::vector<IpAddress> own;
    if (client.attachment != nullptr) {
        own = client.attachment->dns_servers;
    }
    for (size_t i = 0; own.empty() && i < client.networks.size(); ++i) {
        const auto place = networks_.find(client.networks[i]);
        own = place == networks_.end() ? own : place->second.dns_servers;
    }
    std::vector<SocketAddress> servers;
    for (const auto& address : own) {
        servers.push_back({.address = address, .port = kPort});
    }
    if (!servers.empty()) {
        return servers;
    }
    const auto status = sys::stat_if_exists(kResolvConf);
    const int64_t changed =
        status ? status->st_mtim.tv_sec * 1'000'000'000 + status->st_mtim.tv_nsec : 0;
    if (changed != host_servers_changed_ || host_servers_.empty()) {
        host_servers_ = parse_name_servers(
            sys::read_file_if_exists(kResolvConf, kMaxResolvConfBytes).value_or(""));
        host_servers_changed_ = changed;
    }
    return host_servers_;
}

}  // namespace nau::network::dns
