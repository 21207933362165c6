#include "oci/layer/pax.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "tests/support/tar_builder.h"

using nau::oci::decode_url;
using nau::oci::decode_xattr_base64;
using nau::oci::parse_pax_records;
using nau::oci::parse_pax_time;
using nau::oci::Timestamp;
using nau::test::pax_record;

TEST_CASE("pax records are taken by their lengths, the last of a key counts") {
    const auto records = parse_pax_records(
        pax_record("path", "a=b\nc") + pax_record("mtime", "1") + pax_record("mtime", "2") +
        pax_record("SCHILY.xattr.user.x", std::string("\0=", 2)));
    CHECK(records.size() == 3);
    CHECK(records.at("path") == "a=b\nc");
    CHECK(records.at("mtime") == "2");
    CHECK(records.at("SCHILY.xattr.user.x") == std::string("\0=", 2));
    CHECK(parse_pax_records("").empty());
}

TEST_CASE("damaged pax records are refused") {
    for (const std::string& bad :
         {std::string("x"),
          std::string("5 a=\n6"),
          std::string("0 a=b\n"),
          std::string("3 a=b\n"),
          std::string("99 a=b\n"),
          std::string("6 a=bc\n"),
          std::string("-6 a=b\n"),
          std::string("18446744073709551616 a=b\n"),
          std::string("6 abc\n"),
          std::string("6 =bc\n"),
          pax_record("path", std::string("a\0b", 3)),
          pax_record(std::string("a\0b", 3), "x"),
          pax_record("GNU.sparse.numbytes", "1"),
          pax_record("GNU.sparse.offset", "1,2"),
          pax_record("GNU.sparse.offset", "1") + pax_record("GNU.sparse.offset", "1")}) {
        CAPTURE(bad);
        CHECK_THROWS_AS(parse_pax_records(bad), nau::Error);
    }
}

TEST_CASE("pax times are decimal seconds, cut at the nanosecond") {
    struct Row {
        const char* text;
        Timestamp time;
    };
    for (const auto& row : {Row{"0", {0, 0}},
                            Row{"12.5", {12, 500'000'000}},
                            Row{"12.", {12, 0}},
                            Row{"1.0000000019", {1, 1}},
                            Row{"-1", {-1, 0}},
                            Row{"-0.5", {-1, 500'000'000}},
                            Row{"-1.25", {-2, 750'000'000}}}) {
        CAPTURE(row.text);
        CHECK(parse_pax_time(row.text) == row.time);
    }
    for (const char* bad : {"", ".", ".5", "1.x", "1e3", "+1", " 1", "9223372036854775808"}) {
        CAPTURE(bad);
        CHECK(parse_pax_time(bad) == std::nullopt);
    }
}

TEST_CASE("libarchive's attribute encoding") {
    CHECK(decode_url("user.a%3db%00") == std::string("user.a=b\0", 9));
    CHECK(decode_url("a%4") == std::nullopt);
    CHECK(decode_url("a%4g") == std::nullopt);
    CHECK(decode_xattr_base64("") == "");
    CHECK(decode_xattr_base64("AQID") == "\x01\x02\x03");
    CHECK(decode_xattr_base64("AQI") == "\x01\x02");
    CHECK(decode_xattr_base64("AQ==") == "\x01");
    CHECK(decode_xattr_base64("A") == std::nullopt);
    CHECK(decode_xattr_base64("A*==") == std::nullopt);
}
