#include "runtime/mount_options.h"

#include <algorithm>
#include <array>
#include <linux/mount.h>
#include <string_view>
#include <sys/mount.h>

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

namespace nau::runtime {

namespace {

// Access times are not bits of their own but one field; setting it means clearing it first.
constexpr uint64_t kAtime = MOUNT_ATTR__ATIME;

struct AttributeWord {
    std::string_view word;
    uint64_t set;
    uint64_t clear;
};

/// Each also exists with an "r" in front, for the whole tree.
constexpr std::array kAttributeWords = {
    AttributeWord{"ro", MOUNT_ATTR_RDONLY, 0},
    AttributeWord{"rw", 0, MOUNT_ATTR_RDONLY},
    AttributeWord{"nosuid", MOUNT_ATTR_NOSUID, 0},
    AttributeWord{"suid", 0, MOUNT_ATTR_NOSUID},
    AttributeWord{"nodev", MOUNT_ATTR_NODEV, 0},
    AttributeWord{"dev", 0, MOUNT_ATTR_NODEV},
    AttributeWord{"noexec", MOUNT_ATTR_NOEXEC, 0},
    AttributeWord{"exec", 0, MOUNT_ATTR_NOEXEC},
    AttributeWord{"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
    AttributeWord{"diratime", 0, MOUNT_ATTR_NODIRATIME},
    AttributeWord{"relatime", MOUNT_ATTR_RELATIME, kAtime},
    AttributeWord{"norelatime", MOUNT_ATTR_STRICTATIME, kAtime},
    AttributeWord{"noatime", MOUNT_ATTR_NOATIME, kAtime},
    AttributeWord{"atime", MOUNT_ATTR_RELATIME, kAtime},
    AttributeWord{"strictatime", MOUNT_ATTR_STRICTATIME, kAtime},
    AttributeWord{"nostrictatime", MOUNT_ATTR_RELATIME, kAtime},
    AttributeWord{"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0},
    AttributeWord{"symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW},
};

struct PropagationWord {
    std::string_view word;
    uint64_t propagation;
};

constexpr std::array kPropagationWords = {
    PropagationWord{"private", MS_PRIVATE},
    PropagationWord{"slave", MS_SLAVE},
    PropagationWord{"shared", MS_SHARED},
    PropagationWord{"unbindable", MS_UNBINDABLE},
};

/// Known, and nothing to be done: the kernel's defaults, or words for mount(8) only.
constexpr std::array<std::string_view, 10> kSilentWords = {"defaults",
                                                           "async",
                                                           "nomand",
                                                           "mand",
                                                           "loud",
                                                           "silent",
                                                           "noiversion",
                                                           "nolazytime",
                                                           "newinstance",
                                                           "iversion"};

const AttributeWord* find_attribute(std::string_view word) noexcept {
    const auto found = std::find_if(kAttributeWords.begin(),
                                    kAttributeWords.end(),
                                    [&](const AttributeWord& entry) { return entry.word == word; });
    return found == kAttributeWords.end() ? nullptr : found;
}

const PropagationWord* find_propagation(std::string_view word) noexcept {
    const auto found = std::find_if(
        kPropagationWords.begin(), kPropagationWords.end(), [&](const PropagationWord& entry) {
            return entry.word == word;
        });
    return found == kPropagationWords.end() ? nullptr : found;
}

/// The last word wins, as with mount(8).
void apply(const AttributeWord& word, uint64_t& set, uint64_t& clear) noexcept {
    set = (set & ~(word.set | word.clear)) | word.set;
    clear = (clear & ~word.set) | word.clear;
    if ((word.clear & kAtime) != 0) {
        set = (set & ~kAtime) | word.set;
        clear |= kAtime;
    }
}

bool take_attribute_or_propagation(std::string_view word, MountOptions& out) {
    if (const auto* attribute = find_attribute(word)) {
        apply(*attribute, out.change.set, out.change.clear);
        return true;
    }
    if (const auto* propagation = find_propagation(word)) {
        out.propagation = propagation->propagation;
        out.propagation_all = false;
        return true;
    }
    if (word.empty() || word.front() != 'r') {
        return false;
    }
    word.remove_prefix(1);
    if (const auto* attribute = find_attribute(word)) {
        apply(*attribute, out.change.set_all, out.change.clear_all);
        return true;
    }
    if (const auto* propagation = find_propagation(word)) {
        out.propagation = propagation->propagation;
        out.propagation_all = true;
        return true;
    }
    return false;
}

bool take_keyword(std::string_view word, MountOptions& out) {
    if (word == "bind" || word == "rbind") {
        out.is_bind = true;
        out.is_recursive_bind = out.is_recursive_bind || word == "rbind";
    } else if (word == "remount") {
        out.is_remount = true;
    } else if (word == "tmpcopyup") {
        out.copy_up = true;
    } else if (word == "idmap" || word == "ridmap") {
        out.idmap = true;
        out.idmap_all = word == "ridmap";
    } else if (word == "nocopy" || word == "copy") {
        // podman's words for filling a volume: the engine's business.
    } else if (std::find(kSilentWords.begin(), kSilentWords.end(), word) == kSilentWords.end()) {
        return false;
    }
    return true;
}

FsParameter to_parameter(const std::string& option) {
    const size_t equals = option.find('=');
    if (equals == std::string::npos) {
        return {option, std::nullopt};
    }
    return {option.substr(0, equals), option.substr(equals + 1)};
}

}  // namespace

MountOptions parse_mount_options(const std::vector<std::string>& options) {
    MountOptions out;
    for (const std::string& option : options) {
        if (option.empty() || take_attribute_or_propagation(option, out) ||
            take_keyword(option, out)) {
            continue;
        }
        out.parameters.push_back(to_parameter(option));
    }
    return out;
}

}  // namespace nau::runtime
