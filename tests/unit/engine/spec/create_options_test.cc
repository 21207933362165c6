#include "engine/spec/create_options.h"

#include <limits>

#include <doctest/doctest.h>

#include "base/error.h"

using namespace nau::engine;  // NOLINT(google-build-using-namespace): a test
using nau::Error;
using nau::ErrorKind;

namespace {

template <typename Action>
ErrorKind kind_of_failure(Action action) {
    try {
        action();
    } catch (const Error& error) {
        return error.kind();
    }
    return ErrorKind::internal;
}

constexpr uint64_t kUnlimited = std::numeric_limits<uint64_t>::max();

}  // namespace

TEST_CASE("pull policies are read") {
    CHECK(parse_pull_policy("missing") == PullPolicy::missing);
    CHECK(parse_pull_policy("always") == PullPolicy::always);
    CHECK(parse_pull_policy("never") == PullPolicy::never);
    CHECK(parse_pull_policy("newer") == PullPolicy::newer);
    CHECK_THROWS_AS(parse_pull_policy("Always"), Error);
}

TEST_CASE("a device is a path, a path inside and permissions") {
    struct Row {
        const char* text;
        const char* host;
        const char* container;
        const char* permissions;
    };
    for (const Row& row : {Row{"/dev/fuse", "/dev/fuse", "/dev/fuse", "rwm"},
                           Row{"/dev/fuse:/dev/x", "/dev/fuse", "/dev/x", "rwm"},
                           Row{"/dev/fuse:r", "/dev/fuse", "/dev/fuse", "r"},
                           Row{"/dev/fuse:/dev/x:rm", "/dev/fuse", "/dev/x", "rm"}}) {
        CAPTURE(row.text);
        const auto device = parse_device_flag(row.text);
        CHECK(device.host_path == row.host);
        CHECK(device.container_path == row.container);
        CHECK(device.permissions == row.permissions);
    }
    for (const char* text : {"", "dev/x", "/a:b", "/a:/b:x", "/a:/b:r:w", "/a:/b:"}) {
        CAPTURE(text);
        CHECK(kind_of_failure([&] { parse_device_flag(text); }) == ErrorKind::invalid);
    }
    CHECK(kind_of_failure([] { parse_device_flag("vendor.com/gpu"); }) == ErrorKind::invalid);
}

TEST_CASE("ulimits have a name, a soft and a hard limit") {
    auto limit = parse_ulimit_flag("nofile=1024");
    CHECK(limit.type == "RLIMIT_NOFILE");
    CHECK(limit.soft == 1024);
    CHECK(limit.hard == 1024);
    limit = parse_ulimit_flag("core=0:-1");
    CHECK(limit.type == "RLIMIT_CORE");
    CHECK(limit.soft == 0);
    CHECK(limit.hard == kUnlimited);
    CHECK(parse_ulimit_flag("stack=8").type == "RLIMIT_STACK");
    for (const char* text : {"nofile", "nofile=", "bogus=1", "nofile=2:1", "nofile=-1:5", "=1"}) {
        CAPTURE(text);
        CHECK(kind_of_failure([&] { parse_ulimit_flag(text); }) == ErrorKind::invalid);
    }
}

TEST_CASE("security options add up") {
    SecurityOptions security;
    for (const char* text : {"no-new-privileges",
                             "seccomp=/etc/p.json",
                             "mask=/proc/a:/proc/b",
                             "unmask=/sys/x",
                             "label=disable",
                             "apparmor=unconfined"}) {
        apply_security_opt(text, security);
    }
    CHECK(security.no_new_privileges);
    CHECK(security.seccomp_profile == "/etc/p.json");
    CHECK(security.masked_paths == std::vector<std::string>{"/proc/a", "/proc/b"});
    CHECK(security.unmasked_paths == std::vector<std::string>{"/sys/x"});
    CHECK(security.selinux_options == std::vector<std::string>{"disable"});
    CHECK(security.apparmor_profile == "unconfined");
    apply_security_opt("seccomp:unconfined", security);
    CHECK(security.seccomp_profile == "unconfined");
    apply_security_opt("no-new-privileges:false", security);
    CHECK_FALSE(security.no_new_privileges);
    CHECK(kind_of_failure([&] { apply_security_opt("label=colour:red", security); }) ==
          ErrorKind::invalid);
    apply_security_opt("unmask=all", security);
    CHECK(security.unmasked_paths.back() == "ALL");
    for (const char* text : {"", "bogus", "seccomp", "seccomp=", "mask=x", "no-new-privileges=2"}) {
        CAPTURE(text);
        CHECK(kind_of_failure([&] { apply_security_opt(text, security); }) == ErrorKind::invalid);
    }
}

