"""Disks that are full or hold something else: a clear error, nothing lost, and the server goes on."""

import os
import subprocess
import tempfile

import botocore.exceptions
import pytest
from conftest import BERTH, CLEAN, Server, StandIn, free_port


@pytest.fixture
def small_disk():
    with tempfile.TemporaryDirectory(prefix="berth-torture-") as work:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", work], check=True)
        try:
            yield work
        finally:
            subprocess.run(["umount", "-l", work], check=True)


def fill(path):
    """Takes what is left, to the last page."""
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass


def test_a_full_disk_refuses_changes_and_nothing_else(small_disk):
    data = os.path.join(small_disk, "data")
    os.mkdir(data)
    server = Server(data)
    server.start()
    ecs = server.client("ecs")
    ecs.create_cluster(clusterName="before")
    ballast = os.path.join(small_disk, "ballast")
    fill(ballast)
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        for i in range(200):  # the log may have some room of its own left
            ecs.create_cluster(clusterName=f"late-{i}", tags=[{"key": "x", "value": "y" * 200}])
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] >= 500
    acknowledged = ["before", *(f"late-{k}" for k in range(i))]
    shown = [arn.rsplit("/", 1)[1] for page in ecs.get_paginator("list_clusters").paginate() for arn in page["clusterArns"]]
    assert sorted(shown) == sorted(acknowledged)
    os.unlink(ballast)
    ecs.create_cluster(clusterName="after")
    server.kill()
    server.start()
    answer = ecs.describe_clusters(clusters=[*acknowledged[:50], "after"])
    assert answer["failures"] == [] and len(answer["clusters"]) == len(acknowledged[:50]) + 1
    server.stop()


def test_a_server_ends_when_asked_though_its_disk_is_full(small_disk):
    data = os.path.join(small_disk, "data")
    os.mkdir(data)
    server = Server(data)
    server.start()
    hosts = StandIn(server)
    ecs = server.client("ecs")
    ecs.create_cluster(clusterName="default")
    ecs.register_task_definition(family="base", containerDefinitions=[{"name": "page", "image": "busybox"}],
                                 networkMode="awsvpc", cpu="256", memory="512", requiresCompatibilities=["FARGATE"])
    fill(os.path.join(small_disk, "ballast"))
    subnet = server.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    with pytest.raises(botocore.exceptions.ClientError):
        for _ in range(200):
            ecs.run_task(taskDefinition="base", launchType="FARGATE", count=10,
                         networkConfiguration={"awsvpcConfiguration": {"subnets": [subnet]}})
    hosts.kill()  # its tasks have much to do that cannot be written
    server.stop()


@pytest.mark.parametrize("content", [b"this is no database, whatever it is called\n" * 100, b"SQLite format 3\0" + b"\xff" * 4080],
                         ids=["text", "torn"])
def test_a_state_that_is_not_one_is_named_and_left_alone(tmp_path, content):
    state = tmp_path / "state.db"
    state.write_bytes(content)
    done = subprocess.run([BERTH, "server", "--data", str(tmp_path), "--listen", f"127.0.0.1:{free_port()}"],
                          env=CLEAN, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert str(state) in done.stderr
    assert state.read_bytes() == content
