"""What goes wrong: one clear line that names the thing, the documented status, and nothing left behind."""

import pathlib

from nautest import main, test


@test
def an_unknown_image_is_named(nau, registry):
    reference = registry.reference("no/such")
    nau.fails(125, "run", "--rm", reference, "true", error="no/such")
    nau.fails(125, "run", "--rm", "--pull=never", "alpine", "true", error="alpine")
    nau.fails(125, "run", "--rm", "UPPER/case", "true", error="UPPER")
    assert nau.containers() == []


@test
def a_name_that_is_taken_names_its_holder(nau):
    image = nau.image()
    first = nau("run", "-d", "--name", "taken", image, "sleep", "1000").word
    nau.fails(125, "run", "--name", "taken", image, "true", error=first[:12])
    assert len(nau.containers()) == 1
    second = nau("run", "-d", "--replace", "--name", "taken", image, "sleep", "1000").word
    assert nau.containers() == [second]


@test
def a_start_that_fails_leaves_nothing_with_rm_and_a_record_without(nau):
    image = nau.image()
    nau.fails(127, "run", "--rm", image, "/nosuch")
    assert nau.containers() == []
    nau.fails(127, "run", "--name", "broken", image, "/nosuch")
    assert nau("ps", "-a", "--format", "{{.Names}}").lines == ["broken"]
    nau("rm", "broken")


@test
def wrong_flags_are_named_and_lead_to_help(nau):
    for args, word in ((["run", "--nosuch", "x"], "nosuch"), (["run", "--memory", "lots", "x"], "lots"),
                       (["run", "--cpus", "many", "x"], "many"), (["run", "-v", "relative/../x:/y:zz", "x"], ""),
                       (["run"], ""), (["frobnicate"], "frobnicate"), (["run", "--network", "nosuch", "x"], "nosuch"),
                       (["run", "--security-opt", "nosuch=1", "x"], "nosuch"), (["run", "--pull", "perhaps", "x"], "perhaps")):
        result = nau(*args, status=125)
        assert word in result.err, result
        assert "Error: " in result.err, result


@test
def limits_that_make_no_sense_are_refused(nau):
    image = nau.image()
    for options in (["-m", "1k"], ["--cpuset-cpus", "9999"]):
        nau.fails(125, "run", "--rm", *options, image, "true")
    assert nau.containers() == []


@test
def a_root_that_cannot_be_written_is_named(nau):
    result = nau("--root", "/proc/nau", "pull", "alpine", status=125)
    assert "/proc/nau" in result.err, result


@test
def the_id_file_is_written_once(nau, tmp):
    image = nau.image()
    container = nau("run", "-d", "--cidfile", tmp / "cid", image, "true").word
    assert pathlib.Path(tmp / "cid").read_text() == container
    nau.fails(125, "run", "--rm", "--cidfile", tmp / "cid", image, "true", error="cid")


main()
