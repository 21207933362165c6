#include "sys/event_loop.h"

#include <array>
#include <chrono>
#include <csignal>
#include <stdexcept>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

#include "base/error.h"
#include "sys/file.h"
#include "sys/pipe.h"

using namespace nau;
using namespace std::chrono_literals;
using sys::EventLoop;

TEST_CASE("a loop without anything to wait for ends at once") {
    EventLoop loop;
    loop.run();
}

TEST_CASE("a descriptor's callback gets its events until it is removed") {
    EventLoop loop;
    auto pipe = sys::pipe2();
    std::string received;
    loop.add_fd(pipe.read.get(), EPOLLIN, [&](uint32_t events) {
        std::array<char, 3> buffer{};
        const size_t count = (events & EPOLLIN) != 0
                                 ? sys::read_some(pipe.read.get(), buffer.data(), buffer.size())
                                 : 0;
        received.append(buffer.data(), count);
        if (count == 0) {
            loop.remove_fd(pipe.read.get());  // itself
            loop.remove_fd(pipe.read.get());
        }
    });
    sys::write_all(pipe.write.get(), "hello world");
    pipe.write.reset();
    loop.run();
    CHECK(received == "hello world");
}

TEST_CASE("a handler removed by another in the same round is not called") {
    EventLoop loop;
    const auto first = sys::pipe2();
    const auto second = sys::pipe2();
    sys::write_all(first.write.get(), "x");
    sys::write_all(second.write.get(), "x");
    int calls = 0;
    const auto take_both = [&](uint32_t) {
        ++calls;
        loop.remove_fd(first.read.get());
        loop.remove_fd(second.read.get());
    };
    loop.add_fd(first.read.get(), EPOLLIN, take_both);
    loop.add_fd(second.read.get(), EPOLLIN, take_both);
    loop.run();
    CHECK(calls == 1);
}

TEST_CASE("a descriptor number that is used again in the same round has its own handler") {
    EventLoop loop;
    auto first = sys::pipe2();
    const auto second = sys::pipe2();
    sys::write_all(first.write.get(), "x");
    sys::write_all(second.write.get(), "x");
    std::vector<std::string> called;
    loop.add_fd(second.read.get(), EPOLLIN, [&](uint32_t) {
        called.emplace_back("second");
        const int number = first.read.get();
        loop.remove_fd(number);
        first.read.reset();
        const auto reused = sys::pipe2();
        first.read = reused.read.duplicate();
        if (first.read.get() == number) {
            loop.add_fd(number, EPOLLIN, [&](uint32_t) { called.emplace_back("wrong"); });
            loop.remove_fd(number);
        }
        loop.remove_fd(second.read.get());
    });
    loop.add_fd(first.read.get(), EPOLLIN, [&](uint32_t) {
        called.emplace_back("first");
        loop.remove_fd(first.read.get());
    });
    loop.run();
    CHECK(called.back() == "second");
}

TEST_CASE("modify_fd mutes and wakes") {
    EventLoop loop;
    const auto pipe = sys::pipe2();
    sys::write_all(pipe.write.get(), "x");
    int calls = 0;
    loop.add_fd(pipe.read.get(), 0, [&](uint32_t) {
        ++calls;
        loop.stop();
    });
    CHECK(loop.run_once(0ms));
    CHECK(calls == 0);
    loop.modify_fd(pipe.read.get(), EPOLLIN);
    loop.run();
    CHECK(calls == 1);
}

TEST_CASE("timers run in the order of their deadlines, once, unless cancelled") {
    EventLoop loop;
    std::vector<int> order;
    loop.add_timer(3ms, [&] { order.push_back(3); });
    loop.add_timer(1ms, [&] { order.push_back(1); });
    const auto cancelled = loop.add_timer(2ms, [&] { order.push_back(2); });
    loop.cancel_timer(cancelled);
    loop.cancel_timer(cancelled);
    loop.cancel_timer(12345);
    loop.run();
    CHECK(order == std::vector{1, 3});
}

TEST_CASE("a timer may add timers, and one without delay does not starve the rest") {
    EventLoop loop;
    const auto pipe = sys::pipe2();
    sys::write_all(pipe.write.get(), "x");
    int rounds = 0;
    std::function<void()> again = [&] {
        ++rounds;
        loop.add_timer(0ns, again);
    };
    loop.add_timer(0ns, again);
    loop.add_fd(pipe.read.get(), EPOLLIN, [&](uint32_t) {
        if (rounds > 5) {
            loop.stop();
        }
    });
    loop.run();
    CHECK(rounds > 5);
}

TEST_CASE("a timer that cancels another that is due") {
    EventLoop loop;
    int calls = 0;
    EventLoop::TimerId second = 0;
    loop.add_timer(0ns, [&] {
        ++calls;
        loop.cancel_timer(second);
    });
    second = loop.add_timer(0ns, [&] { ++calls; });
    loop.run();
    CHECK(calls == 1);
}

TEST_CASE("signals are read in the loop and the mask is restored") {
    sigset_t before;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
    REQUIRE(::sigismember(&before, SIGUSR1) == 0);
    {
        EventLoop loop;
        std::vector<int> received;
        loop.add_signals({SIGUSR1}, [&](const signalfd_siginfo& info) {
            received.push_back(static_cast<int>(info.ssi_signo));
            CHECK(info.ssi_pid == static_cast<uint32_t>(::getpid()));
            loop.add_signals({SIGUSR2}, [&](const signalfd_siginfo& other) {
                received.push_back(static_cast<int>(other.ssi_signo));
                loop.stop();
            });
            (void)::kill(::getpid(), SIGUSR2);
        });
        (void)::kill(::getpid(), SIGUSR1);
        loop.run();
        CHECK(received == std::vector{SIGUSR1, SIGUSR2});
    }
    sigset_t after;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
    CHECK(::sigismember(&after, SIGUSR1) == 0);
    CHECK(::sigismember(&after, SIGUSR2) == 0);
}

TEST_CASE("an exception leaves run, and the loop goes on afterwards") {
    EventLoop loop;
    const auto pipe = sys::pipe2();
    sys::write_all(pipe.write.get(), "x");
    bool first = true;
    loop.add_fd(pipe.read.get(), EPOLLIN, [&](uint32_t) {
        if (std::exchange(first, false)) {
            throw std::runtime_error("out");
        }
        loop.remove_fd(pipe.read.get());
    });
    CHECK_THROWS_AS(loop.run(), std::runtime_error);
    loop.run();
    CHECK_FALSE(first);
}

TEST_CASE("a callback may run the loop itself") {
    EventLoop loop;
    const auto outer = sys::pipe2();
    const auto inner = sys::pipe2();
    sys::write_all(outer.write.get(), "x");
    bool inner_called = false;
    loop.add_fd(inner.read.get(), EPOLLIN, [&](uint32_t) {
        inner_called = true;
        loop.remove_fd(inner.read.get());
        loop.remove_fd(outer.read.get());  // the one that is running
    });
    loop.add_fd(outer.read.get(), EPOLLIN, [&](uint32_t) {
        loop.modify_fd(outer.read.get(), 0);  // or the inner rounds would call it again
        sys::write_all(inner.write.get(), "x");
        while (!inner_called) {
            (void)loop.run_once(-1ms);
        }
    });
    loop.run();
    CHECK(inner_called);
}

TEST_CASE("a regular file cannot be waited for") {
    EventLoop loop;
    const auto file = sys::memfd_create("file", 0);
    CHECK_THROWS_AS(loop.add_fd(file.get(), EPOLLIN, [](uint32_t) {}), SysError);
    loop.run();  // it was not added
}
