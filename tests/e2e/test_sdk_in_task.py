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
    task = machine.wait(arns, "STOPPED")[0]
    lines = machine.berth("logs", "--data", machine.directory, arns[0]).stdout
    assert task["containers"][0]["exitCode"] == 0, lines
    return task, lines


@pytest.mark.parametrize("command", [["/usr/bin/python3", "-c", BOTO3], shell(CLI)], ids=["boto3", "cli"])
def test_a_client_in_a_task_is_the_tasks_role(machine, clients, command):
    task, lines = said(machine, clients, "identity", command, taskRoleArn="arn:aws:iam::000000000000:role/identity")
    task_id = task["taskArn"].rsplit("/", 1)[1]
    answer = {name.lower(): value for name, value in json.loads(lines).items()}
    assert answer["arn"] == f"arn:aws:sts::000000000000:assumed-role/identity/{task_id}"
