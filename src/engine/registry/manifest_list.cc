#include "engine/registry/manifest_list.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/error.h"
#include "base/parse.h"
#include "engine/engine.h"
#include "engine/image/image_name.h"
#include "engine/image/images.h"
#include "engine/image/pull_image.h"
#include "engine/image/registry_access.h"
#include "engine/image/store_image.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "oci/media_type.h"
#include "oci/platform.h"
#include "storage/store.h"

namespace nau::engine {

namespace {

namespace types = oci::media_type;

constexpr std::string_view kRegistryTransport = "docker://";
constexpr std::string_view kStoreTransport = "containers-storage:";

struct List {
    std::string name;
    oci::Index index;
};

bool is_list(const storage::Image& record) {
    return oci::is_index(record.target.media_type) && !record.manifest_digest;
}

storage::Image get_record(Engine& engine, const std::string& name) {
    auto record = find_image_record(engine, name);
    if (!record) {
        throw Error(ErrorKind::not_found, "no manifest list '{}'", name)
            .with_hint(fmt::format("make it: nau manifest create {}", name));
    }
    if (!is_list(*record)) {
        throw Error(ErrorKind::invalid, "'{}' is an image and no manifest list", name)
            .with_hint("a list of it is made by 'nau manifest create NAME IMAGE'");
    }
    return *std::move(record);
}

List load(Engine& engine, const std::string& name) {
    const storage::Image record = get_record(engine, name);
    const std::string bytes = engine.store_for_reading().content().read_blob(
        record.target.digest, oci::kMaxManifestBytes);
    return {.name = record.name, .index = oci::parse_index(bytes, record.target.media_type)};
}

/// An index of docker's manifests only is docker's list: else its tools would not read it.
void choose_family(oci::Index& index) {
    const bool is_docker =
        !index.manifests.empty() && index.annotations.empty() &&
        std::all_of(index.manifests.begin(), index.manifests.end(), [](const auto& each) {
            return each.media_type == types::kDockerManifest && each.annotations.empty();
        });
    index.media_type = is_docker ? types::kDockerManifestList : types::kImageIndex;
}

oci::Digest save(Engine& engine, ImageLease& lease, List list) {
    choose_family(list.index);
    const std::string bytes = oci::to_json_text(list.index);
    const oci::Descriptor descriptor{.media_type = list.index.media_type,
                                     .digest = oci::digest_of(bytes),
                                     .size_bytes = bytes.size()};
    lease.add({&descriptor.digest, 1});
    storage::Store& store = engine.store_for_writing();
    store.content().write_blob(descriptor, bytes);
    const Time now = engine.clock().now();
    storage::Transaction tx(store.db());
    store.records().images.put(tx,
                               {.name_space = engine.name_space(),
                                .name = list.name,
                                .target = descriptor,
                                .created = now,
                                .updated = now});
    tx.commit(storage::Durability::durable);
    return descriptor.digest;
}

void add_annotations(oci::Annotations& target, const std::vector<std::string>& words) {
    for (const auto& word : words) {
        const auto parts = split_once(word, '=');
        if (!parts || parts->first.empty()) {
            throw Error(ErrorKind::invalid, "annotation '{}' is not KEY=VALUE", word);
        }
        target[std::string(parts->first)] = parts->second;
    }
}

void apply(oci::Descriptor& entry, const ListEntryOptions& options) {
    oci::Platform platform = entry.platform.value_or(oci::Platform{});
    const auto change = [](std::string& target, const std::string& value) {
        if (!value.empty()) {
            target = value;
        }
    };
    change(platform.os, options.os);
    change(platform.architecture, options.arch);
    change(platform.variant, options.variant);
    change(platform.os_version, options.os_version);
    if (!options.os_features.empty()) {
        platform.os_features = options.os_features;
    }
    if (platform != oci::Platform{}) {
        entry.platform = platform;
    }
    add_annotations(entry.annotations, options.annotations);
}

// --- images on their way into a list

class Collector {
  public:
    Collector(Engine& engine,
              ImageLease& lease,
              const ListImages& request,
              PullProgress* progress,
              std::stop_token stop)
        : engine_(engine),
          lease_(lease),
          request_(request),
          progress_(progress),
          stop_(std::move(stop)) {}

    std::vector<oci::Descriptor> collect(const std::string& image) {
        std::string name = image;
        const bool is_remote = name.starts_with(kRegistryTransport);
        if (is_remote) {
            name.erase(0, kRegistryTransport.size());
        } else if (name.starts_with(kStoreTransport)) {
            name.erase(0, kStoreTransport.size());
        }
        const auto record = is_remote ? std::nullopt : find_image_record(engine_, name);
        return record ? of_record(*record) : of_registry(name);
    }

  private:
    oci::RegistryClient& client() {
        if (!client_) {
            client_ = oci::make_registry_client(
                client_options(engine_, request_.registry, RegistryUse::read, progress_, stop_));
        }
        return *client_;
    }

