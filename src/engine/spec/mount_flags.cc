// The grammars of -v, --mount and --tmpfs. Pure: texts in, MountRequest out.

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/error.h"
#include "base/parse.h"
#include "engine/spec/create_options.h"

namespace nau::engine {

namespace {

template <size_t size>
bool is_one_of(std::string_view word, const std::array<std::string_view, size>& words) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

constexpr std::array<std::string_view, 8> kPropagations = {
    "private", "rprivate", "shared", "rshared", "slave", "rslave", "unbindable", "runbindable"};

constexpr std::array<std::string_view, 6> kMountFlags = {
    "nosuid", "suid", "nodev", "dev", "noexec", "exec"};

constexpr std::array<std::string_view, 6> kTimeFlags = {
    "atime", "noatime", "relatime", "norelatime", "strictatime", "nodiratime"};

constexpr std::array<std::string_view, 6> kTmpfsData = {
    "size", "mode", "uid", "gid", "nr_inodes", "nr_blocks"};

// docker's words for shared folders of its Mac virtual machine; every mount here is consistent.
constexpr std::array<std::string_view, 3> kConsistencies = {"cached", "consistent", "delegated"};

bool is_volume_name(std::string_view text) {
    const auto is_alphanumeric = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    return !text.empty() && is_alphanumeric(text.front()) &&
           std::all_of(text.begin(), text.end(), [&](char c) {
               return is_alphanumeric(c) || c == '_' || c == '.' || c == '-';
           });
}

bool is_host_path(std::string_view text) {
    return text.starts_with('/') || text == "." || text == ".." || text.starts_with("./") ||
           text.starts_with("../");
}

std::string checked_destination(std::string_view text) {
    if (!text.starts_with('/')) {
        throw Error(ErrorKind::invalid, "the path in the container, '{}', is not absolute", text);
    }
    std::string path = std::filesystem::path(text).lexically_normal().string();
    while (path.size() > 1 && path.back() == '/') {
        path.pop_back();
    }
    if (path == "/") {
        throw Error(ErrorKind::invalid, "'/' of the container cannot be mounted over");
    }
    return path;
}

void set_source(std::string_view text, MountRequest& mount) {
    if (text.empty()) {
        throw Error(ErrorKind::invalid, "the source is empty");
    }
    if (is_host_path(text)) {
        mount.type = MountRequest::Type::bind;
    } else if (is_volume_name(text)) {
        mount.type = MountRequest::Type::volume;
    } else {
        throw Error(ErrorKind::invalid, "'{}' is neither a volume name nor a path", text)
            .with_hint("a path on the host begins with '/' or './'");
    }
    mount.source = text;
}

void set_propagation(std::string_view word, MountRequest& mount) {
    if (!mount.propagation.empty()) {
        throw Error(
            ErrorKind::invalid, "has both propagations '{}' and '{}'", mount.propagation, word);
    }
    mount.propagation = word;
}

[[noreturn]] void fail_unsupported(std::string_view option) {
    throw Error(ErrorKind::unsupported, "mount option '{}' is not supported by nau yet", option);
}

/// Words that -v and --mount share. false: it is none of them.
bool apply_bind_option(std::string_view word, MountRequest& mount) {
    if (is_one_of(word, kPropagations)) {
        set_propagation(word, mount);
    } else if (word == "bind") {
        mount.is_recursive = false;
    } else if (word == "rbind") {
        mount.is_recursive = true;
    } else if (is_one_of(word, kMountFlags) || is_one_of(word, kTimeFlags)) {
        mount.options.emplace_back(word);
    } else {
        return false;
    }
    return true;
}

void apply_volume_option(std::string_view word, MountRequest& mount) {
    if (word == "z" || word == "Z") {
        mount.selinux_relabel = word.front();
    } else if (word == "copy" || word == "nocopy") {
        mount.copy_up = word == "copy";
    } else if (word == "U") {
        mount.changes_owner = true;
    } else if (word == "O") {
        mount.is_overlay = true;
    } else if (word == "idmap") {
        mount.options.emplace_back(word);
    } else if (word.starts_with("idmap=")) {
        fail_unsupported(word);
    } else if (word.starts_with("upperdir=") || word.starts_with("workdir=")) {
        const std::string_view path = word.substr(word.find('=') + 1);
        if (!path.starts_with('/')) {
            throw Error(ErrorKind::invalid, "'{}': the path is not absolute", word);
        }
        (word.front() == 'u' ? mount.upper_dir : mount.work_dir) = path;
    } else if (!apply_bind_option(word, mount) && !is_one_of(word, kConsistencies)) {
        throw Error(ErrorKind::invalid, "unknown mount option '{}'", word);
    }
}

void apply_volume_options(std::string_view text, MountRequest& mount) {
    bool has_access = false;
    for (const std::string_view word : split(text, ',')) {
        if (word == "ro" || word == "rw") {
            if (has_access) {
                throw Error(ErrorKind::invalid, "says 'ro' or 'rw' twice");
            }
            has_access = true;
            mount.is_read_only = word == "ro";
        } else if (!word.empty()) {
            apply_volume_option(word, mount);
        }
    }
}

/// The fields of one line of comma-separated values; a field may stand in double quotes, in which a
/// quote is doubled.
std::vector<std::string> split_csv(std::string_view text) {
    std::vector<std::string> fields(1);
    bool is_quoted = false;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (is_quoted && c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
            fields.back() += c;
            ++i;
        } else if (c == '"' && (is_quoted || fields.back().empty())) {
            is_quoted = !is_quoted;
        } else if (c == ',' && !is_quoted) {
            fields.emplace_back();
        } else {
            fields.back() += c;
        }
    }
    if (is_quoted) {
        throw Error(ErrorKind::invalid, "a quote is not closed");
    }
    return fields;
}

bool truth_of(std::string_view key, std::optional<std::string_view> value) {
    if (!value || *value == "true" || *value == "1") {
        return true;
    }
    if (*value == "false" || *value == "0") {
        return false;
    }
    throw Error(ErrorKind::invalid, "'{}={}' is neither true nor false", key, *value);
}

MountRequest::Type type_of(std::string_view word) {
    if (word == "bind") {
        return MountRequest::Type::bind;
    }
    if (word == "volume") {
        return MountRequest::Type::volume;
    }
    if (word == "tmpfs") {
        return MountRequest::Type::tmpfs;
    }
    if (word == "ramfs") {
        return MountRequest::Type::ramfs;
    }
    if (word == "devpts") {
        return MountRequest::Type::devpts;
    }
    if (word == "glob") {
        return MountRequest::Type::glob;
    }
    if (word == "image") {
        return MountRequest::Type::image;
    }
    constexpr std::array<std::string_view, 3> kLater = {"artifact", "npipe", "cluster"};
    if (is_one_of(word, kLater)) {
        throw Error(ErrorKind::unsupported, "mount type '{}' is not supported by nau", word);
    }
    throw Error(ErrorKind::invalid,
                "unknown mount type '{}' (bind, volume, tmpfs, ramfs, devpts, glob, image)",
                word);
}

std::string required(std::string_view key, std::optional<std::string_view> value) {
    if (!value || value->empty()) {
        throw Error(ErrorKind::invalid, "'{}' needs a value", key);
    }
    return std::string(*value);
}

struct MountField {
    std::string_view key;
    std::optional<std::string_view> value;
};

void check_tmpfs_data(std::string_view key, std::string_view value) {
    if (key == "size") {
        if (!value.ends_with('%')) {
            (void)parse_size_bytes(value);  // for its error
        }
    } else if (key == "mode") {
        if (!parse_octal(value)) {
            throw Error(ErrorKind::invalid, "'{}' is not an octal mode", value);
        }
    } else if (!parse_uint64(value) && !key.starts_with("nr_")) {
        throw Error(ErrorKind::invalid, "'{}={}' is not a number", key, value);
    }
}

void add_tmpfs_data(std::string_view key, std::string_view value, MountRequest& mount) {
    check_tmpfs_data(key, value);
    mount.options.push_back(fmt::format("{}={}", key, value));
}

/// docker's words. What is read-only is so with all that is mounted below it.
bool apply_bind_recursive(std::string_view word, MountRequest& mount) {
    if (word == "disabled") {
        mount.is_recursive = false;
    } else if (word != "enabled" && word != "writable" && word != "readonly") {
        throw Error(
            ErrorKind::invalid, "'{}' is none of enabled, disabled, writable, readonly", word);
    }
    return true;
}

/// Keys that hold for one type of mount only. false: not a key of this type.
bool apply_typed_field(const MountField& field, MountRequest& mount) {
    const auto& [key, value] = field;
    switch (mount.type) {
        case MountRequest::Type::bind:
            if (key == "bind-propagation") {
                const std::string word = required(key, value);
                if (!is_one_of(word, kPropagations)) {
                    throw Error(ErrorKind::invalid, "unknown propagation '{}'", word);
                }
                set_propagation(word, mount);
                return true;
            }
            if (key == "bind-nonrecursive") {
                mount.is_recursive = !truth_of(key, value);
                return true;
            }
            if (key == "bind-recursive" && value) {
                return apply_bind_recursive(*value, mount);
            }
            return false;
        case MountRequest::Type::image:
            if (key == "subpath" || key == "image-subpath") {
                fail_unsupported(key);
            }
            return false;
        case MountRequest::Type::glob:
        case MountRequest::Type::ramfs:
            return false;
        case MountRequest::Type::devpts:
            if (value && (key == "uid" || key == "gid" || key == "max")) {
                if (!parse_uint64(*value)) {
                    throw Error(ErrorKind::invalid, "'{}={}' is not a number", key, *value);
                }
                mount.options.push_back(fmt::format("{}={}", key, *value));
                return true;
            }
            if (value && key == "mode") {
                add_tmpfs_data(key, *value, mount);
                return true;
            }
            return false;
        case MountRequest::Type::volume:
            if (key == "volume-nocopy" || key == "nocopy") {
                mount.copy_up = !truth_of(key, value);
                return true;
            }
            if (key == "volume-driver" && value) {
                if (*value != "local") {
                    throw Error(
                        ErrorKind::unsupported, "volume driver '{}': nau has only local", *value);
                }
                return true;
            }
            if (key == "volume-label" || key == "volume-opt") {
                const std::string text = required(key, value);
                const auto pair = split_once(text, '=');
                auto& pairs = key == "volume-label" ? mount.volume_labels : mount.volume_options;
                pairs.insert_or_assign(std::string(pair ? pair->first : text),
                                       std::string(pair ? pair->second : ""));
                return true;
            }
            return false;
        case MountRequest::Type::tmpfs:
            if (key == "tmpfs-size" || key == "tmpfs-mode") {
                add_tmpfs_data(key.substr(6), required(key, value), mount);
                return true;
            }
            if (value && is_one_of(key, kTmpfsData)) {
                add_tmpfs_data(key, *value, mount);
                return true;
            }
            if (!value && (key == "tmpcopyup" || key == "notmpcopyup")) {
                mount.copy_up = key == "tmpcopyup";
                return true;
            }
            return false;
    }
    return false;
}

void apply_mount_field(const MountField& field, MountRequest& mount) {
    const auto& [key, value] = field;
    if (key == "type") {
        return;  // read first: the other keys depend on it
    }
    if (key == "src" || key == "source") {
        mount.source = required(key, value);
    } else if (key == "dst" || key == "destination" || key == "target") {
        mount.destination = checked_destination(required(key, value));
    } else if (key == "ro" || key == "readonly") {
        mount.is_read_only = truth_of(key, value);
    } else if (key == "rw") {
        mount.is_read_only = !truth_of(key, value);
    } else if (key == "relabel" && (value == "shared" || value == "private")) {
        mount.selinux_relabel = value == "shared" ? 'z' : 'Z';
    } else if (key == "U" || key == "chown") {
        mount.changes_owner = truth_of(key, value);
    } else if (key == "idmap" && !value) {
        mount.options.emplace_back(key);
    } else if (key == "O" || key == "overlay") {
        mount.is_overlay = truth_of(key, value);
    } else if (key == "idmap" || key == "volume-subpath" ||
               (key == "subpath" && mount.type != MountRequest::Type::image)) {
        fail_unsupported(key);
    } else if (key == "consistency" && value && is_one_of(*value, kConsistencies)) {
        return;  // every mount is consistent
    } else if (!apply_typed_field(field, mount) && (value || !apply_bind_option(key, mount))) {
        throw Error(ErrorKind::invalid, "unknown option '{}'", key);
    }
}

void check_overlay(const MountRequest& mount) {
    if (mount.upper_dir.empty() != mount.work_dir.empty()) {
        throw Error(ErrorKind::invalid, "'upperdir=' and 'workdir=' are only good together");
    }
    if (!mount.upper_dir.empty() && !mount.is_overlay) {
        throw Error(ErrorKind::invalid, "'upperdir=' and 'workdir=' belong to the option O");
    }
    if (mount.is_overlay && mount.is_read_only) {
        throw Error(ErrorKind::invalid, "the options O and ro exclude each other");
    }
    if (mount.is_overlay && mount.changes_owner) {
        throw Error(ErrorKind::invalid, "the options O and U exclude each other");
    }
}

void check_mount(const MountRequest& mount) {
    if (mount.destination.empty()) {
        throw Error(ErrorKind::invalid, "has no 'dst='");
    }
    switch (mount.type) {
        case MountRequest::Type::bind:
            if (mount.source.empty()) {
                throw Error(ErrorKind::invalid, "has no 'src='");
            }
            if (!is_host_path(mount.source)) {
                throw Error(ErrorKind::invalid, "the source '{}' is not a path", mount.source);
            }
            break;
        case MountRequest::Type::volume:
            if (!mount.source.empty() && !is_volume_name(mount.source)) {
                throw Error(ErrorKind::invalid, "'{}' is no volume name", mount.source);
            }
            break;
        case MountRequest::Type::image:
            if (mount.source.empty()) {
                throw Error(ErrorKind::invalid, "has no 'src=', the image");
            }
            break;
        case MountRequest::Type::glob:
            if (!mount.source.starts_with('/')) {
                throw Error(ErrorKind::invalid, "the pattern '{}' is not absolute", mount.source);
            }
            break;
        case MountRequest::Type::tmpfs:
        case MountRequest::Type::ramfs:
        case MountRequest::Type::devpts:
            if (!mount.source.empty()) {
                throw Error(ErrorKind::invalid, "such a file system has no source");
            }
            break;
    }
    check_overlay(mount);
}

}  // namespace

