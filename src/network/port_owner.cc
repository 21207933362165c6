#include "network/port_owner.h"

#include <vector>

#include <fmt/core.h>

#include "base/error.h"
#include "base/parse.h"
#include "sys/file.h"

namespace nau::network {

namespace {

constexpr size_t kMaxTableBytes = 16U << 20U;
constexpr size_t kMaxCommandBytes = 4096;

std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> words;
    for (const auto word : split(line, ' ')) {
        if (!word.empty()) {
            words.push_back(word);
        }
    }
    return words;
}

bool holds_socket(const std::string& process, const std::string& wanted) {
    const auto entries = sys::list_directory_if_exists(fmt::format("/proc/{}/fd", process));
    if (!entries) {
        return false;
    }
    for (const auto& entry : *entries) {
        try {
            if (sys::readlink(fmt::format("/proc/{}/fd/{}", process, entry.name)) == wanted) {
                return true;
            }
        } catch (const SysError&) {
            continue;  // closed meanwhile
        }
    }
    return false;
}

}  // namespace

std::optional<std::string> find_socket_inode(std::string_view table, uint16_t port, bool is_tcp) {
    const std::string suffix = fmt::format(":{:04X}", port);
    for (const auto line : split(table, '\n')) {
        // sl local rem st tx:rx tr:when retrnsmt uid timeout inode
        const auto words = words_of(line);
        constexpr size_t inode_column = 9;
        if (words.size() > inode_column && words[1].ends_with(suffix) &&
            words[3] == (is_tcp ? "0A" : "07")) {
            return std::string(words[inode_column]);
        }
    }
    return std::nullopt;
}

std::optional<std::string> find_port_owner(std::string_view protocol, uint16_t port) {
    for (const char* family : {"", "6"}) {
        const auto table = sys::read_file_if_exists(fmt::format("/proc/net/{}{}", protocol, family),
                                                    kMaxTableBytes);
        const auto inode =
            table ? find_socket_inode(*table, port, protocol == "tcp") : std::nullopt;
        if (!inode) {
            continue;
        }
        const std::string wanted = fmt::format("socket:[{}]", *inode);
        for (const auto& entry : sys::list_directory("/proc")) {
            if (!parse_uint64(entry.name)) {
                continue;
            }
            try {
                if (holds_socket(entry.name, wanted)) {
                    const auto name = sys::read_file_if_exists(
                        fmt::format("/proc/{}/comm", entry.name), kMaxCommandBytes);
                    return fmt::format("{} (pid {})", trim(name.value_or("?")), entry.name);
                }
            } catch (const Error&) {
                continue;  // ended meanwhile, or not ours to look at
            }
        }
    }
    return std::nullopt;
}

}  // namespace nau::network
