"""Images of registries that want a password: repositoryCredentials, a secret read with the execution role."""

import json
import pathlib
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT
from machine import container_of, served, shell

REPOSITORY = "team/app"
PASSWORD = "swordfish-of-the-test"


class Registry:
    """src/node/image/test_registry.py with the machine's image in it."""

    def __init__(self, root, layout, auth):
        self.root = pathlib.Path(root)
        repository = self.root / REPOSITORY
        shutil.copytree(pathlib.Path(layout, "blobs/sha256"), repository / "blobs-by-hex")
        for name in ("blobs", "manifests"):
            (repository / name).mkdir()
            for blob in (repository / "blobs-by-hex").iterdir():
                shutil.copy(blob, repository / name / f"sha256:{blob.name}")
        manifest = json.loads(pathlib.Path(layout, "index.json").read_text())["manifests"][0]
        (repository / "manifests/latest").write_bytes((repository / "manifests" / manifest["digest"]).read_bytes())
        (repository / "manifests/latest.type").write_text(manifest["mediaType"])
        (self.root / "auth").write_text(auth)
        self.process = subprocess.Popen([sys.executable, str(ROOT / "src/node/image/test_registry.py"), str(root)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.image = f"127.0.0.1:{self.process.stdout.readline().strip()}/{REPOSITORY}:latest"

    def schemes(self):
        return {line.split()[-1] for line in (self.root / "log").read_text().splitlines() if line.split()[2] == "200"}

    def close(self):
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()


@pytest.fixture
def registry(machine, tmp_path, request):
    running = Registry(tmp_path, f"{machine.work}/image", getattr(request, "param", f"basic robot {PASSWORD}"))
    yield running
    running.close()


@pytest.fixture(scope="module")
def login(machine):
    made = machine.client("secretsmanager").create_secret(
        Name="registry-login", SecretString=json.dumps({"username": "robot", "password": PASSWORD}))
    return made["ARN"]


@pytest.fixture(scope="module")
def reader(machine, login):
    return role(machine, "registry-reader", {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"})


def role(machine, name, statement):
    arn = machine.make_role(name)
    machine.client("iam").put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [statement]}))
    return arn


def run(machine, registry, parameter, execution_role, command=("/bin/true",)):
    definition = machine.register("private", [{
        "name": "main", "image": registry.image, "command": list(command),
        "repositoryCredentials": {"credentialsParameter": parameter}}], executionRoleArn=execution_role)
    return machine.run(definition)


@pytest.mark.parametrize("registry, scheme", [(f"basic robot {PASSWORD}", "Basic"), (f"bearer robot {PASSWORD}", "Bearer")],
                         indirect=["registry"])
@pytest.mark.parametrize("by", ["arn", "name"])
def test_the_image_is_pulled_with_the_secret(machine, registry, login, reader, scheme, by):
    arns = run(machine, registry, login if by == "arn" else "registry-login", reader,
               shell("env > /www/env; exec /bin/httpd -f -p 80 -h /www"))
    task = machine.wait(arns, "RUNNING")[0]
    try:
        assert PASSWORD not in served(task, "env")
        assert scheme in registry.schemes()
        assert PASSWORD not in json.dumps(machine.describe(arns), default=str)
        for name in ("server.log", "host.log", "audit.log"):
            assert PASSWORD not in pathlib.Path(machine.directory, name).read_text()
    finally:
        machine.stop(arns)


def stopped(machine, arns):
    task = machine.wait(arns, "STOPPED")[0]
    assert task["stopCode"] == "TaskFailedToStart" and "exitCode" not in container_of(task, "main")
    assert PASSWORD not in json.dumps(task, default=str)
    return task["stoppedReason"]


@pytest.mark.parametrize("registry", [f"basic robot {PASSWORD}", f"bearer robot {PASSWORD}"], indirect=True)
def test_a_wrong_password_is_no_image(machine, registry, reader):
    wrong = machine.client("secretsmanager").create_secret(
        Name=f"wrong-{registry.image.split(':')[1][:5].strip('/')}",
        SecretString=json.dumps({"username": "robot", "password": "other"}))["ARN"]
    reason = stopped(machine, run(machine, registry, wrong, reader))
    assert reason.startswith("CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref")
    assert "401" in reason


AUTH = ("ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "
        "unable to get registry auth from asm: ")


def test_a_role_that_may_not_read_the_secret(machine, registry, login):
    lacking = role(machine, "registry-lacks", {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"})
    reason = stopped(machine, run(machine, registry, login, lacking))
    assert reason.startswith(f"{AUTH}service call has been retried 1 time(s): asm fetching secret from the service for "
                             f"{login}: AccessDeniedException: ")
    assert f"is not authorized to perform: secretsmanager:GetSecretValue on resource: {login}" in reason


@pytest.mark.parametrize("parameter, why", [
    ("nothing-there", "service call has been retried 1 time(s): asm fetching secret from the service for nothing-there: "
                      "ResourceNotFoundException: Secrets Manager can't find the specified secret."),
    ("half-login", "retrieved secret from Secrets Manager did not contain json key password"),
    ("arn:aws:ssm:us-east-1:000000000000:parameter/login", "'arn:aws:ssm:us-east-1:000000000000:parameter/login' is not the "
                                                          "ARN or the name of a secret"),
])
def test_a_secret_that_cannot_be_used_is_named(machine, registry, reader, parameter, why):
    if parameter == "half-login":
        machine.client("secretsmanager").create_secret(Name=parameter, SecretString='{"username": "robot"}')
    assert stopped(machine, run(machine, registry, parameter, reader)) == AUTH + why


def test_it_takes_an_execution_role(machine):
    with pytest.raises(machine.ecs.exceptions.ClientException) as refused:
        machine.ecs.register_task_definition(
            family="roleless", networkMode="awsvpc", cpu="256", memory="512", requiresCompatibilities=["FARGATE"],
            containerDefinitions=[{"name": "main", "image": "busybox",
                                   "repositoryCredentials": {"credentialsParameter": "login"}}])
    assert refused.value.response["Error"]["Message"] == (
        "Private repository authentication requires that the task definition specify a value for executionRoleArn.")
