#include "engine/image/image_change.h"

#include <algorithm>
#include <cctype>
#include <functional>
#include <map>
#include <utility>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/parse.h"
#include "engine/container/signals.h"

namespace nau::engine {

namespace {

using oci::ContainerDefaults;

[[noreturn]] void refuse(std::string_view instruction, std::string_view problem) {
    throw Error(ErrorKind::invalid, "--change {}: {}", instruction, problem);
}

bool is_blank(char c) noexcept {
    return c == ' ' || c == '\t';
}

std::string_view trim(std::string_view text) noexcept {
    while (!text.empty() && is_blank(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_blank(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

/// Words between blanks; quotes hold them together, a backslash takes the next character as it is.
std::vector<std::string> split_words(std::string_view instruction, std::string_view text) {
    std::vector<std::string> words;
    std::string word;
    bool has_word = false;
    char quote = '\0';
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
            word += text[++i];
            has_word = true;
        } else if (quote != '\0') {
            if (c == quote) {
                quote = '\0';
            } else {
                word += c;
            }
        } else if (c == '"' || c == '\'') {
            quote = c;
            has_word = true;
        } else if (!is_blank(c)) {
            word += c;
            has_word = true;
        } else if (has_word) {
            words.push_back(std::exchange(word, {}));
            has_word = false;
        }
    }
    if (quote != '\0') {
        refuse(instruction, "a quote is not closed");
    }
    if (has_word) {
        words.push_back(std::move(word));
    }
    return words;
}

/// A JSON list as it is; anything else nullopt.
std::optional<std::vector<std::string>> json_list(std::string_view instruction,
                                                  std::string_view text) {
    if (!text.starts_with('[')) {
        return std::nullopt;
    }
    try {
        const json::Value document = json::parse(text, instruction);
        return json::Field(document, instruction).as_string_list();
    } catch (const Error&) {
        refuse(instruction, fmt::format("'{}' is no list of texts", text));
    }
}

std::vector<std::string> command(std::string_view instruction, std::string_view text) {
    if (auto list = json_list(instruction, text)) {
        return *std::move(list);
    }
    return {"/bin/sh", "-c", std::string(text)};
}

std::vector<std::string> list_or_words(std::string_view instruction, std::string_view text) {
    if (auto list = json_list(instruction, text)) {
        return *std::move(list);
    }
    return split_words(instruction, text);
}

/// "A=1 B=2", or "A 1": one name, and the rest is the value.
std::vector<std::pair<std::string, std::string>> pairs(std::string_view instruction,
                                                       std::string_view text) {
    const auto words = split_words(instruction, text);
    std::vector<std::pair<std::string, std::string>> found;
    if (words.front().find('=') == std::string::npos) {
        if (words.size() < 2) {
            refuse(instruction, fmt::format("'{}' has no value", text));
        }
        const size_t end = std::min(text.find_first_of(" \t"), text.size());
        found.emplace_back(words.front(), trim(text.substr(end)));
        return found;
    }
    for (const auto& word : words) {
        const auto pair = split_once(word, '=');
        if (!pair || pair->first.empty()) {
            refuse(instruction, fmt::format("'{}' is no NAME=VALUE", word));
        }
        found.emplace_back(pair->first, pair->second);
    }
    return found;
}

void set_env(ContainerDefaults& config, std::string_view instruction, std::string_view text) {
    for (const auto& [name, value] : pairs(instruction, text)) {
        std::erase_if(config.env, [&, &key = name](const std::string& entry) {
            return entry.starts_with(key + "=");
        });
        config.env.push_back(fmt::format("{}={}", name, value));
    }
}

void add_once(std::vector<std::string>& list, const std::string& value) {
    if (std::find(list.begin(), list.end(), value) == list.end()) {
        list.push_back(value);
    }
}

void expose(ContainerDefaults& config, std::string_view instruction, std::string_view text) {
    for (const auto& word : split_words(instruction, text)) {
        const auto parts = split_once(word, '/');
        const std::string_view number = parts ? parts->first : std::string_view(word);
        const std::string_view protocol = parts ? parts->second : "tcp";
        const bool is_port = !number.empty() && number.size() <= 5 &&
                             number.find_first_not_of("0123456789") == number.npos &&
                             std::stoul(std::string(number)) <= 65535;
        if (!is_port || (protocol != "tcp" && protocol != "udp" && protocol != "sctp")) {
            refuse(instruction, fmt::format("'{}' is no port", word));
        }
        add_once(config.exposed_ports, fmt::format("{}/{}", number, protocol));
    }
}

void set_workdir(ContainerDefaults& config, std::string_view text) {
    const bool is_absolute = text.starts_with('/');
    config.working_dir =
        is_absolute
            ? std::string(text)
            : fmt::format("{}/{}", config.working_dir == "/" ? "" : config.working_dir, text);
}

void set_healthcheck(ContainerDefaults& config,
                     std::string_view instruction,
                     std::string_view text) {
    if (text == "NONE") {
        config.healthcheck = oci::Healthcheck{.test = {"NONE"}};
        return;
    }
    if (!text.starts_with("CMD")) {
        refuse(instruction, "only NONE and CMD without options are known here");
    }
    const std::string_view rest = trim(text.substr(3));
    oci::Healthcheck check;
    if (const auto list = json_list(instruction, rest)) {
        check.test = {"CMD"};
        check.test.insert(check.test.end(), list->begin(), list->end());
    } else {
        check.test = {"CMD-SHELL", std::string(rest)};
    }
    config.healthcheck = std::move(check);
}

using Apply = void (*)(ContainerDefaults&, std::string_view instruction, std::string_view text);

const std::map<std::string_view, Apply>& instructions() {
    static const std::map<std::string_view, Apply> kInstructions = {
        {"CMD", [](auto& config, auto name, auto text) { config.cmd = command(name, text); }},
        {"ENTRYPOINT",
         [](auto& config, auto name, auto text) { config.entrypoint = command(name, text); }},
        {"ENV", set_env},
        {"EXPOSE", expose},
        {"HEALTHCHECK", set_healthcheck},
        {"LABEL",
         [](auto& config, auto name, auto text) {
             for (const auto& [key, value] : pairs(name, text)) {
                 config.labels[key] = value;
             }
         }},
        {"ONBUILD", [](auto& config, auto, auto text) { config.on_build.emplace_back(text); }},
        {"SHELL",
         [](auto& config, auto name, auto text) {
             const auto list = json_list(name, text);
             if (!list || list->empty()) {
                 refuse(name, "needs a list of texts");
             }
             config.shell = *list;
         }},
        {"STOPSIGNAL",
         [](auto& config, auto, auto text) {
             config.stop_signal = signal_name(parse_signal(std::string(text)));
         }},
        {"USER", [](auto& config, auto, auto text) { config.user = text; }},
        {"VOLUME",
         [](auto& config, auto name, auto text) {
             for (const auto& volume : list_or_words(name, text)) {
                 add_once(config.volumes, volume);
             }
         }},
        {"WORKDIR", [](auto& config, auto, auto text) { set_workdir(config, text); }},
    };
    return kInstructions;
}

}  // namespace

void apply_change(ContainerDefaults& config, std::string_view change) {
    change = trim(change);
    const size_t end = std::min(change.find_first_of(" \t="), change.size());
    std::string name(change.substr(0, end));
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) {
        return static_cast<char>(std::toupper(c));
    });
    const auto found = instructions().find(name);
    if (found == instructions().end()) {
        throw Error(ErrorKind::invalid, "--change '{}': unknown instruction", change)
            .with_hint(
                "known are CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, SHELL, "
                "STOPSIGNAL, USER, VOLUME and WORKDIR");
    }
    const std::string_view text = trim(change.substr(std::min(end + 1, change.size())));
    if (text.empty()) {
        refuse(name, "needs a value");
    }
    found->second(config, name, text);
}

void apply_changes(ContainerDefaults& config, const std::vector<std::string>& changes) {
    for (const auto& change : changes) {
        apply_change(config, change);
    }
}

}  // namespace nau::engine