    std::vector<oci::Descriptor> of_record(const storage::Image& record) {
        auto& content = engine_.store_for_reading().content();
        const auto name = reference_of_record(record.name);
        const bool takes_target = !record.manifest_digest || request_.is_all;
        const oci::Digest& digest = takes_target ? record.target.digest : *record.manifest_digest;
        lease_.add({&digest, 1});
        std::string bytes = content.read_blob(digest, oci::kMaxManifestBytes);
        if (takes_target && oci::is_index(record.target.media_type)) {
            return of_index(name, oci::parse_index(bytes, record.target.media_type));
        }
        return {of_manifest(name, std::move(bytes), takes_target ? record.target.media_type : "")};
    }

    std::vector<oci::Descriptor> of_registry(const std::string& word) {
        const oci::Reference name = pull_references(engine_, word).front();
        oci::FetchedManifest document = client().get_manifest(name);
        if (!oci::is_index(document.media_type)) {
            return {of_manifest(name, std::move(document.bytes), document.media_type)};
        }
        const oci::Index index = oci::parse_index(document.bytes, document.media_type);
        if (request_.is_all) {
            return of_index(name, index);
        }
        const oci::Platform wanted = wanted_platform();
        const oci::Descriptor* chosen = oci::choose_platform(index.manifests, wanted);
        if (chosen == nullptr) {
            throw Error(ErrorKind::not_found,
                        "{} has no image for platform {}",
                        name,
                        oci::to_string(wanted))
                .with_hint("--all adds those that it has");
        }
        return {of_descriptor(name, *chosen)};
    }

    /// --os and --arch choose as well.
    oci::Platform wanted_platform() const {
        oci::Platform platform = oci::host_platform();
        if (!request_.entry.os.empty()) {
            platform.os = request_.entry.os;
        }
        if (!request_.entry.arch.empty()) {
            platform.architecture = request_.entry.arch;
            platform.variant = request_.entry.variant;
        }
        return oci::normalize(platform);
    }

    std::vector<oci::Descriptor> of_index(const std::optional<oci::Reference>& name,
                                          const oci::Index& index) {
        std::vector<oci::Descriptor> entries;
        for (const auto& each : index.manifests) {
            entries.push_back(of_descriptor(name, each));
        }
        return entries;
    }

    /// The entry stays as the index has it.
    oci::Descriptor of_descriptor(const std::optional<oci::Reference>& name,
                                  const oci::Descriptor& descriptor) {
        auto& content = engine_.store_for_reading().content();
        lease_.add({&descriptor.digest, 1});
        std::string bytes;
        if (content.has(descriptor.digest)) {
            bytes = content.read_blob(descriptor.digest, oci::kMaxManifestBytes);
        } else if (name) {
            bytes = client().get_manifest(*name, descriptor).bytes;
        } else {
            throw Error(ErrorKind::not_found, "{} is not in the store", descriptor.digest);
        }
        oci::Descriptor entry = of_manifest(name, std::move(bytes), descriptor.media_type);
        entry.platform = descriptor.platform ? descriptor.platform : entry.platform;
        entry.annotations = descriptor.annotations;
        return entry;
    }

    oci::Descriptor of_manifest(const std::optional<oci::Reference>& name,
                                std::string bytes,
                                const std::string& media_type) {
        const oci::Manifest manifest = oci::parse_manifest(bytes, media_type);
        oci::Descriptor entry{.media_type = manifest.media_type,
                              .digest = oci::digest_of(bytes),
                              .size_bytes = bytes.size(),
                              .artifact_type = manifest.artifact_type};
        lease_.add({&entry.digest, 1});
        engine_.store_for_writing().content().write_blob(entry, bytes);
        ensure(name, manifest.config);
        for (const auto& layer : manifest.layers) {
            ensure(name, layer);
        }
        if (oci::is_image_config(manifest.config.media_type)) {
            entry.platform =
                oci::parse_image_config(engine_.store_for_reading().content().read_blob(
                                            manifest.config.digest, oci::kMaxImageConfigBytes))
                    .platform;
        }
        return entry;
    }

    void ensure(const std::optional<oci::Reference>& name, const oci::Descriptor& blob) {
        const bool stays_away =
            oci::is_nondistributable_layer(blob.media_type) && !blob.urls.empty();
        if (stays_away) {
            return;
        }
        lease_.add({&blob.digest, 1});
        auto ingest = engine_.store_for_writing().content().begin_ingest(blob, stop_);
        if (!ingest) {
            return;
        }
        if (!name) {
            throw Error(ErrorKind::not_found, "{} is not in the store", blob.digest);
        }
        uint64_t done = ingest->offset();
        if (done < blob.size_bytes) {
            client().get_blob({.repository = *name,
                               .digest = blob.digest,
                               .size_bytes = blob.size_bytes,
                               .offset = done,
                               .urls = blob.urls,
                               .stop = stop_},
                              [&](std::span<const std::byte> bytes) {
                                  ingest->write(bytes);
                                  done += bytes.size();
                                  report(blob, LayerStage::downloading, done);
                              });
        }
        std::move(*ingest).commit();
        report(blob, LayerStage::done, blob.size_bytes);
    }

    void report(const oci::Descriptor& blob, LayerStage stage, uint64_t done) {
        if (progress_ != nullptr) {
            progress_->layer(blob.digest.short_id(), stage, done, blob.size_bytes);
        }
    }

