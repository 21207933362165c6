#pragma once

// Prometheus' text format 0.0.4: families of samples, each with HELP and TYPE once and its samples
// together. Pure.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nau::engine::metrics {

/// In the order in which they are written.
using Labels = std::vector<std::pair<std::string, std::string>>;

enum class MetricType { counter, gauge };

class Exposition {
  public:
    /// Samples belong to the family that was begun last. One without samples is not written.
    void family(std::string_view name, MetricType type, std::string_view help);
    void sample(const Labels& labels, uint64_t value);
    void sample(const Labels& labels, double value);

    const std::string& text() const noexcept { return text_; }

  private:
    void begin_sample(const Labels& labels);

    std::string text_;
    std::string heading_;  ///< of the family, until its first sample
    std::string name_;
};

}  // namespace nau::engine::metrics
