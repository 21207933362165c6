#include "engine/metrics/exposition.h"

#include <fmt/core.h>

namespace nau::engine::metrics {

namespace {

/// A label's value: what would end it, or its line, is escaped.
std::string escape(std::string_view value) {
    std::string text;
    for (const char c : value) {
        if (c == '\\' || c == '"') {
            text += '\\';
            text += c;
        } else if (c == '\n') {
            text += "\\n";
        } else {
            text += c;
        }
    }
    return text;
}

}  // namespace

void Exposition::family(std::string_view name, MetricType type, std::string_view help) {
    name_ = name;
    heading_ = fmt::format("# HELP {} {}\n# TYPE {} {}\n",
                           name,
                           help,
                           name,
                           type == MetricType::counter ? "counter" : "gauge");
}

void Exposition::begin_sample(const Labels& labels) {
    text_ += heading_;
    heading_.clear();
    text_ += name_;
    const char* before = "{";
    for (const auto& [key, value] : labels) {
        text_ += fmt::format("{}{}=\"{}\"", before, key, escape(value));
        before = ",";
    }
    text_ += labels.empty() ? " " : "} ";
}

void Exposition::sample(const Labels& labels, uint64_t value) {
    begin_sample(labels);
    text_ += fmt::format("{}\n", value);
}

void Exposition::sample(const Labels& labels, double value) {
    begin_sample(labels);
    text_ += fmt::format("{}\n", value);
}

}  // namespace nau::engine::metrics
