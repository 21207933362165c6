#pragma once

// `run --result`: what a script wants to know of a run that is over, as one JSON object in a file.
// Internal to the engine.

#include <chrono>
#include <optional>
#include <string>

#include "base/error.h"
#include "engine/image/images.h"
#include "monitor/exit_record.h"
#include "storage/store.h"
#include "sys/unique_fd.h"

namespace nau::engine {

class RunReport {
  public:
    /// Opens the file now, so that a wrong path is known before the run. An empty path: nothing is
    /// written.
    /// @throws SysError
    explicit RunReport(const std::string& path);

    void note_image(const ResolvedImage& image);
    void note_created(const storage::Container& record);
    void note_started();
    void note_end(const std::optional<monitor::ExitRecord>& end);

    /// Of a run that came to its end. @throws SysError
    void write();
    /// Of one that did not; the error itself is about to be told.
    void write_failure(const Error& error, int exit_code) noexcept;

  private:
    using Moment = std::chrono::steady_clock::time_point;
    std::string text(const std::string& error, std::optional<int> exit_code) const;

    sys::UniqueFd file_;
    std::string path_;
    Moment begun_ = std::chrono::steady_clock::now();
    std::optional<Moment> image_ready_;
    std::optional<Moment> created_;
    std::optional<Moment> started_;
    std::optional<Moment> ended_;
    std::optional<storage::Container> record_;
    std::string image_;
    std::string image_id_;
    std::string image_digest_;
    std::optional<monitor::ExitRecord> end_;
};

}  // namespace nau::engine
