#include "sys/pipe.h"

#include <array>
#include <chrono>
#include <fcntl.h>
#include <functional>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "base/error.h"
#include "sys/file.h"
#include "tests/support/temp_dir.h"

using namespace nau;
using namespace std::chrono_literals;
using nau::test::TempDir;

namespace {

int errno_of(const std::function<void()>& action) {
    try {
        action();
    } catch (const SysError& error) {
        return error.error();
    }
    return 0;
}

std::string error_text(const std::function<void()>& action) {
    try {
        action();
    } catch (const Error& error) {
        return error.text();
    }
    return {};
}

int open_descriptors() {
    return static_cast<int>(sys::list_directory("/proc/self/fd").size());
}

}  // namespace

TEST_CASE("a message carries bytes and descriptors") {
    const auto pair = sys::socketpair(SOCK_SEQPACKET);
    const auto pipe = sys::pipe2();
    const std::array fds = {pipe.read.get(), pipe.write.get()};
    sys::send_message(pair.first.get(), "hello", fds);
    sys::send_message(pair.first.get(), "again");
    auto message = sys::receive_message(pair.second.get(), 100, 2);
    REQUIRE(message.has_value());
    CHECK(message->bytes == "hello");
    REQUIRE(message->fds.size() == 2);
    CHECK((::fcntl(message->fds[0].get(), F_GETFD) & FD_CLOEXEC) != 0);
    sys::write_all(message->fds[1].get(), "x");
    std::array<char, 1> byte{};
    CHECK(sys::read_some(pipe.read.get(), byte.data(), 1) == 1);
    message = sys::receive_message(pair.second.get(), 5);
    REQUIRE(message.has_value());
    CHECK(message->bytes == "again");
    CHECK(message->fds.empty());
}

TEST_CASE("the end is told from a message, and a peer that has gone is EPIPE") {
    auto pair = sys::socketpair(SOCK_SEQPACKET);
    pair.first.reset();
    CHECK_FALSE(sys::receive_message(pair.second.get(), 10).has_value());
    CHECK(errno_of([&] { sys::send_message(pair.second.get(), "x"); }) == EPIPE);
    auto stream = sys::socketpair(SOCK_STREAM);
    sys::send_message(stream.first.get(), "last");
    stream.first.reset();
    CHECK(sys::receive_message(stream.second.get(), 10)->bytes == "last");
    CHECK_FALSE(sys::receive_message(stream.second.get(), 10).has_value());
}

TEST_CASE("what is longer than allowed is an error and leaks nothing") {
    const auto pair = sys::socketpair(SOCK_SEQPACKET);
    const auto pipe = sys::pipe2();
    const std::array two = {pipe.read.get(), pipe.write.get()};
    const std::array five = {
        pipe.read.get(), pipe.read.get(), pipe.read.get(), pipe.read.get(), pipe.read.get()};
    const int before = open_descriptors();
    sys::send_message(pair.first.get(), "123456");
    CHECK(error_text([&] { (void)sys::receive_message(pair.second.get(), 5); }) ==
          "receive message: longer than 5 bytes");
    sys::send_message(pair.first.get(), "1", two);
    CHECK(error_text([&] { (void)sys::receive_message(pair.second.get(), 5); }) ==
          "receive message: more than 0 descriptors");
    sys::send_message(pair.first.get(), "1", two);  // fits into the padding
    CHECK(error_text([&] { (void)sys::receive_message(pair.second.get(), 5, 1); }) ==
          "receive message: more than 1 descriptors");
    sys::send_message(pair.first.get(), "1", five);
    CHECK(error_text([&] { (void)sys::receive_message(pair.second.get(), 5, 1); }) ==
          "receive message: more than 1 descriptors");
    CHECK(open_descriptors() == before);
    CHECK(errno_of([&] { sys::send_message(pair.first.get(), ""); }) == EINVAL);
    const std::vector<int> many(sys::kMaxMessageFds + 1, pipe.read.get());
    CHECK(errno_of([&] { sys::send_message(pair.first.get(), "x", many); }) == EINVAL);
}

