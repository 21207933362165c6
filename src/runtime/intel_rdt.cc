#include "runtime/intel_rdt.h"

#include <cerrno>
#include <fcntl.h>

#include <fmt/core.h>

#include "base/error.h"
#include "base/log.h"
#include "base/parse.h"
#include "runtime/spec_error.h"
#include "sys/file.h"
#include "sys/raw.h"

namespace nau::runtime {

namespace raw = sys::raw;

namespace {

constexpr size_t kMaxMountinfo = 16 * 1024 * 1024;

/// One component of a path, and none of resctrl's own names.
void check_name(const std::string& name, const char* member) {
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
        name == "info" || name == "mon_groups" || name == "mon_data") {
        fail(member, fmt::format("'{}' is no name of a group", name));
    }
}

bool wants_monitoring(const oci::spec::IntelRdt& rdt) noexcept {
    return rdt.enable_monitoring || rdt.enable_cmt || rdt.enable_mbm;
}

bool make_directory(const std::string& path) {
    const int result = raw::mkdirat(AT_FDCWD, path.c_str(), 0755);
    if (result < 0 && result != -EEXIST) {
        throw SysError(-result, "linux: intelRdt: make {}", path);
    }
    return result == 0;
}

/// resctrl takes one line per write and explains a refusal elsewhere.
void write_line(const std::string& root, const std::string& file, const std::string& line) {
    const sys::UniqueFd fd = sys::open(file, O_WRONLY);
    const std::string text = line + "\n";
    const long result = raw::write(fd.get(), text.data(), text.size());
    if (result < 0) {
        const auto why = sys::read_file_if_exists(root + "/info/last_cmd_status", 4096);
        throw SysError(static_cast<int>(-result),
                       "linux: intelRdt: write '{}' to {} ({})",
                       line,
                       file,
                       trim(why.value_or("")));
    }
}

std::string group_of(const std::string& root,
                     const oci::spec::IntelRdt& rdt,
                     const std::string& id) {
    if (rdt.clos_id == "/") {
        return root;  // runtime-spec 1.3: the default class
    }
    const std::string& name = rdt.clos_id.empty() ? id : rdt.clos_id;
    check_name(name, "linux: intelRdt: closID");
    return fmt::format("{}/{}", root, name);
}

std::string mounted_root() {
    return find_resctrl(sys::read_file("/proc/self/mountinfo", kMaxMountinfo));
}

}  // namespace

std::vector<std::string> plan_schemata(const oci::spec::IntelRdt& rdt) {
    std::vector<std::string> lines;
    const auto add = [&](const std::string& text, const char* member) {
        if (text.find('\n') != std::string::npos) {
            fail(member, "holds more than one line");
        }
        if (text.find(':') == std::string::npos) {
            fail(member, fmt::format("'{}' is no line such as L3:0=ff;1=f", text));
        }
        lines.push_back(text);
    };
    if (!rdt.l3_cache_schema.empty()) {
        add(rdt.l3_cache_schema, "linux: intelRdt: l3CacheSchema");
    }
    if (!rdt.mem_bw_schema.empty()) {
        add(rdt.mem_bw_schema, "linux: intelRdt: memBwSchema");
    }
    // The spec has these applied after the older members.
    for (const std::string& line : rdt.schemata) {
        add(line, "linux: intelRdt: schemata");
    }
    return lines;
}

void join_intel_rdt_at(const std::string& root,
                       const oci::spec::IntelRdt& rdt,
                       const std::string& id,
                       pid_t pid) {
    const std::vector<std::string> lines = plan_schemata(rdt);
    const std::string group = group_of(root, rdt, id);
    const bool is_new = group != root && make_directory(group);
    if (!rdt.clos_id.empty() && !is_new && !lines.empty()) {
        // A class that others share is not changed by one more member.
        const std::string present = sys::read_file(group + "/schemata", 64 * 1024);
        for (const std::string& line : lines) {
            if (present.find(line) == std::string::npos) {
                throw Error(ErrorKind::invalid,
                            "linux: intelRdt: closID: '{}' exists already, and without '{}'",
                            rdt.clos_id,
                            line);
            }
        }
    } else {
        for (const std::string& line : lines) {
            write_line(root, group + "/schemata", line);
        }
    }
    write_line(root, group + "/tasks", fmt::format("{}", pid));
    if (wants_monitoring(rdt)) {
        check_name(id, "linux: intelRdt: enableMonitoring");
        const std::string monitoring = fmt::format("{}/mon_groups/{}", group, id);
        make_directory(monitoring);
        write_line(root, monitoring + "/tasks", fmt::format("{}", pid));
    }
}

void join_intel_rdt(const oci::spec::IntelRdt& rdt, const std::string& id, pid_t pid) {
    const std::string root = mounted_root();
    if (root.empty()) {
        throw Error(ErrorKind::unsupported, "linux: intelRdt: no resctrl file system is mounted")
            .with_hint("mount -t resctrl resctrl /sys/fs/resctrl, on a processor that has it");
    }
    join_intel_rdt_at(root, rdt, id, pid);
}

void remove_intel_rdt_at(const std::string& root,
                         const oci::spec::IntelRdt& rdt,
                         const std::string& id) noexcept {
    try {
        const std::string group = group_of(root, rdt, id);
        if (wants_monitoring(rdt)) {
            (void)raw::unlinkat(
                AT_FDCWD, fmt::format("{}/mon_groups/{}", group, id).c_str(), AT_REMOVEDIR);
        }
        if (rdt.clos_id.empty()) {
            (void)raw::unlinkat(AT_FDCWD, group.c_str(), AT_REMOVEDIR);
        }
    } catch (const std::exception& error) {
        NAU_LOG_WARN("{}, ignoring", error.what());
    }
}

void remove_intel_rdt(const oci::spec::IntelRdt& rdt, const std::string& id) noexcept {
    try {
        if (const std::string root = mounted_root(); !root.empty()) {
            remove_intel_rdt_at(root, rdt, id);
        }
    } catch (const std::exception& error) {
        NAU_LOG_WARN("{}, ignoring", error.what());
    }
}

std::string find_resctrl(std::string_view mountinfo) {
    for (const std::string_view line : split(mountinfo, '\n')) {
        // "31 23 0:28 / /sys/fs/resctrl rw shared:1 - resctrl resctrl rw"
        const size_t dash = line.find(" - ");
        if (dash == std::string_view::npos || !line.substr(dash + 3).starts_with("resctrl ")) {
            continue;
        }
        constexpr size_t kMountPoint = 4;
        const auto fields = split(line, ' ');
        if (fields.size() > kMountPoint) {
            return std::string(fields[kMountPoint]);
        }
    }
    return {};
}

}  // namespace nau::runtime
