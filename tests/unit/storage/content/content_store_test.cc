#include "storage/content/content_store.h"

#include <fcntl.h>
#include <thread>

#include <doctest/doctest.h>

#include "base/error.h"
#include "sys/file.h"
#include "tests/support/temp_dir.h"

namespace nau::storage {
namespace {

oci::Descriptor describe(std::string_view bytes) {
    return {.media_type = "application/octet-stream",
            .digest = oci::digest_of(bytes),
            .size_bytes = bytes.size()};
}

struct Fixture {
    test::TempDir dir{test::TempDir::Medium::memory};
    Paths paths{dir.file("graph"), dir.file("run")};
    ContentStore content{paths};

    Fixture() {
        sys::make_directories(paths.blob_directory(oci::DigestAlgorithm::sha256), 0700);
        sys::make_directories(paths.blob_directory(oci::DigestAlgorithm::sha512), 0700);
        sys::make_directories(paths.ingests(), 0700);
    }

    static ErrorKind kind_of(const std::function<void()>& action) {
        try {
            action();
        } catch (const Error& error) {
            return error.kind();
        }
        FAIL("no error");
        return ErrorKind::internal;
    }
    bool has_ingest(std::string_view bytes) const {
        return sys::file_exists(paths.ingest(oci::digest_of(bytes)));
    }
};

std::string read_all(IngestReader& reader) {
    std::string all;
    std::array<std::byte, 1000> buffer = {};
    while (const size_t count = reader.read(buffer)) {
        all.append(reinterpret_cast<const char*>(buffer.data()), count);
    }
    return all;
}

TEST_CASE_FIXTURE(Fixture, "a blob appears when it is complete, and stays") {
    const std::string bytes(100'000, 'b');
    const auto expected = describe(bytes);
    auto ingest = content.begin_ingest(expected);
    REQUIRE(ingest);
    CHECK(ingest->offset() == 0);
    ingest->write(std::string_view(bytes).substr(0, 60'000));
    CHECK_FALSE(content.has(expected.digest));
    ingest->write(std::string_view(bytes).substr(60'000));
    CHECK_FALSE(content.has(expected.digest));
    std::move(*ingest).commit();
    CHECK(content.has(expected.digest));
    CHECK(content.blob_size(expected.digest) == bytes.size());
    CHECK(content.read_blob(expected.digest, bytes.size()) == bytes);
    CHECK_FALSE(has_ingest(bytes));
    CHECK_FALSE(content.begin_ingest(expected));
    content.verify_blob(expected.digest);
    CHECK((sys::stat(paths.blob(expected.digest)).st_mode & 0777) == 0600);
}

TEST_CASE_FIXTURE(Fixture, "what is absent, too long or damaged is told apart") {
    const auto expected = describe("hello");
    CHECK(kind_of([&] { (void)content.open_blob(expected.digest); }) == ErrorKind::not_found);
    CHECK(kind_of([&] { (void)content.blob_size(expected.digest); }) == ErrorKind::not_found);
    content.write_blob(expected, "hello");
    content.write_blob(expected, "hello");
    CHECK(kind_of([&] { (void)content.read_blob(expected.digest, 4); }) == ErrorKind::invalid);
    const auto fd = sys::open(paths.blob(expected.digest), O_WRONLY);
    sys::pwrite_all(fd.get(), "J", 0);
    CHECK(kind_of([&] { (void)content.read_blob(expected.digest, 5); }) == ErrorKind::corrupt);
    CHECK(kind_of([&] { content.verify_blob(expected.digest); }) == ErrorKind::corrupt);
}

TEST_CASE_FIXTURE(Fixture, "a partial file is resumed where it ends") {
    const std::string bytes(3'000'000, 'r');
    const auto expected = describe(bytes);
    {
        auto ingest = content.begin_ingest(expected);
        ingest->write(std::string_view(bytes).substr(0, 2'000'000));
    }
    auto ingest = content.begin_ingest(expected);
    REQUIRE(ingest);
    CHECK(ingest->offset() == 2'000'000);
    SUBCASE("goes on") {
        ingest->write(std::string_view(bytes).substr(2'000'000));
    }
    SUBCASE("begins anew") {
        ingest->restart();
        CHECK(ingest->offset() == 0);
        ingest->write(bytes);
    }
    std::move(*ingest).commit();
    CHECK(content.read_blob(expected.digest, bytes.size()) == bytes);
}

TEST_CASE_FIXTURE(Fixture, "a blob whose digest differs is refused and not resumed") {
    const auto expected = describe("right");
    auto ingest = content.begin_ingest(expected);
    ingest->write("wrong");
    CHECK(kind_of([&] { std::move(*ingest).commit(); }) == ErrorKind::corrupt);
    ingest.reset();
    CHECK_FALSE(content.has(expected.digest));
    CHECK_FALSE(has_ingest("right"));
    CHECK(content.begin_ingest(expected)->offset() == 0);
}

TEST_CASE_FIXTURE(Fixture, "a blob is exactly as long as announced") {
    const auto expected = describe("hello");
    {
        auto ingest = content.begin_ingest(expected);
        CHECK(kind_of([&] { ingest->write("hello!"); }) == ErrorKind::corrupt);
        ingest->write("hell");
        CHECK(kind_of([&] { std::move(*ingest).commit(); }) == ErrorKind::corrupt);
    }
    CHECK_FALSE(content.has(expected.digest));
    // The four bytes are as good as before.
    auto ingest = content.begin_ingest(expected);
    CHECK(ingest->offset() == 4);
    ingest->write("o");
    std::move(*ingest).commit();
    CHECK(content.has(expected.digest));
    // The empty blob is one, too.
    content.write_blob(describe(""), "");
    CHECK(content.read_blob(describe("").digest, 0).empty());
}

TEST_CASE_FIXTURE(Fixture, "a partial file that is too long begins anew") {
    const auto expected = describe("hello");
    sys::write_file_atomic(
        paths.ingest(expected.digest), "much too long", 0600, sys::Durability::relaxed);
    CHECK(content.begin_ingest(expected)->offset() == 0);
}

TEST_CASE_FIXTURE(Fixture, "a digest has one writer, others wait") {
    const auto expected = describe("hello");
    auto first = content.begin_ingest(expected);
    CHECK(content.try_begin_ingest(expected).is_busy);
    SUBCASE("and find the blob") {
        std::optional<Ingest> second;
        std::jthread other([&] { second = content.begin_ingest(expected); });
        first->write("hello");
        std::move(*first).commit();
        other.join();
        CHECK_FALSE(second);
        CHECK_FALSE(has_ingest("hello"));
    }
    SUBCASE("or go on where the first has died") {
        std::optional<Ingest> second;
        std::jthread other([&] { second = content.begin_ingest(expected); });
        first->write("hel");
        first.reset();
        other.join();
        REQUIRE(second);
        CHECK(second->offset() == 3);
    }
    SUBCASE("or are called off") {
        std::stop_source stop;
        ErrorKind kind = ErrorKind::internal;
        std::jthread other([&] {
            kind = kind_of([&] { (void)content.begin_ingest(expected, stop.get_token()); });
        });
        stop.request_stop();
        other.join();
        CHECK(kind == ErrorKind::interrupted);
    }
}

TEST_CASE_FIXTURE(Fixture, "a reader follows and sees the end when it is verified") {
    const std::string bytes(50'000, 'x');
    auto ingest = content.begin_ingest(describe(bytes));
    auto reader = ingest->reader();
    std::string seen;
    std::jthread other([&] { seen = read_all(reader); });
    for (size_t at = 0; at < bytes.size(); at += 7'000) {
        ingest->write(std::string_view(bytes).substr(at, 7'000));
    }
    std::move(*ingest).commit();
    other.join();
    CHECK(seen == bytes);
}

TEST_CASE_FIXTURE(Fixture, "a reader is told when the bytes are not to be trusted") {
    auto ingest = content.begin_ingest(describe("right"));
    auto reader = ingest->reader();
    ErrorKind kind = ErrorKind::internal;
    std::stop_source stop;
    ErrorKind expected = ErrorKind::interrupted;
    std::jthread other([&] {
        kind = kind_of([&] {
            std::array<std::byte, 10> buffer = {};
            while (reader.read(buffer, stop.get_token()) > 0) {
            }
        });
    });
    SUBCASE("wrong digest") {
        ingest->write("wrong");
        CHECK_THROWS_AS(std::move(*ingest).commit(), Error);
        expected = ErrorKind::corrupt;
    }
    SUBCASE("given up") {
        ingest->write("ri");
        ingest.reset();
    }
    SUBCASE("stopped") {
        stop.request_stop();
    }
    other.join();
    CHECK(kind == expected);
    // The lock went with the writer, whatever the reader does.
    ingest.reset();
    CHECK_FALSE(content.try_begin_ingest(describe("right")).is_busy);
}

TEST_CASE_FIXTURE(Fixture, "a reader that has read notices a new beginning") {
    auto ingest = content.begin_ingest(describe("hello"));
    auto late = ingest->reader();
    auto early = ingest->reader();
    ingest->write("hel");
    std::array<std::byte, 10> buffer = {};
    CHECK(early.read(buffer) == 3);
    ingest->restart();
    CHECK(kind_of([&] { (void)early.read(buffer); }) == ErrorKind::interrupted);
    ingest->write("hello");
    auto verified = std::move(*ingest).verify();
    CHECK(read_all(late) == "hello");
    CHECK_FALSE(content.has(verified.digest()));
}

TEST_CASE_FIXTURE(Fixture, "several blobs are published together") {
    std::vector<VerifiedIngest> verified;
    for (int i = 0; i < 10; ++i) {
        const std::string bytes = "blob " + std::to_string(i);
        auto ingest = content.begin_ingest(describe(bytes));
        ingest->write(bytes);
        verified.push_back(std::move(*ingest).verify());
    }
    CHECK(content.list_blobs().empty());
    CHECK(content.list_ingests().size() == 10);
    CHECK(content.list_ingests().front().is_active);
    // A verified one that is dropped is resumed at its end.
    const auto dropped = verified.back().digest();
    verified.pop_back();
    content.publish(std::move(verified));
    CHECK(content.list_blobs().size() == 9);
    const auto left = content.list_ingests();
    REQUIRE(left.size() == 1);
    CHECK(left.front().digest == dropped);
    CHECK_FALSE(left.front().is_active);
    auto ingest = content.begin_ingest(describe("blob 9"));
    CHECK(ingest->offset() == 6);
    std::move(*ingest).commit();
    CHECK(content.has(dropped));
}

TEST_CASE_FIXTURE(Fixture, "what somebody is writing is not removed") {
    const auto expected = describe("hello");
    auto ingest = content.begin_ingest(expected);
    CHECK_FALSE(content.remove_ingest(expected.digest));
    ingest.reset();
    CHECK(content.remove_ingest(expected.digest));
    CHECK_FALSE(content.remove_ingest(expected.digest));
    content.write_blob(expected, "hello");
    CHECK(content.remove_blob(expected.digest));
    CHECK_FALSE(content.remove_blob(expected.digest));
}

TEST_CASE_FIXTURE(Fixture, "both algorithms have their place") {
    const std::string bytes = "long digest";
    const oci::Descriptor expected{.media_type = "x",
                                   .digest = oci::digest_of(bytes, oci::DigestAlgorithm::sha512),
                                   .size_bytes = bytes.size()};
    content.write_blob(expected, bytes);
    CHECK(content.read_blob(expected.digest, 100) == bytes);
    REQUIRE(content.list_blobs().size() == 1);
    CHECK(content.list_blobs().front().digest == expected.digest);
}

}  // namespace
}  // namespace nau::storage
