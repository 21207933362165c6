#include "oci/layer/tar_header.h"

#include <string>

#include <doctest/doctest.h>
#include <fmt/core.h>

#include "tests/support/tar_builder.h"

using namespace std::string_literals;
using nau::oci::tar_number;
using nau::oci::TarBlock;
using nau::oci::TarFormat;

namespace {

TarBlock as_block(const std::string& bytes) {
    return TarBlock(
        std::span<const std::byte, 512>(reinterpret_cast<const std::byte*>(bytes.data()), 512));
}

}  // namespace

TEST_CASE("numbers are octal or binary, and never wrap") {
    CHECK(tar_number("0000755\0"s) == 0755);
    CHECK(tar_number(" 755 \0\0\0"s) == 0755);
    CHECK(tar_number("\0\0\0\0\0\0\0\0"s) == 0);
    CHECK(tar_number("        "s) == 0);
    CHECK(tar_number("777777777777"s) == 0777777777777);
    CHECK(tar_number("0000758\0"s) == std::nullopt);
    CHECK(tar_number("-000755\0"s) == std::nullopt);
    CHECK(tar_number("\x80\0\0\0\0\0\x01\0"s) == 256);
    CHECK(tar_number("\xff\xff\xff\xff\xff\xff\xff\xff"s) == -1);
    CHECK(tar_number("\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"s) == INT64_MAX);
    CHECK(tar_number("\x80\0\0\0\x80\0\0\0\0\0\0\0"s) == std::nullopt);
    CHECK(tar_number("\xff\xff\xff\xff\x80\0\0\0\0\0\0\0"s) == INT64_MIN);
    CHECK(tar_number("\x80\x01\0\0\0\0\0\0\0\0\0\0"s) == std::nullopt);
}

TEST_CASE("a header is told by its checksum, its dialect by its magic") {
    nau::test::TarMember member;
    member.path = "a";
    CHECK(as_block(nau::test::tar_header(member, 0)).format() == TarFormat::ustar);
    member.dialect = nau::test::TarDialect::gnu;
    CHECK(as_block(nau::test::tar_header(member, 0)).format() == TarFormat::gnu);
    member.dialect = nau::test::TarDialect::v7;
    std::string header = nau::test::tar_header(member, 0);
    CHECK(as_block(header).format() == TarFormat::v7);
    header[0] = 'b';
    CHECK(as_block(header).format() == TarFormat::unknown);

    member.dialect = nau::test::TarDialect::ustar;
    member.path = "\xe4";
    std::string star = nau::test::tar_header(member, 0);
    star.replace(508, 4, "tar\0"s);
    nau::test::fix_checksum(star);
    CHECK(as_block(star).format() == TarFormat::star);

    // The sum over signed characters, 256 less for each byte above 127.
    const auto sum = static_cast<unsigned>(*tar_number(star.substr(148, 8)));
    star.replace(148, 8, fmt::format("{:06o}", sum - 256) + "\0 "s);
    CHECK(as_block(star).format() == TarFormat::star);
    CHECK(as_block(std::string(512, '\0')).is_zero());
    CHECK_FALSE(as_block(header).is_zero());
}
