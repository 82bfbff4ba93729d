"""An EC2 instance joins a cluster by its user data and runs tasks of the built-in registry: server, host and agent as they
are, nothing in between."""

import pytest

from conftest import eventually
from machine import reachable
from test_instances import IMAGE, shown, state

JOIN = "#!/bin/sh\necho ECS_CLUSTER=joined > /etc/ecs/ecs.config\n"


@pytest.fixture(scope="module")
def instance(machine):
    machine.make_instance_profile("joinedRole")
    machine.ecs.create_cluster(clusterName="joined")
    image = machine.client("ssm").get_parameter(Name=IMAGE)["Parameter"]["Value"]
    id = machine.ec2.run_instances(ImageId=image, InstanceType="t3.medium", MinCount=1, MaxCount=1, UserData=JOIN,
                                   SecurityGroupIds=[machine.group], IamInstanceProfile={"Name": "joinedRole"}
                                   )["Instances"][0]["InstanceId"]
    yield id
    container = joined(machine)
    machine.ec2.terminate_instances(InstanceIds=[id])
    state(machine, id, "terminated")
    eventually(lambda: machine.ecs.describe_container_instances(
        cluster="joined", containerInstances=[container["containerInstanceArn"]])["containerInstances"][0]["status"]
        == "INACTIVE", what="the end of the container instance")


def joined(machine):
    arns = machine.ecs.list_container_instances(cluster="joined", filter="agentConnected == true")["containerInstanceArns"]
    return arns and machine.ecs.describe_container_instances(
        cluster="joined", containerInstances=arns)["containerInstances"][0]


def reached(machine, arn, status):
    [task] = machine.ecs.describe_tasks(cluster="joined", tasks=[arn])["tasks"]
    assert task["lastStatus"] != "STOPPED" or status == "STOPPED", task["stoppedReason"]
    return task["lastStatus"] == status and task


def test_a_task_on_an_instance_that_joined_by_itself(machine, instance):
    container = eventually(lambda: joined(machine), 60, "the container instance")
    assert container["ec2InstanceId"] == instance
    attributes = {row["name"]: row.get("value") for row in container["attributes"]}
    assert attributes["ecs.instance-type"] == "t3.medium" and attributes["ecs.availability-zone"]
    definition = machine.ecs.register_task_definition(family="joined", containerDefinitions=[
        {"name": "page", "image": f"{machine.image}:latest", "memory": 64, "portMappings": [
            {"containerPort": 80, "hostPort": 80}]}])["taskDefinition"]["taskDefinitionArn"]
    answer = machine.ecs.run_task(cluster="joined", taskDefinition=definition, launchType="EC2")
    assert answer["failures"] == []
    arn = answer["tasks"][0]["taskArn"]
    task = eventually(lambda: reached(machine, arn, "RUNNING"), 60, "the task")
    assert task["containers"][0]["image"] == f"{machine.image}:latest", "as the definition has it"
    address = shown(machine, instance)["PrivateIpAddress"]
    eventually(lambda: reachable(address), what="the task's page")
    machine.ecs.stop_task(cluster="joined", task=arn)
    eventually(lambda: reached(machine, arn, "STOPPED"), 60, "the end of the task")


def test_a_task_with_an_interface_of_its_own(machine, instance):
    eventually(lambda: joined(machine), 60, "the container instance")
    zone = shown(machine, instance)["Placement"]["AvailabilityZone"]
    subnet = machine.ec2.describe_subnets(Filters=[{"Name": "availability-zone", "Values": [zone]}])["Subnets"][0]["SubnetId"]
    definition = machine.ecs.register_task_definition(family="own", networkMode="awsvpc", containerDefinitions=[
        {"name": "page", "image": f"{machine.image}:latest", "memory": 64}])["taskDefinition"]["taskDefinitionArn"]
    answer = machine.ecs.run_task(cluster="joined", taskDefinition=definition, launchType="EC2", networkConfiguration={
        "awsvpcConfiguration": {"subnets": [subnet], "securityGroups": [machine.group]}})
    assert answer["failures"] == []
    arn = answer["tasks"][0]["taskArn"]
    task = eventually(lambda: reached(machine, arn, "RUNNING"), 60, "the task")
    assert task["attachments"][0]["status"] == "ATTACHED"
    address = next(row["value"] for row in task["attachments"][0]["details"] if row["name"] == "privateIPv4Address")
    assert len(shown(machine, instance)["NetworkInterfaces"]) == 2
    eventually(lambda: reachable(address), what="the task's page")
    machine.ecs.stop_task(cluster="joined", task=arn)
    task = eventually(lambda: reached(machine, arn, "STOPPED"), 60, "the end of the task")
    assert task["attachments"][0]["status"] == "DELETED" and not reachable(address)
    assert len(shown(machine, instance)["NetworkInterfaces"]) == 1
