"""Services through real clients: what is refused, a service's whole life on hosts that stand in, deployments and their
stories, task sets, protection, lists."""

import collections
import json
import re
import tempfile

import botocore.exceptions
import js_sdk
import pytest
from conftest import Server, StandIn, eventually

INVALID = "InvalidParameterException"
CHECK = {"command": ["CMD", "true"]}


class Services:
    """A server whose minutes pass in seconds, a host that stands in, and definitions whose tasks behave as they are named."""

    def __init__(self, server):
        self.server = server
        self.ecs = server.client("ecs")
        self.subnets = [s["SubnetId"] for s in server.client("ec2").describe_subnets()["Subnets"]]
        self.ecs.create_cluster()
        self.register("app", "healthy")
        self.register("app", "healthy")
        self.register("broken", "pull-fails")
        self.register("sick", "unhealthy")

    def register(self, family, *words, check=CHECK, **more):
        container = {"name": "app", "image": "app:1", "command": list(words), **({"healthCheck": check} if check else {})}
        answer = self.ecs.register_task_definition(
            family=family, requiresCompatibilities=["FARGATE"], networkMode="awsvpc", cpu="256", memory="512",
            containerDefinitions=[container], **more)
        return answer["taskDefinition"]["taskDefinitionArn"]

    @property
    def network(self):
        return {"awsvpcConfiguration": {"subnets": self.subnets}}

    def create(self, name, count=2, **more):
        request = {"serviceName": name, "taskDefinition": "app:1", "desiredCount": count, "launchType": "FARGATE",
                   "networkConfiguration": self.network, **more}
        return self.ecs.create_service(**{key: value for key, value in request.items() if value is not None})["service"]

    def stable(self, name, count=2, **more):
        self.create(name, count, **more)
        self.wait(name)
        return self.show(name)

    def wait(self, name, waiter="services_stable"):
        waiting = self.ecs.get_waiter(waiter)
        waiting.config.delay = 0.2
        waiting.config.max_attempts = 300
        waiting.wait(services=[name])

    def show(self, name, **more):
        return self.ecs.describe_services(services=[name], **more)["services"][0]

    def until(self, name, check, what):
        return eventually(lambda: (service := self.show(name)) and check(service) and service, what=what)

    def completed(self, name):
        return self.until(name, lambda s: [d["rolloutState"] for d in s["deployments"]] == ["COMPLETED"], f"{name} completed")

    def tasks(self, name, **more):
        arns = self.ecs.list_tasks(serviceName=name, **more)["taskArns"]
        return self.ecs.describe_tasks(tasks=arns, include=["TAGS"])["tasks"] if arns else []

    def delete(self, name):
        self.ecs.delete_service(service=name, force=True)
        self.wait(name, "services_inactive")


@pytest.fixture(scope="module")
def services():
    with tempfile.TemporaryDirectory(prefix="berth-test-") as directory:
        server = Server(directory, "--clock-rate", "20")
        server.start()
        host = StandIn(server)
        yield Services(server)
        host.stop()
        server.stop()


def newer(command, **given):
    """A call that Debian's boto3 does not know, or with what it does not know."""
    return {"service": "ecs", "command": f"{command}Command", "input": given}


