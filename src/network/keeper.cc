#include "network/keeper.h"

#include <cerrno>
#include <linux/rtnetlink.h>
#include <map>
#include <set>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fmt/core.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "network/configure.h"
#include "network/firewall.h"
#include "network/keeper_client.h"
#include "network/keeper_guard.h"
#include "network/port_server.h"
#include "network/resolver.h"
#include "sys/event_loop.h"
#include "sys/file.h"
#include "sys/lock_file.h"
#include "sys/pipe.h"
#include "sys/process.h"

namespace nau::network {

namespace {

using json::Value;

constexpr int kChannel = 3;
constexpr size_t kMaxRequestBytes = 4096;
/// How long it stays without containers: one after the other should not start a keeper each.
constexpr std::chrono::milliseconds kLinger{1000};
/// After the first container, so that its start does not wait for the guard's.
constexpr std::chrono::milliseconds kGuardDelay{100};
constexpr const char* kUsualDirectory = "/run/nau/networks";

class Keeper {
  public:
    explicit Keeper(std::filesystem::path directory);
    int run();

  private:
    /// Counts: several containers share a bridge.
    void count(const Attachment& attachment, int change);
    FirewallContent content() const;

    void load();
    void listen();
    void add_client(sys::UniqueFd fd);
    void on_request(int fd);
    Value handle(const Value& request);
    Value update(const std::string& id);
    Value reload();
    Value status() const;
    std::vector<std::string> set(const Attachment& attachment);
    void drop(const std::string& id);
    void on_link_event();
    void on_firewall_event();
    void on_interface_gone(const std::string& name);
    void forget_unannounced();
    void make_table();
    void rest_if_idle();
    void guard_soon();
    void start_guard();
    void run_loop();

