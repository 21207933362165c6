"""Logs under stress: random output over small files, compressed ones, full disks, removed files."""

import ctypes
import gzip
import os
import random
import subprocess

from nautest import main, skip, test, wait_until

CLONE_NEWNS = 0x20000


def log_directory(nau, name):
    return nau.root / "containers" / nau.inspect(name)["Id"]


def write_pieces(directory, seed):
    """Files of random bytes and a script that writes each at once; what comes out of both streams."""
    choose = random.Random(seed)
    written = {1: b"", 2: b""}
    script = []
    for number in range(60):
        size = choose.choice([1, 7, 200, 3000, 16384, 16385, 50000])
        alphabet = choose.choice([b"\n", b"ab\n", bytes(range(256)), b"\0\n", "h\u00e9\u20ac\U0001f433\n".encode(), b"x"])
        data = bytes(choose.choices(alphabet, k=choose.randint(1, size)))
        stream = choose.choice([1, 1, 2])
        (directory / str(number)).write_bytes(data)
        script.append(f"cat /data/{number} >&{stream}")
        written[stream] += data
    (directory / "script").write_text("\n".join(script) + "\n")
    return written


def run_pieces(nau, directory, name, *options):
    nau("run", "-d", "--name", name, "-v", f"{directory}:/data:ro", *options, nau.image(), "sh", "/data/script")
    return nau("logs", "-f", name)


def check_pieces(nau, tmp, driver):
    for seed in range(4):
        directory = tmp / str(seed)
        directory.mkdir()
        written = write_pieces(directory, f"{driver} {seed}")
        name = f"all{seed}"
        size = random.Random(seed).choice(["20k", "40k", "150k"])
        options = ["--log-driver", driver, "--log-opt", f"max-size={size}"]
        followed = run_pieces(nau, directory, name, *options, "--log-opt", "max-file=1000")
        assert followed.out_bytes == written[1] and followed.err_bytes == written[2], (seed, size)
        again = nau("logs", name)
        assert again.out_bytes == written[1] and again.err_bytes == written[2], (seed, size)
        name = f"some{seed}"
        nau("run", "--name", name, "-v", f"{directory}:/data:ro", *options, "--log-opt", "max-file=3", nau.image(), "sh", "/data/script")
        kept = nau("logs", name)
        assert written[1].endswith(kept.out_bytes) and written[2].endswith(kept.err_bytes), (seed, size)
        assert kept.out_bytes or kept.err_bytes
        nau("rm", "-f", f"all{seed}", f"some{seed}")


@test(timeout=180)
def any_output_comes_back_from_k8s_file(nau, tmp):
    check_pieces(nau, tmp, "k8s-file")


@test(timeout=180)
def any_output_comes_back_from_json_file(nau, tmp):
    check_pieces(nau, tmp, "json-file")


@test
def old_files_are_compressed_and_read_through(nau):
    for driver in ("k8s-file", "json-file"):
        nau("run", "-d", "--name", driver, "--log-driver", driver, "--log-opt", "max-size=200k", "--log-opt", "max-file=100",
            nau.image(), "sh", "-c", "seq 1 30000; exec sleep 1000")
        directory = log_directory(nau, driver)
        wait_until(lambda: "30000" in nau("logs", "--tail", "1", driver).out, 30)
        wait_until(lambda: not [p for p in directory.iterdir() if p.name not in ("container.log",) and p.suffix != ".gz"], 30)
        old = sorted(directory.glob("container.log.*.gz"), key=lambda p: int(p.name.split(".")[2]), reverse=True)
        assert len(old) > 3, list(directory.iterdir())
        everything = "".join(f"{n}\n" for n in range(1, 30001))
        assert nau("logs", driver).out == everything
        assert nau("logs", "--tail", "29990", driver).out == everything[len("1\n" * 9 + "10\n"):]
        # Anybody's tools read them, and they are smaller.
        text = b"".join(gzip.decompress(p.read_bytes()) for p in old)
        assert text.count(b"\n") > 20000 and len(text) > 4 * sum(p.stat().st_size for p in old)
        # They count as the container's log.
        usage = {c["Names"]: c["LogSize"] for c in nau.json("system", "df", "-v")["Containers"]}
        disk = sum(p.stat().st_blocks * 512 for p in directory.iterdir())
        assert usage[driver] >= disk > 0, (usage, disk)


