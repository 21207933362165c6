#include "storage/gc/graph.h"

#include "base/error.h"
#include "base/log.h"
#include "oci/identity.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "oci/media_type.h"
#include "storage/store.h"
#include "sys/process.h"

namespace nau::storage::gc {

namespace {

bool is_holder_alive(const Lease& lease, const std::string& boot_id) {
    return lease.boot_id == boot_id && sys::find_process(lease.holder).has_value();
}

/// What the bytes say of themselves; empty when they are neither manifest nor index.
std::string detect(std::string_view bytes) {
    try {
        return oci::detect_media_type(bytes);
    } catch (const Error&) {
        return {};
    }
}

}  // namespace

Node Graph::blob_node(const std::string& digest, std::string_view media_type) {
    if (!media_type.empty()) {
        media_types_.emplace(digest, media_type);
    }
    return {.kind = NodeKind::blob, .key = digest};
}

std::vector<Node> Graph::read_roots(const RootOptions& options) {
    std::vector<Node> roots;
    add_image_roots(roots);
    add_container_roots(roots);
    const LiveLeases leases = add_lease_roots(roots, options);
    add_snapshot_roots(roots, leases, options);
    return roots;
}

void Graph::add_image_roots(std::vector<Node>& roots) {
    Statement select(store_.db(),
                     "SELECT digest, media_type, manifest_digest, image_id, chain_id FROM images");
    while (select.step()) {
        roots.push_back(blob_node(select.string(0), select.text(1)));
        // The cache of what following the descriptor found; after a pull of one platform of an
        // index it says nothing new, but it costs nothing to believe.
        for (const int column : {2, 3}) {
            if (!select.is_null(column)) {
                roots.push_back(blob_node(select.string(column), {}));
            }
        }
        if (!select.is_null(4)) {
            roots.push_back({.kind = NodeKind::snapshot, .key = select.string(4)});
        }
    }
}

void Graph::add_container_roots(std::vector<Node>& roots) {
    Statement select(store_.db(), "SELECT manifest_digest, image_id, snapshot_key FROM containers");
    while (select.step()) {
        for (const int column : {0, 1}) {
            if (!select.is_null(column)) {
                roots.push_back(blob_node(select.string(column), {}));
            }
        }
        roots.push_back({.kind = NodeKind::snapshot, .key = select.string(2)});
    }
}

Graph::LiveLeases Graph::add_lease_roots(std::vector<Node>& roots, const RootOptions& options) {
    LiveLeases live;
    dead_leases_.clear();
    for (const auto& lease : store_.records().leases.list_all()) {
        const bool is_held = lease.holder.pid == 0 || is_holder_alive(lease, store_.boot_id());
        const bool keeps = lease.expires > options.now && (is_held || options.keeps_resumable);
        if (!keeps) {
            dead_leases_.push_back(lease.id);
            continue;
        }
        live.keeping.insert(lease.id);
        if (is_held) {
            live.held.insert(lease.id);
        }
        for (const auto& digest : store_.records().leases.blobs(lease.id)) {
            roots.push_back(blob_node(digest.to_string(), {}));
            roots.push_back({.kind = NodeKind::ingest, .key = digest.to_string()});
        }
        for (const auto& chain_id : store_.records().leases.snapshots(lease.id)) {
            roots.push_back({.kind = NodeKind::snapshot, .key = chain_id.to_string()});
        }
    }
    return live;
}

void Graph::add_snapshot_roots(std::vector<Node>& roots,
                               const LiveLeases& leases,
                               const RootOptions& options) {
    snapshots_ = store_.snapshots().list();
    parents_.clear();
    for (const auto& snapshot : snapshots_) {
        const std::string& key = snapshot.key.to_string();
        if (snapshot.parent) {
            parents_.emplace(key, snapshot.parent->to_string());
        }
        // Half an unpacked layer is worth nothing without the process that unpacks it.
        const bool is_committed = snapshot.kind == SnapshotKind::committed;
        const auto& keepers = is_committed ? leases.keeping : leases.held;
        const bool is_leased = keepers.contains(snapshot.lease);
        const bool is_new = !is_committed && snapshot.lease.empty() &&
                            snapshot.created + options.orphan_grace > options.now;
        if (is_leased || is_new) {
            roots.push_back({.kind = NodeKind::snapshot, .key = key});
        }
    }
}

std::vector<Node> Graph::references(const Node& node) {
    switch (node.kind) {
        case NodeKind::blob:
            return references_of_blob(node.key);
        case NodeKind::snapshot:
            return references_of_snapshot(node.key);
        case NodeKind::ingest:
            return {};
    }
    return {};
}

std::vector<Node> Graph::references_of_snapshot(const std::string& key) const {
    const auto parent = parents_.find(key);
    if (parent == parents_.end()) {
        return {};
    }
    return {{.kind = NodeKind::snapshot, .key = parent->second}};
}

std::vector<Node> Graph::references_of_blob(const std::string& digest_text) {
    const auto digest = oci::Digest::parse(digest_text);
    const auto known = media_types_.find(digest_text);
    std::string media_type = known == media_types_.end() ? "" : known->second;
    if (oci::is_layer(media_type)) {
        return {};
    }
    const auto size = store_.content().find_size(digest);
    if (!size || *size > oci::kMaxImageConfigBytes) {
        return {};  // absent, or nothing that has references
    }
    std::vector<Node> nodes;
    try {
        const std::string bytes = store_.content().read_blob(digest, oci::kMaxImageConfigBytes);
        if (!bytes.starts_with('{')) {
            return {};  // a layer that nobody has announced
        }
        if (!oci::is_image_config(media_type)) {
            media_type = detect(bytes);
        }
        if (oci::is_index(media_type)) {
            for (const auto& manifest : oci::parse_index(bytes, media_type).manifests) {
                nodes.push_back(blob_node(manifest.digest.to_string(), manifest.media_type));
            }
        } else if (oci::is_manifest(media_type)) {
            const oci::Manifest manifest = oci::parse_manifest(bytes, media_type);
            nodes.push_back(
                blob_node(manifest.config.digest.to_string(), manifest.config.media_type));
            for (const auto& layer : manifest.layers) {
                nodes.push_back(blob_node(layer.digest.to_string(), layer.media_type));
            }
        } else if (oci::is_image_config(media_type)) {
            const auto chain = oci::chain_ids(oci::parse_image_config(bytes).diff_ids);
            if (!chain.empty()) {
                nodes.push_back({.kind = NodeKind::snapshot, .key = chain.back().to_string()});
            }
        }
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::corrupt && error.kind() != ErrorKind::unsupported) {
            throw;  // an unreadable disk is no reason to delete things
        }
        NAU_LOG_WARN("{}, ignoring what it refers to", error.text());
    }
    return nodes;
}

}  // namespace nau::storage::gc
