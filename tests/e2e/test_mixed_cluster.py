"""One cluster of three EC2 instances in three zones, and Fargate: placement, draining and the loss of an instance, with
real containers and the agent inside each instance."""

import collections
import contextlib
import json
import os
import pathlib
import signal
import threading

import pytest

from conftest import eventually
from machine import ROLE, paths_below, processes
from test_instances import IMAGE, first_process, inside, state

ZONES = ["us-east-1a", "us-east-1b", "us-east-1c"]


class Mixed:
    def __init__(self, machine):
        self.machine, self.ecs, self.ec2 = machine, machine.ecs, machine.ec2
        self.services = []
        self.instances = {}  # zone: EC2 instance id

    def launch(self):
        iam = self.machine.client("iam")
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
        iam.create_role(RoleName="mixedInstance", AssumeRolePolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [trust]}))
        iam.attach_role_policy(RoleName="mixedInstance",
                               PolicyArn="arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role")
        iam.create_instance_profile(InstanceProfileName="mixedInstance")
        iam.add_role_to_instance_profile(InstanceProfileName="mixedInstance", RoleName="mixedInstance")
        image = self.machine.client("ssm").get_parameter(Name=IMAGE)["Parameter"]["Value"]
        subnets = {s["AvailabilityZone"]: s["SubnetId"] for s in self.ec2.describe_subnets()["Subnets"]}
        for zone in ZONES:
            self.instances[zone] = self.ec2.run_instances(
                ImageId=image, InstanceType="t3.small", MinCount=1, MaxCount=1, SubnetId=subnets[zone],
                UserData="#!/bin/sh\nprintf 'ECS_CLUSTER=mixed\\nECS_CONTAINER_STOP_TIMEOUT=2s\\n' >> /etc/ecs/ecs.config\n",
                IamInstanceProfile={"Name": "mixedInstance"})["Instances"][0]["InstanceId"]
        eventually(lambda: len(self.connected()) == 3, 120, "three container instances")

    def tell(self):
        """What is shown when a test failed."""
        for name in self.services:
            service = self.ecs.describe_services(cluster="mixed", services=[name])["services"][0]
            print(name, *(event["message"] for event in service["events"]), sep="\n  ")
            for task in self.tasks(name):
                print(" ", task["taskArn"], task["lastStatus"], task.get("stoppedReason"))
        for id in self.instances.values():
            if first_process(self.machine, id):
                print(id, inside(self.machine, id, "cat", "/var/log/ecs/ecs-agent.log"))

    def end(self):
        for name in self.services:
            self.ecs.delete_service(cluster="mixed", service=name, force=True)
        ids = list(self.instances.values())
        if ids:
            self.ec2.terminate_instances(InstanceIds=ids)
        for id in ids:
            state(self.machine, id, "terminated")

    def connected(self):
        """Zone by container instance ARN, of those whose agents are there."""
        arns = self.ecs.list_container_instances(cluster="mixed")["containerInstanceArns"]
        found = self.ecs.describe_container_instances(cluster="mixed", containerInstances=arns)["containerInstances"] if arns else []
        zones = {id: zone for zone, id in self.instances.items()}
        return {i["containerInstanceArn"]: zones[i["ec2InstanceId"]] for i in found if i["agentConnected"]}

    def define(self, name, seconds, **container):
        """Tasks of which the kernel shows `/bin/sleep SECONDS`."""
        return self.ecs.register_task_definition(
            family=name, networkMode="bridge", requiresCompatibilities=["EC2"], executionRoleArn=ROLE, containerDefinitions=[
                {"name": "app", "image": f"{self.machine.image}:latest", "command": ["/bin/sleep", str(seconds)], "memory": 64,
                 **container}])["taskDefinition"]["taskDefinitionArn"]

    def serve(self, name, definition, count, **more):
        self.ecs.create_service(cluster="mixed", serviceName=name, taskDefinition=definition, desiredCount=count,
                                **{"launchType": "EC2", **more})
        self.services.append(name)

    def unserve(self, *names):
        for name in names:
            self.ecs.delete_service(cluster="mixed", service=name, force=True)
            self.services.remove(name)
        self.ecs.get_waiter("services_inactive").wait(cluster="mixed", services=list(names),
                                                      WaiterConfig={"Delay": 1, "MaxAttempts": 120})

    def tasks(self, name):
        arns = self.ecs.list_tasks(cluster="mixed", serviceName=name)["taskArns"]
        return self.ecs.describe_tasks(cluster="mixed", tasks=arns)["tasks"] if arns else []

    def zones(self, name):
        return collections.Counter(task["availabilityZone"] for task in self.tasks(name) if task["lastStatus"] == "RUNNING")

    def running(self, name, count, seconds=120):
        eventually(lambda: self.zones(name).total() == count, seconds, f"{count} running tasks of {name}")
        return self.tasks(name)


