"""Task definitions with boto3, the aws CLI and bare requests: registered, shown, listed, deregistered, deleted."""

import datetime
import json
import urllib.error
import urllib.request

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.exceptions
import pytest
from conftest import eventually

ROLE = "arn:aws:iam::000000000000:role/ecsTaskExecutionRole"
APP = {"name": "app", "image": "nginx"}


def refusal(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as failure:
        call(**arguments)
    assert failure.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return failure.value.response["Error"]["Code"], failure.value.response["Error"]["Message"]


def fargate(family="web", containers=None, **more):
    return {"family": family, "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256",
            "memory": "512", "containerDefinitions": [APP] if containers is None else containers, **more}


@pytest.fixture(scope="module")
def ecs(server):
    return server.client("ecs")


@pytest.fixture
def account(open_server):
    """An account of its own for each test."""
    account.number = getattr(account, "number", 700000000000) + 1
    return Bare(open_server, str(account.number))


class Bare:
    """Requests as newer SDKs write them: Debian's does not know every operation and field."""

    def __init__(self, server, number):
        self.server = server
        self.ecs = server.client("ecs", aws_access_key_id=number, aws_secret_access_key="x")
        self.number = number

    def call(self, operation, **body):
        signed = botocore.awsrequest.AWSRequest("POST", self.server.url, data=json.dumps(body).encode(), headers={
            "X-Amz-Target": f"AmazonEC2ContainerServiceV20141113.{operation}",
            "Content-Type": "application/x-amz-json-1.1"})
        keys = botocore.credentials.Credentials(self.number, "x")
        botocore.auth.SigV4Auth(keys, "ecs", "us-east-1").add_auth(signed)
        request = urllib.request.Request(self.server.url, signed.data, dict(signed.headers), method="POST")
        try:
            with urllib.request.urlopen(request) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as refused:
            return json.loads(refused.read())


def test_every_field_is_kept(account):
    container = {
        "name": "app", "image": "nginx:1.27", "cpu": 128, "memory": 256, "memoryReservation": 128,
        "portMappings": [{"containerPort": 80, "hostPort": 80, "protocol": "tcp", "name": "web", "appProtocol": "http"},
                         {"containerPortRange": "9000-9010", "protocol": "udp"}],
        "essential": True, "restartPolicy": {"enabled": True, "ignoredExitCodes": [3], "restartAttemptPeriod": 60},
        "entryPoint": ["/bin/sh", "-c"], "command": ["echo hello"], "environment": [{"name": "A", "value": "b=c"}],
        "mountPoints": [{"sourceVolume": "data", "containerPath": "/data", "readOnly": True}],
        "volumesFrom": [{"sourceContainer": "side", "readOnly": True}],
        "linuxParameters": {"capabilities": {"add": ["SYS_PTRACE"], "drop": ["NET_RAW"]}, "initProcessEnabled": True,
                            "sharedMemorySize": 64,
                            "tmpfs": [{"containerPath": "/tmp", "size": 16, "mountOptions": ["noexec"]}]},
        "dependsOn": [{"containerName": "side", "condition": "COMPLETE"}], "startTimeout": 10, "stopTimeout": 120,
        "versionConsistency": "disabled", "user": "1000:1000", "workingDirectory": "/srv", "privileged": False,
        "readonlyRootFilesystem": True, "dockerLabels": {"a": "b"},
        "ulimits": [{"name": "nofile", "softLimit": 1024, "hardLimit": 4096}],
        "logConfiguration": {"logDriver": "awslogs", "options": {
            "awslogs-group": "web", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "app"}, "secretOptions": []},
        "healthCheck": {"command": ["CMD-SHELL", "true"], "interval": 5, "timeout": 2, "retries": 1, "startPeriod": 1},
        "systemControls": [{"namespace": "net.core.somaxconn", "value": "1024"}],
    }
    side = {"name": "side", "image": "busybox", "essential": False}
    asked = fargate("all", [container, side], taskRoleArn=ROLE.replace("000000000000", account.number),
                    executionRoleArn=ROLE.replace("000000000000", account.number), volumes=[{"name": "data", "host": {}}],
                    ephemeralStorage={"sizeInGiB": 30}, enableFaultInjection=False,
                    runtimePlatform={"operatingSystemFamily": "LINUX"})
    answer = account.call("RegisterTaskDefinition", **asked, tags=[{"key": "k", "value": "v"}])
    made = answer["taskDefinition"]
    for field in asked.keys() - {"containerDefinitions"}:
        assert made[field] == asked[field], field
    assert made["containerDefinitions"][0] == container
    assert answer["tags"] == [{"key": "k", "value": "v"}]
    shown = account.call("DescribeTaskDefinition", taskDefinition="all", include=["TAGS"])
    assert shown == {"taskDefinition": made, "tags": [{"key": "k", "value": "v"}]}
    assert account.call("DescribeTaskDefinition", taskDefinition="all:1")["tags"] == []


def test_defaults_and_computed_fields(ecs):
    made = ecs.register_task_definition(**fargate("computed", [dict(APP, portMappings=[{"containerPort": 80}])],
                                                  cpu=".25 vCPU", memory="0.5 GB", executionRoleArn="exec"))["taskDefinition"]
    assert made["taskDefinitionArn"] == "arn:aws:ecs:us-east-1:000000000000:task-definition/computed:1"
    assert (made["revision"], made["status"], made["cpu"], made["memory"]) == (1, "ACTIVE", "256", "512")
    assert made["executionRoleArn"] == "arn:aws:iam::000000000000:role/exec"
    assert made["registeredBy"] == "arn:aws:iam::000000000000:root"
    assert abs(made["registeredAt"] - datetime.datetime.now(datetime.timezone.utc)) < datetime.timedelta(minutes=5)
    assert made["compatibilities"] == ["EC2", "FARGATE"]
    assert {"name": "ecs.capability.task-eni"} in made["requiresAttributes"]
    assert made["containerDefinitions"] == [{
        "name": "app", "image": "nginx", "cpu": 0, "essential": True, "environment": [], "mountPoints": [],
        "volumesFrom": [], "systemControls": [],
        "portMappings": [{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}]}]
    assert made["volumes"] == made["placementConstraints"] == []


def test_an_ec2_definition_is_judged_by_ec2s_rules(ecs):
    made = ecs.register_task_definition(
        family="bridge", networkMode="bridge", requiresCompatibilities=["EC2"], volumes=[{"name": "etc", "host": {"sourcePath": "/etc"}}],
        containerDefinitions=[dict(APP, memory=128, privileged=True, links=[], portMappings=[{"containerPort": 80, "hostPort": 0}])])
    assert made["taskDefinition"]["compatibilities"] == ["EXTERNAL", "EC2"]
    assert made["taskDefinition"]["containerDefinitions"][0]["portMappings"][0]["hostPort"] == 0


@pytest.mark.parametrize("change, message", [
    ({"family": "a b"}, "Family contains invalid characters."),
    ({"networkMode": "bridge"}, "Fargate only supports network mode ‘awsvpc’."),
    ({"cpu": "300"}, "No Fargate configuration exists for given values: 300 CPU, 512 memory."),
    ({"memory": "lots"}, "Invalid 'memory' setting for task."),
    ({"containerDefinitions": []}, "Container list cannot be empty."),
    ({"containerDefinitions": [dict(APP, secrets=[{"name": "A", "valueFrom": "b"}])]}, "When you are specifying container secrets"),
    ({"containerDefinitions": [dict(APP, mountPoints=[{"sourceVolume": "v", "containerPath": "/v"}])]}, "Unknown volume 'v'."),
    ({"containerDefinitions": [APP, APP]}, "Container names must be unique within a Task Definition."),
    ({"ephemeralStorage": {"sizeInGiB": 300}}, "EphemeralStorage size should be at most 200"),
    ({"volumes": [{"name": "e", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}]}, "'efsVolumeConfiguration' is not supported"),
    ({"tags": []}, "Tags can not be empty."),
    ({"tags": [{"key": "aws:a", "value": "b"}]}, "The tag 'aws:a' is not allowed"),
    ({"taskRoleArn": "arn:aws:iam::1:role/x"}, "Role is not valid"),
])
def test_refusals_are_client_exceptions_and_take_no_number(ecs, change, message):
    code, said = refusal(ecs.register_task_definition, **{**fargate("refused"), **change})
    assert code == "ClientException" and message in said
    assert refusal(ecs.describe_task_definition, taskDefinition="refused") == (
        "ClientException", "Unable to describe task definition.")


@pytest.mark.parametrize("body", [
    {"family": 7, "containerDefinitions": []}, {"family": "a", "containerDefinitions": {}},
    {"family": "a", "containerDefinitions": [{"name": "a", "image": "b", "cpu": "one"}]},
    {"family": "a", "containerDefinitions": [None]},
    {"family": "a", "containerDefinitions": [{"portMappings": [{"containerPort": 1e300}]}]},
])
def test_malformed_requests_are_refused(account, body):
    answer = account.call("RegisterTaskDefinition", **body)
    assert answer["__type"].endswith(("SerializationException", "ClientException", "InvalidParameterException"))
    assert account.call("ListTaskDefinitions")["taskDefinitionArns"] == []


@pytest.mark.parametrize("body, text", [
    ({}, "family"), ({"family": "a"}, "containerDefinitions"),
    ({"family": "a", "containerDefinitions": [APP], "networkMode": "moon"}, "moon"),
    ({"family": "a", "containerDefinitions": [dict(APP, dependsOn=[{"containerName": "app"}])]}, "condition"),
])
def test_what_the_model_forbids_names_field_and_value(account, body, text):
    answer = account.call("RegisterTaskDefinition", **body)
    assert text in answer.get("message", answer.get("Message", "")), answer


def test_numbers_go_up_and_are_not_used_again(account):
    ecs = account.ecs
    arns = [ecs.register_task_definition(**fargate("counted"))["taskDefinition"]["taskDefinitionArn"] for _ in range(3)]
    assert [arn.split(":")[-1] for arn in arns] == ["1", "2", "3"]
    ecs.deregister_task_definition(taskDefinition="counted:3")
    assert ecs.describe_task_definition(taskDefinition="counted")["taskDefinition"]["revision"] == 2
    account.call("DeleteTaskDefinitions", taskDefinitions=["counted:3"])
    assert ecs.register_task_definition(**fargate("counted"))["taskDefinition"]["revision"] == 4


def test_deregister(ecs):
    arn = ecs.register_task_definition(**fargate("over"))["taskDefinition"]["taskDefinitionArn"]
    done = ecs.deregister_task_definition(taskDefinition=arn)["taskDefinition"]
    assert done["status"] == "INACTIVE" and "deregisteredAt" in done
    assert ecs.deregister_task_definition(taskDefinition=arn)["taskDefinition"] == done
    assert ecs.describe_task_definition(taskDefinition="over:1")["taskDefinition"]["status"] == "INACTIVE"
    assert refusal(ecs.describe_task_definition, taskDefinition="over")[0] == "ClientException"
    assert refusal(ecs.deregister_task_definition, taskDefinition="over:9") == (
        "ClientException", "Unable to deregister task definition.")
    for name in ["over", "over:x", "over:0", "over:-1", ":1", arn.replace("000000000000", "111111111111")]:
        assert refusal(ecs.deregister_task_definition, taskDefinition=name)[0] == "ClientException"


def test_delete_says_what_it_cannot(account):
    for _ in range(2):
        account.ecs.register_task_definition(**fargate("gone"))
    account.ecs.deregister_task_definition(taskDefinition="gone:1")
    answer = account.call("DeleteTaskDefinitions", taskDefinitions=["gone:1", "gone:2", "gone:3", "gone"])
    assert [(d["revision"], d["status"]) for d in answer["taskDefinitions"]] == [(1, "DELETE_IN_PROGRESS")]
    assert [(f["arn"], f["reason"]) for f in answer["failures"]] == [
        ("gone:2", "The specified task definition is still in ACTIVE status. Please deregister the target and try again."),
        ("gone:3", "The specified task definition does not exist. Specify a valid account, family, revision and try again."),
        ("gone", "The specified task definition identifier is invalid. Specify a valid name or ARN and try again."),
    ]
    assert account.call("DescribeTaskDefinition", taskDefinition="gone:1")["message"] == "Unable to describe task definition."
    assert "between 1 and 10" in account.call("DeleteTaskDefinitions", taskDefinitions=["a:1"] * 11)["message"]


def test_a_deleted_definition_stays_while_a_task_uses_it(account):
    ecs = account.ecs
    ecs.create_cluster()
    ecs.register_task_definition(**fargate("used"))
    subnet = account.server.client("ec2", aws_access_key_id=account.number,
                                   aws_secret_access_key="x").describe_subnets()["Subnets"][0]["SubnetId"]
    task = ecs.run_task(taskDefinition="used", launchType="FARGATE", networkConfiguration={
        "awsvpcConfiguration": {"subnets": [subnet]}})["tasks"][0]["taskArn"]
    ecs.deregister_task_definition(taskDefinition="used:1")
    account.call("DeleteTaskDefinitions", taskDefinitions=["used:1"])
    assert account.call("DescribeTaskDefinition", taskDefinition="used:1")["taskDefinition"]["status"] == "DELETE_IN_PROGRESS"
    assert account.call("ListTaskDefinitions", status="DELETE_IN_PROGRESS")["taskDefinitionArns"]
    assert account.call("DeregisterTaskDefinition", taskDefinition="used:1")["message"] == (
        "The task definition could not be deregistered because it is in the process of being deleted.")
    ecs.stop_task(task=task)
    eventually(lambda: "taskDefinition" not in account.call("DescribeTaskDefinition", taskDefinition="used:1"),
               what="the deletion")


def test_lists_filter_sort_and_page(account):
    ecs = account.ecs
    for family, count in [("a", 2), ("b", 11), ("ba", 1)]:
        for _ in range(count):
            ecs.register_task_definition(**fargate(family))
    ecs.deregister_task_definition(taskDefinition="b:1")
    names = lambda **arguments: [  # noqa: E731
        arn.split("/")[1] for page in ecs.get_paginator("list_task_definitions").paginate(**arguments)
        for arn in page["taskDefinitionArns"]]
    everything = ["a:1", "a:2", *[f"b:{i}" for i in range(2, 12)], "ba:1"]
    assert names() == everything
    for size in [1, 3, 13]:
        assert names(PaginationConfig={"PageSize": size}) == everything
        assert names(sort="DESC", PaginationConfig={"PageSize": size}) == everything[::-1]
    assert names(familyPrefix="b") == everything[2:-1]
    assert names(status="INACTIVE") == ["b:1"]
    assert names(familyPrefix="nothing") == []
    assert refusal(ecs.list_task_definitions, maxResults=101)[0] == "InvalidParameterException"


def test_families_filter_and_page(account):
    ecs = account.ecs
    for family in ["api", "app", "web"]:
        ecs.register_task_definition(**fargate(family))
    ecs.deregister_task_definition(taskDefinition="app:1")
    names = lambda **arguments: [  # noqa: E731
        family for page in ecs.get_paginator("list_task_definition_families").paginate(**arguments)
        for family in page["families"]]
    assert names() == names(status="ALL") == names(PaginationConfig={"PageSize": 1}) == ["api", "app", "web"]
    assert names(status="ACTIVE") == ["api", "web"]
    assert names(status="INACTIVE") == ["app"]
    assert names(familyPrefix="ap") == ["api", "app"]
    account.call("DeleteTaskDefinitions", taskDefinitions=["app:1"])
    assert names() == ["api", "web"]


def test_the_command_line_does_it_all(server, tmp_path):
    path = tmp_path / "definition.json"
    path.write_text(json.dumps(fargate("cli", executionRoleArn=ROLE)))
    aws = lambda *words: server.aws("ecs", *words)  # noqa: E731
    arn = aws("register-task-definition", "--cli-input-json", f"file://{path}", "--query", "taskDefinition.taskDefinitionArn")
    assert arn.endswith("task-definition/cli:1")
    skeleton = json.loads(aws("describe-task-definition", "--task-definition", "cli", "--output", "json"))["taskDefinition"]
    for field in ["taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities", "registeredAt", "registeredBy"]:
        del skeleton[field]
    path.write_text(json.dumps(skeleton))
    assert aws("register-task-definition", "--cli-input-json", f"file://{path}", "--query", "taskDefinition.revision") == "2"
    assert aws("list-task-definitions", "--family-prefix", "cli", "--sort", "DESC", "--query", "taskDefinitionArns[0]") == arn[:-1] + "2"
    assert aws("deregister-task-definition", "--task-definition", "cli:1", "--query", "taskDefinition.status") == "INACTIVE"
    assert aws("list-task-definition-families", "--family-prefix", "cli", "--query", "families") == "cli"
    failed = server.aws("ecs", "register-task-definition", "--family", "x", "--network-mode", "host",
                        "--requires-compatibilities", "FARGATE", "--container-definitions", '[{"name":"a","image":"b"}]', check=False)
    assert failed.returncode == 254 and "(ClientException)" in failed.stderr and "‘awsvpc’" in failed.stderr
