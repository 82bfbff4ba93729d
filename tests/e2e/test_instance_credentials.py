"""The session of an instance's role ends and is followed by others: the agent's calls and the log lines of tasks without an
execution role, which are signed with it, go on."""

import json
import tempfile

import pytest

from conftest import eventually
from machine import Machine, shell
from test_instances import IMAGE, console, inside, state

LIFETIME = 15  # seconds
CONFIG = "#!/bin/sh\necho ECS_CLUSTER=hasty > /etc/ecs/ecs.config\n"
LINES = 40


@pytest.fixture(scope="module")
def hasty():
    """An installation whose instances get short-lived credentials."""
    with tempfile.TemporaryDirectory(prefix="berth-e2e-") as work:
        running = Machine(f"{work}/data", work)
        try:
            running.up("--task-credentials", str(LIFETIME))
            running.prepare()
            yield running
        finally:
            running.berth("down", "--data", running.directory, check=False)


def launch(machine):
    machine.make_instance_profile("node")
    image = machine.client("ssm").get_parameter(Name=IMAGE)["Parameter"]["Value"]
    id = machine.ec2.run_instances(ImageId=image, InstanceType="t3.small", MinCount=1, MaxCount=1, UserData=CONFIG,
                                   IamInstanceProfile={"Name": "node"})["Instances"][0]["InstanceId"]
    state(machine, id, "running")
    console(machine, id, "user data ended with 0")
    return id


def role_key(machine, id):
    service = "http://169.254.169.254/latest"
    token = inside(machine, id, "curl", "-sX", "PUT", "-H", "X-aws-ec2-metadata-token-ttl-seconds: 60", f"{service}/api/token")
    return json.loads(inside(machine, id, "curl", "-s", "-H", f"X-aws-ec2-metadata-token: {token}",
                             f"{service}/meta-data/iam/security-credentials/node"))["AccessKeyId"]


def connected(machine):
    arns = machine.ecs.list_container_instances(cluster="hasty")["containerInstanceArns"]
    shown = machine.ecs.describe_container_instances(cluster="hasty", containerInstances=arns)["containerInstances"] if arns else []
    return any(one["agentConnected"] for one in shown)


def test_log_lines_of_a_task_without_an_execution_role(hasty):
    hasty.ecs.create_cluster(clusterName="hasty")
    hasty.logs.create_log_group(logGroupName="of-the-instance")
    id = launch(hasty)
    eventually(lambda: connected(hasty), what="the container instance")
    first = role_key(hasty, id)
    definition = hasty.ecs.register_task_definition(family="talks", containerDefinitions=[
        {"name": "main", "image": f"{hasty.image}:latest", "memory": 64,
         "command": shell(f"i=0; while test $i -lt {LINES}; do i=$((i + 1)); echo line $i; sleep 1; done"),
         "logConfiguration": {"logDriver": "awslogs", "options": {
             "awslogs-group": "of-the-instance", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "t"}}}],
    )["taskDefinition"]["taskDefinitionArn"]
    answer = hasty.ecs.run_task(cluster="hasty", taskDefinition=definition, launchType="EC2")
    assert answer["failures"] == []
    arn = answer["tasks"][0]["taskArn"]

    def stopped():
        task = hasty.ecs.describe_tasks(cluster="hasty", tasks=[arn])["tasks"][0]
        return task if task["lastStatus"] == "STOPPED" else None
    task = eventually(stopped, LINES + 60, "the end")
    assert task["containers"][0].get("exitCode") == 0, task.get("stoppedReason")
    events = hasty.logs.get_log_events(logGroupName="of-the-instance", logStreamName=f"t/main/{arn.rsplit('/', 1)[1]}",
                                       startFromHead=True)["events"]
    assert [event["message"] for event in events] == [f"line {i + 1}" for i in range(LINES)]
    assert role_key(hasty, id) != first  # it had ended meanwhile
    hasty.ec2.terminate_instances(InstanceIds=[id])
    state(hasty, id, "terminated")
