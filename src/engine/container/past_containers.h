#pragma once

// `ps --at`: the containers as they were, told by the journal.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "engine/container/containers.h"
#include "engine/system/event_list.h"

namespace nau::engine {

/// Plays events in the order of the journal; what it holds is the state after the last of them.
class PastContainers {
  public:
    void add(const EventLine& event);
    /// Newest first.
    std::vector<ContainerSummary> list(bool includes_stopped) const;

  private:
    std::map<std::string, ContainerSummary> containers_;
};

/// Those of this namespace at that moment. @throws Error{not_found} when the journal does not go
/// back so far
std::vector<ContainerSummary> containers_at(Engine& engine, Time at, bool includes_stopped);

}  // namespace nau::engine
