"""A whole installation with an image in its registry: what the tests with real containers share."""

import contextlib
import http.client
import json
import os
import pathlib
import select
import shutil
import signal
import subprocess
import urllib.request

from conftest import Installation, eventually

BERTH_USERS = "/run/berth-users"  # src/node/task/users.h
ROLE = "arn:aws:iam::000000000000:role/ecsTaskExecutionRole"


def run(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120, **more).stdout


def kill(pid):
    """Kills a process and waits until it is gone, with the locks and connections that it held."""
    process = os.pidfd_open(int(pid))
    try:
        signal.pidfd_send_signal(process, signal.SIGKILL)
        assert select.select([process], [], [], 60)[0], f"{pid} does not end"
    finally:
        os.close(process)


def make_image(work, prepare=lambda root: None, config=()):
    """busybox with a page, as an OCI layout; prepare changes its root, config is umoci's."""
    layout, bundle = f"{work}/image", f"{work}/bundle"
    pathlib.Path(work).mkdir(exist_ok=True)
    run("umoci", "init", "--layout", layout)
    run("umoci", "new", "--image", f"{layout}:demo")
    run("umoci", "unpack", "--image", f"{layout}:demo", bundle)
    root = pathlib.Path(bundle, "rootfs")
    (root / "bin").mkdir(parents=True)
    (root / "www").mkdir()
    shutil.copy("/bin/busybox", root / "bin/busybox")
    for applet in ("sh", "httpd", "echo", "sleep", "cat", "ls", "tail", "wget", "true", "false", "id", "env", "test", "touch",
                   "chown", "chmod", "ping", "rm", "mv"):
        (root / "bin" / applet).symlink_to("busybox")
    (root / "www/index.html").write_text("hello\n")
    prepare(root)
    run("umoci", "repack", "--image", f"{layout}:demo", bundle)
    run("umoci", "config", "--image", f"{layout}:demo", "--config.cmd", "/bin/httpd", "--config.cmd", "-f",
        "--config.cmd", "-p", "--config.cmd", "80", "--config.cmd", "-h", "--config.cmd", "/www", *config)
    return layout


class Machine(Installation):
    def __init__(self, directory, work):
        super().__init__(directory)
        self.work = work

    def up(self, *options):
        self.berth("up", "--data", self.directory, "--listen", self.listen, *options)
        self.ecs, self.ec2, self.logs = self.client("ecs"), self.client("ec2"), self.client("logs")

    def kill(self, role):
        """Its server or its host."""
        kill(pathlib.Path(self.directory, f"{role}.lock").read_text())

    def push(self, name, layout, *options):
        """A new repository with that image as its latest; its address."""
        repository = self.client("ecr").create_repository(repositoryName=name)["repository"]["repositoryUri"]
        token = self.aws("ecr", "get-authorization-token", "--query", "authorizationData[0].authorizationToken")
        password = subprocess.run(["base64", "-d"], input=token, capture_output=True, text=True).stdout.split(":")[1]
        run("skopeo", "copy", *options, "--dest-tls-verify=false", "--dest-creds", f"AWS:{password}",
            f"oci:{layout}:demo", f"docker://{repository}:latest")
        return repository

    def make_role(self, name, path="/", policy=None):
        """A role that ECS tasks can have, with that AWS managed policy."""
        iam = self.client("iam")
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs-tasks.amazonaws.com"}}
        arn = iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [trust]}))["Role"]["Arn"]
        if policy:
            iam.attach_role_policy(RoleName=name, PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
        return arn

    def allow_log_groups(self):
        """AmazonECSTaskExecutionRolePolicy does not allow to make them (developer guide, "Send Amazon ECS logs to CloudWatch")."""
        self.client("iam").put_role_policy(RoleName="ecsTaskExecutionRole", PolicyName="groups", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:CreateLogGroup", "Resource": "*"}]}))

    def make_instance_profile(self, name):
        """A profile with a role of that name, with which an instance can join a cluster."""
        iam = self.client("iam")
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}]}))
        iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role")
        iam.create_instance_profile(InstanceProfileName=name)
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)

    def prepare(self):
        self.make_role("ecsTaskExecutionRole", policy="service-role/AmazonECSTaskExecutionRolePolicy")
        self.image = self.push("demo", make_image(self.work))
        self.ecs.create_cluster(clusterName="default")
        self.subnet = self.ec2.describe_subnets()["Subnets"][0]["SubnetId"]
        self.group = self.ec2.create_security_group(GroupName="web", Description="web")["GroupId"]
        self.ec2.authorize_security_group_ingress(GroupId=self.group, IpProtocol="tcp", FromPort=80, ToPort=80,
                                                  CidrIp="0.0.0.0/0")

    def register(self, family, containers, **more):
        for container in containers:
            container.setdefault("image", f"{self.image}:latest")
            container.setdefault("stopTimeout", 2)  # busybox as PID 1 does not hear SIGTERM
        return self.ecs.register_task_definition(
            family=family, containerDefinitions=containers, networkMode="awsvpc", cpu="256", memory="512",
            requiresCompatibilities=["FARGATE"], **{"executionRoleArn": ROLE, **more})["taskDefinition"]["taskDefinitionArn"]

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
            if status != "STOPPED" and any(task["lastStatus"] == "STOPPED" for task in tasks):
                raise AssertionError(f"{status} will not come: {tasks}")
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


def served(task, name="index.html"):
    """What a task's page of that name says, once it is there."""
    def read():
        try:
            with urllib.request.urlopen(f"http://{address(task)}/{name}", timeout=5) as reply:
                return reply.read().decode()
        except (OSError, http.client.HTTPException):
            return None
    return eventually(read, what=f"{name} of {address(task)}")


def container_of(task, name):
    return next(container for container in task["containers"] if container["name"] == name)


def shell(script):
    return ["/bin/sh", "-c", script]


def reachable(ip):
    try:
        return page(ip, timeout=1) == "hello\n"
    except (OSError, http.client.HTTPException):  # the latter from one that ends meanwhile
        return False


def processes(text):
    """The processes with this text in their command line."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it has ended meanwhile
        if text in line:
            found.append(line)
    return found


def users_taken(directory):
    """The ranges of users that an installation holds: by the first of each, whose it is."""
    instance = pathlib.Path(directory, "instance").read_text().strip()
    found = {}
    for path in pathlib.Path(BERTH_USERS).glob("*"):
        with contextlib.suppress(FileNotFoundError):  # given back meanwhile
            owner = os.readlink(path)
            if owner.startswith(instance + "/"):
                found[int(path.name)] = owner
    return found


def paths_below(root, text):
    """Those with this text in their name; other than glob it passes over what goes meanwhile."""
    return [os.path.join(at, name) for at, folders, files in os.walk(root) for name in folders + files if text in name]


def traces(directory):
    """Everything that an installation could leave on the machine."""
    instance = pathlib.Path(directory, "instance").read_text().strip()
    found = [line for line in run("ip", "netns").splitlines() if f"berth-{instance}" in line]
    found += [line for line in run("ip", "-o", "link").splitlines() if instance in line]
    found += [line for line in run("ip", "route").splitlines() if instance in line]
    found += [line for line in run("nft", "list", "tables").splitlines() if instance in line]
    found += [line for line in open("/proc/self/mounts") if instance in line or directory in line]
    found += paths_below("/sys/fs/cgroup", f"berth-{instance}") + paths_below("/run", instance)
    found += [f"{BERTH_USERS}/{first}" for first in users_taken(directory)]
    return found + processes(directory)
