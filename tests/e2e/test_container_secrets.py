"""Secrets in the environment of containers: from both stores, by key, stage and version; and what keeps a task from them."""

import json
import os
import pathlib
import subprocess

import pytest
from machine import container_of, served, shell

PULL = ["ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"]
READ = ["secretsmanager:GetSecretValue", "ssm:GetParameters"]
HIDDEN = "hunter2-of-the-test"


def role_with(machine, name, *actions):
    arn = machine.make_role(name)
    machine.client("iam").put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}))
    return arn


@pytest.fixture(scope="module")
def stores(machine):
    secrets, ssm = machine.client("secretsmanager"), machine.client("ssm")
    first = secrets.create_secret(Name="db", SecretString=json.dumps({"user": "admin", "password": HIDDEN}))
    secrets.put_secret_value(SecretId="db", SecretString=json.dumps({"user": "admin", "password": "newer"}))
    ssm.put_parameter(Name="/app/mode", Value="fast", Type="String")
    ssm.put_parameter(Name="/app/key", Value=HIDDEN, Type="SecureString")
    return first["ARN"], first["VersionId"]


def run(machine, name, secrets, role, command):
    definition = machine.register(name, [{"name": "main", "command": command, "secrets": [
        {"name": variable, "valueFrom": value} for variable, value in secrets.items()]}], executionRoleArn=role)
    return machine.run(definition)


def test_values_reach_the_environment(machine, stores):
    arn, first = stores
    elsewhere = machine.client("ssm", region_name="eu-west-1")
    elsewhere.put_parameter(Name="/app/mode", Value="far", Type="String")
    secrets = {"FAR": "arn:aws:ssm:eu-west-1:000000000000:parameter/app/mode", "WHOLE": arn, "PASSWORD": f"{arn}:password::", "BEFORE": f"{arn}:password:AWSPREVIOUS:",
               "OLDEST": f"{arn}:password::{first}", "MODE": "/app/mode", "KEY": "/app/key"}
    role = role_with(machine, "secret-reader", *PULL, *READ)
    arns = run(machine, "secretive", secrets, role, shell("env > /www/env; exec /bin/httpd -f -p 80 -h /www"))
    task = machine.wait(arns, "RUNNING")[0]
    try:
        env = dict(line.split("=", 1) for line in served(task, "env").splitlines() if "=" in line)
        assert json.loads(env["WHOLE"]) == {"user": "admin", "password": "newer"}
        assert (env["PASSWORD"], env["BEFORE"], env["OLDEST"]) == ("newer", HIDDEN, HIDDEN)
        assert (env["MODE"], env["KEY"], env["FAR"]) == ("fast", HIDDEN, "far")
        assert HIDDEN not in json.dumps(machine.describe(arns), default=str)
        assert HIDDEN not in json.dumps(machine.ecs.describe_task_definition(taskDefinition="secretive"), default=str)
    finally:
        machine.stop(arns)


def test_others_on_the_machine_do_not_see_them(machine, stores):
    """Files, command lines, environments: as nobody sees them."""
    role = role_with(machine, "hidden-reader", *PULL, *READ)
    arns = run(machine, "hidden", {"KEY": "/app/key"}, role, ["/bin/sleep", "1000"])
    machine.wait(arns, "RUNNING")
    look = (f"grep -rls {HIDDEN} {machine.directory} /run/berth* 2>/dev/null; grep -ls {HIDDEN} /proc/[0-9]*/cmdline "
            "/proc/[0-9]*/environ 2>/dev/null | grep -v \"/$$/\"; true")
    try:
        seen = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/bin/sh", "-c", look],
                              capture_output=True, text=True, timeout=60).stdout.split()
        assert [path for path in seen if not owned_by_the_looker(path)] == []
        for name in ("server.log", "host.log", "audit.log"):
            assert HIDDEN not in pathlib.Path(machine.directory, name).read_text()
    finally:
        machine.stop(arns)


def owned_by_the_looker(path):
    """The looking shell has the text in its own command line."""
    try:
        return os.stat(path).st_uid == 65534
    except FileNotFoundError:
        return True


@pytest.mark.parametrize("missing, value", [("secretsmanager:GetSecretValue", "secret"), ("ssm:GetParameters", "/app/mode")])
def test_a_role_that_may_not_read_keeps_the_task_from_starting(machine, stores, missing, value):
    role = role_with(machine, "lacks-" + missing.split(":")[0], *PULL, *[action for action in READ if action != missing])
    arns = run(machine, "lacking", {"VALUE": stores[0] if value == "secret" else value}, role, ["/bin/true"])
    task = machine.wait(arns, "STOPPED")[0]
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith("ResourceInitializationError: unable to pull secrets or registry auth: ")
    assert f"is not authorized to perform: {missing} on resource:" in task["stoppedReason"]
    assert "exitCode" not in container_of(task, "main")


@pytest.mark.parametrize("value", ["/app/nothing", "arn:aws:secretsmanager:us-east-1:000000000000:secret:nothing-AbCdEf"])
def test_what_is_not_there_is_named(machine, stores, value):
    role = machine.client("iam").list_roles()["Roles"]
    role = next((found["Arn"] for found in role if found["RoleName"] == "reads-nothing"), None) or \
        role_with(machine, "reads-nothing", *PULL, *READ)
    task = machine.wait(run(machine, "absent", {"VALUE": value}, role, ["/bin/true"]), "STOPPED")[0]
    assert task["stopCode"] == "TaskFailedToStart" and value.rsplit(":", 1)[-1] in task["stoppedReason"]


def test_a_definition_with_secrets_needs_an_execution_role(machine):
    with pytest.raises(machine.ecs.exceptions.ClientError) as refused:
        machine.ecs.register_task_definition(
            family="roleless", networkMode="awsvpc", cpu="256", memory="512", requiresCompatibilities=["FARGATE"],
            containerDefinitions=[{"name": "main", "image": "busybox", "secrets": [{"name": "A", "valueFrom": "/app/mode"}]}])
    assert "executionRoleArn" in str(refused.value)
