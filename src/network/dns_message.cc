#include "network/dns_message.h"

#include <algorithm>

#include "base/parse.h"

namespace nau::network::dns {

namespace {

constexpr size_t kHeaderBytes = 12;
constexpr size_t kMaxNameBytes = 255;
constexpr size_t kMaxLabelBytes = 63;
constexpr uint16_t kTypeOpt = 41;
constexpr uint16_t kFlagResponse = 0x8000;
constexpr uint16_t kMaskOpcode = 0x7800;
constexpr uint16_t kFlagAuthoritative = 0x0400;
constexpr uint16_t kFlagTruncated = 0x0200;
constexpr uint16_t kFlagRecursionDesired = 0x0100;
constexpr uint16_t kFlagRecursionAvailable = 0x0080;
constexpr uint16_t kFlagCheckingDisabled = 0x0010;
constexpr size_t kOptBytes = 11;
/// Bigger datagrams may be broken on the way.
constexpr uint16_t kOwnUdpBytes = 1232;

uint16_t read16(std::string_view bytes, size_t at) noexcept {
    return static_cast<uint16_t>(static_cast<uint8_t>(bytes[at]) << 8U |
                                 static_cast<uint8_t>(bytes[at + 1]));
}

void put16(std::string& bytes, uint16_t value) {
    bytes.push_back(static_cast<char>(value >> 8U));
    bytes.push_back(static_cast<char>(value & 0xffU));
}

void put32(std::string& bytes, uint32_t value) {
    put16(bytes, static_cast<uint16_t>(value >> 16U));
    put16(bytes, static_cast<uint16_t>(value & 0xffffU));
}

void set16(std::string& bytes, size_t at, uint16_t value) noexcept {
    bytes[at] = static_cast<char>(value >> 8U);
    bytes[at + 1] = static_cast<char>(value & 0xffU);
}

/// A name without compression, which has no place in a question; moves `at` behind it. A dot or a
/// zero byte inside a label would make two names look the same.
std::optional<std::string> read_name(std::string_view message, size_t& at) {
    std::string name;
    for (;;) {
        if (at >= message.size()) {
            return std::nullopt;
        }
        const auto length = static_cast<uint8_t>(message[at++]);
        if (length == 0) {
            return name;
        }
        if (length > kMaxLabelBytes || at + length > message.size() ||
            name.size() + length + 1 > kMaxNameBytes) {
            return std::nullopt;
        }
        const auto label = message.substr(at, length);
        if (label.find('.') != label.npos || label.find('\0') != label.npos) {
            return std::nullopt;
        }
        name += (name.empty() ? "" : ".") + to_lower(label);
        at += length;
    }
}

/// Skips a name that may end in a pointer.
bool skip_name(std::string_view message, size_t& at) noexcept {
    while (at < message.size()) {
        const auto length = static_cast<uint8_t>(message[at++]);
        if (length == 0) {
            return true;
        }
        if ((length & 0xc0U) == 0xc0U) {
            return ++at <= message.size();
        }
        at += length;
    }
    return false;
}

/// The EDNS record among the further ones, if there is one.
void read_edns(std::string_view message, size_t at, size_t records, Question& question) {
    constexpr size_t kFixedBytes = 10;
    for (size_t i = 0; i < records; ++i) {
        if (!skip_name(message, at) || at + kFixedBytes > message.size()) {
            return;
        }
        if (read16(message, at) == kTypeOpt) {
            question.has_edns = true;
            question.udp_bytes = std::max<size_t>(kMaxUdpBytes, read16(message, at + 2));
            return;
        }
        at += kFixedBytes + read16(message, at + 8);
    }
}

void put_name(std::string& bytes, std::string_view name) {
    for (const auto label : split(name, '.')) {
        if (!label.empty()) {
            const auto part = label.substr(0, kMaxLabelBytes);
            bytes.push_back(static_cast<char>(part.size()));
            bytes += part;
        }
    }
    bytes.push_back('\0');
}

std::string write_header(uint16_t id, uint16_t flags, uint16_t questions) {
    std::string bytes;
    put16(bytes, id);
    put16(bytes, flags);
    put16(bytes, questions);
    bytes.append(6, '\0');
    return bytes;
}

uint16_t answer_flags(const Question& question, const Answer& answer) noexcept {
    unsigned flags = kFlagResponse | kFlagRecursionAvailable | static_cast<unsigned>(answer.code);
    flags |= answer.is_authoritative ? kFlagAuthoritative : 0U;
    flags |= question.recursion_desired ? kFlagRecursionDesired : 0U;
    flags |= question.checking_disabled ? kFlagCheckingDisabled : 0U;
    return static_cast<uint16_t>(flags);
}

/// The name of every record is that of the question, which stands behind the header.
std::string make_record(uint16_t type, std::string_view data) {
    std::string record;
    put16(record, static_cast<uint16_t>(0xc000U | kHeaderBytes));
    put16(record, type);
    put16(record, kClassInternet);
    put32(record, 0);  // time to live: the container may be gone the next moment
    put16(record, static_cast<uint16_t>(data.size()));
    record += data;
    return record;
}

std::vector<std::string> make_records(const Answer& answer) {
    std::vector<std::string> records;
    for (const auto& address : answer.addresses) {
        records.push_back(make_record(address.is_v6() ? kTypeAaaa : kTypeA, address.bytes()));
    }
    for (const auto& name : answer.names) {
        std::string data;
        put_name(data, name);
        records.push_back(make_record(kTypePtr, data));
    }
    return records;
}

std::optional<unsigned> hex_nibble(std::string_view label) noexcept {
    constexpr std::string_view digits = "0123456789abcdef";
    const auto place = label.size() == 1 ? digits.find(label.front()) : digits.npos;
    return place == digits.npos ? std::nullopt : std::optional(static_cast<unsigned>(place));
}

}  // namespace

ReadQuestion read_question(std::string_view message) {
    if (message.size() < kHeaderBytes) {
        return {};
    }
    const uint16_t id = read16(message, 0);
    const uint16_t flags = read16(message, 2);
    if ((flags & kFlagResponse) != 0) {
        return {};  // two resolvers must not talk to each other for ever
    }
    if ((flags & kMaskOpcode) != 0) {
        return {.question = {}, .refusal = Code::not_implemented, .id = id};
    }
    const ReadQuestion malformed{.question = {}, .refusal = Code::format_error, .id = id};
    if (read16(message, 4) != 1) {
        return malformed;
    }
    size_t at = kHeaderBytes;
    auto name = read_name(message, at);
    if (!name || at + 4 > message.size()) {
        return malformed;
    }
    Question question;
    question.id = id;
    question.recursion_desired = (flags & kFlagRecursionDesired) != 0;
    question.checking_disabled = (flags & kFlagCheckingDisabled) != 0;
    question.name = *std::move(name);
    question.type = read16(message, at);
    question.question_class = read16(message, at + 2);
    at += 4;
    question.section = message.substr(kHeaderBytes, at - kHeaderBytes);
    const size_t further = size_t{read16(message, 6)} + read16(message, 8) + read16(message, 10);
    read_edns(message, at, further, question);
    return {.question = std::move(question), .refusal = {}, .id = id};
}

std::string write_answer(const Question& question, const Answer& answer, size_t max_bytes) {
    std::string bytes = write_header(question.id, answer_flags(question, answer), 1);
    bytes += question.section;
    const size_t reserve = question.has_edns ? kOptBytes : 0;
    uint16_t count = 0;
    for (const auto& record : make_records(answer)) {
        if (bytes.size() + record.size() + reserve > max_bytes) {
            set16(bytes, 2, read16(bytes, 2) | kFlagTruncated);
            break;
        }
        bytes += record;
        ++count;
    }
    set16(bytes, 6, count);
    if (question.has_edns) {
        bytes.push_back('\0');  // the root's name
        put16(bytes, kTypeOpt);
        put16(bytes, kOwnUdpBytes);
        put32(bytes, 0);
        put16(bytes, 0);
        set16(bytes, 10, 1);
    }
    return bytes;
}

std::string write_refusal(uint16_t id, Code code) {
    return write_header(id, static_cast<uint16_t>(kFlagResponse | static_cast<unsigned>(code)), 0);
}

std::optional<IpAddress> parse_reverse_name(std::string_view name) {
    const auto labels = split(name, '.');
    if (name.ends_with(".in-addr.arpa") && labels.size() == 6) {
        return IpAddress::try_parse(std::string(labels[3]) + "." + std::string(labels[2]) + "." +
                                    std::string(labels[1]) + "." + std::string(labels[0]));
    }
    if (!name.ends_with(".ip6.arpa") || labels.size() != 34) {
        return std::nullopt;
    }
    std::array<uint8_t, 16> bytes{};
    for (size_t i = 0; i < bytes.size(); ++i) {
        const auto high = hex_nibble(labels[31 - i * 2]);
        const auto low = hex_nibble(labels[30 - i * 2]);
        if (!high || !low) {
            return std::nullopt;
        }
        bytes[i] = static_cast<uint8_t>(*high << 4U | *low);
    }
    return IpAddress::v6(bytes);
}

bool answers(std::string_view reply, std::string_view query) noexcept {
    if (reply.size() < kHeaderBytes || query.size() < kHeaderBytes ||
        read16(reply, 0) != read16(query, 0) || (read16(reply, 2) & kFlagResponse) == 0) {
        return false;
    }
    size_t end = kHeaderBytes;
    if (!skip_name(query, end) || end + 4 > query.size() || reply.size() < end + 4) {
        // An error may come without the question.
        return read16(reply, 4) == 0;
    }
    const auto same = [](char a, char b) {
        const auto lower = [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        };
        return lower(a) == lower(b);
    };
    return std::ranges::equal(reply.substr(kHeaderBytes, end + 4 - kHeaderBytes),
                              query.substr(kHeaderBytes, end + 4 - kHeaderBytes),
                              same);
}

void set_id(std::string& message, uint16_t id) noexcept {
    set16(message, 0, id);
}

uint16_t get_id(std::string_view message) noexcept {
    return read16(message, 0);
}

std::string truncate(std::string_view reply, const Question& question) {
    std::string bytes =
        write_header(question.id, read16(reply, 2) | kFlagTruncated, 1) + question.section;
    return bytes;
}

}  // namespace nau::network::dns
