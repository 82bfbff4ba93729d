"""Lines of real containers in CloudWatch Logs and in `berth logs`: all of them, in order, once, whatever dies meanwhile."""

import pathlib
import re
import select
import subprocess
import time

import pytest
from conftest import BERTH, CLEAN, eventually
from machine import shell


@pytest.fixture
def group(machine, request):
    name = "/e2e/" + re.sub(r"[^a-z0-9_]+", "/", request.node.name)
    machine.logs.create_log_group(logGroupName=name)
    return name


def awslogs(group, **more):
    options = {"awslogs-group": group, "awslogs-region": "us-east-1", "awslogs-stream-prefix": "e2e"}
    return {"logDriver": "awslogs", "options": {**options, **{key.replace("_", "-"): value for key, value in more.items()}}}


def lines_of(machine, group, stream=None):
    more = {"logStreamNames": [stream]} if stream else {}
    pages = machine.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group, **more)
    return [event["message"] for page in pages for event in page["events"]]


def task_id(arn):
    return arn.rsplit("/", 1)[1]


# A container with this mount point and that line in its script goes on when the gate is opened.
GATE = [{"sourceVolume": "gate", "containerPath": "/gate"}]
GATED = "while ! test -e /gate/open; do sleep 0.1; done"
GATED_AGAIN = GATED.replace("open", "again")


def register_gated(machine, family, script, **container):
    return machine.register(family, [{"name": family, "mountPoints": GATE, "command": shell(script), **container}],
                            volumes=[{"name": "gate"}])


def open_gate(machine, arn, name="open"):
    pathlib.Path(machine.directory, "host", "tasks", task_id(arn), "volume-gate", name).touch()


def test_lines_arrive_before_the_task_is_stopped(machine, group):
    arns = machine.run(machine.register("talk", [{
        "name": "talk", "logConfiguration": awslogs(group),
        "command": shell("i=0; while [ $i -lt 1000 ]; do echo line $i; i=$((i+1)); done; echo oops >&2; printf end")}]))
    machine.wait(arns, "STOPPED")
    lines = lines_of(machine, group, f"e2e/talk/{task_id(arns[0])}")
    lines.remove("oops")  # the other stream: nothing orders it among these
    assert lines == [f"line {i}" for i in range(1000)] + ["end"]


def test_tail_follows_a_running_task(machine, group):
    arns = machine.run(machine.register("tick", [{
        "name": "tick", "logConfiguration": awslogs(group),
        "command": shell("i=0; while true; do echo tick $i; i=$((i+1)); sleep 1; done")}]))
    command = ["/usr/bin/aws", "--endpoint-url", machine.url, "logs", "tail", group, "--follow", "--format", "short"]
    tail = subprocess.Popen(command, env=dict(machine.environment, PYTHONUNBUFFERED="1"), stdout=subprocess.PIPE, text=True)
    try:
        for i in range(4):
            assert tail.stdout.readline().rstrip().endswith(f"tick {i}")
    finally:
        tail.kill()
        tail.communicate()
    machine.stop(arns)


def test_lines_that_belong_together_are_one_event(machine, group):
    script = "echo 'ERROR one'; echo '  at a'; echo '  at b'; echo 'INFO two'"
    arns = machine.run(machine.register("multi", [{
        "name": "multi", "logConfiguration": awslogs(group, awslogs_multiline_pattern="^(ERROR|INFO)"),
        "command": shell(script)}]))
    machine.wait(arns, "STOPPED")
    assert lines_of(machine, group) == ["ERROR one\n  at a\n  at b", "INFO two"]


def test_a_very_long_line_is_cut_and_nothing_lost(machine, group):
    arns = machine.run(machine.register("long", [{
        "name": "long", "logConfiguration": awslogs(group), "memory": 256,
        "command": shell("head -c 600000 /dev/zero | tr '\\0' x; echo; echo after")}]))
    machine.wait(arns, "STOPPED")
    lines = lines_of(machine, group)
    assert lines[-1] == "after" and "".join(lines[:-1]) == "x" * 600000
    assert max(len(line) for line in lines) <= 262144


def test_the_group_is_made_when_asked(machine):
    name = "/e2e/made-by-the-driver"
    machine.allow_log_groups()
    arns = machine.run(machine.register("maker", [{
        "name": "maker", "logConfiguration": awslogs(name, awslogs_create_group="true"), "command": ["/bin/echo", "hi"]}]))
    machine.wait(arns, "STOPPED")
    assert lines_of(machine, name) == ["hi"]


@pytest.mark.parametrize("configuration, reason", [
    (awslogs("/e2e/none"), "ResourceNotFoundException: The specified log group does not exist."),
    (awslogs("/e2e/none", awslogs_multiline_pattern="("), "failed to validate logger args"),
])
def test_a_task_whose_log_cannot_be_does_not_start(machine, configuration, reason):
    arns = machine.run(machine.register("mute", [{
        "name": "mute", "logConfiguration": configuration, "command": ["/bin/echo", "hi"]}]))
    task = machine.wait(arns, "STOPPED")[0]
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith("ResourceInitializationError: failed to validate logger args")
    assert reason in task["stoppedReason"]


