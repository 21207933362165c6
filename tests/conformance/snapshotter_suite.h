#pragma once

// What every Snapshotter promises, whatever it makes of the trees. An implementation's test calls
// run_snapshotter_suite() from a test case, with a store that uses it.

#include <functional>
#include <memory>

#include "storage/store.h"

namespace nau::test {

struct SnapshotterUnderTest {
    virtual ~SnapshotterUnderTest() = default;
    virtual storage::Store& store() = 0;
};

void run_snapshotter_suite(const std::function<std::unique_ptr<SnapshotterUnderTest>()>& make);

}  // namespace nau::test