    std::filesystem::path directory_;
    std::optional<sys::FileLock> lock_;
    sys::EventLoop loop_;
    Firewall firewall_;
    NetlinkSocket routes_{NETLINK_ROUTE};
    std::optional<NetlinkSocket> link_events_;
    std::optional<NetlinkSocket> firewall_events_;
    PortServer ports_{loop_};
    dns::Resolver resolver_{loop_};
    sys::UniqueFd listener_;
    std::map<int, sys::UniqueFd> clients_;
    std::map<std::string, Attachment> attachments_;
    std::map<std::string, std::string> interfaces_;  ///< host's end → container
    std::map<BridgeRules, int> bridges_;
    std::map<PortRule, int> port_rules_;
    sys::EventLoop::TimerId linger_ = 0;
    sys::EventLoop::TimerId guard_timer_ = 0;
    std::optional<sys::Child> guard_;
};

Keeper::Keeper(std::filesystem::path directory)
    : directory_(std::move(directory)), firewall_(firewall_table_name(directory_)) {}

std::vector<PortRule> rules_of(const Attachment& attachment) {
    std::vector<PortRule> rules;
    for (const auto& port : attachment.ports) {
        for (const bool is_v6 : {false, true}) {
            const auto target = attachment.address(is_v6);
            const bool is_here = port.host_address && port.host_address->is_loopback();
            if (!target || is_here || (port.host_address && port.host_address->is_v6() != is_v6)) {
                continue;
            }
            const bool is_any = !port.host_address || port.host_address->is_unspecified();
            rules.push_back({.host_address = is_any ? std::nullopt : port.host_address,
                             .protocol = protocol_number(port.protocol),
                             .host_port = port.host_port,
                             .target = *target,
                             .target_port = port.container_port});
        }
    }
    return rules;
}

std::optional<BridgeRules> bridge_rules_of(const Endpoint& endpoint) {
    const Network& network = endpoint.network;
    if (network.driver != Driver::bridge) {
        return std::nullopt;
    }
    return BridgeRules{.bridge = network.interface,
                       .is_internal = network.is_internal,
                       .is_isolated = network.is_isolated,
                       .has_masquerade = network.has_masquerade && !network.is_internal,
                       .has_neighbours = network.has_neighbours};
}

template <typename Key>
void change_count(std::map<Key, int>& counts, const Key& key, int change) {
    const auto place = counts.try_emplace(key, 0).first;
    place->second += change;
    if (place->second <= 0) {
        counts.erase(place);
    }
}

void Keeper::count(const Attachment& attachment, int change) {
    for (const auto& endpoint : attachment.endpoints) {
        if (const auto rules = bridge_rules_of(endpoint)) {
            change_count(bridges_, *rules, change);
        }
    }
    for (const auto& rule : rules_of(attachment)) {
        change_count(port_rules_, rule, change);
    }
}

FirewallContent Keeper::content() const {
    FirewallContent content;
    for (const auto& [rules, count] : bridges_) {
        content.bridges.insert(content.bridges.end(), rules);
    }
    for (const auto& [rule, count] : port_rules_) {
        content.ports.insert(content.ports.end(), rule);
    }
    return content;
}

/// The files of containers that are still there; those of others go.
void Keeper::load() {
    std::set<std::string> existing;
    for (const Link& link : list_links(routes_)) {
        existing.insert(link.name);
    }
    for (Attachment& attachment : read_attachments(directory_)) {
        bool has_interface = false;
        bool is_kept = false;
        for (const auto& endpoint : attachment.endpoints) {
            has_interface = has_interface || !endpoint.host_interface.empty();
            is_kept = is_kept || existing.contains(endpoint.host_interface);
        }
        if (!has_interface) {
            continue;  // nothing of it is the keeper's
        }
        if (!is_kept) {
            remove_attachment(directory_, attachment.container_id);
            continue;
        }
        count(attachment, 1);
        for (const auto& endpoint : attachment.endpoints) {
            interfaces_[endpoint.host_interface] = attachment.container_id;
        }
        const std::string id = attachment.container_id;
        attachments_.emplace(id, std::move(attachment));
    }
}

void Keeper::make_table() {
    firewall_.replace(content());
    if (!firewall_.is_owned() && !firewall_events_) {
        firewall_events_.emplace(NETLINK_NETFILTER,
                                 std::initializer_list<unsigned>{NFNLGRP_NFTABLES});
        loop_.add_fd(firewall_events_->fd(), EPOLLIN, [this](uint32_t) { on_firewall_event(); });
    }
}

void Keeper::listen() {
    listener_ =
        sys::listen_unix(keeper_socket_path(directory_), 0600, SOCK_SEQPACKET | SOCK_NONBLOCK);
    loop_.add_fd(listener_.get(), EPOLLIN, [this](uint32_t) {
        if (auto client = sys::accept(listener_.get(), SOCK_NONBLOCK)) {
            if (sys::peer_credentials(client->get()).uid == ::geteuid()) {
                add_client(*std::move(client));
            }
        }
    });
}

void Keeper::add_client(sys::UniqueFd fd) {
    const int number = fd.get();
    sys::set_nonblocking(number, true);
    loop_.add_fd(number, EPOLLIN, [this, number](uint32_t) { on_request(number); });
    clients_.emplace(number, std::move(fd));
}

void Keeper::on_request(int fd) {
    std::optional<sys::Message> message;
    try {
        message = sys::receive_message(fd, kMaxRequestBytes);
        if (message) {
            sys::send_message(fd, json::to_text(handle(json::parse(message->bytes, "request"))));
        }
    } catch (const SysError& error) {
        if (error.error() == EAGAIN) {
            return;
        }
        message.reset();
    } catch (const Error& error) {
        NAU_LOG_WARN("request: {}, ignoring", error.text());
        message.reset();
    }
    if (!message) {
        loop_.remove_fd(fd);
        clients_.erase(fd);
        rest_if_idle();
    }
}

Value Keeper::handle(const Value& request) {
    try {
        const std::string operation = request.value("do", "");
        if (operation == "update") {
            return update(request.value("id", ""));
        }
        if (operation == "reload") {
            return reload();
        }
        return status();
    } catch (const Error& error) {
        return {{"error", error.text()},
                {"kind", std::string(to_string(error.kind()))},
                {"hint", error.hint()}};
    }
}

Value Keeper::update(const std::string& id) {
    const auto attachment = read_attachment(directory_, id);
    if (!attachment) {
        drop(id);
        return Value::object();
    }
    return {{"warnings", set(*attachment)}};
}

/// Ports first, since they can be refused; then the rules, then the names.
std::vector<std::string> Keeper::set(const Attachment& attachment) {
    const std::string& id = attachment.container_id;
    loop_.cancel_timer(linger_);
    const auto place = attachments_.find(id);
    const std::optional<Attachment> before =
        place == attachments_.end() ? std::nullopt : std::optional(place->second);
    ports_.set(attachment);
    if (before) {
        count(*before, -1);
    }
    count(attachment, 1);
    try {
        firewall_.change(content());
    } catch (const Error&) {
        count(attachment, -1);
        if (before) {
            count(*before, 1);
            ports_.set(*before);
        } else {
            ports_.remove(id);
        }
        throw;
    }
    if (before) {
        for (const auto& endpoint : before->endpoints) {
            interfaces_.erase(endpoint.host_interface);
        }
    }
    for (const auto& endpoint : attachment.endpoints) {
        interfaces_[endpoint.host_interface] = id;
    }
    attachments_.insert_or_assign(id, attachment);
    guard_soon();
    auto warnings = resolver_.set(attachment);
    on_link_event();  // it may have ended while it was being entered
    return warnings;
}

void Keeper::drop(const std::string& id) {
    const auto place = attachments_.find(id);
    if (place == attachments_.end()) {
        rest_if_idle();
        return;
    }
    resolver_.remove(id);
    count(place->second, -1);
    for (const auto& endpoint : place->second.endpoints) {
        interfaces_.erase(endpoint.host_interface);
    }
    attachments_.erase(place);
    try {
        firewall_.change(content());
    } catch (const Error& error) {
        NAU_LOG_WARN("{}; making the table anew", error.text());
        make_table();
    }
    ports_.remove(id);
    rest_if_idle();
}

Value Keeper::reload() {
    make_table();
    std::vector<std::string> warnings;
    for (const auto& [id, attachment] : attachments_) {
        for (const auto& endpoint : attachment.endpoints) {
            if (endpoint.network.driver != Driver::bridge) {
                continue;
            }
            (void)ensure_bridge(routes_, endpoint.network);
            const auto bridge = find_link(routes_, endpoint.network.interface);
            const auto port = find_link(routes_, endpoint.host_interface);
            if (bridge && port && port->master != bridge->index) {
                std::vector<Request> requests;
                requests.push_back(set_link_master(endpoint.host_interface, bridge->index));
                routes_.request_all(requests);
            }
        }
        ports_.set(attachment);
        for (auto& warning : resolver_.set(attachment)) {
            warnings.push_back(std::move(warning));
        }
    }
    return {{"warnings", warnings}};
}

Value Keeper::status() const {
    Value containers = Value::array();
    for (const auto& [id, attachment] : attachments_) {
        containers.push_back(id);
    }
    return {{"pid", ::getpid()},
            {"table", firewall_.table()},
            {"isOwned", firewall_.is_owned()},
            {"containers", std::move(containers)},
            {"connections", ports_.connections()},
            {"nameServers", resolver_.listening()}};
}

/// The files of those who were killed between writing theirs and telling of it.
void Keeper::forget_unannounced() {
    for (const auto& entry : sys::list_directory(attachments_path(directory_))) {
        const std::string id = entry.name.substr(0, entry.name.find('.'));
        if (id.empty() || attachments_.contains(id)) {
            continue;
        }
        const auto attachment = read_attachment(directory_, id);
        bool has_interface = false;
        bool is_there = false;
        for (const auto& endpoint : attachment ? attachment->endpoints : std::vector<Endpoint>()) {
            has_interface = has_interface || !endpoint.host_interface.empty();
            is_there = is_there || (!endpoint.host_interface.empty() &&
                                    find_link(routes_, endpoint.host_interface));
        }
        if (has_interface && !is_there) {
            remove_attachment(directory_, id);
        }
    }
}

void Keeper::on_interface_gone(const std::string& name) {
    const auto place = interfaces_.find(name);
    if (place == interfaces_.end()) {
        forget_unannounced();
        return;
    }
    const std::string id = place->second;
    // `network disconnect` takes one of several away and tells so itself; when the last one goes
    // the container has ended.
    interfaces_.erase(place);
    for (const auto& [interface, container] : interfaces_) {
        if (container == id && !interface.empty()) {
            return;
        }
    }
    remove_attachment(directory_, id);
    drop(id);
}

void Keeper::on_link_event() {
    bool was_overrun = false;
    const auto events = link_events_->receive_events(was_overrun);
    if (was_overrun) {
        std::set<std::string> existing;
        for (const Link& link : list_links(routes_)) {
            existing.insert(link.name);
        }
        const auto known = interfaces_;
        for (const auto& [name, id] : known) {
            if (!name.empty() && !existing.contains(name)) {
                on_interface_gone(name);
            }
        }
    }
    if (!events) {
        return;
    }
    for (const auto& event : *events) {
        // A bridge tells of its ports as well, and those that leave it are not gone.
        if (event.type == RTM_DELLINK && event.header<ifinfomsg>().ifi_family == AF_UNSPEC) {
            on_interface_gone(parse_link(event).name);
        }
    }
}

void Keeper::on_firewall_event() {
    bool was_overrun = false;
    const auto events = firewall_events_->receive_events(was_overrun);
    bool is_touched = was_overrun;
    for (size_t i = 0; events && i < events->size(); ++i) {
        const auto& event = (*events)[i];
        const bool is_own = event.sender_port == firewall_.port();
        const auto name = event.attributes<nfgenmsg>().text(NFTA_TABLE_NAME);
        const bool is_deletion = event.type == (NFNL_SUBSYS_NFTABLES << 8U | NFT_MSG_DELTABLE);
        is_touched = is_touched || (!is_own && is_deletion && name == firewall_.table());
    }
    if (is_touched && !firewall_.is_there()) {
        NAU_LOG_WARN("the firewall table was removed; making it again");
        make_table();
    }
}

void Keeper::rest_if_idle() {
    loop_.cancel_timer(linger_);
    if (attachments_.empty()) {
        linger_ = loop_.add_timer(kLinger, [this] {
            if (attachments_.empty() && clients_.empty()) {
                loop_.stop();
            }
        });
    }
}

void Keeper::guard_soon() {
    if (!guard_) {
        loop_.cancel_timer(guard_timer_);
        guard_timer_ = loop_.add_timer(kGuardDelay, [this] { start_guard(); });
    }
}

void Keeper::start_guard() {
    if (attachments_.empty() || guard_) {
        return;
    }
    guard_ = start_keeper_guard(directory_);
    const int ended = guard_->pidfd();
    loop_.add_fd(ended, EPOLLIN, [this, ended](uint32_t) {
        loop_.remove_fd(ended);
        (void)guard_->wait();
        guard_.reset();
        guard_soon();
    });
}

/// What goes wrong with one request or event must not end what others rely on.
void Keeper::run_loop() {
    constexpr int most_failures = 100;
    for (int failures = 0; failures < most_failures; ++failures) {
        try {
            loop_.run();
            return;
        } catch (const Error& error) {
            NAU_LOG_WARN("{}, ignoring", error.text());
        }
    }
}

int Keeper::run() {
    lock_ = sys::FileLock::try_exclusive(keeper_lock_path(directory_));
    if (!lock_) {
        return 0;  // the other one is asked
    }
    link_events_.emplace(NETLINK_ROUTE, std::initializer_list<unsigned>{RTNLGRP_LINK});
    load();
    make_table();
    for (const auto& [id, attachment] : attachments_) {
        try {
            ports_.set(attachment);
        } catch (const Error& error) {
            NAU_LOG_WARN("{}, ignoring", error.text());
        }
        for (const auto& warning : resolver_.set(attachment)) {
            NAU_LOG_WARN("{}, ignoring", warning);
        }
    }
    loop_.add_fd(link_events_->fd(), EPOLLIN, [this](uint32_t) { on_link_event(); });
    loop_.add_signals({SIGTERM, SIGINT, SIGHUP}, [this](const signalfd_siginfo& info) {
        if (info.ssi_signo != SIGHUP) {
            loop_.stop();
        } else {
            (void)reload();
        }
    });
    listen();
    add_client(sys::UniqueFd(kChannel));
    rest_if_idle();
    if (!attachments_.empty()) {
        guard_soon();
    }
    run_loop();
    (void)sys::unlink_if_exists(keeper_socket_path(directory_));
    if (attachments_.empty()) {
        firewall_.remove();
    }
    return 0;
}

void raise_descriptor_limit() noexcept {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)!::setrlimit(RLIMIT_NOFILE, &limit);  // fewer ports and connections, then
    }
}

