"""What tasks on an EC2 instance get from elsewhere: environment files of S3, images of private registries, secret options
of their log drivers. The others are asked by the agent inside the instance, as the execution role."""

import json
import pathlib
import shutil
import subprocess
import sys

import pytest

from conftest import ROOT, eventually
from machine import ROLE, shell
from test_instance_tasks import SERVE, connected, described, page, run, stop, wait
from test_instances import IMAGE, first_process, inside, state

OUTSIDE = "127.0.0.1:9000"  # in the instance's own network namespace
CONFIG = f"""#!/bin/sh
printf 'ECS_CLUSTER=machines\\nAWS_ENDPOINT_URL_S3=http://{OUTSIDE}\\n' > /etc/ecs/ecs.config
"""
PASSWORD = "swordfish-of-the-instance"
TOKEN = "token-of-the-instance"
PORTS = [{"containerPort": 80}]


class Outside:
    """instance_servers.py beside the instance."""

    def __init__(self, machine, id, work):
        self.files, self.log = pathlib.Path(work, "s3"), pathlib.Path(work, "outside.log")
        self.files.mkdir()
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["nsenter", "-t", first_process(machine, id), "-n", sys.executable, str(ROOT / "tests/e2e/instance_servers.py"),
                 OUTSIDE, str(self.files)], stdout=log)
        eventually(self.heard, what="its first line")

    def put(self, key, text):
        path = self.files / "settings" / key
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return {"value": f"arn:aws:s3:::settings/{key}", "type": "s3"}

    def heard(self):
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def close(self):
        self.process.terminate()
        self.process.wait(60)


@pytest.fixture(scope="module")
def instance(machine):
    machine.make_instance_profile("fed-node")
    machine.client("iam").attach_role_policy(RoleName="ecsTaskExecutionRole", PolicyArn="arn:aws:iam::aws:policy/SecretsManagerReadWrite")
    machine.ecs.create_cluster(clusterName="machines")
    image = machine.client("ssm").get_parameter(Name=IMAGE)["Parameter"]["Value"]
    id = machine.ec2.run_instances(ImageId=image, InstanceType="t3.medium", MinCount=1, MaxCount=1, UserData=CONFIG,
                                   SecurityGroupIds=[machine.group], IamInstanceProfile={"Name": "fed-node"})["Instances"][0]["InstanceId"]
    state(machine, id, "running")
    eventually(lambda: connected(machine, id), what="the container instance")
    yield id
    print(inside(machine, id, "cat", "/var/log/ecs/ecs-agent.log"))  # shown when a test failed
    machine.ec2.terminate_instances(InstanceIds=[id])
    state(machine, id, "terminated")


@pytest.fixture(scope="module")
def outside(machine, instance, tmp_path_factory):
    running = Outside(machine, instance, tmp_path_factory.mktemp("outside"))
    yield running
    running.close()


def test_environment_files(machine, instance, outside):
    files = [outside.put("one.env", "# a comment\nWHERE=file\nBOTH=file\n"), outside.put("two.env", "SECOND=yes\n")]
    arn = run(machine, "files", [{"name": "main", "command": shell(f"env > /www/env; {SERVE}"), "portMappings": PORTS,
                                  "environmentFiles": files, "environment": [{"name": "BOTH", "value": "definition"}]}])
    task = eventually(lambda: (lambda task: task if task["lastStatus"] in ("RUNNING", "STOPPED") else None)(described(machine, arn)), 60)
    assert task["lastStatus"] == "RUNNING", task["stoppedReason"]
    lines = page(machine, instance, task, "main", "env").splitlines()
    assert {"WHERE=file", "SECOND=yes", "BOTH=definition"} <= set(lines)
    asked = [request for request in outside.heard() if request["path"] == "/settings/one.env"]
    assert "/s3/aws4_request" in asked[-1]["headers"]["Authorization"]  # as the execution role, with its session
    assert asked[-1]["headers"]["X-Amz-Security-Token"]
    stop(machine, arn)
    arn = run(machine, "files", [{"name": "main", "command": shell("true"), "environmentFiles": [
        {"value": "arn:aws:s3:::settings/none.env", "type": "s3"}]}])
    reason = wait(machine, arn, "STOPPED")["stoppedReason"]
    assert reason.startswith("ResourceInitializationError: failed to download env files: ") and "NoSuchKey" in reason
    needs = machine.ecs.describe_task_definition(taskDefinition="files")["taskDefinition"]["requiresAttributes"]
    assert "ecs.capability.env-files.s3" in [attribute["name"] for attribute in needs]


