#include "engine/image/push_image.h"

#include <algorithm>
#include <exception>
#include <map>
#include <mutex>
#include <span>
#include <thread>
#include <unistd.h>

#include <fmt/core.h>

#include "base/error.h"
#include "base/log.h"
#include "engine/engine.h"
#include "engine/image/image_name.h"
#include "engine/image/images.h"
#include "engine/image/registry_access.h"
#include "engine/system/record_event.h"
#include "oci/registry/upload.h"
#include "storage/store.h"
#include "sys/unique_fd.h"

namespace nau::engine {

namespace {

/// The display knows in which direction.
constexpr LayerStage kOnItsWay = LayerStage::downloading;

constexpr std::string_view kRegistryTransport = "docker://";

/// Repositories of the same registry that have a blob, as far as the images here tell.
using MountSources = std::map<oci::Digest, std::string>;

MountSources find_mount_sources(Engine& engine, const oci::Reference& destination) {
    storage::Store& store = engine.store_for_reading();
    MountSources sources;
    for (const auto& record : store.records().images.list(engine.name_space())) {
        const auto name = reference_of_record(record.name);
        if (!name || name->registry() != destination.registry() ||
            name->repository() == destination.repository() || !record.manifest_digest ||
            !store.content().has(*record.manifest_digest)) {
            continue;
        }
        try {
            const oci::Manifest manifest = oci::parse_manifest(
                store.content().read_blob(*record.manifest_digest, oci::kMaxManifestBytes), "");
            for (const auto& layer : manifest.layers) {
                sources.emplace(layer.digest, name->repository());
            }
        } catch (const Error& error) {
            NAU_LOG_DEBUG("image {}: {}, ignoring it", record.name, error.text());
        }
    }
    return sources;
}

/// The blobs of one push, and who sends which.
class BlobSession {
  public:
    BlobSession(oci::RegistryUploader& uploader,
                storage::ContentStore& content,
                ImageOrigin& origin,
                MountSources sources,
                PullProgress* progress,
                std::stop_token outer)
        : uploader_(uploader),
          content_(content),
          origin_(origin),
          sources_(std::move(sources)),
          progress_(progress),
          outer_stop_(outer, [this] { stop_.request_stop(); }) {}

    /// Sends all of them. @throws the first failure of its own
    void run(std::span<const oci::Descriptor> blobs, unsigned workers);

  private:
    void run_worker() noexcept;
    void send(const oci::Descriptor& blob);
    oci::PutResult put(const oci::Descriptor& blob);
    void report(const oci::Descriptor& blob, LayerStage stage, uint64_t done);

