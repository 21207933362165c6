#include "oci/registry/credential_helper.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/parse.h"
#include "sys/file.h"
#include "sys/pipe.h"
#include "sys/process.h"

namespace nau::oci {

namespace {

constexpr size_t kMaxAnswerBytes = size_t{256} << 10U;
constexpr size_t kMaxShown = 200;
constexpr std::string_view kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// How the protocol says that a user name stands for an identity token.
constexpr std::string_view kTokenUser = "<token>";

bool is_plain(std::string_view name) noexcept {
    return !name.empty() && name.front() != '.' &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      c == '-' || c == '_' || c == '.';
           });
}

std::string find_program(const std::string& name, const EnvironmentLookup& environment) {
    const std::string path = environment("PATH").value_or(std::string(kDefaultPath));
    for (const auto folder : split(path, ':')) {
        // A relative folder would mean a program of whoever filled the working directory.
        if (!folder.starts_with('/')) {
            continue;
        }
        const std::string candidate = fmt::format("{}/{}", folder, name);
        const auto status = sys::stat_if_exists(candidate);
        if (status && S_ISREG(status->st_mode) && (status->st_mode & 0111U) != 0) {
            return candidate;
        }
    }
    throw Error(ErrorKind::not_found, "credential helper {} is not in PATH", name)
        .with_hint("install it, or take it out of the auth file that names it");
}

/// What the helper printed, for an error: one printable line.
std::string shown(std::string text) {
    text = std::string(trim(text));
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c < ' ' || c == '\x7f'; }, ' ');
    if (text.size() > kMaxShown) {
        text.resize(kMaxShown);
    }
    return text.empty() ? "it failed without a word" : text;
}

}  // namespace

std::optional<Credentials> parse_helper_answer(std::string_view text, std::string_view program) {
    const json::Value document = json::parse(text, program);
    const json::Field root(document, program);
    const std::string user = root.string_or("Username", "");
    std::string secret = root.string_or("Secret", "");
    if (user == kTokenUser) {
        return Credentials{.identity_token = std::move(secret)};
    }
    return user.empty()
               ? std::nullopt
               : std::optional(Credentials{.username = user, .password = std::move(secret)});
}

CredentialHelper::CredentialHelper(std::string_view name, const EnvironmentLookup& environment)
    : program_(fmt::format("docker-credential-{}", name)) {
    if (!is_plain(name)) {
        throw Error(ErrorKind::invalid, "invalid name of a credential helper");
    }
    path_ = find_program(program_, environment);
}

CredentialHelper::Answer CredentialHelper::run(const char* verb, std::string_view input) const {
    NAU_LOG_DEBUG("credentials: {} {}", program_, verb);
    sys::Pipe to_child = sys::pipe2();
    sys::Pipe from_child = sys::pipe2();
    sys::SpawnOptions options;
    options.path = path_;
    options.argv = {program_, verb};
    options.stdin_fd = to_child.read.get();
    options.stdout_fd = from_child.write.get();
    sys::Child child = sys::spawn(options);
    to_child.read.reset();
    from_child.write.reset();
    try {
        sys::write_all(to_child.write.get(), input);  // far less than a pipe holds
    } catch (const SysError& error) {
        if (error.error() != EPIPE) {  // it needs no input
            throw;
        }
    }
    to_child.write.reset();
    std::string output = sys::read_fd(from_child.read.get(), kMaxAnswerBytes);
    from_child.read.reset();
    return {.is_success = child.wait().is_success(), .output = std::move(output)};
}

std::string CredentialHelper::run_or_throw(const char* verb, std::string_view input) const {
    Answer answer = run(verb, input);
    if (!answer.is_success) {
        throw Error(ErrorKind::unavailable,
                    "credential helper {} {}: {}",
                    program_,
                    verb,
                    shown(std::move(answer.output)));
    }
    return std::move(answer.output);
}

std::optional<Credentials> CredentialHelper::get(std::string_view server) const {
    Answer answer = run("get", server);
    if (answer.is_success) {
        return parse_helper_answer(answer.output, program_);
    }
    // The protocol has no other way to say it than this sentence.
    const std::string said = shown(std::move(answer.output));
    if (said.starts_with("credentials not found")) {
        return std::nullopt;
    }
    throw Error(ErrorKind::unavailable, "credential helper {} get: {}", program_, said);
}

void CredentialHelper::store(std::string_view server, const Credentials& credentials) const {
    const bool is_token = !credentials.identity_token.empty();
    const json::Value document = {
        {"ServerURL", server},
        {"Username", is_token ? std::string(kTokenUser) : credentials.username},
        {"Secret", is_token ? credentials.identity_token : credentials.password}};
    (void)run_or_throw("store", json::to_text(document));
}

void CredentialHelper::erase(std::string_view server) const {
    (void)run_or_throw("erase", server);
}

std::map<std::string, std::string> CredentialHelper::list() const {
    const json::Value document = json::parse(run_or_throw("list", ""), program_);
    return json::Field(document, program_).as_string_map();
}

}  // namespace nau::oci