def error_of(function, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as failure:
        function(**arguments)
    error = failure.value.response["Error"]
    assert failure.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return error["Code"], error["Message"]


def messages(service):
    return [event["message"] for event in service["events"]]


# ---- what is refused ----


@pytest.mark.parametrize(
    "change, code, message",
    [
        ({"cluster": "nowhere"}, "ClusterNotFoundException", "Cluster not found."),
        ({"serviceName": "a b"}, INVALID, None),
        ({"taskDefinition": None}, INVALID, "TaskDefinition can not be blank."),
        ({"taskDefinition": "nothing"}, "ClientException", "TaskDefinition not found."),
        ({"count": None}, INVALID, None),
        ({"count": -1}, INVALID, "Invalid desiredCount: -1. It must be between 0 and 5000."),
        ({"count": 5001}, INVALID, None),
        ({"networkConfiguration": None}, INVALID,
         "Network Configuration must be provided when networkMode 'awsvpc' is specified."),
        ({"schedulingStrategy": "DAEMON"}, INVALID, None),
        ({"healthCheckGracePeriodSeconds": 10}, INVALID,
         "Health check grace period is only valid for services configured to use load balancers"),
        ({"role": "ecsServiceRole"}, INVALID,
         "You cannot specify an IAM role for services that require a service linked role."),
        ({"loadBalancers": [{"targetGroupArn": "arn:x", "containerName": "app", "containerPort": 80}]},
         "UnsupportedFeatureException", "'loadBalancers' is not supported: Berth has no load balancers yet."),
        ({"serviceRegistries": [{"registryArn": "arn:x"}]}, "UnsupportedFeatureException", None),
        ({"enableExecuteCommand": True}, INVALID,
         "The service couldn't be created because a valid taskRoleArn is not being used. Specify a valid task role in "
         "your task definition and try again."),
        ({"deploymentController": {"type": "CODE_DEPLOY"}}, "UnsupportedFeatureException", None),
        ({"deploymentConfiguration": {"minimumHealthyPercent": 100, "maximumPercent": 100}}, INVALID,
         "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments."),
        ({"deploymentConfiguration": {"minimumHealthyPercent": -1}}, INVALID, None),
        ({"deploymentConfiguration": {"maximumPercent": 99}}, INVALID, None),
        ({"placementStrategy": [{"type": "random"}]}, INVALID, None),
        ({"tags": [{"key": "aws:mine", "value": ""}]}, INVALID, None),
        ({"launchType": None, "capacityProviderStrategy": [{"capacityProvider": "FARGATE"}]}, INVALID, None),
        ({"platformVersion": "0.9"}, "PlatformUnknownException", None),
    ])
def test_services_that_are_refused(services, change, code, message):
    arguments = {"serviceName": "refused", "desiredCount": 1, "taskDefinition": "app:1", "launchType": "FARGATE",
                 "networkConfiguration": services.network, **change}
    if "count" in arguments:
        arguments["desiredCount"] = arguments.pop("count")
    arguments = {key: value for key, value in arguments.items() if value is not None}
    got = error_of(services.ecs.create_service, **arguments)
    assert got[0] == code and (message is None or got[1] == message), got
    assert services.ecs.describe_services(services=["refused"])["failures"][0]["reason"] == "MISSING"


def test_a_service_opens_its_new_tasks_to_commands(services):
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                                                     "Principal": {"Service": "ecs-tasks.amazonaws.com"}}]}
    services.server.client("iam").create_role(RoleName="open", AssumeRolePolicyDocument=json.dumps(trust))
    services.register("open", "healthy", taskRoleArn="arn:aws:iam::000000000000:role/open")
    assert services.stable("open", 1, taskDefinition="open:1", enableExecuteCommand=True)["enableExecuteCommand"]
    task = services.tasks("open")[0]
    assert task["enableExecuteCommand"]
    assert task["containers"][0]["managedAgents"][0]["name"] == "ExecuteCommandAgent"
    assert error_of(services.ecs.update_service, service="open", taskDefinition="app:1")[0] == INVALID
    services.ecs.update_service(service="open", taskDefinition="app:1", enableExecuteCommand=False)
    services.completed("open")
    assert not services.show("open")["enableExecuteCommand"]
    assert not services.tasks("open")[0]["enableExecuteCommand"]
    services.delete("open")


def test_services_that_are_not_there(services):
    ecs = services.ecs
    assert error_of(ecs.update_service, service="nobody") == ("ServiceNotFoundException", "Service not found.")
    assert error_of(ecs.delete_service, service="nobody") == ("ServiceNotFoundException", "Service not found.")
    assert error_of(ecs.list_tasks, serviceName="nobody") == ("ServiceNotFoundException", "Service not found.")
    failure = {"arn": f"arn:aws:ecs:us-east-1:000000000000:service/default/nobody", "reason": "MISSING"}
    assert ecs.describe_services(services=["nobody"])["failures"] == [failure]
    assert error_of(ecs.describe_services, services=[])[0] == INVALID
    assert error_of(ecs.list_services_by_namespace, namespace="here")[0] == "NamespaceNotFoundException"


# ---- a service's life ----


