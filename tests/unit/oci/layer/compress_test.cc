#include "oci/layer/compress.h"

#include <cstddef>
#include <cstring>
#include <random>
#include <string>

#include <doctest/doctest.h>

#include "base/error.h"
#include "oci/layer/decompress.h"

namespace {

using nau::oci::Compression;
using nau::oci::CompressOptions;

std::string compress(const std::string& text,
                     Compression compression,
                     const CompressOptions& options,
                     size_t step = 100'000) {
    std::string blob;
    const auto compressor = nau::oci::make_compressor(
        compression,
        [&blob](std::span<const std::byte> bytes) {
            REQUIRE(!bytes.empty());
            blob.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        },
        options);
    const auto bytes = std::as_bytes(std::span<const char>(text));
    for (size_t at = 0; at < bytes.size(); at += step) {
        compressor->write(bytes.subspan(at, std::min(step, bytes.size() - at)));
    }
    compressor->finish();
    return blob;
}

std::string decompress(const std::string& blob, Compression declared, Compression& found) {
    size_t position = 0;
    nau::oci::Decompressor decompressor(
        [&](std::span<std::byte> buffer) {
            const size_t size = std::min(buffer.size(), blob.size() - position);
            std::memcpy(buffer.data(), blob.data() + position, size);
            position += size;
            return size;
        },
        declared);
    std::string text;
    std::string buffer(100'000, '\0');
    for (;;) {
        const size_t size = decompressor.read(std::as_writable_bytes(std::span(buffer)));
        text.append(buffer, 0, size);
        if (size < buffer.size()) {
            found = decompressor.compression();
            return text;
        }
    }
}

/// Text, noise and zeros, of any length.
std::string sample(size_t size) {
    std::mt19937 random(42);
    std::string text;
    while (text.size() < size) {
        switch (random() % 3) {
            case 0:
                text.append(random() % 5000, '\0');
                break;
            case 1:
                for (auto i = random() % 3000; i > 0; --i) {
                    text += static_cast<char>(random());
                }
                break;
            default:
                text += "the same sentence again and again. ";
        }
    }
    text.resize(size);
    return text;
}

}  // namespace

TEST_CASE("what is compressed comes out again, whatever its length") {
    for (const auto compression : {Compression::gzip, Compression::zstd}) {
        for (const size_t size : {size_t{1},
                                  size_t{1000},
                                  (size_t{1} << 20) - 1,
                                  size_t{1} << 20,
                                  (size_t{1} << 20) + 1,
                                  size_t{5'300'000}}) {
            const std::string text = sample(size);
            Compression found = Compression::none;
            const std::string blob = compress(text, compression, {});
            CHECK(decompress(blob, compression, found) == text);
            CHECK(found == compression);
        }
    }
}

TEST_CASE("neither threads nor the pieces that come in change the bytes") {
    const std::string text = sample(7'000'000);
    for (const auto compression : {Compression::gzip, Compression::zstd}) {
        const std::string blob = compress(text, compression, {.threads = 1});
        CHECK(compress(text, compression, {.threads = 4}) == blob);
        CHECK(compress(text, compression, {.threads = 3}, 1237) == blob);
        CHECK(blob.size() < text.size());
    }
}

TEST_CASE("no input is an empty stream") {
    CHECK(compress("", Compression::gzip, {}).size() == 20);
    CHECK(compress("", Compression::none, {}).empty());
    CHECK(compress("as it is", Compression::none, {}) == "as it is");
}

TEST_CASE("a failing sink ends it") {
    const auto fails = [](std::span<const std::byte>) {
        throw nau::Error(nau::ErrorKind::unavailable, "disk full");
    };
    const std::string text = sample(30'000'000);
    for (const auto compression : {Compression::gzip, Compression::zstd}) {
        const auto compressor = nau::oci::make_compressor(compression, fails, {.threads = 2});
        const auto run = [&] {
            compressor->write(std::as_bytes(std::span<const char>(text)));
            compressor->finish();
        };
        CHECK_THROWS_WITH_AS(run(), "disk full", nau::Error);
    }
}

TEST_CASE("levels that do not exist are refused") {
    for (const int level : {0, 10, -1}) {
        CHECK_THROWS_AS(compress("", Compression::gzip, {.level = level}), nau::Error);
    }
    CHECK_THROWS_AS(compress("", Compression::zstd, {.level = 20}), nau::Error);
    CHECK(compress("x", Compression::zstd, {.level = 19}).size() > 0);
}
