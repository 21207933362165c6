#include "storage/layers/layer_tree.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/assert.h"

namespace nau::storage {

namespace {

constexpr size_t kFirstSlots = 1024;

/// Both halves of the 128-bit product.
uint64_t fold(uint64_t a, uint64_t b) noexcept {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

}  // namespace

LayerTree::LayerTree(uint64_t seed) : seed_(seed | 1), slots_(kFirstSlots) {
    directories_.push_back({.is_own = true});
}

uint32_t LayerTree::hash(DirectoryId parent, std::string_view name) const noexcept {
    constexpr uint64_t kOdd = 0x9e3779b97f4a7c15;
    uint64_t state = fold(seed_ ^ parent, kOdd ^ name.size());
    while (!name.empty()) {
        uint64_t word = 0;
        const size_t size = std::min(name.size(), sizeof word);
        std::memcpy(&word, name.data(), size);
        name.remove_prefix(size);
        state = fold(state ^ word, seed_ ^ kOdd);
    }
    return static_cast<uint32_t>(fold(state, kOdd) >> 32);
}

LayerTree::Found LayerTree::find(DirectoryId parent, std::string_view name) const noexcept {
    const uint32_t wanted = hash(parent, name);
    const size_t mask = slots_.size() - 1;
    Found found;
    for (size_t i = wanted & mask; slots_[i].value != 0; i = (i + 1) & mask) {
        const auto& slot = slots_[i];
        if (slot.hash != wanted) {
            continue;
        }
        if (slot.value == kOther) {
            found.kind = found.kind == Kind::absent ? Kind::other : found.kind;
            continue;
        }
        if ((slot.value & kWhiteoutMark) != 0) {
            const auto& whiteout = whiteouts_[slot.value & ~kWhiteoutMark];
            found.is_whited_out |= whiteout.parent == parent && this->name(whiteout) == name;
            continue;
        }
        const DirectoryId id = slot.value - 1;
        const auto& record = directories_[id];
        if (record.parent == parent && !record.is_removed && this->name(id) == name) {
            found.kind = Kind::directory;
            found.directory = id;
        }
    }
    return found;
}

void LayerTree::place(Slot slot) noexcept {
    const size_t mask = slots_.size() - 1;
    size_t i = slot.hash & mask;
    while (slots_[i].value != 0) {
        i = (i + 1) & mask;
    }
    slots_[i] = slot;
}

void LayerTree::insert(Slot slot) {
    if ((used_slots_ + 1) * 4 > slots_.size() * 3) {
        const auto old = std::exchange(slots_, std::vector<Slot>(slots_.size() * 2));
        for (const auto& each : old) {
            if (each.value != 0) {
                place(each);
            }
        }
    }
    place(slot);
    ++used_slots_;
}

void LayerTree::add_other(DirectoryId parent, std::string_view name) {
    if (find(parent, name).kind != Kind::other) {
        insert({.hash = hash(parent, name), .value = kOther});
    }
}

uint32_t LayerTree::keep_name(std::string_view name) {
    NAU_ASSERT(name.size() <= UINT16_MAX && names_.size() <= UINT32_MAX - name.size());
    const auto offset = static_cast<uint32_t>(names_.size());
    names_ += name;
    return offset;
}

DirectoryId LayerTree::add_directory(DirectoryId parent, std::string_view name) {
    const auto id = static_cast<DirectoryId>(directories_.size());
    NAU_ASSERT(id + 1 < kWhiteoutMark);
    directories_.push_back({.parent = parent,
                            .name_offset = keep_name(name),
                            .name_size = static_cast<uint16_t>(name.size()),
                            .depth = static_cast<uint16_t>(directories_[parent].depth + 1)});
    insert({.hash = hash(parent, name), .value = id + 1});
    return id;
}

void LayerTree::add_whiteout(DirectoryId parent, std::string_view name) {
    if (find(parent, name).is_whited_out) {
        return;
    }
    const auto number = static_cast<uint32_t>(whiteouts_.size());
    NAU_ASSERT(number < kWhiteoutMark - 1);
    whiteouts_.push_back({.parent = parent,
                          .name_offset = keep_name(name),
                          .name_size = static_cast<uint16_t>(name.size())});
    insert({.hash = hash(parent, name), .value = kWhiteoutMark | number});
}

void LayerTree::remove_directory(DirectoryId id) {
    auto& record = directories_[id];
    record.is_removed = true;
    add_other(record.parent, name(id));
}

std::string_view LayerTree::name(DirectoryId id) const noexcept {
    const auto& record = directories_[id];
    return std::string_view(names_).substr(record.name_offset, record.name_size);
}

std::string_view LayerTree::name(const Whiteout& whiteout) const noexcept {
    return std::string_view(names_).substr(whiteout.name_offset, whiteout.name_size);
}

void LayerTree::mark_own(DirectoryId id) noexcept {
    for (; !directories_[id].is_own; id = directories_[id].parent) {
        auto& record = directories_[id];
        record.is_own = true;
        if (!record.is_adopted && is_hidden(record.parent, name(id))) {
            record.metadata = {};
            record.wants_lower_xattrs = false;
        }
    }
}

std::string LayerTree::path(DirectoryId id) const {
    std::vector<std::string_view> names;
    for (; id != kRootDirectory; id = directories_[id].parent) {
        names.push_back(name(id));
    }
    std::string path;
    for (size_t i = names.size(); i-- > 0;) {
        path += names[i];
        if (i > 0) {
            path += '/';
        }
    }
    return path;
}

bool LayerTree::is_alive(DirectoryId id) const noexcept {
    for (; id != kRootDirectory; id = directories_[id].parent) {
        if (directories_[id].is_removed) {
            return false;
        }
    }
    return true;
}

bool LayerTree::hides_lower_layers(DirectoryId id) const noexcept {
    for (;; id = directories_[id].parent) {
        if (directories_[id].is_opaque) {
            return true;
        }
        if (id == kRootDirectory) {
            return false;
        }
    }
}

}  // namespace nau::storage
