"""Daemon services: one task on every instance, through joining, draining, attributes and updates; what daemons refuse."""

import uuid

import pytest
from conftest import eventually
from test_ecs_instance_services import start_all
from test_ecs_instance_tasks import PAGE, agents, cluster, define, describe, ecs, refusal  # noqa: F401

PLAIN = {name: value for name, value in PAGE.items() if name != "healthCheck"}
INVALID = "InvalidParameterException"


def daemon(ecs, cluster, **more):
    request = {"cluster": cluster, "serviceName": "agent", "schedulingStrategy": "DAEMON", "launchType": "EC2", **more}
    if "taskDefinition" not in request:
        request["taskDefinition"] = define(ecs, PLAIN)
    return ecs.create_service(**{name: value for name, value in request.items() if value is not None})["service"]


def show(ecs, cluster, name="agent"):
    return ecs.describe_services(cluster=cluster, services=[name])["services"][0]


def where(ecs, cluster, name="agent"):
    arns = ecs.list_tasks(cluster=cluster, serviceName=name)["taskArns"]
    tasks = ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []
    return sorted(task["containerInstanceArn"] for task in tasks)


def are_on(ecs, cluster, made, name="agent"):
    wanted = sorted(agent.arn for agent in made)
    eventually(lambda: where(ecs, cluster, name) == wanted, what="a task on each")


def test_one_task_on_every_instance_that_joins(ecs, cluster, agents):
    service = daemon(ecs, cluster)
    assert service["schedulingStrategy"] == "DAEMON" and service["desiredCount"] == 0
    assert service["deploymentConfiguration"]["maximumPercent"] == 100
    assert service["deploymentConfiguration"]["minimumHealthyPercent"] == 0
    assert service["placementStrategy"] == []
    made = [agents(), agents(zone="us-east-1b")]
    are_on(ecs, cluster, made)
    made.append(agents())
    are_on(ecs, cluster, made)
    assert show(ecs, cluster)["desiredCount"] == 3
    by_arn = {agent.arn: agent for agent in made}
    eventually(lambda: start_all(ecs, cluster, by_arn) or show(ecs, cluster)["runningCount"] == 3, what="three running")
    ecs.delete_service(cluster=cluster, service="agent")
    eventually(lambda: start_all(ecs, cluster, by_arn) or show(ecs, cluster)["status"] == "INACTIVE", what="the end")


def test_a_daemon_comes_before_others(ecs, cluster, agents):
    """There is room for one of the two: it is the daemon's, whichever service is older."""
    big = {**PLAIN, "memory": 700}
    ecs.create_service(cluster=cluster, serviceName="web", launchType="EC2", desiredCount=3, taskDefinition=define(ecs, big))
    daemon(ecs, cluster, taskDefinition=define(ecs, {**PLAIN, "memory": 400}))
    made = [agents(), agents()]
    are_on(ecs, cluster, made)
    answer = ecs.run_task(cluster=cluster, launchType="EC2", taskDefinition=define(ecs, big))
    assert answer["failures"][0]["reason"] == "RESOURCE:MEMORY"
    assert where(ecs, cluster, "web") == []


def test_constraints_say_where(ecs, cluster, agents):
    made = [agents(), agents()]
    ecs.put_attributes(cluster=cluster, attributes=[{"name": "role", "value": "edge", "targetId": made[0].arn}])
    daemon(ecs, cluster, placementConstraints=[{"type": "memberOf", "expression": "attribute:role == edge"}])
    are_on(ecs, cluster, made[:1])
    assert show(ecs, cluster)["desiredCount"] == 1
    ecs.put_attributes(cluster=cluster, attributes=[{"name": "role", "value": "edge", "targetId": made[1].arn}])
    are_on(ecs, cluster, made)
    ecs.delete_attributes(cluster=cluster, attributes=[{"name": "role", "value": "edge", "targetId": made[0].arn}])
    are_on(ecs, cluster, made[1:])
    assert show(ecs, cluster)["desiredCount"] == 1


def test_constraints_may_ask_for_tasks(ecs, cluster, agents):
    made = [agents(), agents()]
    busy = ecs.run_task(cluster=cluster, launchType="EC2", taskDefinition=define(ecs, PLAIN), group="busy")["tasks"][0]
    free = [agent for agent in made if agent.arn != busy["containerInstanceArn"]]
    daemon(ecs, cluster, placementConstraints=[{"type": "memberOf", "expression": "not(task:group == busy)"}])
    are_on(ecs, cluster, free)
    assert show(ecs, cluster)["desiredCount"] == 1


