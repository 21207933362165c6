#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "subcommands/container/container_row.h"
#include "subcommands/image/image_filter.h"

using namespace nau::subcommands;  // NOLINT(google-build-using-namespace): a test
using namespace std::chrono_literals;
using nau::Time;
using nau::engine::ContainerStatus;
using nau::engine::ContainerSummary;
using nau::engine::ImageSummary;

namespace {

constexpr Time kNow{1'000'000s};

ContainerSummary sample(ContainerStatus status) {
    ContainerSummary container;
    container.id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    container.name = "web";
    container.image = "docker.io/library/alpine:3.20";
    container.command = {"sh", "-c", "echo a long command line"};
    container.created = kNow - 3h;
    container.status = status;
    container.started = kNow - 2h;
    container.labels = {{"a", "1"}};
    return container;
}

ImageSummary image(const char* repository, const char* tag) {
    ImageSummary summary;
    summary.id = "abcdef0123456789";
    summary.repository = repository;
    summary.tag = tag;
    return summary;
}

}  // namespace

TEST_CASE("the status of a container is said as podman says it") {
    CHECK(container_status_text(sample(ContainerStatus::running), kNow) == "Up 2 hours");
    CHECK(container_status_text(sample(ContainerStatus::created), kNow) == "Created");
    CHECK(container_status_text(sample(ContainerStatus::paused), kNow) == "Paused");
    auto ended = sample(ContainerStatus::exited);
    ended.finished = kNow - 5min;
    ended.exit_code = 3;
    CHECK(container_status_text(ended, kNow) == "Exited (3) 5 minutes ago");
    ended.exit_code.reset();
    CHECK(container_status_text(ended, kNow) == "Exited (unknown) 5 minutes ago");
}

TEST_CASE("ids and commands are shortened unless they are wanted whole") {
    const auto container = sample(ContainerStatus::running);
    CHECK(container_fields(container, kNow, false)["ID"] == "0123456789ab");
    CHECK(container_fields(container, kNow, true)["ID"] == container.id);
    CHECK(command_text(container, false) == "sh -c echo a long c…");
    CHECK(command_text(container, true) == "sh -c echo a long command line");
}

TEST_CASE("every heading has a field") {
    const auto fields = container_fields(sample(ContainerStatus::running), kNow, false);
    const auto headings = container_headings();
    for (const auto& heading : headings.items()) {
        CAPTURE(heading.key());
        CHECK(fields.contains(heading.key()));
    }
}

TEST_CASE("an unknown exit status is null, never 0") {
    CHECK(container_json(sample(ContainerStatus::exited), kNow)["ExitCode"].is_null());
}

TEST_CASE("patterns do not cross slashes") {
    CHECK(matches_pattern("alpine", "alp*"));
    CHECK(matches_pattern("alpine", "*"));
    CHECK(matches_pattern("alpine", "a?pine"));
    CHECK_FALSE(matches_pattern("library/alpine", "*"));
    CHECK(matches_pattern("library/alpine", "*/*"));
    CHECK_FALSE(matches_pattern("alpine", "alp"));
    CHECK(matches_pattern("", "**"));
}

TEST_CASE("an image is found by every form of its name") {
    const auto alpine = image("docker.io/library/alpine", "3.20");
    for (const char* name : {"alpine",
                             "library/alpine",
                             "docker.io/library/alpine",
                             "alpine:3.20",
                             "alp*",
                             "docker.io/library/alpine:3.*"}) {
        CAPTURE(name);
        CHECK(matches_reference(alpine, name));
    }
    for (const char* name : {"alpine:3.19", "debian", "pine"}) {
        CAPTURE(name);
        CHECK_FALSE(matches_reference(alpine, name));
    }
}

TEST_CASE("filters of images are checked") {
    auto labelled = image("docker.io/library/b", "1");
    labelled.labels = {{"x", "1"}};
    const std::vector<ImageSummary> images = {
        image("docker.io/library/a", "1"), labelled, image("<none>", "<none>")};
    CHECK(filter_images(images, {{"dangling", "true"}}, kNow).size() == 1);
    CHECK(filter_images(images, {{"dangling", "false"}}, kNow).size() == 2);
    CHECK(filter_images(images, {{"label", "x=1"}}, kNow).size() == 1);
    CHECK(filter_images(images, {{"reference", "a"}, {"reference", "b"}}, kNow).size() == 2);
    CHECK(filter_images(images, {{"label!", "x=1"}}, kNow).size() == 2);
    CHECK(filter_images(images, {{"readonly", "true"}}, kNow).empty());
    CHECK(filter_images(images, {{"intermediate", "false"}}, kNow).size() == 3);
    CHECK(filter_images(images, {{"containers", "false"}}, kNow).size() == 3);
    CHECK(filter_images(images, {{"until", "1h"}}, kNow).size() == 3);
    CHECK(filter_images(images, {{"until", "1970-01-01"}}, kNow).empty());
    CHECK_THROWS_AS(filter_images(images, {{"nonsense", "1"}}, kNow), nau::Error);
    CHECK_THROWS_AS(filter_images(images, {{"before", "nosuch"}}, kNow), nau::Error);
    CHECK_THROWS_AS(filter_images(images, {{"dangling", "maybe"}}, kNow), nau::Error);
}
