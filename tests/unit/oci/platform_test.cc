#include "oci/platform.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "oci/descriptor.h"

using nau::oci::choose_platform;
using nau::oci::Descriptor;
using nau::oci::digest_of;
using nau::oci::match_rank;
using nau::oci::parse_platform;
using nau::oci::Platform;
using nau::oci::platform_of_machine;

namespace {

Descriptor manifest_for(std::optional<Platform> platform) {
    const std::string name = platform ? to_string(*platform) : "none";
    return {.media_type = "application/vnd.oci.image.manifest.v1+json",
            .digest = digest_of(name),
            .size_bytes = 1,
            .platform = std::move(platform)};
}

}  // namespace

TEST_CASE("platforms are parsed and brought to Go's names") {
    struct Row {
        const char* text;
        const char* canonical;
    };
    for (const auto& row : {Row{"linux/amd64", "linux/amd64"},
                            Row{"linux/x86_64", "linux/amd64"},
                            Row{"Linux/X86-64", "linux/amd64"},
                            Row{"linux/amd64/v1", "linux/amd64"},
                            Row{"linux/amd64/v3", "linux/amd64/v3"},
                            Row{"linux/amd64/3", "linux/amd64/v3"},
                            Row{"linux/arm64", "linux/arm64"},
                            Row{"linux/arm64/v8", "linux/arm64"},
                            Row{"linux/arm64/8", "linux/arm64"},
                            Row{"linux/aarch64", "linux/arm64"},
                            Row{"linux/arm64/v9.2", "linux/arm64/v9.2"},
                            Row{"linux/arm", "linux/arm/v7"},
                            Row{"linux/arm/6", "linux/arm/v6"},
                            Row{"linux/armhf", "linux/arm/v7"},
                            Row{"linux/armel", "linux/arm/v6"},
                            Row{"linux/i386", "linux/386"},
                            Row{"linux/386", "linux/386"},
                            Row{"linux/ppc64le", "linux/ppc64le"},
                            Row{"linux/riscv64", "linux/riscv64"},
                            Row{"linux/s390x", "linux/s390x"},
                            Row{"windows(10.0.17763)/amd64", "windows/amd64"},
                            Row{"macos/arm64", "darwin/arm64"},
                            Row{"arm64", "linux/arm64"},
                            Row{"armhf", "linux/arm/v7"},
                            Row{"s390x", "linux/s390x"}}) {
        CAPTURE(row.text);
        CHECK(to_string(parse_platform(row.text)) == row.canonical);
    }
    CHECK(parse_platform("windows(10.0.17763)/amd64").os_version == "10.0.17763");
    CHECK(parse_platform("linux") == nau::oci::host_platform());
}

TEST_CASE("texts that are no platform are refused") {
    for (const char* bad : {"",
                            "/",
                            "linux/",
                            "/amd64",
                            "linux//v7",
                            "linux/arm/v7/x",
                            "linux/am d64",
                            "linux/amd64\n",
                            "windows(",
                            "notanarch",
                            "linux(a/b)/amd64"}) {
        CAPTURE(bad);
        CHECK_THROWS_AS(parse_platform(bad), nau::Error);
    }
}

TEST_CASE("the machine of uname gives the platform") {
    struct Row {
        const char* machine;
        int level;
        const char* platform;
    };
    for (const auto& row : {Row{"x86_64", 1, "linux/amd64"},
                            Row{"x86_64", 3, "linux/amd64/v3"},
                            Row{"aarch64", 1, "linux/arm64"},
                            Row{"armv7l", 1, "linux/arm/v7"},
                            Row{"armv6l", 1, "linux/arm/v6"},
                            Row{"armv8l", 1, "linux/arm/v8"},
                            Row{"i686", 1, "linux/386"},
                            Row{"loongarch64", 1, "linux/loong64"},
                            Row{"riscv64", 1, "linux/riscv64"}}) {
        CAPTURE(row.machine);
        CHECK(to_string(platform_of_machine(row.machine, row.level)) == row.platform);
    }
}