def test_a_service_from_its_creation_to_its_end(services):
    made = services.create("life", 3, tags=[{"key": "team", "value": "a"}], propagateTags="SERVICE", enableECSManagedTags=True)
    assert (made["status"], made["desiredCount"], made["launchType"]) == ("ACTIVE", 3, "FARGATE")
    assert made["serviceArn"] == "arn:aws:ecs:us-east-1:000000000000:service/default/life"
    assert made["deployments"][0]["rolloutState"] == "IN_PROGRESS" and made["deployments"][0]["status"] == "PRIMARY"
    assert made["deploymentConfiguration"]["maximumPercent"] == 200 and made["schedulingStrategy"] == "REPLICA"
    services.wait("life")
    service = services.completed("life")
    deployment = service["deployments"][0]
    assert (service["runningCount"], service["pendingCount"], deployment["runningCount"]) == (3, 0, 3)
    assert re.fullmatch(r"ecs-svc/\d{19}", deployment["id"])
    assert deployment["rolloutStateReason"] == f"ECS deployment {deployment['id']} completed."
    assert messages(service)[0] == "(service life) has reached a steady state."
    assert re.fullmatch(r"\(service life\) has started 3 tasks: \(task \w{32}\) \(task \w{32}\) \(task \w{32}\)\.",
                        messages(service)[-1])
    assert "tags" not in service and services.show("life", include=["TAGS"])["tags"] == [{"key": "team", "value": "a"}]
    tasks = services.tasks("life")
    assert {t["startedBy"] for t in tasks} == {deployment["id"]} and {t["group"] for t in tasks} == {"service:life"}
    assert {t["availabilityZone"] for t in tasks} == {"us-east-1a", "us-east-1b", "us-east-1c"}
    assert {"key": "aws:ecs:serviceName", "value": "life"} in tasks[0]["tags"]
    assert {"key": "team", "value": "a"} in tasks[0]["tags"]
    cluster = services.ecs.describe_clusters()["clusters"][0]
    assert cluster["activeServicesCount"] >= 1
    assert error_of(services.ecs.delete_cluster, cluster="default")[0] == "ClusterContainsServicesException"
    assert error_of(services.ecs.delete_service, service="life") == (
        INVALID, "The service cannot be stopped while it is scaled above 0.")
    services.ecs.update_service(service="life", desiredCount=0)
    services.until("life", lambda s: s["runningCount"] == 0, "no tasks")
    assert services.ecs.delete_service(service="life")["service"]["status"] in ("DRAINING", "INACTIVE")
    services.wait("life", "services_inactive")
    assert error_of(services.ecs.update_service, service="life") == ("ServiceNotActiveException", "Service was not ACTIVE.")
    assert not [a for a in services.ecs.list_services()["serviceArns"] if a.endswith("/life")]
    role = services.server.client("iam").get_role(RoleName="AWSServiceRoleForECS")["Role"]
    assert role["Arn"] == made["roleArn"]


def test_a_service_is_made_once(services):
    services.create("once", 1, clientToken="t1")
    assert services.create("once", 1, clientToken="t1")["serviceName"] == "once"
    refusal = (INVALID, "Creation of service was not idempotent.")
    arguments = {"serviceName": "once", "taskDefinition": "app:1", "launchType": "FARGATE",
                 "networkConfiguration": services.network}
    assert error_of(services.ecs.create_service, desiredCount=2, clientToken="t1", **arguments) == refusal
    assert error_of(services.ecs.create_service, desiredCount=1, **arguments) == refusal
    services.delete("once")
    services.stable("once", 1)
    services.delete("once")


def test_tasks_that_end_are_replaced(services):
    services.stable("replaced", 2)
    first = services.tasks("replaced")[0]["taskArn"]
    services.ecs.stop_task(task=first)
    services.until("replaced", lambda s: s["runningCount"] == 2 and first not in [
        t["taskArn"] for t in services.tasks("replaced")], "a new task")
    assert services.show("replaced")["deployments"][0]["failedTasks"] == 0
    assert first in services.ecs.list_tasks(serviceName="replaced", desiredStatus="STOPPED")["taskArns"]
    services.delete("replaced")


def test_scale_in_stops_tasks_where_most_are(services):
    services.stable("scaled", 6)
    services.ecs.update_service(service="scaled", desiredCount=3)
    services.until("scaled", lambda s: s["runningCount"] == 3, "three tasks")
    zones = [t["availabilityZone"] for t in services.tasks("scaled")]
    assert sorted(zones) == ["us-east-1a", "us-east-1b", "us-east-1c"]
    stopped = [t for t in services.ecs.describe_tasks(
        tasks=services.ecs.list_tasks(serviceName="scaled", desiredStatus="STOPPED")["taskArns"])["tasks"]]
    assert {t["stopCode"] for t in stopped} == {"ServiceSchedulerInitiated"}
    deployment = services.show("scaled")["deployments"][0]["id"]
    assert {t["stoppedReason"] for t in stopped} == {f"Scaling activity initiated by (deployment {deployment})"}
    assert any("has stopped 3 running tasks: (task " in m for m in messages(services.show("scaled")))
    services.delete("scaled")


