"""The verbs of the OCI runtime command line on bundles written by hand: what they print, say and leave."""

import json
import os
import pathlib
import signal
import subprocess
import time

from nautest import main, skip, test
from nautest.runtime import Runtime

NAU = os.environ["NAU"]
KILL_POINTS = ["after_mkdir", "before_groups", "after_groups", "before_record", "after_record", "before_commit"]


@test(needs="root")
def a_container_is_created_started_killed_and_deleted(tmp):
    nau = Runtime(tmp)
    pid_file = tmp / "pid"
    assert nau.create("--pid-file", str(pid_file)) == (0, "")
    state = nau.state()
    assert state["status"] == "created" and state["id"] == nau.id and state["pid"] == int(pid_file.read_text()), state
    assert state["bundle"] == str(nau.bundle.path) and state["ociVersion"] == nau.bundle.config["ociVersion"], state
    nau("start", nau.id)
    assert nau.state()["status"] == "running"
    assert pathlib.Path(f"/proc/{state['pid']}/cmdline").read_bytes() == b"/bin/sleep\x001000\x00"
    assert "already running" in nau("start", nau.id, status=1).stderr
    assert "not stopped" in nau("delete", nau.id, status=1).stderr
    assert json.loads(nau("ps", "--format", "json", nau.id).stdout) == [state["pid"]]
    assert nau.id in nau("list").stdout and nau("list", "-q").stdout == f"{nau.id}\n"
    nau("kill", nau.id, "KILL")
    nau.wait_for("stopped")
    assert "container not running" in nau("kill", nau.id, "TERM", status=1).stderr
    assert "container not running" in nau("exec", nau.id, "true", status=255).stderr
    nau("delete", nau.id)
    assert "does not exist" in nau("state", nau.id, status=1).stderr
    assert "does not exist" in nau("delete", nau.id, status=1).stderr
    nau("delete", "--force", nau.id)
    assert nau.is_clean()


@test(needs="root")
def run_ends_as_the_command_does_and_leaves_nothing(tmp):
    nau = Runtime(tmp)
    nau.command("/bin/sh", "-c", "echo out; echo err >&2; exit 7")
    done = nau("run", "-b", nau.bundle.path, nau.id, status=7)
    assert done.stdout == "out\n" and done.stderr == "err\n", done
    assert nau.is_clean()
    nau.command("/bin/sh", "-c", "kill -9 $$")
    nau.bundle.linux["namespaces"] = [n for n in nau.bundle.linux["namespaces"] if n["type"] != "pid"]
    nau.write()
    nau("run", "-b", nau.bundle.path, nau.id, status=137)
    assert nau.is_clean()


@test(needs="root")
def exec_joins_and_tells_the_status(tmp):
    nau = Runtime(tmp)
    assert nau.create()[0] == 0
    nau("start", nau.id)
    assert nau("exec", "--cwd", "/tmp", "-e", "A=b c", nau.id, "sh", "-c", "pwd; echo $A; exit 3", status=3).stdout == "/tmp\nb c\n"
    assert nau("exec", "--user", "1000:1001", nau.id, "id", "-u").stdout == "1000\n"
    missing = nau("exec", nau.id, "missing", status=255).stderr
    assert 'exec: \\"missing\\": executable file not found in $PATH' in missing, missing
    assert "permission denied" in nau("exec", nau.id, "/etc", status=255).stderr
    process = tmp / "process.json"
    process.write_text(json.dumps({**nau.bundle.process, "args": ["/bin/sleep", "900"]}))
    pid_file = tmp / "exec.pid"
    with open(os.devnull, "r+") as null:
        subprocess.run([NAU, "runtime", "--root", str(nau.root), "exec", "-d", "--process", str(process), "--pid-file", str(pid_file),
                        nau.id], check=True, stdin=null, stdout=null, stderr=null)
    assert int(pid_file.read_text()) in json.loads(nau("ps", "--format", "json", nau.id).stdout)
    nau("delete", "-f", nau.id)
    assert nau.is_clean()


