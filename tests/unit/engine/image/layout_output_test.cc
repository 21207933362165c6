#include "engine/image/layout_output.h"

#include <doctest/doctest.h>

#include "oci/layout/layout.h"

namespace nau::engine {
namespace {

oci::Descriptor entry(std::string_view content, const std::string& name) {
    oci::Descriptor descriptor{.media_type = "application/vnd.oci.image.manifest.v1+json",
                               .digest = oci::digest_of(content),
                               .size_bytes = content.size()};
    if (!name.empty()) {
        descriptor.annotations = {{oci::layout::kRefName, name}};
    }
    return descriptor;
}

oci::Index index_of(std::vector<oci::Descriptor> entries) {
    return {.media_type = "application/vnd.oci.image.index.v1+json",
            .manifests = std::move(entries)};
}

TEST_CASE("an index keeps its entries and takes further ones, as skopeo does it") {
    struct Case {
        std::vector<oci::Descriptor> before;
        std::vector<oci::Descriptor> added;
        std::vector<oci::Descriptor> after;
    };
    const std::vector<Case> cases = {
        {{}, {entry("a", "1")}, {entry("a", "1")}},
        {{entry("a", "1")}, {entry("b", "2")}, {entry("a", "1"), entry("b", "2")}},
        // A name moves; the entry that had it stays without.
        {{entry("a", "1")}, {entry("b", "1")}, {entry("a", ""), entry("b", "1")}},
        // The same once more changes nothing.
        {{entry("a", "1"), entry("b", "")}, {entry("a", "1")}, {entry("a", "1"), entry("b", "")}},
        // One without a name gets it.
        {{entry("a", "")}, {entry("a", "1")}, {entry("a", "1")}},
        // A second name for the same image is a second entry.
        {{entry("a", "1")}, {entry("a", "2")}, {entry("a", "1"), entry("a", "2")}},
        {{entry("a", "1")}, {entry("b", "")}, {entry("a", "1"), entry("b", "")}},
    };
    for (const auto& each : cases) {
        CHECK(merge_indexes(index_of(each.before), index_of(each.added)).manifests == each.after);
    }
}

TEST_CASE("what the index says of itself stays") {
    oci::Index index = index_of({entry("a", "1")});
    index.annotations = {{"k", "v"}};
    CHECK(merge_indexes(index, index_of({entry("b", "2")})).annotations == index.annotations);
}

}  // namespace
}  // namespace nau::engine
