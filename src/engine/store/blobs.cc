#include "engine/store/blobs.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/error.h"
#include "engine/engine.h"
#include "engine/image/archive_output.h"
#include "storage/gc/graph.h"
#include "storage/lock.h"
#include "storage/store.h"
#include "sys/file.h"

namespace nau::engine {

namespace {

constexpr size_t kMinPrefix = 4;
constexpr size_t kReadBytes = size_t{1} << 20U;

std::set<storage::gc::Node> reachable(Engine& engine, storage::Store& store) {
    storage::gc::Graph graph(store);
    std::set<storage::gc::Node> marked;
    const auto roots = graph.read_roots({.now = engine.clock().now()});
    storage::gc::mark(
        roots, [&](const storage::gc::Node& node) { return graph.references(node); }, marked);
    return marked;
}

bool is_reached(const std::set<storage::gc::Node>& marked,
                storage::gc::NodeKind kind,
                const oci::Digest& digest) {
    return marked.contains({.kind = kind, .key = digest.to_string()});
}

}  // namespace

std::vector<BlobSummary> list_blobs(Engine& engine) {
    storage::Store& store = engine.store_for_reading();
    const auto marked = reachable(engine, store);
    std::vector<BlobSummary> blobs;
    for (const auto& blob : store.content().list_blobs()) {
        blobs.push_back(
            {.digest = blob.digest.to_string(),
             .size_bytes = blob.size_bytes,
             .modified = blob.modified,
             .is_partial = false,
             .is_referenced = is_reached(marked, storage::gc::NodeKind::blob, blob.digest)});
    }
    for (const auto& ingest : store.content().list_ingests()) {
        blobs.push_back(
            {.digest = ingest.digest.to_string(),
             .size_bytes = ingest.size_bytes,
             .modified = ingest.modified,
             .is_partial = true,
             .is_referenced = is_reached(marked, storage::gc::NodeKind::ingest, ingest.digest)});
    }
    std::sort(blobs.begin(), blobs.end(), [](const BlobSummary& a, const BlobSummary& b) {
        return a.digest < b.digest;
    });
    return blobs;
}

oci::Digest find_blob(Engine& engine, const std::string& digest_or_prefix) {
    storage::Store& store = engine.store_for_reading();
    if (const auto digest = oci::Digest::try_parse(digest_or_prefix)) {
        if (!store.content().has(*digest)) {
            throw Error(ErrorKind::not_found, "no blob '{}'", digest_or_prefix);
        }
        return *digest;
    }
    std::string_view prefix(digest_or_prefix);
    if (prefix.starts_with("sha256:") || prefix.starts_with("sha512:")) {
        prefix.remove_prefix(7);
    }
    std::optional<oci::Digest> found;
    if (prefix.size() >= kMinPrefix) {
        for (const auto& blob : store.content().list_blobs()) {
            if (!blob.digest.hex().starts_with(prefix)) {
                continue;
            }
            if (found) {
                throw Error(ErrorKind::invalid,
                            "'{}' is ambiguous: {}, {}",
                            digest_or_prefix,
                            *found,
                            blob.digest)
                    .with_hint("give more digits");
            }
            found = blob.digest;
        }
    }
    if (!found) {
        throw Error(ErrorKind::not_found, "no blob '{}'", digest_or_prefix)
            .with_hint("'nau content ls' lists what is here");
    }
    return *found;
}

void write_blob_to(Engine& engine, const oci::Digest& digest, const std::string& output) {
    const sys::UniqueFd blob = engine.store_for_reading().content().open_blob(digest);
    OutputFile file(output);
    oci::Hasher hasher(digest.algorithm());
    std::string buffer(kReadBytes, '\0');
    while (const size_t count = sys::read_some(blob.get(), buffer.data(), buffer.size())) {
        const std::string_view bytes = std::string_view(buffer).substr(0, count);
        hasher.update(bytes);
        file.write(bytes);
    }
    if (const auto found = hasher.finish(); found != digest) {
        throw Error(ErrorKind::corrupt, "blob {}: its bytes have digest {}", digest, found)
            .with_hint("pull the image again");
    }
    file.commit();
}

void remove_blob(Engine& engine, const std::string& digest_or_prefix, bool is_forced) {
    storage::Store& store = engine.store_for_writing();
    const oci::Digest digest = find_blob(engine, digest_or_prefix);
    const auto lock = storage::StoreLock::acquire(store.paths(), storage::LockMode::exclusive);
    // Whoever wants the blob writes its lease first, and so is before this transaction or after it.
    storage::Transaction tx(store.db());
    if (!is_forced && is_reached(reachable(engine, store), storage::gc::NodeKind::blob, digest)) {
        throw Error(ErrorKind::in_use,
                    "blob {} is part of an image, or a container or lease needs it",
                    digest)
            .with_hint("'nau rmi' removes images with their blobs");
    }
    (void)store.content().remove_blob(digest);  // false: somebody else was faster
    tx.commit(storage::Durability::relaxed);
}

}  // namespace nau::engine
