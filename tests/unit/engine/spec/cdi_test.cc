#include "engine/spec/cdi.h"

#include <doctest/doctest.h>

#include "base/error.h"

using namespace nau;

TEST_CASE("only VENDOR/CLASS=NAME is the name of a CDI device") {
    for (const char* name : {"vendor.com/class=name", "nvidia.com/gpu=all", "v/c=0"}) {
        CHECK(engine::is_cdi_name(name));
    }
    for (const char* name : {"/dev/null", "/dev/a=b", "a=b", "a/b", "/=x", "v/=x", "v/c=", ""}) {
        INFO(name);
        CHECK(!engine::is_cdi_name(name));
    }
}

TEST_CASE("--gpus takes all, a number and names") {
    using Names = std::vector<std::string>;
    CHECK(engine::gpu_names("all") == Names{"nvidia.com/gpu=all"});
    CHECK(engine::gpu_names("2") == Names{"nvidia.com/gpu=0", "nvidia.com/gpu=1"});
    CHECK(engine::gpu_names("device=1,GPU-7") == Names{"nvidia.com/gpu=1", "nvidia.com/gpu=GPU-7"});
    for (const char* bad : {"", "0", "1000", "a/b", "device=", "capabilities=utility"}) {
        INFO(bad);
        CHECK_THROWS_AS((void)engine::gpu_names(bad), Error);
    }
}

TEST_CASE("a specification's edits reach the runtime spec") {
    const auto spec = engine::parse_cdi_spec(R"({"cdiVersion": "0.6.0", "kind": "v.com/c",
        "devices": [{"name": "one", "containerEdits": {
            "env": ["A=new", "B=2"],
            "deviceNodes": [{"path": "/dev/x", "type": "c", "major": 9, "minor": 3, "permissions": "rw"}],
            "mounts": [{"hostPath": "/lib/x", "containerPath": "/x", "options": ["ro"]}],
            "hooks": [{"hookName": "createContainer", "path": "/bin/hook", "args": ["hook"]}],
            "additionalGids": [44]}}]})",
                                             "f.json");
    CHECK(spec.kind == "v.com/c");
    REQUIRE(spec.devices.size() == 1);
    oci::RuntimeSpec runtime;
    runtime.process.emplace().env = {"A=old"};
    runtime.linux_.resources.emplace();
    engine::apply_cdi_edits({spec.edits, spec.devices.front().second}, runtime);
    CHECK(runtime.process->env == std::vector<std::string>{"A=new", "B=2"});
    REQUIRE(runtime.linux_.devices.size() == 1);
    CHECK(runtime.linux_.devices.front().major == 9);
    CHECK(runtime.linux_.resources->devices.back().access == "rw");
    REQUIRE(runtime.mounts.size() == 1);
    CHECK(runtime.mounts.front().options == std::vector<std::string>{"ro", "rbind"});
    CHECK(runtime.hooks.create_container.front().path == "/bin/hook");
    CHECK(runtime.process->user.additional_gids == std::vector<uint32_t>{44});
}

TEST_CASE("a file that is no specification is refused with its name and place") {
    for (const char* text : {"{}",
                             "[]",
                             R"({"cdiVersion": "0.6.0", "kind": "a/b"})",
                             R"({"cdiVersion": "0.6.0", "kind": "a/b", "devices": [{"name": "x",
                                "containerEdits": {"hooks": [{"hookName": "never", "path": "/x"}]}}]})",
                             R"({"cdiVersion": "0.6.0", "kind": "a/b", "devices": [{"name": "x",
                                "containerEdits": {"deviceNodes": [{"path": "x"}]}}]})"}) {
        INFO(text);
        CHECK_THROWS_WITH_AS(
            (void)engine::parse_cdi_spec(text, "f.json"), doctest::Contains("f.json"), Error);
    }
}
