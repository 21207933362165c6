#include "engine/image/archive_output.h"

#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <fmt/core.h>

#include "base/error.h"
#include "base/log.h"
#include "oci/layer/tar_writer.h"
#include "sys/dir_fd.h"
#include "sys/file.h"
#include "sys/random.h"

namespace nau::engine {

namespace {

class TarOutput final : public ArchiveOutput {
  public:
    explicit TarOutput(const std::string& path)
        : file_(path), tar_([this](std::span<const std::byte> bytes) {
              file_.write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
          }) {}

    void add_directory(const std::string& name) override {
        oci::LayerEntry entry;
        entry.path = name;
        entry.type = oci::EntryType::directory;
        entry.mode = 0755;
        tar_.add(entry);
    }

    void add_file(const std::string& name, std::string_view bytes) override {
        begin_file(name, bytes.size());
        tar_.write_content(bytes);
    }

    void add_file(const std::string& name, int fd, uint64_t size_bytes) override {
        begin_file(name, size_bytes);
        tar_.write_content_by([&](uint64_t size) {
            if (sys::copy_data(fd, file_.fd(), size) != size) {
                throw Error(ErrorKind::corrupt, "{}: is shorter than {} bytes", name, size);
            }
        });
    }

    void finish() override {
        tar_.finish();
        file_.commit();
    }

  private:
    void begin_file(const std::string& name, uint64_t size_bytes) {
        oci::LayerEntry entry;
        entry.path = name;
        entry.mode = 0644;
        entry.size = size_bytes;
        tar_.add(entry);
    }

    OutputFile file_;
    oci::TarWriter tar_;
};

class DirectoryOutput final : public ArchiveOutput {
  public:
    explicit DirectoryOutput(const std::string& path) : path_(path) {
        if (!sys::mkdir_if_missing(path, 0755)) {
            if (!sys::list_directory(path).empty()) {
                throw Error(ErrorKind::already_exists, "the directory '{}' is not empty", path)
                    .with_hint("give one that is new or empty");
            }
        } else {
            is_made_ = true;
        }
    }
    ~DirectoryOutput() override {
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
    DirectoryOutput(const DirectoryOutput&) = delete;
    DirectoryOutput& operator=(const DirectoryOutput&) = delete;
    DirectoryOutput(DirectoryOutput&&) = delete;
    DirectoryOutput& operator=(DirectoryOutput&&) = delete;

    void add_directory(const std::string& name) override { sys::mkdir(path_ + "/" + name, 0755); }

    void add_file(const std::string& name, std::string_view bytes) override {
        sys::write_all(create(name).get(), bytes);
    }

    void add_file(const std::string& name, int fd, uint64_t size_bytes) override {
        const sys::UniqueFd file = create(name);
        if (sys::copy_data(fd, file.get(), size_bytes) != size_bytes) {
            throw Error(ErrorKind::corrupt, "{}: is shorter than {} bytes", name, size_bytes);
        }
    }

    void finish() override { is_finished_ = true; }

  private:
    sys::UniqueFd create(const std::string& name) const {
        return sys::open(path_ + "/" + name, O_WRONLY | O_CREAT | O_EXCL, 0644);
    }

    std::string path_;
    bool is_made_ = false;
    bool is_finished_ = false;
};

}  // namespace

OutputFile::OutputFile(const std::string& path) : path_(path) {
    if (path == "-") {
        fd_ = STDOUT_FILENO;
        return;
    }
    const auto status = sys::stat_if_exists(path);
    if (status && S_ISDIR(status->st_mode)) {
        throw Error(ErrorKind::invalid, "'{}' is a directory", path);
    }
    sys::UniqueFd file;
    if (status && !S_ISREG(status->st_mode)) {
        file = sys::open(path, O_WRONLY);
    } else {
        const auto directory = std::filesystem::path(path).parent_path();
        std::string temporary = (directory / fmt::format(".nau-{}", sys::random_hex(8))).string();
        try {
            file = sys::open(temporary, O_WRONLY | O_CREAT | O_EXCL, 0644);
        } catch (const SysError& error) {
            throw SysError(error.error(), "create {}", path);
        }
        temporary_ = std::move(temporary);
    }
    fd_ = file.release();
    is_owned_ = true;
}

OutputFile::~OutputFile() {
    if (is_owned_) {
        (void)::close(fd_);  // on the other path, commit() has closed it
    }
    if (!temporary_.empty()) {
        (void)::unlink(temporary_.c_str());  // the failure that led here is told
    }
}

void OutputFile::write(std::string_view bytes) {
    try {
        sys::write_all(fd_, bytes);
    } catch (const SysError& error) {
        // Not the name that it has until it is complete.
        throw SysError(error.error(), "write {}", path_ == "-" ? "standard output" : path_);
    }
}

void OutputFile::commit() {
    if (!is_owned_) {
        return;
    }
    is_owned_ = false;
    if (::close(fd_) != 0) {
        throw SysError(errno, "write {}", path_);
    }
    if (!temporary_.empty()) {
        sys::rename(temporary_, path_);
        temporary_.clear();
    }
}

std::unique_ptr<ArchiveOutput> make_tar_output(const std::string& path) {
    return std::make_unique<TarOutput>(path);
}

std::unique_ptr<ArchiveOutput> make_directory_output(const std::string& path) {
    return std::make_unique<DirectoryOutput>(path);
}

}  // namespace nau::engine
