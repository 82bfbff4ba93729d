"""Real containers: tasks that run, answer, fail and stop as the API says; and nothing left behind."""

import json
import pathlib
import shutil
import subprocess
import tempfile
import time
import urllib.request

import pytest
from conftest import BERTH, CLEAN, Installation, eventually

ROLE = "arn:aws:iam::000000000000:role/ecsTaskExecutionRole"


def run(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120, **more).stdout


def make_image(work):
    """busybox with a page, as an OCI layout."""
    layout, bundle = f"{work}/image", f"{work}/bundle"
    run("umoci", "init", "--layout", layout)
    run("umoci", "new", "--image", f"{layout}:demo")
    run("umoci", "unpack", "--image", f"{layout}:demo", bundle)
    root = pathlib.Path(bundle, "rootfs")
    (root / "bin").mkdir(parents=True)
    (root / "www").mkdir()
    shutil.copy("/bin/busybox", root / "bin/busybox")
    for applet in ("sh", "httpd", "echo", "sleep", "cat", "ls", "tail", "wget", "true", "false", "id", "env", "test", "touch"):
        (root / "bin" / applet).symlink_to("busybox")
    (root / "www/index.html").write_text("hello\n")
    run("umoci", "repack", "--image", f"{layout}:demo", bundle)
    run("umoci", "config", "--image", f"{layout}:demo", "--config.cmd", "/bin/httpd", "--config.cmd", "-f",
        "--config.cmd", "-p", "--config.cmd", "80", "--config.cmd", "-h", "--config.cmd", "/www")
    return layout


class Machine(Installation):
    def __init__(self, directory, work):
        super().__init__(directory)
        self.work = work

    def up(self):
        self.berth("up", "--data", self.directory, "--listen", self.listen)
        self.ecs, self.ec2 = self.client("ecs"), self.client("ec2")

    def prepare(self):
        ecr = self.client("ecr")
        self.image = ecr.create_repository(repositoryName="demo")["repository"]["repositoryUri"]
        token = self.aws("ecr", "get-authorization-token", "--query", "authorizationData[0].authorizationToken")
        password = subprocess.run(["base64", "-d"], input=token, capture_output=True, text=True).stdout.split(":")[1]
        run("skopeo", "copy", "--dest-tls-verify=false", "--dest-creds", f"AWS:{password}",
            f"oci:{make_image(self.work)}:demo", f"docker://{self.image}:latest")
        self.ecs.create_cluster(clusterName="default")
        self.subnet = self.ec2.describe_subnets()["Subnets"][0]["SubnetId"]
        self.group = self.ec2.create_security_group(GroupName="web", Description="web")["GroupId"]
        self.ec2.authorize_security_group_ingress(GroupId=self.group, IpProtocol="tcp", FromPort=80, ToPort=80,
                                                  CidrIp="0.0.0.0/0")

    def register(self, family, containers):
        for container in containers:
            container.setdefault("image", f"{self.image}:latest")
            container.setdefault("stopTimeout", 2)  # busybox as PID 1 does not hear SIGTERM
        return self.ecs.register_task_definition(
            family=family, containerDefinitions=containers, networkMode="awsvpc", cpu="256", memory="512",
            requiresCompatibilities=["FARGATE"], executionRoleArn=ROLE)["taskDefinition"]["taskDefinitionArn"]

    def run(self, definition, count=1, groups=None):
        network = {"awsvpcConfiguration": {"subnets": [self.subnet], "securityGroups": groups or [self.group]}}
        answer = self.ecs.run_task(taskDefinition=definition, launchType="FARGATE", count=count, networkConfiguration=network)
        assert answer["failures"] == []
        return [task["taskArn"] for task in answer["tasks"]]

    def describe(self, arns):
        return self.ecs.describe_tasks(tasks=arns)["tasks"]

    def wait(self, arns, status, seconds=60):
        def reached():
            tasks = self.describe(arns)
            return tasks if all(task["lastStatus"] == status for task in tasks) else None
        return eventually(reached, seconds, f"{status}")

    def stop(self, arns):
        for arn in arns:
            self.ecs.stop_task(task=arn)
        return self.wait(arns, "STOPPED")


def address(task):
    return task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"]


def page(ip, timeout=3):
    with urllib.request.urlopen(f"http://{ip}/", timeout=timeout) as reply:
        return reply.read().decode()


def reachable(ip):
    try:
        return page(ip, timeout=1) == "hello\n"
    except OSError:
        return False


def traces(instance):
    """Everything that an installation could leave on the machine."""
    found = [line for line in run("ip", "netns").splitlines() if f"berth-{instance}" in line]
    found += [line for line in run("ip", "-o", "link").splitlines() if instance in line]
    found += [line for line in run("ip", "route").splitlines() if instance in line]
    found += [line for line in run("nft", "list", "tables").splitlines() if instance in line]
    found += [line for line in open("/proc/self/mounts") if instance in line]
    found += [str(path) for path in pathlib.Path("/sys/fs/cgroup").glob(f"**/berth-{instance}")]
    return found


@pytest.fixture(scope="module")
def machine():
    with tempfile.TemporaryDirectory(prefix="berth-e2e-") as work:
        directory = f"{work}/data"
        running = Machine(directory, work)
        try:
            running.up()
            running.prepare()
            yield running
        finally:
            running.berth("down", "--data", directory, check=False)