@pytest.mark.parametrize("role", ["server", "host"])
def test_nothing_is_lost_or_doubled_when_a_role_is_killed(machine, group, role):
    count = 3000
    arns = machine.run(machine.register("count", [{
        "name": "count", "logConfiguration": awslogs(group),
        "command": shell(f"i=0; while [ $i -lt {count} ]; do echo $i; i=$((i+1)); [ $((i%10)) = 0 ] && sleep 0.02; done")}]))
    machine.wait(arns, "RUNNING")
    for _ in range(3):
        eventually(lambda: lines_of(machine, group), what="the first line")
        machine.kill(role)
        time.sleep(0.3)  # lines go on being written meanwhile
        machine.up()
        machine.logs = machine.client("logs")
    machine.wait(arns, "STOPPED", 120)
    assert lines_of(machine, group) == [str(i) for i in range(count)]


def test_a_task_that_ends_while_the_server_is_away_keeps_its_lines(machine, group):
    arns = machine.run(register_gated(
        machine, "orphan", f"i=0; while [ $i -lt 500 ]; do echo $i; i=$((i+1)); done; {GATED}; echo last words",
        logConfiguration=awslogs(group)))
    machine.wait(arns, "RUNNING")
    machine.kill("server")
    open_gate(machine, arns[0])
    log = pathlib.Path(machine.directory, "host", "logs", task_id(arns[0]), "0.log")
    eventually(lambda: b"last words" in log.read_bytes(), what="the end of the container")
    machine.up()
    machine.wait(arns, "STOPPED")
    assert lines_of(machine, group) == [str(i) for i in range(500)] + ["last words"]


def test_non_blocking_drops_the_oldest_lines_beyond_its_buffer(machine, group):
    arns = machine.run(register_gated(
        machine, "flood", f"echo first; {GATED}; echo second; {GATED_AGAIN}; i=0; "
                          "while [ $i -lt 20000 ]; do echo line number $i; i=$((i+1)); done; while true; do sleep 1; done",
        logConfiguration=awslogs(group, mode="non-blocking", max_buffer_size="64k")))
    machine.wait(arns, "RUNNING")
    eventually(lambda: lines_of(machine, group) == ["first"], what="the first line")
    machine.kill("server")
    tries = lambda: pathlib.Path(machine.directory, "host.log").read_text().count("log lines wait, trying on")
    before = tries()
    open_gate(machine, arns[0])
    eventually(lambda: tries() > before, what="the second line on its way")
    open_gate(machine, arns[0], "again")
    log = pathlib.Path(machine.directory, "host", "logs", task_id(arns[0]), "0.log")
    eventually(lambda: b"line number 19999\n" in log.read_bytes(), what="the flood")
    machine.up()
    lines = eventually(lambda: [l for l in [lines_of(machine, group)] if l[-1] == "line number 19999"], what="the end")[0]
    # What was on its way when the server was away, the one batch that waits behind it, the newest lines that the buffer holds.
    assert lines[:2] == ["first", "second"]
    numbers = [int(line.rsplit(" ", 1)[1]) for line in lines[2:]]
    batch = next(i for i, number in enumerate(numbers) if number != i)
    assert batch <= 4096 and numbers[batch:] == list(range(numbers[batch], 20000))
    assert len(numbers[batch:]) * len("line number 19999") < 65536
    machine.stop(arns)


def test_berth_logs_shows_what_stays_on_the_host(machine):
    arns = machine.run(machine.register("plain", [
        {"name": "one", "command": shell(f"echo from one; {GATED}; echo again"), "mountPoints": GATE},
        {"name": "two", "command": shell("echo from two; touch /gate/open; sleep 100"), "mountPoints": GATE, "essential": False}],
        volumes=[{"name": "gate"}]))
    machine.wait(arns, "STOPPED")

    def logs(*more):
        return machine.berth("logs", task_id(arns[0]), "--data", machine.directory, *more).stdout
    assert logs("--container", "one") == "from one\nagain\n"
    assert sorted(logs().splitlines()) == ["one  again", "one  from one", "two  from two"]
    assert logs("--container", "one", "--timestamps").splitlines()[0].endswith("Z from one")
    assert machine.berth("logs", arns[0], "--data", machine.directory, "--container", "two").stdout == "from two\n"
    assert "no container" in machine.berth("logs", task_id(arns[0]), "--data", machine.directory, "--container", "x",
                                           check=False).stderr
    assert machine.berth("logs", "f" * 32, "--data", machine.directory, check=False).returncode != 0


def test_berth_logs_follows_and_ends_with_the_task(machine):
    arns = machine.run(register_gated(machine, "slow", f"echo 1; {GATED}; for i in 2 3; do echo $i; sleep 1; done"))
    machine.wait(arns, "RUNNING")
    follow = subprocess.Popen([BERTH, "logs", task_id(arns[0]), "--data", machine.directory, "--follow"], env=CLEAN,
                              stdout=subprocess.PIPE, text=True)
    try:
        assert select.select([follow.stdout], [], [], 60)[0] and follow.stdout.readline() == "1\n"
        open_gate(machine, arns[0])
        assert follow.communicate(timeout=60)[0] == "2\n3\n"
        assert follow.returncode == 0
    finally:
        follow.kill()


def test_berth_logs_says_where_awslogs_went(machine, group):
    arns = machine.run(machine.register("away", [{
        "name": "away", "logConfiguration": awslogs(group), "command": ["/bin/echo", "hi"]}]))
    machine.wait(arns, "STOPPED")
    said = machine.berth("logs", task_id(arns[0]), "--data", machine.directory)
    assert f"aws logs tail {group} --log-stream-names e2e/away/{task_id(arns[0])}" in said.stdout + said.stderr