def test_providers_share_the_tasks(services):
    services.ecs.create_cluster(clusterName="mixed", capacityProviders=["FARGATE", "FARGATE_SPOT"])
    services.ecs.create_service(
        cluster="mixed", serviceName="shared", taskDefinition="app", desiredCount=5, networkConfiguration=services.network,
        capacityProviderStrategy=[{"capacityProvider": "FARGATE", "base": 1, "weight": 1},
                                  {"capacityProvider": "FARGATE_SPOT", "weight": 3}])
    arns = eventually(lambda: len(a := services.ecs.list_tasks(cluster="mixed")["taskArns"]) == 5 and a)
    tasks = services.ecs.describe_tasks(cluster="mixed", tasks=arns)["tasks"]
    assert sorted(t["capacityProviderName"] for t in tasks) == ["FARGATE"] * 2 + ["FARGATE_SPOT"] * 3
    assert error_of(services.ecs.put_cluster_capacity_providers, cluster="mixed", capacityProviders=["FARGATE"],
                    defaultCapacityProviderStrategy=[])[0] == "ResourceInUseException"
    services.ecs.delete_service(cluster="mixed", service="shared", force=True)


# ---- deployments ----


def providers(services, name):
    return collections.Counter(task["capacityProviderName"] for task in services.tasks(name))


def test_the_ratio_of_providers_holds(services):
    """Base first, then by weight: after scale-in, scale-out, an update and back to a launch type."""
    ecs = services.ecs
    ecs.put_cluster_capacity_providers(cluster="default", capacityProviders=["FARGATE", "FARGATE_SPOT"],
                                       defaultCapacityProviderStrategy=[
                                           {"capacityProvider": "FARGATE", "base": 2, "weight": 1},
                                           {"capacityProvider": "FARGATE_SPOT", "weight": 3}])
    service = services.stable("ratio", 10, launchType=None)
    assert "launchType" not in service and "launchType" not in service["deployments"][0]
    assert service["capacityProviderStrategy"][0] == {"capacityProvider": "FARGATE", "base": 2, "weight": 1}
    assert providers(services, "ratio") == {"FARGATE": 4, "FARGATE_SPOT": 6}
    assert all(task["launchType"] == "FARGATE" for task in services.tasks("ratio"))
    for count, shares in ((4, {"FARGATE": 3, "FARGATE_SPOT": 1}), (2, {"FARGATE": 2}), (6, {"FARGATE": 3, "FARGATE_SPOT": 3})):
        ecs.update_service(service="ratio", desiredCount=count)
        services.wait("ratio")
        assert providers(services, "ratio") == shares
    ecs.update_service(service="ratio", taskDefinition="app:2")
    services.until("ratio", lambda s: [d["rolloutState"] for d in s["deployments"]] == ["COMPLETED"], "the update")
    assert providers(services, "ratio") == {"FARGATE": 3, "FARGATE_SPOT": 3}
    spot = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    assert error_of(ecs.update_service, service="ratio", capacityProviderStrategy=spot) == (
        INVALID, "When switching from launch type to capacity provider strategy on an existing service, or making a change to a "
        "capacity provider strategy on a service that is already using one, you must force a new deployment.")
    ecs.update_service(service="ratio", capacityProviderStrategy=spot, forceNewDeployment=True)
    services.until("ratio", lambda s: [d["rolloutState"] for d in s["deployments"]] == ["COMPLETED"], "the other provider")
    assert providers(services, "ratio") == {"FARGATE_SPOT": 6}
    services.delete("ratio")
    tasks = ecs.run_task(taskDefinition="app", count=6, networkConfiguration=services.network)["tasks"]
    assert [t["capacityProviderName"] for t in tasks] == ["FARGATE"] * 3 + ["FARGATE_SPOT"] * 3
    for task in tasks:
        ecs.stop_task(task=task["taskArn"])
    eventually(lambda: all(task["lastStatus"] == "STOPPED" for task in ecs.describe_tasks(
        tasks=[task["taskArn"] for task in tasks])["tasks"]), what="their end")
    ecs.put_cluster_capacity_providers(cluster="default", capacityProviders=[], defaultCapacityProviderStrategy=[])


def test_a_rolling_update(services):
    before = services.stable("rolling", 3)["deployments"][0]["id"]
    changed = services.ecs.update_service(service="rolling", taskDefinition="app:2")["service"]
    assert [d["status"] for d in changed["deployments"]] == ["PRIMARY", "ACTIVE"]
    assert changed["deployments"][0]["taskDefinition"].endswith("app:2") and changed["deployments"][1]["id"] == before
    services.wait("rolling")
    service = services.completed("rolling")
    assert service["taskDefinition"].endswith("app:2") and service["deployments"][0]["id"] != before
    assert f"(service rolling) (deployment {service['deployments'][0]['id']}) deployment completed." in messages(service)
    assert services.ecs.update_service(service="rolling", taskDefinition="app:2")["service"]["deployments"][0]["id"] == (
        service["deployments"][0]["id"])
    services.ecs.update_service(service="rolling", forceNewDeployment=True)
    assert services.completed("rolling")["deployments"][0]["id"] != service["deployments"][0]["id"]
    services.delete("rolling")


