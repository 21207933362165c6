#include "engine/registry/login.h"

#include <array>
#include <unistd.h>

#include <fmt/core.h>

#include "base/error.h"
#include "base/log.h"
#include "base/parse.h"
#include "cli/context.h"
#include "cli/files.h"
#include "cli/interrupt.h"
#include "cli/prompt.h"
#include "cli/usage_error.h"
#include "subcommands/flags/registry.h"
#include "subcommands/registry/declarations.h"
#include "subcommands/registry/login_flags.h"

namespace nau::subcommands {

namespace {

constexpr const char* kCommand = "nau login";

struct Options {
    std::string registry;
    engine::LoginOptions login;
    bool has_password_on_stdin = false;
    bool only_shows_user = false;
    bool is_verbose = false;
};

constexpr std::array kRefused = {
    cli::RefusedFlag{"--secret", "use --password-stdin"},
};

void declare(cli::FlagSet& flags, Options& options) {
    flags.description(
        "Log in to a registry: try user name and password there and keep them where pull, push, "
        "podman and skopeo look. Without REGISTRY the one is meant that names without a registry "
        "go to. REGISTRY/NAMESPACE keeps them for a part of the registry.");
    declare_login_flags(flags, options.login.files);
    flags
        .value("--cert-dir",
               "DIR",
               "Look for certificates of registries in this directory",
               options.login.registry.cert_dir)
        .completes(cli::Complete::directory);
    flags.toggle("--get-login", "Print who is logged in", options.only_shows_user);
    flags
        .value("-p,--password",
               "PASSWORD",
               "The password, which others on this machine can see",
               options.login.password)
        .explain("--password-stdin is better.");
    flags.toggle(
        "--password-stdin", "Read the password from standard input", options.has_password_on_stdin);
    flags
        .toggle("--tls-verify",
                "Insist on verified TLS of registries",
                options.login.registry.tls_verify)
        .defaults_to("as registries.conf says");
    flags.value("-u,--username", "USER", "The user name", options.login.username);
    flags.toggle("-v,--verbose", "Say where the credentials are kept", options.is_verbose);
    flags.refuse(kRefused);
    flags.argument("REGISTRY", options.registry).optional();
    flags.example("nau login -u alice registry.example.com");
}

/// One line end belongs to the echo that made the pipe.
std::string read_password() {
    std::string text = cli::read_all(STDIN_FILENO);
    if (text.ends_with('\n')) {
        text.pop_back();
        if (text.ends_with('\r')) {
            text.pop_back();
        }
    }
    return text;
}

void check(const Options& options) {
    const auto& login = options.login;
    if (options.has_password_on_stdin && !login.password.empty()) {
        throw cli::UsageError(kCommand, "--password and --password-stdin exclude each other");
    }
    if (options.has_password_on_stdin && login.username.empty()) {
        throw cli::UsageError(kCommand, "--password-stdin needs --username");
    }
}

void require_terminal(const char* flag) {
    if (!cli::stdin_is_terminal()) {
        throw cli::UsageError(
            kCommand, "standard input is no terminal to ask at: {} is needed", flag);
    }
}

/// Asks for what was not said.
void complete(engine::LoginOptions& login,
              const Options& options,
              const std::optional<engine::KnownLogin>& known) {
    if (options.has_password_on_stdin) {
        login.password = read_password();
    }
    if (login.username.empty()) {
        require_terminal("--username");
        login.username =
            cli::ask_line(known ? fmt::format("Username ({}): ", known->username) : "Username: ");
        if (login.username.empty() && known) {
            login.username = known->username;
        }
    }
    if (login.password.empty() && !options.has_password_on_stdin) {
        require_terminal("--password-stdin");
        login.password = cli::ask_secret("Password: ");
    }
    if (login.username.empty() || login.password.empty()) {
        throw Error(ErrorKind::invalid,
                    "the {} is empty",
                    login.username.empty() ? "user name" : "password");
    }
}

std::string log_in(cli::Context& context, const engine::LoginOptions& login) {
    std::stop_source stop;
    const cli::InterruptWatch watch(stop);
    return engine::log_in(context.engine(), login, stop.get_token());
}

/// What is known already may still be good.
bool is_still_logged_in(cli::Context& context,
                        engine::LoginOptions login,
                        const engine::KnownLogin& known) {
    login.username = known.username;
    login.password = known.password;
    try {
        (void)log_in(context, login);
        context.out().print("Existing credentials are valid. Already logged in to {}\n", login.key);
        return true;
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::permission_denied) {
            throw;
        }
        NAU_LOG_WARN("{}: the credentials that are here are not taken any more", login.key);
        return false;
    }
}

int run(cli::Context& context, const Options& options) {
    check(options);
    engine::LoginOptions login = options.login;
    login.key = engine::login_key(context.engine(), options.registry);
    const auto known = engine::find_login(context.engine(), login.key, login.files);
    if (options.only_shows_user) {
        if (!known) {
            throw Error(ErrorKind::not_found, "not logged in to {}", login.key);
        }
        context.out().print("{}\n", known->username);
        return 0;
    }
    const bool says_nothing = login.username.empty() && login.password.empty();
    if (says_nothing && known && is_still_logged_in(context, login, *known)) {
        return 0;
    }
    complete(login, options, known);
    const std::string place = log_in(context, login);
    if (options.is_verbose) {
        context.out().print("Used:  {}\n", place);
    }
    context.out().print("Login Succeeded!\n");
    return 0;
}

}  // namespace

constinit const cli::Command login =
    cli::make_command<Options, declare, run>("Log in to a registry");

}  // namespace nau::subcommands
