#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "network/dns_message.h"

// A question that was read can be answered within its limit, and the answer is never taken for a
// question.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    namespace dns = nau::network::dns;
    const std::string_view message(reinterpret_cast<const char*>(data), size);
    const auto read = dns::read_question(message);
    if (read.question) {
        dns::Answer answer;
        answer.addresses.assign(100, nau::network::IpAddress::v4(0x01020304));
        answer.names = {read.question->name};
        const auto reply = dns::write_answer(*read.question, answer, read.question->udp_bytes);
        NAU_ASSERT(reply.size() <= read.question->udp_bytes ||
                   reply.size() <= dns::kMaxUdpBytes + read.question->section.size());
        NAU_ASSERT(!dns::read_question(reply).question);
        NAU_ASSERT(dns::answers(reply, message));
        (void)dns::parse_reverse_name(read.question->name);
    }
    (void)dns::answers(message, message);
    return 0;
}
