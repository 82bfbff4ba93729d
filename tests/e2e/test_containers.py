"""What a task definition says of a container is what the container has: seen from inside."""

import json
import pathlib

import pytest
from conftest import eventually
from machine import container_of, served, shell

SERVE = "exec /bin/httpd -f -p 80 -h /www"


def inside(machine, script, volumes=None, others=(), **definition):
    """Runs a script in a container of that definition; what it prints, and the task."""
    container = {"name": "main", "command": shell(f"({script}) > /tmp/out 2>&1; exec /bin/httpd -f -p 80 -h /tmp"), **definition}
    extra = {"volumes": volumes} if volumes else {}
    arns = machine.run(machine.register("inside", [container, *others], **extra))
    task = machine.wait(arns, "RUNNING")[0]
    text = served(task, "out")
    machine.stop(arns)
    return text


# The image has no /tmp: each container that wants one mounts it.
TMP = {"linuxParameters": {"tmpfs": [{"containerPath": "/tmp", "size": 16}]}}


@pytest.mark.parametrize("definition, script, expected", [
    ({"environment": [{"name": "WHO", "value": "a b"}]}, 'echo "$WHO $AWS_EXECUTION_ENV"', "a b AWS_ECS_FARGATE\n"),
    ({"workingDirectory": "/www"}, "cat index.html", "hello\n"),
    ({"user": "1000:1001"}, "id -u; id -g", "1000\n1001\n"),
    ({"pseudoTerminal": True}, "busybox tty; echo $TERM", "/dev/pts/0\nxterm\n"),
    ({"interactive": True}, "test -p /dev/stdin && echo open", "open\n"),
    ({"readonlyRootFilesystem": True}, "echo x > /www/x || echo refused", "refused\n"),
    ({"ulimits": [{"name": "nofile", "softLimit": 100, "hardLimit": 200}]}, "ulimit -Sn; ulimit -Hn", "100\n200\n"),
    ({"systemControls": [{"namespace": "net.ipv4.ip_default_ttl", "value": "99"}]},
     "cat /proc/sys/net/ipv4/ip_default_ttl", "99\n"),
])
def test_a_setting_is_what_the_container_has(machine, definition, script, expected):
    if "user" in definition or "readonlyRootFilesystem" in definition:
        definition = {**definition, "linuxParameters": {"tmpfs": [{"containerPath": "/tmp", "size": 16, "mountOptions": ["mode=1777"]}]}}
    assert inside(machine, script, **{**TMP, **definition}).endswith(expected)


def test_capabilities_are_dropped_and_added(machine):
    default = inside(machine, "cat /proc/self/status", **TMP)
    dropped = inside(machine, "cat /proc/self/status", linuxParameters={
        **TMP["linuxParameters"], "capabilities": {"drop": ["CHOWN"], "add": ["SYS_PTRACE"]}})

    def capabilities(text):
        return int(next(line.split()[1] for line in text.splitlines() if line.startswith("CapEff")), 16)
    assert capabilities(default) & 1 and not capabilities(default) >> 19 & 1  # CAP_CHOWN, CAP_SYS_PTRACE
    assert not capabilities(dropped) & 1 and capabilities(dropped) >> 19 & 1
    assert not capabilities(default) >> 21 & 1  # CAP_SYS_ADMIN
    assert "NoNewPrivs:\t1" in default and "Seccomp:\t2" in default


def test_init_reaps_and_shared_memory_has_its_size(machine):
    text = inside(machine, "cat /proc/1/cmdline; echo; cat /proc/mounts", linuxParameters={
        **TMP["linuxParameters"], "initProcessEnabled": True, "sharedMemorySize": 96})
    assert "httpd" not in text.splitlines()[0].split("\0")[0]
    shm = next(line for line in text.splitlines() if " /dev/shm " in line)
    assert "size=98304k" in shm


def test_containers_of_a_task_share_volumes_and_localhost(machine):
    side = {"name": "side", "essential": False, "command": shell("echo from the side > /shared/said; exec /bin/httpd -f -p 81 -h /shared"),
            "mountPoints": [{"sourceVolume": "data", "containerPath": "/shared"}]}
    text = inside(machine, "while ! test -s /data/said; do sleep 1; done; cat /data/said; while ! wget -q -O - http://127.0.0.1:81/said 2>/dev/null; do sleep 1; done; "
                           "echo x 2>/dev/null > /data/x || echo read only",
                  volumes=[{"name": "data"}], others=[side],
                  mountPoints=[{"sourceVolume": "data", "containerPath": "/data", "readOnly": True}], **TMP)
    assert text.endswith("from the side\nfrom the side\nread only\n")


def test_volumes_from_another_container(machine):
    side = {"name": "side", "essential": False, "command": shell("echo here > /shared/said; exec sleep 1000"),
            "mountPoints": [{"sourceVolume": "data", "containerPath": "/shared"}]}
    text = inside(machine, "while ! test -s /shared/said; do sleep 1; done; cat /shared/said", volumes=[{"name": "data"}],
                  others=[side], volumesFrom=[{"sourceContainer": "side", "readOnly": True}], **TMP)
    assert text == "here\n"


