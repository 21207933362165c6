#pragma once

// What a person sees of a pull or a push, on standard error: on a terminal a bar per layer that is
// on its way, redrawn at most ten times a second, under lines for what is done; elsewhere plain
// lines; with --quiet nothing. While the pull goes on, Ctrl-C stops it.

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "cli/interrupt.h"
#include "engine/image/progress.h"

namespace nau::cli {

struct LayerProgress {
    std::string id;
    engine::LayerStage stage = engine::LayerStage::waiting;
    uint64_t done_bytes = 0;
    uint64_t total_bytes = 0;
    bool goes_up = false;  ///< pushed: "downloading" is the other direction then
};

/// One line for a layer, never wider than `columns`. Pure.
std::string layer_line(const LayerProgress& layer, size_t columns);

/// How many lines of a terminal lines of these widths take, once it has `columns`. Pure.
size_t physical_lines(const std::vector<size_t>& widths, size_t columns);

class PullDisplay final : public engine::PullProgress {
  public:
    enum class Style { quiet, lines, bars };
    /// bars on a terminal, lines elsewhere.
    static Style style_for(int fd, bool is_quiet) noexcept;

    enum class Direction { down, up };

    /// Borrows `fd`.
    PullDisplay(int fd, Style style, Direction direction = Direction::down);
    ~PullDisplay() override;
    PullDisplay(const PullDisplay&) = delete;
    PullDisplay& operator=(const PullDisplay&) = delete;
    PullDisplay(PullDisplay&&) = delete;
    PullDisplay& operator=(PullDisplay&&) = delete;

    std::stop_token stop_token() const noexcept { return stop_.get_token(); }

    void begin() override;
    void end() noexcept override;
    void message(std::string_view text) override;
    void layer(std::string_view id,
               engine::LayerStage stage,
               uint64_t done_bytes,
               uint64_t total_bytes) override;

  private:
    LayerProgress& find_layer(std::string_view id);
    /// Lines that stay, then the live ones. @pre mutex_ is held
    void draw(std::string_view lasting);
    void append_erase(std::string& out, size_t columns) const;

    int fd_;
    Style style_;
    Direction direction_;
    std::stop_source stop_;
    std::optional<InterruptWatch> watch_;
    std::mutex mutex_;
    std::vector<LayerProgress> layers_;
    std::string held_back_;  ///< away from a terminal, nothing is said until something is fetched
    std::vector<size_t> drawn_widths_;  ///< of the live lines on the screen
    std::chrono::steady_clock::time_point last_drawn_;
};

}  // namespace nau::cli
