"""Tasks through real clients: what RunTask checks, a task's whole life on hosts that stand in, what is listed and kept."""

import json
import re
import tempfile

import botocore.exceptions
import pytest
from conftest import REGION, Server, StandIn, eventually

ACCOUNT = "000000000000"
CAPACITY = "Capacity is unavailable at this time. Please try again later or in a different availability zone"


class Tasks:
    """A server, and how tests run tasks on it."""

    def __init__(self, server):
        self.server = server
        self.begin()
        self.ec2 = server.client("ec2")
        self.subnets = [s["SubnetId"] for s in self.ec2.describe_subnets()["Subnets"]]
        self.ecs.create_cluster()
        self.register("app", ["app", "side"])

    def begin(self):
        """A new client. What Debian's boto3 does not know of RunTask goes into the body: self.newer."""
        self.newer = {}
        self.ecs = self.server.client("ecs")
        self.ecs.meta.events.register("before-call.ecs.RunTask", self.add_newer)

    def add_newer(self, params, **_):
        params["body"] = json.dumps(json.loads(params["body"]) | self.newer).encode()

    @property
    def network(self):
        return {"awsvpcConfiguration": {"subnets": self.subnets}}

    def register(self, family, names, **more):
        containers = [{"name": name, "image": f"{name}:1", "essential": name == names[0]} for name in names]
        request = {"family": family, "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256",
                   "memory": "512", "containerDefinitions": containers, **more}
        return self.ecs.register_task_definition(**request)["taskDefinition"]["taskDefinitionArn"]

    def ask(self, *words, **more):
        """RunTask; `words` are the first container's command, its script on a stand-in."""
        request = {"taskDefinition": "app", "launchType": "FARGATE", "networkConfiguration": self.network}
        if words:
            request["overrides"] = {"containerOverrides": [{"name": "app", "command": list(words)}]}
        request.update(more)
        self.newer = {name: request.pop(name) for name in ("clientToken", "volumeConfigurations") if name in request}
        return self.ecs.run_task(**{name: value for name, value in request.items() if value is not None})

    def run(self, *words, **more):
        answer = self.ask(*words, **more)
        assert answer["failures"] == []
        return answer["tasks"][0]["taskArn"]

    def show(self, arn, **more):
        return self.ecs.describe_tasks(tasks=[arn], **more)["tasks"][0]

    def until(self, arn, status):
        return eventually(lambda: (task := self.show(arn))["lastStatus"] == status and task, what=f"{arn} {status}")

    def interfaces(self):
        return {i["NetworkInterfaceId"] for i in self.ec2.describe_network_interfaces()["NetworkInterfaces"]}


@pytest.fixture(scope="module")
def tasks(server):
    """No host: tasks wait."""
    made = Tasks(server)
    made.ecs.deregister_task_definition(taskDefinition=made.register("old", ["app"]))
    return made


@pytest.fixture(scope="module")
def hosted():
    """One host of 16 GiB."""
    with tempfile.TemporaryDirectory(prefix="berth-test-") as directory:
        server = Server(directory)
        server.start()
        host = StandIn(server)
        yield Tasks(server)
        host.stop()
        server.stop()


def error_of(call, *arguments, **more):
    with pytest.raises(botocore.exceptions.ClientError) as failure:
        call(*arguments, **more)
    error = failure.value.response["Error"]
    assert failure.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return error["Code"], error["Message"]


# ---- what RunTask refuses ----

INVALID = "InvalidParameterException"


