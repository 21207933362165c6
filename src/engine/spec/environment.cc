#include <algorithm>

#include <fmt/core.h>

#include "base/parse.h"
#include "engine/spec/spec_builder.h"

namespace nau::engine {

namespace {

constexpr std::string_view kDefaultPath =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::string value_of(std::string_view name, const std::vector<std::string>& env) {
    for (const auto& entry : env) {
        if (const auto pair = split_once(entry, '='); pair && pair->first == name) {
            return std::string(pair->second);
        }
    }
    return {};
}

/// $NAME and ${NAME} as a shell would; other dollars stay.
std::string expand_variables(std::string_view text, const std::vector<std::string>& env) {
    const auto is_name = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_';
    };
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '$' || i + 1 == text.size()) {
            out += text[i];
            continue;
        }
        const bool has_braces = text[i + 1] == '{';
        const size_t begin = i + (has_braces ? 2 : 1);
        size_t end = begin;
        while (end < text.size() && is_name(text[end])) {
            ++end;
        }
        if (end == begin || (has_braces && (end == text.size() || text[end] != '}'))) {
            out += text[i];
            continue;
        }
        out += value_of(text.substr(begin, end - begin), env);
        i = has_braces ? end : end - 1;
    }
    return out;
}

}  // namespace

std::vector<std::string> combine_environment(const ProcessOptions& process,
                                             const std::vector<std::string>& image_env,
                                             const std::string& host_name,
                                             const std::string& home) {
    std::vector<std::string> env;
    const auto set = [&](std::string_view name, std::string entry) {
        const auto same = std::find_if(env.begin(), env.end(), [&](const std::string& other) {
            return other.size() > name.size() && other.starts_with(name) &&
                   other[name.size()] == '=';
        });
        if (same != env.end()) {
            *same = std::move(entry);
        } else {
            env.push_back(std::move(entry));
        }
    };
    if (!process.unsets_default_env) {
        env.emplace_back(kDefaultPath);
        env.emplace_back("container=nau");
        if (process.has_terminal) {
            env.emplace_back("TERM=xterm");
        }
        env.push_back("HOSTNAME=" + host_name);
        env.push_back("HOME=" + home);
        for (const auto& [name, value] : process.proxy_env) {
            set(name, fmt::format("{}={}", name, value));
        }
        for (const auto& entry : image_env) {
            if (const auto parts = split_once(entry, '='); parts && !parts->first.empty()) {
                set(parts->first, entry);
            }
        }
    }
    for (const auto& [name, value] : process.merge_env) {
        set(name, fmt::format("{}={}", name, expand_variables(value, env)));
    }
    for (const auto& [name, value] : process.env) {
        set(name, fmt::format("{}={}", name, value));
    }
    for (const auto& name : process.unset_env) {
        std::erase_if(env, [&](const std::string& entry) { return entry.starts_with(name + "="); });
    }
    return env;
}

}  // namespace nau::engine
