#pragma once

// `nau events` and `nau why`: what the journal tells.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace nau::engine {

class Engine;

/// An event as the command line shows it.
struct EventLine {
    Time time{};
    std::string type;    ///< container, image, volume, …
    std::string action;  ///< create, start, died, …
    std::string id;
    std::string name;
    std::string image;
    std::map<std::string, std::string> attributes;
};

struct EventListOptions {
    std::vector<std::string> filters;  ///< "event=died", "container=web", …
    std::optional<Time> since;
    std::optional<Time> until;
    bool follows = false;
};

/// Of this namespace, in the order of writing, until `sink` returns false.
/// @throws Error{invalid} for a filter that is not known
void list_events(Engine& engine,
                 const EventListOptions& options,
                 const std::function<bool(const EventLine&)>& sink);

/// What happened to a container last, in sentences, and what to do.
/// @throws Error{not_found}
std::string explain_container(Engine& engine, const std::string& name_or_id);

}  // namespace nau::engine