TEST_CASE("as many descriptors as the kernel takes") {
    const auto pair = sys::socketpair(SOCK_STREAM);
    const auto pipe = sys::pipe2();
    const std::vector<int> many(sys::kMaxMessageFds, pipe.read.get());
    sys::send_message(pair.first.get(), "x", many);
    const auto message = sys::receive_message(pair.second.get(), 10, sys::kMaxMessageFds);
    REQUIRE(message.has_value());
    CHECK(message->fds.size() == sys::kMaxMessageFds);
}

TEST_CASE("nothing there on a non-blocking socket is EAGAIN") {
    const auto pair = sys::socketpair(SOCK_SEQPACKET | SOCK_NONBLOCK);
    CHECK(errno_of([&] { (void)sys::receive_message(pair.second.get(), 5); }) == EAGAIN);
}

TEST_CASE("peer credentials are this process's own") {
    const auto pair = sys::socketpair(SOCK_STREAM);
    const auto peer = sys::peer_credentials(pair.first.get());
    CHECK(peer.pid == ::getpid());
    CHECK(peer.uid == ::geteuid());
    CHECK(peer.gid == ::getegid());
}

TEST_CASE("sockets with short, long and very long paths") {
    const TempDir dir;
    std::string deep = dir.path();
    for (int i = 0; i < 4; ++i) {
        deep += "/" + std::string(60, static_cast<char>('a' + i));
    }
    sys::make_directories(deep, 0755);
    for (const std::string& path :
         {dir / "sock", deep + "/sock", deep + "/" + std::string(250, 'n')}) {
        CAPTURE(path);
        const auto listener = sys::listen_unix(path, 0620, SOCK_STREAM | SOCK_NONBLOCK);
        const auto status = sys::lstat(path);
        CHECK(S_ISSOCK(status.st_mode));
        CHECK((status.st_mode & 07777) == 0620);
        CHECK_FALSE(sys::accept(listener.get()).has_value());
        const auto client = sys::connect_unix(path, SOCK_STREAM);
        const auto server = sys::accept(listener.get());
        REQUIRE(server.has_value());
        sys::send_message(client.get(), "ping");
        CHECK(sys::receive_message(server->get(), 10)->bytes == "ping");
    }
    CHECK(sys::list_directory(deep).size() == 2);
}

TEST_CASE("a stale socket is replaced; a missing or dead one is told apart") {
    const TempDir dir;
    const std::string path = dir / "sock";
    CHECK(errno_of([&] { (void)sys::connect_unix(path, SOCK_STREAM); }) == ENOENT);
    (void)sys::listen_unix(path, 0600, SOCK_STREAM);  // closed at once
    CHECK(errno_of([&] { (void)sys::connect_unix(path, SOCK_STREAM); }) == ECONNREFUSED);
    const auto listener = sys::listen_unix(path, 0600, SOCK_STREAM);
    CHECK_NOTHROW((void)sys::connect_unix(path, SOCK_STREAM));
    CHECK(errno_of([&] { (void)sys::listen_unix(dir / "none/sock", 0600, SOCK_STREAM); }) ==
          ENOENT);
    CHECK(errno_of([&] { (void)sys::listen_unix(dir.path() + "/", 0600, SOCK_STREAM); }) == EINVAL);
}

TEST_CASE("poll tells what is there, or nothing when the time is over") {
    auto pipe = sys::pipe2();
    CHECK(sys::poll(pipe.read.get(), POLLIN, 0ms) == 0);
    CHECK(sys::poll(pipe.read.get(), POLLIN, 1ms) == 0);
    sys::write_all(pipe.write.get(), "x");
    CHECK(sys::poll(pipe.read.get(), POLLIN, -1ms) == POLLIN);
    pipe.write.reset();
    CHECK((sys::poll(pipe.read.get(), POLLIN, -1ms) & POLLHUP) != 0);
}
