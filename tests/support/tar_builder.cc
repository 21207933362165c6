#include "tests/support/tar_builder.h"

#include <fmt/core.h>

namespace nau::test {

namespace {

constexpr size_t kBlock = 512;

void put(std::string& block, size_t offset, size_t size, std::string_view text) {
    block.replace(offset, std::min(size, text.size()), text.substr(0, size));
}

/// Octal with a final NUL, or binary when it does not fit.
void put_number(std::string& block, size_t offset, size_t size, int64_t value) {
    const std::string octal = fmt::format("{:0{}o}", value, size - 1);
    if (value >= 0 && octal.size() < size) {
        put(block, offset, size, octal);
        return;
    }
    auto rest = static_cast<uint64_t>(value);
    for (size_t i = size; i-- > 0;) {
        const bool is_beyond = size - 1 - i >= 8;
        const uint64_t byte = is_beyond ? (value < 0 ? 0xff : 0) : rest & 0xff;
        block[offset + i] = static_cast<char>(byte);
        rest >>= is_beyond ? 0 : 8;
    }
    block[offset] = static_cast<char>(static_cast<unsigned char>(block[offset]) | 0x80);
}

std::string gnu_long(char type, const std::string& text) {
    TarMember member;
    member.path = "././@LongLink";
    member.type = type;
    member.dialect = TarDialect::gnu;
    return tar_header(member, text.size() + 1) + padded(text + '\0');
}

}  // namespace

std::string padded(std::string bytes) {
    bytes.append((kBlock - bytes.size() % kBlock) % kBlock, '\0');
    return bytes;
}

void fix_checksum(std::string& bytes, size_t offset) {
    put(bytes, offset + 148, 8, "        ");
    unsigned sum = 0;
    for (size_t i = 0; i < kBlock; ++i) {
        sum += static_cast<unsigned char>(bytes[offset + i]);
    }
    put(bytes, offset + 148, 8, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
}

std::string tar_header(const TarMember& member, uint64_t size) {
    std::string block(kBlock, '\0');
    put(block, 0, 100, member.path);
    put_number(block, 100, 8, member.mode);
    put_number(block, 108, 8, member.uid);
    put_number(block, 116, 8, member.gid);
    put_number(block, 124, 12, member.claimed_size.value_or(static_cast<int64_t>(size)));
    put_number(block, 136, 12, member.modified);
    block[156] = member.type;
    put(block, 157, 100, member.link_target);
    if (member.dialect != TarDialect::v7) {
        put(block,
            257,
            8,
            member.dialect == TarDialect::gnu ? std::string_view("ustar  \0", 8)
                                              : std::string_view("ustar\00000", 8));
        put_number(block, 329, 8, member.device_major);
        put_number(block, 337, 8, member.device_minor);
    }
    fix_checksum(block);
    return block;
}

std::string pax_record(std::string_view key, std::string_view value) {
    const size_t rest = key.size() + value.size() + 3;  // " =\n"
    size_t length = rest + 1;
    while (length != rest + fmt::format("{}", length).size()) {
        ++length;
    }
    return fmt::format("{} ", length).append(key).append("=").append(value).append("\n");
}

TarBuilder& TarBuilder::add(const TarMember& member) {
    std::string records;
    for (const auto& [key, value] : member.records) {
        records += pax_record(key, value);
    }
    const bool has_long_name = member.path.size() > 100;
    const bool has_long_link = member.link_target.size() > 100;
    if (member.dialect == TarDialect::gnu) {
        bytes_ += has_long_link ? gnu_long('K', member.link_target) : "";
        bytes_ += has_long_name ? gnu_long('L', member.path) : "";
    } else if (member.dialect == TarDialect::pax) {
        records += has_long_name ? pax_record("path", member.path) : "";
        records += has_long_link ? pax_record("linkpath", member.link_target) : "";
    }
    if (!records.empty()) {
        TarMember header;
        header.path = "PaxHeaders/x";
        header.type = 'x';
        bytes_ += tar_header(header, records.size()) + padded(records);
    }
    bytes_ += tar_header(member, member.content.size()) + padded(member.content);
    return *this;
}

TarBuilder& TarBuilder::file(std::string path, std::string content, uint32_t mode) {
    TarMember member;
    member.path = std::move(path);
    member.content = std::move(content);
    member.mode = mode;
    return add(member);
}

TarBuilder& TarBuilder::directory(std::string path, uint32_t mode) {
    TarMember member;
    member.path = std::move(path);
    member.type = '5';
    member.mode = mode;
    return add(member);
}

TarBuilder& TarBuilder::symlink(std::string path, std::string target) {
    TarMember member;
    member.path = std::move(path);
    member.type = '2';
    member.mode = 0777;
    member.link_target = std::move(target);
    return add(member);
}

TarBuilder& TarBuilder::hard_link(std::string path, std::string target) {
    TarMember member;
    member.path = std::move(path);
    member.type = '1';
    member.link_target = std::move(target);
    return add(member);
}

TarBuilder& TarBuilder::raw(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
}

std::string TarBuilder::finish() const {
    return bytes_ + std::string(2 * kBlock, '\0');
}

}  // namespace nau::test
