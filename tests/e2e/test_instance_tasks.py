"""Tasks on an EC2 instance, from the stock API to the container: our server and our agent together."""

import contextlib
import json
import subprocess

import pytest

from conftest import eventually
from machine import ROLE, container_of, shell
from test_instances import IMAGE, inside, state

CONFIG = "#!/bin/sh\necho ECS_CLUSTER=machines > /etc/ecs/ecs.config\n"
SERVE = "exec /bin/httpd -f -p 80 -h /www"


def connected(machine, id):
    arns = machine.ecs.list_container_instances(cluster="machines", status="ACTIVE")["containerInstanceArns"]
    shown = machine.ecs.describe_container_instances(cluster="machines", containerInstances=arns)["containerInstances"] if arns else []
    return any(one["agentConnected"] and one["ec2InstanceId"] == id for one in shown)


@pytest.fixture(scope="module")
def instance(machine, request):
    role = "joined-" + request.module.__name__.replace("_", "-")  # other files use this fixture, too
    machine.make_instance_profile(role)
    machine.ecs.create_cluster(clusterName="machines")
    image = machine.client("ssm").get_parameter(Name=IMAGE)["Parameter"]["Value"]
    id = machine.ec2.run_instances(ImageId=image, InstanceType="t3.medium", MinCount=1, MaxCount=1, UserData=CONFIG,
                                   SecurityGroupIds=[machine.group], IamInstanceProfile={"Name": role})["Instances"][0]["InstanceId"]
    state(machine, id, "running")
    eventually(lambda: connected(machine, id), what="the container instance")
    yield id
    print(inside(machine, id, "cat", "/var/log/ecs/ecs-agent.log"))  # shown when a test failed
    machine.ec2.terminate_instances(InstanceIds=[id])
    state(machine, id, "terminated")


def run(machine, family, containers, **more):
    for container in containers:
        container.update(image=f"{machine.image}:latest", memory=64, stopTimeout=2)
    definition = machine.ecs.register_task_definition(family=family, containerDefinitions=containers,
                                                      **{"executionRoleArn": ROLE, **more})["taskDefinition"]["taskDefinitionArn"]
    answer = machine.ecs.run_task(cluster="machines", taskDefinition=definition, launchType="EC2")
    assert answer["failures"] == []
    return answer["tasks"][0]["taskArn"]


def described(machine, arn):
    return machine.ecs.describe_tasks(cluster="machines", tasks=[arn])["tasks"][0]


def wait(machine, arn, status):
    return eventually(lambda: (lambda task: task if task["lastStatus"] == status else None)(described(machine, arn)), 60, status)


def stop(machine, arn):
    machine.ecs.stop_task(cluster="machines", task=arn)
    return wait(machine, arn, "STOPPED")


def page(machine, instance, task, container, name):
    port = container_of(task, container)["networkBindings"][0]["hostPort"]

    def read():
        try:
            return inside(machine, instance, "curl", "-sfm", "5", f"http://127.0.0.1:{port}/{name}")
        except subprocess.CalledProcessError:
            return None
    return eventually(read, what=name)


def test_role_secrets_health_and_order(machine, instance):
    role = machine.make_role("worker")
    machine.client("iam").attach_role_policy(RoleName="ecsTaskExecutionRole", PolicyArn="arn:aws:iam::aws:policy/AmazonSSMReadOnlyAccess")
    machine.client("ssm").put_parameter(Name="/machines/word", Value="hidden", Type="SecureString")
    script = (f"env > /www/env; wget -qO /www/role http://169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI;"
              f"wget -qO /www/page http://other/; {SERVE}")
    arn = run(machine, "whole", [
        {"name": "first", "command": shell(SERVE), "healthCheck": {"command": ["CMD-SHELL", "wget -qO /dev/null http://127.0.0.1/"],
                                                                   "interval": 5}},
        {"name": "main", "command": shell(script), "portMappings": [{"containerPort": 80}], "links": ["first:other"],
         "dependsOn": [{"containerName": "first", "condition": "HEALTHY"}],
         "secrets": [{"name": "WORD", "valueFrom": "/machines/word"}]}], taskRoleArn=role)
    task = wait(machine, arn, "RUNNING")
    assert task["healthStatus"] in ("HEALTHY", "UNKNOWN")
    # Told by the agent's telemetry, beside what it says of the task.
    eventually(lambda: container_of(described(machine, arn), "first")["healthStatus"] == "HEALTHY", what="HEALTHY")
    assert "WORD=hidden" in page(machine, instance, task, "main", "env").splitlines()
    assert page(machine, instance, task, "main", "page") == "hello\n"
    keys = json.loads(page(machine, instance, task, "main", "role"))
    assert keys["RoleArn"] == role
    who = machine.client("sts", aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
                         aws_session_token=keys["Token"]).get_caller_identity()
    assert who["Arn"].endswith(f":assumed-role/worker/{arn.rsplit('/', 1)[1]}")
    task = stop(machine, arn)
    assert task["stopCode"] == "UserInitiated"


