"""Unmodified boto3 and aws CLI inside a task: whose they are, without a key in the image or the environment."""

import json

import pytest
from machine import make_image, shell
from sdk_image import add_clients

BOTO3 = """
import boto3, json, os
endpoint = os.environ["AWS_ENDPOINT_URL"]
sts = boto3.client("sts", endpoint_url=endpoint)
print(json.dumps({"arn": sts.get_caller_identity()["Arn"]}))
"""
CLI = 'aws --endpoint-url "$AWS_ENDPOINT_URL" sts get-caller-identity --output json'


@pytest.fixture(scope="module")
def clients(machine, tmp_path_factory):
    return machine.push("clients", make_image(str(tmp_path_factory.mktemp("clients")), add_clients))


def said(machine, image, name, command, **more):
    """What a task with that command wrote, once it has ended."""
    definition = machine.register(name, [{"name": "main", "image": f"{image}:latest", "command": command}], **more)
    arns = machine.run(definition)
    task = machine.wait(arns, "STOPPED", 240)[0]
    lines = machine.berth("logs", "--data", machine.directory, arns[0]).stdout
    assert task["containers"][0]["exitCode"] == 0, lines
    return task, lines


def allow(machine, role, action):
    """A role that tasks can have, which may do that."""
    arn = machine.make_role(role)
    machine.client("iam").put_role_policy(RoleName=role, PolicyName="own", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}))
    return arn


@pytest.mark.parametrize("role, command", [("boto3", ["/usr/bin/python3", "-c", BOTO3]), ("cli", shell(CLI))])
def test_a_client_in_a_task_is_the_tasks_role(machine, clients, role, command):
    task, lines = said(machine, clients, role, command, taskRoleArn=machine.make_role(role))
    task_id = task["taskArn"].rsplit("/", 1)[1]
    answer = {name.lower(): value for name, value in json.loads(lines).items()}
    assert answer["arn"] == f"arn:aws:sts::000000000000:assumed-role/{role}/{task_id}"


TRY = """
import boto3, os
ecs = boto3.client("ecs", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
for name, call in (("list", ecs.list_clusters), ("create", lambda: ecs.create_cluster(clusterName="by-a-task"))):
    try:
        call()
        print(name, "done")
    except ecs.exceptions.ClientError as refused:
        print(name, refused.response["Error"]["Code"], refused.response["Error"]["Message"])
"""


@pytest.mark.parametrize("role, may, not_may", [("lister", "list", "create"), ("maker", "create", "list")])
def test_tasks_may_what_their_own_roles_allow(machine, clients, role, may, not_may):
    action = {"list": "ecs:ListClusters", "create": "ecs:CreateCluster"}
    _, lines = said(machine, clients, role, ["/usr/bin/python3", "-c", TRY], taskRoleArn=allow(machine, role, action[may]))
    answers = dict(line.split(" ", 1) for line in lines.strip().splitlines())
    assert answers[may] == "done"
    assert answers[not_may].startswith("AccessDeniedException User: arn:aws:sts::000000000000:assumed-role/" + role)
    assert f"is not authorized to perform: {action[not_may]}" in answers[not_may]
