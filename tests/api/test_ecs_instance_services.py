"""Services on container instances: placed over their zones, moved when an instance is drained, waiting for capacity."""

import collections

import botocore.exceptions
import pytest
from agent_peer import Agent
from conftest import eventually
from test_ecs_instance_tasks import PAGE, agents, cluster, define, describe, ecs, of_ec2, payload_of  # noqa: F401


def make_service(ecs, cluster, count, **more):
    container = {name: value for name, value in PAGE.items() if name != "healthCheck"}
    return ecs.create_service(cluster=cluster, serviceName="web", launchType="EC2", desiredCount=count,
                              taskDefinition=define(ecs, container), **more)


def running_on(ecs, cluster):
    arns = ecs.list_tasks(cluster=cluster, serviceName="web")["taskArns"]
    tasks = ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []
    return collections.Counter(task["containerInstanceArn"] for task in tasks), tasks


def start_all(ecs, cluster, by_arn):
    """Agents that make every task run, stop what is to stop, and answer pings."""
    for agent in by_arn.values():
        agent.acs.idle()
    for status in ("RUNNING", "STOPPED"):
        for arn in ecs.list_tasks(cluster=cluster, desiredStatus=status)["taskArns"]:
            task = describe(ecs, cluster, arn)
            if status == "RUNNING" and task["lastStatus"] == "PENDING":
                by_arn[task["containerInstanceArn"]].report(arn, "RUNNING", containers=[
                    {"containerName": "page", "status": "RUNNING"}])
            if status == "STOPPED" and task["lastStatus"] != "STOPPED":
                by_arn[task["containerInstanceArn"]].report(arn, "STOPPED", containers=[
                    {"containerName": "page", "status": "STOPPED", "exitCode": 0}])


def test_a_service_spreads_and_moves_off_a_drained_instance(ecs, cluster, agents):
    made = [agents(zone="us-east-1a"), agents(zone="us-east-1b")]
    by_arn = {agent.arn: agent for agent in made}
    service = make_service(ecs, cluster, 4)["service"]
    assert service["launchType"] == "EC2"
    statistics = ecs.describe_clusters(clusters=[cluster], include=["STATISTICS"])["clusters"][0]["statistics"]
    shown = {row["name"]: row["value"] for row in statistics}
    assert (shown["activeEC2ServiceCount"], shown["activeFargateServiceCount"]) == ("1", "0")
    counts = eventually(lambda: (found := running_on(ecs, cluster)[0]).total() == 4 and found, what="four tasks")
    assert sorted(counts.values()) == [2, 2]
    eventually(lambda: start_all(ecs, cluster, by_arn) or ecs.describe_services(
        cluster=cluster, services=["web"])["services"][0]["runningCount"] == 4, what="four running tasks")

    ecs.update_container_instances_state(cluster=cluster, containerInstances=[made[0].arn], status="DRAINING")
    lowest = 4

    def moved():
        nonlocal lowest
        start_all(ecs, cluster, by_arn)
        counts, tasks = running_on(ecs, cluster)
        lowest = min(lowest, sum(task["lastStatus"] == "RUNNING" for task in tasks))
        return counts == {made[1].arn: 4} and all(task["lastStatus"] == "RUNNING" for task in tasks)

    eventually(moved, seconds=180, what="the move to the other instance")
    assert lowest == 4, "the minimum healthy percent is 100"


def test_a_service_waits_for_instances(server, ecs, cluster, agents):
    make_service(ecs, cluster, 1)
    eventually(lambda: any("No Container Instances were found in your cluster." in event["message"] for event in
                           ecs.describe_services(cluster=cluster, services=["web"])["services"][0]["events"]), what="the event")
    agent = agents()
    eventually(lambda: running_on(ecs, cluster)[0] == {agent.arn: 1}, what="the task on the instance that came")


def test_what_does_not_fit_is_said(ecs, cluster, agents):
    agent = agents(memory=64)
    make_service(ecs, cluster, 1)
    message = eventually(lambda: (events := ecs.describe_services(
        cluster=cluster, services=["web"])["services"][0]["events"]) and events[0]["message"], what="the event")
    assert agent.arn.rsplit("/")[-1] in message and "has insufficient memory available" in message


def test_a_task_set_on_instances(ecs, cluster, agents):
    agent = agents()
    ecs.create_service(cluster=cluster, serviceName="web", desiredCount=4, deploymentController={"type": "EXTERNAL"})
    wished = {"cluster": cluster, "service": "web", "taskDefinition": define(ecs, PAGE), "scale": {"value": 50, "unit": "PERCENT"}}
    with pytest.raises(botocore.exceptions.ClientError, match="platform version must be null"):
        ecs.create_task_set(platformVersion="1.4.0", **wished)
    made = ecs.create_task_set(**wished)["taskSet"]
    assert made["launchType"] == "EC2" and "platformVersion" not in made and made["computedDesiredCount"] == 2
    eventually(lambda: running_on(ecs, cluster)[0] == {agent.arn: 2}, what="half of the tasks on the instance")
    ecs.put_cluster_capacity_providers(cluster=cluster, capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=[
        {"capacityProvider": "FARGATE"}])
    with pytest.raises(botocore.exceptions.ClientError, match="FARGATE"):
        ecs.create_task_set(**wished)  # the cluster's default strategy, for which the definition is none
