#include "storage/rebuild/copies.h"

#include <fcntl.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/fail_point.h"
#include "base/json.h"
#include "base/log.h"
#include "sys/file.h"

namespace nau::storage {

namespace {

using json::Field;
using json::Value;

constexpr size_t kMaxImageListBytes = size_t{256} << 20U;
constexpr size_t kMaxContainerBytes = size_t{64} << 20U;
constexpr std::string_view kSuffix = ".json";

int64_t to_number(Time time) {
    return time.time_since_epoch().count();
}

Time to_time(int64_t nanoseconds) {
    return Time(std::chrono::nanoseconds(nanoseconds));
}

template <typename Digest>
Value text_or_null(const std::optional<Digest>& digest) {
    return digest ? Value(digest->to_string()) : Value(nullptr);
}

template <typename Digest>
std::optional<Digest> digest_of(const Field& object, const char* name) {
    const std::string text = object.string_or(name, "");
    return text.empty() ? std::nullopt : std::optional(Digest::parse(text));
}

Value to_json(const Image& image) {
    return {{"namespace", image.name_space},
            {"name", image.name},
            {"mediaType", image.target.media_type},
            {"digest", image.target.digest.to_string()},
            {"size", image.target.size_bytes},
            {"created", to_number(image.created)},
            {"updated", to_number(image.updated)},
            {"manifestDigest", text_or_null(image.manifest_digest)},
            {"imageId", text_or_null(image.image_id)},
            {"chainId", text_or_null(image.chain_id)},
            {"platform", image.platform},
            {"sizeBytes", image.size_bytes},
            {"imageCreated",
             image.image_created ? Value(to_number(*image.image_created)) : Value(nullptr)},
            {"labels", image.labels}};
}

Image parse_image(const Field& object) {
    Image image{.name_space = object.at("namespace").as_string(),
                .name = object.at("name").as_string(),
                .target = {.media_type = object.at("mediaType").as_string(),
                           .digest = oci::Digest::parse(object.at("digest").as_string()),
                           .size_bytes = object.at("size").as_uint64()}};
    image.created = to_time(object.at("created").as_int64());
    image.updated = to_time(object.at("updated").as_int64());
    image.manifest_digest = digest_of<oci::Digest>(object, "manifestDigest");
    image.image_id = digest_of<oci::Digest>(object, "imageId");
    image.chain_id = digest_of<oci::ChainId>(object, "chainId");
    image.platform = object.string_or("platform", "");
    image.size_bytes = object.at("sizeBytes").as_uint64();
    if (const auto created = object.find("imageCreated")) {
        image.image_created = to_time(created->as_int64());
    }
    image.labels = object.at("labels").as_string_map();
    return image;
}

Value to_json(const Snapshot& layer) {
    const auto number_or_null = [](const std::optional<uint64_t>& number) {
        return number ? Value(*number) : Value(nullptr);
    };
    return {{"number", layer.number},
            {"chainId", layer.key.to_string()},
            {"parent", text_or_null(layer.parent)},
            {"created", to_number(layer.created)},
            {"sizeBytes", number_or_null(layer.size_bytes)},
            {"inodes", number_or_null(layer.inodes)},
            {"labels", layer.labels}};
}

Snapshot parse_layer(const Field& object) {
    Snapshot layer{.key = SnapshotKey(oci::ChainId::parse(object.at("chainId").as_string())),
                   .kind = SnapshotKind::committed};
    const auto optional_number = [&](const char* name) -> std::optional<uint64_t> {
        const auto field = object.find(name);
        return field ? std::optional(field->as_uint64()) : std::nullopt;
    };
    layer.number = object.at("number").as_int64();
    layer.parent = digest_of<oci::ChainId>(object, "parent");
    layer.created = to_time(object.at("created").as_int64());
    layer.size_bytes = optional_number("sizeBytes");
    layer.inodes = optional_number("inodes");
    layer.labels = object.at("labels").as_string_map();
    return layer;
}

Value to_json(const ContainerCopy& copy) {
    const Container& container = copy.container;
    return {{"id", container.id.to_string()},
            {"namespace", container.name_space},
            {"name", container.name},
            {"imageName", container.image_name},
            {"imageId", text_or_null(container.image_id)},
            {"manifestDigest", text_or_null(container.manifest_digest)},
            {"command", container.command},
            {"created", to_number(container.created)},
            {"networks", container.networks},
            {"mounts", container.mounts},
            {"labels", container.labels},
            {"config", container.config},
            {"spec", container.spec},
            {"snapshot", copy.snapshot_number},
            {"parent", text_or_null(copy.parent)},
            {"volumes", copy.volumes}};
}

ContainerCopy parse_container(const Field& object) {
    ContainerCopy copy{.container = Container{ContainerSummary{
                           .id = ContainerId::parse(object.at("id").as_string())}}};
    Container& container = copy.container;
    container.name_space = object.at("namespace").as_string();
    container.name = object.at("name").as_string();
    container.image_name = object.at("imageName").as_string();
    container.image_id = digest_of<oci::Digest>(object, "imageId");
    container.manifest_digest = digest_of<oci::Digest>(object, "manifestDigest");
    container.command = object.at("command").as_string_list();
    container.created = to_time(object.at("created").as_int64());
    container.networks = object.at("networks").as_string_list();
    container.mounts = object.at("mounts").as_string_list();
    container.labels = object.at("labels").as_string_map();
    container.config = object.at("config").as_string();
    container.spec = object.at("spec").as_string();
    container.snapshot_key = container.id.to_string();
    copy.snapshot_number = object.at("snapshot").as_int64();
    copy.parent = digest_of<oci::ChainId>(object, "parent");
    copy.volumes = object.at("volumes").as_string_list();
    return copy;
}

std::optional<ContainerId> id_of_file(std::string_view name) {
    return name.ends_with(kSuffix)
               ? ContainerId::try_parse(name.substr(0, name.size() - kSuffix.size()))
               : std::nullopt;
}

}  // namespace

void write_image_copies(const Paths& paths, const std::vector<Image>& images) {
    Value list = Value::array();
    for (const auto& image : images) {
        list.push_back(to_json(image));
    }
    const std::string text = json::to_text(Value{{"version", 1}, {"images", std::move(list)}});
    if (sys::read_file_if_exists(paths.image_copies(), kMaxImageListBytes) == text) {
        return;
    }
    NAU_FAIL_POINT("rebuild.write_images.before");
    sys::write_file_atomic(paths.image_copies(), text, 0600, sys::Durability::relaxed);
}

std::vector<Image> read_image_copies(const Paths& paths) {
    std::vector<Image> images;
    const auto text = sys::read_file_if_exists(paths.image_copies(), kMaxImageListBytes);
    if (!text) {
        return images;
    }
    try {
        const Value value = json::parse(*text, "list of images");
        for (const auto& element : value.at("images")) {
            images.push_back(parse_image(Field(element, "images")));
        }
    } catch (const std::exception& error) {
        NAU_LOG_WARN("{}: {}, ignoring the rest", paths.image_copies().string(), error.what());
    }
    return images;
}

void write_layer_copies(const Paths& paths,
                        const std::vector<Snapshot>& layers,
                        std::string_view boot_id) {
    Value list = Value::array();
    for (const auto& layer : layers) {
        list.push_back(to_json(layer));
    }
    const std::string text =
        json::to_text(Value{{"version", 1}, {"bootId", boot_id}, {"layers", std::move(list)}});
    if (sys::read_file_if_exists(paths.layer_copies(), kMaxImageListBytes) == text) {
        return;
    }
    NAU_FAIL_POINT("rebuild.write_layers.before");
    sys::write_file_atomic(paths.layer_copies(), text, 0600, sys::Durability::relaxed);
}

std::vector<Snapshot> read_layer_copies(const Paths& paths, std::string_view boot_id) {
    std::vector<Snapshot> layers;
    const auto text = sys::read_file_if_exists(paths.layer_copies(), kMaxImageListBytes);
    if (!text) {
        return layers;
    }
    try {
        const Value value = json::parse(*text, "list of layers");
        if (value.at("bootId") != boot_id) {
            return layers;
        }
        for (const auto& element : value.at("layers")) {
            layers.push_back(parse_layer(Field(element, "layers")));
        }
    } catch (const std::exception& error) {
        NAU_LOG_WARN("{}: {}, ignoring the rest", paths.layer_copies().string(), error.what());
    }
    return layers;
}

void write_container_copy(const Paths& paths, const ContainerCopy& copy) {
    const auto path = paths.container_copy(copy.container.id);
    constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW;
    auto file = sys::UniqueFd(::open(path.c_str(), kFlags | O_CLOEXEC, 0600));
    if (!file) {
        sys::make_directories(paths.container_copies(), 0700);  // a store of an older nau
        file = sys::open(path, kFlags, 0600);
    }
    sys::write_all(file.get(), json::to_text(to_json(copy)));
}

std::vector<ContainerCopy> read_container_copies(const Paths& paths) {
    std::vector<ContainerCopy> copies;
    const auto entries = sys::list_directory_if_exists(paths.container_copies());
    for (const auto& entry : entries ? *entries : std::vector<sys::DirEntry>{}) {
        const auto id = id_of_file(entry.name);
        if (!id) {
            continue;
        }
        try {
            const Value value = json::parse(
                sys::read_file(paths.container_copy(*id), kMaxContainerBytes), "container");
            copies.push_back(parse_container(Field(value, "container")));
        } catch (const Error& error) {
            NAU_LOG_WARN("container {} cannot be recovered: {}", id->short_id(), error.text());
        }
    }
    return copies;
}

void remove_container_copy(const Paths& paths, const ContainerId& id) {
    (void)sys::unlink_if_exists(paths.container_copy(id));
}

void remove_orphaned_copies(const Paths& paths, Containers& containers) {
    // First the files, then the rows: a row is committed before its file is written.
    const auto entries = sys::list_directory_if_exists(paths.container_copies());
    for (const auto& entry : entries ? *entries : std::vector<sys::DirEntry>{}) {
        const auto id = id_of_file(entry.name);
        if (id && !containers.find_state(*id)) {
            remove_container_copy(paths, *id);
        }
    }
}

}  // namespace nau::storage
