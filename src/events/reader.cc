#include "events/reader.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <poll.h>

#include "base/error.h"
#include "base/log.h"
#include "base/parse.h"
#include "sys/file_series.h"
#include "sys/file_watch.h"

namespace nau::events {

namespace {

using std::chrono::milliseconds;

bool contains(const std::vector<std::string>& values, const std::string& value) {
    return std::find(values.begin(), values.end(), value) != values.end();
}

bool is_container(const Event& event, const std::string& wanted) {
    return event.type == EventType::container &&
           (event.name == wanted || (!wanted.empty() && event.id.starts_with(wanted)));
}

/// "nginx" means "docker.io/library/nginx:latest" too: the end of the repository, with or without
/// the tag.
bool is_reference(const std::string& reference, const std::string& wanted) {
    if (reference == wanted || wanted.empty()) {
        return reference == wanted;
    }
    const size_t slash = reference.rfind('/');
    const size_t colon = reference.rfind(':');
    const bool has_tag =
        colon != std::string::npos && (slash == std::string::npos || colon > slash);
    const std::string untagged = has_tag ? reference.substr(0, colon) : reference;
    const auto ends_in_component = [&](const std::string& text) {
        return text == wanted || text.ends_with("/" + wanted);
    };
    return ends_in_component(reference) || ends_in_component(untagged);
}

bool is_image(const Event& event, const std::string& wanted) {
    if (event.type == EventType::image) {
        return is_reference(event.name, wanted) || event.id == wanted ||
               (!wanted.empty() && event.id.starts_with("sha256:" + wanted));
    }
    return event.type == EventType::container && is_reference(event.image, wanted);
}

bool has_label(const Event& event, const std::string& wanted) {
    const auto pair = split_once(wanted, '=');
    const auto found = event.attributes.find(std::string(pair ? pair->first : wanted));
    return found != event.attributes.end() && (!pair || found->second == pair->second);
}

template <typename Values, typename Matches>
bool any_or_empty(const Values& values, Matches&& matches) {
    return values.empty() || std::any_of(values.begin(), values.end(), matches);
}

/// Whether the line's leading time says that it is older, without parsing the rest.
bool is_surely_before(std::string_view line, Time since) {
    constexpr std::string_view kHead = "{\"time\":\"";
    constexpr size_t kTimeLength = sizeof("2026-11-23T20:57:42.123456789Z") - 1;
    if (!line.starts_with(kHead) || line.size() < kHead.size() + kTimeLength) {
        return false;
    }
    const auto time = parse_rfc3339(line.substr(kHead.size(), kTimeLength));
    return time && *time < since;
}

Time now() {
    return SystemClock().now();
}

class Reader {
  public:
    Reader(const std::filesystem::path& journal,
           const ReadOptions& options,
           const std::function<bool(const Event&)>& sink)
        : options_(options), sink_(sink), lines_(journal.string()) {
        if (options_.follow) {
            watch_.add_directory(journal.parent_path().string());
        }
    }

    void run() {
        while (read_available() && options_.follow && wait()) {
        }
    }

  private:
    /// false when the sink has enough, or `until` has come.
    bool read_available() {
        watch_.clear();
        while (const auto line = lines_.next()) {
            if (line->empty() || (options_.since && is_surely_before(*line, *options_.since))) {
                continue;
            }
            const auto event = parse(*line);
            if (event && is_wanted(*event) && !sink_(*event)) {
                return false;
            }
        }
        return !options_.until || now() < *options_.until;
    }

    static std::optional<Event> parse(std::string_view line) {
        try {
            return parse_event(line);
        } catch (const Error& error) {
            NAU_LOG_WARN("journal: {}, ignoring the line", error.text());
            return std::nullopt;
        }
    }

    bool is_wanted(const Event& event) const {
        return (!options_.since || event.time >= *options_.since) &&
               (!options_.until || event.time <= *options_.until) && options_.filter.matches(event);
    }

    /// false when it is to stop.
    bool wait() {
        milliseconds patience = watch_.patience();
        if (options_.until) {
            const auto left =
                std::max(milliseconds(0), std::chrono::ceil<milliseconds>(*options_.until - now()));
            patience = patience.count() < 0 ? left : std::min(patience, left);
        }
        std::array<pollfd, 2> fds = {pollfd{watch_.fd(), POLLIN, 0},
                                     pollfd{options_.stop_fd, POLLIN, 0}};
        const auto timeout = static_cast<int>(
            std::min<int64_t>(patience.count(), milliseconds(std::chrono::hours(24)).count()));
        (void)::poll(fds.data(), fds.size(), timeout);  // EINTR: looks again, no harm
        return fds[1].revents == 0;
    }

    const ReadOptions& options_;
    const std::function<bool(const Event&)>& sink_;
    sys::FileWatch watch_;  // before the first look, so that nothing is missed
    sys::LineReader lines_;
};

}  // namespace

void EventFilter::add(std::string_view key_and_value) {
    const auto pair = split_once(key_and_value, '=');
    if (!pair) {
        throw Error(ErrorKind::invalid, "invalid filter '{}' (not key=value)", key_and_value);
    }
    const auto& [key, value] = *pair;
    const std::string text(value);
    if (key == "event") {
        actions.push_back(text == "die" ? "died" : text);  // docker's word
    } else if (key == "type") {
        types.push_back(parse_event_type(value));
    } else if (key == "container" || key == "id") {
        containers.push_back(text);
    } else if (key == "image") {
        images.push_back(text);
    } else if (key == "volume") {
        volumes.push_back(text);
    } else if (key == "network") {
        networks.push_back(text);
    } else if (key == "label") {
        labels.push_back(text);
    } else {
        throw Error(ErrorKind::invalid,
                    "unknown filter '{}' (event, type, container, image, volume, network, label)",
                    key);
    }
}

bool EventFilter::matches(const Event& event) const {
    const auto matches_type = [&](EventType type) { return type == event.type; };
    const auto names_container = [&](const auto& value) { return is_container(event, value); };
    const auto names_image = [&](const auto& value) { return is_image(event, value); };
    const auto has = [&](const auto& value) { return has_label(event, value); };
    return (namespaces.empty() || contains(namespaces, event.namespace_name)) &&
           any_or_empty(types, matches_type) &&
           (actions.empty() || contains(actions, event.action)) &&
           any_or_empty(containers, names_container) && any_or_empty(images, names_image) &&
           (volumes.empty() ||
            (event.type == EventType::volume && contains(volumes, event.name))) &&
           (networks.empty() ||
            (event.type == EventType::network &&
             (contains(networks, event.name) || contains(networks, event.id)))) &&
           std::all_of(labels.begin(), labels.end(), has);
}

void read_events(const std::filesystem::path& journal,
                 const ReadOptions& options,
                 const std::function<bool(const Event&)>& sink) {
    Reader(journal, options, sink).run();
}

}  // namespace nau::events
