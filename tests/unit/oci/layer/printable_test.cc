#include "oci/layer/printable.h"

#include <doctest/doctest.h>

using nau::oci::printable;

TEST_CASE("hostile names cannot steer a terminal or forge a line") {
    CHECK(printable("usr/bin/env") == "usr/bin/env");
    CHECK(printable("a\nb\x1b[2J") == "a\\x0ab\\x1b[2J");
    CHECK(printable("\xc3\xa4\\") == "\\xc3\\xa4\\x5c");
    CHECK(printable(std::string(5000, 'a')).size() < 300);
}