/// When it cannot begin, the client that started it hears why.
void refuse_first_request(const Error& error) noexcept {
    try {
        const sys::UniqueFd channel(kChannel);
        (void)sys::receive_message(channel.get(), kMaxRequestBytes);
        sys::send_message(channel.get(),
                          json::to_text({{"error", error.text()},
                                         {"kind", std::string(to_string(error.kind()))},
                                         {"hint", error.hint()}}));
    } catch (const std::exception&) {
        return;  // nobody is there to hear it
    }
}

}  // namespace

std::string firewall_table_name(const std::filesystem::path& directory) {
    const std::string text = directory.string();
    if (text == kUsualDirectory) {
        return "nau";
    }
    uint32_t hash = 2166136261U;  // FNV-1a
    for (const char c : text) {
        hash = (hash ^ static_cast<uint8_t>(c)) * 16777619U;
    }
    return fmt::format("nau-{:08x}", hash);
}

std::filesystem::path keeper_socket_path(const std::filesystem::path& directory) {
    return directory / "keeper.sock";
}

std::filesystem::path keeper_lock_path(const std::filesystem::path& directory) {
    return directory / "keeper.lock";
}

std::filesystem::path attachments_path(const std::filesystem::path& directory) {
    return directory / "containers";
}

std::filesystem::path attachment_path(const std::filesystem::path& directory,
                                      const std::string& container_id) {
    if (container_id.empty() || container_id.find('/') != container_id.npos) {
        throw Error(ErrorKind::invalid, "'{}' is no container id", container_id);
    }
    return attachments_path(directory) / (container_id + ".json");
}

int keeper_main(int argc, char** argv) noexcept {
    try {
        if (argc != 3) {
            return 125;
        }
        (void)::prctl(PR_SET_NAME, "nau-keeper");
        raise_descriptor_limit();
        sys::ignore_signal(SIGPIPE);
        return Keeper(argv[2]).run();
    } catch (const Error& error) {
        NAU_LOG_WARN("{}", error.text());
        refuse_first_request(error);
    } catch (const std::exception& error) {
        NAU_LOG_WARN("{}", error.what());
    }
    return 125;
}

}  // namespace nau::network