class Registry:
    """src/node/image/test_registry.py beside the instance, with the machine's image in it."""

    def __init__(self, machine, id, root):
        repository = root / "team/app"
        shutil.copytree(pathlib.Path(machine.work, "image/blobs/sha256"), repository / "by-hex")
        for name in ("blobs", "manifests"):
            (repository / name).mkdir()
            for blob in (repository / "by-hex").iterdir():
                shutil.copy(blob, repository / name / f"sha256:{blob.name}")
        manifest = json.loads(pathlib.Path(machine.work, "image/index.json").read_text())["manifests"][0]
        (repository / "manifests/latest").write_bytes((repository / "manifests" / manifest["digest"]).read_bytes())
        (repository / "manifests/latest.type").write_text(manifest["mediaType"])
        (root / "auth").write_text(f"basic robot {PASSWORD}")
        self.process = subprocess.Popen(
            ["nsenter", "-t", first_process(machine, id), "-n", sys.executable, str(ROOT / "src/node/image/test_registry.py"),
             str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.image = f"127.0.0.1:{self.process.stdout.readline().strip()}/team/app:latest"

    def close(self):
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()


@pytest.fixture
def registry(machine, instance, tmp_path):
    running = Registry(machine, instance, tmp_path)
    yield running
    running.close()


def run_private(machine, image, parameter):
    definition = machine.ecs.register_task_definition(family="private-here", executionRoleArn=ROLE, containerDefinitions=[
        {"name": "main", "image": image, "memory": 64, "command": shell("exit 3"),
         "repositoryCredentials": {"credentialsParameter": parameter}}])["taskDefinition"]["taskDefinitionArn"]
    answer = machine.ecs.run_task(cluster="machines", taskDefinition=definition, launchType="EC2")
    assert answer["failures"] == []
    return wait(machine, answer["tasks"][0]["taskArn"], "STOPPED")


def test_an_image_of_a_private_registry(machine, registry):
    secrets = machine.client("secretsmanager")
    login = secrets.create_secret(Name="instance-login", SecretString=json.dumps({"username": "robot", "password": PASSWORD}))
    wrong = secrets.create_secret(Name="wrong-login", SecretString=json.dumps({"username": "robot", "password": "other"}))
    for parameter in (login["ARN"], "instance-login"):
        assert run_private(machine, registry.image, parameter)["containers"][0]["exitCode"] == 3
    failed = run_private(machine, registry.image, wrong["ARN"])
    assert failed["stopCode"] == "TaskFailedToStart" and "exitCode" not in failed["containers"][0]
    assert failed["containers"][0]["reason"].startswith("CannotPullContainerError: ") and "401" in failed["containers"][0]["reason"]


def test_secret_options_of_a_log_driver(machine, outside):
    secret = machine.client("secretsmanager").create_secret(Name="instance-splunk", SecretString=json.dumps({"token": TOKEN}))["ARN"]
    arn = run(machine, "splunked", [{"name": "main", "command": shell("echo spoken here"), "logConfiguration": {
        "logDriver": "splunk", "options": {"splunk-url": f"http://{OUTSIDE}"},
        "secretOptions": [{"name": "splunk-token", "valueFrom": f"{secret}:token::"}]}}])
    task = wait(machine, arn, "STOPPED")
    assert task["containers"][0]["exitCode"] == 0, described(machine, arn)

    def delivered():
        return [request for request in outside.heard() if request["method"] == "POST" and "spoken here" in request["body"]]
    assert eventually(delivered, what="the line")[0]["headers"]["Authorization"] == f"Splunk {TOKEN}"
