#include "engine/container/export_container.h"

#include <sys/stat.h>

#include <fmt/core.h>

#include "base/error.h"
#include "engine/container/container_root.h"
#include "engine/container/snapshot_view.h"
#include "engine/container/task.h"
#include "engine/engine.h"
#include "engine/image/archive_output.h"
#include "engine/system/record_event.h"
#include "storage/layers/diff.h"
#include "storage/store.h"
#include "sys/file.h"

namespace nau::engine {

namespace {

/// Unpacked somewhere, "./" would change that directory: it is only there when it says something.
bool is_remarkable(int root) {
    const struct ::stat status = sys::fstat(root);
    return (status.st_mode & 07777U) != 0755 || status.st_uid != 0 || status.st_gid != 0;
}

}  // namespace

void export_container(Engine& engine,
                      const std::string& name_or_id,
                      const std::string& output,
                      std::stop_token stop) {
    storage::Store& store = engine.store_for_reading();
    const auto record = get_container(store, find_container(engine, name_or_id));
    doing([&] { return fmt::format("exporting {}", name_or_id); },
          [&] {
              const sys::UniqueFd tree = open_merged(root_of_container(store, record));
              OutputFile file(output);
              oci::TarWriter tar([&](std::span<const std::byte> bytes) {
                  file.write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
              });
              storage::WriteTreeOptions options;
              options.form = storage::LayerForm::merged;
              options.is_layer = false;
              options.has_root = is_remarkable(tree.get());
              options.stop = stop;
              storage::write_tree(tree.get(), tar, options);
              tar.finish();
              file.commit();
          });
    record_event(engine, container_event(record, "export"));
}

}  // namespace nau::engine
