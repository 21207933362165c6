#include "engine/unit/quadlet.h"

#include <algorithm>

#include <doctest/doctest.h>

#include "base/error.h"
#include "engine/unit/quadlet_keys.h"

using namespace nau::engine::unit;  // NOLINT(google-build-using-namespace): what is tested

namespace {

QuadletFile file(const std::string& name, std::string_view text) {
    QuadletFile result{
        .name = name, .path = "/etc/nau/systemd/" + name, .kind = quadlet_kind(name), .text = {}};
    parse_unit(text, result.path, result.text);
    return result;
}

GeneratedUnit translate(const std::string& name,
                        std::string_view text,
                        const QuadletSet& others = {}) {
    return translate_quadlet(file(name, text), others, {"/usr/bin/nau"});
}

std::string error_of(const std::string& name, std::string_view text) {
    try {
        (void)translate(name, text);
    } catch (const nau::Error& error) {
        return error.text();
    }
    return "";
}

/// The value of the one line that begins with KEY=.
std::string value_of(const GeneratedUnit& unit, const std::string& key) {
    const auto at = unit.text.find("\n" + key + "=");
    REQUIRE(at != std::string::npos);
    const auto begin = at + key.size() + 2;
    return unit.text.substr(begin, unit.text.find('\n', begin) - begin);
}

}  // namespace

TEST_CASE("a container becomes a service that notifies") {
    const auto unit =
        translate("web.container",
                  "[Unit]\nDescription=Web\n[Container]\nImage=docker.io/library/nginx:1\n"
                  "Environment=A=1 \"B=x y\"\nPublishPort=80:80\nVolume=data.volume:/d:ro\n"
                  "Volume=./site:/s\nNetwork=lan.network\nExec=nginx -g 'daemon off;'\n"
                  "ReadOnly=yes\nUser=7\nGroup=8\n[Service]\nRestart=always\n"
                  "[Install]\nWantedBy=multi-user.target\n",
                  {{"data.volume", {.service = "data-volume", .object = "systemd-data"}},
                   {"lan.network", {.service = "lan-network", .object = "lan"}}});
    CHECK(unit.name == "web.service");
    CHECK(unit.links == std::vector<std::string>{"multi-user.target.wants/web.service"});
    CHECK(value_of(unit, "ExecStart") ==
          "/usr/bin/nau run --name systemd-web --replace --rm -d --sdnotify conmon --env A=1 --env "
          "\"B=x y\" "
          "--publish 80:80 --read-only=true --user 7:8 --volume systemd-data:/d:ro "
          "--volume /etc/nau/systemd/site:/s --network lan docker.io/library/nginx:1 nginx -g "
          "\"daemon off;\"");
    CHECK(value_of(unit, "ExecStopPost") == "-/usr/bin/nau rm -v -f -i systemd-web");
    CHECK(value_of(unit, "Type") == "notify");
    CHECK(value_of(unit, "KillMode") == "mixed");
    CHECK(unit.text.find("\nRequires=data-volume.service\n") != std::string::npos);
    CHECK(unit.text.find("\nAfter=lan-network.service\n") != std::string::npos);
    CHECK(unit.text.find("\n[X-Container]\n") != std::string::npos);
    CHECK(unit.text.find("\n[Container]\n") == std::string::npos);
    CHECK(unit.text.find("\nAfter=network-online.target\n") != std::string::npos);
}

TEST_CASE("volumes and networks are made once") {
    const auto volume = translate("data.volume", "[Volume]\nLabel=a=b\nDevice=tmpfs\nType=tmpfs\n");
    CHECK(volume.name == "data-volume.service");
    CHECK(value_of(volume, "ExecStart") ==
          "/usr/bin/nau volume create --ignore --label a=b --opt device=tmpfs --opt type=tmpfs "
          "systemd-data");
    CHECK(value_of(volume, "RemainAfterExit") == "yes");
    const auto network = translate("lan.network",
                                   "[Network]\nNetworkName=lan\nSubnet=10.9.0.0/"
                                   "24\nInternal=true\nNetworkDeleteOnStop=true\n");
    CHECK(value_of(network, "ExecStart") ==
          "/usr/bin/nau network create --ignore --internal=true --subnet 10.9.0.0/24 lan");
    CHECK(value_of(network, "ExecStopPost") == "/usr/bin/nau network rm lan");
}

TEST_CASE("an empty assignment forgets what was before, a template names instances") {
    const auto unit =
        translate("w@.container",
                  "[Container]\nImage=i\nPublishPort=1:1\nPublishPort=\nPublishPort=2:2\n"
                  "[Install]\nDefaultInstance=x\nRequiredBy=a.target b.target\n");
    CHECK(value_of(unit, "ExecStart") ==
          "/usr/bin/nau run --name systemd-%p_%i --replace --rm -d --sdnotify conmon --publish 2:2 "
          "i");
    CHECK(unit.links == std::vector<std::string>{"a.target.requires/w@x.service",
                                                 "b.target.requires/w@x.service"});
}

TEST_CASE("what is not understood is named with its line") {
    CHECK(error_of("a.container", "[Container]\nImage=i\nFoo=1\n") ==
          "/etc/nau/systemd/a.container:3: 'Foo' is no key of [Container]");
    CHECK(error_of("a.container", "[Container]\nImage=i\nPod=p.pod\n") ==
          "/etc/nau/systemd/a.container:3: Pod=p.pod: pods come later");
    CHECK(error_of("a.container", "[Container]\nImage=i\n[Kube]\n") ==
          "/etc/nau/systemd/a.container: a file of this kind has no section [Kube]");
    CHECK(error_of("a.container", "[Container]\nReadOnly=1\n") ==
          "/etc/nau/systemd/a.container: has no Image= in [Container]");
    CHECK(error_of("a.container", "[Container]\nImage=i\nRootfs=/r\n") ==
          "/etc/nau/systemd/a.container:3: Rootfs=/r: there is Image= as well");
    CHECK(error_of("a.container", "[Container]\nImage=i\nReadOnly=maybe\n") ==
          "/etc/nau/systemd/a.container:3: ReadOnly=maybe: is neither true nor false");
    CHECK(error_of("a.container", "[Container]\nImage=i\nVolume=x.volume:/x\n") ==
          "/etc/nau/systemd/a.container:3: Volume=x.volume:/x: there is no file 'x.volume'");
    CHECK(error_of("a.container", "[Container]\nImage=i\n[Service]\nUser=web\n") ==
          "/etc/nau/systemd/a.container:4: User=web: nau itself needs root; the user inside the "
          "container is User= "
          "of [Container]");
    CHECK(error_of("a.container", "[Container]\nImage=i\nExec='x\n")
              .find("a.container:3: Exec='x: ") != std::string::npos);
    CHECK_THROWS_AS((void)quadlet_kind("a.kube"), nau::Error);
}

TEST_CASE("keys are in order and unique") {
    for (const auto kind : {QuadletKind::container, QuadletKind::volume, QuadletKind::network}) {
        const auto rules = key_rules(kind);
        for (const auto& rule : rules) {
            CHECK(std::ranges::count(rules, rule.key, &KeyRule::key) == 1);
        }
    }
}
