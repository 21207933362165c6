#include "engine/store/create_bundle.h"

#include <climits>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "engine/engine.h"
#include "engine/image/images.h"
#include "engine/image/pull_image.h"
#include "engine/spec/spec_builder.h"
#include "oci/media_type.h"
#include "runtime/users.h"
#include "storage/layers/apply.h"
#include "storage/store.h"
#include "sys/dir_fd.h"
#include "sys/file.h"

namespace nau::engine {

namespace {

/// The directory while it is made: what is in it goes again, unless it is finished.
class Directory {
  public:
    explicit Directory(const std::string& path) : path_(path) {
        is_made_ = sys::mkdir_if_missing(path, 0755);
        if (!is_made_ && !sys::list_directory(path).empty()) {
            throw Error(ErrorKind::already_exists, "the directory '{}' is not empty", path)
                .with_hint("give one that is new or empty");
        }
    }
    ~Directory() {
        if (is_finished_) {
            return;
        }
        try {
            for (const auto& entry : sys::list_directory(path_)) {
                sys::remove_tree(path_ + "/" + entry.name);
            }
            if (is_made_) {
                sys::rmdir(path_);
            }
        } catch (const std::exception& error) {
            NAU_LOG_WARN("removing the unfinished '{}': {}, ignoring", path_, error.what());
        }
    }
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
    Directory(Directory&&) = delete;
    Directory& operator=(Directory&&) = delete;

    void finish() noexcept { is_finished_ = true; }

  private:
    std::string path_;
    bool is_made_ = false;
    bool is_finished_ = false;
};

void unpack_layer(storage::ContentStore& content,
                  const LayerToFetch& layer,
                  int rootfs,
                  const std::stop_token& stop) {
    const sys::UniqueFd blob = content.open_blob(layer.descriptor.digest);
    storage::ApplyOptions options;
    options.form = storage::LayerForm::merged;
    options.stop = stop;
    if (::geteuid() != 0) {
        options.ownership = storage::Ownership::of_caller;
        options.skip_devices = true;
    }
    const auto result = storage::apply_layer(
        [&](std::span<std::byte> buffer) {
            return sys::read_some(
                blob.get(), reinterpret_cast<char*>(buffer.data()), buffer.size());
        },
        oci::layer_compression(layer.descriptor.media_type).value_or(oci::Compression::gzip),
        rootfs,
        options);
    if (result.diff_id != layer.diff_id) {
        throw Error(ErrorKind::corrupt,
                    "its content is {}, but the image config says {}",
                    result.diff_id,
                    layer.diff_id);
    }
}

void unpack(Engine& engine,
            const ResolvedImage& image,
            const std::string& rootfs,
            const std::stop_token& stop) {
    sys::mkdir(rootfs, 0755);
    const sys::UniqueFd directory = sys::open(rootfs, O_RDONLY | O_DIRECTORY);
    auto& content = engine.store_for_reading().content();
    for (const auto& layer : pair_layers(image.manifest, image.config)) {
        doing([&] { return fmt::format("layer {}", layer.descriptor.digest.short_id()); },
              [&] { unpack_layer(content, layer, directory.get(), stop); });
    }
}

std::string own_host_name() {
    char name[HOST_NAME_MAX + 1] = {};
    if (::gethostname(name, sizeof(name) - 1) != 0) {
        throw SysError(errno, "gethostname");
    }
    return name;
}

/// As for a container of nau's, but for what only nau provides: its control group, files of /etc,
/// volumes.
oci::RuntimeSpec build_spec(const ResolvedImage& image,
                            const BundleOptions& options,
                            const std::string& rootfs) {
    const auto& defaults = image.config.config;
    const std::string& user =
        options.create.process.user.empty() ? defaults.user : options.create.process.user;
    const auto tree = sys::DirFd::open_root(rootfs);
    const SpecInputs inputs{.id = std::filesystem::path(options.directory).filename().string(),
                            .options = options.create,
                            .defaults = defaults,
                            .user = runtime::resolve_user(tree, user),
                            .further_gids = {},
                            .mounts = {},
                            .devices = {},
                            .etc_directory = {},
                            .host_name_of_host = own_host_name(),
                            .available_capabilities = sys::own_capabilities().permitted,
                            .custom_seccomp = std::nullopt};
    oci::RuntimeSpec spec = build_runtime_spec(inputs);
    spec.linux_.cgroups_path.clear();
    // Nothing in it is newer, and older runtimes refuse what calls itself so.
    spec.oci_version = "1.0.2";
    return spec;
}

}  // namespace

void create_bundle(Engine& engine, const BundleOptions& options, std::stop_token stop) {
    const ResolvedImage image = get_image(engine, options.create.image);
    doing([&] { return fmt::format("making the bundle '{}'", options.directory); },
          [&] {
              Directory directory(options.directory);
              const std::string rootfs = options.directory + "/rootfs";
              unpack(engine, image, rootfs, stop);
              const oci::RuntimeSpec spec = build_spec(image, options, rootfs);
              const sys::UniqueFd config =
                  sys::open(options.directory + "/config.json", O_WRONLY | O_CREAT | O_EXCL, 0644);
              sys::write_all(config.get(), json::to_pretty_text(oci::to_json(spec)) + "\n");
              directory.finish();
          });
}

}  // namespace nau::engine
