#include "config/settings.h"

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>
#include <map>
#include <unistd.h>
#include <vector>

#include "base/error.h"
#include "base/parse.h"
#include "sys/file.h"

namespace nau::config {

namespace {

constexpr size_t kMostConfBytes = size_t{1} << 20;

[[noreturn]] void refuse(std::string_view problem) {
    throw Error(ErrorKind::invalid, "{}", problem);
}

// --- values; each throws Error{invalid} without saying where, which the caller adds

std::string parse_directory(std::string_view text) {
    if (!text.starts_with('/')) {
        refuse(fmt::format("'{}' is not an absolute path", text));
    }
    if (std::ranges::any_of(text, [](char c) { return c == '\0' || c == '\n'; })) {
        refuse("a path with a line end or a NUL byte");
    }
    const auto last = text.find_last_not_of('/');
    if (last == text.npos) {
        refuse("the root directory cannot hold nau's state");
    }
    return std::string(text.substr(0, last + 1));
}

std::string parse_namespace(std::string_view text) {
    if (!is_valid_namespace(text)) {
        refuse(
            fmt::format("'{}' is not a name of letters, digits and single '-', '.' or '_' "
                        "between them",
                        text));
    }
    return std::string(text);
}

template <typename Number>
Number parse_count(std::string_view text, uint64_t least, uint64_t most) {
    const auto number = parse_uint64(text);
    if (!number || *number < least || *number > most) {
        refuse(fmt::format("'{}' is not a number from {} to {}", text, least, most));
    }
    return static_cast<Number>(*number);
}

int64_t parse_log_size(std::string_view text) {
    const uint64_t size = parse_size_bytes(text);
    if (size > static_cast<uint64_t>(INT64_MAX)) {
        refuse(fmt::format("'{}' is too large", text));
    }
    return static_cast<int64_t>(size);
}

/// Words between blanks or commas.
std::vector<std::string> parse_words(std::string_view text) {
    std::vector<std::string> words;
    for (size_t at = 0; (at = text.find_first_not_of(" \t,", at)) != text.npos;) {
        const size_t end = std::min(text.find_first_of(" \t,", at), text.size());
        words.emplace_back(text.substr(at, end - at));
        at = end;
    }
    return words;
}

void check_host(std::string_view host) {
    if (host.empty() || host.find('/') != host.npos) {
        refuse(fmt::format("'{}' is not HOST or HOST:PORT", host));
    }
}

std::vector<std::string> parse_hosts(std::string_view text) {
    auto hosts = parse_words(text);
    for (const auto& host : hosts) {
        check_host(host);
    }
    return hosts;
}

/// "docker.io=mirror.example docker.io=localhost:5000"
std::map<std::string, std::vector<std::string>> parse_mirrors(std::string_view text) {
    std::map<std::string, std::vector<std::string>> mirrors;
    for (const auto& word : parse_words(text)) {
        const auto pair = split_once(word, '=');
        if (!pair) {
            refuse(fmt::format("'{}' is not of the form REGISTRY=HOST", word));
        }
        check_host(pair->first);
        check_host(pair->second);
        mirrors[std::string(pair->first)].emplace_back(pair->second);
    }
    return mirrors;
}

/// Pools stand between blanks, since each has a comma; what they mean is the engine's to judge.
std::vector<std::string> parse_pools(std::string_view text) {
    std::vector<std::string> pools;
    for (const auto word : split(text, ' ')) {
        if (!trim(word).empty()) {
            pools.emplace_back(trim(word));
        }
    }
    return pools;
}

// --- keys

struct Key {
    std::string_view name;
    void (*set)(Settings&, std::string_view value);
    bool may_be_empty = false;
};

std::vector<std::string> parse_directories(std::string_view text) {
    std::vector<std::string> directories;
    for (const auto& word : parse_words(text)) {
        directories.push_back(parse_directory(word));
    }
    return directories;
}

constexpr std::array kKeys = {
    Key{"graph_root",
        [](Settings& s, std::string_view value) { s.graph_root = parse_directory(value); }},
    Key{"run_root",
        [](Settings& s, std::string_view value) { s.run_root = parse_directory(value); }},
    Key{"namespace",
        [](Settings& s, std::string_view value) { s.name_space = parse_namespace(value); }},
    Key{"log_level",
        [](Settings& s, std::string_view value) { s.log_level = log::parse_level(value); }},
    Key{"log_max_size",
        [](Settings& s, std::string_view value) { s.log_max_size_bytes = parse_log_size(value); }},
    Key{"log_max_files",
        [](Settings& s, std::string_view value) {
            s.log_max_files = parse_count<int>(value, 1, 1000);
        }},
    Key{"storage_driver",
        [](Settings& s, std::string_view value) {
            s.storage_driver = parse_storage_driver(value);
        }},
    Key{"additional_image_stores",
        [](Settings& s, std::string_view value) {
            s.additional_image_stores = parse_directories(value);
        },
        true},
    Key{"max_concurrent_downloads",
        [](Settings& s, std::string_view value) {
            s.max_concurrent_downloads = parse_count<unsigned>(value, 0, 64);
        }},
    Key{"default_network", [](Settings& s, std::string_view value) { s.default_network = value; }},
    Key{"default_publish_address",
        [](Settings& s, std::string_view value) { s.default_publish_address = value; },
        true},
    Key{"subnet_pools",
        [](Settings& s, std::string_view value) { s.subnet_pools = parse_pools(value); },
        true},
    Key{"insecure_registries",
        [](Settings& s, std::string_view value) { s.registries.insecure = parse_hosts(value); },
        true},
    Key{"mirrors",
        [](Settings& s, std::string_view value) { s.registries.mirrors = parse_mirrors(value); },
        true},
};

/// One line without its end; returns the key that it set, or nullptr.
const Key* apply_line(std::string_view line, Settings& settings) {
    line = trim(line);
    if (line.empty() || line.front() == '#') {
        return nullptr;
    }
    const auto pair = split_once(line, '=');
    if (!pair) {
        refuse(fmt::format("'{}' is not of the form key = value", line));
    }
    const auto name = trim(pair->first);
    const auto value = trim(pair->second);
    const auto* const key = std::ranges::find(kKeys, name, &Key::name);
    if (key == kKeys.end()) {
        refuse(fmt::format("unknown key '{}'", name));
    }
    if (value.empty() && !key->may_be_empty) {
        refuse(fmt::format("{} has no value", name));
    }
    doing(name, [&] { key->set(settings, value); });
    return key;
}

std::optional<std::string> environment_variable(const char* name) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing in nau changes the environment
    const char* value = std::getenv(name);
    return value == nullptr || *value == '\0' ? std::nullopt : std::optional<std::string>(value);
}

/// `directory`, or `home` with `suffix`, if either is known and absolute (as the XDG rules ask).
std::optional<std::string> user_directory(const std::optional<std::string>& directory,
                                          const std::optional<std::string>& home,
                                          std::string_view suffix) {
    if (directory && directory->starts_with('/')) {
        return directory;
    }
    if (home && home->starts_with('/')) {
        return fmt::format("{}/{}", *home, suffix);
    }
    return std::nullopt;
}

}  // namespace

