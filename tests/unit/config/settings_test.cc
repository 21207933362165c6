#include "config/settings.h"

#include <functional>

#include <doctest/doctest.h>

#include "base/error.h"
#include "sys/file.h"
#include "tests/support/temp_dir.h"

using namespace nau;
using config::Environment;
using config::Settings;

namespace {

Settings parse(std::string_view text) {
    return config::parse_settings(text, "nau.conf", Settings());
}

std::string error_of(const std::function<void()>& action) {
    try {
        action();
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::invalid);
        return error.text();
    }
    return {};
}

}  // namespace

TEST_CASE("an empty file and one of comments change nothing") {
    CHECK(parse("") == Settings());
    CHECK(parse("# graph_root = /x\n\n   \t\n#\n") == Settings());
}

TEST_CASE("every key sets its member") {
    const Settings settings = parse(
        "graph_root = /srv/nau/\n"
        "run_root=/run/other\r\n"
        "  namespace   =   team-a  \n"
        "log_level = debug\n"
        "log_max_size = 1m\n"
        "log_max_files = 7\n"
        "storage_driver = vfs\n"
        "additional_image_stores = /a /b/\n"
        "max_concurrent_downloads = 4\n"
        "insecure_registries = a.example:5000, b.example  c.example\n"
        "mirrors = docker.io=m1 quay.io=m2:80, docker.io=m3");
    CHECK(
        settings ==
        Settings{.graph_root = "/srv/nau",
                 .run_root = "/run/other",
                 .name_space = "team-a",
                 .log_level = log::Level::debug,
                 .log_max_size_bytes = 1 << 20,
                 .log_max_files = 7,
                 .storage_driver = "vfs",
                 .additional_image_stores = {"/a", "/b"},
                 .max_concurrent_downloads = 4,
                 .registries = {.insecure = {"a.example:5000", "b.example", "c.example"},
                                .mirrors = {{"docker.io", {"m1", "m3"}}, {"quay.io", {"m2:80"}}}}});
    CHECK(parse("insecure_registries =").registries.insecure.empty());
    CHECK(parse("log_max_size = 0").log_max_size_bytes == 0);
    CHECK(parse("mirrors =").registries.mirrors.empty());
}

TEST_CASE("what is not understood names file, line and cause") {
    struct Case {
        const char* text;
        const char* error;
    };
    for (const auto& [text, error] : {
             Case{"\n# x\ngraphroot = /x", "nau.conf:3: unknown key 'graphroot'"},
             Case{"graph_root /x", "nau.conf:1: 'graph_root /x' is not of the form key = value"},
             Case{"graph_root =", "nau.conf:1: graph_root has no value"},
             Case{"graph_root = x", "nau.conf:1: graph_root: 'x' is not an absolute path"},
             Case{"run_root = //",
                  "nau.conf:1: run_root: the root directory cannot hold nau's state"},
             Case{"log_max_files = 0",
                  "nau.conf:1: log_max_files: '0' is not a number from 1 to 1000"},
             Case{"log_max_files = -1",
                  "nau.conf:1: log_max_files: '-1' is not a number from 1 to 1000"},
             Case{"log_max_size = 18000000000g",
                  "nau.conf:1: log_max_size: invalid size '18000000000g' (a number with b, k, m, g "
                  "or t)"},
             Case{"storage_driver = zfs",
                  "nau.conf:1: storage_driver: 'zfs' is neither overlay nor vfs"},
             Case{"max_concurrent_downloads = 65",
                  "nau.conf:1: max_concurrent_downloads: '65' is not a number from 0 to 64"},
             Case{"namespace = a\nlog_max_files = 2\nnamespace = b",
                  "nau.conf:3: namespace is set a second time"},
             Case{"log_level = loud",
                  "nau.conf:1: log_level: unknown log level 'loud' "
                  "(trace, debug, info, warn, error, off)"},
             Case{"mirrors = docker.io",
                  "nau.conf:1: mirrors: 'docker.io' is not of the form REGISTRY=HOST"},
             Case{"mirrors = docker.io=", "nau.conf:1: mirrors: '' is not HOST or HOST:PORT"},
             Case{"insecure_registries = http://a",
                  "nau.conf:1: insecure_registries: 'http://a' is not HOST or HOST:PORT"},
         }) {
        const std::string shown = text;
        CAPTURE(shown);
        CHECK(error_of([&, line = text] { (void)parse(line); }) == error);
    }
}

