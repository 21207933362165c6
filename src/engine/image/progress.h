#pragma once

// How long work tells the person who waits. The engine calls, the command line draws; a listener
// must be cheap and may be called from several threads at once.

#include <cstdint>
#include <string>
#include <string_view>

namespace nau::engine {

enum class LayerStage { waiting, downloading, extracting, done, already_there };

class PullProgress {
  public:
    PullProgress() = default;
    PullProgress(const PullProgress&) = delete;
    PullProgress& operator=(const PullProgress&) = delete;
    virtual ~PullProgress() = default;

    /// The registry is going to be asked; end() follows on every path. Between the two the caller
    /// may take signals to itself, outside of them they belong to whoever runs the container.
    virtual void begin() {}
    virtual void end() noexcept {}
    /// A sentence for people: "Trying docker.io/library/alpine:3.20", "Writing the image".
    virtual void message(std::string_view text) = 0;
    /// A layer or config blob moved on; `id` is the short digest.
    virtual void layer(std::string_view id,
                       LayerStage stage,
                       uint64_t done_bytes,
                       uint64_t total_bytes) = 0;
};

/// Tells a listener, which may be null, when the work begins and, on every path, when it ends.
class ProgressScope {
  public:
    explicit ProgressScope(PullProgress* progress) : progress_(progress) {
        if (progress_ != nullptr) {
            progress_->begin();
        }
    }
    ~ProgressScope() {
        if (progress_ != nullptr) {
            progress_->end();
        }
    }
    ProgressScope(const ProgressScope&) = delete;
    ProgressScope& operator=(const ProgressScope&) = delete;
    ProgressScope(ProgressScope&&) = delete;
    ProgressScope& operator=(ProgressScope&&) = delete;

  private:
    PullProgress* progress_;
};

}  // namespace nau::engine
