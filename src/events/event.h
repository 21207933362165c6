#pragma once

// What happened to an object of nau, as one line of JSON in the journal:
//
//   {"time":"2026-11-23T20:57:42.123456789Z","namespace":"default","type":"container",
//    "action":"died","id":"…","name":"web","image":"docker.io/library/nginx:latest",
//    "attributes":{"exitCode":"0"}}
//
// An event tells; it never proves. Nobody decides from the journal whether a container runs.

#include <map>
#include <string>
#include <string_view>

#include "base/time.h"

namespace nau::events {

enum class EventType { container, image, volume, network, system };

/// The enumerator's name, as it stands in the line.
std::string_view to_string(EventType type) noexcept;
/// The inverse. @throws Error{invalid} naming the known words
EventType parse_event_type(std::string_view word);

struct Event {
    Time time{};
    std::string namespace_name = "default";
    EventType type = EventType::container;
    /// create, start, died, pull, … : lower case words with '-' between them.
    std::string action{};
    /// Container id, image digest, or name where the object has no other identity.
    std::string id{};
    std::string name{};
    /// The reference of a container's image; empty for other types.
    std::string image{};
    std::map<std::string, std::string> attributes{};

    friend bool operator==(const Event&, const Event&) = default;
};

/// Ends in '\n' and has no other; bytes that are not UTF-8 become U+FFFD.
std::string to_json_line(const Event& event);

/// With or without the line end. Unknown members are ignored. @throws Error{corrupt}
Event parse_event(std::string_view line);

}  // namespace nau::events
