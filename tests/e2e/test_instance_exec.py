"""ECS Exec into containers on an EC2 instance: through the instance's agent."""

import json
import subprocess

import pytest

from conftest import BERTH, CLEAN, eventually
from data_channel import DataChannel
from machine import container_of, processes, shell
from test_exec import ACTIONS, by_the_stock_cli, on_a_terminal
from test_instance_tasks import instance, stop, wait  # noqa: F401 - instance is a fixture
from test_instances import IMAGE, inside, state

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
    eventually(lambda: processes("sleep 31415"), what="the sleep")
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


def test_the_stock_cli(machine, task, tmp_path):
    by_the_stock_cli(machine, task, tmp_path, "--cluster", "machines", "--container", "main")


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
    eventually(lambda: lines() == ["first", "second"], what="the log stream")
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


def test_an_external_instance(machine, role):
    """A machine of one's own: it has keys in its environment and asks no instance metadata."""
    keys = machine.environment
    config = (f"ECS_CLUSTER=outside\\nECS_EXTERNAL=true\\nAWS_DEFAULT_REGION=us-east-1\\n"
              f"AWS_ACCESS_KEY_ID={keys['AWS_ACCESS_KEY_ID']}\\nAWS_SECRET_ACCESS_KEY={keys['AWS_SECRET_ACCESS_KEY']}\\n")
    machine.ecs.create_cluster(clusterName="outside")
    image = machine.client("ssm").get_parameter(Name=IMAGE)["Parameter"]["Value"]
    id = machine.ec2.run_instances(ImageId=image, InstanceType="t3.medium", MinCount=1, MaxCount=1, SecurityGroupIds=[machine.group],
                                   UserData=f"#!/bin/sh\nprintf '{config}' > /etc/ecs/ecs.config\n")["Instances"][0]["InstanceId"]
    try:
        state(machine, id, "running")
        eventually(lambda: machine.ecs.list_container_instances(cluster="outside", filter="agentConnected == true")["containerInstanceArns"],
                   what="the external instance")
        definition = machine.ecs.register_task_definition(
            family="exec-external", taskRoleArn=role, requiresCompatibilities=["EXTERNAL"], containerDefinitions=[
                {"name": "main", "image": f"{machine.image}:latest", "memory": 64, "stopTimeout": 2, "command": SLEEP}],
            executionRoleArn="arn:aws:iam::000000000000:role/ecsTaskExecutionRole")["taskDefinition"]["taskDefinitionArn"]
        answer = machine.ecs.run_task(cluster="outside", taskDefinition=definition, launchType="EXTERNAL", enableExecuteCommand=True)
        assert answer["failures"] == []
        arn = answer["tasks"][0]["taskArn"]

        def described():
            return machine.ecs.describe_tasks(cluster="outside", tasks=[arn])["tasks"][0]
        task = eventually(lambda: described() if described()["lastStatus"] == "RUNNING" else None, 60, "RUNNING")
        assert task["launchType"] == "EXTERNAL" and task["containers"][0]["managedAgents"][0]["lastStatus"] == "RUNNING"
        on_a_terminal(machine, task, "--cluster", "outside")
        machine.ecs.stop_task(cluster="outside", task=arn)
        eventually(lambda: described()["lastStatus"] == "STOPPED", 60, "STOPPED")
    finally:
        print(inside(machine, id, "cat", "/var/log/ecs/ecs-agent.log"))
        machine.ec2.terminate_instances(InstanceIds=[id])
        state(machine, id, "terminated")