def test_every_task_answers_at_its_own_address(machine):
    definition = machine.register("page", [{"name": "page"}])
    tasks = machine.run(definition, 10) + machine.run(definition, 10)
    described = machine.wait(tasks, "RUNNING", 120)
    addresses = {address(task) for task in described}
    assert len(addresses) == 20
    assert all(eventually(lambda ip=ip: reachable(ip), what=ip) for ip in addresses)
    machine.ecs.get_waiter("tasks_running").wait(tasks=tasks)
    for arn in tasks:
        machine.ecs.stop_task(task=arn, reason="done")
    machine.ecs.get_waiter("tasks_stopped").wait(tasks=tasks, WaiterConfig={"Delay": 2})
    for task in machine.describe(tasks):
        assert task["stopCode"] == "UserInitiated" and task["stoppedReason"] == "done"
        assert task["containers"][0]["exitCode"] in (0, 137, 143)
    assert machine.ec2.describe_network_interfaces()["NetworkInterfaces"] == []


def test_one_added_rule_opens_a_running_task(machine):
    closed = machine.ec2.create_security_group(GroupName="closed", Description="closed")["GroupId"]
    arns = machine.run(machine.register("page", [{"name": "page"}]), groups=[closed])
    ip = address(machine.wait(arns, "RUNNING")[0])
    assert not reachable(ip)
    machine.ec2.authorize_security_group_ingress(GroupId=closed, IpProtocol="tcp", FromPort=80, ToPort=80,
                                                 CidrIp="0.0.0.0/0")
    assert eventually(lambda: reachable(ip), 5)
    machine.stop(arns)


def test_healthy_is_waited_for(machine):
    definition = machine.register("pair", [
        {"name": "first", "healthCheck": {"command": ["CMD-SHELL", "test -e /www/index.html"], "interval": 5}},
        {"name": "second", "command": ["/bin/sleep", "1000"],
         "dependsOn": [{"containerName": "first", "condition": "HEALTHY"}]}])
    arns = machine.run(definition)
    task = machine.wait(arns, "RUNNING", 40)[0]
    health = {container["name"]: container["healthStatus"] for container in task["containers"]}
    assert health == {"first": "HEALTHY", "second": "UNKNOWN"}
    machine.stop(arns)


def test_a_container_over_its_memory_is_killed_and_says_so(machine):
    arns = machine.run(machine.register("greedy", [
        {"name": "greedy", "memory": 32, "command": ["/bin/tail", "/dev/zero"]}]))
    task = machine.wait(arns, "STOPPED", 60)[0]
    container = task["containers"][0]
    assert container["exitCode"] == 137
    assert container["reason"].startswith("OutOfMemoryError")
    assert task["stopCode"] == "EssentialContainerExited"
    assert task["stoppedReason"] == "Essential container in task exited"


def test_sigkill_follows_an_ignored_sigterm(machine):
    arns = machine.run(machine.register("deaf", [
        {"name": "deaf", "stopTimeout": 2, "command": ["/bin/sh", "-c", "trap '' TERM; while true; do sleep 1; done"]}]))
    machine.wait(arns, "RUNNING")
    begin = time.monotonic()
    task = machine.stop(arns)[0]
    assert time.monotonic() - begin >= 2
    assert task["containers"][0]["exitCode"] == 137


@pytest.mark.parametrize("container, reason", [
    ({"name": "none", "image": "{}-none:latest"}, "CannotPullContainerError"),
    ({"name": "none", "command": ["/bin/nothing"]}, "CannotStartContainerError"),
])
def test_what_cannot_start_says_why(machine, container, reason):
    container = json.loads(json.dumps(container).replace("{}", machine.image))
    task = machine.wait(machine.run(machine.register("broken", [container])), "STOPPED", 90)[0]
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith(reason)


def test_containers_outlive_server_and_host(machine):
    arns = machine.run(machine.register("page", [{"name": "page"}]))
    ip = address(machine.wait(arns, "RUNNING")[0])
    for role in ("server", "host"):
        pid = pathlib.Path(machine.directory, f"{role}.lock").read_text().strip()
        run("kill", "-KILL", pid)
        assert reachable(ip)
        machine.up()
        assert machine.describe(arns)[0]["lastStatus"] == "RUNNING"
        assert reachable(ip)
    assert machine.stop(arns)[0]["containers"][0]["exitCode"] in (0, 137, 143)


def test_two_installations_side_by_side_and_nothing_stays(machine):
    arns = machine.run(machine.register("page", [{"name": "page"}]))
    ip = address(machine.wait(arns, "RUNNING")[0])
    with tempfile.TemporaryDirectory(prefix="berth-e2e-") as work:
        other = Machine(f"{work}/data", work)
        try:
            other.up()
            other.prepare()
            theirs = other.run(other.register("page", [{"name": "page"}]))
            their_ip = address(other.wait(theirs, "RUNNING")[0])
            assert eventually(lambda: reachable(their_ip)) and reachable(ip)
        finally:
            other.berth("down", "--data", other.directory)
        assert traces(pathlib.Path(other.directory, "instance").read_text()) == []
    assert reachable(ip)
    machine.stop(arns)
