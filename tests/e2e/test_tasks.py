"""Real containers: tasks that run, answer, fail and stop as the API says; and nothing left behind."""

import json
import os
import pathlib
import shutil
import tempfile
import time

import pytest
from conftest import Installation, eventually
from machine import Machine, address, kill, reachable, traces


def test_every_task_answers_at_its_own_address(machine):
    definition = machine.register("page", [{"name": "page"}])
    tasks = machine.run(definition, 10) + machine.run(definition, 10)
    described = machine.wait(tasks, "RUNNING", 120)
    addresses = {address(task) for task in described}
    assert len(addresses) == 20
    assert all(eventually(lambda ip=ip: reachable(ip), what=ip) for ip in addresses)
    machine.ecs.get_waiter("tasks_running").wait(tasks=tasks)
    for arn in tasks:
        machine.ecs.stop_task(task=arn, reason="done")
    machine.ecs.get_waiter("tasks_stopped").wait(tasks=tasks, WaiterConfig={"Delay": 2})
    for task in machine.describe(tasks):
        assert task["stopCode"] == "UserInitiated" and task["stoppedReason"] == "done"
        assert task["containers"][0]["exitCode"] in (0, 137, 143)
    assert machine.ec2.describe_network_interfaces()["NetworkInterfaces"] == []


def test_one_added_rule_opens_a_running_task(machine):
    closed = machine.ec2.create_security_group(GroupName="closed", Description="closed")["GroupId"]
    arns = machine.run(machine.register("page", [{"name": "page"}]), groups=[closed])
    ip = address(machine.wait(arns, "RUNNING")[0])
    assert not reachable(ip)
    machine.ec2.authorize_security_group_ingress(GroupId=closed, IpProtocol="tcp", FromPort=80, ToPort=80,
                                                 CidrIp="0.0.0.0/0")
    assert eventually(lambda: reachable(ip))
    machine.stop(arns)


def test_healthy_is_waited_for(machine):
    definition = machine.register("pair", [
        {"name": "first", "healthCheck": {"command": ["CMD-SHELL", "test -e /www/index.html"], "interval": 5}},
        {"name": "second", "command": ["/bin/sleep", "1000"],
         "dependsOn": [{"containerName": "first", "condition": "HEALTHY"}]}])
    arns = machine.run(definition)
    task = machine.wait(arns, "RUNNING")[0]
    health = {container["name"]: container["healthStatus"] for container in task["containers"]}
    assert health == {"first": "HEALTHY", "second": "UNKNOWN"}
    machine.stop(arns)


def test_a_container_over_its_memory_is_killed_and_says_so(machine):
    arns = machine.run(machine.register("greedy", [
        {"name": "greedy", "memory": 32, "command": ["/bin/tail", "/dev/zero"]}]))
    task = machine.wait(arns, "STOPPED", 60)[0]
    container = task["containers"][0]
    assert container["exitCode"] == 137
    assert container["reason"].startswith("OutOfMemoryError")
    assert task["stopCode"] == "EssentialContainerExited"
    assert task["stoppedReason"] == "Essential container in task exited"


def test_sigkill_follows_an_ignored_sigterm(machine):
    arns = machine.run(machine.register("deaf", [
        {"name": "deaf", "stopTimeout": 2, "command": ["/bin/sh", "-c", "trap '' TERM; while true; do sleep 1; done"]}]))
    machine.wait(arns, "RUNNING")
    begin = time.monotonic()
    task = machine.stop(arns)[0]
    assert time.monotonic() - begin >= 2
    assert task["containers"][0]["exitCode"] == 137


@pytest.mark.parametrize("container, reason", [
    ({"name": "none", "image": "{}-none:latest"}, "CannotPullContainerError"),
    ({"name": "none", "command": ["/bin/nothing"]}, "CannotStartContainerError"),
])
def test_what_cannot_start_says_why(machine, container, reason):
    container = json.loads(json.dumps(container).replace("{}", machine.image))
    task = machine.wait(machine.run(machine.register("broken", [container])), "STOPPED", 90)[0]
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith(reason)


def kill_supervisor(machine, arn):
    state = pathlib.Path(machine.directory, "host", "runtime", "c", arn.rsplit("/", 1)[1] + "-0")
    kill((state / "supervisor").read_text())


def test_containers_outlive_server_and_host(machine):
    arns = machine.run(machine.register("page", [{"name": "page"}]))
    task = machine.wait(arns, "RUNNING")[0]
    ip, digest = address(task), task["containers"][0]["imageDigest"]
    assert eventually(lambda: reachable(ip))
    for role in ("server", "host"):
        machine.kill(role)
        assert eventually(lambda: reachable(ip))
        machine.up()
        task = machine.describe(arns)[0]
        assert task["lastStatus"] == "RUNNING" and task["containers"][0]["imageDigest"] == digest
        assert eventually(lambda: reachable(ip))
    container = machine.stop(arns)[0]["containers"][0]
    assert container["exitCode"] in (0, 137, 143) and container["imageDigest"] == digest


def test_two_installations_side_by_side_and_nothing_stays(machine):
    arns = machine.run(machine.register("page", [{"name": "page"}]))
    ip = address(machine.wait(arns, "RUNNING")[0])
    with tempfile.TemporaryDirectory(prefix="berth-e2e-") as work:
        other = Machine(f"{work}/data", work)
        try:
            other.up()
            other.prepare()
            theirs = other.run(other.register("page", [{"name": "page"}]))
            their_ip = address(other.wait(theirs, "RUNNING")[0])
            assert eventually(lambda: reachable(their_ip) and reachable(ip))
        finally:
            other.berth("down", "--data", other.directory)
        assert traces(other.directory) == []
    assert eventually(lambda: reachable(ip))
    machine.stop(arns)


def test_a_range_that_is_anothers_is_named(machine):
    with tempfile.TemporaryDirectory(prefix="berth-e2e-") as work:
        other = Installation(f"{work}/data")
        os.mkdir(other.directory, 0o700)
        shutil.copy(f"{machine.directory}/vpc-cidr", other.directory)  # as if it had been down when this one was made
        try:
            up = other.berth("up", "--data", other.directory, "--listen", other.listen)
            assert f"is also that of the installation in {machine.directory}: " in up.stderr
        finally:
            other.berth("down", "--data", other.directory)


def test_nothing_stays_of_what_was_killed():
    with tempfile.TemporaryDirectory(prefix="berth-e2e-") as work:
        other = Machine(f"{work}/data", work)
        try:
            other.up()
            other.prepare()
            arns = other.run(other.register("page", [{"name": "page"}]), 6)
            other.wait(arns, "RUNNING")
            assert len(traces(other.directory)) > 20  # they would be found
            kill_supervisor(other, arns[0])
            for role in ("host", "server"):
                other.kill(role)
            kill_supervisor(other, arns[1])
        finally:
            other.berth("down", "--data", other.directory)
        assert traces(other.directory) == []