@pytest.fixture(scope="module")
def mixed(machine):
    made = Mixed(machine)
    machine.ecs.create_cluster(clusterName="mixed")
    try:
        made.launch()
        yield made
    finally:
        made.tell()
        made.end()


def container_processes(seconds):
    """How many containers the kernel runs of them: first processes of their pid namespaces."""
    return len([line for line in processes(f"/bin/sleep {seconds}") if line.startswith(f"/bin/sleep {seconds}")])


class Sampler:
    """How many tasks of a service run, as the API says and as the kernel does, looked at every 20 ms."""

    def __init__(self, mixed, name, seconds):
        self.ecs, self.name, self.seconds = mixed.machine.client("ecs"), name, seconds
        self.api, self.kernel = [], []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.over.wait(0.02):
            service = self.ecs.describe_services(cluster="mixed", services=[self.name])["services"][0]
            self.api.append(service["runningCount"])
            self.kernel.append(container_processes(self.seconds))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def test_spread_and_binpack_show_in_describe_tasks(mixed):
    definition = mixed.define("placed", 31536011)
    spread = [{"type": "spread", "field": "attribute:ecs.availability-zone"}]
    mixed.serve("spread", definition, 6, placementStrategy=spread)
    mixed.serve("packed", definition, 5, placementStrategy=[{"type": "binpack", "field": "memory"}])
    mixed.running("spread", 6)
    assert mixed.zones("spread") == {zone: 2 for zone in ZONES}
    instances = {task["containerInstanceArn"] for task in mixed.running("packed", 5)}
    assert len(instances) == 1, "binpack fills one instance"
    assert all(task["launchType"] == "EC2" for task in mixed.tasks("packed"))
    mixed.unserve("spread", "packed")


def test_fargate_in_the_same_cluster(mixed):
    machine = mixed.machine
    definition = machine.register("beside", [{"name": "app", "command": ["/bin/sleep", "31536012"]}])
    subnets = [s["SubnetId"] for s in mixed.ec2.describe_subnets()["Subnets"]]
    mixed.serve("fargate", definition, 3, launchType="FARGATE",
                networkConfiguration={"awsvpcConfiguration": {"subnets": subnets, "securityGroups": [machine.group]}})
    tasks = mixed.running("fargate", 3)
    assert {task["availabilityZone"] for task in tasks} == set(ZONES)
    assert all(task["launchType"] == "FARGATE" and "containerInstanceArn" not in task for task in tasks)
    mixed.unserve("fargate")