MountRequest parse_volume_flag(std::string_view text) {
    const auto parts = split(text, ':');
    if (parts.size() > 3) {
        throw Error(ErrorKind::invalid, "has more than three parts");
    }
    MountRequest mount;
    if (parts.size() == 1) {
        mount.type = MountRequest::Type::volume;
        mount.destination = checked_destination(parts[0]);
        return mount;
    }
    set_source(parts[0], mount);
    mount.destination = checked_destination(parts[1]);
    if (parts.size() == 3) {
        apply_volume_options(parts[2], mount);
    }
    check_overlay(mount);
    return mount;
}

MountRequest parse_mount_flag(std::string_view text) {
    const std::vector<std::string> texts = split_csv(text);
    std::vector<MountField> fields;
    MountRequest mount;
    mount.type = MountRequest::Type::volume;
    for (const std::string& each : texts) {
        const auto pair = split_once(each, '=');
        const MountField field = {.key = pair ? pair->first : std::string_view(each),
                                  .value = pair ? std::optional(pair->second) : std::nullopt};
        if (field.key == "type") {
            mount.type = type_of(required("type", field.value));
        }
        fields.push_back(field);
    }
    mount.must_exist = mount.type == MountRequest::Type::bind;
    mount.is_read_only = mount.type == MountRequest::Type::image;
    for (const MountField& field : fields) {
        apply_mount_field(field, mount);
    }
    check_mount(mount);
    return mount;
}

