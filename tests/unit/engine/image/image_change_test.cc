#include "engine/image/image_change.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/error.h"

using nau::engine::apply_change;
using nau::oci::ContainerDefaults;
using Strings = std::vector<std::string>;

namespace {

ContainerDefaults changed(const Strings& changes, ContainerDefaults config = {}) {
    nau::engine::apply_changes(config, changes);
    return config;
}

}  // namespace

TEST_CASE("commands come as a list or as a line for the shell") {
    CHECK(changed({R"(CMD ["a", "b c"])"}).cmd == Strings{"a", "b c"});
    CHECK(changed({"CMD a 'b c'"}).cmd == Strings{"/bin/sh", "-c", "a 'b c'"});
    CHECK(changed({"cmd=a"}).cmd == Strings{"/bin/sh", "-c", "a"});
    CHECK(changed({"  ENTRYPOINT []  "}).entrypoint.empty());
    CHECK(changed({R"(SHELL ["bash", "-c"])"}).shell == Strings{"bash", "-c"});
}

TEST_CASE("variables are replaced where they stand already") {
    ContainerDefaults config;
    config.env = {"PATH=/bin", "A=old", "AB=stays"};
    CHECK(changed({"ENV A=1 B=\"x y\" C='\\'", "ENV D the rest = of it", "ENV=E=5"}, config).env ==
          Strings{"PATH=/bin", "AB=stays", "A=1", "B=x y", "C=\\", "D=the rest = of it", "E=5"});
}

TEST_CASE("labels, ports, volumes, directories") {
    const auto config = changed({"LABEL a=1 b='2 3'",
                                 "EXPOSE 80 53/udp 80/tcp",
                                 "VOLUME /data /more",
                                 "VOLUME [\"/a b\"]",
                                 "WORKDIR /var",
                                 "WORKDIR lib",
                                 "USER 7:8",
                                 "STOPSIGNAL 15",
                                 "ONBUILD RUN x",
                                 "HEALTHCHECK CMD curl x"});
    CHECK(config.labels == std::map<std::string, std::string>{{"a", "1"}, {"b", "2 3"}});
    CHECK(config.exposed_ports == Strings{"80/tcp", "53/udp"});
    CHECK(config.volumes == Strings{"/data", "/more", "/a b"});
    CHECK(config.working_dir == "/var/lib");
    CHECK(config.user == "7:8");
    CHECK(config.stop_signal == "SIGTERM");
    CHECK(config.on_build == Strings{"RUN x"});
    CHECK(config.healthcheck->test == Strings{"CMD-SHELL", "curl x"});
    CHECK(changed({"HEALTHCHECK NONE"}).healthcheck->test == Strings{"NONE"});
    CHECK(changed({"WORKDIR x"}).working_dir == "/x");
}

TEST_CASE("mistakes are named") {
    for (const auto* change : {"",
                               "FROM x",
                               "CMD",
                               "CMD [1]",
                               "CMD [\"a\"",
                               "ENV A",
                               "ENV A=1 B",
                               "ENV =1",
                               "ENV A=\"open",
                               "EXPOSE http",
                               "EXPOSE 70000",
                               "EXPOSE 1/icmp",
                               "LABEL",
                               "SHELL bash",
                               "STOPSIGNAL NOPE",
                               "HEALTHCHECK --interval=1s CMD x"}) {
        CAPTURE(change);
        ContainerDefaults config;
        CHECK_THROWS_AS(apply_change(config, change), nau::Error);
    }
}
