#include "engine/spec/cdi.h"

#include <algorithm>
#include <array>
#include <set>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/parse.h"
#include "sys/file.h"

namespace nau::engine {

namespace {

/// The later one counts.
constexpr std::array<const char*, 2> kDirectories = {"/etc/cdi", "/var/run/cdi"};
constexpr size_t kMaxSpecBytes = 4U << 20U;

template <typename Integer>
std::optional<Integer> optional_number(const json::Field& field, const char* name) {
    const auto value = field.optional_int64(name);
    return value ? std::optional(static_cast<Integer>(*value)) : std::nullopt;
}

CdiEdits::Node parse_node(const json::Field& field) {
    CdiEdits::Node node;
    node.device.path = field.at("path").as_string();
    node.device.type = field.string_or("type", "");
    node.device.major = field.int64_or("major", 0);
    node.device.minor = field.int64_or("minor", 0);
    node.device.file_mode = optional_number<uint32_t>(field, "fileMode");
    node.device.uid = optional_number<uint32_t>(field, "uid");
    node.device.gid = optional_number<uint32_t>(field, "gid");
    node.host_path = field.string_or("hostPath", node.device.path);
    node.permissions = field.string_or("permissions", "rwm");
    if (!node.device.path.starts_with('/')) {
        field.at("path").fail("is not an absolute path");
    }
    return node;
}

oci::spec::Mount parse_mount(const json::Field& field) {
    oci::spec::Mount mount;
    mount.destination = field.at("containerPath").as_string();
    mount.source = field.at("hostPath").as_string();
    mount.type = field.string_or("type", "bind");
    mount.options = field.string_list_or_empty("options");
    const auto has = [&](const char* option) {
        return std::find(mount.options.begin(), mount.options.end(), option) != mount.options.end();
    };
    if (mount.type == "bind" && !has("bind") && !has("rbind")) {
        mount.options.emplace_back("rbind");
    }
    return mount;
}

void add_hook(const json::Field& field, oci::spec::Hooks& hooks) {
    const std::string name = field.at("hookName").as_string();
    oci::spec::Hook hook{.path = field.at("path").as_string(),
                         .args = field.string_list_or_empty("args"),
                         .env = field.string_list_or_empty("env"),
                         .timeout = field.optional_int64("timeout")};
    auto* list = name == "prestart"          ? &hooks.prestart
                 : name == "createRuntime"   ? &hooks.create_runtime
                 : name == "createContainer" ? &hooks.create_container
                 : name == "startContainer"  ? &hooks.start_container
                 : name == "poststart"       ? &hooks.poststart
                 : name == "poststop"        ? &hooks.poststop
                                             : nullptr;
    if (list == nullptr) {
        field.at("hookName").fail("is no hook of the runtime specification");
    }
    list->push_back(std::move(hook));
}

std::vector<json::Field> elements_of(const json::Field& field, const char* name) {
    const auto list = field.find(name);
    return list ? list->elements() : std::vector<json::Field>();
}

CdiEdits parse_edits(const json::Field& owner) {
    CdiEdits edits;
    const auto field = owner.find("containerEdits");
    if (!field) {
        return edits;
    }
    edits.env = field->string_list_or_empty("env");
    for (const auto& node : elements_of(*field, "deviceNodes")) {
        edits.nodes.push_back(parse_node(node));
    }
    for (const auto& mount : elements_of(*field, "mounts")) {
        edits.mounts.push_back(parse_mount(mount));
    }
    for (const auto& hook : elements_of(*field, "hooks")) {
        add_hook(hook, edits.hooks);
    }
    for (const auto& gid : elements_of(*field, "additionalGids")) {
        edits.further_gids.push_back(static_cast<uint32_t>(gid.as_uint64()));
    }
    return edits;
}

struct Found {
    std::string file;
    CdiSpec spec;
};

std::vector<Found> read_directory(const std::string& directory) {
    std::vector<Found> found;
    for (const auto& entry :
         sys::list_directory_if_exists(directory).value_or(std::vector<sys::DirEntry>())) {
        if (entry.name.ends_with(".json")) {
            std::string file = fmt::format("{}/{}", directory, entry.name);
            CdiSpec spec = parse_cdi_spec(sys::read_file(file, kMaxSpecBytes), file);
            found.push_back({.file = std::move(file), .spec = std::move(spec)});
        }
    }
    return found;
}

const CdiEdits* find_device(const CdiSpec& spec, std::string_view name) {
    const auto device = std::find_if(spec.devices.begin(),
                                     spec.devices.end(),
                                     [&](const auto& each) { return each.first == name; });
    return device == spec.devices.end() ? nullptr : &device->second;
}

/// The specification that counts. @throws Error{invalid} when two of a directory describe it
const Found* find_spec(const std::vector<Found>& specs,
                       std::string_view kind,
                       std::string_view name) {
    const Found* found = nullptr;
    for (const auto& each : specs) {
        if (each.spec.kind != kind || find_device(each.spec, name) == nullptr) {
            continue;
        }
        if (found != nullptr) {
            throw Error(ErrorKind::invalid,
                        "device '{}={}' is described by both {} and {}",
                        kind,
                        name,
                        found->file,
                        each.file);
        }
        found = &each;
    }
    return found;
}

void apply_node(const CdiEdits::Node& node, oci::RuntimeSpec& spec) {
    oci::spec::Device device = node.device;
    if (device.type.empty() || (device.type != "p" && device.major == 0)) {
        const auto status = sys::stat_if_exists(node.host_path);
        if (!status || !(S_ISCHR(status->st_mode) || S_ISBLK(status->st_mode))) {
            throw Error(ErrorKind::not_found,
                        "'{}', which the CDI device needs, is no device of the host",
                        node.host_path);
        }
        device.type = S_ISBLK(status->st_mode) ? "b" : "c";
        device.major = static_cast<int64_t>(major(status->st_rdev));
        device.minor = static_cast<int64_t>(minor(status->st_rdev));
        if (!device.file_mode) {
            device.file_mode = static_cast<uint32_t>(status->st_mode & 07777U);
        }
    }
    if (device.type != "p") {
        spec.linux_.resources->devices.push_back({.allow = true,
                                                  .type = device.type == "b" ? "b" : "c",
                                                  .major = device.major,
                                                  .minor = device.minor,
                                                  .access = node.permissions});
    }
    spec.linux_.devices.push_back(std::move(device));
}

template <typename T>
void append(std::vector<T>& to, const std::vector<T>& from) {
    to.insert(to.end(), from.begin(), from.end());
}

void set_variable(std::vector<std::string>& env, const std::string& entry) {
    const std::string name = entry.substr(0, entry.find('=')) + "=";
    std::erase_if(env, [&](const std::string& other) { return other.starts_with(name); });
    env.push_back(entry);
}

}  // namespace

bool is_cdi_name(std::string_view word) noexcept {
    const size_t slash = word.find('/');
    const size_t equals = word.find('=');
    return slash != word.npos && equals != word.npos && slash > 0 && slash + 1 < equals &&
           equals + 1 < word.size();
}

std::vector<std::string> gpu_names(std::string_view text) {
    constexpr std::string_view kKind = "nvidia.com/gpu=";
    constexpr uint64_t kMost = 64;
    std::vector<std::string> names;
    const auto add = [&](std::string_view name) {
        names.push_back(fmt::format("{}{}", kKind, name));
    };
    if (const auto count = parse_uint64(text)) {
        if (*count == 0 || *count > kMost) {
            throw Error(ErrorKind::invalid, "'{}' is not a number from 1 to {}", text, kMost);
        }
        for (uint64_t i = 0; i < *count; ++i) {
            add(std::to_string(i));
        }
        return names;
    }
    constexpr std::string_view kPrefix = "device=";
    const std::string_view list = text.starts_with(kPrefix) ? text.substr(kPrefix.size()) : text;
    for (const auto name : split(list, ',')) {
        if (name.empty() || name.find_first_of("=/") != name.npos) {
            throw Error(ErrorKind::invalid, "is not all, a number, or device=NAME,…");
        }
        add(name);
    }
    return names;
}

CdiSpec parse_cdi_spec(std::string_view text, const std::string& file) {
    const auto document = json::parse(text, file);
    const json::Field root(document, file);
    (void)root.at("cdiVersion").as_string();
    CdiSpec spec;
    spec.kind = root.at("kind").as_string();
    spec.edits = parse_edits(root);
    for (const auto& device : root.at("devices").elements()) {
        spec.devices.emplace_back(device.at("name").as_string(), parse_edits(device));
    }
    return spec;
}

std::vector<CdiEdits> find_cdi_edits(const std::vector<std::string>& names) {
    std::vector<CdiEdits> edits;
    if (names.empty()) {
        return edits;
    }
    std::vector<std::vector<Found>> directories;
    for (const char* directory : kDirectories) {
        directories.push_back(read_directory(directory));
    }
    std::set<std::string> used;
    for (const auto& full_name : names) {
        const auto [kind, name] = split_once(full_name, '=').value();
        const Found* found = nullptr;
        for (const auto& specs : directories) {
            const Found* here = find_spec(specs, kind, name);
            found = here != nullptr ? here : found;
        }
        if (found == nullptr) {
            throw Error(ErrorKind::not_found, "no CDI device '{}'", full_name)
                .with_hint(
                    "the vendor's tool describes it in a .json file in /etc/cdi or /var/run/cdi");
        }
        if (used.insert(found->file).second) {
            edits.push_back(found->spec.edits);
        }
        edits.push_back(*find_device(found->spec, name));
    }
    return edits;
}

void apply_cdi_edits(const std::vector<CdiEdits>& edits, oci::RuntimeSpec& spec) {
    for (const auto& edit : edits) {
        for (const auto& entry : edit.env) {
            set_variable(spec.process->env, entry);
        }
        for (const auto& node : edit.nodes) {
            apply_node(node, spec);
        }
        append(spec.mounts, edit.mounts);
        append(spec.hooks.prestart, edit.hooks.prestart);
        append(spec.hooks.create_runtime, edit.hooks.create_runtime);
        append(spec.hooks.create_container, edit.hooks.create_container);
        append(spec.hooks.start_container, edit.hooks.start_container);
        append(spec.hooks.poststart, edit.hooks.poststart);
        append(spec.hooks.poststop, edit.hooks.poststop);
        append(spec.process->user.additional_gids, edit.further_gids);
    }
}

}  // namespace nau::engine