@pytest.mark.parametrize("condition, command, starts", [
    ("SUCCESS", "exit 0", True), ("SUCCESS", "exit 3", False), ("COMPLETE", "exit 3", True)])
def test_dependencies_are_waited_for(machine, condition, command, starts):
    arns = machine.run(machine.register("ordered", [
        {"name": "first", "essential": False, "command": shell(command)},
        {"name": "second", "dependsOn": [{"containerName": "first", "condition": condition}]}]))
    task = machine.wait(arns, "RUNNING" if starts else "STOPPED")[0]
    assert container_of(task, "first")["exitCode"] == int(command.split()[1])
    if starts:
        assert served(task) == "hello\n"
        machine.stop(arns)
    else:
        assert task["stopCode"] == "TaskFailedToStart"
        assert "exitCode" not in container_of(task, "second")


def test_a_dependency_that_takes_too_long_stops_the_task(machine):
    arns = machine.run(machine.register("late", [
        {"name": "first", "startTimeout": 2, "command": ["/bin/sleep", "1000"],
         "healthCheck": {"command": ["CMD", "/bin/false"], "interval": 5, "startPeriod": 100}},
        {"name": "second", "dependsOn": [{"containerName": "first", "condition": "HEALTHY"}]}]))
    task = machine.wait(arns, "STOPPED")[0]
    assert task["stopCode"] == "TaskFailedToStart" and "first" in task["stoppedReason"]


def test_an_unhealthy_container_stops_its_task(machine):
    arns = machine.run(machine.register("ill", [
        {"name": "main", "healthCheck": {"command": ["CMD-SHELL", "exit 1"], "interval": 5, "retries": 1}}]))
    task = machine.wait(arns, "STOPPED")[0]
    assert task["stoppedReason"] == "Task failed container health checks"
    assert container_of(task, "main")["healthStatus"] == "UNHEALTHY"


@pytest.mark.parametrize("essential", [True, False])
def test_the_end_of_an_essential_container_ends_the_task(machine, essential):
    arns = machine.run(machine.register("ends", [
        {"name": "main"}, {"name": "side", "essential": essential, "command": shell("exit 7")}]))
    if essential:
        task = machine.wait(arns, "STOPPED")[0]
        assert task["stoppedReason"] == "Essential container in task exited"
        assert task["stopCode"] == "EssentialContainerExited"
    else:
        task = machine.wait(arns, "RUNNING")[0]
        task = eventually(lambda: "exitCode" in container_of(machine.describe(arns)[0], "side") and machine.describe(arns)[0])
        assert served(task) == "hello\n"
        machine.stop(arns)
    assert container_of(task, "side")["exitCode"] == 7


def test_a_stop_signal_that_is_heard_ends_at_once(machine):
    arns = machine.run(machine.register("polite", [
        {"name": "main", "stopTimeout": 60, "command": shell("trap 'exit 5' TERM; echo heard; while true; do sleep 1; done")}]))
    machine.wait(arns, "RUNNING")
    log = pathlib.Path(machine.directory, "host", "logs", arns[0].rsplit("/", 1)[1], "0.log")
    eventually(lambda: "heard" in log.read_text(), what="the trap")
    task = machine.stop(arns)[0]
    assert container_of(task, "main")["exitCode"] == 5
    for stamp in ("createdAt", "pullStartedAt", "pullStoppedAt", "startedAt", "stoppingAt", "executionStoppedAt", "stoppedAt"):
        assert stamp in task
    assert (task["stoppedAt"] - task["stoppingAt"]).total_seconds() < 30


def test_overrides_reach_the_container(machine):
    definition = machine.register("overridden", [{"name": "main", "command": ["/bin/false"]}])
    network = {"awsvpcConfiguration": {"subnets": [machine.subnet], "securityGroups": [machine.group]}}
    arns = [task["taskArn"] for task in machine.ecs.run_task(
        taskDefinition=definition, launchType="FARGATE", networkConfiguration=network, overrides={"containerOverrides": [
            {"name": "main", "command": shell(f'echo "$WHO" > /www/who; {SERVE}'),
             "environment": [{"name": "WHO", "value": "override"}]}]})["tasks"]]
    assert served(machine.wait(arns, "RUNNING")[0], "who") == "override\n"
    machine.stop(arns)


def test_the_task_s_size_is_a_hard_limit(machine):
    text = inside(machine, "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max; cat /proc/self/cgroup",
                  memory=64, **TMP)
    assert text.splitlines()[0] == str(64 << 20)


def test_tasks_stay_apart(machine):
    """Neither processes nor files of another task, or of the machine, are seen."""
    text = inside(machine, "ls /proc | while read p; do case $p in [0-9]*) echo p$p;; esac; done; cat /proc/mounts", **TMP)
    assert len([line for line in text.splitlines() if line.startswith("p") and line[1:].isdigit()]) <= 4
    assert json.dumps(machine.directory)[1:-1] + "/state.db" not in text
