"""Health checks: results, changes, actions, pauses."""

import json
import time

from nautest import main, test


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, "the condition never held"
        time.sleep(0.02)


def inspect(nau, name):
    return json.loads(nau("inspect", name).out)[0]


def health(nau, name):
    return inspect(nau, name)["State"]["Health"]


def run(nau, *words, command=("sleep", "1000")):
    nau("run", "-d", "--name", "a", *words, nau.image("busybox"), *command)


@test(needs=["root"])
def a_check_on_request_tells_and_counts(nau):
    run(nau, "--health-cmd", "echo looking; test -e /ok", "--health-interval", "disable", "--health-retries", "2")
    assert health(nau, "a") == {"Status": "starting", "FailingStreak": 0, "Log": []}
    assert nau("healthcheck", "run", "a", status=1).out == "starting\n"
    assert nau("healthcheck", "run", "a", status=1).out == "unhealthy\n"
    found = health(nau, "a")
    assert (found["Status"], found["FailingStreak"], len(found["Log"])) == ("unhealthy", 2, 2), found
    assert found["Log"][0]["ExitCode"] == 1 and found["Log"][0]["Output"] == "looking\n"
    nau("exec", "a", "touch", "/ok")
    nau("healthcheck", "run", "a")
    assert health(nau, "a")["Status"] == "healthy"
    assert "(healthy)" in nau("ps", "--format", "{{.Status}}").out
    for _ in range(6):
        nau("healthcheck", "run", "a")
    assert len(health(nau, "a")["Log"]) == 5


@test(needs=["root"])
def checks_come_by_themselves(nau):
    run(nau, "--health-cmd", "true", "--health-interval", "50ms")
    until(lambda: health(nau, "a")["Status"] == "healthy")


@test(needs=["root"])
def a_check_that_takes_too_long_fails(nau):
    run(nau, "--health-cmd", "sleep 100", "--health-interval", "disable", "--health-timeout", "100ms",
        "--health-retries", "1")
    nau("healthcheck", "run", "a", status=1)
    entry = health(nau, "a")["Log"][0]
    assert entry["ExitCode"] == -1 and "exceeded timeout" in entry["Output"], entry
    assert "sleep 100\n" not in nau("exec", "a", "ps").out


@test(needs=["root"])
def kill_ends_an_unhealthy_container(nau):
    run(nau, "--health-cmd", "exit 1", "--health-interval", "50ms", "--health-retries", "2",
        "--health-on-failure", "kill")
    assert nau("wait", "a").word == "137"
    until(lambda: inspect(nau, "a")["State"]["Status"] == "exited")
    state = inspect(nau, "a")["State"]
    assert state["ExitCause"] == "health" and state["Health"]["Status"] == "unhealthy", state


@test(needs=["root"])
def restart_starts_an_unhealthy_container_again(nau):
    run(nau, "--health-cmd", "exit 1", "--health-interval", "50ms", "--health-retries", "1",
        "--health-on-failure", "restart")
    until(lambda: inspect(nau, "a")["RestartCount"] >= 1)
    nau("stop", "-t", "0", "a")
    assert inspect(nau, "a")["State"]["Status"] == "exited"


@test(needs=["root"])
def failures_in_the_start_period_do_not_count(nau):
    run(nau, "--health-cmd", "exit 1", "--health-interval", "disable", "--health-retries", "1",
        "--health-start-period", "1h")
    nau("healthcheck", "run", "a", status=1)
    assert health(nau, "a")["Status"] == "starting"
    assert health(nau, "a")["FailingStreak"] == 0


@test(needs=["root"])
def what_is_not_there_cannot_be_checked(nau):
    run(nau)
    nau.fails(125, "healthcheck", "run", "a", error="no health check")
    nau.fails(125, "healthcheck", "run", "none", error="no container")


main()
