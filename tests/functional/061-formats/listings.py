"""ps with sizes, namespaces and --watch, and the fields of inspect that scripts ask for."""

import os
import signal

from nautest import main, test


@test
def ps_tells_sizes_and_namespaces(nau):
    image = nau.image()
    nau("run", "-d", "--name", "c", image, "sh", "-c", "dd if=/dev/zero of=/f bs=1k count=64 2>/dev/null; sleep 1000")
    lines = nau("ps", "--size").lines
    assert lines[0].endswith("SIZE") and "(virtual " in lines[1], lines
    assert "(virtual " in nau("ps", "-s", "--format", "{{.Size}}").out
    lines = nau("ps", "--ns").lines
    assert lines[0].split()[4:] == ["CGROUPNS", "IPC", "MNT", "NET", "PIDNS", "USERNS", "UTS"], lines
    wanted = os.readlink(f"/proc/{nau.pid('c')}/ns/mnt").split("[")[1][:-1]
    assert lines[1].split()[5] == wanted, lines
    nau.fails(125, "ps", "--ns", "--size", error="excludes")
    assert nau.inspect("c")["Id"] and nau("inspect", "--size", "--format", "{{.SizeRw}} {{.SizeRootFs}}", "c").out.split()[0].isdigit()


@test
def ps_chooses_by_what_containers_are(nau):
    image = nau.image()
    nau("create", "--name", "plain", image, "true")
    nau("create", "--name", "web", "--network", "bridge", "-p", "127.0.0.1:0:80", "--expose", "53/udp", "--restart", "on-failure:3", "--label", "a=b",
        "--health-cmd", "true", image, "true")
    for choice, wanted in (("label!=a", ["plain"]), ("label=a", ["web"]), ("health=none", ["plain", "web"]), ("health=healthy", []),
                           ("publish=80", ["web"]), ("publish=79-81/tcp", ["web"]), ("publish=80/udp", []), ("publish=81", []),
                           ("expose=53/udp", ["web"]), ("expose=53", []), ("restart-policy=on-failure", ["web"]),
                           ("restart-policy=no", ["plain"]), ("is-task=false", ["plain", "web"]), ("is-task=true", []),
                           ("until=24h", []), ("until=2099-01-01", ["plain", "web"])):
        assert sorted(nau("ps", "-a", "--format", "{{.Names}}", "--filter", choice).lines) == wanted, choice
    nau.fails(125, "ps", "--filter", "pod=x", error="pods")
    nau.fails(125, "ps", "--filter", "colour=red", error="colour")
    nau.fails(125, "ps", "--filter", "until=never", error="until|never")


@test
def ps_lists_again_and_again(nau):
    nau("create", "--name", "c", nau.image(), "true")
    watcher = nau.start("ps", "-a", "--watch", "1", "--format", "{{.Names}}|")
    watcher.expect(r"c\|[\s\S]*c\|")
    watcher.signal(signal.SIGTERM)
    watcher.wait(status=None)


@test
def inspect_has_the_fields_that_scripts_ask_for(nau, tmp):
    nau("create", "--name", "c", "-v", f"{tmp}:/d:ro", "--tmpfs", "/t", "--ulimit", "nofile=10:20", "--shm-size", "1m",
        "--add-host", "a:1.2.3.4", "--cgroup-parent", "/nau", "--timeout", "7", nau.image(), "true")
    for template, wanted in (
            ("{{index .HostConfig.Binds 0}}", f"{tmp}:/d:ro,rprivate,rbind"),
            ("{{.HostConfig.ShmSize}}", str(1 << 20)),
            ("{{(index .HostConfig.Ulimits 0).Soft}}", "10"),
            ("{{index .HostConfig.ExtraHosts 0}}", "a:1.2.3.4"),
            ("{{.HostConfig.CgroupParent}}", "/nau"),
            ("{{.Config.Timeout}}", "7"),
            ("{{.Config.Umask}}", "0022"),
            ("{{range .Mounts}}{{.Destination}}:{{.Propagation}};{{end}}", "/d:rprivate;/t:rprivate;"),
            ("{{.GraphDriver.Name}} {{.OCIRuntime}} {{.State.Status}}", "overlay nau created"),
            ("{{len .BoundingCaps}}", "11")):
        assert nau("inspect", "--format", template, "c").out.strip() == wanted, (template, nau("inspect", "--format", template, "c").out)


main()
