// How the first process of a container is started and ended, and what it shares with others.

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/parse.h"
#include "subcommands/flags/create_flags.h"

namespace nau::subcommands {

namespace {

/// A word, a JSON list of words, or nothing: no entry point at all.
std::vector<std::string> parse_entrypoint(std::string_view text) {
    if (text.empty()) {
        return {};
    }
    if (text.front() != '[') {
        return {std::string(text)};
    }
    try {
        const json::Value list = json::parse(text, "the list");
        return json::Field(list, "the list").as_string_list();
    } catch (const Error& error) {
        throw Error(ErrorKind::invalid, "{}", error.text());
    }
}

void declare_entry_flags(cli::FlagSet& flags, CreateFlags& create) {
    auto& process = create.process.options;
    flags
        .parsed("--entrypoint",
                "WORD",
                "Run this instead of the image's entry point",
                [&process](std::string_view text) { process.entrypoint = parse_entrypoint(text); })
        .explain(
            "A JSON list such as [\"sh\", \"-c\"] gives several words; an empty text leaves "
            "only the command. The image's own command is then not used.");
    flags.toggle("--init",
                 "Run a small init as process 1 that reaps zombies and passes signals on",
                 create.options.has_init);
    flags
        .value("--init-path",
               "FILE",
               "With --init, use this program of the host in place of nau's init",
               create.options.init_path)
        .completes(cli::Complete::file)
        .explain("It is called with -- and the command, as catatonit, tini and dumb-init are.");
    flags
        .value(
            "--systemd",
            "WHEN",
            "Lay the container out for systemd: true (when the command is systemd or /sbin/init), "
            "always, false",
            create.options.systemd)
        .defaults_to("true")
        .one_of({"true", "false", "always"})
        .explain(
            "That is a tmpfs on /run, /run/lock, /tmp and /var/log/journal, writable control "
            "groups, and the stop signal SIGRTMIN+3.");
    flags.parsed("--shm-size-systemd",
                 "BYTES",
                 "Size of the tmpfs that --systemd makes on /run, /run/lock and /var/log/journal",
                 [&create](std::string_view text) {
                     create.options.systemd_shm_size_bytes = parse_size_bytes(text);
                 });
    flags.list(
        "--unsetenv", "NAME", "Remove an environment variable of the image", process.unset_env);
    flags.toggle("--unsetenv-all",
                 "Remove all environment variables but those that are set here",
                 process.unsets_default_env);
    create.process.passes_proxy_env = true;
    flags.toggle("--http-proxy",
                 "Pass on the caller's proxies (http_proxy and its kin)",
                 create.process.passes_proxy_env);
    flags
        .parsed("--tz",
                "ZONE",
                "Give the container this time zone, such as Europe/Berlin, or local",
                [&create](std::string_view text) {
                    engine::check_time_zone(text);
                    create.options.time_zone = text;
                })
        .explain("The zone's file of the host appears as /etc/localtime.");
    flags.parsed(
        "--personality",
        "PERSONA",
        "Set the execution domain of personality(2): LINUX, LINUX32",
        [&create](std::string_view text) {
            if (text != "LINUX" && text != "LINUX32" && text != "linux" && text != "linux32") {
                throw Error(ErrorKind::unsupported, "'{}' is not LINUX or LINUX32", text);
            }
            create.options.personality =
                text.size() > std::string_view("linux").size() ? "LINUX32" : "LINUX";
        });
    flags.list("--chrootdirs",
               "DIR",
               "Put /etc/hosts, hostname and resolv.conf below this directory as well",
               create.options.chroot_directories);
    flags.toggle(
        "--env-host", "Pass on the caller's whole environment", create.process.passes_host_env);
    flags.list("--group-add",
               "GROUP",
               "Add the process to a further group of the container",
               process.group_add);
    flags
        .parsed("--umask",
                "MODE",
                "Set the file mode creation mask, in octal digits",
                [&process](std::string_view text) {
                    const auto mask = parse_octal(text);
                    if (!mask || *mask > 0777) {
                        throw Error(ErrorKind::invalid, "is no mask of octal digits");
                    }
                    process.umask = static_cast<uint32_t>(*mask);
                })
        .defaults_to("0022");
}

/// The words by which scripts ask for what nau does anyway.
void declare_runtime_flag(cli::FlagSet& flags) {
    flags
        .parsed("--runtime",
                "NAME",
                "Accepted where it names a runtime for Linux containers: it is built in",
                [](std::string_view text) {
                    const std::string_view name = text.substr(text.rfind('/') + 1);
                    for (const std::string_view known :
                         {"nau", "nau-runtime", "runc", "crun", "youki", "io.containerd.runc.v2"}) {
                        if (name == known) {
                            return;
                        }
                    }
                    throw Error(ErrorKind::unsupported,
                                "'{}': the runtime is built in, and does what runc and crun do",
                                text);
                })
        .defaults_to("nau");
}

void declare_end_flags(cli::FlagSet& flags, CreateFlags& create) {
    flags
        .value("--stop-signal",
               "SIGNAL",
               "Ask the process to end with this signal, by name or number",
               create.options.stop_signal)
        .explain("The default is the image's, or else SIGTERM.");
    flags
        .value("--stop-timeout",
               "SECONDS",
               "Kill the process when it has not ended so long after the stop signal",
               create.stop_timeout)
        .defaults_to("10");
    flags.value(
        "--timeout", "SECONDS", "Kill the process when it has run so long", create.options.timeout);
    flags
        .value("--sdnotify",
               "WHO",
               "Tell the service manager that the container is ready when: container (it says so "
               "itself), conmon (it has started), healthy (its health check succeeds), ignore",
               create.options.sdnotify)
        .defaults_to("container")
        .one_of({"container", "conmon", "healthy", "ignore"})
        .explain(
            "A service manager is there when NOTIFY_SOCKET is set (Type=notify in a unit of "
            "systemd). "
            "Its main process becomes the container's monitor, whose exit status is the "
            "container's. "
            "With container the program finds a socket at $NOTIFY_SOCKET of its own.");
    declare_restart_flag(flags, create);
}

std::string checked_mode(std::string_view text, std::initializer_list<std::string_view> words) {
    for (const std::string_view word : words) {
        const bool is_prefix = word.ends_with(':');
        if (is_prefix ? text.starts_with(word) && text.size() > word.size() : text == word) {
            return std::string(text == "private" ? "" : text);
        }
    }
    throw Error(ErrorKind::invalid, "is none of {}", fmt::join(words, ", "));
}

void declare_namespace_flags(cli::FlagSet& flags, CreateFlags& create) {
    auto& options = create.options;
    flags
        .parsed("--pid",
                "MODE",
                "See the processes of: private (only its own), host, container:NAME",
                [&options](std::string_view text) {
                    options.pid_mode = checked_mode(text, {"private", "host", "container:", "ns:"});
                })
        .defaults_to("private");
    flags
        .parsed(
            "--ipc",
            "MODE",
            "Share memory and message queues with: private, shareable, none, host, container:NAME",
            [&options](std::string_view text) {
                options.ipc_mode = checked_mode(
                    text, {"private", "shareable", "none", "host", "container:", "ns:"});
            })
        .defaults_to("private");
    flags
        .parsed("--uts",
                "MODE",
                "Have the host name of: private (its own), host, container:NAME",
                [&options](std::string_view text) {
                    options.uts_mode = checked_mode(text, {"private", "host", "container:", "ns:"});
                })
        .defaults_to("private");
    flags
        .parsed("--cgroupns",
                "MODE",
                "See the control groups of: private (only its own), host",
                [&options](std::string_view text) {
                    options.cgroupns_mode =
                        checked_mode(text, {"private", "host", "container:", "ns:"});
                })
        .defaults_to("private");
}

void declare_user_namespace_flags(cli::FlagSet& flags, CreateFlags& create) {
    auto& users = create.options.user_namespace;
    flags
        .parsed("--userns",
                "MODE",
                "Have the user ids of: host, auto, private, keep-id, container:NAME",
                [&users](std::string_view text) { engine::apply_userns_flag(text, users); })
        .defaults_to("host")
        .explain(
            "auto gives the container ids outside that no other has, from those of the user "
            "'containers' in /etc/subuid and /etc/subgid, or else from 2147483648 on; "
            "auto:size=NUMBER fewer than 65536. private is the same, or what --uidmap says. "
            "keep-id makes a namespace in which all ids are as outside. ns:PATH joins another. "
            "Layers and volumes are mounted with the ids mapped: nothing is copied or given away. "
            "A path of the host shows its own ids.");
    const auto add_to = [](engine::IdMappings& mappings) {
        return [&mappings](std::string_view text) {
            mappings.push_back(engine::parse_id_map_flag(text));
        };
    };
    flags
        .parsed("--uidmap",
                "INSIDE:OUTSIDE[:COUNT]",
                "Have a user namespace of its own, with these users",
                add_to(users.uids))
        .repeatable()
        .explain("Without --gidmap it holds for groups as well.");
    flags.parsed("--gidmap", "INSIDE:OUTSIDE[:COUNT]", "The same for groups", add_to(users.gids))
        .repeatable();
    flags.value("--subuidname",
                "NAME",
                "Have a user namespace of its own, with the ids of this user in /etc/subuid",
                users.subuid_name);
    flags.value("--subgidname", "NAME", "The same for groups, in /etc/subgid", users.subgid_name);
}

}  // namespace

void declare_start_flags(cli::FlagSet& flags, CreateFlags& create) {
    declare_process_flags(flags, create.process);
    declare_entry_flags(flags, create);
    declare_runtime_flag(flags);
    declare_end_flags(flags, create);
    flags.section("Namespaces");
    declare_namespace_flags(flags, create);
    declare_user_namespace_flags(flags, create);
}

}  // namespace nau::subcommands