@pytest.mark.parametrize(
    "request_, code, message",
    [
        ({"cluster": "nowhere"}, "ClusterNotFoundException", "Cluster not found."),
        ({"taskDefinition": "nothing"}, "ClientException", "TaskDefinition not found."),
        ({"taskDefinition": "app:77"}, "ClientException", "TaskDefinition not found."),
        ({"taskDefinition": "old:1"}, "ClientException", "TaskDefinition is inactive"),
        ({"count": 0}, INVALID, "Invalid count: 0. The count must be between 1 and 10."),
        ({"count": 11}, INVALID, "Invalid count: 11. The count must be between 1 and 10."),
        ({"launchType": None}, INVALID, "No Container Instances were found in your cluster."),
        ({"launchType": "EC2"}, INVALID, "No Container Instances were found in your cluster."),
        ({"launchType": "EXTERNAL"}, INVALID, "No Container Instances were found in your cluster."),
        ({"capacityProviderStrategy": [{"capacityProvider": "FARGATE"}]}, INVALID,
         "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again."),
        ({"launchType": None, "capacityProviderStrategy": [{"capacityProvider": "FARGATE"}]}, INVALID,
         "The specified capacity provider strategy cannot contain a capacity provider that is not associated with the "
         "cluster. Associate the capacity provider with the cluster and try again."),
        ({"platformVersion": "1.9.9"}, "PlatformUnknownException",
         "The specified platform version does not exist: '1.9.9'. Use LATEST or 1.4.0."),
        ({"placementConstraints": [{"type": "distinctInstance"}]}, INVALID,
         "Placement constraints are not supported with FARGATE launch type."),
        ({"placementStrategy": [{"type": "random"}]}, INVALID,
         "Placement strategies are not supported with FARGATE launch type."),
        ({"networkConfiguration": None}, INVALID,
         "Network Configuration must be provided when networkMode 'awsvpc' is specified."),
        ({"networkConfiguration": {"awsvpcConfiguration": {"subnets": []}}}, INVALID, "subnets can not be empty."),
        ({"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"] * 17}}}, INVALID,
         "subnets can have at most 16 items."),
        ({"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1", "subnet-2"]}}}, INVALID,
         "Error retrieving subnet information for [subnet-1, subnet-2]: The subnet ID 'subnet-1' does not exist "
         "(ErrorCode: InvalidSubnetID.NotFound)"),
        ({"group": "family:other"}, INVALID, "Invalid namespace for group."),
        ({"group": "service:other"}, INVALID, "Invalid namespace for group."),
        ({"startedBy": "x" * 129}, INVALID, "startedBy longer than 128."),
        ({"group": "x" * 256}, INVALID, "group longer than 255."),
        ({"referenceId": "x" * 1025}, INVALID, "referenceId longer than 1024."),
        ({"propagateTags": "SERVICE"}, INVALID, "The value SERVICE of propagateTags is only valid for tasks of a service."),
        ({"tags": [{"key": "AWS:mine", "value": ""}]}, INVALID, None),
        ({"tags": [{"key": "k", "value": "1"}, {"key": "k", "value": "2"}]}, INVALID, None),
        ({"tags": [{"key": f"k{i}", "value": ""} for i in range(51)]}, INVALID, None),
        ({"enableExecuteCommand": True}, "InvalidParameterException",
         "The task couldn't be run because a valid taskRoleArn is not being used. Specify a valid task role in your task "
         "definition and try again."),
        ({"clientToken": "two words"}, INVALID,
         "Invalid clientToken 'two words'. Up to 64 ASCII characters from 33 to 126 are allowed."),
    ],
)
def test_requests_that_are_refused(tasks, request_, code, message):
    before = tasks.ecs.list_tasks()["taskArns"]
    answer = error_of(tasks.ask, **request_)
    assert answer == (code, message or answer[1])
    assert tasks.ecs.list_tasks()["taskArns"] == before
    assert len(tasks.interfaces()) == len(before)


