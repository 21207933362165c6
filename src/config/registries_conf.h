#pragma once

// registries.conf of containers' tools, version 2 (and what is left of version 1), with its drop-in
// files: where references are really to be asked for, and what short names mean.
//
//   file: $CONTAINERS_REGISTRIES_CONF, or ~/.config/containers/registries.conf, or
//         /etc/containers/registries.conf
//   then, in the order of their names, *.conf of /etc/containers/registries.conf.d and of
//   ~/.config/containers/registries.conf.d, each over what was before
//   aliases also from the file in which podman remembers what was chosen
//
// Everything but the loading is pure.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nau::config {

struct Environment;

enum class PullFrom { all, digest_only, tag_only };

struct Mirror {
    std::string location;  ///< HOST[:PORT][/PATH], in place of the prefix
    bool is_insecure = false;
    PullFrom pull_from = PullFrom::all;

    friend bool operator==(const Mirror&, const Mirror&) = default;
};

/// One [[registry]].
struct RegistryRule {
    std::string prefix;    ///< "HOST[:PORT][/PATH]", or "*.DOMAIN"
    std::string location;  ///< in place of the prefix; empty: the prefix itself
    bool is_insecure = false;
    bool is_blocked = false;
    std::vector<Mirror> mirrors = {};

    friend bool operator==(const RegistryRule&, const RegistryRule&) = default;
};

enum class ShortNameMode { enforcing, permissive, disabled };

struct RegistriesConf {
    std::optional<std::vector<std::string>> search_registries = {};
    std::optional<std::vector<std::string>> credential_helpers = {};
    std::optional<ShortNameMode> short_name_mode = {};
    std::vector<RegistryRule> rules = {};
    /// Short name → complete name without tag; an empty one takes an alias away.
    std::map<std::string, std::string> aliases = {};
    bool is_version_1 = false;

    friend bool operator==(const RegistriesConf&, const RegistriesConf&) = default;
};

/// @param file names it in errors
/// @throws Error{invalid} naming the file and the place; unknown keys are ignored, as other tools
/// do
RegistriesConf parse_registries_conf(std::string_view text, std::string_view file);

/// A drop-in over what is there: rules of equal prefix, lists and the mode replace, aliases add.
void merge_registries_conf(RegistriesConf& base, RegistriesConf drop_in);

/// The rule with the longest prefix of "HOST/REPOSITORY[:TAG][@DIGEST]"; null: there is none.
const RegistryRule* find_rule(const RegistriesConf& conf, std::string_view reference);

/// What can be asked for a reference, in this order.
struct PullSource {
    std::string name;  ///< "HOST[:PORT]/REPOSITORY"
    bool is_insecure = false;
    bool is_mirror = false;

    friend bool operator==(const PullSource&, const PullSource&) = default;
};

/// @param name "HOST/REPOSITORY" @param suffix ":TAG", "@DIGEST", both or neither
/// @throws Error{permission_denied} when the administrator blocks it
std::vector<PullSource> pull_sources(const RegistriesConf& conf,
                                     std::string_view name,
                                     std::string_view suffix);

/// Whether a reference as typed has no registry: "alpine", "library/alpine:3".
bool is_short_name(std::string_view text) noexcept;

/// What a short name (with its tag and digest) may stand for, in the order to try.
struct ShortNameCandidates {
    std::vector<std::string> references;
    /// By an alias, a single registry or the mode: no question would be asked. Otherwise the
    /// administrator wants the user to choose.
    bool is_certain = true;
};
ShortNameCandidates resolve_short_name(const RegistriesConf& conf, std::string_view short_name);

/// All files. A directory or file that is missing is fine, but not one that
/// CONTAINERS_REGISTRIES_CONF names. @throws Error{invalid, not_found}, SysError
RegistriesConf load_registries_conf(const Environment& environment);

}  // namespace nau::config