bool is_valid_namespace(std::string_view name) noexcept {
    constexpr size_t kMostBytes = 76;
    if (name.empty() || name.size() > kMostBytes) {
        return false;
    }
    bool after_separator = true;
    for (const char c : name) {
        const bool is_separator = c == '-' || c == '.' || c == '_';
        const bool is_alphanumeric =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_alphanumeric && (!is_separator || after_separator)) {
            return false;
        }
        after_separator = is_separator;
    }
    return !after_separator;
}

std::string parse_storage_driver(std::string_view text) {
    if (text != "overlay" && text != "vfs") {
        refuse(fmt::format("'{}' is neither overlay nor vfs", text));
    }
    return std::string(text);
}

std::string parse_storage_option(std::string_view text) {
    const auto equals = text.find('=');
    if (equals == text.npos) {
        refuse(fmt::format("'{}' is not NAME=VALUE", text));
    }
    std::string_view name = text.substr(0, equals);
    for (const std::string_view driver : {"overlay.", "overlay2.", "vfs.", "."}) {
        if (name.starts_with(driver)) {
            name.remove_prefix(driver.size());
            break;
        }
    }
    if (name != "imagestore" && name != "additionalimagestore") {
        refuse(fmt::format("unknown option '{}' (there is imagestore)", text.substr(0, equals)));
    }
    return parse_directory(text.substr(equals + 1));
}