@test(needs="root")
def capabilities_of_a_session_are_not_inherited(tmp):
    nau = Runtime(tmp)
    assert nau.create()[0] == 0
    nau("start", nau.id)
    for user in ("0", "1000"):
        for options in ([], ["--cap", "CAP_NET_RAW"], ["--cap", "CAP_SYS_ADMIN", "--cap", "CAP_NET_RAW"]):
            out = nau("exec", "--user", user, *options, nau.id, "cat", "/proc/self/status").stdout
            sets = {line.split()[0]: int(line.split()[1], 16) for line in out.splitlines() if line.startswith("Cap")}
            assert sets["CapInh:"] == 0 and sets["CapAmb:"] == 0, sets
            assert bool(sets["CapBnd:"] >> 13 & 1) == bool(options), sets
            assert (sets["CapEff:"] == 0) == (user == "1000"), sets
    nau("delete", "--force", nau.id)
    assert nau.is_clean()


@test(needs="root")
def a_paused_container_stands_still_and_can_be_killed(tmp):
    nau = Runtime(tmp)
    assert nau.create()[0] == 0
    nau("start", nau.id)
    nau("pause", nau.id)
    assert nau.state()["status"] == "paused"
    assert "paused" in nau("exec", nau.id, "true", status=255).stderr
    nau("resume", nau.id)
    assert nau.state()["status"] == "running"
    assert "not paused" in nau("resume", nau.id, status=1).stderr
    nau("pause", nau.id)
    nau("kill", nau.id, "KILL")
    nau.wait_for("stopped")
    nau("delete", nau.id)
    assert nau.is_clean()


@test(needs=["root", "cgroup:memory"])
def update_reads_flags_and_standard_input_and_events_tell(tmp):
    nau = Runtime(tmp)
    assert nau.create()[0] == 0
    nau("start", nau.id)
    limit = lambda: json.loads(nau("events", "--stats", nau.id).stdout)["data"]["memory"]["usage"].get("limit")  # noqa: E731
    nau("update", "--memory", "64m", nau.id)
    assert limit() == 64 << 20
    nau("update", "-r", "-", nau.id, stdin=json.dumps({"memory": {"limit": 96 << 20}, "cpu": {"shares": 0}}))
    assert limit() == 96 << 20
    event = json.loads(nau("events", "--stats", nau.id).stdout)
    assert event["type"] == "stats" and event["id"] == nau.id and event["data"]["pids"]["current"] == 1, event
    nau("delete", "-f", nau.id)
    assert nau.is_clean()


@test(needs="root")
def a_failed_create_says_why_once_and_leaves_nothing(tmp):
    nau = Runtime(tmp)
    nau.command("missing")
    log = tmp / "log"
    done = nau("--log", log, "--log-format", "json", "create", "-b", nau.bundle.path, nau.id, status=1)
    line = json.loads(log.read_text())
    assert sorted(line) == ["level", "msg", "time"] and line["level"] == "error", line
    assert 'exec: "missing": executable file not found in $PATH' in line["msg"] and done.stderr == line["msg"] + "\n", (line, done)
    assert nau.is_clean()
    nau.command("/bin/true")
    nau.bundle.config["root"]["path"] = "nowhere"
    nau.write()
    assert "nowhere: no such file or directory" in nau("create", "-b", nau.bundle.path, nau.id, status=1).stderr
    for text in ("{", "[]", '{"ociVersion": "2.0.0"}', '{"ociVersion": "1.0.0"}'):
        (nau.bundle.path / "config.json").write_text(text)
        assert nau("create", "-b", nau.bundle.path, nau.id, status=1).stderr.count("\n") == 1
    assert nau.is_clean()


@test
def ids_are_names_and_no_paths(tmp):
    for name in ("", ".", "..", "a/b", "../x", "a b", "ä", "x" * 256):
        done = subprocess.run([NAU, "runtime", "--root", str(tmp / "s"), "delete", "--force", name], capture_output=True, text=True)
        assert done.returncode == 1 and "container id" in done.stderr, (name, done)
    assert not (tmp / "s").exists()


