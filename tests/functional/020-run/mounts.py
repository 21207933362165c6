"""What is mounted inside: host directories, volumes, tmpfs, the root itself."""

import os

from nautest import Layer, main, test, write_image


@test
def a_host_directory_is_there_and_writable(nau, tmp):
    (tmp / "d").mkdir()
    (tmp / "d" / "a").write_text("host\n")
    image = nau.image()
    assert nau("run", "--rm", "-v", f"{tmp}/d:/mnt", image, "sh", "-c", "cat /mnt/a; echo inside > /mnt/b").out == "host\n"
    assert (tmp / "d" / "b").read_text() == "inside\n"


@test
def read_only_means_read_only_all_the_way_down(nau, tmp):
    (tmp / "d").mkdir()
    image = nau.image()
    for option in ("-v", "--mount"):
        value = f"{tmp}/d:/mnt:ro" if option == "-v" else f"type=bind,src={tmp}/d,dst=/mnt,ro"
        assert nau("run", "--rm", option, value, image, "touch", "/mnt/x", status=None).status != 0
    assert os.listdir(tmp / "d") == []


@test
def a_host_path_that_does_not_exist_is_named(nau, tmp):
    nau.fails(125, "run", "--rm", "-v", f"{tmp}/nosuch:/mnt", nau.image(), "true", error="nosuch")


@test
def a_single_file_can_be_mounted(nau, tmp):
    (tmp / "f").write_text("one file\n")
    assert nau("run", "--rm", "-v", f"{tmp}/f:/etc/some.conf:ro", nau.image(), "cat", "/etc/some.conf").out == "one file\n"


@test
def a_volume_keeps_what_is_in_it(nau):
    image = nau.image()
    nau("run", "--rm", "-v", "data:/data", image, "sh", "-c", "echo kept > /data/f")
    assert nau("run", "--rm", "-v", "data:/data", image, "cat", "/data/f").out == "kept\n"


@test
def a_new_volume_is_filled_from_the_image_once(nau, registry, tmp):
    from nautest.images import _busybox_layer
    extra = Layer().directory("srv", mode=0o750, uid=5, gid=6).file("srv/a", "from image\n", mode=0o640, uid=7, gid=8).symlink("srv/l", "a")
    write_image(tmp / "i", [_busybox_layer(), extra], config={"Volumes": {"/srv": {}}})
    registry.push(tmp / "i", "run/volume")
    image = registry.reference("run/volume")
    listing = nau("run", "--rm", "-v", "v:/srv", image, "sh", "-c", "stat -c '%a %u %g' /srv /srv/a; readlink /srv/l; rm /srv/a").lines
    assert listing == ["750 5 6", "640 7 8", "a"], listing
    assert nau("run", "--rm", "-v", "v:/srv", image, "ls", "/srv").lines == ["l"], "a used volume is not filled again"


@test
def tmpfs_with_size_and_mode(nau):
    out = nau("run", "--rm", "--tmpfs", "/t:size=1m,mode=700", nau.image(), "sh", "-c", "stat -c %a /t; df -k /t | tail -1 | awk '{print $2}'; grep ' /t ' /proc/mounts | cut -d' ' -f3")
    assert out.lines == ["700", "1024", "tmpfs"], out


@test
def a_read_only_root_still_has_places_to_write(nau):
    image = nau.image()
    assert nau("run", "--rm", "--read-only", image, "sh", "-c", "touch /x", status=None).status != 0
    nau("run", "--rm", "--read-only", image, "sh", "-c", "touch /tmp/x /run/x /dev/shm/x")
    assert nau("run", "--rm", "--read-only", "--read-only-tmpfs=false", image, "sh", "-c", "touch /tmp/x", status=None).status != 0


@test
def nothing_of_the_hosts_mounts_is_seen(nau):
    for line in nau.probe(args=["mountinfo"])["mountinfo"]:
        fields = line.split() if isinstance(line, str) else [str(v) for v in line.values()]
        assert "/var/lib/nau" not in fields, line
    points = nau("run", "--rm", nau.image(), "cat", "/proc/mounts").lines
    assert points[0].split()[1] == "/" and points[0].split()[0] == "overlay", points[0]


@test
def resolv_conf_hosts_and_hostname_can_be_written_inside(nau):
    nau("run", "--rm", nau.image(), "sh", "-c", "echo 1.2.3.4 x >> /etc/hosts && grep -q 1.2.3.4 /etc/hosts && test -f /etc/resolv.conf")


@test
def dns_options_reach_resolv_conf(nau):
    out = nau("run", "--rm", "--dns", "9.9.9.9", "--dns-search", "example.org", "--dns-option", "ndots:3", nau.image(), "cat", "/etc/resolv.conf")
    assert out.lines == ["search example.org", "nameserver 9.9.9.9", "options ndots:3"], out


@test
def two_mounts_at_one_place_are_refused(nau, tmp):
    nau.fails(125, "run", "--rm", "-v", f"{tmp}:/x", "--tmpfs", "/x", nau.image(), "true", error="/x")


main()
