#include "monitor/detach_keys.h"

#include <cctype>
#include <optional>

#include "base/error.h"
#include "base/parse.h"

namespace nau::monitor {

namespace {

std::optional<char> parse_key(std::string_view key) {
    constexpr std::string_view kControl = "ctrl-";
    if (key.size() == 1 && key.front() > ' ' && key.front() <= '~') {
        return key.front();
    }
    if (!key.starts_with(kControl) || key.size() != kControl.size() + 1) {
        return std::nullopt;
    }
    const char letter = key.back();
    constexpr std::string_view kSigns = "@[\\]^_";
    if ((letter >= 'a' && letter <= 'z') || kSigns.find(letter) != kSigns.npos) {
        return static_cast<char>(letter & 0x1f);
    }
    return std::nullopt;
}

}  // namespace

DetachKeys DetachKeys::parse(std::string_view text) {
    DetachKeys keys;
    if (text.empty()) {
        return keys;
    }
    for (const std::string_view word : split(text, ',')) {
        const auto key = parse_key(word);
        if (!key) {
            throw Error(ErrorKind::invalid,
                        "invalid detach keys '{}' (characters or ctrl-a … ctrl-z, ctrl-@, ctrl-[, "
                        "ctrl-\\, ctrl-], ctrl-^, ctrl-_, joined by commas)",
                        text);
        }
        keys.sequence_.push_back(*key);
    }
    return keys;
}

DetachKeys::Result DetachKeys::feed(std::string_view typed) {
    Result result;
    if (sequence_.empty()) {
        result.pass_on = typed;
        return result;
    }
    for (const char key : typed) {
        held_.push_back(key);
        // Let go of what cannot be the beginning any more.
        while (!sequence_.starts_with(held_)) {
            result.pass_on.push_back(held_.front());
            held_.erase(0, 1);
        }
        if (held_ == sequence_) {
            result.detached = true;
            return result;
        }
    }
    return result;
}

}  // namespace nau::monitor
