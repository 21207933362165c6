#include "events/event.h"

#include <array>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"

namespace nau::events {

namespace {

constexpr std::array<std::string_view, 5> kTypes = {
    "container", "image", "volume", "network", "system"};

/// ,"name":"text"
void append_member(std::string& line, std::string_view name, const std::string& text) {
    line += fmt::format(",\"{}\":", name);
    line += json::to_text(text);
}

}  // namespace

std::string_view to_string(EventType type) noexcept {
    return kTypes[static_cast<size_t>(type)];
}

EventType parse_event_type(std::string_view word) {
    for (size_t i = 0; i < kTypes.size(); ++i) {
        if (kTypes[i] == word) {
            return static_cast<EventType>(i);
        }
    }
    throw Error(ErrorKind::invalid,
                "unknown event type '{}' (container, image, volume, network, system)",
                word);
}

std::string to_json_line(const Event& event) {
    // By hand, so that the time comes first: a reader with --since skips lines without parsing.
    std::string line = fmt::format("{{\"time\":\"{}\"", format_rfc3339(event.time));
    append_member(line, "namespace", event.namespace_name);
    line += fmt::format(",\"type\":\"{}\"", to_string(event.type));
    append_member(line, "action", event.action);
    append_member(line, "id", event.id);
    append_member(line, "name", event.name);
    append_member(line, "image", event.image);
    line += ",\"attributes\":";
    line += json::to_text(json::Value(event.attributes));
    line += "}\n";
    return line;
}

Event parse_event(std::string_view line) {
    const json::Value value = json::parse(line, "event");
    const json::Field root(value, "event");
    Event event;
    const auto time = parse_rfc3339(root.at("time").as_string());
    if (!time) {
        root.at("time").fail("is no RFC 3339 time");
    }
    event.time = *time;
    event.namespace_name = root.string_or("namespace", "default");
    const std::string type = root.at("type").as_string();
    try {
        event.type = parse_event_type(type);
    } catch (const Error& error) {
        root.at("type").fail(error.text());
    }
    event.action = root.at("action").as_string();
    event.id = root.string_or("id", "");
    event.name = root.string_or("name", "");
    event.image = root.string_or("image", "");
    event.attributes = root.string_map_or_empty("attributes");
    return event;
}

}  // namespace nau::events
