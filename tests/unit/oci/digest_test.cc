#include "oci/digest.h"

#include <string>
#include <unordered_set>

#include <doctest/doctest.h>

#include "base/error.h"

using nau::ErrorKind;
using nau::oci::ChainId;
using nau::oci::DiffId;
using nau::oci::Digest;
using nau::oci::digest_of;
using nau::oci::DigestAlgorithm;
using nau::oci::Hasher;

namespace {

const std::string kEmptyHex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const std::string kAbcHex512 =
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

}  // namespace

TEST_CASE("a digest is an algorithm and its number of lower-case hexadecimal digits") {
    const Digest digest = Digest::parse("sha256:" + kEmptyHex);
    CHECK(digest.algorithm() == DigestAlgorithm::sha256);
    CHECK(digest.hex() == kEmptyHex);
    CHECK(digest.short_id() == "e3b0c44298fc");
    CHECK(digest.to_string() == "sha256:" + kEmptyHex);
    CHECK(fmt::format("{}", digest) == digest.to_string());

    const Digest wide = Digest::parse("sha512:" + kAbcHex512);
    CHECK(wide.algorithm() == DigestAlgorithm::sha512);
    CHECK(wide.hex() == kAbcHex512);
    CHECK(digest < wide);
}

TEST_CASE("texts that are no digest are refused with the reason") {
    struct Row {
        std::string text;
        std::string reason;
    };
    const std::string x64(64, 'a');
    for (const auto& row : {
             Row{"", "has no algorithm"},
             Row{x64, "has no algorithm"},
             Row{":" + x64, "algorithm '' is not sha256 or sha512"},
             Row{"md5:" + std::string(32, 'a'), "algorithm 'md5' is not sha256 or sha512"},
             Row{"SHA256:" + x64, "algorithm 'SHA256' is not sha256 or sha512"},
             Row{"sha256:", "sha256 takes 64 lower-case hexadecimal digits"},
             Row{"sha256:" + std::string(63, 'a'), "sha256 takes 64"},
             Row{"sha256:" + std::string(65, 'a'), "sha256 takes 64"},
             Row{"sha256:" + std::string(64, 'A'), "sha256 takes 64"},
             Row{"sha256:" + std::string(63, 'a') + "g", "sha256 takes 64"},
             Row{"sha256:../../../../etc/passwd", "sha256 takes 64"},
             Row{"sha256:../" + std::string(61, 'a'), "sha256 takes 64"},
             Row{"sha256:" + std::string(63, 'a') + "\n", "sha256 takes 64"},
             Row{"sha256:" + std::string(63, 'a') + std::string(1, '\0'), "sha256 takes 64"},
             Row{"sha512:" + x64, "sha512 takes 128"},
             Row{" sha256:" + x64, "algorithm ' sha256'"},
         }) {
        CAPTURE(row.text);
        CHECK_FALSE(Digest::try_parse(row.text));
        try {
            (void)Digest::parse(row.text);
            FAIL("accepted");
        } catch (const nau::Error& error) {
            CHECK(error.kind() == ErrorKind::invalid);
            CHECK(error.text().find(row.reason) != std::string::npos);
        }
    }
}

TEST_CASE("the hasher computes the published values") {
    CHECK(digest_of("").hex() == kEmptyHex);
    CHECK(digest_of("abc").to_string() ==
          "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(digest_of("abc", DigestAlgorithm::sha512).to_string() == "sha512:" + kAbcHex512);
}

TEST_CASE("pieces hash as the whole does, and a hasher can be moved") {
    const std::string text(100'000, 'x');
    Hasher hasher;
    hasher.update(std::string_view(text).substr(0, 1));
    Hasher moved = std::move(hasher);
    moved.update(std::string_view(text).substr(1, 77'777));
    moved.update(std::string_view(text).substr(77'778));
    moved.update("");
    CHECK(moved.finish() == digest_of(text));
}

TEST_CASE("roles keep digests apart and are hashable") {
    const DiffId diff_id = DiffId::parse("sha256:" + kEmptyHex);
    const ChainId chain_id(diff_id.digest());
    CHECK(diff_id.digest() == chain_id.digest());
    CHECK(diff_id.short_id() == "e3b0c44298fc");
    CHECK(fmt::format("{}", chain_id) == "sha256:" + kEmptyHex);
    static_assert(!std::is_convertible_v<DiffId, ChainId>);
    static_assert(!std::is_convertible_v<Digest, DiffId>);

    std::unordered_set<DiffId> set{diff_id};
    CHECK(set.contains(DiffId(digest_of(""))));
    CHECK_FALSE(set.contains(DiffId(digest_of("x"))));
}
