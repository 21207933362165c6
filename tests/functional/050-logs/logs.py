"""What a container wrote, exactly, while it runs and afterwards."""

from nautest import main, test


@test
def the_log_is_exactly_what_was_written(nau):
    nau("run", "--name", "l", nau.image(), "sh", "-c", "seq 1 50000; printf 'no end'; echo err >&2")
    result = nau("logs", "l")
    assert result.out == "".join(f"{n}\n" for n in range(1, 50001)) + "no end"
    assert result.err == "err\n"


@test
def the_last_lines(nau):
    nau("run", "--name", "t", nau.image(), "seq", "1", "1000")
    assert nau("logs", "--tail", "3", "t").lines == ["998", "999", "1000"]
    assert nau("logs", "--tail", "0", "t").out == ""


@test
def following_ends_with_the_container(nau):
    nau("run", "-d", "--name", "f", nau.image(), "sh", "-c", "for i in 1 2 3 4 5; do echo $i; sleep 0.1; done")
    assert nau("logs", "-f", "f").lines == ["1", "2", "3", "4", "5"]


@test
def time_stamps_and_since(nau):
    nau("run", "--name", "s", nau.image(), "sh", "-c", "echo one; sleep 1.2; echo two")
    lines = nau("logs", "-t", "s").lines
    assert [line.split(" ")[1] for line in lines] == ["one", "two"]
    assert nau("logs", "--since", lines[1].split(" ")[0], "s").lines == ["two"]


@test
def a_driver_that_keeps_nothing_says_so(nau):
    nau("run", "--name", "n", "--log-driver", "none", nau.image(), "echo", "x")
    nau.fails(125, "logs", "n", error="none")


@test
def the_file_is_bounded_and_rotated(nau):
    nau("run", "--name", "r", "--log-opt", "max-size=100k", "--log-opt", "max-file=2", nau.image(), "seq", "1", "50000")
    files = sorted((nau.root / "containers").rglob("container.log*"))
    assert 1 <= len(files) <= 2 and all(f.stat().st_size <= 102400 for f in files), files
    assert nau("logs", "--tail", "1", "r").lines == ["50000"]


@test
def several_containers_one_after_the_other(nau):
    for name in ("one", "two"):
        nau("run", "--name", name, nau.image(), "sh", "-c", f"echo {name}; printf '{name} no end'")
    ids = [nau.inspect(name)["Id"][:12] for name in ("one", "two")]
    assert nau("logs", "one", "two").out == \
        f"{ids[0]} one\n{ids[0]} one no end{ids[1]} two\n{ids[1]} two no end"
    assert nau("logs", "--names", "--tail", "1", "two").out == "two two no end"
    assert nau("logs", "--names", "--color", "--tail", "1", "two").out == "\x1b[31mtwo\x1b[0m two no end"
    nau.fails(125, "logs", "one", "three", error="three")
    nau.fails(125, "logs", "-n", "one", error="number")


@test
def several_containers_are_followed_at_once_until_all_have_ended(nau):
    nau("run", "--name", "old", nau.image(), "seq", "1", "3")
    for name in ("a", "b"):
        nau("run", "-d", "--name", name, nau.image(), "sh", "-c", "read x < /proc/uptime; seq 1 2000; sleep 0.3; seq 2001 4000")
    lines = nau("logs", "-f", "--names", "old", "a", "b").lines
    assert lines[:3] == ["old 1", "old 2", "old 3"]
    for name in ("a", "b"):
        own = [line.split(" ")[1] for line in lines if line.startswith(name + " ")]
        assert own == [str(n) for n in range(1, 4001)]


main()