@pytest.mark.parametrize("bad", ["broken", "sick"])
def test_a_bad_revision_is_rolled_back(services, bad):
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
    good = services.completed(services.stable(f"back-{bad}", 2, deploymentConfiguration=breaker)["serviceName"])["deployments"][0]["id"]
    services.ecs.update_service(service=f"back-{bad}", taskDefinition=bad)
    service = services.until(
        f"back-{bad}", lambda s: any("rolling back" in m for m in messages(s)) and
        [d["rolloutState"] for d in s["deployments"]] == ["COMPLETED"], "the rollback")
    assert service["deployments"][0]["id"] == good and service["taskDefinition"].endswith("app:1")
    assert f"(service back-{bad}) rolling back to deployment {good}." in messages(service)
    assert any(re.search(r"\(deployment ecs-svc/\d+\) deployment failed: tasks failed to start\.$", m)
               for m in messages(service))
    listed, = js_sdk.run(services.server, newer("ListServiceDeployments", service=f"back-{bad}"))
    latest = listed["output"]["serviceDeployments"][0]
    assert latest["status"] == "ROLLBACK_SUCCESSFUL"
    described, revisions = js_sdk.run(
        services.server,
        newer("DescribeServiceDeployments", serviceDeploymentArns=[latest["serviceDeploymentArn"], "arn:x"]),
        newer("DescribeServiceRevisions", serviceRevisionArns=[latest["targetServiceRevisionArn"]]))
    story = described["output"]["serviceDeployments"][0]
    breaker = story["deploymentCircuitBreaker"]
    assert (breaker["status"], breaker["threshold"]) == ("TRIGGERED", 3) and breaker["failureCount"] in (3, 4)
    assert story["rollback"]["serviceRevisionArn"].endswith(good.split("/")[1])
    assert described["output"]["failures"] == [{"arn": "arn:x", "reason": "MISSING"}]
    assert f"/{bad}:" in revisions["output"]["serviceRevisions"][0]["taskDefinition"].replace("task-definition/", "/")
    services.delete(f"back-{bad}")


def make_alarm(services, name):
    services.server.client("cloudwatch").put_metric_alarm(
        AlarmName=name, Namespace="app", MetricName="Errors", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1,
        ComparisonOperator="GreaterThanThreshold", TreatMissingData="ignore")


def set_alarm(services, name, state):
    services.server.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue=state, StateReason="test")


def alarmed(name, bake, **alarms):
    return newer("UpdateService", service=name, taskDefinition="app:2", deploymentConfiguration={
        "bakeTimeInMinutes": bake, "alarms": {"enable": True, **alarms}})