    Engine& engine_;
    ImageLease& lease_;
    const ListImages& request_;
    PullProgress* progress_;
    std::stop_token stop_;
    std::unique_ptr<oci::RegistryClient> client_;
};

/// An image that is in the list already is replaced in its place.
void put_entry(oci::Index& index, oci::Descriptor entry) {
    const auto same = std::find_if(index.manifests.begin(),
                                   index.manifests.end(),
                                   [&](const auto& each) { return each.digest == entry.digest; });
    if (same != index.manifests.end()) {
        *same = std::move(entry);
    } else {
        index.manifests.push_back(std::move(entry));
    }
}

oci::Digest add_images(Engine& engine,
                       ImageLease& lease,
                       List list,
                       const ListImages& images,
                       PullProgress* progress,
                       const std::stop_token& stop) {
    const ProgressScope scope(progress);
    Collector collector(engine, lease, images, progress, stop);
    for (const auto& image : images.images) {
        doing([&] { return fmt::format("adding {} to {}", image, list.name); },
              [&] {
                  for (auto& entry : collector.collect(image)) {
                      apply(entry, images.entry);
                      put_entry(list.index, std::move(entry));
                  }
              });
    }
    return save(engine, lease, std::move(list));
}

/// A digest, or an image whose manifest stands in the list.
oci::Descriptor& find_entry(Engine& engine, List& list, const std::string& word) {
    auto digest = oci::Digest::try_parse(word);
    if (!digest) {
        if (const auto record = find_image_record(engine, word)) {
            digest = record->manifest_digest.value_or(record->target.digest);
        }
    }
    const auto found = std::find_if(list.index.manifests.begin(),
                                    list.index.manifests.end(),
                                    [&](const auto& each) { return each.digest == digest; });
    if (found == list.index.manifests.end()) {
        throw Error(ErrorKind::not_found, "'{}' is not in the manifest list {}", word, list.name)
            .with_hint(fmt::format("'nau manifest inspect {}' shows what is", list.name));
    }
    return *found;
}

}  // namespace

oci::Digest create_list(Engine& engine,
                        const std::string& name,
                        bool is_amended,
                        const ListImages& images,
                        PullProgress* progress,
                        std::stop_token stop) {
    const oci::Reference reference = oci::parse_reference(name);
    if (reference.digest()) {
        throw Error(ErrorKind::invalid, "'{}' has a digest; a new name is a tag", name);
    }
    ImageLease lease(engine, "manifest");
    List list{.name = reference.to_string(),
              .index = {.media_type = std::string(types::kImageIndex)}};
    if (find_image_record(engine, list.name)) {
        if (!is_amended) {
            throw Error(ErrorKind::already_exists, "the name '{}' is taken", list.name)
                .with_hint("--amend adds to a list that is there");
        }
        list = load(engine, list.name);
    }
    return add_images(engine, lease, std::move(list), images, progress, stop);
}

oci::Digest add_to_list(Engine& engine,
                        const std::string& name,
                        const ListImages& images,
                        PullProgress* progress,
                        std::stop_token stop) {
    ImageLease lease(engine, "manifest");
    return add_images(engine, lease, load(engine, name), images, progress, stop);
}

oci::Digest annotate_list(Engine& engine,
                          const std::string& name,
                          const std::string& entry,
                          const ListEntryOptions& options) {
    ImageLease lease(engine, "manifest");
    List list = load(engine, name);
    if (entry.empty()) {
        add_annotations(list.index.annotations, options.annotations);
    } else {
        apply(find_entry(engine, list, entry), options);
    }
    return save(engine, lease, std::move(list));
}

oci::Digest remove_from_list(Engine& engine,
                             const std::string& name,
                             const std::vector<std::string>& digests) {
    ImageLease lease(engine, "manifest");
    List list = load(engine, name);
    for (const auto& digest : digests) {
        const oci::Digest wanted = find_entry(engine, list, digest).digest;
        std::erase_if(list.index.manifests,
                      [&](const auto& each) { return each.digest == wanted; });
    }
    return save(engine, lease, std::move(list));
}

bool list_exists(Engine& engine, const std::string& name) {
    const auto record = find_image_record(engine, name);
    return record && is_list(*record);
}

std::string get_list(Engine& engine, const std::string& name) {
    return get_record(engine, name).name;
}

std::string read_list(Engine& engine,
                      const std::string& name,
                      const RegistryFlags& registry,
                      std::stop_token stop) {
    const bool is_remote = name.starts_with(kRegistryTransport);
    if (!is_remote) {
        if (const auto record = find_image_record(engine, name);
            record && oci::is_index(record->target.media_type)) {
            return engine.store_for_reading().content().read_blob(record->target.digest,
                                                                  oci::kMaxManifestBytes);
        }
    }
    const auto reference =
        pull_references(engine, is_remote ? name.substr(kRegistryTransport.size()) : name).front();
    return oci::make_registry_client(
               client_options(engine, registry, RegistryUse::read, nullptr, std::move(stop)))
        ->get_manifest(reference)
        .bytes;
}

}  // namespace nau::engine
