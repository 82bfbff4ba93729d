"""`kill -9` at random moments under load: what was acknowledged is there afterwards, whole, and nothing is there in halves."""

import json
import os
import random
import subprocess
import threading
import time

import botocore.exceptions
import pytest
from conftest import BERTH, CLEAN, Server, eventually

ROUNDS = 8
CLIENTS = 4


class Load:
    """Clients that make things as fast as they can and remember what they were promised."""

    def __init__(self, server, seed):
        self.server, self.seed = server, seed
        self.callers = [(server.client("ecs"), server.client("ecr")) for _ in range(CLIENTS)]
        self.ending = threading.Event()
        self.clusters, self.definitions, self.tasks, self.repositories = {}, set(), {}, set()

    def client(self, number, round_number):
        ecs, ecr = self.callers[number]
        made = 0
        while not self.ending.is_set():
            name = f"r{round_number}-c{number}-{made}"
            made += 1
            try:
                self.make(ecs, ecr, name, made % 4)
            except (botocore.exceptions.BotoCoreError, OSError):
                return  # the server is gone

    def make(self, ecs, ecr, name, what):
        if what == 0:
            tags = [{"key": "made", "value": name}]
            ecs.create_cluster(clusterName=name, tags=tags)
            self.clusters[name] = tags
        elif what == 1:
            page = [{"name": "page", "image": "busybox", "environment": [{"name": "WHO", "value": name}]}]
            made = ecs.register_task_definition(family="torture", containerDefinitions=page, networkMode="awsvpc", cpu="256",
                                                memory="512", requiresCompatibilities=["FARGATE"])
            self.definitions.add((made["taskDefinition"]["taskDefinitionArn"], name))
        elif what == 2:
            made = self.run_task(ecs, name)
            self.tasks[name] = made
        else:
            ecr.create_repository(repositoryName=name)
            self.repositories.add(name)

    def run_task(self, ecs, token):
        network = {"awsvpcConfiguration": {"subnets": [self.subnet]}}

        def add_token(params, **_):  # Debian's boto3 does not know clientToken yet
            params["body"] = json.dumps({**json.loads(params["body"]), "clientToken": token}).encode()
        ecs.meta.events.register("before-call.ecs.RunTask", add_token, unique_id="token")
        try:
            made = ecs.run_task(taskDefinition="base", launchType="FARGATE", networkConfiguration=network)
        finally:
            ecs.meta.events.unregister("before-call.ecs.RunTask", unique_id="token")
        return [task["taskArn"] for task in made["tasks"]]


def check(load):
    ecs, ecr = load.server.client("ecs"), load.server.client("ecr")
    names = sorted(load.clusters)
    for i in range(0, len(names), 100):
        answer = ecs.describe_clusters(clusters=names[i:i + 100], include=["TAGS"])
        assert answer["failures"] == []
        assert {cluster["clusterName"]: cluster["tags"] for cluster in answer["clusters"]} == {
            name: load.clusters[name] for name in names[i:i + 100]}
    for arn, name in load.definitions:
        definition = ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]
        assert definition["containerDefinitions"][0]["environment"] == [{"name": "WHO", "value": name}]
    for token, arns in load.tasks.items():
        assert [task["taskArn"] for task in ecs.describe_tasks(tasks=arns)["tasks"]] == arns
        assert load.run_task(ecs, token) == arns  # idempotent across the crash
    pages = ecr.get_paginator("describe_repositories").paginate()
    assert load.repositories <= {repository["repositoryName"] for page in pages for repository in page["repositories"]}


def has_no_halves(server):
    """A task has its interface, and an interface its task."""
    ecs, ec2 = server.client("ecs"), server.client("ec2")
    arns = [arn for page in ecs.get_paginator("list_tasks").paginate() for arn in page["taskArns"]]
    tasks = [task for i in range(0, len(arns), 100) for task in ecs.describe_tasks(tasks=arns[i:i + 100])["tasks"]]
    wanted = {detail["value"] for task in tasks for attachment in task["attachments"] for detail in attachment["details"]
              if detail["name"] == "networkInterfaceId"}
    found = {interface["NetworkInterfaceId"] for page in ec2.get_paginator("describe_network_interfaces").paginate()
             for interface in page["NetworkInterfaces"]}
    return wanted == found


@pytest.fixture
def hosts(tmp_path):
    server = Server(str(tmp_path))
    server.start()
    ecs = server.client("ecs")
    ecs.create_cluster(clusterName="default")
    ecs.register_task_definition(family="base", containerDefinitions=[{"name": "page", "image": "busybox"}],
                                 networkMode="awsvpc", cpu="256", memory="512", requiresCompatibilities=["FARGATE"])
    hosts = subprocess.Popen([BERTH, "stand-in", "--data", server.directory, "--server", server.listen, "--hosts", "3",
                              "--cpu", "4000000", "--memory", "8000000"], env=CLEAN)
    yield server
    hosts.terminate()
    hosts.wait()
    server.stop()


def test_nothing_acknowledged_is_lost(hosts):
    seed = int(os.environ.get("BERTH_SEED") or random.randrange(1 << 32))
    print(f"BERTH_SEED={seed}")
    chance = random.Random(seed)
    load = Load(hosts, seed)
    load.subnet = hosts.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    for round_number in range(ROUNDS):
        load.ending.clear()
        clients = [threading.Thread(target=load.client, args=(number, round_number)) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        eventually(lambda: min(len(load.clusters), len(load.tasks)) > round_number + 1, what="the load")
        time.sleep(chance.uniform(0.1, 1.2))
        hosts.kill()
        load.ending.set()
        for client in clients:
            client.join()
        hosts.start()
        check(load)
    assert len(load.clusters) > ROUNDS and len(load.tasks) > ROUNDS
    eventually(lambda: has_no_halves(hosts), what="tasks and interfaces")
