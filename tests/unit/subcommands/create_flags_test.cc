#include "subcommands/flags/create_flags.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "cli/flag_parser.h"

using namespace nau::subcommands;  // NOLINT(google-build-using-namespace): a test
using nau::Error;

namespace {

/// Parses as `nau run` does; the words stand before an image.
struct Line {
    CreateFlags create;
    nau::cli::FlagSet flags{"nau run"};

    explicit Line(std::vector<const char*> words) {
        declare_record_flags(flags, create);
        declare_create_flags(flags, create);
        words.push_back("image");
        (void)nau::cli::parse(flags, words);
    }
};

std::string failure_of(std::vector<const char*> words) {
    try {
        const Line line(std::move(words));
        check_resources(line.create.options.resources);
        check_network(line.create.options);
    } catch (const Error& error) {
        return error.text();
    }
    return "none";
}

}  // namespace

TEST_CASE("the flags of run reach the options of the engine") {
    const Line line({"--name",
                     "web",
                     "-m",
                     "64m",
                     "--memory-swap",
                     "-1",
                     "--cpus",
                     "1.5",
                     "-c",
                     "512",
                     "--pids-limit",
                     "0",
                     "--ulimit",
                     "nofile=1:2",
                     "-v",
                     "/a:/b:ro",
                     "--tmpfs",
                     "/t",
                     "--network",
                     "host",
                     "-h",
                     "box",
                     "--add-host",
                     "a:1.2.3.4",
                     "--cap-add",
                     "all",
                     "--cap-drop",
                     "CHOWN",
                     "--privileged",
                     "--security-opt",
                     "no-new-privileges",
                     "--umask",
                     "0077",
                     "--pid",
                     "host",
                     "--ipc=private",
                     "--entrypoint",
                     "[\"sh\", \"-c\"]",
                     "--log-driver",
                     "json-file",
                     "--pull=never",
                     "--tls-verify=false",
                     "--read-only",
                     "--init",
                     "--rm",
                     "--shm-size",
                     "1g",
                     "--device",
                     "/dev/fuse",
                     "--sysctl",
                     "net.ipv4.ip_forward=1"});
    const auto& options = line.create.options;
    CHECK(options.image == "image");
    CHECK(options.name == "web");
    CHECK(options.resources.memory_bytes == 64 << 20);
    CHECK(options.resources.memory_swap_bytes == -1);
    CHECK(options.resources.cpus == 1.5);
    CHECK(options.resources.cpu_shares == 512);
    CHECK(options.resources.pids_limit == -1);
    CHECK(options.resources.ulimits.size() == 1);
    CHECK(options.resources.shm_size_bytes == 1 << 30);
    CHECK(options.mounts.size() == 2);
    CHECK(options.network.mode == "host");
    CHECK(options.network.hostname == "box");
    CHECK(options.network.add_hosts.size() == 1);
    CHECK(options.security.is_privileged);
    CHECK(options.security.no_new_privileges);
    CHECK(options.pid_mode == "host");
    CHECK(options.ipc_mode.empty());
    CHECK(options.log.driver == "json-file");
    CHECK(options.pull == nau::engine::PullPolicy::never);
    CHECK(options.registry.tls_verify == false);
    CHECK(options.is_read_only);
    CHECK(options.has_init);
    CHECK(options.auto_remove);
    CHECK(options.devices.size() == 1);
    CHECK(options.sysctls.at("net.ipv4.ip_forward") == "1");
    CHECK(line.create.process.options.umask == 077);
    CHECK(line.create.process.options.entrypoint == std::vector<std::string>{"sh", "-c"});
}

TEST_CASE("an empty entry point means none") {
    const Line line({"--entrypoint", ""});
    REQUIRE(line.create.process.options.entrypoint.has_value());
    CHECK(line.create.process.options.entrypoint->empty());
}

TEST_CASE("0 is no limit") {
    CHECK_FALSE(Line({"-m", "0"}).create.options.resources.memory_bytes.has_value());
}

TEST_CASE("flags that contradict each other are told") {
    CHECK(failure_of({"--cpus", "1", "--cpu-quota", "1000"}) ==
          "--cpus and --cpu-quota or --cpu-period cannot be set together");
    CHECK(failure_of({"--memory-swap", "1g"}) == "--memory-swap needs --memory");
    CHECK(failure_of({"-m", "2g", "--memory-swap", "1g"}) ==
          "--memory-swap is smaller than --memory, which it includes");
    CHECK(failure_of({"--oom-score-adj", "2000"}) ==
          "--oom-score-adj is not between -1000 and 1000");
    CHECK(failure_of({"--uts", "host", "--hostname", "x"}) ==
          "--hostname and --uts=host contradict each other");
    CHECK(failure_of({"--network", "host", "--sysctl", "net.core.somaxconn=1"}) ==
          "--sysctl net.core.somaxconn would change the network that --network=host shares");
    CHECK(failure_of({"-m", "64m"}) == "none");
}

TEST_CASE("values that mean nothing are refused by name") {
    CHECK(failure_of({"-m", "1k"}) == "invalid value '1k' for --memory: the smallest limit is 6m");
    CHECK(failure_of({"--umask", "999"}) ==
          "invalid value '999' for --umask: is no mask of octal digits");
    CHECK(failure_of({"--pid", "nonsense"}).starts_with("invalid value 'nonsense' for --pid"));
    CHECK(failure_of({"-e", "=x"}) == "invalid value '=x' for --env: has no name");
    CHECK(failure_of({"--annotation", "x"}) ==
          "invalid value 'x' for --annotation: is not KEY=VALUE");
    CHECK(failure_of({"--network", "pasta"}).find("pasta") != std::string::npos);
    CHECK(failure_of({"--restart", "often"}).find("often") != std::string::npos);
}
