#include "engine/container/container_log.h"

#include <algorithm>
#include <array>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <fmt/format.h>

#include "base/error.h"
#include "engine/container/supervision.h"
#include "logs/journal_writer.h"
#include "monitor/task_state.h"
#include "sys/file.h"
#include "sys/terminal.h"

namespace nau::engine {

namespace {

std::vector<std::string_view> options_of(const std::string& driver) {
    if (is_log_file_driver(driver)) {
        return {"max-size", "max-file", "compress", "tag"};
    }
    return driver == "journald" ? std::vector<std::string_view>{"tag"}
                                : std::vector<std::string_view>{};
}

/// docker's markup and what it stands for.
using TagWords = std::array<std::pair<std::string_view, std::string>, 7>;

TagWords tag_words(const std::string& id,
                   const std::string& name,
                   const std::string& image_id,
                   const std::string& image_name) {
    constexpr size_t kShortId = 12;
    const std::string hex = image_id.substr(image_id.find(':') + 1);
    return {{{".ID", id.substr(0, kShortId)},
             {".FullID", id},
             {".Name", name},
             {".ImageID", hex.substr(0, kShortId)},
             {".ImageFullID", image_id},
             {".ImageName", image_name},
             {".DaemonName", "nau"}}};
}

std::string render_log_tag(const std::string& tag, const TagWords& words) {
    std::string out;
    std::string_view rest = tag;
    for (size_t begin = rest.find("{{"); begin != rest.npos; begin = rest.find("{{")) {
        const size_t end = rest.find("}}", begin);
        std::string_view word =
            rest.substr(begin + 2, end == rest.npos ? rest.npos : end - begin - 2);
        word.remove_prefix(std::min(word.find_first_not_of(' '), word.size()));
        word = word.substr(0, word.find_last_not_of(' ') + 1);
        const auto found = std::ranges::find(words, word, &TagWords::value_type::first);
        if (end == rest.npos || found == words.end()) {
            throw Error(ErrorKind::invalid, "log option tag: unknown markup '{{{{{}'", word)
                .with_hint(
                    "it may have {{.ID}}, {{.FullID}}, {{.Name}}, {{.ImageID}}, {{.ImageFullID}}, "
                    "{{.ImageName}} and {{.DaemonName}}");
        }
        out += rest.substr(0, begin);
        out += found->second;
        rest.remove_prefix(end + 2);
    }
    out += rest;
    return out;
}

}  // namespace

bool is_log_file_driver(std::string_view driver) noexcept {
    return driver == "k8s-file" || driver == "json-file";
}

void check_log_options(const CreateOptions& options) {
    const LogOptions& log = options.log;
    const auto known = options_of(log.driver);
    for (const auto& [key, value] : log.given) {
        if (std::ranges::find(known, key) == known.end()) {
            throw Error(ErrorKind::invalid,
                        "log driver {} has no option '{}' ({})",
                        log.driver,
                        key,
                        known.empty() ? "it has none" : fmt::format("{}", fmt::join(known, ", ")));
        }
    }
    (void)render_log_tag(log.tag, tag_words("", "", "", ""));
    if (log.driver.starts_with("passthrough") && options.process.has_terminal) {
        throw Error(ErrorKind::invalid,
                    "log driver {} gives the container nau's own streams, so it does not go with "
                    "a terminal of its own",
                    log.driver)
            .with_hint("leave out -t, or take another log driver");
    }
}

monitor::LogConfig make_log_config(const storage::Paths& paths,
                                   const storage::Container& record,
                                   const ContainerConfig& config) {
    monitor::LogConfig log;
    log.driver = monitor::parse_log_driver(config.log_driver);
    if (log.is_file()) {
        log.path = paths.container_log(record.id);
        sys::make_directories(log.path.parent_path(), 0700);
    } else if (log.driver == monitor::LogDriver::journald) {
        log.path = logs::kJournalSocket;
    }
    log.max_size_bytes = static_cast<uint64_t>(config.log_max_size_bytes);
    log.max_files = static_cast<uint32_t>(config.log_max_files);
    log.compresses = config.log_compresses;
    log.tag = render_log_tag(config.log_tag,
                             tag_words(record.id.to_string(),
                                       record.name,
                                       record.image_id ? record.image_id->to_string() : "",
                                       record.image_name));
    log.tag.resize(std::min(log.tag.size(), logs::kMaxTag));
    return log;
}

bool passes_streams_through(const ContainerConfig& config) noexcept {
    return config.log_driver.starts_with("passthrough");
}

void check_own_streams(const ContainerConfig& config) {
    if (config.log_driver != "passthrough") {
        return;
    }
    constexpr std::array<const char*, 3> kNames = {
        "standard input", "standard output", "standard error"};
    for (int fd = 0; fd < 3; ++fd) {
        if (sys::is_terminal(fd)) {
            throw Error(ErrorKind::invalid,
                        "log driver passthrough: {} is a terminal, into which the container could "
                        "type (TIOCSTI)",
                        kNames.at(static_cast<size_t>(fd)))
                .with_hint(
                    "redirect it, or take --log-driver passthrough-tty for a container that you "
                    "trust");
        }
    }
}

AttachOptions without_passed_streams(const ContainerConfig& config, AttachOptions attach) {
    if (passes_streams_through(config)) {
        attach.has_stdin = false;
        attach.has_stdout = false;
        attach.has_stderr = false;
    }
    return attach;
}

void check_log_is_kept(const ContainerConfig& config,
                       const storage::ContainerId& id,
                       const std::string& name) {
    if (is_log_file_driver(config.log_driver)) {
        return;
    }
    if (config.log_driver == "journald") {
        throw Error(ErrorKind::unsupported, "the log of container '{}' is in the journal", name)
            .with_hint("journalctl CONTAINER_ID_FULL=" + id.to_string());
    }
    if (passes_streams_through(config)) {
        throw Error(ErrorKind::unsupported,
                    "nau keeps no log of container '{}': with the log driver {} its output goes to "
                    "whoever started it",
                    name,
                    config.log_driver);
    }
    throw Error(ErrorKind::unsupported,
                "container '{}' keeps no log (its log driver is '{}')",
                name,
                config.log_driver);
}

std::string describe_log_loss(storage::Store& store, const storage::ContainerId& id) {
    const auto run_dir = store.paths().container_run(id);
    if (sys::file_exists(run_dir.string())) {  // it runs
        const auto reason = monitor::read_log_loss(run_dir);
        return reason ? fmt::format("A part of its output could not be written to its log: {}.",
                                    *reason)
                      : std::string();
    }
    const auto end = read_last_end(store, id);
    return end && end->log_lost_bytes > 0
               ? fmt::format("{} bytes of its output could not be written to its log.",
                             end->log_lost_bytes)
               : std::string();
}

}  // namespace nau::engine