TEST_CASE("a platform runs itself first, then what is lower") {
    struct Row {
        const char* candidate;
        const char* wanted;
        std::optional<size_t> rank;
    };
    for (const auto& row : {Row{"linux/amd64", "linux/amd64", 0},
                            Row{"linux/amd64/v1", "linux/amd64", 0},
                            Row{"linux/386", "linux/amd64", 1},
                            Row{"linux/amd64/v2", "linux/amd64", {}},
                            Row{"linux/amd64/v3", "linux/amd64/v3", 0},
                            Row{"linux/amd64/v2", "linux/amd64/v3", 1},
                            Row{"linux/amd64", "linux/amd64/v3", 2},
                            Row{"linux/386", "linux/amd64/v3", 3},
                            Row{"linux/amd64/v4", "linux/amd64/v3", {}},
                            Row{"linux/amd64", "linux/386", {}},
                            Row{"linux/arm64", "linux/arm64", 0},
                            Row{"linux/arm64/v8", "linux/arm64", 0},
                            Row{"linux/arm/v8", "linux/arm64", 1},
                            Row{"linux/arm/v7", "linux/arm64", 2},
                            Row{"linux/arm/v5", "linux/arm64", 4},
                            Row{"linux/arm64/v8.2", "linux/arm64", {}},
                            Row{"linux/arm64/v8.1", "linux/arm64/v8.2", 1},
                            Row{"linux/arm64", "linux/arm64/v8.2", 2},
                            Row{"linux/arm64/v9", "linux/arm64/v9.1", 1},
                            Row{"linux/arm64/v8.6", "linux/arm64/v9.1", 2},
                            Row{"linux/arm64", "linux/arm64/v9.1", 8},
                            Row{"linux/arm64", "linux/arm/v7", {}},
                            Row{"linux/arm/v6", "linux/arm/v7", 1},
                            Row{"linux/arm/v7", "linux/arm/v6", {}},
                            Row{"linux/arm", "linux/arm/v7", 0},
                            Row{"windows/amd64", "linux/amd64", {}},
                            Row{"windows(10.0.17763.1)/amd64", "windows(10.0.17763)/amd64", 0},
                            Row{"windows(10.0.177630)/amd64", "windows(10.0.17763)/amd64", {}},
                            Row{"linux/riscv64", "linux/riscv64", 0},
                            Row{"linux/ppc64", "linux/ppc64le", {}}}) {
        CAPTURE(row.candidate);
        CAPTURE(row.wanted);
        CHECK(match_rank(parse_platform(row.candidate), parse_platform(row.wanted)) == row.rank);
    }
}

TEST_CASE("the index entry that fits best is chosen") {
    std::vector<Descriptor> index;
    for (const char* platform : {"linux/386",
                                 "linux/amd64",
                                 "linux/amd64/v3",
                                 "linux/arm/v6",
                                 "linux/arm/v7",
                                 "linux/arm64",
                                 "linux/s390x"}) {
        index.push_back(manifest_for(parse_platform(platform)));
    }
    struct Row {
        const char* wanted;
        const char* chosen;
    };
    for (const auto& row : {Row{"linux/amd64", "linux/amd64"},
                            Row{"linux/amd64/v2", "linux/amd64"},
                            Row{"linux/amd64/v4", "linux/amd64/v3"},
                            Row{"linux/386", "linux/386"},
                            Row{"linux/arm/v5", nullptr},
                            Row{"linux/arm/v8", "linux/arm/v7"},
                            Row{"linux/arm64/v9", "linux/arm64"},
                            Row{"linux/riscv64", nullptr},
                            Row{"windows/amd64", nullptr}}) {
        CAPTURE(row.wanted);
        const Descriptor* chosen = choose_platform(index, parse_platform(row.wanted));
        REQUIRE((chosen == nullptr) == (row.chosen == nullptr));
        if (chosen != nullptr) {
            CHECK(to_string(*chosen->platform) == row.chosen);
        }
    }
}

TEST_CASE("attestations are never chosen, manifests without platform only for want of others") {
    const Platform wanted = parse_platform("linux/amd64");
    Descriptor attestation = manifest_for(Platform{.os = "unknown", .architecture = "unknown"});
    Descriptor marked = manifest_for(wanted);
    marked.annotations["vnd.docker.reference.type"] = "attestation-manifest";
    const Descriptor anonymous = manifest_for(std::nullopt);
    const Descriptor right = manifest_for(wanted);

    CHECK(choose_platform({}, wanted) == nullptr);
    CHECK(choose_platform(std::vector{attestation, marked}, wanted) == nullptr);
    CHECK(choose_platform(std::vector{attestation},
                          Platform{.os = "unknown", .architecture = "unknown"}) == nullptr);

    const std::vector with_anonymous{attestation, anonymous, marked};
    CHECK(choose_platform(with_anonymous, wanted) == &with_anonymous[1]);
    const std::vector with_right{anonymous, marked, right, right};
    CHECK(choose_platform(with_right, wanted) == &with_right[2]);
}

TEST_CASE("a platform survives JSON") {
    const Platform platform{.os = "windows",
                            .architecture = "arm64",
                            .variant = "v9",
                            .os_version = "10.0.1",
                            .os_features = {"win32k"}};
    const auto value = to_json(platform);
    CHECK(
        value.dump() ==
        R"({"architecture":"arm64","os":"windows","os.features":["win32k"],"os.version":"10.0.1","variant":"v9"})");
    CHECK(parse_platform(nau::json::Field(value, "platform")) == platform);
}