Environment read_environment() {
    return {.uid = ::geteuid(),
            .conf = environment_variable("NAU_CONF"),
            .root = environment_variable("NAU_ROOT"),
            .run_root = environment_variable("NAU_RUNROOT"),
            .name_space = environment_variable("NAU_NAMESPACE"),
            .log_level = environment_variable("NAU_LOG_LEVEL"),
            .storage_driver = environment_variable("NAU_STORAGE_DRIVER"),
            .home = environment_variable("HOME"),
            .xdg_config_home = environment_variable("XDG_CONFIG_HOME"),
            .xdg_data_home = environment_variable("XDG_DATA_HOME"),
            .xdg_runtime_dir = environment_variable("XDG_RUNTIME_DIR"),
            .registries_conf = environment_variable("CONTAINERS_REGISTRIES_CONF")};
}

Settings default_settings(const Environment& environment) {
    Settings settings;
    if (environment.uid == 0) {
        return settings;
    }
    if (const auto data =
            user_directory(environment.xdg_data_home, environment.home, ".local/share")) {
        settings.graph_root = *data + "/nau";
    }
    settings.run_root = environment.xdg_runtime_dir && environment.xdg_runtime_dir->starts_with('/')
                            ? *environment.xdg_runtime_dir + "/nau"
                            : fmt::format("/run/user/{}/nau", environment.uid);
    return settings;
}

Settings parse_settings(std::string_view text, std::string_view file, Settings settings) {
    std::vector<const Key*> seen;
    size_t number = 0;
    for (const auto line : split(text, '\n')) {
        ++number;
        doing([&] { return fmt::format("{}:{}", file, number); },
              [&] {
                  const Key* key = apply_line(line, settings);
                  if (key == nullptr) {
                      return;
                  }
                  if (std::ranges::find(seen, key) != seen.end()) {
                      refuse(fmt::format("{} is set a second time", key->name));
                  }
                  seen.push_back(key);
              });
    }
    return settings;
}

Settings apply_environment(const Environment& environment, Settings settings) {
    if (environment.root) {
        settings.graph_root = doing("NAU_ROOT", [&] { return parse_directory(*environment.root); });
    }
    if (environment.run_root) {
        settings.run_root =
            doing("NAU_RUNROOT", [&] { return parse_directory(*environment.run_root); });
    }
    if (environment.name_space) {
        settings.name_space =
            doing("NAU_NAMESPACE", [&] { return parse_namespace(*environment.name_space); });
    }
    if (environment.log_level) {
        settings.log_level =
            doing("NAU_LOG_LEVEL", [&] { return log::parse_level(*environment.log_level); });
    }
    if (environment.storage_driver) {
        settings.storage_driver = doing("NAU_STORAGE_DRIVER", [&] {
            return parse_storage_driver(*environment.storage_driver);
        });
    }
    return settings;
}

Settings load_settings(const Environment& environment) {
    Settings settings = default_settings(environment);
    std::string path = environment.conf.value_or(kSystemConfPath);
    std::optional<std::string> text;
    if (environment.conf) {
        text = doing("NAU_CONF", [&] { return sys::read_file(path, kMostConfBytes); });
    } else if (environment.uid != 0) {
        const auto own = user_directory(environment.xdg_config_home, environment.home, ".config");
        text =
            own ? sys::read_file_if_exists(*own + "/nau/nau.conf", kMostConfBytes) : std::nullopt;
        if (text) {
            path = *own + "/nau/nau.conf";
        }
    }
    if (!text) {
        text = sys::read_file_if_exists(path, kMostConfBytes);
    }
    if (text) {
        settings = parse_settings(*text, path, std::move(settings));
    }
    return apply_environment(environment, std::move(settings));
}

}  // namespace nau::config
