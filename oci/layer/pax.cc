#include "oci/layer/pax.h"

#include <algorithm>

#include "base/error.h"
#include "base/parse.h"
#include "oci/base64.h"
#include "oci/layer/printable.h"

namespace nau::oci {

namespace {

struct Record {
    std::string_view key;
    std::string_view value;
};

/// Cuts the first record off `text`.
Record take_record(std::string_view& text) {
    const size_t blank = text.find(' ');
    const auto length = parse_uint64(text.substr(0, std::min(blank, text.size())));
    if (blank == std::string_view::npos || !length || *length > text.size() ||
        *length < blank + 3 || text[*length - 1] != '\n') {
        throw Error(ErrorKind::corrupt, "pax header: damaged record");
    }
    const std::string_view record = text.substr(blank + 1, *length - blank - 2);
    text.remove_prefix(*length);
    const size_t equals = record.find('=');
    if (equals == std::string_view::npos || equals == 0) {
        throw Error(ErrorKind::corrupt, "pax header: record without key or value");
    }
    return {.key = record.substr(0, equals), .value = record.substr(equals + 1)};
}

bool may_hold_nul(std::string_view key) noexcept {
    return key != pax_key::kPath && key != pax_key::kLinkPath && key != "uname" && key != "gname";
}

void check(const Record& record) {
    const bool is_good =
        record.key.find('\0') == std::string_view::npos &&
        (may_hold_nul(record.key) || record.value.find('\0') == std::string_view::npos);
    if (!is_good) {
        throw Error(ErrorKind::corrupt, "pax header: NUL in '{}'", printable(record.key));
    }
}

/// Sparse format 0.0 repeats two keys instead of listing numbers.
class SparseListCollector {
  public:
    static bool wants(std::string_view key) noexcept {
        return key == pax_key::kSparseOffset || key == pax_key::kSparseBytes;
    }

    void add(const Record& record) {
        const bool is_offset = record.key == pax_key::kSparseOffset;
        if (is_offset != expects_offset_ || record.value.find(',') != std::string_view::npos) {
            throw Error(ErrorKind::corrupt, "pax header: damaged sparse map");
        }
        expects_offset_ = !is_offset;
        if (!list_.empty()) {
            list_ += ',';
        }
        list_ += record.value;
    }

    void store(PaxRecords& records) && {
        if (!list_.empty()) {
            records[std::string(pax_key::kSparseMap)] = std::move(list_);
        }
    }

  private:
    std::string list_;
    bool expects_offset_ = true;
};

int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

PaxRecords parse_pax_records(std::string_view text) {
    PaxRecords records;
    SparseListCollector sparse;
    while (!text.empty()) {
        const Record record = take_record(text);
        check(record);
        if (SparseListCollector::wants(record.key)) {
            sparse.add(record);
        } else {
            records.insert_or_assign(std::string(record.key), std::string(record.value));
        }
    }
    std::move(sparse).store(records);
    return records;
}

std::optional<Timestamp> parse_pax_time(std::string_view text) noexcept {
    const size_t dot = std::min(text.find('.'), text.size());
    const bool is_negative = text.starts_with('-');
    const auto seconds = parse_int64(text.substr(0, dot));
    if (!seconds) {
        return std::nullopt;
    }
    uint32_t nanoseconds = 0;
    uint32_t digit_value = 100'000'000;
    for (const char c : text.substr(std::min(dot + 1, text.size()))) {
        if (c < '0' || c > '9') {
            return std::nullopt;
        }
        nanoseconds += digit_value * static_cast<uint32_t>(c - '0');
        digit_value /= 10;
    }
    if (is_negative && nanoseconds > 0) {
        if (*seconds == INT64_MIN) {
            return std::nullopt;
        }
        return Timestamp{.seconds = *seconds - 1, .nanoseconds = 1'000'000'000 - nanoseconds};
    }
    return Timestamp{.seconds = *seconds, .nanoseconds = nanoseconds};
}

std::optional<std::string> decode_url(std::string_view text) {
    std::string bytes;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            bytes += text[i];
            continue;
        }
        const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
        const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
        if (high < 0 || low < 0) {
            return std::nullopt;
        }
        bytes += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return bytes;
}

std::optional<std::string> decode_xattr_base64(std::string_view text) {
    std::string padded(text.substr(0, text.find('=')));
    padded.resize((padded.size() + 3) / 4 * 4, '=');
    return decode_base64(padded);
}

}  // namespace nau::oci
