#include "sys/random.h"

#include <doctest/doctest.h>

using namespace nau;

TEST_CASE("random_hex has two digits per byte and does not repeat itself") {
    CHECK(sys::random_hex(0).empty());
    const std::string text = sys::random_hex(32);
    CHECK(text.size() == 64);
    CHECK(text.find_first_not_of("0123456789abcdef") == text.npos);
    CHECK(text != sys::random_hex(32));
}