@pytest.mark.parametrize(
    "overrides, code, message",
    [
        ({"containerOverrides": [{"name": "other"}]}, INVALID,
         "Override for container named other is not a container in the TaskDefinition."),
        ({"containerOverrides": [{"command": ["ls"]}]}, INVALID,
         "Override for container named  is not a container in the TaskDefinition."),
        ({"containerOverrides": [{"name": "app"}, {"name": "app"}]}, INVALID,
         "Override for container named app is given more than once."),
        ({"containerOverrides": [{"name": "app", "environment": [{"name": "A", "value": "x" * 8192}]}]}, INVALID,
         "Container Overrides length must be at most 8192"),
        ({"containerOverrides": [{"name": "app", "resourceRequirements": [{"type": "GPU", "value": "1"}]}]},
         "ClientException", None),
        ({"containerOverrides": [{"name": "app", "environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::b/k"}]}]},
         "ClientException", "When you are specifying environment files, you must also specify a value for 'executionRoleArn'."),
        ({"containerOverrides": [{"name": "app", "environment": [{"value": "1"}]}]}, "ClientException",
         "Invalid setting for container 'app'. 'environment' has a variable without a valid name."),
        ({"containerOverrides": [{"name": "app", "cpu": -1}]}, "ClientException", None),
        ({"containerOverrides": [{"name": "app", "cpu": 200}, {"name": "side", "cpu": 100}]}, "ClientException",
         "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'."),
        ({"containerOverrides": [{"name": "app", "memory": 600}]}, "ClientException",
         "The 'memory' setting for container 'app' is greater than for the task."),
        ({"memory": "1 GB", "containerOverrides": [{"name": "app", "memory": 600}, {"name": "side", "memory": 600}]},
         "ClientException", "The sum of all container 'memory' values cannot be greater than the value of the task 'memory'."),
        ({"cpu": "257"}, "ClientException", "No Fargate configuration exists for given values: 257 CPU, 512 memory. See "
         "the Amazon ECS documentation for the valid values."),
        ({"memory": "lots"}, INVALID, "Invalid 'memory' setting for task: 'lots'"),
        ({"ephemeralStorage": {"sizeInGiB": 20}}, INVALID, "Ephemeral storage size must be between 21 and 200 GiB: 20"),
        ({"taskRoleArn": "me"}, "ClientException", "Role is not valid: 'me'"),
    ],
)
def test_overrides_that_are_refused(tasks, overrides, code, message):
    answer = error_of(tasks.ask, overrides=overrides)
    assert answer == (code, message or answer[1])


def test_overrides_are_counted_as_json(tasks):
    overrides = {"containerOverrides": [{"name": "app", "command": ["\u00e4 \" b"], "environment": [{"name": "A", "value": ""}]}]}
    room = 8192 - len(json.dumps(overrides, separators=(",", ":"), ensure_ascii=False))
    overrides["containerOverrides"][0]["environment"][0]["value"] = "x" * room
    tasks.ecs.stop_task(task=tasks.run(overrides=overrides))
    overrides["containerOverrides"][0]["environment"][0]["value"] += "x"
    assert error_of(tasks.ask, overrides=overrides) == (INVALID, "Container Overrides length must be at most 8192")


def test_groups_must_exist_in_the_vpc(tasks):
    network = {"awsvpcConfiguration": {"subnets": tasks.subnets[:1], "securityGroups": ["sg-1"]}}
    assert error_of(tasks.ask, networkConfiguration=network) == (
        INVALID, "Error retrieving security group information for [sg-1]: The security group 'sg-1' does not exist "
        "(ErrorCode: InvalidGroup.NotFound)")
    network["awsvpcConfiguration"]["securityGroups"] = ["sg-1"] * 6
    assert error_of(tasks.ask, networkConfiguration=network) == (INVALID, "securityGroups can have at most 5 items.")


def test_a_definition_for_ec2_does_not_run_on_fargate(tasks):
    containers = [{"name": "app", "image": "app:1", "memory": 64}]
    tasks.ecs.register_task_definition(family="ec2-only", requiresCompatibilities=["EC2"], containerDefinitions=containers)
    assert error_of(tasks.ask, taskDefinition="ec2-only") == (
        INVALID, "Task definition does not support launch_type FARGATE.")


def test_volume_configurations_are_refused(tasks):
    volumes = [{"name": "v", "managedEBSVolume": {"roleArn": "arn:aws:iam::1:role/r", "sizeInGiB": 1}}]
    assert error_of(tasks.ask, volumeConfigurations=volumes)[0] == "UnsupportedFeatureException"


# ---- what RunTask answers ----