@pytest.mark.parametrize("rollback", [True, False])
def test_an_alarm_fails_a_deployment(services, rollback):
    """In its bake time, when all new tasks are there."""
    name = f"alarmed-{rollback}".lower()
    make_alarm(services, "errors")
    set_alarm(services, "errors", "OK")
    good = services.stable(name, 2, taskDefinition="app:1")
    js_sdk.run(services.server, alarmed(name, 600, alarmNames=["errors"], rollback=rollback))
    services.until(name, lambda s: s["runningCount"] == 2 and len(s["deployments"]) == 1
                   and s["deployments"][0]["taskDefinition"].endswith(":2"), "the new tasks")
    assert services.show(name)["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    bad = services.show(name)["deployments"][0]["id"]
    set_alarm(services, "errors", "ALARM")
    wanted = [(good["deployments"][0]["id"], "COMPLETED")] if rollback else [(bad, "FAILED")]
    service = services.until(name, lambda s: [(d["id"], d["rolloutState"]) for d in s["deployments"]] == wanted, "its end")
    assert f"(service {name}) (deployment {bad}) deployment failed: alarm detected." in messages(service)
    assert any("rolling back to deployment" in message for message in messages(service)) == rollback
    if not rollback:
        assert service["deployments"][0]["rolloutStateReason"] == "ECS deployment alarm: alarm detected."
    listed = js_sdk.run(services.server, newer("ListServiceDeployments", service=name))[0]["output"]["serviceDeployments"]
    told = js_sdk.run(services.server, newer("DescribeServiceDeployments", serviceDeploymentArns=[
        listed[0]["serviceDeploymentArn"]]))[0]["output"]["serviceDeployments"][0]
    assert told["status"] == ("ROLLBACK_SUCCESSFUL" if rollback else "STOPPED")
    assert told["alarms"] == {"status": "TRIGGERED", "alarmNames": ["errors"], "triggeredAlarmNames": ["errors"]}
    services.delete(name)


def test_an_alarm_that_rings_already_is_not_watched(services):
    make_alarm(services, "ringing")
    set_alarm(services, "ringing", "ALARM")
    services.stable("rung", 1, taskDefinition="app:1")
    js_sdk.run(services.server, alarmed("rung", 1, alarmNames=["ringing"], rollback=True))
    services.until("rung", lambda s: s["deployments"][0]["taskDefinition"].endswith(":2")
                   and s["deployments"][0]["rolloutState"] == "COMPLETED", "the deployment")
    services.delete("rung")


def test_a_deployment_is_stopped_and_told_of(services):
    services.register("slow", "hold=PENDING")
    services.completed(services.stable("stopped", 1)["serviceName"])
    services.ecs.update_service(service="stopped", taskDefinition="slow")
    current = eventually(lambda: js_sdk.run(services.server, newer("ListServiceDeployments", service="stopped",
                                                                   status=["IN_PROGRESS"]))[0]["output"]["serviceDeployments"])[0]
    assert current["targetServiceRevisionArn"].endswith(services.show("stopped")["deployments"][0]["id"].split("/")[1])
    stopped, missing = js_sdk.run(
        services.server, newer("StopServiceDeployment", serviceDeploymentArn=current["serviceDeploymentArn"]),
        newer("StopServiceDeployment", serviceDeploymentArn=current["serviceDeploymentArn"] + "x"))
    assert stopped["output"]["serviceDeploymentArn"] == current["serviceDeploymentArn"]
    assert missing["error"] == "ServiceDeploymentNotFoundException"
    assert services.completed("stopped")["taskDefinition"].endswith("app:1")
    pages = js_sdk.run(services.server, newer("ListServiceDeployments", service="stopped", maxResults=1))[0]["output"]
    assert pages["serviceDeployments"][0]["status"] == "ROLLBACK_SUCCESSFUL" and pages["nextToken"]
    services.delete("stopped")


def test_zones_and_strategies_that_newer_clients_name(services):
    base = {"taskDefinition": "app", "desiredCount": 0, "launchType": "FARGATE", "networkConfiguration": services.network}
    alarms = {"alarmNames": ["a"], "enable": True, "rollback": True}
    made, green, alarmed, off, stuck = js_sdk.run(
        services.server, newer("CreateService", serviceName="zones", **base),
        newer("CreateService", serviceName="green", deploymentConfiguration={"strategy": "BLUE_GREEN"}, **base),
        newer("CreateService", serviceName="alarmed", deploymentConfiguration={"alarms": {**alarms, "alarmNames": []}}, **base),
        newer("UpdateService", service="zones", availabilityZoneRebalancing="DISABLED"),
        newer("CreateService", serviceName="stuck", availabilityZoneRebalancing="ENABLED",
             deploymentConfiguration={"maximumPercent": 100, "minimumHealthyPercent": 0}, **base))
    assert made["output"]["service"]["availabilityZoneRebalancing"] == "ENABLED"
    assert green["error"] == "UnsupportedFeatureException" and "strategy" in green["message"]
    assert alarmed["error"] == INVALID and "alarmNames cannot be empty" in alarmed["message"]
    assert off["output"]["service"]["availabilityZoneRebalancing"] == "DISABLED"
    assert stuck["error"] == INVALID
    services.delete("zones")


def test_a_definition_lasts_as_long_as_its_service(services):
    arn = services.register("lasting", "healthy")
    services.stable("lasting", 1, taskDefinition=arn)
    services.ecs.deregister_task_definition(taskDefinition=arn)
    js_sdk.run(services.server, newer("DeleteTaskDefinitions", taskDefinitions=[arn]))
    services.ecs.stop_task(task=services.tasks("lasting")[0]["taskArn"])
    services.until("lasting", lambda s: s["runningCount"] == 1, "a task of a definition that is being deleted")
    status = services.ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]["status"]
    assert status == "DELETE_IN_PROGRESS"
    services.delete("lasting")

    def is_gone():
        try:
            services.ecs.describe_task_definition(taskDefinition=arn)
        except botocore.exceptions.ClientError:
            return True

    eventually(is_gone, what="the end of the definition")
    assert error_of(services.ecs.describe_task_definition, taskDefinition=arn)[0] == "ClientException"


