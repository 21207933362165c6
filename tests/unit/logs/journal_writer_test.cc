#include "logs/journal_writer.h"

#include <array>
#include <cstring>
#include <optional>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "base/error.h"
#include "sys/file.h"
#include "sys/pipe.h"
#include "tests/support/temp_dir.h"

namespace nau::logs {
namespace {

constexpr auto kOut = Stream::standard_output;
constexpr auto kErr = Stream::standard_error;

/// journald's end of the socket.
class Journal {
  public:
    explicit Journal(const std::string& path)
        : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
        (void)::unlink(path.c_str());
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        REQUIRE(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    }

    /// The next entry; "" when there is none.
    std::string entry() const {
        std::string data(300'000, '\0');
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
        iovec bytes{.iov_base = data.data(), .iov_len = data.size()};
        msghdr message{};
        message.msg_iov = &bytes;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const ssize_t count = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
        if (count < 0) {
            return "";
        }
        data.resize(static_cast<size_t>(count));
        if (const cmsghdr* header = CMSG_FIRSTHDR(&message)) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(header), sizeof(fd));
            const sys::UniqueFd file(fd);
            CHECK(::ftruncate(file.get(), 0) != 0);  // sealed
            REQUIRE(::lseek(file.get(), 0, SEEK_SET) == 0);
            return "memfd:" + sys::read_fd(file.get(), 1'000'000);
        }
        return data;
    }

  private:
    sys::UniqueFd socket_;
};

const JournalWriter::Identity kWeb{.id = std::string(64, 'a'), .name = "web", .tag = ""};
const std::string kFields = "CONTAINER_ID=" + std::string(12, 'a') +
                            "\nCONTAINER_ID_FULL=" + std::string(64, 'a') +
                            "\nCONTAINER_NAME=web\nSYSLOG_IDENTIFIER=web\n";

TEST_CASE("each line is an entry") {
    const test::TempDir dir;
    const Journal journal(dir.file("socket"));
    JournalWriter writer(dir.file("socket"), kWeb);
    writer.write(kOut, std::string("one\nA=\0b\n\nrest", 14));
    writer.write(kErr, "oops\n");
    CHECK(journal.entry() == "MESSAGE=one\nPRIORITY=6\n" + kFields);
    CHECK(journal.entry() == std::string("MESSAGE=A=\0b\nPRIORITY=6\n", 24) + kFields);
    CHECK(journal.entry() == "MESSAGE=\nPRIORITY=6\n" + kFields);
    CHECK(journal.entry() ==
          "MESSAGE=rest\nPRIORITY=6\nCONTAINER_PARTIAL_MESSAGE=true\n" + kFields);
    CHECK(journal.entry() == "MESSAGE=oops\nPRIORITY=3\n" + kFields);
    CHECK(journal.entry().empty());
    CHECK(writer.lost_bytes() == 0);
}

TEST_CASE("what does not fit into a datagram goes as a sealed file") {
    const test::TempDir dir;
    const Journal journal(dir.file("socket"));
    JournalWriter writer(dir.file("socket"), kWeb);
    const int small = 4096;
    REQUIRE(::setsockopt(writer.fd(), SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)) == 0);
    const std::string text(16'000, 'x');
    writer.write(kOut, text + "\n");
    CHECK(journal.entry() == "memfd:MESSAGE=" + text + "\nPRIORITY=6\n" + kFields);
    CHECK(writer.lost_bytes() == 0);
}

TEST_CASE("no journal, no start") {
    const test::TempDir dir;
    try {
        const JournalWriter writer(dir.file("socket"), kWeb);
        FAIL("connected to nobody");
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::unavailable);
        CHECK(error.hint().find("systemd-journald") != std::string::npos);
    }
}

TEST_CASE("a full journal keeps what follows waiting until it is read, or until it is dropped") {
    const test::TempDir dir;
    const Journal journal(dir.file("socket"));
    JournalWriter writer(dir.file("socket"), kWeb);
    int written = 0;
    for (; !writer.is_waiting() && written < 100'000; ++written) {
        writer.write(kOut, std::to_string(written) + "\n");
    }
    REQUIRE(writer.is_waiting());
    CHECK(sys::poll(writer.fd(), POLLOUT, std::chrono::milliseconds(0)) == 0);
    for (int i = 0; i < written - 1; ++i) {
        CHECK(journal.entry().starts_with("MESSAGE=" + std::to_string(i) + "\n"));
    }
    CHECK(sys::poll(writer.fd(), POLLOUT, std::chrono::milliseconds(0)) == POLLOUT);
    writer.flush();
    CHECK_FALSE(writer.is_waiting());
    CHECK(journal.entry().starts_with("MESSAGE=" + std::to_string(written - 1) + "\n"));
    CHECK(writer.lost_bytes() == 0);

    while (!writer.is_waiting()) {
        writer.write(kOut, "again\n");
    }
    writer.flush_within(std::chrono::milliseconds(1));
    CHECK_FALSE(writer.is_waiting());
    CHECK(writer.lost_bytes() == 6);
    writer.write(kOut, "lost\n");  // and nobody waits again
    CHECK_FALSE(writer.is_waiting());
    CHECK(writer.lost_bytes() == 11);
    CHECK(writer.last_error() == EAGAIN);
    while (!journal.entry().empty()) {
    }
    writer.write(kOut, "kept\n");
    CHECK(journal.entry().starts_with("MESSAGE=kept\n"));
    CHECK(writer.lost_bytes() == 11);
}

TEST_CASE("a journal that has been started anew is found") {
    const test::TempDir dir;
    std::optional<Journal> journal(dir.file("socket"));
    JournalWriter writer(dir.file("socket"), kWeb);
    journal.reset();
    writer.write(kOut, "gone\n");
    CHECK(writer.lost_bytes() == 5);
    journal.emplace(dir.file("socket"));
    writer.write(kOut, "back\n");
    CHECK(journal->entry().starts_with("MESSAGE=back\n"));
    CHECK(writer.lost_bytes() == 5);
}

}  // namespace
}  // namespace nau::logs
