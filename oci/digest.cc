#include "oci/digest.h"

#include <algorithm>
#include <array>
#include <variant>

// The low-level functions are deprecated in favour of EVP, but the first EVP digest of a process
// loads a provider and costs 0.9 ms; these use the same SHA-NI code at once.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/parse.h"

namespace nau::oci {

namespace {

struct AlgorithmInfo {
    DigestAlgorithm algorithm;
    std::string_view name;
    size_t hex_length;
};

constexpr std::array kAlgorithms = {
    AlgorithmInfo{DigestAlgorithm::sha256, "sha256", 64},
    AlgorithmInfo{DigestAlgorithm::sha512, "sha512", 128},
};

bool is_lower_hex(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    });
}

const AlgorithmInfo* find_algorithm(std::string_view name) noexcept {
    for (const auto& info : kAlgorithms) {
        if (info.name == name) {
            return &info;
        }
    }
    return nullptr;
}

std::string_view bytes_of(const unsigned char* data, size_t size) noexcept {
    return {reinterpret_cast<const char*>(data), size};
}

}  // namespace

std::string_view to_string(DigestAlgorithm algorithm) noexcept {
    return algorithm == DigestAlgorithm::sha512 ? "sha512" : "sha256";
}

std::optional<Digest> Digest::try_parse(std::string_view text) {
    const auto parts = split_once(text, ':');
    if (!parts) {
        return std::nullopt;
    }
    const AlgorithmInfo* info = find_algorithm(parts->first);
    if (info == nullptr || parts->second.size() != info->hex_length ||
        !is_lower_hex(parts->second)) {
        return std::nullopt;
    }
    return Digest(info->algorithm, text);
}

Digest Digest::parse(std::string_view text) {
    if (auto digest = try_parse(text)) {
        return *std::move(digest);
    }
    const auto parts = split_once(text, ':');
    if (!parts) {
        throw Error(ErrorKind::invalid, "invalid digest '{}': has no algorithm", text);
    }
    const AlgorithmInfo* info = find_algorithm(parts->first);
    if (info == nullptr) {
        throw Error(ErrorKind::invalid,
                    "invalid digest '{}': algorithm '{}' is not sha256 or sha512",
                    text,
                    parts->first);
    }
    throw Error(ErrorKind::invalid,
                "invalid digest '{}': {} takes {} lower-case hexadecimal digits",
                text,
                info->name,
                info->hex_length);
}

struct Hasher::State {
    std::variant<SHA256_CTX, SHA512_CTX> context;
};

Hasher::Hasher(DigestAlgorithm algorithm)
    : algorithm_(algorithm), state_(std::make_unique<State>()) {
    if (algorithm == DigestAlgorithm::sha512) {
        (void)SHA512_Init(&state_->context.emplace<SHA512_CTX>());  // cannot fail
    } else {
        (void)SHA256_Init(&state_->context.emplace<SHA256_CTX>());  // cannot fail
    }
}

Hasher::Hasher(Hasher&& other) noexcept = default;
Hasher& Hasher::operator=(Hasher&& other) noexcept = default;
Hasher::~Hasher() = default;

void Hasher::update(std::span<const std::byte> bytes) noexcept {
    NAU_ASSERT(state_ != nullptr);
    // The update functions return 1, always.
    if (auto* sha256 = std::get_if<SHA256_CTX>(&state_->context)) {
        (void)SHA256_Update(sha256, bytes.data(), bytes.size());
    } else if (auto* sha512 = std::get_if<SHA512_CTX>(&state_->context)) {
        (void)SHA512_Update(sha512, bytes.data(), bytes.size());
    }
}

void Hasher::update(std::string_view bytes) noexcept {
    update(std::as_bytes(std::span(bytes)));
}

Digest Hasher::finish() {
    NAU_ASSERT(state_ != nullptr);
    std::array<unsigned char, SHA512_DIGEST_LENGTH> hash{};
    size_t length = SHA256_DIGEST_LENGTH;
    if (auto* sha256 = std::get_if<SHA256_CTX>(&state_->context)) {
        (void)SHA256_Final(hash.data(), sha256);
    } else if (auto* sha512 = std::get_if<SHA512_CTX>(&state_->context)) {
        (void)SHA512_Final(hash.data(), sha512);
        length = SHA512_DIGEST_LENGTH;
    }
    state_.reset();
    return Digest::parse(
        fmt::format("{}:{}", oci::to_string(algorithm_), to_hex(bytes_of(hash.data(), length))));
}

Digest digest_of(std::span<const std::byte> bytes, DigestAlgorithm algorithm) {
    Hasher hasher(algorithm);
    hasher.update(bytes);
    return hasher.finish();
}

Digest digest_of(std::string_view bytes, DigestAlgorithm algorithm) {
    return digest_of(std::as_bytes(std::span(bytes)), algorithm);
}

}  // namespace nau::oci