@test
def compress_false_leaves_them_as_they_are(nau):
    nau("run", "-d", "--name", "p", "--log-opt", "max-size=100k", "--log-opt", "compress=false", nau.image(), "sh", "-c",
        "seq 1 20000; exec sleep 1000")
    wait_until(lambda: "20000" in nau("logs", "--tail", "1", "p").out, 30)
    names = sorted(p.name for p in log_directory(nau, "p").iterdir())
    assert names == ["container.log", "container.log.1", "container.log.2"], names


@test
def a_monitor_killed_while_it_compresses_loses_nothing(nau, tmp):
    passed = tmp / "points"
    for point in ("before_rename", "before_unlink"):
        name = point.replace("_", "-")
        nau("create", "--name", name, "--log-opt", "max-size=100k", "--log-opt", "max-file=100", nau.image(), "sh", "-c",
            "seq 1 20000; exec sleep 1000", env={"NAU_FAIL_POINT_LOG": str(passed)})
        if not passed.exists():
            skip("needs a build with fail points")
        nau("start", name, env={"NAU_FAIL_POINT": f"logs.compress.{point}=kill"})
        # The monitor is gone at the first rotation; what it had written is read, each line once.
        wait_until(lambda: nau("ps", "-q", "--filter", f"name={name}").lines == [] or
                   (log_directory(nau, name) / "container.log.1").exists(), 20)
        lines = nau("logs", name).lines
        assert lines == [str(n) for n in range(1, len(lines) + 1)], (lines[:3], len(lines))
        nau("rm", "-f", name)


@test(needs=["root", "mount"])
def a_full_disk_does_not_stop_the_container_and_is_told_once(nau, tmp):
    image = nau.image()
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    nau("create", "--name", "full", "-v", f"{tmp}:/tell", image, "sh", "-c",
        "echo first; seq 1 100000; touch /tell/full; until test -e /tell/room; do sleep 0.1; done; echo again; "
        "touch /tell/again; until test -e /tell/end; do sleep 0.1; done")
    directory = log_directory(nau, "full")
    directory.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", directory], check=True)
    try:
        nau("start", "full")
        wait_until((tmp / "full").exists, 30)
        result = nau("logs", "full")
        assert result.lines[:3] == ["first", "1", "2"] and len(result.lines) < 50000
        assert "No space left" in result.err and "A part" in result.err, result.err
        assert "No space left" in nau("why", "full").out
        subprocess.run(["mount", "-o", "remount,size=1m", directory], check=True)
        (tmp / "room").touch()
        wait_until((tmp / "again").exists, 30)
        assert nau("logs", "--tail", "1", "full").lines[-1] == "again"
        (tmp / "end").touch()
        nau("wait", "full")
        events = nau("events", "--no-stream", "--format", "json").out
        assert events.count('"Action":"log_lost"') == 1, events
        lost = nau.inspect("full")["State"]["LogLostBytes"]
        kept = len(nau("logs", "full").out_bytes)
        assert lost + kept == len("first\nagain\n") + sum(len(f"{n}\n") for n in range(1, 100001)), (lost, kept)
        assert f"{lost} bytes" in nau("why", "full").out
    finally:
        subprocess.run(["umount", "-l", directory], check=False)


@test
def a_removed_file_is_made_anew(nau, tmp):
    nau("run", "-d", "--name", "r", "-v", f"{tmp}:/tell", nau.image(), "sh", "-c",
        "echo before; touch /tell/a; until test -e /tell/b; do sleep 0.1; done; echo after; touch /tell/c; exec sleep 1000")
    wait_until((tmp / "a").exists, 20)
    file = log_directory(nau, "r") / "container.log"
    wait_until(file.exists, 20)
    os.unlink(file)
    (tmp / "b").touch()
    wait_until((tmp / "c").exists, 20)
    wait_until(lambda: nau("logs", "r").out == "after\n", 20)


main()
