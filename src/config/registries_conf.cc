#include "config/registries_conf.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/parse.h"
#include "config/settings.h"
#include "config/toml.h"
#include "sys/file.h"

namespace nau::config {

namespace {

using json::Field;

constexpr size_t kMaxFileBytes = size_t{1} << 20U;
constexpr const char* kSystemFile = "/etc/containers/registries.conf";
constexpr std::string_view kDefaultRegistry = "docker.io";

[[noreturn]] void refuse(const Field& field, std::string_view problem) {
    throw Error(ErrorKind::invalid, "{}: {}", field.path(), problem);
}

/// A location or prefix: no scheme, no slash at the end.
std::string checked_location(const Field& field) {
    std::string text = field.as_string();
    if (text.find("://") != text.npos) {
        refuse(field, fmt::format("'{}' begins with a scheme (HOST[:PORT][/PATH])", text));
    }
    while (text.ends_with('/')) {
        text.pop_back();
    }
    const bool is_printable =
        std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
    if (!is_printable || text.starts_with('/')) {
        refuse(field, fmt::format("'{}' is not HOST[:PORT][/PATH]", text));
    }
    return text;
}

bool is_wildcard(std::string_view prefix) noexcept {
    return prefix.starts_with("*.");
}

PullFrom parse_pull_from(const Field& mirror) {
    const std::string text = mirror.string_or("pull-from-mirror", "all");
    if (text == "all" || text.empty()) {
        return PullFrom::all;
    }
    if (text == "digest-only") {
        return PullFrom::digest_only;
    }
    if (text == "tag-only") {
        return PullFrom::tag_only;
    }
    refuse(mirror, fmt::format("pull-from-mirror is '{}', not all, digest-only or tag-only", text));
}

Mirror parse_mirror(const Field& field, bool by_digest_only) {
    Mirror mirror{.location = checked_location(field.at("location")),
                  .is_insecure = field.bool_or("insecure", false),
                  .pull_from = parse_pull_from(field)};
    if (mirror.location.empty()) {
        refuse(field, "location is empty");
    }
    if (by_digest_only) {
        if (field.find("pull-from-mirror")) {
            refuse(field,
                   "pull-from-mirror and the registry's mirror-by-digest-only exclude each other");
        }
        mirror.pull_from = PullFrom::digest_only;
    }
    return mirror;
}

RegistryRule parse_rule(const Field& field) {
    RegistryRule rule;
    if (const auto location = field.find("location")) {
        rule.location = checked_location(*location);
    }
    if (const auto prefix = field.find("prefix")) {
        rule.prefix = checked_location(*prefix);
    }
    if (rule.prefix.empty()) {
        rule.prefix = rule.location;
    }
    if (rule.prefix.empty()) {
        refuse(field, "has neither prefix nor location");
    }
    const bool has_star = rule.prefix.find('*') != rule.prefix.npos;
    if (has_star && (!is_wildcard(rule.prefix) || rule.prefix.find('*', 1) != rule.prefix.npos ||
                     rule.prefix.find('/') != rule.prefix.npos || rule.prefix.size() < 3)) {
        refuse(field, fmt::format("prefix '{}': a wildcard is '*.' before a domain", rule.prefix));
    }
    if (rule.location.find('*') != rule.location.npos) {
        refuse(field, "location cannot be a wildcard");
    }
    rule.is_insecure = field.bool_or("insecure", false);
    rule.is_blocked = field.bool_or("blocked", false);
    const bool by_digest_only = field.bool_or("mirror-by-digest-only", false);
    if (const auto mirrors = field.find("mirror")) {
        for (const auto& mirror : mirrors->elements()) {
            rule.mirrors.push_back(parse_mirror(mirror, by_digest_only));
        }
    }
    return rule;
}

std::optional<ShortNameMode> parse_mode(const Field& root) {
    const std::string text = root.string_or("short-name-mode", "");
    if (text.empty()) {
        return std::nullopt;
    }
    if (text == "enforcing") {
        return ShortNameMode::enforcing;
    }
    if (text == "permissive") {
        return ShortNameMode::permissive;
    }
    if (text == "disabled") {
        return ShortNameMode::disabled;
    }
    refuse(root,
           fmt::format("short-name-mode is '{}', not enforcing, permissive or disabled", text));
}

std::map<std::string, std::string> parse_aliases(const Field& root) {
    std::map<std::string, std::string> aliases;
    const auto table = root.find("aliases");
    if (!table) {
        return aliases;
    }
    for (const auto& [name, value] : table->members()) {
        const std::string target = value.as_string();
        const bool has_tag = name.find_first_of(":@") != name.npos;
        if (name.empty() || has_tag || !is_short_name(name)) {
            refuse(value, "an alias is a name without registry and tag");
        }
        const size_t last_part = target.rfind('/') == target.npos ? 0 : target.rfind('/');
        if (!target.empty() && (is_short_name(target) || target.find('@') != target.npos ||
                                target.find(':', last_part) != target.npos)) {
            refuse(value, fmt::format("'{}' is not REGISTRY/REPOSITORY", target));
        }
        aliases.emplace(name, target);
    }
    return aliases;
}

std::vector<std::string> version_1_list(const Field& registries, const char* name) {
    const auto table = registries.find(name);
    return table ? table->string_list_or_empty("registries") : std::vector<std::string>{};
}

/// [registries.search], [registries.insecure], [registries.block].
void add_version_1(const Field& registries, RegistriesConf& conf) {
    conf.is_version_1 = true;
    conf.search_registries = version_1_list(registries, "search");
    const auto rule_of = [&](const std::string& prefix) -> RegistryRule& {
        const auto found = std::ranges::find(conf.rules, prefix, &RegistryRule::prefix);
        return found != conf.rules.end() ? *found
                                         : conf.rules.emplace_back(RegistryRule{prefix, prefix});
    };
    for (const auto& registry : version_1_list(registries, "insecure")) {
        rule_of(registry).is_insecure = true;
    }
    for (const auto& registry : version_1_list(registries, "block")) {
        rule_of(registry).is_blocked = true;
    }
}

RegistriesConf read_conf(const Field& root) {
    RegistriesConf conf;
    if (root.find("unqualified-search-registries")) {
        conf.search_registries = root.string_list_or_empty("unqualified-search-registries");
    }
    if (root.find("credential-helpers")) {
        conf.credential_helpers = root.string_list_or_empty("credential-helpers");
    }
    conf.short_name_mode = parse_mode(root);
    if (const auto rules = root.find("registry")) {
        for (const auto& rule : rules->elements()) {
            conf.rules.push_back(parse_rule(rule));
        }
    }
    conf.aliases = parse_aliases(root);
    if (const auto registries = root.find("registries")) {
        if (conf != RegistriesConf{}) {
            refuse(root, "mixes the tables of version 1 ([registries.…]) with those of version 2");
        }
        add_version_1(*registries, conf);
    }
    for (const auto& registry : conf.search_registries.value_or(std::vector<std::string>{})) {
        const bool is_host = !registry.empty() && registry.find("://") == registry.npos &&
                             registry.find_first_of(" \t\n@") == registry.npos;
        if (!is_host) {
            refuse(root, fmt::format("search registry '{}' is not HOST[:PORT]", registry));
        }
    }
    return conf;
}

/// How much of the reference the prefix is; 0: it does not match.
size_t matched_length(std::string_view prefix, std::string_view reference) noexcept {
    const auto ends_part = [&](size_t at) {
        return at == reference.size() || reference[at] == ':' || reference[at] == '/' ||
               reference[at] == '@';
    };
    if (!is_wildcard(prefix)) {
        return reference.starts_with(prefix) && ends_part(prefix.size()) ? prefix.size() : 0;
    }
    const std::string_view host = reference.substr(0, reference.find('/'));
    const std::string_view domain = prefix.substr(1);  // with its point
    const size_t at = host.find(domain);
    return at != host.npos && at > 0 && ends_part(at + domain.size()) ? at + domain.size() : 0;
}

bool is_used(PullFrom pull_from, bool has_digest) noexcept {
    switch (pull_from) {
        case PullFrom::all:
            return true;
        case PullFrom::digest_only:
            return has_digest;
        case PullFrom::tag_only:
            return !has_digest;
    }
    return true;
}

std::optional<std::string> home_config(const Environment& environment) {
    return environment.home && environment.home->starts_with('/')
               ? std::optional(*environment.home + "/.config/containers")
               : std::nullopt;
}

void add_drop_ins(const std::string& directory, RegistriesConf& conf) {
    auto entries = sys::list_directory_if_exists(directory);
    if (!entries) {
        return;
    }
    std::ranges::sort(*entries, {}, &sys::DirEntry::name);
    for (const auto& entry : *entries) {
        const std::string path = fmt::format("{}/{}", directory, entry.name);
        if (!entry.name.ends_with(".conf")) {
            continue;
        }
        RegistriesConf drop_in = parse_registries_conf(sys::read_file(path, kMaxFileBytes), path);
        if (drop_in.is_version_1) {
            throw Error(ErrorKind::invalid, "{}: is of version 1, which drop-ins cannot be", path);
        }
        merge_registries_conf(conf, std::move(drop_in));
    }
}

/// podman's, for names that were chosen from several registries.
std::string remembered_aliases(const Environment& environment) {
    if (environment.uid == 0 || !environment.home) {
        return "/var/cache/containers/short-name-aliases.conf";
    }
    return *environment.home + "/.cache/containers/short-name-aliases.conf";
}

}  // namespace

RegistriesConf parse_registries_conf(std::string_view text, std::string_view file) {
    const json::Value document = parse_toml(text, file);
    try {
        return read_conf(Field(document, file));
    } catch (const Error& error) {
        throw Error(ErrorKind::invalid, "{}", error.text());
    }
}

void merge_registries_conf(RegistriesConf& base, RegistriesConf drop_in) {
    if (drop_in.search_registries) {
        base.search_registries = std::move(drop_in.search_registries);
    }
    if (drop_in.credential_helpers) {
        base.credential_helpers = std::move(drop_in.credential_helpers);
    }
    if (drop_in.short_name_mode) {
        base.short_name_mode = drop_in.short_name_mode;
    }
    for (const auto& rule : drop_in.rules) {
        std::erase_if(base.rules, [&](const RegistryRule& r) { return r.prefix == rule.prefix; });
    }
    std::ranges::move(drop_in.rules, std::back_inserter(base.rules));
    for (auto& [name, target] : drop_in.aliases) {
        base.aliases.insert_or_assign(name, std::move(target));
    }
}

const RegistryRule* find_rule(const RegistriesConf& conf, std::string_view reference) {
    const RegistryRule* best = nullptr;
    for (const auto& rule : conf.rules) {
        if (matched_length(rule.prefix, reference) > 0 &&
            (best == nullptr || rule.prefix.size() > best->prefix.size())) {
            best = &rule;
        }
    }
    return best;
}

std::vector<PullSource> pull_sources(const RegistriesConf& conf,
                                     std::string_view name,
                                     std::string_view suffix) {
    const std::string reference = fmt::format("{}{}", name, suffix);
    const RegistryRule* rule = find_rule(conf, reference);
    if (rule == nullptr) {
        return {{.name = std::string(name)}};
    }
    if (rule->is_blocked) {
        throw Error(
            ErrorKind::permission_denied, "registry {} is blocked by registries.conf", rule->prefix)
            .with_hint("the administrator of this machine set 'blocked = true' for it");
    }
    const size_t length = matched_length(rule->prefix, reference);
    // A prefix that names the tag leaves nothing of the name.
    const std::string_view rest = length < name.size() ? name.substr(length) : std::string_view();
    const bool has_digest = suffix.find('@') != suffix.npos;
    std::vector<PullSource> sources;
    for (const auto& mirror : rule->mirrors) {
        if (is_used(mirror.pull_from, has_digest)) {
            sources.push_back({.name = fmt::format("{}{}", mirror.location, rest),
                               .is_insecure = mirror.is_insecure,
                               .is_mirror = true});
        }
    }
    sources.push_back({.name = rule->location.empty() ? std::string(name)
                                                      : fmt::format("{}{}", rule->location, rest),
                       .is_insecure = rule->is_insecure,
                       .is_mirror = false});
    return sources;
}

bool is_short_name(std::string_view text) noexcept {
    const size_t slash = text.find('/');
    if (slash == text.npos) {
        return true;
    }
    const std::string_view first = text.substr(0, slash);
    const bool has_upper =
        std::any_of(first.begin(), first.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    return first.find_first_of(".:") == first.npos && first != "localhost" && !has_upper;
}

ShortNameCandidates resolve_short_name(const RegistriesConf& conf, std::string_view short_name) {
    const std::string_view name = short_name.substr(0, short_name.find_first_of(":@"));
    const std::string_view suffix = short_name.substr(name.size());
    if (const auto alias = conf.aliases.find(std::string(name));
        alias != conf.aliases.end() && !alias->second.empty()) {
        return {.references = {fmt::format("{}{}", alias->second, suffix)}};
    }
    ShortNameCandidates candidates;
    for (const auto& registry : conf.search_registries.value_or(std::vector<std::string>{})) {
        candidates.references.push_back(fmt::format("{}/{}", registry, short_name));
    }
    if (candidates.references.empty()) {
        candidates.references.push_back(fmt::format("{}/{}", kDefaultRegistry, short_name));
    }
    candidates.is_certain =
        candidates.references.size() == 1 ||
        conf.short_name_mode.value_or(ShortNameMode::permissive) != ShortNameMode::enforcing;
    return candidates;
}

RegistriesConf load_registries_conf(const Environment& environment) {
    RegistriesConf conf;
    const auto own = home_config(environment);
    std::optional<std::string> text;
    std::string path = kSystemFile;
    if (environment.registries_conf) {
        path = *environment.registries_conf;
        text = doing("CONTAINERS_REGISTRIES_CONF",
                     [&] { return sys::read_file(path, kMaxFileBytes); });
    } else if (own) {
        text = sys::read_file_if_exists(*own + "/registries.conf", kMaxFileBytes);
        path = text ? *own + "/registries.conf" : path;
    }
    if (!text) {
        text = sys::read_file_if_exists(path, kMaxFileBytes);
    }
    if (text) {
        conf = parse_registries_conf(*text, path);
    }
    add_drop_ins("/etc/containers/registries.conf.d", conf);
    if (own) {
        add_drop_ins(*own + "/registries.conf.d", conf);
    }
    const std::string remembered = remembered_aliases(environment);
    if (const auto aliases = sys::read_file_if_exists(remembered, kMaxFileBytes)) {
        RegistriesConf only_aliases;
        only_aliases.aliases = parse_registries_conf(*aliases, remembered).aliases;
        merge_registries_conf(conf, std::move(only_aliases));
    }
    return conf;
}

}  // namespace nau::config
