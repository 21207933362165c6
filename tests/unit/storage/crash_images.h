#pragma once

// What crash_helper.cc makes and crash_test.cc looks for.

#include <string>
#include <vector>

#include "tests/unit/storage/image_fixture.h"

namespace nau::test {

inline std::vector<TestImage> crash_images() {
    return {make_image("one", {"layer a", "layer b"}), make_image("two", {"layer a", "layer c"})};
}

inline storage::Store open_crash_store(const std::string& directory, const Clock& clock) {
    return storage::Store::open({.graph_root = directory + "/graph",
                                 .run_root = directory + "/run",
                                 .access = storage::Access::write,
                                 .clock = clock,
                                 .layer_form = storage::LayerForm::overlay_user});
}

}  // namespace nau::test
