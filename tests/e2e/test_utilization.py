"""CPUUtilization and MemoryUtilization of services with real containers: on Fargate from the host's own counts, on an EC2
instance from its agent's telemetry."""

import datetime

import pytest

from conftest import eventually
from machine import shell
from test_instances import IMAGE, inside, state

CONFIG = "#!/bin/sh\necho ECS_CLUSTER=busy > /etc/ecs/ecs.config\n"
SPIN = "while :; do :; done"


@pytest.fixture(scope="module")
def instance(machine):
    machine.make_instance_profile("busy-node")
    machine.ecs.create_cluster(clusterName="busy")
    image = machine.client("ssm").get_parameter(Name=IMAGE)["Parameter"]["Value"]
    id = machine.ec2.run_instances(ImageId=image, InstanceType="t3.small", MinCount=1, MaxCount=1, UserData=CONFIG,
                                   IamInstanceProfile={"Name": "busy-node"})["Instances"][0]["InstanceId"]
    state(machine, id, "running")
    yield id
    print(inside(machine, id, "cat", "/var/log/ecs/ecs-agent.log"))  # shown when a test failed
    machine.ec2.terminate_instances(InstanceIds=[id])
    state(machine, id, "terminated")


@pytest.fixture
def services(machine, instance):
    """One that spins on its quarter of a CPU and one that sleeps, on Fargate; one that spins on the instance."""
    network = {"awsvpcConfiguration": {"subnets": [machine.subnet], "securityGroups": [machine.group]}}
    for name, command in (("spins", shell(SPIN)), ("sleeps", ["/bin/sleep", "1000"])):
        machine.ecs.create_service(cluster="busy", serviceName=name, desiredCount=1, launchType="FARGATE", networkConfiguration=network,
                                   taskDefinition=machine.register(name, [{"name": "main", "command": command}]))
    definition = machine.ecs.register_task_definition(
        family="spins-there", requiresCompatibilities=["EC2"], cpu="128", memory="128", executionRoleArn=(
            "arn:aws:iam::000000000000:role/ecsTaskExecutionRole"),
        containerDefinitions=[{"name": "main", "image": f"{machine.image}:latest", "command": shell(SPIN), "stopTimeout": 2}],
    )["taskDefinition"]["taskDefinitionArn"]
    machine.ecs.create_service(cluster="busy", serviceName="there", desiredCount=1, launchType="EC2", taskDefinition=definition)
    yield
    for name in ("spins", "sleeps", "there"):
        machine.ecs.delete_service(cluster="busy", service=name, force=True)
    machine.ecs.get_waiter("services_inactive").wait(cluster="busy", services=["spins", "sleeps", "there"],
                                                     WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def newest(machine, metric, **dimensions):
    now = datetime.datetime.now(datetime.timezone.utc)
    found = machine.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/ECS", MetricName=metric, Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - datetime.timedelta(minutes=10), EndTime=now, Period=60, Statistics=["Average", "SampleCount"])["Datapoints"]
    return max(found, key=lambda point: point["Timestamp"]) if found else None


def of_service(machine, metric, name):
    return newest(machine, metric, ClusterName="busy", ServiceName=name)


def test_what_services_use(machine, services):
    for name in ("spins", "sleeps", "there"):
        point = eventually(lambda: of_service(machine, "CPUUtilization", name), 180, f"a minute of {name}")  # noqa: B023
        assert point["SampleCount"] == 1
    # Where others want the machine too, a container gets less than what is its own.
    assert 30 < of_service(machine, "CPUUtilization", "spins")["Average"] < 110
    assert of_service(machine, "CPUUtilization", "sleeps")["Average"] < 5
    assert 30 < of_service(machine, "CPUUtilization", "there")["Average"] < 110
    for name in ("spins", "sleeps", "there"):
        assert 0 <= of_service(machine, "MemoryUtilization", name)["Average"] < 50
    whole = newest(machine, "CPUUtilization", ClusterName="busy")["Average"]
    part = of_service(machine, "CPUUtilization", "there")["Average"]
    assert whole == pytest.approx(part * 128 / 2048, rel=0.5), "an instance of two CPUs"
    assert newest(machine, "CPUReservation", ClusterName="busy")["Average"] == pytest.approx(128 * 100 / 2048)
