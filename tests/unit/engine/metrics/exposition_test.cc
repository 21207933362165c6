#include "engine/metrics/exposition.h"

#include <doctest/doctest.h>

using namespace nau::engine::metrics;  // NOLINT(google-build-using-namespace): what is tested

TEST_CASE("a family has its heading once, and none without samples") {
    Exposition out;
    out.family("a_total", MetricType::counter, "What a is.");
    out.sample({{"name", "x"}}, uint64_t{1});
    out.sample({{"name", "y"}, {"id", "/z"}}, 1.5);
    out.family("unused", MetricType::gauge, "Nothing.");
    out.family("b", MetricType::gauge, "What b is.");
    out.sample({}, uint64_t{18446744073709551615U});
    CHECK(out.text() ==
          "# HELP a_total What a is.\n# TYPE a_total counter\na_total{name=\"x\"} "
          "1\na_total{name=\"y\",id=\"/z\"} 1.5\n"
          "# HELP b What b is.\n# TYPE b gauge\nb 18446744073709551615\n");
}

TEST_CASE("hostile label values stay within their quotes") {
    Exposition out;
    out.family("a", MetricType::gauge, "A.");
    out.sample({{"image", "x\"} 1\nfake 2\\"}}, uint64_t{1});
    CHECK(out.text() == "# HELP a A.\n# TYPE a gauge\na{image=\"x\\\"} 1\\nfake 2\\\\\"} 1\n");
}