    oci::RegistryUploader& uploader_;
    storage::ContentStore& content_;
    ImageOrigin& origin_;
    MountSources sources_;
    PullProgress* progress_;
    std::stop_source stop_;
    std::stop_callback<std::function<void()>> outer_stop_;
    std::mutex mutex_;  // guards what follows
    std::span<const oci::Descriptor> waiting_;
    std::exception_ptr cause_;
};

void BlobSession::report(const oci::Descriptor& blob, LayerStage stage, uint64_t done) {
    if (progress_ != nullptr) {
        progress_->layer(blob.digest.short_id(), stage, done, blob.size_bytes);
    }
}

size_t read_at(int fd, uint64_t offset, std::span<char> buffer, const oci::Digest& digest) {
    const ssize_t count = sys::retry(
        [&] { return ::pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(offset)); });
    if (count < 0) {
        throw SysError(errno, "read blob {}", digest);
    }
    if (count == 0) {
        throw Error(ErrorKind::corrupt, "blob {} is shorter than it should be", digest)
            .with_hint("'nau fsck --repair' fetches it again");
    }
    return static_cast<size_t>(count);
}

oci::PutResult BlobSession::put(const oci::Descriptor& blob) {
    sys::UniqueFd file;
    const auto source = sources_.find(blob.digest);
    return uploader_.put_blob({.digest = blob.digest,
                               .size_bytes = blob.size_bytes,
                               .mounts_from = source == sources_.end() ? "" : source->second,
                               .open =
                                   [&] {
                                       origin_.ensure_blob(blob);
                                       file = content_.open_blob(blob.digest);
                                       report(blob, kOnItsWay, 0);
                                   },
                               .read =
                                   [&](uint64_t offset, std::span<char> buffer) {
                                       return read_at(file.get(), offset, buffer, blob.digest);
                                   },
                               .on_progress = [&](uint64_t sent) { report(blob, kOnItsWay, sent); },
                               .stop = stop_.get_token()});
}

void BlobSession::send(const oci::Descriptor& blob) {
    if (stop_.stop_requested()) {
        throw Error(ErrorKind::interrupted, "stopped");
    }
    report(blob, LayerStage::waiting, 0);
    if (uploader_.has_blob(blob.digest)) {
        report(blob, LayerStage::already_there, blob.size_bytes);
        return;
    }
    const bool is_mounted = put(blob) == oci::PutResult::mounted;
    report(blob, is_mounted ? LayerStage::already_there : LayerStage::done, blob.size_bytes);
}

void BlobSession::run_worker() noexcept {
    while (true) {
        const oci::Descriptor* blob = nullptr;
        {
            const std::lock_guard lock(mutex_);
            if (waiting_.empty()) {
                return;
            }
            blob = &waiting_.front();
            waiting_ = waiting_.subspan(1);
        }
        try {
            send(*blob);
        } catch (...) {
            const std::lock_guard lock(mutex_);
            // Those that were stopped fail too, and say only that.
            if (!cause_) {
                cause_ = std::current_exception();
            }
            waiting_ = {};
            stop_.request_stop();
        }
    }
}

void BlobSession::run(std::span<const oci::Descriptor> blobs, unsigned workers) {
    if (blobs.empty()) {
        return;
    }
    // The last is a config, small: it gets the token for all, and a refusal is said once.
    send(blobs.back());
    waiting_ = blobs.first(blobs.size() - 1);
    {
        std::vector<std::jthread> threads;
        for (size_t i = 0; i < std::min<size_t>(workers, blobs.size() - 1); ++i) {
            threads.emplace_back([this] { run_worker(); });
        }
    }
    if (cause_) {
        std::rethrow_exception(cause_);
    }
}

// --- the destination

oci::Reference destination_of(const PushOptions& options, const storage::Image& record) {
    std::string_view text = options.destination;
    if (text.empty()) {
        const auto name = reference_of_record(record.name);
        // Asked for by its id, it has a name by chance.
        const bool is_by_id =
            record.image_id &&
            record.image_id->to_string().starts_with(
                options.image.starts_with("sha256:") ? options.image : "sha256:" + options.image);
        if (!name || is_by_id) {
            throw Error(ErrorKind::invalid, "'{}' does not say where to push to", options.image)
                .with_hint(fmt::format("name the place: nau push {} REGISTRY/NAME", options.image));
        }
        return *name;
    }
    if (text.starts_with(kRegistryTransport)) {
        text.remove_prefix(kRegistryTransport.size());
    }
    for (const std::string_view transport : {"docker-daemon:", "containers-storage:", "ostree:"}) {
        if (text.starts_with(transport)) {
            throw Error(ErrorKind::unsupported, "nau does not push to {}", transport)
                .with_hint("oci:, oci-archive:, docker-archive: and dir: name files");
        }
    }
    return oci::parse_reference(text);
}

/// The name of the last manifest in the repository.
std::string name_at(const oci::Reference& destination, const oci::Descriptor& manifest) {
    if (!destination.digest()) {
        return *destination.tag();
    }
    if (*destination.digest() != manifest.digest) {
        throw Error(ErrorKind::invalid,
                    "the image has digest {}, and cannot be pushed as {}",
                    manifest.digest,
                    *destination.digest());
    }
    return destination.tag().value_or(manifest.digest.to_string());
}

unsigned count_workers(unsigned wanted) {
    return wanted != 0 ? wanted : std::clamp(std::thread::hardware_concurrency(), 3U, 6U);
}

PushResult push_record(Engine& engine,
                       const storage::Image& record,
                       const oci::Reference& destination,
                       const PushOptions& options,
                       PullProgress* progress,
                       const std::stop_token& stop) {
    ImageLease lease(engine, "push");
    ImageOrigin origin(engine, record, options.registry, stop);
    const PushPlan plan =
        plan_push(engine, record, options.selection, options.conversion, origin, lease);
    const oci::Descriptor& root = plan.manifests.back().descriptor;
    const std::string name = name_at(destination, root);
    const auto uploader = oci::make_registry_uploader(
        client_options(engine, options.registry, RegistryUse::write, progress, stop), destination);
    BlobSession(*uploader,
                engine.store_for_reading().content(),
                origin,
                find_mount_sources(engine, destination),
                progress,
                stop)
        .run(plan.blobs, count_workers(options.max_concurrent_uploads));
    for (const auto& manifest : plan.manifests) {
        const bool is_last = &manifest == &plan.manifests.back();
        uploader->put_manifest(is_last ? name : manifest.descriptor.digest.to_string(),
                               manifest.descriptor,
                               manifest.bytes);
    }
    record_event(engine,
                 {.type = events::EventType::image,
                  .action = "push",
                  .id = record.image_id ? std::string(record.image_id->hex()) : "",
                  .name = destination.to_string(),
                  .image = {},
                  .attributes = {}});
    return {.reference = destination, .digest = root.digest};
}

}  // namespace

PushResult push_image(Engine& engine,
                      const PushOptions& options,
                      PullProgress* progress,
                      std::stop_token stop) {
    const auto record = find_image_record(engine, options.image);
    if (!record) {
        throw Error(ErrorKind::not_found, "no image '{}'", options.image)
            .with_hint("'nau images' lists what is here");
    }
    const oci::Reference destination = destination_of(options, *record);
    const ProgressScope scope(progress);
    return doing([&] { return fmt::format("pushing {}", destination); },
                 [&] {
                     if (progress != nullptr) {
                         progress->message(fmt::format("Pushing {}...", destination));
                     }
                     return push_record(engine, *record, destination, options, progress, stop);
                 });
}

std::vector<std::string> list_local_tags(Engine& engine, const std::string& repository) {
    const oci::Reference wanted = oci::parse_reference(repository);
    std::vector<std::string> names;
    for (const auto& record :
         engine.store_for_reading().records().images.list(engine.name_space())) {
        const auto name = reference_of_record(record.name);
        if (name && name->tag() && name->name() == wanted.name()) {
            names.push_back(record.name);
        }
    }
    if (names.empty()) {
        throw Error(ErrorKind::not_found, "no image of repository '{}'", repository);
    }
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace nau::engine
