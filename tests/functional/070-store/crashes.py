"""Whatever kills nau at whatever step, and whatever the disk refuses: the next command works and fsck finds nothing.

The steps are the fail points that a life of a store passes; a release build has none, and the tests are skipped.
NAU_TEST_CHAOS_SECONDS makes the random test longer than CI wants it.
"""

import os
import random
import subprocess
import time

from nautest import main, skip, test

SECONDS = int(os.environ.get("NAU_TEST_CHAOS_SECONDS", "12"))


def points_of(nau, tmp, *commands):
    """The fail points that each command passes, in order, each once."""
    log = tmp / "points"
    found = []
    for command in commands:
        log.write_text("")
        nau(*command, env={"NAU_FAIL_POINT_LOG": str(log)}, status=None)
        quiet(nau)
        for name in log.read_text().split():
            if (command[0], name) not in found:
                found.append((command[0], name))
    if not found:
        skip("this build has no fail points")
    return found


def quiet(nau):
    """Until no upkeep is at work: it would be seen as another process's changes."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        nau("system", "upkeep")
        if not os.listdir(nau.root / "trash") and not (nau.runroot / "upkeep.wanted").exists():
            return
        time.sleep(0.02)
    raise AssertionError("the trash is not emptied")


def assert_works(nau, image, where):
    result = nau("pull", "-q", image, status=None)
    assert result.status == 0, f"{where}: {result}"
    result = nau("run", "--rm", "--network", "none", image, "echo", "works", status=None)
    assert result.status == 0 and result.out == "works\n", f"{where}: {result}"
    result = nau("fsck", "-n", status=None)
    assert result.status == 0, f"{where}: {result}"


def assert_empty_after_prune(nau, where):
    nau("rm", "-f", "-a")
    nau("system", "prune", "-a", "-f", "--volumes")
    quiet(nau)
    left = [str(p) for directory in ("content/blobs/sha256", "content/ingest", "snapshots", "containers", "records", "trash")
            for p in (nau.root / directory).iterdir()]
    assert left == [], f"{where}: {left}"


def scenes(image):
    """What is disturbed, and what has to be there for it; the image is."""
    create = ["create", "--network", "none", "--name"]
    return [([["rmi", "-f", image], ["system", "upkeep"]], ["pull", "-q", image]),
            ([["rm", "-f", "-a"]], ["run", "--network", "none", "--name", "c1", "-v", "vol:/vol", image, "true"]),
            ([["rm", "-f", "-a"]], [*create, "c2", image, "true"]),
            ([], ["tag", image, "second:1"]),
            ([["rm", "-f", "-a"], [*create, "c1", image, "true"], [*create, "c2", image, "true"]], ["rm", "c1", "c2"]),
            ([["rm", "-f", "-a"], [*create, "c3", image, "true"]], ["rm", "-f", "c3"]),
            ([["rm", "-f", "-a"]], ["rmi", "-f", image, "second:1"]),
            ([], ["system", "upkeep"]),
            ([["rm", "-f", "-a"], [*create, "c4", image, "true"]], ["system", "prune", "-a", "-f", "--volumes"])]


def disturb_each_point(nau, tmp, registry, action, part, parts):
    image = registry.add("layers8")
    count = 0
    for before, words in scenes(image):
        for preparation in before:
            nau(*preparation, status=None)
        quiet(nau)
        for _, point in points_of(nau, tmp, words):
            if point.startswith(("runtime.", "monitor.", "events.")):
                continue  # theirs is another suite
            count += 1
            if count % parts != part:
                continue
            for preparation in before:
                nau(*preparation, status=None)
            nau(*words, env={"NAU_FAIL_POINT": f"{point}={action}"}, status=None)
            assert_works(nau, image, f"{action} at {point} in {' '.join(words)}")
    assert count > 30, count
    assert_empty_after_prune(nau, action)


def make(name, action, part, parts):
    def function(nau, tmp, registry):
        disturb_each_point(nau, tmp, registry, action, part, parts)
    function.__name__ = f"{name}_{part + 1}"
    test(function, timeout=400)


for number in range(4):
    make("killed_at_every_step", "kill", number, 4)
for number in range(2):
    make("disk_full_at_every_step", "error:ENOSPC", number, 2)


@test(timeout=400)
def input_output_errors_at_every_step(nau, tmp, registry):
    disturb_each_point(nau, tmp, registry, "error:EIO", 0, 1)


@test(timeout=120 + SECONDS * 2)
def killed_at_random_times(nau, registry):
    """Several at once on one store, each killed after some milliseconds or left to end."""
    images = [registry.add("layers8"), nau.image("busybox")]
    seed = int(os.environ.get("NAU_TEST_SEED", time.time_ns() % 1_000_000))
    chance = random.Random(seed)
    print(f"seed {seed}")
    ends, commands, killed, running = time.monotonic() + SECONDS, 0, 0, []

    def command():
        image = chance.choice(images)
        name = f"c{chance.randrange(6)}"
        return chance.choice([
            ["pull", "-q", image], ["pull", "-q", image],
            ["run", "--rm", "--network", "none", image, "true"],
            ["run", "-d", "--replace", "--name", name, "--network", "none", image, "sleep", "1"],
            ["create", "--replace", "--name", name, "--network", "none", "-v", f"{name}:/data", image, "true"],
            ["start", name], ["rm", "-f", name], ["rm", "-f", "-a"], ["rmi", "-f", image], ["tag", image, "other:1"],
            ["rmi", "other:1"], ["system", "prune", "-f"], ["image", "prune", "-a", "-f"], ["system", "upkeep"], ["gc"]])

    while time.monotonic() < ends:
        while len(running) < 4:
            process = subprocess.Popen(nau.argv(*command()), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL, env=nau.env, cwd=nau.base)
            deadline = time.monotonic() + (chance.expovariate(1 / 0.03) if chance.random() < 0.7 else 20)
            running.append((process, deadline))
            commands += 1
        for process, deadline in list(running):
            if process.poll() is None and time.monotonic() > deadline:
                process.kill()
                process.wait()
                killed += 1
            if process.poll() is not None:
                running.remove((process, deadline))
        time.sleep(0.002)
    for process, _ in running:
        process.wait(60)
    print(f"{commands} commands, {killed} of them killed")
    assert commands > 20, commands
    for image in images:
        assert_works(nau, image, f"seed {seed}, {commands} commands")
    quiet(nau)
    du = int(subprocess.run(["du", "-s", "--block-size=1", nau.root], stdout=subprocess.PIPE, check=True).stdout.split()[0])
    df = nau("system", "df", "-v", "--format", "json").json()["TotalSize"]
    assert abs(df - du) <= 0.01 * du, (seed, df, du)
    assert_empty_after_prune(nau, f"seed {seed}")


main()