@test(needs="root")
def what_the_bundle_says_later_has_no_effect(tmp):
    nau = Runtime(tmp)
    nau.command("/bin/sh", "-c", "trap 'exit 3' TERM; echo first > /tmp/said; while :; do sleep 0.05; done")
    assert nau.create()[0] == 0
    nau.bundle.process["env"] = ["PATH=/bin", "LATE=yes"]
    nau.command("/bin/sh", "-c", "echo second > /tmp/said")
    nau("start", nau.id)
    nau("exec", nau.id, "sh", "-c", "until test -s /tmp/said; do :; done")
    assert nau("exec", nau.id, "sh", "-c", "cat /tmp/said; echo $LATE").stdout == "first\n\n"
    nau("delete", "--force", nau.id)
    assert nau.is_clean()


@test(needs="root")
def a_hook_after_the_start_stops_the_container_one_after_its_end_is_only_warned_of(tmp):
    nau = Runtime(tmp)
    log = tmp / "log"
    for name in ("good", "bad"):
        (tmp / name).write_text(f"#!/bin/sh\necho $1 $(sed 's/.*\"status\":\"\\([a-z]*\\).*/\\1/') >> {log}; test $0 = {tmp}/good\n")
        (tmp / name).chmod(0o755)

    def hooks(kind, *names):
        return [{"path": str(tmp / n), "args": [str(tmp / n), f"{kind}-{n}"], "env": ["PATH=/bin:/usr/bin"]} for n in names]

    nau.bundle.config["hooks"] = {"poststart": hooks("poststart", "good", "bad"), "poststop": hooks("poststop", "bad", "good")}
    nau.write()
    assert nau.create()[0] == 0
    assert "hooks: poststart[1]" in nau("start", nau.id, status=1).stderr
    nau.wait_for("stopped")
    assert log.read_text().splitlines() == ["poststart-good running", "poststart-bad running"]
    assert "poststop[0]" in nau("delete", nau.id).stderr
    assert log.read_text().splitlines()[2:] == ["poststop-bad stopped", "poststop-good stopped"]
    assert nau.is_clean()


@test(needs="root")
def scheduler_priority_and_personality_are_as_asked(tmp):
    nau = Runtime(tmp)
    nau.bundle.process.update(scheduler={"policy": "SCHED_BATCH", "nice": 5}, ioPriority={"class": "IOPRIO_CLASS_IDLE", "priority": 0},
                              execCPUAffinity={"initial": "0", "final": "0"})
    nau.bundle.linux["personality"] = {"domain": "LINUX32"}
    nau.command("/bin/sleep", "1000")
    assert nau.create()[0] == 0
    pid = nau.state()["pid"]
    nau("start", nau.id)
    assert (os.sched_getscheduler(pid), os.getpriority(os.PRIO_PROCESS, pid)) == (os.SCHED_BATCH, 5)
    assert pathlib.Path(f"/proc/{pid}/personality").read_text().strip() == "00000008"
    out = nau("exec", nau.id, "grep", "Cpus_allowed_list", "/proc/self/status").stdout
    assert out.split()[1] == "0", out
    nau("delete", "--force", nau.id)
    assert nau.is_clean()


@test(needs="root")
def two_containers_cannot_have_one_id(tmp):
    nau = Runtime(tmp)
    assert nau.create()[0] == 0
    status, text = nau.create()
    assert status == 1 and "container with id exists" in text, text
    assert nau.state()["status"] == "created"
    nau("delete", nau.id)  # created: holds nothing that anybody could miss
    assert nau.is_clean()


@test(needs="root", timeout=120)
def a_create_that_is_killed_anywhere_is_healed_by_delete(tmp):
    for point in KILL_POINTS:
        nau = Runtime(tmp / point)
        status, text = nau.create(NAU_FAIL_POINT=f"oci_runtime.create.{point}=kill")
        if status == 0:
            nau("delete", "--force", nau.id)
            skip("needs a build with fail points")
        assert status == -signal.SIGKILL, (point, status, text)
        nau("delete", "--force", nau.id)
        assert nau.is_clean(), point


