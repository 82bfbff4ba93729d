"""The task metadata endpoint as a container sees it, and what its resolver answers."""

import json

import pytest
from conftest import eventually
from machine import address, served

SERVE = "exec /bin/httpd -f -p 80 -h /www"


def asks(paths):
    """A command that stores what the endpoint answers below /www, by name, and then serves it. It begins where the endpoint
    calls the container RUNNING: its first commands may be faster than the news of its start."""
    begun = """until wget -q -O - $ECS_CONTAINER_METADATA_URI_V4 | busybox grep -q '"KnownStatus":"RUNNING"'; do sleep 0.1; done"""
    lines = [f'/bin/wget -q -O /www/{name} "{url}" || echo refused > /www/{name}' for name, url in paths.items()]
    return ["/bin/sh", "-c", "; ".join([begun, *lines, SERVE])]


@pytest.fixture(scope="module")
def asked(machine):
    own = "$ECS_CONTAINER_METADATA_URI_V4"
    arns = machine.run(machine.register("asks", [
        {"name": "main", "cpu": 128, "memory": 256, "dockerLabels": {"who": "me"},
         "command": asks({"container": own, "task": own + "/task", "stats": own + "/stats",
                          "taskstats": own + "/task/stats", "v3": "$ECS_CONTAINER_METADATA_URI",
                          "nothing": own + "/nothing"})},
        {"name": "side", "command": ["/bin/sleep", "1000"]}]))
    task = machine.wait(arns, "RUNNING")[0]
    served(task, "nothing")
    yield task
    machine.stop(arns)


def test_the_container_and_its_task(machine, asked):
    container, task = json.loads(served(asked, "container")), json.loads(served(asked, "task"))
    shown = {shown["name"]: shown for shown in asked["containers"]}
    assert container["Name"] == "main" and container["DockerId"] == shown["main"]["runtimeId"]
    assert container["ContainerARN"] == shown["main"]["containerArn"]
    assert container["Limits"] == {"CPU": 128, "Memory": 256}
    assert container["Labels"]["who"] == "me"
    assert container["Labels"]["com.amazonaws.ecs.task-arn"] == asked["taskArn"]
    assert container["Networks"][0]["IPv4Addresses"] == [address(asked)]
    assert container["Networks"][0]["NetworkMode"] == "awsvpc"
    subnet = machine.ec2.describe_subnets(SubnetIds=[machine.subnet])["Subnets"][0]
    assert container["Networks"][0]["IPv4SubnetCIDRBlock"] == subnet["CidrBlock"]
    assert container["KnownStatus"] == "RUNNING" and container["Image"].endswith("/demo:latest")
    assert task["TaskARN"] == asked["taskArn"] and task["Cluster"] == asked["clusterArn"]
    assert (task["Family"], task["LaunchType"]) == ("asks", "FARGATE")
    assert task["Limits"] == {"CPU": 0.25, "Memory": 512}
    assert sorted(one["Name"] for one in task["Containers"]) == ["main", "side"]
    assert json.loads(served(asked, "v3"))["DockerId"] == container["DockerId"]


def test_statistics_have_docker_s_shape(asked):
    stats, of_task = json.loads(served(asked, "stats")), json.loads(served(asked, "taskstats"))
    assert stats["memory_stats"]["limit"] == 256 << 20
    assert 0 < stats["memory_stats"]["usage"] < 256 << 20
    assert 0 < stats["cpu_stats"]["cpu_usage"]["total_usage"] < stats["cpu_stats"]["system_cpu_usage"]
    assert stats["pids_stats"]["current"] >= 1
    assert set(of_task) == {shown["runtimeId"] for shown in asked["containers"]}
    assert of_task[stats["id"]]["precpu_stats"]["cpu_usage"]["total_usage"] == stats["cpu_stats"]["cpu_usage"]["total_usage"]


def test_unknown_paths_and_other_tasks_are_refused(machine, asked):
    assert served(asked, "nothing") == "refused\n"
    theirs = f"http://169.254.170.2/v4/{asked['containers'][0]['runtimeId']}"
    arns = machine.run(machine.register("nosy", [
        {"name": "main", "command": asks({"theirs": theirs, "own": "$ECS_CONTAINER_METADATA_URI_V4"})}]))
    nosy = machine.wait(arns, "RUNNING")[0]
    assert json.loads(served(nosy, "own"))["Name"] == "main"
    assert served(nosy, "theirs") == "refused\n"
    machine.stop(arns)


def test_the_resolver_of_the_vpc_is_there(machine):
    arns = machine.run(machine.register("names", [
        {"name": "main", "command": ["/bin/sh", "-c", f"/bin/cat /etc/resolv.conf > /www/resolv; {SERVE}"]}]))
    task = machine.wait(arns, "RUNNING")[0]
    base = machine.ec2.describe_vpcs()["Vpcs"][0]["CidrBlock"].rsplit(".", 1)[0]
    assert served(task, "resolv").splitlines() == ["search ec2.internal", f"nameserver {base}.2"]
    machine.stop(arns)
