#include "network/keeper_client.h"

#include <cerrno>
#include <chrono>
#include <poll.h>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "network/keeper.h"
#include "sys/file.h"
#include "sys/lock_file.h"
#include "sys/pipe.h"
#include "sys/process.h"

namespace nau::network {

namespace {

constexpr size_t kMaxAttachmentBytes = 8U << 20U;
constexpr size_t kMaxReplyBytes = 1U << 20U;
constexpr std::chrono::seconds kPatience{20};
constexpr int kAttempts = 5;
constexpr int kChannel = 3;

[[noreturn]] void rethrow(const json::Value& reply) {
    throw Error(parse_error_kind(reply.value("kind", "internal")), "{}", reply.value("error", "?"))
        .with_hint(reply.value("hint", ""));
}

std::vector<std::string> warnings_of(const json::Value& reply) {
    return reply.value("warnings", std::vector<std::string>());
}

}  // namespace

std::optional<Attachment> read_attachment(const std::filesystem::path& directory,
                                          const std::string& container_id) {
    const auto path = attachment_path(directory, container_id);
    const auto text = sys::read_file_if_exists(path, kMaxAttachmentBytes);
    return text ? std::optional(parse_attachment(*text, path.string())) : std::nullopt;
}

std::vector<Attachment> read_attachments(const std::filesystem::path& directory) {
    std::vector<Attachment> attachments;
    const auto entries = sys::list_directory_if_exists(attachments_path(directory));
    if (!entries) {
        return attachments;
    }
    for (const auto& entry : *entries) {
        if (!entry.name.ends_with(".json") || entry.name.starts_with('.')) {
            continue;
        }
        try {
            if (auto attachment =
                    read_attachment(directory, entry.name.substr(0, entry.name.size() - 5))) {
                attachments.push_back(*std::move(attachment));
            }
        } catch (const Error& error) {
            NAU_LOG_WARN("{}, ignoring", error.text());
        }
    }
    return attachments;
}

void write_attachment(const std::filesystem::path& directory, const Attachment& attachment) {
    const auto path = attachment_path(directory, attachment.container_id);
    const auto write = [&] {
        sys::write_file_atomic(path, to_json_text(attachment), 0600, sys::Durability::relaxed);
    };
    try {
        write();
    } catch (const SysError& error) {
        if (error.error() != ENOENT) {
            throw;
        }
        sys::make_directories(attachments_path(directory), 0700);
        write();
    }
}

void remove_attachment(const std::filesystem::path& directory, const std::string& container_id) {
    (void)sys::unlink_if_exists(attachment_path(directory, container_id));
}

bool KeeperClient::connect() {
    try {
        channel_ = sys::connect_unix(keeper_socket_path(directory_), SOCK_SEQPACKET);
        return true;
    } catch (const SysError& error) {
        if (error.error() == ENOENT || error.error() == ECONNREFUSED) {
            return false;
        }
        throw;
    }
}

/// Its first client is the one that started it, over a socket that is there before it listens. One
/// that finds another keeper alive ends at once, and the other is connected to.
void KeeperClient::spawn() {
    sys::make_directories(directory_, 0700);
    sys::SocketPair pair = sys::socketpair(SOCK_SEQPACKET);
    const sys::UniqueFd diary =
        sys::open(directory_ / "keeper.log", O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
    sys::SpawnOptions options;
    options.path = "/proc/self/exe";
    options.argv = {"nau", kKeeperCommand, directory_};
    options.env = {{"GLIBC_TUNABLES=glibc.malloc.tcache_count=0"}};
    options.stdin_fd = sys::SpawnOptions::kNull;
    options.stdout_fd = sys::SpawnOptions::kNull;
    options.stderr_fd = diary.get();
    options.fds = {{.source = pair.second.get(), .target = kChannel}};
    options.cwd = "/";
    options.new_session = true;
    (void)sys::spawn(options).detach();
    channel_ = std::move(pair.first);
}

void KeeperClient::begin() {
    if (!channel_ && !connect()) {
        spawn();
    }
}

std::optional<json::Value> KeeperClient::ask(const std::string& operation, const std::string& id) {
    try {
        sys::send_message(channel_.get(), json::to_text({{"do", operation}, {"id", id}}));
        if ((sys::poll(channel_.get(), POLLIN, kPatience) & POLLIN) == 0) {
            throw Error(ErrorKind::timed_out, "the network keeper does not answer")
                .with_hint(fmt::format("see {}", (directory_ / "keeper.log").string()));
        }
        if (const auto message = sys::receive_message(channel_.get(), kMaxReplyBytes)) {
            return json::parse(message->bytes, "network keeper");
        }
    } catch (const SysError& error) {
        if (error.error() != EPIPE && error.error() != ECONNRESET) {
            throw;
        }
    }
    channel_.reset();
    return std::nullopt;
}

json::Value KeeperClient::ask_or_start(const std::string& operation, const std::string& id) {
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        begin();
        if (auto reply = ask(operation, id)) {
            if (reply->contains("error")) {
                rethrow(*reply);
            }
            return *std::move(reply);
        }
        // It ended in this moment, or another one has the lock and is about to listen.
        try {
            (void)sys::FileLock::exclusive_within(keeper_lock_path(directory_),
                                                  std::chrono::milliseconds(50 << attempt));
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::timed_out) {
                throw;
            }
            // It lives; by now it should listen as well.
        }
    }
    throw Error(ErrorKind::unavailable, "the network keeper does not start")
        .with_hint(fmt::format("see {}", (directory_ / "keeper.log").string()));
}

std::vector<std::string> KeeperClient::update(const std::string& container_id) {
    return warnings_of(ask_or_start("update", container_id));
}

void KeeperClient::update_if_running(const std::string& container_id) {
    if (channel_ || connect()) {
        (void)ask("update", container_id);
    }
}

std::vector<std::string> KeeperClient::reload() {
    return warnings_of(ask_or_start("reload", ""));
}

std::optional<json::Value> KeeperClient::status() {
    return channel_ || connect() ? ask("status", "") : std::nullopt;
}

}  // namespace nau::network
