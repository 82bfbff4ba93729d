"""The task's role inside its containers: credentials at 169.254.170.2, its own and nobody else's."""

import json

import pytest
from conftest import eventually
from machine import served, shell

ROLE = "arn:aws:iam::000000000000:role/team/{}"
SERVE = "exec /bin/httpd -f -p 80 -h /www"
GET = 'wget -q -O /www/{name} "{url}" || echo refused > /www/{name}'
OWN = "http://169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"


def run(machine, name, script, **more):
    definition = machine.register(name, [{"name": "main", "command": shell(f"{script}; {SERVE}")}], **more)
    arns = machine.run(definition)
    return machine.wait(arns, "RUNNING")[0]


@pytest.fixture(scope="module")
def roles(machine):
    for name in ("holder", "thief", "short", "again"):
        machine.make_role(name, path="/team/")


@pytest.fixture(scope="module")
def holder(machine, roles):
    task = run(machine, "holder", "; ".join([GET.format(name="own", url=OWN), "env > /www/env"]),
               taskRoleArn=ROLE.format("holder"))
    yield task
    machine.stop([task["taskArn"]])


def client(machine, credentials, service):
    return machine.client(service, aws_access_key_id=credentials["AccessKeyId"],
                          aws_secret_access_key=credentials["SecretAccessKey"], aws_session_token=credentials["Token"])


def test_a_container_has_its_tasks_role(machine, holder):
    credentials = json.loads(served(holder, "own"))
    assert credentials["RoleArn"] == ROLE.format("holder")
    assert credentials["AccessKeyId"].startswith("ASIA") and credentials["Expiration"].endswith("Z")
    identity = client(machine, credentials, "sts").get_caller_identity()
    task_id = holder["taskArn"].rsplit("/", 1)[1]
    assert identity["Arn"] == f"arn:aws:sts::000000000000:assumed-role/holder/{task_id}"


def test_another_task_does_not_get_them(machine, holder):
    path = next(line.split("=", 1)[1] for line in served(holder, "env").splitlines()
                if line.startswith("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI="))
    assert path.startswith("/v2/credentials/")
    thief = run(machine, "thief", "; ".join([GET.format(name="own", url=OWN),
                                             GET.format(name="others", url=f"http://169.254.170.2{path}")]),
                taskRoleArn=ROLE.format("thief"))
    try:
        assert json.loads(served(thief, "own"))["RoleArn"] == ROLE.format("thief")
        assert served(thief, "others") == "refused\n"
    finally:
        machine.stop([thief["taskArn"]])


def test_a_task_without_a_role_has_none(machine):
    task = run(machine, "roleless", "env > /www/env; " + GET.format(name="none", url="http://169.254.170.2/v2/credentials/"))
    try:
        assert "AWS_CONTAINER_CREDENTIALS" not in served(task, "env")
        assert served(task, "none") == "refused\n"
    finally:
        machine.stop([task["taskArn"]])


def test_credentials_end_with_the_task(machine, roles):
    task = run(machine, "short", GET.format(name="own", url=OWN), taskRoleArn=ROLE.format("short"))
    credentials = json.loads(served(task, "own"))
    sts = client(machine, credentials, "sts")
    assert sts.get_caller_identity()["Arn"].startswith("arn:aws:sts::000000000000:assumed-role/short/")
    machine.stop([task["taskArn"]])
    with pytest.raises(sts.exceptions.ClientError) as refused:
        sts.get_caller_identity()
    assert refused.value.response["Error"]["Code"] == "SignatureDoesNotMatch"


def test_a_restarted_host_still_has_them(machine, roles):
    """The server says them again when the host comes back."""
    page = r"#!/bin/sh\necho\necho\nwget -q -O - " + OWN
    task = run(machine, "again", "/bin/busybox mkdir /www/cgi-bin; "
               f"echo -e '{page}' > /www/cgi-bin/own; chmod 755 /www/cgi-bin/own", taskRoleArn=ROLE.format("again"))
    try:
        before = json.loads(served(task, "cgi-bin/own"))["AccessKeyId"]
        machine.kill("host")
        machine.up()
        again = eventually(lambda: served(task, "cgi-bin/own").strip(), what="the endpoint after the restart")
        assert json.loads(again)["AccessKeyId"] == before
    finally:
        machine.stop([task["taskArn"]])
