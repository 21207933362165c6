#include "config/registries.h"

#include <doctest/doctest.h>

using namespace nau;

TEST_CASE("what is said about a registry concerns that host and port only") {
    const config::Registries registries{.insecure = {"registry.lan:5000", "other"}};
    CHECK(registries.is_insecure("registry.lan:5000"));
    CHECK(registries.is_insecure("other"));
    CHECK_FALSE(registries.is_insecure("registry.lan"));
    CHECK_FALSE(registries.is_insecure("other:5000"));
    CHECK_FALSE(registries.is_insecure(""));
}
