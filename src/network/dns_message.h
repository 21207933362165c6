#pragma once

// DNS messages (RFC 1035, EDNS of RFC 6891) as far as a small resolver needs them: a question is
// read, an answer is written. Everything that is read comes from a container or from the network
// and is hostile until proven otherwise: names are bounded, compression cannot loop.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "network/address.h"

namespace nau::network::dns {

constexpr size_t kMaxUdpBytes = 512;  ///< without EDNS
constexpr size_t kMaxMessageBytes = 65535;

enum class Code : uint8_t {
    no_error = 0,
    format_error = 1,
    server_failure = 2,
    name_error = 3,
    not_implemented = 4,
    refused = 5,
};

constexpr uint16_t kTypeA = 1;
constexpr uint16_t kTypePtr = 12;
constexpr uint16_t kTypeAaaa = 28;
constexpr uint16_t kTypeAny = 255;
constexpr uint16_t kClassInternet = 1;

struct Question {
    uint16_t id = 0;
    bool recursion_desired = false;
    bool checking_disabled = false;
    std::string name;  ///< lower case, without the final dot; "" is the root
    uint16_t type = 0;
    uint16_t question_class = 0;
    std::string section;  ///< the question as it was sent, to be repeated in the answer
    /// What the client takes by UDP.
    size_t udp_bytes = kMaxUdpBytes;
    bool has_edns = false;
};

struct ReadQuestion {
    std::optional<Question> question;
    /// Why there is none; nullopt: not worth an answer (not a query at all).
    std::optional<Code> refusal;
    uint16_t id = 0;
};
ReadQuestion read_question(std::string_view message);

struct Answer {
    Code code = Code::no_error;
    bool is_authoritative = true;
    std::vector<IpAddress> addresses = {};  ///< A and AAAA by their family
    std::vector<std::string> names = {};    ///< PTR
};
/// At most `max_bytes`; what does not fit sets the truncation bit, so that the client asks by TCP.
std::string write_answer(const Question& question, const Answer& answer, size_t max_bytes);
/// For a message that could not be read as a question.
std::string write_refusal(uint16_t id, Code code);

/// The address in "4.0.86.10.in-addr.arpa" or "….ip6.arpa"; nullopt for other names.
std::optional<IpAddress> parse_reverse_name(std::string_view name);

/// Whether `reply` answers `query` (same id and question, and it is an answer).
bool answers(std::string_view reply, std::string_view query) noexcept;
void set_id(std::string& message, uint16_t id) noexcept;
uint16_t get_id(std::string_view message) noexcept;
/// Cut to a header with the question and the truncation bit.
std::string truncate(std::string_view reply, const Question& question);

}  // namespace nau::network::dns
