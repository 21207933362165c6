#include "engine/registry/search_registry.h"

#include <doctest/doctest.h>

using nau::engine::parse_search_term;

TEST_CASE("a search term may begin with a registry") {
    struct Case {
        const char* term;
        const char* registry;
        const char* word;
    };
    for (const Case& each : {Case{"alpine", "", "alpine"},
                             Case{"fedora/web", "", "fedora/web"},
                             Case{"quay.io/fedora", "quay.io", "fedora"},
                             Case{"quay.io/fedora/web", "quay.io", "fedora/web"},
                             Case{"localhost/x", "localhost", "x"},
                             Case{"host:5000/", "host:5000", ""},
                             Case{"a.b", "", "a.b"}}) {
        INFO(each.term);
        const auto term = parse_search_term(each.term);
        CHECK(term.registry == each.registry);
        CHECK(term.word == each.word);
    }
}