def test_draining_moves_tasks_and_keeps_the_minimum(mixed):
    mixed.serve("moved", mixed.define("moved", 31536013), 4,
                deploymentConfiguration={"minimumHealthyPercent": 75, "maximumPercent": 150})
    mixed.running("moved", 4)
    definition = mixed.define("watch", 31536014)
    mixed.ecs.create_service(cluster="mixed", serviceName="watch", taskDefinition=definition, launchType="EC2",
                             schedulingStrategy="DAEMON")
    mixed.services.append("watch")
    mixed.running("watch", 3)
    # what only just runs does not count as healthy yet
    mixed.ecs.get_waiter("services_stable").wait(cluster="mixed", services=["moved"])
    eventually(lambda: mixed.ecs.describe_services(cluster="mixed", services=["moved"])["services"][0]["deployments"][0][
        "rolloutState"] == "COMPLETED", 90, "the deployment")
    drained = next(arn for arn, zone in mixed.connected().items() if zone == ZONES[0])
    with Sampler(mixed, "moved", 31536013) as sampler:
        mixed.ecs.update_container_instances_state(cluster="mixed", containerInstances=[drained], status="DRAINING")
        eventually(lambda: mixed.zones("moved").total() == 4 and mixed.zones("moved")[ZONES[0]] == 0, 180, "the move")
    assert len(sampler.api) > 20 and min(sampler.api) >= 3 and max(sampler.api) <= 6, collections.Counter(sampler.api)
    assert min(sampler.kernel) >= 3 and max(sampler.kernel) <= 6, collections.Counter(sampler.kernel)
    eventually(lambda: mixed.zones("watch") == {ZONES[1]: 1, ZONES[2]: 1}, what="the daemon off the drained instance")
    mixed.ecs.update_container_instances_state(cluster="mixed", containerInstances=[drained], status="ACTIVE")
    eventually(lambda: mixed.zones("watch") == {zone: 1 for zone in ZONES}, what="the daemon back")

    def even():
        zones = mixed.zones("moved")
        return zones.total() == 4 and all(zones[zone] in (1, 2) for zone in ZONES)

    eventually(even, 240, "rebalancing over the zones")
    told = [event["message"] for event in mixed.ecs.describe_services(cluster="mixed", services=["moved"])["services"][0]["events"]]
    assert any(f"has started 1 tasks in {ZONES[0]} to AZ Rebalance: (task " in message for message in told), told
    mixed.unserve("moved", "watch")


def kill_instance(machine, id):
    """Every process of the instance, by pid; with the first the others end, and then their cgroups."""
    instance = pathlib.Path(machine.directory, "instance").read_text().strip()
    for path in paths_below(f"/sys/fs/cgroup/memory/berth-{instance}/{id}", "cgroup.procs"):
        with contextlib.suppress(OSError):
            for pid in pathlib.Path(path).read_text().split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)


def test_an_instance_that_is_killed_is_replaced_and_comes_back_clean(mixed):
    machine = mixed.machine
    mixed.serve("lost", mixed.define("lost", 31536015), 3)
    mixed.running("lost", 3)
    victim = mixed.instances[ZONES[1]]
    gone = [task["taskArn"] for task in mixed.tasks("lost") if task["availabilityZone"] == ZONES[1]]
    assert len(gone) == 1 and first_process(machine, victim)
    kill_instance(machine, victim)
    eventually(lambda: mixed.zones("lost").total() == 3 and mixed.zones("lost")[ZONES[1]] == 0, what="the replacement")
    eventually(lambda: container_processes(31536015) == 3, what="three containers")
    task = mixed.ecs.describe_tasks(cluster="mixed", tasks=gone)["tasks"][0]
    assert task["lastStatus"] == "STOPPED" and task["stoppedReason"] == f"Host EC2 (instance {victim}) stopped."
    state(machine, victim, "stopped")

    with Sampler(mixed, "lost", 31536015) as sampler:
        mixed.ec2.start_instances(InstanceIds=[victim])
        eventually(lambda: ZONES[1] in mixed.connected().values(), 60, "the agent's return")
        mixed.ecs.update_service(cluster="mixed", service="lost", desiredCount=4)
        mixed.running("lost", 4)
    assert max(sampler.kernel) <= 4, collections.Counter(sampler.kernel)
    assert mixed.zones("lost")[ZONES[1]] == 1, "placement counts on it again"
    assert mixed.ecs.describe_tasks(cluster="mixed", tasks=gone)["tasks"][0]["lastStatus"] == "STOPPED"
    mixed.unserve("lost")
    eventually(lambda: container_processes(31536015) == 0, what="no container left")
