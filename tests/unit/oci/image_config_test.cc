#include "oci/image_config.h"

#include <doctest/doctest.h>

#include "base/error.h"

using namespace std::chrono_literals;
using nau::oci::ImageConfig;
using nau::oci::parse_image_config;

namespace {

const std::string kRootfs =
    R"("rootfs":{"type":"layers","diff_ids":["sha256:)" + std::string(64, 'a') + R"("]})";

std::string with_config(const std::string& config) {
    return R"({"os":"linux","architecture":"amd64",)" + kRootfs + R"(,"config":)" + config + "}";
}

}  // namespace

TEST_CASE("an image config is read whole") {
    const std::string text = R"({
        "created": "2024-05-06T07:08:09.5Z", "author": "A <a@example.com>",
        "architecture": "arm64", "os": "linux", "variant": "v8",
        "config": {
            "User": "alice:staff",
            "Env": ["PATH=/bin", "EMPTY=", "A=b=c"],
            "Entrypoint": ["/app"], "Cmd": ["--port", "80"],
            "WorkingDir": "/srv",
            "Volumes": {"/data": {}, "/cache": null},
            "Labels": {"a": "b"},
            "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
            "StopSignal": "SIGQUIT",
            "Shell": ["/bin/bash", "-c"],
            "Healthcheck": {"Test": ["CMD", "true"], "Interval": 5000000000, "Timeout": 1000000,
                            "StartPeriod": -5, "Retries": 3},
            "OnBuild": ["RUN x"], "ArgsEscaped": true, "Unknown": 7
        },)" + kRootfs + R"(,
        "history": [
            {"created": "2024-05-06T07:08:09Z", "created_by": "ADD"},
            {"created_by": "CMD", "empty_layer": true, "comment": "c", "author": "d"}
        ]})";
    const ImageConfig image = parse_image_config(text);
    CHECK(nau::format_rfc3339(image.created.value()) == "2024-05-06T07:08:09.500000000Z");
    CHECK(image.author == "A <a@example.com>");
    CHECK(to_string(image.platform) == "linux/arm64");
    const auto& config = image.config;
    using List = std::vector<std::string>;
    CHECK(config.user == "alice:staff");
    CHECK(config.env == List{"PATH=/bin", "EMPTY=", "A=b=c"});
    CHECK(config.entrypoint == List{"/app"});
    CHECK(config.cmd == List{"--port", "80"});
    CHECK(config.working_dir == "/srv");
    CHECK(config.volumes == List{"/cache", "/data"});
    CHECK(config.labels == std::map<std::string, std::string>{{"a", "b"}});
    CHECK(config.exposed_ports == List{"53/udp", "80/tcp"});
    CHECK(config.stop_signal == "SIGQUIT");
    CHECK(config.shell == List{"/bin/bash", "-c"});
    REQUIRE(config.healthcheck);
    CHECK(config.healthcheck->test == List{"CMD", "true"});
    CHECK(config.healthcheck->interval == 5s);
    CHECK(config.healthcheck->timeout == 1ms);
    CHECK(config.healthcheck->start_period == 0s);
    CHECK(config.healthcheck->retries == 3);
    CHECK(config.on_build == List{"RUN x"});
    CHECK(config.args_escaped);
    REQUIRE(image.diff_ids.size() == 1);
    CHECK(image.diff_ids[0].hex() == std::string(64, 'a'));
    REQUIRE(image.history.size() == 2);
    CHECK(image.history[0].created_by == "ADD");
    CHECK(image.history[0].created);
    CHECK(image.history[1].empty_layer);
    CHECK(image.history[1].comment == "c");

    CHECK(parse_image_config(to_json_text(image)) == image);
}

TEST_CASE("environment entries without a name and a value are dropped") {
    const ImageConfig image = parse_image_config(
        with_config(R"({"Env":["AWS_SECRET","*","=x","A","","OK=1","=","B=","N=\u0000x"]})"));
    CHECK(image.config.env == std::vector<std::string>{"OK=1", "B="});
}

TEST_CASE("absent, null and old forms are accepted") {
    CHECK(parse_image_config("{" + kRootfs + R"(,"config":null,"history":null,"created":null})")
              .diff_ids.size() == 1);
    CHECK(parse_image_config(R"({"rootfs":{"type":"layers","diff_ids":null}})").diff_ids.empty());
    // Go's zero time cannot be held in nanoseconds, and nobody needs it.
    CHECK_FALSE(
        parse_image_config("{" + kRootfs + R"(,"created":"0001-01-01T00:00:00Z"})").created);
    CHECK_FALSE(parse_image_config("{" + kRootfs + R"(,"created":"yesterday"})").created);
    const ImageConfig image =
        parse_image_config(with_config(R"({"Cmd":"sh","Entrypoint":null,"Volumes":null})"));
    CHECK(image.config.cmd == std::vector<std::string>{"sh"});
    CHECK(image.config.entrypoint.empty());
}

TEST_CASE("wrong image configs are refused, naming the member") {
    struct Row {
        std::string text;
        std::string error;
    };
    for (const auto& row : {
             Row{"", "image config: is not valid JSON"},
             Row{"[]", "image config: is not an object"},
             Row{"{}", "image config: has no 'rootfs'"},
             Row{R"({"rootfs":{"diff_ids":[]}})", "image config: rootfs: has no 'type'"},
             Row{R"({"rootfs":{"type":"files","diff_ids":[]}})",
                 "image config: rootfs: type is not 'layers'"},
             Row{R"({"rootfs":{"type":"layers","diff_ids":["sha256:../x"]}})",
                 "image config: rootfs: diff_ids[0]: is not a sha256 or sha512 digest"},
             Row{R"({"rootfs":{"type":"layers","diff_ids":[1]}})",
                 "image config: rootfs: diff_ids[0]: is not a string"},
             Row{R"({"os":7,)" + kRootfs + "}", "image config: os: is not a string"},
             Row{with_config("[]"), "image config: config: is not an object"},
             Row{with_config(R"({"User":0})"), "image config: config: User: is not a string"},
             Row{with_config(R"({"Env":{}})"), "image config: config: Env: is not a list"},
             Row{with_config(R"({"Env":[1]})"), "image config: config: Env: element 0 is not a"},
             Row{with_config(R"({"Cmd":[[]]})"), "image config: config: Cmd: element 0 is not a"},
             Row{with_config(R"({"Volumes":["/a"]})"),
                 "image config: config: Volumes: is not an object"},
             Row{with_config(R"({"Labels":{"a":1}})"),
                 "image config: config: Labels: a: is not a string"},
             Row{with_config(R"({"Healthcheck":{"Interval":"5s"}})"),
                 "image config: config: Healthcheck: Interval: is not an integer"},
             Row{"{" + kRootfs + R"(,"history":[1]})", "image config: history[0]: is not an obj"},
         }) {
        CAPTURE(row.text);
        try {
            (void)parse_image_config(row.text);
            FAIL("accepted");
        } catch (const nau::Error& error) {
            CHECK(error.kind() == nau::ErrorKind::corrupt);
            CHECK(error.text().substr(0, row.error.size()) == row.error);
        }
    }
}

TEST_CASE("an image config has at most 8 MiB") {
    std::string text = "{" + kRootfs + "}";
    text.resize(nau::oci::kMaxImageConfigBytes, ' ');
    CHECK(parse_image_config(text).diff_ids.size() == 1);
    text.push_back(' ');
    CHECK_THROWS_AS(parse_image_config(text), nau::Error);
}