# ---- protection ----


def test_protected_tasks_survive(services):
    services.stable("safe", 2)
    arn = services.tasks("safe")[1]["taskArn"]
    answer = services.ecs.update_task_protection(cluster="default", tasks=[arn], protectionEnabled=True, expiresInMinutes=2880)
    assert answer["failures"] == [] and answer["protectedTasks"][0]["protectionEnabled"] is True
    services.ecs.update_service(service="safe", desiredCount=0)
    services.until("safe", lambda s: s["runningCount"] == 1, "the scale-in")
    assert services.tasks("safe")[0]["taskArn"] == arn
    services.until("safe", lambda s: any(re.search(
        r"^\(service safe\) was unable to reach steady state because \(taskSet ecs-svc/\d{19}\) was unable to "
        r"scale in due to \(reason 1 tasks under protection\)$", m) for m in messages(s)), "the reason")
    shown = services.ecs.get_task_protection(cluster="default", tasks=[arn])["protectedTasks"][0]
    assert shown["taskArn"] == arn and "expirationDate" in shown
    answer = services.ecs.update_task_protection(cluster="default", tasks=[arn], protectionEnabled=False)
    assert answer["protectedTasks"] == [{"taskArn": arn, "protectionEnabled": False}]
    services.until("safe", lambda s: s["runningCount"] == 0, "the rest of it")
    services.delete("safe")


def test_zones_are_evened_out(services):
    services.stable("even", 6)
    first = [t["taskArn"] for t in services.tasks("even") if t["availabilityZone"] == "us-east-1a"]
    services.ecs.update_task_protection(cluster="default", tasks=first, protectionEnabled=True, expiresInMinutes=2880)
    services.ecs.update_service(service="even", desiredCount=2)
    services.until("even", lambda s: s["runningCount"] == 2, "the scale-in")
    services.until("even", lambda s: any("was unable to AZ Rebalance because (taskSet" in m for m in messages(s)), "protection")
    services.ecs.update_task_protection(cluster="default", tasks=first, protectionEnabled=False)
    service = services.until("even", lambda s: any("is AZ balanced with" in m for m in messages(s)), "balance")
    assert len({t["availabilityZone"] for t in services.tasks("even")}) == 2 and service["runningCount"] == 2
    told = messages(service)
    assert ("(service even) is not AZ balanced with 2 tasks in us-east-1a, 0 tasks in us-east-1b and 0 tasks in us-east-1c. "
            "AZ Rebalancing in progress.") in told
    assert any(re.search(r"has started 1 tasks in us-east-1[bc] to AZ Rebalance: \(task \w{32}\)\.$", m) for m in told)
    assert any(re.search(r"has stopped 1 running tasks in us-east-1a due to AZ rebalancing: \(task \w{32}\)\.$", m)
               for m in told)
    services.delete("even")


def test_what_scaling_in_stops_does_not_even_out_zones(services):
    services.stable("uneven", 6, taskDefinition=services.register("unchecked", "serve", check=None),  # healthy two seconds later
                    deploymentConfiguration={"minimumHealthyPercent": 50, "maximumPercent": 150})
    first = [t["taskArn"] for t in services.tasks("uneven") if t["availabilityZone"] == "us-east-1a"]
    protect = lambda on: services.ecs.update_task_protection(cluster="default", tasks=first, protectionEnabled=on)
    protect(True)
    services.ecs.update_service(service="uneven", desiredCount=2)
    services.until("uneven", lambda s: any("was unable to AZ Rebalance" in m for m in messages(s)), "zones that are not even")
    protect(False)
    services.until("uneven", lambda s: any("due to AZ rebalancing" in m for m in messages(s)) and s["runningCount"] == 2, "another zone")
    services.ecs.update_service(service="uneven", desiredCount=0)
    service = services.until("uneven", lambda s: s["runningCount"] == 0, "the scale-in")
    assert any(re.search(r"^\(service uneven\) has stopped 2 running tasks: (\(task \w{32}\)[ .]){2}$", m) for m in messages(service))
    services.delete("uneven")


# ---- task sets ----


