#include "engine/image/layout_output.h"

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <unistd.h>
#include <vector>

#include "base/error.h"
#include "oci/layout/layout.h"
#include "oci/media_type.h"
#include "sys/file.h"
#include "sys/random.h"

namespace nau::engine {

namespace {

namespace layout = oci::layout;

constexpr size_t kMaxHeaderBytes = 4096;

std::string name_of(const oci::Descriptor& entry) {
    const auto found = entry.annotations.find(layout::kRefName);
    return found == entry.annotations.end() ? std::string() : found->second;
}

class LayoutOutput final : public ArchiveOutput {
  public:
    explicit LayoutOutput(std::string path) : path_(std::move(path)) {}
    ~LayoutOutput() override {
        if (is_finished_) {
            return;
        }
        for (const auto& file : written_) {
            (void)::unlink(file.c_str());  // the failure that led here is told
        }
    }
    LayoutOutput(const LayoutOutput&) = delete;
    LayoutOutput& operator=(const LayoutOutput&) = delete;
    LayoutOutput(LayoutOutput&&) = delete;
    LayoutOutput& operator=(LayoutOutput&&) = delete;

    void add_directory(const std::string& name) override {
        (void)sys::mkdir_if_missing(path_ + "/" + name, 0755);
    }

    void add_file(const std::string& name, std::string_view bytes) override {
        if (name == layout::kIndexFile) {
            added_ = std::string(bytes);
        } else if (name != layout::kHeaderFile) {
            write(name, bytes.size(), [&](int fd) { sys::write_all(fd, bytes); });
        }
    }

    void add_file(const std::string& name, int fd, uint64_t size_bytes) override {
        write(name, size_bytes, [&](int to) {
            if (sys::copy_data(fd, to, size_bytes) != size_bytes) {
                throw Error(ErrorKind::corrupt, "{}: is shorter than {} bytes", name, size_bytes);
            }
        });
    }

    void finish() override {
        const std::string file = path_ + "/" + layout::kIndexFile;
        const auto parse = [](std::string_view bytes) {
            return oci::parse_index(bytes, oci::media_type::kImageIndex);
        };
        oci::Index index{.media_type = std::string(oci::media_type::kImageIndex)};
        if (const auto bytes = sys::read_file_if_exists(file, oci::kMaxManifestBytes)) {
            index = doing(file, [&] { return parse(*bytes); });
        }
        sys::write_file_atomic(file,
                               oci::to_json_text(merge_indexes(std::move(index), parse(added_))),
                               0644,
                               sys::Durability::relaxed);
        is_finished_ = true;
    }

  private:
    /// What has its size is taken for what its name says, as everybody does who adds to a layout.
    void write(const std::string& name,
               uint64_t size_bytes,
               const std::function<void(int fd)>& write_bytes) {
        const std::string file = path_ + "/" + name;
        const auto status = sys::lstat_if_exists(file);
        if (status && static_cast<uint64_t>(status->st_size) == size_bytes) {
            return;
        }
        const std::string temporary = path_ + "/.nau-" + sys::random_hex(8);
        written_.push_back(temporary);
        {
            const auto to = sys::open(temporary, O_WRONLY | O_CREAT | O_EXCL, 0644);
            write_bytes(to.get());
        }
        sys::rename(temporary, file);
        written_.back() = file;
    }

    std::string path_;
    std::string added_;  ///< the text of an index
    std::vector<std::string> written_;
    bool is_finished_ = false;
};

}  // namespace

oci::Index merge_indexes(oci::Index index, const oci::Index& added) {
    for (const auto& entry : added.manifests) {
        const std::string name = name_of(entry);
        for (auto& other : index.manifests) {
            if (!name.empty() && name_of(other) == name) {
                other.annotations.erase(layout::kRefName);
                other.annotations.erase(layout::kImageName);
            }
        }
        const auto same = std::find_if(
            index.manifests.begin(), index.manifests.end(), [&](const oci::Descriptor& other) {
                return other.digest == entry.digest && name_of(other).empty();
            });
        if (same != index.manifests.end()) {
            *same = entry;
        } else {
            index.manifests.push_back(entry);
        }
    }
    return index;
}

std::unique_ptr<ArchiveOutput> open_layout_output(const std::string& path) {
    const auto header = sys::read_file_if_exists(path + "/" + layout::kHeaderFile, kMaxHeaderBytes);
    if (!header) {
        return nullptr;
    }
    doing([&] { return path + "/" + layout::kHeaderFile; }, [&] { layout::check_header(*header); });
    return std::make_unique<LayoutOutput>(path);
}

}  // namespace nau::engine
