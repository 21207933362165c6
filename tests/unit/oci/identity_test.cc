#include "oci/identity.h"

#include <array>

#include <doctest/doctest.h>

using nau::oci::chain_ids;
using nau::oci::DiffId;

TEST_CASE("a chainID covers the layer and all below it") {
    const DiffId a =
        DiffId::parse("sha256:c6f988f4874bb0add23a778f753c65efe992244e148a1d2ec2a8b664fb66bbd1");
    const DiffId b =
        DiffId::parse("sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef");
    const DiffId c =
        DiffId::parse("sha256:13f53e08df5a220ab6d13c58b2bf83a59cbdc2e04d0a3f041ddf4b0ba4112d49");

    CHECK(chain_ids({}).empty());

    // Values computed with sha256sum over "<below> <layer>".
    const auto chain = chain_ids(std::array{a, b, c});
    REQUIRE(chain.size() == 3);
    CHECK(chain[0].to_string() == a.to_string());
    CHECK(chain[1].to_string() ==
          "sha256:c3191d32a37d7159b2e30830937d2e30268ad6c375a773a8994911a3aba9b93f");
    CHECK(chain[2].to_string() ==
          "sha256:f295fb504ece04334c2571429c89e50e23f359e101ea9c3831a6993bb7d2301f");

    CHECK(chain_ids(std::array{b, a})[1] != chain[1]);
}
