#include "network/dns_forwarder.h"

#include <cerrno>
#include <net/if.h>
#include <span>
#include <sys/socket.h>

#include "base/error.h"
#include "base/log.h"
#include "base/parse.h"
#include "network/dns_message.h"
#include "sys/random.h"

namespace nau::network::dns {

namespace {

constexpr uint16_t kPort = 53;
constexpr std::chrono::milliseconds kPatience{2000};
constexpr size_t kMaxRounds = 2;
constexpr size_t kMaxQueries = 1024;

uint16_t random_id() {
    uint16_t id = 0;
    sys::fill_random(std::as_writable_bytes(std::span(&id, 1)));
    return id;
}

}  // namespace

struct Forwarder::Query {
    std::string message;  ///< with an id of its own
    uint16_t client_id = 0;
    std::vector<SocketAddress> servers;
    size_t attempt = 0;
    bool is_stream = false;
    Answered answered;
    sys::UniqueFd socket;
    sys::EventLoop::TimerId timer = 0;
    std::string unsent;
    std::string received;
};

Forwarder::Forwarder(sys::EventLoop& loop) : loop_(loop) {}

Forwarder::~Forwarder() {
    for (auto& [number, query] : queries_) {
        close(*query);
    }
}

void Forwarder::close(Query& query) noexcept {
    if (query.socket) {
        loop_.remove_fd(query.socket.get());
        query.socket.reset();
    }
    loop_.cancel_timer(query.timer);
}

void Forwarder::ask(std::string query,
                    std::vector<SocketAddress> servers,
                    bool is_stream,
                    Answered answered) {
    const uint64_t number = next_number_++;
    auto entry = std::make_unique<Query>();
    entry->client_id = get_id(query);
    entry->message = std::move(query);
    entry->servers = std::move(servers);
    entry->is_stream = is_stream;
    entry->answered = std::move(answered);
    const bool is_hopeless = entry->servers.empty() || queries_.size() >= kMaxQueries;
    Query& made = *queries_.emplace(number, std::move(entry)).first->second;
    if (is_hopeless) {
        made.attempt = made.servers.size() * kMaxRounds;
    }
    made.timer = loop_.add_timer(std::chrono::nanoseconds(0), [this, number] { try_next(number); });
}

void Forwarder::try_next(uint64_t number) {
    const auto place = queries_.find(number);
    if (place == queries_.end()) {
        return;
    }
    Query& query = *place->second;
    close(query);
    while (query.attempt < query.servers.size() * kMaxRounds) {
        const SocketAddress& server = query.servers[query.attempt++ % query.servers.size()];
        if (start(query, server)) {
            loop_.add_fd(query.socket.get(),
                         query.is_stream ? EPOLLIN | EPOLLOUT : EPOLLIN,
                         [this, number](uint32_t events) { on_event(number, events); });
            query.timer = loop_.add_timer(kPatience, [this, number] { try_next(number); });
            return;
        }
    }
    finish(number, {});
}

bool Forwarder::start(Query& query, const SocketAddress& server) {
    try {
        query.socket =
            make_socket(server.address.family(), query.is_stream ? SOCK_STREAM : SOCK_DGRAM);
        const int error = connect_socket(query.socket.get(), server);
        if (error != 0 && error != EINPROGRESS) {
            throw SysError(error, "connect {}", server.to_string());
        }
        set_id(query.message, random_id());
        query.received.clear();
        if (!query.is_stream) {
            return ::send(query.socket.get(),
                          query.message.data(),
                          query.message.size(),
                          MSG_NOSIGNAL) == static_cast<ssize_t>(query.message.size());
        }
        const size_t size = query.message.size();
        query.unsent = std::string{static_cast<char>(size >> 8U), static_cast<char>(size & 0xffU)};
        query.unsent += query.message;
        return true;
    } catch (const Error& error) {
        NAU_LOG_DEBUG("name server {}: {}", server.to_string(), error.text());
        query.socket.reset();
        return false;
    }
}

void Forwarder::on_event(uint64_t number, uint32_t events) {
    const auto place = queries_.find(number);
    if (place == queries_.end()) {
        return;
    }
    Query& query = *place->second;
    if (query.is_stream) {
        on_stream_event(number, query, events);
        return;
    }
    std::string buffer(kMaxMessageBytes, '\0');
    const ssize_t size = ::recv(query.socket.get(), buffer.data(), buffer.size(), 0);
    if (size < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            try_next(number);  // nobody is there: the next one
        }
        return;
    }
    buffer.resize(static_cast<size_t>(size));
    if (answers(buffer, query.message)) {
        finish(number, std::move(buffer));
    }
}

void Forwarder::on_stream_event(uint64_t number, Query& query, uint32_t events) {
    if ((events & (EPOLLERR | EPOLLHUP)) != 0 && (events & EPOLLIN) == 0) {
        try_next(number);
        return;
    }
    if (!query.unsent.empty() && (events & EPOLLOUT) != 0) {
        const ssize_t sent =
            ::send(query.socket.get(), query.unsent.data(), query.unsent.size(), MSG_NOSIGNAL);
        if (sent > 0) {
            query.unsent.erase(0, static_cast<size_t>(sent));
        }
        if (query.unsent.empty()) {
            loop_.modify_fd(query.socket.get(), EPOLLIN);
        }
    }
    if ((events & EPOLLIN) == 0) {
        return;
    }
    std::string buffer(4096, '\0');
    const ssize_t size = ::recv(query.socket.get(), buffer.data(), buffer.size(), 0);
    if (size <= 0) {
        if (size == 0 || (errno != EAGAIN && errno != EINTR)) {
            try_next(number);
        }
        return;
    }
    query.received.append(buffer, 0, static_cast<size_t>(size));
    if (query.received.size() < 2) {
        return;
    }
    const size_t length = static_cast<size_t>(get_id(query.received));
    if (query.received.size() >= 2 + length) {
        std::string reply = query.received.substr(2, length);
        if (answers(reply, query.message)) {
            finish(number, std::move(reply));
        } else {
            try_next(number);
        }
    }
}

void Forwarder::finish(uint64_t number, std::string reply) {
    const auto place = queries_.find(number);
    const std::unique_ptr<Query> query = std::move(place->second);
    queries_.erase(place);
    close(*query);
    if (!reply.empty()) {
        set_id(reply, query->client_id);
    }
    query->answered(std::move(reply));
}

std::vector<SocketAddress> parse_name_servers(std::string_view resolv_conf) {
    std::vector<SocketAddress> servers;
    for (auto line : split(resolv_conf, '\n')) {
        line = trim(line);
        if (!line.starts_with("nameserver") || line.size() < 12) {
            continue;
        }
        const auto word = trim(line.substr(std::string_view("nameserver").size()));
        const auto scoped = split_once(word, '%');
        const auto address = IpAddress::try_parse(scoped ? scoped->first : word);
        if (address) {
            const unsigned scope =
                scoped ? ::if_nametoindex(std::string(scoped->second).c_str()) : 0;
            servers.push_back({.address = *address, .port = kPort, .scope = scope});
        }
    }
    return servers;
}

}  // namespace nau::network::dns
