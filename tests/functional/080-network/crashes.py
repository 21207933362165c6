"""A start that is killed at any of its steps leaves nothing behind that the next one could stumble over.

The steps are the fail points that a start with a network passes; a release build has none.
"""

import re

from nautest import Lan, main, skip, test, wait_until


def _attachments(nau):
    directory = nau.runroot / "networks" / "containers"
    return list(directory.iterdir()) if directory.exists() else []


def _pairs(lan):
    return [link for link in lan.host.links() if link.startswith("nv")]


def _points(nau, tmp, *command):
    log = tmp / "points"
    log.write_text("")
    nau(*command, env={"NAU_FAIL_POINT_LOG": str(log)})
    points = [point for point in dict.fromkeys(log.read_text().split()) if point.startswith("network.")]
    if not points:
        skip("this build has no fail points")
    return points


@test(timeout=60)
def a_start_that_dies_at_any_step_leaves_nothing(nau, tmp):
    image = nau.image("busybox")
    with Lan(nau) as lan:
        # Two addresses: one that leaks is missed at once.
        nau("network", "create", "--subnet", "10.5.0.0/29", "--ip-range", "10.5.0.2-10.5.0.3", "small")
        start = ["run", "--rm", "--network", "small", "-p", "8080:80", image, "true"]
        points = _points(nau, tmp, *start)
        assert "network.bridge.made" in points and "network.start.after_keeper" in points, points
        for point in points:
            for end in ("kill", "error:ENOSPC"):
                if point.startswith("network.bridge."):
                    lan.host.run("ip", "link", "del", "nau0")
                result = nau(*start, env={"NAU_FAIL_POINT": f"{point}={end}"}, status=None)
                assert result.status in ((-9, 137) if end == "kill" else (125,)), f"{point}={end}: {result}"
                for _ in range(3):
                    out = nau("run", "--rm", "--network", "small", "-p", "8080:80", image, "ip", "-o", "-4", "addr", "show", "dev", "eth0").out
                    assert re.search(r"inet 10\.5\.0\.[23]/29", out), f"{point}={end}: {out}"
        nau("rm", "-f", "-a")
        wait_until(lambda: not _pairs(lan), what="the end of all interfaces")
        wait_until(lambda: not _attachments(nau), what="the end of all attachments")
        wait_until(lambda: lan.keeper() is None, what="the keeper's end")
        assert "table" not in lan.host.run("nft", "list", "tables")


@test
def addresses_and_names_of_a_boot_before_are_nobodys(nau):
    image = nau.image("busybox")
    with Lan(nau) as lan:
        nau("network", "create", "--subnet", "10.5.0.0/29", "--ip-range", "10.5.0.2-10.5.0.3", "small")
        for name in ("a", "b"):
            nau("run", "-d", "--name", name, "--network", "small", image, "sleep", "1000")
        nau.fails(125, "run", "--rm", "--network", "small", image, "true", error="no free address")
        lan.reboot()
        nau("run", "--rm", "--network", "small", image, "true")
        nau("start", "a")
        nau("start", "b")
        assert nau("exec", "a", "nslookup", "-type=a", "b").status == 0


main()
