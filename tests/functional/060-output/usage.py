"""The command line itself: mistakes, help, lists and templates, output that cannot be written."""

import json
import os
import signal
import subprocess

from nautest import main, test


@test
def help_is_no_error_and_a_missing_command_is(nau):
    assert "Commands:" in nau("--help").out
    assert nau("help", "run").out == nau("run", "--help").out == nau("container", "run", "--help").out.replace("nau container run", "nau run")
    nau.fails(125, error="missing command")
    nau.fails(125, "container", error="missing command")


@test
def mistakes_are_guessed_and_lead_to_help(nau):
    for args, guess, see in ((["rnu"], "nau run", "nau"), (["image", "lsit"], "nau image ls", "nau image"),
                             (["ps", "--formt", "x"], "--format", "nau ps")):
        result = nau.fails(125, *args, error="did you mean")
        assert guess in result.err and result.err.endswith(f"See '{see} --help'\n"), result
    nau.fails(125, "rm", error="at least one CONTAINER")
    nau.fails(125, "run", "--storage-opt", "size=1G", "x", error="--storage-opt is not supported")


@test
def global_flags_stand_before_or_behind_the_command(nau, tmp):
    first = nau("--namespace", "other", "info", "--format", "{{.store.namespace}}").word
    second = nau("info", "--namespace", "other", "--format", "{{.store.namespace}}").word
    third = nau("info", "--format", "{{.store.namespace}}", env={"NAU_NAMESPACE": "other"}).word
    assert first == second == third == "other"


@test
def lists_take_templates_tables_and_json(nau):
    image = nau.image()
    c = nau("create", "--name", "web", "-l", "a.b=1", image, "echo", "hi").word
    assert nau("ps", "-a", "--format", "{{.ID}} {{.Names}} {{.State}}").out == f"{c[:12]} web created\n"
    assert nau("ps", "-a", "--no-trunc", "--format", "{{.ID}}").word == c
    assert nau("ps", "-a", "--format", r"table {{.Names}}\t{{.Label \"a.b\"}}".replace("\\\"", '"')).lines == ["NAMES       A.B", "web         1"]
    assert nau("ps", "-a", "--format", "{{range .}}{{.Names}};{{end}}").out == "web;"
    row = json.loads(nau("ps", "-a", "--format", "json").out)[0]
    assert row["Names"] == ["web"] and row["Id"] == c and row["ExitCode"] in (None, 0), row
    assert json.loads(nau("ps", "-a", "--format", "{{json .}}").out)["Names"] == "web"
    assert nau("ps", "-aq").lines == [c[:12]]
    assert nau("ps", "-a", "--noheading").lines[0].endswith("web")
    assert nau("ps", "-a", "--filter", "label=a.b=2", "-q").out == ""
    nau.fails(125, "ps", "--format", "{{.Nmaes", error="template")
    nau.fails(125, "ps", "-a", "--format", "{{.Nmaes}}", error="did you mean '.Names'")
    nau.fails(125, "ps", "--filter", "nosuch=1", error="nosuch")


@test
def images_are_listed_by_every_form_of_their_name(nau):
    image = nau.image()
    nau("tag", image, "docker.io/library/own:1")
    assert nau("images", "--format", "{{.Repository}}:{{.Tag}}", "own").lines == ["docker.io/library/own:1"]
    assert nau("images", "-q", "own:1").word == nau("images", "-q").word
    assert len(json.loads(nau("images", "--format", "json").out)) == 1
    assert nau("images").lines[0].split() == ["REPOSITORY", "TAG", "IMAGE", "ID", "CREATED", "SIZE"]
    nau("image", "exists", "own:1")
    nau("image", "exists", "nosuch", status=1)
    assert "Untagged: docker.io/library/own:1" in nau("rmi", "own:1").lines
    nau.fails(1, "rmi", "nosuch", error="nosuch")


@test
def inspect_takes_containers_and_images_and_goes_on_after_a_failure(nau):
    image = nau.image()
    c = nau("create", "--name", "web", image, "true").word
    both = nau("inspect", "web", image).json()
    assert both[0]["Id"] == c and both[1]["RepoTags"] == [image]
    result = nau("inspect", "nosuch", "web", status=125)
    assert json.loads(result.out)[0]["Id"] == c and "nosuch" in result.err, result
    nau.fails(125, "image", "inspect", "-f", "{{.Id}}", "web", error="web")


@test
def a_full_disk_at_standard_output_is_an_error(nau):
    with open("/dev/full", "w") as full:
        done = subprocess.run(nau.argv("version"), stdout=full, stderr=subprocess.PIPE, env=nau.env, text=True)
    assert done.returncode == 125 and done.stderr == "Error: write standard output: No space left on device\n", done


@test
def a_reader_that_went_away_ends_it_as_sigpipe_does(nau):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(nau.argv("version"), stdout=writer, stderr=subprocess.PIPE, env=nau.env,
                          preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_DFL))
    os.close(writer)
    assert done.returncode == -signal.SIGPIPE and done.stderr == b"", done


@test
def version_is_told_for_scripts_of_docker_too(nau):
    client, server = nau("version", "--format", "{{.Client.Version}} {{.Server.Version}}").out.split()
    assert nau("--version").out == f"nau version {client}\n" and server == client
    assert json.loads(nau("version", "--format", "json").out)["Client"]["Version"] in nau("--version").out


main()
