#include "cli/pull_display.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/error.h"
#include "cli/human.h"
#include "cli/text.h"
#include "sys/file.h"
#include "sys/terminal.h"

namespace nau::cli {

namespace {

using engine::LayerStage;

constexpr std::chrono::milliseconds kRedrawEvery{100};
constexpr size_t kBarColumns = 30;

sys::WindowSize terminal_size(int fd) noexcept {
    sys::WindowSize size;
    try {
        size = sys::window_size(fd);
    } catch (const Error&) {
        // a terminal that does not know
    }
    return {.rows = size.rows == 0 ? static_cast<unsigned short>(24) : size.rows,
            .columns = size.columns == 0 ? static_cast<unsigned short>(80) : size.columns};
}

std::string_view stage_word(const LayerProgress& layer) noexcept {
    switch (layer.stage) {
        case LayerStage::waiting:
            return "waiting";
        case LayerStage::downloading:
            return layer.goes_up ? "uploading" : "downloading";
        case LayerStage::extracting:
            return "extracting";
        case LayerStage::done:
            return "done";
        case LayerStage::already_there:
            return "already there";
    }
    return "";
}

bool is_finished(LayerStage stage) noexcept {
    return stage == LayerStage::done || stage == LayerStage::already_there;
}

std::string bar(const LayerProgress& layer) {
    const double share = layer.total_bytes == 0
                             ? 0.0
                             : std::min(1.0,
                                        static_cast<double>(layer.done_bytes) /
                                            static_cast<double>(layer.total_bytes));
    const auto filled = static_cast<size_t>(share * static_cast<double>(kBarColumns));
    std::string text(filled, '=');
    if (filled < kBarColumns) {
        text += '>';
        text.append(kBarColumns - filled - 1, ' ');
    }
    return fmt::format(
        "[{}] {} / {}", text, human_size(layer.done_bytes), human_size(layer.total_bytes));
}

std::string finished_line(const LayerProgress& layer) {
    return fmt::format("{} {}{}\n",
                       layer.id,
                       stage_word(layer),
                       layer.stage == LayerStage::done && layer.total_bytes > 0
                           ? fmt::format(" ({})", human_size(layer.total_bytes))
                           : "");
}

}  // namespace

std::string layer_line(const LayerProgress& layer, size_t columns) {
    std::string line = fmt::format("{} {:<13}", layer.id, stage_word(layer));
    if (layer.stage == LayerStage::downloading || layer.stage == LayerStage::extracting) {
        line += ' ' + bar(layer);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    return truncate_to_width(line, columns);
}

size_t physical_lines(const std::vector<size_t>& widths, size_t columns) {
    size_t lines = 0;
    for (const size_t width : widths) {
        lines += std::max<size_t>(1, (width + columns - 1) / columns);
    }
    return lines;
}

PullDisplay::Style PullDisplay::style_for(int fd, bool is_quiet) noexcept {
    if (is_quiet) {
        return Style::quiet;
    }
    return sys::is_terminal(fd) ? Style::bars : Style::lines;
}

PullDisplay::PullDisplay(int fd, Style style, Direction direction)
    : fd_(fd), style_(style), direction_(direction) {}

PullDisplay::~PullDisplay() = default;

void PullDisplay::begin() {
    watch_.emplace(stop_);
}

void PullDisplay::end() noexcept {
    try {
        const std::lock_guard lock(mutex_);
        layers_.clear();
        held_back_.clear();
        if (style_ == Style::bars) {
            draw("");
        }
    } catch (...) {
        // Out of memory, or nobody sees it: the pull itself has its own result.
    }
    watch_.reset();
}

void PullDisplay::message(std::string_view text) {
    if (style_ == Style::quiet) {
        return;
    }
    const std::lock_guard lock(mutex_);
    const std::string line = escape_control(text) + "\n";
    if (style_ == Style::lines && layers_.empty()) {
        held_back_ += line;
        return;
    }
    draw(line);
}

LayerProgress& PullDisplay::find_layer(std::string_view id) {
    const auto found = std::find_if(
        layers_.begin(), layers_.end(), [id](const LayerProgress& each) { return each.id == id; });
    return found != layers_.end() ? *found
                                  : layers_.emplace_back(LayerProgress{.id = std::string(id)});
}

void PullDisplay::layer(std::string_view id,
                        LayerStage stage,
                        uint64_t done_bytes,
                        uint64_t total_bytes) {
    if (style_ == Style::quiet) {
        return;
    }
    const std::lock_guard lock(mutex_);
    if (!held_back_.empty()) {
        draw(std::exchange(held_back_, {}));
    }
    LayerProgress& layer = find_layer(id);
    const bool was_finished = is_finished(layer.stage);
    const bool has_new_stage = layer.stage != stage;
    layer.stage = stage;
    layer.done_bytes = done_bytes;
    layer.total_bytes = total_bytes;
    layer.goes_up = direction_ == Direction::up;
    if (is_finished(stage)) {
        if (!was_finished) {
            draw(finished_line(layer));
        }
        return;
    }
    const bool is_due = std::chrono::steady_clock::now() - last_drawn_ >= kRedrawEvery;
    if (style_ == Style::bars && (is_due || (has_new_stage && drawn_widths_.empty()))) {
        draw("");
    }
}

/// Goes back to the first live line and clears from there. A terminal that was made narrower has
/// broken the lines, so they are counted anew.
void PullDisplay::append_erase(std::string& out, size_t columns) const {
    const size_t lines = physical_lines(drawn_widths_, columns);
    if (lines > 0) {
        out += fmt::format("\r\x1b[{}A\x1b[J", lines);
    }
}

void PullDisplay::draw(std::string_view lasting) {
    std::string out;
    if (style_ == Style::bars) {
        const sys::WindowSize size = terminal_size(fd_);
        append_erase(out, size.columns);
        drawn_widths_.clear();
        out += lasting;
        // The last line stays free for the cursor.
        const size_t room = size.rows > 2 ? size.rows - 2U : 1U;
        for (const LayerProgress& layer : layers_) {
            if (is_finished(layer.stage) || drawn_widths_.size() >= room) {
                continue;
            }
            const std::string line = layer_line(layer, size.columns > 1 ? size.columns - 1U : 1U);
            drawn_widths_.push_back(display_width(line));
            out += line + "\n";
        }
        last_drawn_ = std::chrono::steady_clock::now();
    } else {
        out += lasting;
    }
    try {
        sys::write_all(fd_, out);
    } catch (const SysError&) {
        // Nobody looks any more; the pull goes on.
    }
}

}  // namespace nau::cli
