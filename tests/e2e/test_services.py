"""Services of real containers: an update under a sampler of the API and of the kernel, and bad revisions that go back."""

import threading

import pytest
from conftest import eventually
from machine import processes

SLEEP = ["/bin/sleep", "31536001"]  # what the kernel shows of a task
FOUND = "/bin/sleep 31536001"
HEALTHY = {"command": ["CMD", "/bin/true"], "interval": 5}


class Sampler:
    """How many tasks ran at once, as the API says and as the kernel does, looked at every 20 ms."""

    def __init__(self, machine, name):
        self.ecs = machine.client("ecs")
        self.name = name
        self.api, self.kernel = [], []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.over.wait(0.02):
            self.api.append(self.ecs.describe_services(services=[self.name])["services"][0]["runningCount"])
            self.kernel.append(len(processes(FOUND)))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


@pytest.fixture
def service(machine):
    """Makes one, and takes it away."""
    made = []

    def make(name, definition, count, **configuration):
        machine.ecs.create_service(
            serviceName=name, taskDefinition=definition, desiredCount=count, launchType="FARGATE",
            deploymentConfiguration=configuration,
            networkConfiguration={"awsvpcConfiguration": {"subnets": [machine.subnet], "securityGroups": [machine.group]}})
        made.append(name)
        return completed(machine, name)

    yield make
    for name in made:
        machine.ecs.delete_service(service=name, force=True)
        machine.ecs.get_waiter("services_inactive").wait(services=[name], WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    eventually(lambda: machine.ec2.describe_network_interfaces()["NetworkInterfaces"] == [], what="interfaces gone")
    assert processes(FOUND) == []


def show(machine, name):
    return machine.ecs.describe_services(services=[name])["services"][0]


def completed(machine, name, seconds=240):
    def check():
        found = show(machine, name)
        return found if [d["rolloutState"] for d in found["deployments"]] == ["COMPLETED"] else None
    return eventually(check, seconds, f"{name} is deployed")


def register(machine, family, **more):
    return machine.register(family, [{"name": "app", "command": SLEEP, "healthCheck": HEALTHY, **more}])


def test_an_update_keeps_its_promises(machine, service):
    before = service("sampled", register(machine, "sampled"), 6, minimumHealthyPercent=50, maximumPercent=150)
    with Sampler(machine, "sampled") as sampler:
        machine.ecs.update_service(service="sampled", taskDefinition=register(machine, "sampled"))
        after = completed(machine, "sampled")
    assert after["deployments"][0]["id"] != before["deployments"][0]["id"] and after["runningCount"] == 6
    assert len(sampler.api) > 20
    assert min(sampler.api) >= 3 and max(sampler.api) <= 9, (min(sampler.api), max(sampler.api))
    assert min(sampler.kernel) >= 3 and max(sampler.kernel) <= 9, (min(sampler.kernel), max(sampler.kernel))


@pytest.mark.parametrize("bad", [{"image": "127.0.0.1:9/nowhere/nothing:1"},
                                 {"healthCheck": {"command": ["CMD", "/bin/false"], "interval": 5, "retries": 1}}],
                         ids=["image", "health"])
def test_a_bad_revision_goes_back(machine, service, bad):
    good = service("back", register(machine, "back"), 2, deploymentCircuitBreaker={"enable": True, "rollback": True})
    tasks = set(machine.ecs.list_tasks(serviceName="back")["taskArns"])
    machine.ecs.update_service(service="back", taskDefinition=register(machine, "back", **bad))

    def rolled_back():
        found = show(machine, "back")
        return any("rolling back to deployment" in e["message"] for e in found["events"]) and found

    eventually(rolled_back, 240, "the rollback")
    after = completed(machine, "back")
    assert after["deployments"][0]["id"] == good["deployments"][0]["id"]
    assert set(machine.ecs.list_tasks(serviceName="back")["taskArns"]) == tasks
