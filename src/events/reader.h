#pragma once

// The journal's reading end: the rotated files from the oldest to the current one, each event once,
// in the order of writing, then whatever is added while it follows (inotify). Lines that cannot be
// read are skipped with a warning; the last line counts only once it is finished.

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "events/event.h"

namespace nau::events {

/// Values of one key are alternatives, different keys must all hold. An empty list holds always.
struct EventFilter {
    std::vector<std::string> namespaces{};
    std::vector<EventType> types{};
    std::vector<std::string> actions{};
    /// A container's id (or a beginning of it) or name; matches container events only.
    std::vector<std::string> containers{};
    /// An image's reference or id; matches image events and events of containers made from it.
    std::vector<std::string> images{};
    std::vector<std::string> volumes{};
    std::vector<std::string> networks{};
    /// "key" or "key=value" of the attributes (labels are attributes); all must be there, as docker
    /// has it.
    std::vector<std::string> labels{};

    /// Adds what a user typed behind --filter: "event=died", "container=web", "type=image",
    /// "image=…", "volume=…", "network=…", "label=a=b", "id=…". @throws Error{invalid}
    void add(std::string_view key_and_value);
    bool matches(const Event& event) const;
};

struct ReadOptions {
    EventFilter filter{};
    std::optional<Time> since{};
    /// With `follow` the reader ends at this moment.
    std::optional<Time> until{};
    bool follow = false;
    /// Follow ends when this becomes readable (a signalfd, say); -1: none. Borrowed.
    int stop_fd = -1;
};

/// Calls `sink` for each event until it returns false. A journal that does not exist is empty.
/// @throws SysError, and what `sink` throws
void read_events(const std::filesystem::path& journal,
                 const ReadOptions& options,
                 const std::function<bool(const Event&)>& sink);

}  // namespace nau::events
