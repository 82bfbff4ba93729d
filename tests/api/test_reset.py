"""POST /_berth/reset: the installation as it was at its first start, at once, for whoever may."""

import os
import pathlib

import pytest
from conftest import Server
from wire import call_json, send, sign

from test_ecr import push_image


def reset(server, **headers):
    return send(server.url + "/_berth/reset", headers=headers)


def test_everything_is_as_at_first(tmp_path):
    server = Server(str(tmp_path), "--auth", "open")
    server.start()
    try:
        environment = server.environment
        ecr, ecs, ec2 = (server.client(name) for name in ("ecr", "ecs", "ec2"))
        first = ec2.describe_subnets()["Subnets"]
        ecr.create_repository(repositoryName="app")
        push_image(ecr, "app", "one", "v1")
        ecs.create_cluster(clusterName="mine")
        group = ec2.create_security_group(GroupName="web", Description="web")["GroupId"]
        for account in ("111111111111", "222222222222"):
            call_json(server, "ecr", "CreateRepository", {"repositoryName": "app"}, keys=(account, "x"))
        answer = reset(server)
        assert (answer.status, answer.json) == (200, {"status": "reset"})
        assert ecr.describe_repositories()["repositories"] == []
        assert call_json(server, "ecr", "DescribeRepositories", {}, keys=("111111111111", "x")).json["repositories"] == []
        with pytest.raises(ecs.exceptions.ClusterNotFoundException):
            ecs.list_tasks(cluster="mine")
        assert len(ec2.describe_subnets()["Subnets"]) == len(first)
        assert group not in [g["GroupId"] for g in ec2.describe_security_groups()["SecurityGroups"]]
        assert server.environment == environment  # the root key too
        blobs = [name for _, _, names in os.walk(tmp_path / "blobs" / "sha256") for name in names]
        assert blobs == []
        ecr.create_repository(repositoryName="app")  # and it goes on
        push_image(ecr, "app", "one", "v1")
        for _ in range(5):
            assert reset(server).status == 200
        server.kill()
        server.start()
        assert server.client("ecr").describe_repositories()["repositories"] == []
        assert server.environment == environment
    finally:
        server.stop()


def test_it_is_for_the_root_and_the_token_only(tmp_path):
    server = Server(str(tmp_path))
    server.start()
    try:
        server.client("ecr").create_repository(repositoryName="app")
        names = lambda: [r["repositoryName"] for r in server.client("ecr").describe_repositories()["repositories"]]
        url = server.url + "/_berth/reset"
        key, secret = (server.environment[n] for n in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
        for headers in ({}, {"Authorization": "Bearer guess"}, sign(url, "berth", key, "wrong")):
            answer = reset(server, **headers)
            assert answer.status == 403 and "root key" in answer.json["message"]
        assert names() == ["app"]
        assert reset(server, **sign(url, "berth", key, secret)).status == 200
        assert names() == []  # with the key of before
        server.client("ecr").create_repository(repositoryName="app")
        token = pathlib.Path(tmp_path, "token").read_text().strip()
        assert reset(server, Authorization="Bearer " + token).status == 200
        assert names() == []
    finally:
        server.stop()
