"""ECS Exec into containers on an EC2 instance: through the instance's agent."""

import json
import subprocess

import pytest

from conftest import BERTH, CLEAN, eventually
from data_channel import DataChannel
from machine import container_of, shell
from test_exec import ACTIONS, on_a_terminal
from test_instance_tasks import described, instance, stop, wait  # noqa: F401 - instance is a fixture

SLEEP = shell("exec sleep 100000")


@pytest.fixture(scope="module")
def role(machine):
    arn = machine.make_role("machine-exec")
    machine.client("iam").put_role_policy(RoleName="machine-exec", PolicyName="exec", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ACTIONS, "Resource": "*"}]}))
    return arn


def start(machine, family, role, containers=None, enable=True):
    containers = containers or [{"name": "main", "command": SLEEP}]
    for container in containers:
        container.update(image=f"{machine.image}:latest", memory=64, stopTimeout=2)
    definition = machine.ecs.register_task_definition(
        family=family, containerDefinitions=containers, taskRoleArn=role,
        executionRoleArn="arn:aws:iam::000000000000:role/ecsTaskExecutionRole")["taskDefinition"]["taskDefinitionArn"]
    answer = machine.ecs.run_task(cluster="machines", taskDefinition=definition, launchType="EC2", enableExecuteCommand=enable)
    assert answer["failures"] == []
    return wait(machine, answer["tasks"][0]["taskArn"], "RUNNING")


@pytest.fixture(scope="module")
def task(machine, instance, role):  # noqa: F811
    task = start(machine, "exec", role, [{"name": "main", "command": SLEEP}, {"name": "side", "user": "1000", "command": SLEEP}])
    yield task
    stop(machine, task["taskArn"])


def execute(machine, task, command, container="main"):
    return machine.ecs.execute_command(cluster="machines", task=task["taskArn"], command=command, interactive=True, container=container)


def run(machine, task, command, container="main"):
    """Exit status and output."""
    channel = DataChannel(execute(machine, task, command, container)["session"])
    closed = channel.wait()
    return closed["ExitCode"], channel.output.decode().replace("\r\n", "\n")


def test_a_running_task_shows_its_agents(machine, task):
    assert task["enableExecuteCommand"]
    for name in ("main", "side"):
        [agent] = container_of(task, name)["managedAgents"]
        assert (agent["name"], agent["lastStatus"]) == ("ExecuteCommandAgent", "RUNNING") and agent["lastStartedAt"]


def test_a_shell(machine, task):
    channel = DataChannel(execute(machine, task, "/bin/sh")["session"], size=(132, 43))
    channel.send("echo $((6*7)) on $(tty)\r")
    channel.expect("42 on /dev/pts/")
    channel.send("busybox stty size\r")
    channel.expect("43 132")
    channel.resize(100, 50)
    channel.send("busybox stty size\r")
    channel.expect("50 100")
    channel.send("sleep 31415\r")
    channel.expect("sleep 31415")
    channel.send("\x03")
    channel.expect("^C")
    channel.send("echo came back with $?\r")
    channel.expect("came back with 130")
    channel.send("exit 7\r")
    assert channel.wait()["ExitCode"] == 7 and not channel.unheard


def test_it_is_the_container_that_is_meant(machine, task):
    ids = [run(machine, task, "cat /proc/1/cmdline", name) for name in ("main", "side")]
    assert all(status == 0 and "sleep" in text for status, text in ids)
    assert run(machine, task, "id -u", "side") == (0, "0\n")  # as root, also where the container is not
    assert run(machine, task, "sh -c 'touch /mine'", "main") == (0, "")
    assert run(machine, task, "test -e /mine", "side")[0] == 1
    assert run(machine, task, "ls /mine", "main") == (0, "/mine\n")


def test_the_environment_is_the_containers(machine, task):
    status, text = run(machine, task, "env")
    assert status == 0 and "ECS_CONTAINER_METADATA_URI_V4=" in text and "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=" in text


def test_berth_exec(machine, task):
    done = subprocess.run([BERTH, "exec", "--data", machine.directory, "--cluster", "machines", "--container", "main", task["taskArn"],
                           "--", "sh", "-c", "echo from $1; exit 9", "sh", "afar"], capture_output=True, text=True, timeout=60, env=CLEAN,
                          stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stdout.replace("\r\n", "\n"), done.stderr) == (9, "from afar\n", "")


def test_berth_exec_on_a_terminal(machine, task):
    on_a_terminal(machine, task, "--cluster", "machines", "--container", "main")


def test_the_session_is_logged_where_the_cluster_says(machine, task):
    machine.logs.create_log_group(logGroupName="/exec/machines")
    machine.ecs.update_cluster(cluster="machines", configuration={"executeCommandConfiguration": {
        "logging": "OVERRIDE", "logConfiguration": {"cloudWatchLogGroupName": "/exec/machines"}}})
    answer = execute(machine, task, "sh -c 'echo first; echo; echo second'")
    DataChannel(answer["session"]).wait()

    def lines():
        try:
            return [event["message"] for event in machine.logs.get_log_events(
                logGroupName="/exec/machines", logStreamName=answer["session"]["sessionId"], startFromHead=True)["events"]]
        except machine.logs.exceptions.ResourceNotFoundException:
            return None
    assert eventually(lines, what="the log stream") == ["first", "second"]
    machine.ecs.update_cluster(cluster="machines", configuration={"executeCommandConfiguration": {"logging": "NONE"}})


def test_the_end_of_the_task_ends_the_session(machine, instance, role):  # noqa: F811
    task = start(machine, "exec-stop", role)
    channel = DataChannel(execute(machine, task, "/bin/sh")["session"])
    channel.send("echo here $((2+2))\r")
    channel.expect("here 4")
    stopped = stop(machine, task["taskArn"])
    assert channel.wait()["ExitCode"] == 137
    assert stopped["containers"][0]["managedAgents"][0]["lastStatus"] == "STOPPED"
    with pytest.raises(machine.ecs.exceptions.InvalidParameterException, match="isn’t running"):
        execute(machine, task, "/bin/sh")


def test_who_lacks_rights_or_did_not_ask_for_it_is_refused(machine, instance):  # noqa: F811
    role = machine.make_role("machine-mute")
    mute, off = start(machine, "exec-mute", role), start(machine, "exec-off", role, enable=False)
    with pytest.raises(machine.ecs.exceptions.TargetNotConnectedException, match="internal error. Try again later."):
        execute(machine, mute, "/bin/sh")
    assert "managedAgents" not in off["containers"][0]
    with pytest.raises(machine.ecs.exceptions.InvalidParameterException, match="execute command was not enabled"):
        execute(machine, off, "/bin/sh")
    for task in (mute, off):
        stop(machine, task["taskArn"])