@test(needs="root", timeout=120)
def a_create_or_run_that_is_killed_at_any_moment_is_healed_by_delete(tmp):
    nau = Runtime(tmp)
    for number in range(60):
        verb = ("create", "run")[number % 2]
        with open(os.devnull, "r+") as null:
            process = subprocess.Popen(nau.argv(verb, "-b", nau.bundle.path, nau.id), stdin=null, stdout=null, stderr=null)
            try:
                process.wait(number * 0.0007)  # the moment differs, and none is waited for
            except subprocess.TimeoutExpired:
                process.kill()
            process.wait()
        nau("delete", "--force", nau.id)
        assert nau.is_clean(), number


@test(needs="root")
def a_start_that_is_killed_leaves_a_container_that_can_be_deleted(tmp):
    for point in ("before_release", "after_release"):
        nau = Runtime(tmp / point)
        assert nau.create()[0] == 0
        done = nau("start", nau.id, status=None, env={"NAU_FAIL_POINT": f"oci_runtime.start.{point}=kill"})
        if done.returncode == 0:
            nau("delete", "--force", nau.id)
            skip("needs a build with fail points")
        assert done.returncode == -signal.SIGKILL, done
        nau("delete", "--force", nau.id)
        assert nau.is_clean(), point


@test(needs="root")
def a_session_that_is_killed_leaves_the_container_and_nothing_else(tmp):
    nau = Runtime(tmp)
    assert nau.create()[0] == 0
    nau("start", nau.id)
    pid = nau.state()["pid"]
    for number in range(20):
        with open(os.devnull, "r+") as null:
            process = subprocess.Popen(nau.argv("exec", nau.id, "true"), stdin=null, stdout=null, stderr=null)
            try:
                process.wait(number * 0.0005)
            except subprocess.TimeoutExpired:
                process.kill()
            process.wait()
    deadline = time.monotonic() + 20
    while json.loads(nau("ps", "--format", "json", nau.id).stdout) != [pid]:
        assert time.monotonic() < deadline, nau("ps", nau.id).stdout
    nau("delete", "--force", nau.id)
    assert nau.is_clean()


@test(needs="root")
def a_delete_that_is_killed_is_finished_by_the_next(tmp):
    for point in ("after_kill", "after_groups", "before_state"):
        nau = Runtime(tmp / point)
        assert nau.create()[0] == 0
        done = nau("delete", "-f", nau.id, status=None, env={"NAU_FAIL_POINT": f"oci_runtime.delete.{point}=kill"})
        if done.returncode == 0:
            skip("needs a build with fail points")
        nau("delete", "-f", nau.id)
        assert nau.is_clean(), point


@test(needs="root")
def a_container_killed_before_its_start_cannot_be_started(tmp):
    nau = Runtime(tmp)
    assert nau.create()[0] == 0
    nau("kill", nau.id, "KILL")
    nau.wait_for("stopped")
    assert "has stopped" in nau("start", nau.id, status=1).stderr
    nau("delete", nau.id)
    assert nau.is_clean()


@test
def names_of_runtimes_make_a_runtime(tmp):
    for name in ("nau-runtime", "runc", "crun"):
        (tmp / name).symlink_to(NAU)
        out = subprocess.run([tmp / name, "--version"], capture_output=True, text=True, check=True).stdout.splitlines()
        assert " version " in out[0] and out[1].startswith("commit: ") and out[2].startswith("spec: 1."), out
    features = json.loads(subprocess.run([tmp / "runc", "features"], capture_output=True, check=True).stdout)
    assert features["ociVersionMin"] == "1.0.0" and "ro" in features["mountOptions"] and "createRuntime" in features["hooks"]
    assert features["linux"]["cgroup"]["systemd"] is False and features["linux"]["seccomp"]["enabled"] is True


@test
def spec_writes_a_file_once(tmp):
    command = [NAU, "runtime", "spec", "--bundle", str(tmp)]
    subprocess.run(command, check=True)
    config = json.loads((tmp / "config.json").read_text())
    assert config["root"] == {"path": "rootfs", "readonly": True} and config["process"]["args"] == ["sh"], config
    again = subprocess.run(command, capture_output=True, text=True)
    assert again.returncode == 1 and "File exists" in again.stderr, again


main()