def test_a_new_task_is_told_whole(tasks):
    group = tasks.ec2.create_security_group(GroupName="tasks", Description="tasks")["GroupId"]
    network = {"awsvpcConfiguration": {"subnets": tasks.subnets[:1], "securityGroups": [group], "assignPublicIp": "ENABLED"}}
    overrides = {"cpu": "512", "memory": "1 GB", "ephemeralStorage": {"sizeInGiB": 30},
                 "containerOverrides": [{"name": "side", "cpu": 128, "memory": 200, "memoryReservation": 100,
                                         "environment": [{"name": "A", "value": "b"}]}]}
    task = tasks.ask(overrides=overrides, networkConfiguration=network, startedBy="me", platformVersion="LATEST")["tasks"][0]
    arn = task["taskArn"]
    assert re.fullmatch(f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/default/[0-9a-f]{{32}}", arn)
    expected = {
        "clusterArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/default",
        "taskDefinitionArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/app:1",
        "lastStatus": "PROVISIONING", "desiredStatus": "RUNNING", "healthStatus": "UNKNOWN", "launchType": "FARGATE",
        "platformVersion": "1.4.0", "platformFamily": "Linux", "cpu": "512", "memory": "1024", "group": "family:app",
        "startedBy": "me", "version": 1, "ephemeralStorage": {"sizeInGiB": 30}, "enableExecuteCommand": False,
        "attributes": [{"name": "ecs.cpu-architecture", "value": "x86_64"}], "tags": [],
    }
    assert {name: task[name] for name in expected} == expected
    assert task["overrides"]["containerOverrides"] == [{"name": "app"}, overrides["containerOverrides"][0]]
    assert [c["name"] for c in task["containers"]] == ["app", "side"]
    side = task["containers"][1]
    assert (side["cpu"], side["memory"], side["memoryReservation"]) == ("128", "200", "100")
    assert side["containerArn"].startswith(arn.replace(":task/", ":container/") + "/")
    assert (side["lastStatus"], side["networkInterfaces"], side["image"]) == ("PENDING", [], "side:1")
    attachment = task["attachments"][0]
    assert (attachment["type"], attachment["status"]) == ("ElasticNetworkInterface", "PRECREATED")
    assert attachment["details"] == [{"name": "subnetId", "value": tasks.subnets[0]}]

    task = tasks.show(arn)  # its interface is there; it waits for a host
    details = {d["name"]: d["value"] for d in task["attachments"][0]["details"]}
    interface = tasks.ec2.describe_network_interfaces(NetworkInterfaceIds=[details["networkInterfaceId"]])
    interface = interface["NetworkInterfaces"][0]
    assert task["lastStatus"] == "PROVISIONING"
    assert details == {"subnetId": tasks.subnets[0], "networkInterfaceId": interface["NetworkInterfaceId"],
                       "macAddress": interface["MacAddress"], "privateDnsName": interface["PrivateDnsName"],
                       "privateIPv4Address": interface["PrivateIpAddress"]}
    assert [g["GroupId"] for g in interface["Groups"]] == [group]
    assert interface["AvailabilityZone"] == task["availabilityZone"]
    for container in task["containers"]:
        assert container["networkInterfaces"] == [{"attachmentId": attachment["id"],
                                                   "privateIpv4Address": interface["PrivateIpAddress"]}]

    stopped = tasks.ecs.stop_task(task=arn)["task"]
    assert (stopped["desiredStatus"], stopped["stopCode"], stopped["stoppedReason"]) == (
        "STOPPED", "UserInitiated", "Task stopped by user")
    task = tasks.until(arn, "STOPPED")
    assert task["attachments"][0]["status"] == "DELETED"
    assert details["networkInterfaceId"] not in tasks.interfaces()


def test_ten_tasks_have_ten_addresses(tasks):
    made = tasks.ask(count=10)["tasks"]
    arns = [task["taskArn"] for task in made]
    described = tasks.ecs.describe_tasks(tasks=arns)["tasks"]
    addresses = {task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"] for task in described}
    assert [task["taskArn"] for task in described] == arns
    assert len(addresses) == 10
    for arn in arns:
        tasks.ecs.stop_task(task=arn.rsplit("/", 1)[1])


def test_tags_are_shown_when_asked_for(tasks):
    tasks.register("tagged", ["app"], tags=[{"key": "a", "value": "1"}, {"key": "b", "value": "2"}])
    answer = tasks.ask(taskDefinition="tagged", propagateTags="TASK_DEFINITION", enableECSManagedTags=True,
                       tags=[{"key": "b", "value": "3"}])
    arn = answer["tasks"][0]["taskArn"]
    expected = [{"key": "a", "value": "1"}, {"key": "b", "value": "3"}, {"key": "aws:ecs:clusterName", "value": "default"}]
    assert answer["tasks"][0]["tags"] == expected
    assert tasks.show(arn, include=["TAGS"])["tags"] == expected
    assert tasks.show(arn)["tags"] == []
    tasks.ecs.stop_task(task=arn)
    tasks.register("full", ["app"], tags=[{"key": f"k{i}", "value": ""} for i in range(50)])
    more = {"taskDefinition": "full", "propagateTags": "TASK_DEFINITION", "enableECSManagedTags": True}
    assert error_of(tasks.ask, tags=[{"key": "one-more", "value": ""}], **more)[0] == INVALID
    tasks.ecs.stop_task(task=tasks.run(tags=[{"key": "k7", "value": "mine"}], **more))


def test_a_client_token_runs_once(tasks):
    first = tasks.ask(clientToken="once", count=2)["tasks"]
    again = tasks.ask(clientToken="once", count=2)["tasks"]
    assert [t["taskArn"] for t in again] == [t["taskArn"] for t in first]
    code, message = error_of(tasks.ask, clientToken="once", count=1)
    assert code == "ConflictException"
    assert "The provided clientToken is already in use with a different RunTask request" in message
    assert all(task["taskArn"] in message for task in first)
    for task in first:
        tasks.ecs.stop_task(task=task["taskArn"])


def test_capacity_providers_share_by_base_and_weight(tasks):
    tasks.ecs.create_cluster(clusterName="providers", capacityProviders=["FARGATE", "FARGATE_SPOT"],
                             defaultCapacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT", "weight": 1}])
    strategy = [{"capacityProvider": "FARGATE", "base": 2, "weight": 1}, {"capacityProvider": "FARGATE_SPOT", "weight": 3}]
    made = tasks.ask(cluster="providers", launchType=None, capacityProviderStrategy=strategy, count=10)["tasks"]
    names = [task["capacityProviderName"] for task in made]
    assert (names[:2], names.count("FARGATE"), names.count("FARGATE_SPOT")) == (["FARGATE"] * 2, 4, 6)
    assert all(task["launchType"] == "FARGATE" for task in made)
    default = tasks.ask(cluster="providers", launchType=None)["tasks"][0]
    assert default["capacityProviderName"] == "FARGATE_SPOT"
    assert "capacityProviderName" not in tasks.ask(cluster="providers")["tasks"][0]
    for arn in tasks.ecs.list_tasks(cluster="providers")["taskArns"]:
        tasks.ecs.stop_task(cluster="providers", task=arn)


# ---- StopTask, DescribeTasks, ListTasks ----

UNKNOWN = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    "name, message",
    [
        ("short", "taskId length should be one of [32,36]"),
        ("arn:aws:ecs:nonsense", "Task Identifier is invalid"),
        (f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/other/{UNKNOWN}",
         "Invalid identifier: Identifier is for cluster other. Your cluster is default"),
        (f"arn:aws:ecs:eu-west-1:{ACCOUNT}:task/default/{UNKNOWN}",
         f"Invalid identifier: Identifier is for eu-west-1. Your region is {REGION}"),
        (f"arn:aws:ecs:{REGION}:111111111111:task/default/{UNKNOWN}",
         f"Invalid identifier: Identifier is for 111111111111. Your accountId is {ACCOUNT}"),
    ],
)
def test_identifiers_that_cannot_be(tasks, name, message):
    assert error_of(tasks.ecs.describe_tasks, tasks=[name]) == (INVALID, message)
    assert error_of(tasks.ecs.stop_task, task=name) == (INVALID, message)


def test_unknown_tasks_are_missing(tasks):
    arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/default/{UNKNOWN}"
    answer = tasks.ecs.describe_tasks(tasks=[UNKNOWN, arn])
    assert answer["tasks"] == []
    assert answer["failures"] == [{"arn": arn, "reason": "MISSING"}] * 2
    assert error_of(tasks.ecs.stop_task, task=UNKNOWN) == (INVALID, "The referenced task was not found.")
    assert error_of(tasks.ecs.describe_tasks, tasks=[]) == (INVALID, "Tasks cannot be empty.")
    assert error_of(tasks.ecs.describe_tasks, tasks=[UNKNOWN] * 101) == (INVALID, "tasks can have at most 100 items.")
    assert error_of(tasks.ecs.describe_tasks, cluster="nowhere", tasks=[UNKNOWN])[0] == "ClusterNotFoundException"


def test_lists_are_filtered_and_cut_into_pages(tasks):
    tasks.ecs.create_cluster(clusterName="lists")
    tasks.register("other", ["app"])
    app = [t["taskArn"] for t in tasks.ask(cluster="lists", count=7, startedBy="alice")["tasks"]]
    other = [t["taskArn"] for t in tasks.ask(cluster="lists", count=2, taskDefinition="other", startedBy="bob")["tasks"]]

    def listed(**filters):
        pages = list(tasks.ecs.get_paginator("list_tasks").paginate(
            cluster="lists", PaginationConfig={"PageSize": 2}, **filters))
        assert all(len(page["taskArns"]) <= 2 for page in pages)
        arns = [arn for page in pages for arn in page["taskArns"]]
        assert len(set(arns)) == len(arns)
        return set(arns)

    assert listed() == set(app + other)
    assert listed(family="app") == set(app)
    assert listed(startedBy="bob") == set(other)
    assert listed(startedBy="nobody") == set()
    assert listed(family="other", launchType="FARGATE") == set(other)
    assert listed(launchType="EC2") == set()
    assert listed(desiredStatus="PENDING") == set()
    tasks.ecs.stop_task(cluster="lists", task=app[0])
    assert listed(desiredStatus="STOPPED") == {app[0]}
    assert listed(desiredStatus="STOPPED", family="other") == set()
    assert listed(desiredStatus="RUNNING") == set(app[1:] + other)
    assert tasks.ecs.list_tasks(cluster="lists", maxResults=8).get("nextToken") is None
    for arn in app[1:] + other:
        tasks.ecs.stop_task(cluster="lists", task=arn)


@pytest.mark.parametrize(
    "filters, code",
    [
        ({"startedBy": "a", "family": "b"}, INVALID),
        ({"maxResults": 101}, INVALID),
        ({"maxResults": 0}, INVALID),
        ({"nextToken": "made-up"}, INVALID),
        ({"serviceName": "web"}, "ServiceNotFoundException"),
        ({"containerInstance": UNKNOWN}, INVALID),
        ({"cluster": "nowhere"}, "ClusterNotFoundException"),
    ],
)
def test_lists_that_are_refused(tasks, filters, code):
    assert error_of(tasks.ecs.list_tasks, **filters)[0] == code


def test_protection_is_for_tasks_of_services(tasks):
    arn = tasks.run()
    assert error_of(tasks.ecs.stop_task, task=arn, reason="x" * 1025) == (INVALID, "reason longer than 1024.")
    refused = {"arn": arn, "reason": "TASK_NOT_VALID", "detail": "The specified task is not part of an Amazon ECS service."}
    answer = tasks.ecs.update_task_protection(cluster="default", tasks=[arn], protectionEnabled=True)
    assert (answer["protectedTasks"], answer["failures"]) == ([], [refused])
    assert tasks.ecs.get_task_protection(cluster="default", tasks=[arn])["failures"] == [refused]
    tasks.ecs.stop_task(task=arn)


# ---- a task's life on a host ----


def test_a_task_runs_and_is_stopped(hosted):
    arn = hosted.run(networkConfiguration=hosted.network)
    waiter = hosted.ecs.get_waiter("tasks_running")
    waiter.config.delay = 1
    waiter.wait(tasks=[arn])
    task = hosted.show(arn)
    assert (task["lastStatus"], task["connectivity"], task["attachments"][0]["status"]) == ("RUNNING", "CONNECTED", "ATTACHED")
    assert task["createdAt"] <= task["pullStartedAt"] <= task["pullStoppedAt"] <= task["startedAt"]
    assert all(c["lastStatus"] == "RUNNING" and c["runtimeId"] and c["imageDigest"] for c in task["containers"])
    version = task["version"]
    stopping = hosted.ecs.stop_task(task=arn, reason="enough")["task"]
    assert (stopping["lastStatus"], stopping["desiredStatus"], stopping["stoppedReason"]) == ("RUNNING", "STOPPED", "enough")
    waiter = hosted.ecs.get_waiter("tasks_stopped")
    waiter.config.delay = 1
    waiter.wait(tasks=[arn])
    task = hosted.show(arn)
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "enough")
    assert task["startedAt"] <= task["stoppingAt"] <= task["executionStoppedAt"] <= task["stoppedAt"]
    assert [c["exitCode"] for c in task["containers"]] == [143, 143]
    assert task["attachments"][0]["status"] == "DELETED"
    assert task["version"] > version
    again = hosted.ecs.stop_task(task=arn, reason="once more")["task"]
    assert (again["lastStatus"], again["stoppedReason"], again["version"]) == ("STOPPED", "enough", task["version"])


def test_the_stock_cli_waits_for_tasks(hosted):
    network = "awsvpcConfiguration={subnets=[%s]}" % ",".join(hosted.subnets)
    arn = hosted.server.aws("ecs", "run-task", "--task-definition", "app", "--launch-type", "FARGATE", "--network-configuration",
                            network, "--query", "tasks[0].taskArn")
    hosted.server.aws("ecs", "wait", "tasks-running", "--tasks", arn)
    assert arn in hosted.server.aws("ecs", "list-tasks").split()
    hosted.server.aws("ecs", "stop-task", "--task", arn)
    hosted.server.aws("ecs", "wait", "tasks-stopped", "--tasks", arn)
    shown = hosted.server.aws("ecs", "describe-tasks", "--tasks", arn, "--query", "tasks[0].[lastStatus,stopCode]")
    assert shown.split() == ["STOPPED", "UserInitiated"]
    assert arn in hosted.server.aws("ecs", "list-tasks", "--desired-status", "STOPPED").split()


def test_an_essential_container_exits(hosted):
    task = hosted.until(hosted.run("exit=3"), "STOPPED")
    assert (task["stopCode"], task["stoppedReason"]) == ("EssentialContainerExited", "Essential container in task exited")
    assert task["containers"][0]["exitCode"] == 3
    assert task["desiredStatus"] == "STOPPED"


def test_an_image_cannot_be_pulled(hosted):
    task = hosted.until(hosted.run("pull-fails"), "STOPPED")
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith("CannotPullContainerError")
    assert task["containers"][0]["reason"] == task["stoppedReason"]
    assert "exitCode" not in task["containers"][0]
    assert "startedAt" not in task


@pytest.mark.parametrize("status", ["PENDING", "ACTIVATING"])
def test_a_task_is_stopped_before_it_runs(hosted, status):
    arn = hosted.run(f"hold={status}")
    task = hosted.until(arn, status)
    assert task["attachments"][0]["status"] == {"PENDING": "ATTACHING", "ACTIVATING": "ATTACHED"}[status]
    hosted.ecs.stop_task(task=arn)
    task = hosted.until(arn, "STOPPED")
    assert task["stopCode"] == "UserInitiated"
    assert "startedAt" not in task


@pytest.mark.parametrize("word, health", [("healthy", "HEALTHY"), ("unhealthy", "UNHEALTHY"), ("silent", "UNKNOWN")])
def test_health_is_that_of_essential_containers(hosted, word, health):
    definition = {"name": "app", "image": "app:1", "healthCheck": {"command": ["CMD", "true"]}}
    hosted.register("checked", [], containerDefinitions=[definition])
    arn = hosted.run(word, taskDefinition="checked")
    task = hosted.until(arn, "RUNNING")
    assert (task["healthStatus"], task["containers"][0]["healthStatus"]) == (health, health)
    hosted.ecs.stop_task(task=arn)
    arn = hosted.run(word)  # without a check nothing is known of the task
    assert hosted.until(arn, "RUNNING")["healthStatus"] == "UNKNOWN"
    hosted.ecs.stop_task(task=arn)


def test_events_of_a_task_that_waits_for_its_host(tmp_path):
    """No host at first; one comes; it is lost and forgets; a full one answers failures."""
    server = Server(str(tmp_path))
    server.start()
    tasks = Tasks(server)
    arn = tasks.run()
    assert tasks.show(arn)["lastStatus"] == "PROVISIONING"
    host = StandIn(server, "--cpu", "256", "--memory", "1100")
    tasks.until(arn, "RUNNING")
    host.kill()
    eventually(lambda: tasks.show(arn)["connectivity"] == "DISCONNECTED", what="the outage")
    assert tasks.show(arn)["lastStatus"] == "RUNNING"
    host = StandIn(server, "--cpu", "256", "--memory", "1100")
    task = tasks.until(arn, "STOPPED")
    assert (task["stopCode"], task["stoppedReason"]) == ("TerminationNotice", "Host stand-in-0 no longer has this task.")

    # A MiB of the host is promised four times: eight tasks of 512.
    answer = tasks.ask(count=10)
    assert len(answer["tasks"]) == 8
    assert [f["reason"] for f in answer["failures"]] == [CAPACITY] * 2
    assert answer["failures"][0]["detail"].startswith("256 CPU units and 512 MiB are asked for")
    assert tasks.ask()["failures"][0]["reason"] == CAPACITY
    tasks.ecs.stop_task(task=answer["tasks"][0]["taskArn"])
    tasks.until(answer["tasks"][0]["taskArn"], "STOPPED")
    tasks.until(tasks.run(), "RUNNING")
    host.stop()
    server.stop()


def test_nothing_of_a_task_is_lost_by_sigkill(tmp_path):
    server = Server(str(tmp_path))
    server.start()
    host = StandIn(server)
    tasks = Tasks(server)
    running = [tasks.until(tasks.run(), "RUNNING") for _ in range(3)]
    stopped = tasks.until(tasks.run("exit=0"), "STOPPED")
    token = tasks.ask("hold=PENDING", clientToken="kept")["tasks"][0]["taskArn"]
    server.kill()
    server.start()
    tasks.begin()
    assert tasks.show(stopped["taskArn"]) == stopped
    assert tasks.ask("hold=PENDING", clientToken="kept")["tasks"][0]["taskArn"] == token
    for task in running:
        eventually(lambda: tasks.show(task["taskArn"]) == task, what="the task as it was")
        tasks.ecs.stop_task(task=task["taskArn"])
        tasks.until(task["taskArn"], "STOPPED")
    tasks.ecs.stop_task(task=token)
    tasks.until(token, "STOPPED")
    assert tasks.interfaces() == set()
    host.stop()
    server.stop()


def test_a_host_that_dies_while_the_server_is_down_is_lost(tmp_path):
    server = Server(str(tmp_path), "--auth", "open", "--clock-rate", "20")  # lost after six seconds
    server.start()
    host = StandIn(server)
    tasks = Tasks(server)
    arn = tasks.until(tasks.run(), "RUNNING")["taskArn"]
    server.kill()
    host.kill()
    server.start()
    tasks.begin()
    assert tasks.show(arn)["connectivity"] == "DISCONNECTED"
    task = tasks.until(arn, "STOPPED")
    assert (task["stopCode"], task["stoppedReason"]) == (
        "TerminationNotice", "Host stand-in-0 has not answered for 120 seconds.")
    assert tasks.interfaces() == set()
    server.stop()


def test_stopped_tasks_are_forgotten_after_an_hour(tmp_path):
    server = Server(str(tmp_path), "--auth", "open", "--clock-rate", "400")  # an hour passes in nine seconds
    server.start()
    host = StandIn(server)
    tasks = Tasks(server)
    arn = tasks.run("exit=0")
    tasks.until(arn, "STOPPED")
    answer = eventually(lambda: (a := tasks.ecs.describe_tasks(tasks=[arn]))["tasks"] == [] and a, what="the hour")
    assert answer["failures"] == [{"arn": arn, "reason": "MISSING"}]
    assert tasks.ecs.list_tasks(desiredStatus="STOPPED")["taskArns"] == []
    host.stop()
    server.stop()
