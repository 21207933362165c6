#include "engine/image/import_image.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include <fmt/core.h>

#include "base/error.h"
#include "engine/engine.h"
#include "engine/image/image_change.h"
#include "engine/image/store_image.h"
#include "oci/layer/decompress.h"
#include "oci/media_type.h"
#include "oci/registry/http.h"
#include "storage/content/blob_writer.h"
#include "storage/store.h"
#include "sys/file.h"

namespace nau::engine {

namespace {

constexpr size_t kReadBytes = size_t{1} << 20U;

bool is_url(const std::string& source) {
    return source.starts_with("http://") || source.starts_with("https://");
}

void check_stop(const std::stop_token& stop) {
    if (stop.stop_requested()) {
        throw Error(ErrorKind::interrupted, "stopped");
    }
}

void download(const std::string& url, storage::BlobWriter& blob, const std::stop_token& stop) {
    oci::HttpOptions options;
    options.stop = stop;
    oci::HttpClient client(std::move(options));
    oci::HttpRequest request;
    const auto parsed = oci::parse_url(url);
    if (!parsed) {
        throw Error(ErrorKind::invalid, "'{}' is no URL", url);
    }
    request.url = *parsed;
    request.sink = [&](std::span<const std::byte> bytes) { blob.write(bytes); };
    const oci::HttpResponse response = client.send(request);
    if (!response.is_success()) {
        throw Error(response.status == 404 ? ErrorKind::not_found : ErrorKind::unavailable,
                    "the server answers with status {}",
                    response.status);
    }
}

void copy_in(int fd, storage::BlobWriter& blob, const std::stop_token& stop) {
    std::vector<std::byte> buffer(kReadBytes);
    for (;;) {
        check_stop(stop);
        const size_t count =
            sys::read_some(fd, reinterpret_cast<char*>(buffer.data()), buffer.size());
        if (count == 0) {
            return;
        }
        blob.write(std::span(buffer).first(count));
    }
}

void read_source(const std::string& source,
                 storage::BlobWriter& blob,
                 const std::stop_token& stop) {
    if (is_url(source)) {
        download(source, blob, stop);
    } else if (source == "-") {
        copy_in(STDIN_FILENO, blob, stop);
    } else {
        const sys::UniqueFd file = sys::open(source, O_RDONLY);
        copy_in(file.get(), blob, stop);
    }
    if (blob.size_bytes() == 0) {
        throw Error(ErrorKind::corrupt, "it is empty");
    }
}

struct Unpacked {
    oci::Compression compression;
    oci::DiffId diff_id;
};

/// What the layer's tar is called; that it is one at all is seen when it is unpacked.
Unpacked measure(const storage::BlobWriter& blob, const std::stop_token& stop) {
    uint64_t offset = 0;
    oci::Decompressor decompressor(
        [&](std::span<std::byte> buffer) {
            const ssize_t count = sys::retry([&] {
                return ::pread(blob.fd(), buffer.data(), buffer.size(), static_cast<off_t>(offset));
            });
            if (count < 0) {
                throw SysError(errno, "read the unfinished blob");
            }
            offset += static_cast<uint64_t>(count);
            return static_cast<size_t>(count);
        },
        oci::Compression::none);
    oci::Hasher hasher;
    std::vector<std::byte> buffer(kReadBytes);
    for (;;) {
        check_stop(stop);
        const size_t count = decompressor.read(buffer);
        hasher.update(std::span<const std::byte>(buffer).first(count));
        if (count < buffer.size()) {
            return {.compression = decompressor.compression(),
                    .diff_id = oci::DiffId(hasher.finish())};
        }
    }
}

std::string_view layer_type(oci::Compression compression) noexcept {
    switch (compression) {
        case oci::Compression::none:
            return oci::media_type::kLayer;
        case oci::Compression::gzip:
            return oci::media_type::kLayerGzip;
        case oci::Compression::zstd:
            return oci::media_type::kLayerZstd;
    }
    return oci::media_type::kLayer;
}

oci::ImageConfig make_config(const ImportOptions& options, const oci::DiffId& diff_id, Time now) {
    oci::ImageConfig config;
    config.created = now;
    config.platform =
        options.platform.empty() ? oci::host_platform() : oci::parse_platform(options.platform);
    config.diff_ids = {diff_id};
    const std::string from = options.source == "-" ? "standard input" : options.source;
    config.history.push_back({.created = now,
                              .created_by = {},
                              .author = {},
                              .comment = options.message.empty()
                                             ? fmt::format("imported from {}", from)
                                             : options.message,
                              .empty_layer = false});
    apply_changes(config.config, options.changes);
    return config;
}

}  // namespace

oci::Digest import_image(Engine& engine,
                         const ImportOptions& options,
                         PullProgress* progress,
                         std::stop_token stop) {
    const auto name =
        options.name.empty() ? std::nullopt : std::optional(oci::parse_reference(options.name));
    oci::ContainerDefaults scratch;
    apply_changes(scratch, options.changes);  // mistakes are told before the work
    return doing(
        [&] {
            return fmt::format("importing {}",
                               options.source == "-" ? "standard input" : options.source);
        },
        [&] {
            const ProgressScope scope(progress);
            storage::BlobWriter blob(engine.store_for_writing().paths());
            read_source(options.source, blob, stop);
            const oci::Digest digest = blob.finish();
            const Unpacked unpacked = measure(blob, stop);
            ImageLease lease(engine, "import");
            lease.add({&digest, 1});
            blob.publish();
            ImageToStore image =
                make_image(make_config(options, unpacked.diff_id, engine.clock().now()),
                           {{.media_type = std::string(layer_type(unpacked.compression)),
                             .digest = digest,
                             .size_bytes = blob.size_bytes()}},
                           oci::media_type::kImageManifest);
            if (name) {
                image.names.push_back(*name);
            }
            image.action = "import";
            return store_image(engine, lease, image, {.progress = progress}, stop);
        });
}

}  // namespace nau::engine
