#include "base/error.h"
#include "base/parse.h"
#include "cli/files.h"
#include "subcommands/flags/create_flags.h"

namespace nau::subcommands {

namespace {

using Variables = std::vector<std::pair<std::string, std::string>>;

void add_variable(const cli::Context& context, std::string_view text, Variables& env) {
    if (const auto pair = split_once(text, '=')) {
        env.emplace_back(pair->first, pair->second);
        return;
    }
    if (text.ends_with('*')) {
        const std::string_view prefix = text.substr(0, text.size() - 1);
        for (const std::string& entry : context.environment()) {
            const auto pair = split_once(entry, '=');
            if (pair && pair->first.starts_with(prefix)) {
                env.emplace_back(pair->first, pair->second);
            }
        }
        return;
    }
    // As podman and docker: a variable that the caller has not is not set.
    if (auto value = context.environment(std::string(text))) {
        env.emplace_back(text, *std::move(value));
    }
}

void add_env_file(const cli::Context& context, const std::string& path, Variables& env) {
    for (const auto& [name, value] : engine::parse_env_lines(cli::read_option_file(path), path)) {
        if (value) {
            env.emplace_back(name, *value);
        } else if (auto own = context.environment(name)) {
            env.emplace_back(name, *std::move(own));
        }
    }
}

}  // namespace

void declare_process_flags(cli::FlagSet& flags, ProcessFlags& process) {
    flags.section("Process");
    flags.toggle("-i,--interactive",
                 "Keep standard input of the container open and connect it",
                 process.options.keeps_stdin);
    flags.toggle("-t,--tty", "Give the process a terminal", process.options.has_terminal)
        .explain(
            "Its output is then one stream. With -i the caller's terminal is put into raw "
            "mode and its size is followed.");
    flags
        .parsed("-e,--env",
                "NAME[=VALUE]",
                "Set an environment variable; without a value, take the caller's",
                [&process](std::string_view text) {
                    if (text.empty() || text.front() == '=') {
                        throw Error(ErrorKind::invalid, "has no name");
                    }
                    process.env.emplace_back(text);
                })
        .repeatable()
        .explain(
            "A variable that the caller does not have is not set. NAME* takes all of the "
            "caller's variables whose names begin so.");
    flags
        .list("--env-file",
              "FILE",
              "Set the environment variables that the lines of a file name",
              process.env_files)
        .completes(cli::Complete::file)
        .explain(
            "Lines are NAME=value, taken literally, or NAME for the caller's value; lines "
            "that begin with # are comments. --env overrides them.");
    flags
        .parsed("--env-merge",
                "NAME=VALUE",
                "Set a variable to a text in which ${NAME} stands for a variable's value",
                [&process](std::string_view text) {
                    if (const auto pair = split_once(text, '='); !pair || pair->first.empty()) {
                        throw Error(ErrorKind::invalid, "is not NAME=VALUE");
                    }
                    process.merge_env.emplace_back(text);
                })
        .repeatable()
        .explain("The values are those of the image, as in --env-merge PATH=${PATH}:/opt/bin.");
    flags
        .value("-u,--user",
               "USER[:GROUP]",
               "Run as this user, by name or number in the container",
               process.options.user)
        .explain(
            "Names are looked up in the container's /etc/passwd and /etc/group; a word of "
            "digits is never a name. The default is the image's user, or else root.");
    flags
        .value("-w,--workdir",
               "DIR",
               "Start in this directory of the container",
               process.options.workdir)
        .explain("It is created if it does not exist. The default is the image's, or else /.");
}

engine::ProcessOptions finish_process(const cli::Context& context, const ProcessFlags& flags) {
    engine::ProcessOptions options = flags.options;
    if (flags.passes_host_env) {
        add_variable(context, "*", options.env);
    }
    for (const std::string& path : flags.env_files) {
        add_env_file(context, path, options.env);
    }
    for (const std::string& variable : flags.env) {
        add_variable(context, variable, options.env);
    }
    for (const std::string& text : flags.merge_env) {
        const auto pair = split_once(text, '=');
        options.merge_env.emplace_back(pair->first, pair->second);
    }
    if (flags.passes_proxy_env) {
        for (const char* name : {"http_proxy",
                                 "https_proxy",
                                 "ftp_proxy",
                                 "no_proxy",
                                 "HTTP_PROXY",
                                 "HTTPS_PROXY",
                                 "FTP_PROXY",
                                 "NO_PROXY"}) {
            if (auto value = context.environment(name)) {
                options.proxy_env.emplace_back(name, *std::move(value));
            }
        }
    }
    return options;
}

void declare_detach_keys(cli::FlagSet& flags, std::string& keys) {
    flags
        .value("--detach-keys",
               "KEYS",
               "Leave the container running when these keys are pressed",
               keys)
        .defaults_to("ctrl-p,ctrl-q")
        .explain(
            "A list of single characters and of ctrl- with a letter or one of @ [ ] ^ _ and "
            "backslash, separated by commas. An empty text switches detaching off. Keys are "
            "only looked for on a terminal.");
}

void declare_preserved_fds(cli::FlagSet& flags, std::vector<int>& fds) {
    static constexpr int kFirst = 3;
    static constexpr uint64_t kMost = 1000;
    flags.parsed("--preserve-fds",
                 "NUMBER",
                 "Pass so many of the caller's open files on, from descriptor 3",
                 [&fds](std::string_view text) {
                     const auto count = parse_uint64(text);
                     if (!count || *count > kMost) {
                         throw Error(ErrorKind::invalid, "is not a number up to {}", kMost);
                     }
                     fds.clear();
                     for (int i = 0; i < static_cast<int>(*count); ++i) {
                         fds.push_back(kFirst + i);
                     }
                 });
    flags
        .parsed("--preserve-fd",
                "NUMBER,...",
                "Pass these open files on: 3, or 3,4 and so on",
                [&fds](std::string_view text) {
                    for (const std::string_view word : split(text, ',')) {
                        const auto number = parse_uint64(word);
                        if (number != static_cast<uint64_t>(kFirst) + fds.size()) {
                            throw Error(ErrorKind::unsupported,
                                        "'{}': descriptors are passed on from 3 without a gap",
                                        text);
                        }
                        fds.push_back(static_cast<int>(*number));
                    }
                })
        .repeatable();
}

void declare_signal_proxy(cli::FlagSet& flags, bool& forwards) {
    flags.toggle("--sig-proxy", "Pass signals that nau gets on to the process", forwards)
        .explain("SIGCHLD, SIGSTOP and SIGKILL are not passed on.");
}

}  // namespace nau::subcommands
