"""What a task's execution role is not allowed keeps the task from starting, and the task says so."""

import json

import pytest
from machine import container_of

LOGS = {"logDriver": "awslogs", "options": {"awslogs-group": "by-role", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "x"}}
PULL = ["ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"]


def role_with(machine, name, *actions):
    arn = machine.make_role(name)
    machine.client("iam").put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}))
    return arn


def stopped(machine, name, role, **container):
    definition = machine.register(name, [{"name": "main", "command": ["/bin/true"], **container}], executionRoleArn=role)
    return machine.wait(machine.run(definition), "STOPPED")[0]


@pytest.mark.parametrize("missing", PULL[:2])
def test_an_image_that_it_may_not_pull(machine, missing):
    role = role_with(machine, "lacks-" + missing.split(":")[1], *[action for action in PULL if action != missing])
    task = stopped(machine, "unpulled", role)
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith("CannotPullContainerError: ")
    assert f"is not authorized to perform: {missing} on resource:" in task["stoppedReason"]
    assert container_of(task, "main")["reason"] == task["stoppedReason"]


def test_a_log_that_it_may_not_write(machine):
    machine.logs.create_log_group(logGroupName="by-role")
    task = stopped(machine, "unlogged", role_with(machine, "lacks-logs", *PULL), logConfiguration=LOGS)
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith("ResourceInitializationError: failed to validate logger args: ")
    assert "is not authorized to perform: logs:CreateLogStream" in task["stoppedReason"]


def test_what_it_may_is_enough(machine):
    role = role_with(machine, "enough", *PULL, "logs:CreateLogStream", "logs:PutLogEvents")
    task = stopped(machine, "enough", role, logConfiguration=LOGS, command=["/bin/echo", "written"])
    assert container_of(task, "main")["exitCode"] == 0
    events = machine.logs.filter_log_events(logGroupName="by-role")["events"]
    assert [event["message"] for event in events] == ["written"]


def test_the_audit_log_names_the_role_that_pulled(machine):
    events = [json.loads(line) for line in machine.berth("audit", "--data", machine.directory, "--json", "--event", "BatchGetImage")
              .stdout.splitlines()]
    assert any("assumed-role/enough/" in event["userIdentity"]["arn"] for event in events)