MountRequest parse_tmpfs_flag(std::string_view text) {
    const size_t colon = text.find(':');
    MountRequest mount;
    mount.type = MountRequest::Type::tmpfs;
    mount.destination = checked_destination(text.substr(0, colon));
    if (colon == text.npos) {
        return mount;
    }
    for (const std::string_view word : split(text.substr(colon + 1), ',')) {
        const auto pair = split_once(word, '=');
        if (word == "ro" || word == "rw") {
            mount.is_read_only = word == "ro";
        } else if (pair && is_one_of(pair->first, kTmpfsData)) {
            add_tmpfs_data(pair->first, pair->second, mount);
        } else if (word == "tmpcopyup" || word == "notmpcopyup") {
            mount.copy_up = word == "tmpcopyup";
        } else if (!word.empty() && !apply_bind_option(word, mount)) {
            throw Error(ErrorKind::invalid, "unknown tmpfs option '{}'", word);
        }
    }
    return mount;
}

void make_source_absolute(MountRequest& mount, std::string_view working_directory) {
    if (mount.type != MountRequest::Type::bind || mount.source.starts_with('/')) {
        return;
    }
    const std::filesystem::path base(working_directory);
    std::string path = (base / mount.source).lexically_normal().string();
    while (path.size() > 1 && path.back() == '/') {
        path.pop_back();
    }
    mount.source = std::move(path);
}

}  // namespace nau::engine