TEST_CASE("only kernel parameters of a namespace are accepted") {
    CHECK(parse_sysctl_flag("net.ipv4.ip_forward=1") ==
          std::pair<std::string, std::string>{"net.ipv4.ip_forward", "1"});
    CHECK(parse_sysctl_flag("net/ipv4/ip_forward=1").first == "net.ipv4.ip_forward");
    CHECK(parse_sysctl_flag("kernel.sem=1 2 3 4").second == "1 2 3 4");
    CHECK(parse_sysctl_flag("fs.mqueue.msg_max=5").second == "5");
    for (const char* text : {"kernel.core_pattern=|/x",
                             "kernel.shm_rmid_forced=1\n2",
                             "net.ipv4",
                             "=1",
                             "net...kernel.core_pattern=x",
                             "net/../kernel/core_pattern=x",
                             "net.x/../../kernel/core_pattern=x",
                             "vm.swappiness=1"}) {
        CAPTURE(text);
        CHECK(kind_of_failure([&] { parse_sysctl_flag(text); }) == ErrorKind::invalid);
    }
}

TEST_CASE("a host entry has names and one address") {
    using Hosts = std::vector<std::pair<std::string, std::string>>;
    CHECK(parse_add_host_flag("a:10.0.0.1") == Hosts{{"a", "10.0.0.1"}});
    CHECK(parse_add_host_flag("a=::1") == Hosts{{"a", "::1"}});
    CHECK(parse_add_host_flag("a:::1") == Hosts{{"a", "::1"}});
    CHECK(parse_add_host_flag("a:[::1]") == Hosts{{"a", "::1"}});
    CHECK(parse_add_host_flag("a;b:1.2.3.4") == Hosts{{"a", "1.2.3.4"}, {"b", "1.2.3.4"}});
    for (const char* text : {"a", ":1.2.3.4", "a:1.2.3", "a:", "a b:1.2.3.4", "a;:1.2.3.4"}) {
        CAPTURE(text);
        CHECK(kind_of_failure([&] { parse_add_host_flag(text); }) == ErrorKind::invalid);
    }
}

TEST_CASE("log drivers and options are checked") {
    for (const char* driver :
         {"k8s-file", "json-file", "journald", "passthrough", "passthrough-tty", "none"}) {
        CHECK(parse_log_driver(driver) == driver);
    }
    CHECK(kind_of_failure([] { parse_log_driver("syslog"); }) == ErrorKind::unsupported);
    CHECK(kind_of_failure([] { parse_log_driver("x"); }) == ErrorKind::invalid);
    LogOptions log;
    apply_log_opt("max-size=10m", log);
    apply_log_opt("max-file=5", log);
    apply_log_opt("tag={{.ID}}", log);
    CHECK(log.max_size_bytes == 10 << 20);
    CHECK(log.max_files == 5);
    CHECK(log.tag == "{{.ID}}");
    apply_log_opt("max-size=-1", log);
    CHECK(log.max_size_bytes == -1);
    apply_log_opt("compress=false", log);
    CHECK_FALSE(log.compresses);
    CHECK(log.given ==
          std::map<std::string, std::string>{
              {"max-size", "-1"}, {"max-file", "5"}, {"compress", "false"}, {"tag", "{{.ID}}"}});
    for (const char* text :
         {"max-size", "max-size=x", "max-file=0", "path=/x", "compress=1", "tag=a\nb"}) {
        CAPTURE(text);
        CHECK(kind_of_failure([&] { apply_log_opt(text, log); }) == ErrorKind::invalid);
    }
}

TEST_CASE("an environment file is taken literally") {
    const auto lines = parse_env_lines(
        "\xEF\xBB\xBF"
        "A=1\n# no\n\n  B= two \"x\" \r\nC\nD=a=b\n",
        "f");
    REQUIRE(lines.size() == 4);
    CHECK(lines[0].first == "A");
    CHECK(lines[0].second == "1");
    CHECK(lines[1].first == "B");
    CHECK(lines[1].second == " two \"x\" ");
    CHECK(lines[2].first == "C");
    CHECK_FALSE(lines[2].second.has_value());
    CHECK(lines[3].second == "a=b");
    CHECK_THROWS_WITH(parse_env_lines("A=1\nB C=2\n", "f"), "f: line 2: 'B C' is no variable name");
    CHECK_THROWS_AS(parse_env_lines("=2\n", "f"), Error);
}

TEST_CASE("host names are short and plain") {
    CHECK_NOTHROW(check_hostname("web-1.example.com"));
    for (const std::string& name :
         {std::string(), std::string("-a"), std::string("a b"), std::string(65, 'a')}) {
        CAPTURE(name);
        CHECK_THROWS_AS(check_hostname(name), Error);
    }
}
