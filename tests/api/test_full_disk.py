"""A disk that is full, during a push and during a commit: the request is refused, nothing of it stays, all else goes on."""

import hashlib
import os
import subprocess
import threading
import time

import botocore.exceptions
import pytest
from agent_peer import Agent
from conftest import Server
from test_agent_protocol import registration
from wire import send


@pytest.fixture
def small(tmp_path):
    """A server whose directory is a disk of 24 MiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "berth-test", tmp_path], check=True)
    server = Server(str(tmp_path), "--auth", "open")
    try:
        server.start()
        yield server
        server.stop()
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill()
        subprocess.run(["umount", tmp_path], check=True)


def fill(server):
    path = os.path.join(server.directory, "filler")
    with open(path, "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(65536))
        except OSError:
            pass
        try:
            while True:
                filler.write(b"x")
        except OSError:
            pass
    return path


def test_a_push_larger_than_the_disk(small):
    ecr = small.client("ecr")
    ecr.create_repository(repositoryName="app")
    data = bytes(30 << 20)
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    answer = send(f"{small.url}/v2/app/blobs/uploads/?digest={digest}", body=data,
                  headers={"Content-Type": "application/octet-stream"})
    assert (answer.status, answer.json["errors"][0]["code"]) == (507, "UNAVAILABLE")
    assert os.listdir(os.path.join(small.directory, "blobs", "uploads")) == []
    assert send(f"{small.url}/v2/app/blobs/{digest}", "GET").status == 404
    small_one = hashlib.sha256(b"x").hexdigest()
    assert send(f"{small.url}/v2/app/blobs/uploads/?digest=sha256:{small_one}", body=b"x").status == 201


def test_a_commit_on_a_full_disk(small):
    ecr = small.client("ecr")
    ecr.create_repository(repositoryName="kept")
    filler = fill(small)
    refused = 0
    tags = [{"Key": f"k{i}", "Value": "v" * 250} for i in range(40)]
    for i in range(30):
        try:
            ecr.create_repository(repositoryName=f"big{i}", tags=tags)
        except botocore.exceptions.ClientError as failure:
            assert failure.response["Error"]["Code"] == "ServerException"
            assert failure.response["ResponseMetadata"]["HTTPStatusCode"] == 500
            refused += 1
    assert refused > 0
    known = [r["repositoryName"] for r in ecr.describe_repositories()["repositories"]]
    assert "kept" in known and len(known) == 1 + 30 - refused
    os.unlink(filler)
    ecr.create_repository(repositoryName="after")
    known = sorted(known + ["after"])
    small.kill()
    small.start()
    assert [r["repositoryName"] for r in ecr.describe_repositories()["repositories"]] == known


def test_an_agent_that_asks_while_the_disk_is_full_is_answered(small):
    """It asks once, before it stops what its manifest does not have: unanswered, that would run on."""
    small.client("ecs").create_cluster(clusterName="c")
    agent = Agent(small, "c", registration())
    over = threading.Event()

    def write():
        ecr = small.client("ecr")
        tags = [{"Key": f"k{i}", "Value": "v" * 250} for i in range(40)]
        while not over.is_set():
            try:
                ecr.create_repository(repositoryName=os.urandom(8).hex(), tags=tags)
            except botocore.exceptions.ClientError as failure:
                refused.append(failure)

    refused = []
    writers = [threading.Thread(target=write) for _ in range(4)]
    try:
        agent.connect().wait("TaskManifestMessage")
        filler = fill(small)
        for writer in writers:
            writer.start()
        asked = 0
        while len(refused) < 50:
            agent.acs.message("TaskStopVerificationMessage", messageId=str(asked), stopCandidates=[])
            asked += 1
            over.wait(0.005)
        over.set()
        os.unlink(filler)
        missing = {str(i) for i in range(asked)}
        deadline = time.monotonic() + 60
        while missing and time.monotonic() < deadline:
            missing.remove(agent.acs.wait("TaskStopVerificationAck")["messageId"])
        assert missing == set()
    finally:
        over.set()
        for writer in writers:
            writer.join()
        agent.close()