@pytest.mark.parametrize("setting, lines", [
    ({}, ["not a tty", "two"]),
    ({"pseudoTerminal": True}, ["/dev/pts/0\r", "two\r"]),
])
def test_log_lines(machine, instance, setting, lines):
    with contextlib.suppress(machine.logs.exceptions.ResourceAlreadyExistsException):
        machine.logs.create_log_group(logGroupName="machines")
    arn = run(machine, "talks", [{"name": "main", "command": shell("busybox tty; echo two"), **setting, "logConfiguration": {
        "logDriver": "awslogs", "options": {"awslogs-group": "machines", "awslogs-region": "us-east-1",
                                            "awslogs-stream-prefix": "m"}}}])
    task = wait(machine, arn, "STOPPED")
    assert task["stopCode"] == "EssentialContainerExited" and task["containers"][0]["exitCode"] == 0
    events = machine.logs.get_log_events(logGroupName="machines", logStreamName=f"m/main/{arn.rsplit('/', 1)[1]}",
                                         startFromHead=True)["events"]
    assert [event["message"] for event in events] == lines


SERVE_ALL = f"while ! test -e /dev/shm/done; do sleep 0.1; done; cat /dev/shm/word /dev/shm/ns > /www/sibling; {SERVE}"


def test_containers_that_share_processes(machine, instance):
    arn = run(machine, "one-tree", [
        {"name": "first", "command": ["/bin/sleep", "54321"]},
        {"name": "main", "command": shell(f"cat /proc/[0-9]*/cmdline > /www/seen; cat /proc/1/cmdline > /www/first; {SERVE}"),
         "portMappings": [{"containerPort": 80}], "dependsOn": [{"containerName": "first", "condition": "START"}]}], pidMode="task")
    task = wait(machine, arn, "RUNNING")
    assert "/bin/sleep\x0054321" in page(machine, instance, task, "main", "seen")
    assert page(machine, instance, task, "main", "first") == "/pause\x00-P\x00"
    stop(machine, arn)
    arn = run(machine, "apart", [
        {"name": "first", "command": ["/bin/sleep", "54321"]},
        {"name": "main", "command": shell(f"cat /proc/[0-9]*/cmdline > /www/seen; {SERVE}"), "portMappings": [{"containerPort": 80}],
         "dependsOn": [{"containerName": "first", "condition": "START"}]}])
    task = wait(machine, arn, "RUNNING")
    assert "54321" not in page(machine, instance, task, "main", "seen")
    stop(machine, arn)


def test_containers_that_share_memory(machine, instance):
    talk = "echo shared > /dev/shm/word; ls -l /proc/self/ns/ipc > /dev/shm/ns; touch /dev/shm/done; sleep 1000"
    arn = run(machine, "one-memory", [
        {"name": "first", "command": shell(talk), "systemControls": [{"namespace": "kernel.msgmax", "value": "12345"}]},
        {"name": "main", "command": shell(f"ls -l /proc/self/ns/ipc > /www/own; cat /proc/sys/kernel/msgmax > /www/msgmax; {SERVE_ALL}"),
         "portMappings": [{"containerPort": 80}], "dependsOn": [{"containerName": "first", "condition": "START"}]}], ipcMode="task")
    task = wait(machine, arn, "RUNNING")
    word, namespace = page(machine, instance, task, "main", "sibling").splitlines()
    assert word == "shared"
    assert namespace.split("ipc:")[1] == page(machine, instance, task, "main", "own").strip().split("ipc:")[1]
    assert page(machine, instance, task, "main", "msgmax") == "12345\n"
    stop(machine, arn)
    id = arn.rsplit("/", 1)[1]
    eventually(lambda: id not in inside(machine, instance, "cat", "/proc/mounts"), what="the end of its mounts")


def test_memory_of_the_instance_and_none(machine, instance):
    inside(machine, instance, "touch", "/dev/shm/of-the-instance")
    looks = shell("test -e /dev/shm/of-the-instance && exit 3; test -d /dev/shm && exit 4; exit 5")
    for mode, code in (("host", 3), ("none", 5), (None, 4)):
        arn = run(machine, "memory", [{"name": "main", "command": looks}], **({"ipcMode": mode} if mode else {}))
        assert wait(machine, arn, "STOPPED")["containers"][0]["exitCode"] == code, mode