def test_the_daemon_leaves_last(ecs, cluster, agents):
    made = [agents()]
    by_arn = {agent.arn: agent for agent in made}
    daemon(ecs, cluster)
    are_on(ecs, cluster, made)
    task = ecs.run_task(cluster=cluster, launchType="EC2", taskDefinition=define(ecs, PLAIN))["tasks"][0]["taskArn"]
    eventually(lambda: start_all(ecs, cluster, by_arn) or show(ecs, cluster)["runningCount"] == 1, what="the daemon running")
    ecs.update_container_instances_state(cluster=cluster, containerInstances=[made[0].arn], status="DRAINING")
    eventually(lambda: show(ecs, cluster)["desiredCount"] == 0, what="no place for it")
    assert where(ecs, cluster) == [made[0].arn]
    ecs.stop_task(cluster=cluster, task=task)
    start_all(ecs, cluster, by_arn)
    eventually(lambda: start_all(ecs, cluster, by_arn) or where(ecs, cluster) == [], what="the daemon's end")
    assert describe(ecs, cluster, task)["lastStatus"] == "STOPPED"
    ecs.update_container_instances_state(cluster=cluster, containerInstances=[made[0].arn], status="ACTIVE")
    are_on(ecs, cluster, made)


def test_an_update_stops_before_it_starts(ecs, cluster, agents):
    """Each task holds the same host port: two of them never fit."""
    made = [agents(), agents(), agents()]
    by_arn = {agent.arn: agent for agent in made}
    fixed = {**PLAIN, "portMappings": [{"containerPort": 80, "hostPort": 8125}]}
    daemon(ecs, cluster, taskDefinition=define(ecs, fixed))
    eventually(lambda: start_all(ecs, cluster, by_arn) or show(ecs, cluster)["runningCount"] == 3, what="three running")
    new = define(ecs, fixed)
    ecs.update_service(cluster=cluster, service="agent", taskDefinition=new)

    def replaced():
        start_all(ecs, cluster, by_arn)
        tasks = [describe(ecs, cluster, arn) for arn in ecs.list_tasks(cluster=cluster, serviceName="agent")["taskArns"]]
        assert len({task["containerInstanceArn"] for task in tasks}) == len(tasks) <= 3
        return len(tasks) == 3 and all(task["taskDefinitionArn"] == new and task["lastStatus"] == "RUNNING" for task in tasks)

    eventually(replaced, what="the update")
    assert not any("was unable to place" in event["message"] for event in show(ecs, cluster)["events"])


def test_what_has_no_room_is_said_and_waits(ecs, cluster, agents):
    agent = agents(memory=64)
    daemon(ecs, cluster)
    message = eventually(lambda: (events := show(ecs, cluster)["events"]) and events[0]["message"], what="the event")
    assert agent.arn.rsplit("/")[-1] in message and "has insufficient memory available" in message
    assert show(ecs, cluster)["desiredCount"] == 1
    other = agents()
    eventually(lambda: where(ecs, cluster) == [other.arn], what="the task where there is room")


@pytest.mark.parametrize("more, message", [
    ({"desiredCount": 1}, "The daemon scheduling strategy does not support a desired count for services. Remove the desired "
                          "count value and try again"),
    ({"launchType": "FARGATE"}, "The daemon scheduling strategy does not support the FARGATE launch type. Change the launch "
                                "type and try again"),
    ({"placementStrategy": [{"type": "random"}]}, "The daemon scheduling strategy does not support placement strategies. "
                                                  "Remove the placement strategy and try again"),
    ({"deploymentConfiguration": {"maximumPercent": 200}},
     "The daemon scheduling strategy does not support values above 100 for maximumPercent on a deployment configuration. "
     "Change the maximumPercent value to 100, and try again"),
    ({"launchType": None, "capacityProviderStrategy": [{"capacityProvider": "FARGATE"}]},
     "Specifying a capacity provider strategy is not supported when you create a service using the DAEMON scheduling "
     "strategy."),
    ({"deploymentController": {"type": "EXTERNAL"}, "launchType": None, "taskDefinition": None},
     "The daemon scheduling strategy does not support the EXTERNAL deployment controller. Change the deployment controller "
     "and try again"),
])
def test_what_daemons_do_not_have(ecs, cluster, more, message):
    with pytest.raises(Exception) as failure:
        daemon(ecs, cluster, **more)
    error = failure.value.response["Error"]
    assert (error["Code"], error["Message"]) == (INVALID, message)


def test_a_default_strategy_is_none_for_a_daemon(ecs):
    name = f"c-{uuid.uuid4().hex[:12]}"
    ecs.create_cluster(clusterName=name, capacityProviders=["FARGATE"],
                       defaultCapacityProviderStrategy=[{"capacityProvider": "FARGATE", "weight": 1}])
    code, message = refusal(daemon, ecs=ecs, cluster=name, launchType=None)
    assert code == INVALID and message.startswith("Specifying a capacity provider strategy is not supported")
    daemon(ecs, name)


def test_updates_that_daemons_refuse(ecs, cluster):
    daemon(ecs, cluster)
    for change, word in (({"desiredCount": 2}, "does not support a desired count"),
                         ({"placementStrategy": [{"type": "random"}]}, "does not support placement strategies"),
                         ({"deploymentConfiguration": {"maximumPercent": 150}}, "does not support values above 100")):
        code, message = refusal(ecs.update_service, cluster=cluster, service="agent", **change)
        assert code == INVALID and word in message
    assert ecs.list_services(cluster=cluster, schedulingStrategy="DAEMON")["serviceArns"] == [show(ecs, cluster)["serviceArn"]]
    assert ecs.list_services(cluster=cluster, schedulingStrategy="REPLICA")["serviceArns"] == []