TEST_CASE("namespaces follow containerd's grammar") {
    for (const char* name : {"a", "default", "k8s.io", "a-b_c.d", "0", "A9"}) {
        CHECK(config::is_valid_namespace(name));
    }
    for (const char* name :
         {"", "-a", "a-", "a..b", "a/b", "a b", ".", "..", "ä", "a--b", "_", "a\n"}) {
        CAPTURE(std::string(name));
        CHECK_FALSE(config::is_valid_namespace(name));
    }
    CHECK(config::is_valid_namespace(std::string(76, 'x')));
    CHECK_FALSE(config::is_valid_namespace(std::string(77, 'x')));
}

TEST_CASE("defaults for root and for others") {
    CHECK(config::default_settings({}) == Settings());
    Environment user{.uid = 1000, .home = "/home/u"};
    CHECK(config::default_settings(user).graph_root == "/home/u/.local/share/nau");
    CHECK(config::default_settings(user).run_root == "/run/user/1000/nau");
    user.xdg_data_home = "/data";
    user.xdg_runtime_dir = "/rt";
    CHECK(config::default_settings(user).graph_root == "/data/nau");
    CHECK(config::default_settings(user).run_root == "/rt/nau");
    user.xdg_data_home = "relative";  // to be ignored, as the XDG rules ask
    CHECK(config::default_settings(user).graph_root == "/home/u/.local/share/nau");
}

TEST_CASE("the environment overrides, and is checked as the file is") {
    const Settings settings = config::apply_environment(
        {.root = "/a/", .run_root = "/b", .name_space = "n", .log_level = "trace"},
        parse("graph_root = /file"));
    CHECK(settings == Settings{.graph_root = "/a",
                               .run_root = "/b",
                               .name_space = "n",
                               .log_level = log::Level::trace});
    CHECK(error_of([] { (void)config::apply_environment({.root = "a"}, {}); }) ==
          "NAU_ROOT: 'a' is not an absolute path");
    CHECK(error_of([] {
              (void)config::apply_environment({.name_space = "../x"}, {});
          }).starts_with("NAU_NAMESPACE: '../x' is not a name"));
}

TEST_CASE("one file is read: NAU_CONF, else the user's own") {
    const test::TempDir dir;
    dir.write("named.conf", "namespace = named\n");
    sys::make_directories(dir / "config/nau", 0755);
    dir.write("config/nau/nau.conf", "namespace = own\nlog_max_files = 5\n");
    Environment user{.uid = 1000, .home = dir.path(), .xdg_config_home = dir / "config"};
    CHECK(config::load_settings(user).name_space == "own");
    CHECK(config::load_settings(user).log_max_files == 5);
    user.conf = dir / "named.conf";
    CHECK(config::load_settings(user).name_space == "named");
    CHECK(config::load_settings(user).log_max_files == Settings().log_max_files);
    user.name_space = "variable";
    CHECK(config::load_settings(user).name_space == "variable");
    user.conf = dir / "none.conf";
    try {
        (void)config::load_settings(user);
        FAIL("loaded");
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::not_found);
        CHECK(error.text() ==
              fmt::format("NAU_CONF: open {}: No such file or directory", dir / "none.conf"));
    }
}

TEST_CASE("an option of the storage is a further image store, in podman's words too") {
    for (const char* text : {"imagestore=/a/b",
                             "overlay.imagestore=/a/b/",
                             "vfs.imagestore=/a/b",
                             ".imagestore=/a/b",
                             "additionalimagestore=/a/b",
                             "overlay.additionalimagestore=/a/b"}) {
        CHECK(config::parse_storage_option(text) == "/a/b");
    }
    struct Case {
        const char* text;
        const char* error;
    };
    for (const auto& each : {Case{"imagestore", "'imagestore' is not NAME=VALUE"},
                             Case{"imagestore=b", "'b' is not an absolute path"},
                             Case{"overlay.mount_program=/x",
                                  "unknown option 'overlay.mount_program' (there is imagestore)"},
                             Case{"size=1g", "unknown option 'size' (there is imagestore)"}}) {
        try {
            (void)config::parse_storage_option(each.text);
            FAIL(each.text);
        } catch (const Error& error) {
            CHECK(error.kind() == ErrorKind::invalid);
            CHECK(error.text() == each.error);
        }
    }
}
