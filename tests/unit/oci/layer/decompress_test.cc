#include "oci/layer/decompress.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <random>
#include <string>

#include <doctest/doctest.h>

#include "base/error.h"
#include "oci/layer/decoder.h"
#include "tests/support/compress.h"
#include "tests/support/tar_builder.h"

using nau::ErrorKind;
using nau::oci::ByteSource;
using nau::oci::Compression;
using nau::oci::DecompressLimits;
using nau::oci::Decompressor;

namespace {

/// Hands out at most `step` bytes at once.
ByteSource source_of(std::string bytes, size_t step = SIZE_MAX) {
    return [bytes = std::move(bytes), step, position = size_t{0}](
               std::span<std::byte> buffer) mutable {
        const size_t size = std::min({buffer.size(), step, bytes.size() - position});
        std::memcpy(buffer.data(), bytes.data() + position, size);
        position += size;
        return size;
    };
}

std::string read_all(Decompressor& decompressor, size_t buffer_size = size_t{64} << 10) {
    std::string result;
    std::string buffer(buffer_size, '\0');
    for (;;) {
        const size_t size = decompressor.read(
            std::span(reinterpret_cast<std::byte*>(buffer.data()), buffer.size()));
        result.append(buffer, 0, size);
        if (size < buffer.size()) {
            return result;
        }
    }
}

std::string decompress(std::string bytes,
                       Compression declared,
                       const DecompressLimits& limits = {},
                       size_t step = SIZE_MAX) {
    Decompressor decompressor(source_of(std::move(bytes), step), declared, limits);
    return read_all(decompressor);
}

ErrorKind kind_of_failure(const std::function<void()>& action) {
    try {
        action();
    } catch (const nau::Error& error) {
        INFO(error.text());
        return error.kind();
    }
    FAIL("nothing was thrown");
    return ErrorKind::internal;
}

/// Compressible, but not trivially.
std::string sample(size_t size) {
    std::mt19937 random(1);
    std::string text;
    while (text.size() < size) {
        const size_t length = random() % 200 + 1;
        text.append(length, static_cast<char>(random()));
        text += "the quick brown fox";
    }
    text.resize(size);
    return text;
}

std::string a_tar() {
    return nau::test::TarBuilder().file("etc/motd", sample(100'000)).finish();
}

}  // namespace

TEST_CASE("what the bytes say comes before what the media type says") {
    const std::string tar = a_tar();
    struct Row {
        const char* name;
        std::string bytes;
        Compression found;
    };
    const Row rows[] = {{"tar", tar, Compression::none},
                        {"gzip", nau::test::gzip(tar), Compression::gzip},
                        {"zstd", nau::test::zstd(tar), Compression::zstd},
                        {"skippable frame first",
                         nau::test::zstd_skippable_frame("x") + nau::test::zstd(tar),
                         Compression::zstd}};
    for (const auto& row : rows) {
        for (const auto declared : {Compression::none, Compression::gzip, Compression::zstd}) {
            CAPTURE(row.name);
            CAPTURE(to_string(declared));
            Decompressor decompressor(source_of(row.bytes), declared);
            CHECK(read_all(decompressor) == tar);
            CHECK(decompressor.compression() == row.found);
            CHECK(decompressor.input_bytes() == row.bytes.size());
            CHECK(decompressor.output_bytes() == tar.size());
        }
    }
}

TEST_CASE("a tar whose first name looks like gzip is a tar") {
    const std::string tar = nau::test::TarBuilder().file("\x1f\x8b\x08", "x").finish();
    CHECK(decompress(tar, Compression::none) == tar);
    CHECK(kind_of_failure([&] { decompress(tar, Compression::gzip); }) == ErrorKind::corrupt);
}

TEST_CASE("what is declared as compressed and is not, is corrupt; foreign formats are named") {
    for (const auto& bytes : {std::string(), std::string("garbage"), std::string(600, 'x')}) {
        CAPTURE(bytes.size());
        for (const auto declared : {Compression::gzip, Compression::zstd}) {
            CHECK(kind_of_failure([&] { decompress(bytes, declared); }) == ErrorKind::corrupt);
        }
        CHECK(decompress(bytes, Compression::none) == bytes);
    }
    for (const auto declared : {Compression::none, Compression::gzip, Compression::zstd}) {
        CHECK(kind_of_failure([&] {
                  decompress(std::string("\xfd\x37zXZ\0", 6) + "...", declared);
              }) == ErrorKind::unsupported);
        CHECK(kind_of_failure([&] { decompress("BZh91AY", declared); }) == ErrorKind::unsupported);
    }
}

TEST_CASE("several members and frames are one stream, whatever the sizes of the pieces") {
    const std::string tar = a_tar();
    const std::string a = tar.substr(0, 1000);
    const std::string b = tar.substr(1000);
    const std::string gzip =
        nau::test::gzip(a) + nau::test::gzip("") + nau::test::gzip(b, 1) + nau::test::gzip("");
    const std::string zstd = nau::test::zstd(a) + nau::test::zstd_skippable_frame("seek table") +
                             nau::test::zstd("") + nau::test::zstd(b, 19) +
                             nau::test::zstd_skippable_frame("");
    for (const size_t step : {1U, 2U, 3U, 7U, 511U, 4096U, 1U << 20}) {
        CAPTURE(step);
        for (const size_t buffer_size : {1U, 509U, 1U << 20}) {
            CAPTURE(buffer_size);
            Decompressor from_gzip(source_of(gzip, step), Compression::gzip);
            CHECK(read_all(from_gzip, buffer_size) == tar);
            Decompressor from_zstd(source_of(zstd, step), Compression::zstd);
            CHECK(read_all(from_zstd, buffer_size) == tar);
        }
    }
}

TEST_CASE("a stream cut at any byte is corrupt, and a byte too many too") {
    const std::string text = nau::test::TarBuilder().file("a", sample(3000)).finish();
    for (const auto& whole : {nau::test::gzip(text),
                              nau::test::zstd(text),
                              nau::test::gzip(text) + nau::test::gzip(text),
                              nau::test::zstd(text) + nau::test::zstd(text)}) {
        const auto compression = whole[0] == '\x1f' ? Compression::gzip : Compression::zstd;
        const bool has_two = whole.size() % 2 == 0 &&
                             whole.substr(0, whole.size() / 2) == whole.substr(whole.size() / 2);
        for (size_t size = 0; size < whole.size(); ++size) {
            if (has_two && size == whole.size() / 2) {
                continue;
            }
            CAPTURE(size);
            CHECK(kind_of_failure([&] { decompress(whole.substr(0, size), compression); }) ==
                  ErrorKind::corrupt);
        }
        for (const auto& tail : {std::string(1, '\0'),
                                 std::string(512, '\0'),
                                 std::string("x"),
                                 std::string("\x1f"),
                                 std::string("\x1f\x8b"),
                                 std::string("garbage"),
                                 std::string("\x28\xb5\x2f")}) {
            CAPTURE(tail);
            CHECK(kind_of_failure([&] { decompress(whole + tail, compression); }) ==
                  ErrorKind::corrupt);
        }
    }
}

TEST_CASE("a flipped bit is found or without effect") {
    const std::string text = nau::test::TarBuilder().file("a", sample(3000)).finish();
    for (const auto& whole : {nau::test::gzip(text), nau::test::zstd(text)}) {
        const auto compression = whole[0] == '\x1f' ? Compression::gzip : Compression::zstd;
        for (size_t i = 0; i < whole.size(); ++i) {
            std::string damaged = whole;
            damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
            std::string result;
            try {
                result = decompress(damaged, compression);
            } catch (const nau::Error&) {
                continue;
            }
            // Some bits mean nothing: the time in the header, unused codes.
            CAPTURE(i);
            CHECK(result == text);
        }
    }
}

TEST_CASE("both gzip decoders agree") {
    const std::string text = sample(500'000);
    const std::string packed = nau::test::gzip(text);
    for (const bool is_igzip : {false, true}) {
        const auto decoder =
            is_igzip ? nau::oci::make_igzip_decoder() : nau::oci::make_zlib_decoder();
        if (decoder == nullptr) {
            MESSAGE("built without ISA-L");
            continue;
        }
        std::string result(text.size() + 10, '\0');
        size_t produced = 0;
        size_t consumed = 0;
        while (consumed < packed.size()) {
            const auto step = decoder->decode(
                std::as_bytes(std::span(packed))
                    .subspan(consumed, std::min<size_t>(997, packed.size() - consumed)),
                std::as_writable_bytes(std::span(result)).subspan(produced));
            consumed += step.consumed;
            produced += step.produced;
        }
        CHECK(decoder->is_between_frames());
        result.resize(produced);
        CHECK(result == text);
    }
}

TEST_CASE("bombs hit a limit") {
    const std::string zeros(size_t{40} << 20, '\0');
    const DecompressLimits tight = {.max_ratio = 1000, .ratio_grace_bytes = size_t{8} << 20};
    const std::string gzip = nau::test::gzip(zeros, 9);
    const std::string zstd = nau::test::zstd(zeros, 19);
    CHECK(kind_of_failure([&] { decompress(gzip, Compression::gzip, tight); }) ==
          ErrorKind::corrupt);
    CHECK(kind_of_failure([&] { decompress(zstd, Compression::zstd, tight); }) ==
          ErrorKind::corrupt);
    // Below the grace, zeros are just zeros.
    CHECK(decompress(gzip, Compression::gzip).size() == zeros.size());
    CHECK(kind_of_failure([&] {
              decompress(gzip, Compression::gzip, {.max_output_bytes = size_t{39} << 20});
          }) == ErrorKind::corrupt);
    CHECK(decompress(gzip, Compression::gzip, {.max_output_bytes = size_t{40} << 20}).size() ==
          zeros.size());
}

TEST_CASE("a zstd window beyond the limit is refused") {
    const std::string text = a_tar();
    const std::string wide = nau::test::zstd(text, 3, 26);
    CHECK(decompress(wide, Compression::zstd) == text);
    CHECK(kind_of_failure([&] {
              decompress(wide, Compression::zstd, {.max_window_bytes = size_t{8} << 20});
          }) == ErrorKind::unsupported);
}

TEST_CASE("what the source throws comes through") {
    Decompressor decompressor(
        [](std::span<std::byte>) -> size_t { throw nau::Error(ErrorKind::unavailable, "network"); },
        Compression::gzip);
    CHECK(kind_of_failure([&] { read_all(decompressor); }) == ErrorKind::unavailable);
}