def test_task_sets(services):
    ecs = services.ecs
    ecs.create_service(serviceName="sets", desiredCount=4, deploymentController={"type": "EXTERNAL"})
    arguments = {"cluster": "default", "service": "sets"}
    rest = {"launchType": "FARGATE", "networkConfiguration": services.network}
    blue = ecs.create_task_set(taskDefinition="app:1", scale={"value": 100, "unit": "PERCENT"}, externalId="blue",
                               **arguments, **rest)["taskSet"]
    green = ecs.create_task_set(taskDefinition="app:2", scale={"value": 50, "unit": "PERCENT"}, **arguments, **rest)["taskSet"]
    assert blue["computedDesiredCount"] == 4 and green["computedDesiredCount"] == 2
    assert blue["taskSetArn"] == f"arn:aws:ecs:us-east-1:000000000000:task-set/default/sets/{blue['id']}"
    ecs.update_service_primary_task_set(primaryTaskSet=blue["id"], **arguments)

    def steady(count):
        sets = ecs.describe_task_sets(**arguments)["taskSets"]
        return sets if [s["stabilityStatus"] for s in sets] == ["STEADY_STATE"] * count else None

    sets = eventually(lambda: steady(2), what="steady sets")
    assert [(s["status"], s["runningCount"]) for s in sets] == [("PRIMARY", 4), ("ACTIVE", 2)]
    assert ecs.update_task_set(taskSet=green["taskSetArn"], scale={"value": 0, "unit": "PERCENT"}, **arguments)[
        "taskSet"]["stabilityStatus"] == "STABILIZING"
    assert error_of(ecs.delete_task_set, taskSet=blue["id"], **arguments)[0] == INVALID
    assert error_of(ecs.delete_task_set, taskSet="ecs-svc/1", **arguments)[0] == "TaskSetNotFoundException"
    ecs.delete_task_set(taskSet=green["id"], **arguments)
    eventually(lambda: len(ecs.describe_task_sets(**arguments)["taskSets"]) == 1, what="the green set is gone")
    assert error_of(ecs.update_service, service="sets", taskDefinition="app:2")[0] == INVALID
    assert error_of(ecs.delete_service, service="sets") == (
        INVALID, "The service cannot be stopped while deployments are active.")
    services.delete("sets")


# ---- lists, the CLI, tags ----


def test_lists_have_pages(services):
    names = [f"page-{n:02}" for n in range(12)]
    for name in names:
        services.create(name, 0)
    assert len(services.ecs.list_services()["serviceArns"]) == 10
    pages = services.ecs.get_paginator("list_services").paginate(PaginationConfig={"PageSize": 5})
    listed = [arn.rsplit("/", 1)[1] for page in pages for arn in page["serviceArns"]]
    assert [name for name in listed if name.startswith("page-")] == names
    assert services.ecs.list_services(launchType="EC2")["serviceArns"] == []
    for name in names:
        services.ecs.delete_service(service=name)


def test_the_cli_waits_and_tags(services):
    def aws(*words):
        return services.server.aws("ecs", *words)

    network = f"awsvpcConfiguration={{subnets=[{','.join(services.subnets)}]}}"
    arn = aws("create-service", "--service-name", "cli", "--task-definition", "app", "--desired-count", "1", "--launch-type",
              "FARGATE", "--network-configuration", network, "--query", "service.serviceArn")
    aws("wait", "services-stable", "--services", "cli")
    aws("tag-resource", "--resource-arn", arn, "--tags", "key=a,value=b")
    assert aws("list-tags-for-resource", "--resource-arn", arn, "--query", "tags[].[key,value]") == "a\tb"
    aws("delete-service", "--service", "cli", "--force")
    aws("wait", "services-inactive", "--services", "cli")


# ---- who may ----


def test_what_a_policy_says_of_services(services):
    iam = services.server.client("iam")
    iam.create_user(UserName="deployer")
    key = iam.create_access_key(UserName="deployer")["AccessKey"]
    allow = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": ["ecs:DescribeServices", "ecs:UpdateService"],
        "Resource": "arn:aws:ecs:*:*:service/default/allowed*",
        "Condition": {"ArnEquals": {"ecs:cluster": "arn:aws:ecs:us-east-1:000000000000:cluster/default"}}}]}
    iam.put_user_policy(UserName="deployer", PolicyName="p", PolicyDocument=json.dumps(allow))
    ecs = services.server.client("ecs", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    services.create("allowed", 0)
    services.create("other", 0)
    assert ecs.update_service(service="allowed", desiredCount=0)["service"]["serviceName"] == "allowed"
    code, message = error_of(ecs.update_service, service="other", desiredCount=0)
    assert code == "AccessDeniedException" and "ecs:UpdateService on resource: arn:aws:ecs:us-east-1:000000000000:service/default/other" in message
    assert error_of(ecs.delete_service, service="allowed")[0] == "AccessDeniedException"
    assert error_of(ecs.create_service, serviceName="allowed2", desiredCount=0)[0] == "AccessDeniedException"
    services.delete("allowed")
    services.delete("other")
