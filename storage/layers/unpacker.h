#pragma once

// Decides, member by member, where in the target a layer's entry goes and what has to happen first;
// makes directories, whiteouts and hard links itself and gives everything else to the writers.
//
// Order. A tar is a list of changes, and the later one counts. Writers work in any order, which is
// safe because a name that comes once depends on nothing but its directory. The rest is rare and
// waits for the writers (settle()): a name that comes again, a link that is used as a directory, a
// hard link. Directories get their final mode, owner and times at the very end: until then they are
// the caller's own and writable, and lend neither a group nor a default ACL to what is made in
// them.
//
// Whiteouts are made at the end too, and only where the lower layers have something to hide:
// overlayfs shows the device itself, as a name that cannot be opened, in a directory that it does
// not merge with a lower one.

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "oci/layer/layer_entry.h"
#include "oci/layer/tar_reader.h"
#include "storage/layers/apply.h"
#include "storage/layers/directory_cache.h"
#include "storage/layers/layer_tree.h"
#include "storage/layers/lower_layers.h"
#include "storage/layers/writer_pool.h"

namespace nau::storage {

class Unpacker {
  public:
    /// `options` and `writers` outlive it. `settings` as the writers have them.
    Unpacker(int target,
             const ApplyOptions& options,
             const LeafSettings& settings,
             WriterPool& writers);

    /// From now on the calling thread makes everything, with an umask of its own if it may.
    void take_own_umask() noexcept;

    void unpack(oci::TarReader& reader);

    uint64_t entries() const noexcept { return entries_; }
    /// Made by itself, not by the writers; the root included.
    uint64_t made() const noexcept { return made_; }
    uint64_t file_bytes() const noexcept { return file_bytes_; }

  private:
    /// One name in one directory.
    struct Place {
        DirectoryId parent = kRootDirectory;
        std::string name;
    };
    /// What to do about a path through something that is no directory, or is not there: members
    /// need it, whiteouts and hard links have nothing to look for then.
    enum class Missing : uint8_t { make, give_up };
    struct PendingLink {
        Place target;
        Place link;
    };
    struct PendingXattr {
        DirectoryId directory = kRootDirectory;
        std::string name;
        std::string value;
    };

    // unpacker.cc: one member after the other
    void add(const oci::LayerEntry& entry, oci::TarReader& reader);
    void add_root(const oci::LayerEntry& entry);
    bool add_whiteout(const Place& place);
    void add_named(const Place& place, const oci::LayerEntry& entry, oci::TarReader& reader);
    void add_directory(const Place& place, const oci::LayerEntry& entry);
    void add_hard_link(const Place& place, const oci::LayerEntry& entry);
    void add_leaf(const Place& place, const oci::LayerEntry& entry, oci::TarReader& reader);
    void set_directory_xattrs(DirectoryId id, const oci::LayerEntry& entry);

    // unpacker_resolve.cc: from paths to places
    std::optional<Place> locate(const oci::LayerEntry& entry);
    Place locate_target(const oci::LayerEntry& entry);
    std::optional<DirectoryId> resolve_directory(const std::vector<std::string_view>& names,
                                                 Missing missing);
    std::optional<DirectoryId> resolve_slowly(DirectoryId start,
                                              std::deque<std::string> names,
                                              Missing missing);
    std::optional<std::string> link_at(const Place& place);
    std::optional<DirectoryId> enter(const Place& place, Missing missing);
    std::optional<DirectoryId> enter_lower(const Place& place, Missing missing);
    DirectoryId make_directory(const Place& place);
    DirectoryId adopt_directory(const Place& place, const struct ::stat& status);
    SharedDirectory parent_of(const Place& place) { return directories_.open(place.parent); }
    std::optional<struct ::stat> status_of(const Place& place);
    std::optional<LowerLayers::Node> find_lower(const Place& place);
    std::string path_of(const Place& place) const;
    void forget_paths() noexcept;

    // unpacker_replace.cc: what was there before, in this layer or below
    void settle();
    void run_link(const PendingLink& link);
    [[noreturn]] void fail_link(const Place& target, const char* what) const;
    void clear_way(const Place& place);
    void remove(const Place& place, const struct ::stat& status);
    void hide(const Place& place);
    void make_opaque(DirectoryId id);
    void remove_foreign(DirectoryId id);
    void ensure_lower(const Place& place);
    void copy_up(const Place& place);
    void copy_up_regular(const Place& place, const LowerLayers::Node& source);
    void drop_copy_if_hidden(const Place& place);
    void copy_xattrs(const LowerLayers::Node& source, const Place& place);

    // unpacker_finish.cc: at the end
    void finish();
    void drop_hidden_copies();
    void drop_needless_directories();
    void make_whiteouts();
    void make_whiteout(const Place& place);
    void hide_lower_root();
    void inherit_root();
    void finish_directory(DirectoryId id);
    void set_pending_xattrs();
    void inherit_xattrs(DirectoryId id);

    bool is_overlay() const noexcept { return options_.form != LayerForm::merged; }
    bool has_lower() const noexcept { return is_overlay() && lower_.exist(); }
    bool needs_chown(uid_t uid, gid_t gid) const noexcept;

    const ApplyOptions& options_;
    std::string opaque_xattr_;
    WriterPool& writers_;
    LayerTree tree_;
    DirectoryCache directories_;
    LowerLayers lower_;
    LeafSettings settings_;
    bool has_own_umask_ = false;
    bool root_is_explicit_ = false;
    /// Of directories, for the very end: what is made in them would inherit an ACL.
    std::vector<PendingXattr> pending_xattrs_;
    size_t pending_xattr_bytes_ = 0;
    std::vector<PendingLink> pending_links_;
    /// Files of the lower layers that are here only because something is linked to them.
    std::set<std::pair<DirectoryId, std::string>> copies_;
    uint64_t entries_ = 0;
    uint64_t made_ = 1;
    uint64_t file_bytes_ = 0;

    // The directory of the last member, as its path was written: the next one is mostly there too.
    std::string last_prefix_;
    std::optional<DirectoryId> last_parent_;
    bool followed_link_ = false;
};

DirectoryMetadata metadata_of(const oci::LayerEntry& entry) noexcept;
DirectoryMetadata metadata_of(const struct ::stat& status) noexcept;

/// The settings that hold for all leaves of a layer.
LeafSettings leaf_settings(const ApplyOptions& options) noexcept;

}  // namespace nau::storage
