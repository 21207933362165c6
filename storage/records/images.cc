#include "storage/records/images.h"

#include <set>

#include <fmt/format.h>

#include "base/error.h"
#include "base/parse.h"
#include "storage/records/columns.h"
#include "storage/records/json_text.h"

namespace nau::storage {

namespace {

#define NAU_IMAGE_COLUMNS                                                                     \
    "namespace, name, media_type, digest, size, created, updated, manifest_digest, image_id," \
    " chain_id, platform, size_bytes, image_created, labels"

Image read_row(const Statement& row) {
    Image image{.name_space = row.string(0),
                .name = row.string(1),
                .target = {.media_type = row.string(2),
                           .digest = oci::Digest::parse(row.text(3)),
                           .size_bytes = static_cast<uint64_t>(row.integer(4))}};
    image.created = to_time(row.integer(5));
    image.updated = to_time(row.integer(6));
    image.manifest_digest = digest_column<oci::Digest>(row, 7);
    image.image_id = digest_column<oci::Digest>(row, 8);
    image.chain_id = digest_column<oci::ChainId>(row, 9);
    image.platform = row.string(10);
    image.size_bytes = static_cast<uint64_t>(row.integer(11));
    image.image_created = to_time(row.optional_integer(12));
    image.labels = decode_labels(row.text(13));
    return image;
}

std::vector<Image> read_all(Statement& select) {
    std::vector<Image> images;
    while (select.step()) {
        images.push_back(read_row(select));
    }
    return images;
}

/// One name per image id; images without a known id count by their target.
void refuse_ambiguous(std::string_view prefix, const std::vector<Image>& images) {
    std::set<std::string> ids;
    for (const auto& image : images) {
        ids.insert(image.image_id.value_or(image.target.digest).to_string());
    }
    if (ids.size() > 1) {
        throw Error(
            ErrorKind::invalid, "image id '{}' is ambiguous: {}", prefix, fmt::join(ids, ", "))
            .with_hint("give more digits");
    }
}

}  // namespace

void Images::put(Transaction& tx, const Image& image) {
    ensure_namespace(tx, image.name_space, image.updated);
    tx.db().note_changed_images();
    Statement insert(
        tx.db(),
        "INSERT INTO images (" NAU_IMAGE_COLUMNS
        ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"
        " ON CONFLICT (namespace, name) DO UPDATE SET media_type = ?3, digest = ?4, size = ?5,"
        " updated = ?7, manifest_digest = ?8, image_id = ?9, chain_id = ?10, platform = ?11,"
        " size_bytes = ?12, image_created = ?13, labels = ?14");
    insert.bind(1, image.name_space)
        .bind(2, image.name)
        .bind(3, image.target.media_type)
        .bind(4, image.target.digest.to_string())
        .bind(5, static_cast<int64_t>(image.target.size_bytes))
        .bind(6, to_column(image.created))
        .bind(7, to_column(image.updated))
        .bind(8, to_column(image.manifest_digest))
        .bind(9, to_column(image.image_id))
        .bind(10, to_column(image.chain_id))
        .bind(11, image.platform)
        .bind(12, static_cast<int64_t>(image.size_bytes))
        .bind(13, to_column(image.image_created))
        .bind(14, encode_labels(image.labels))
        .run();
}

std::optional<Image> Images::find(std::string_view name_space, std::string_view name) {
    Statement select(db_,
                     "SELECT " NAU_IMAGE_COLUMNS " FROM images WHERE namespace = ?1 AND name = ?2");
    select.bind(1, name_space).bind(2, name);
    return select.step() ? std::optional(read_row(select)) : std::nullopt;
}

Image Images::get(std::string_view name_space, std::string_view name) {
    auto image = find(name_space, name);
    if (!image) {
        throw Error(ErrorKind::not_found, "no image '{}'", name);
    }
    return *std::move(image);
}

std::vector<Image> Images::find_by_id(std::string_view name_space, std::string_view prefix) {
    constexpr std::string_view kAlgorithm = "sha256:";
    constexpr size_t kFullLength = 64;
    const std::string_view hex =
        prefix.starts_with(kAlgorithm) ? prefix.substr(kAlgorithm.size()) : prefix;
    if (hex.empty() || hex.size() > kFullLength ||
        hex.find_first_not_of("0123456789abcdef") != hex.npos) {
        return {};
    }
    // Few rows, and asked once per command: no index. 'g' is past every digit.
    Statement select(db_,
                     "SELECT " NAU_IMAGE_COLUMNS
                     " FROM images WHERE namespace = ?1 AND ((image_id >= ?2 AND image_id < ?3)"
                     " OR digest = ?2 OR manifest_digest = ?2"
                     " OR (image_id IS NULL AND digest >= ?2 AND digest < ?3)) ORDER BY seq DESC");
    const std::string lowest = fmt::format("{}{}", kAlgorithm, hex);
    select.bind(1, name_space).bind(2, lowest).bind(3, lowest + "g");
    auto images = read_all(select);
    refuse_ambiguous(prefix, images);
    return images;
}

std::vector<Image> Images::list(std::string_view name_space) {
    Statement select(
        db_, "SELECT " NAU_IMAGE_COLUMNS " FROM images WHERE namespace = ?1 ORDER BY seq DESC");
    select.bind(1, name_space);
    return read_all(select);
}

bool Images::remove(Transaction& tx, std::string_view name_space, std::string_view name) {
    tx.db().note_changed_images();
    Statement remove(tx.db(), "DELETE FROM images WHERE namespace = ?1 AND name = ?2");
    remove.bind(1, name_space).bind(2, name).run();
    return tx.db().changes() > 0;
}

}  // namespace nau::storage
