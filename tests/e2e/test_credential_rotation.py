"""A task's credentials end and are followed by others while its container runs: an unmodified boto3 goes on."""

import json
import tempfile

import pytest
from machine import Machine, make_image
from sdk_image import add_clients

LIFETIME = 20  # seconds

# One client all the time. Prints the keys that it used, and what the first is worth once it has ended.
ROTATE = """
import boto3, botocore.exceptions, json, os, time
endpoint = os.environ["AWS_ENDPOINT_URL"]
session = boto3.Session()
sts = session.client("sts", endpoint_url=endpoint)
first = session.get_credentials().get_frozen_credentials()
keys, arns, end = [], set(), time.monotonic() + 120
while len(keys) < 3 and time.monotonic() < end:
    arns.add(sts.get_caller_identity()["Arn"])
    key = session.get_credentials().get_frozen_credentials().access_key
    if key not in keys:
        keys.append(key)
    time.sleep(0.5)
old = boto3.client("sts", endpoint_url=endpoint, aws_access_key_id=first.access_key,
                   aws_secret_access_key=first.secret_key, aws_session_token=first.token)
try:
    after = old.get_caller_identity()["Arn"]
except botocore.exceptions.ClientError as refused:
    after = refused.response["Error"]["Code"]
print(json.dumps({"keys": keys, "arns": sorted(arns), "first": first.access_key, "after": after}))
"""


@pytest.fixture(scope="module")
def hasty():
    """An installation whose tasks get short-lived credentials."""
    with tempfile.TemporaryDirectory(prefix="berth-e2e-") as work:
        running = Machine(f"{work}/data", work)
        try:
            running.up("--task-credentials", str(LIFETIME))
            running.prepare()
            yield running
        finally:
            running.berth("down", "--data", running.directory, check=False)


def test_credentials_rotate_while_a_container_runs(hasty):
    image = hasty.push("clients", make_image(f"{hasty.work}/clients", add_clients))
    definition = hasty.register("rotate", [{"name": "main", "image": f"{image}:latest", "command": ["/usr/bin/python3", "-c", ROTATE]}],
                                taskRoleArn=hasty.make_role("rotating"))
    arns = hasty.run(definition)
    task = hasty.wait(arns, "STOPPED", seconds=240)[0]
    lines = hasty.berth("logs", "--data", hasty.directory, arns[0]).stdout
    assert task["containers"][0]["exitCode"] == 0, lines
    said = json.loads(lines)
    assert len(said["keys"]) == 3 and said["keys"][0] == said["first"]
    assert said["arns"] == [f"arn:aws:sts::000000000000:assumed-role/rotating/{arns[0].rsplit('/', 1)[1]}"]
    assert said["after"] == "ExpiredToken"


@pytest.mark.parametrize("seconds", ["0", "9", "21601"])
def test_lifetimes_that_are_none(seconds, tmp_path):
    server = Machine(str(tmp_path), str(tmp_path))
    refused = server.berth("server", "--data", server.directory, "--listen", server.listen, "--task-credentials", seconds, check=False)
    assert refused.returncode != 0 and "--task-credentials takes 10 to 21600 seconds" in refused.stderr
