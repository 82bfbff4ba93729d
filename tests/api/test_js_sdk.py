"""The AWS SDK for JavaScript, newer than Debian's CLI: the same calls as other clients, in its own form on the wire."""

import time

import js_sdk
import pytest
from conftest import StandIn
from js_sdk import call, pages, waits


@pytest.fixture(scope="module")
def js(server):
    return lambda *calls: js_sdk.run(server, *calls)


def test_ecs_clusters_and_task_definitions(js):
    page = {"name": "page", "image": "busybox", "essential": True, "portMappings": [{"containerPort": 80}]}
    made, registered, described, listed = js(
        call("ecs", "CreateCluster", clusterName="js", tags=[{"key": "made", "value": "here"}]),
        call("ecs", "RegisterTaskDefinition", family="js", networkMode="awsvpc", cpu="256", memory="512",
             requiresCompatibilities=["FARGATE"], containerDefinitions=[page]),
        call("ecs", "DescribeClusters", clusters=["js", "nowhere"], include=["TAGS"]),
        call("ecs", "ListTaskDefinitions", familyPrefix="js"))
    assert made["output"]["cluster"]["status"] == "ACTIVE" and len(made["requestId"]) == 36
    assert registered["output"]["taskDefinition"]["taskDefinitionArn"].endswith(":task-definition/js:1")
    assert registered["output"]["taskDefinition"]["registeredAt"].startswith("20")
    assert described["output"]["clusters"][0]["tags"] == [{"key": "made", "value": "here"}]
    assert described["output"]["failures"][0]["reason"] == "MISSING"
    assert listed["output"]["taskDefinitionArns"] == [registered["output"]["taskDefinition"]["taskDefinitionArn"]]


def test_errors_have_their_names(js):
    missing, wrong, refused = js(call("ecs", "DescribeTasks", cluster="nowhere", tasks=["x"]),
                                 call("ecr", "DescribeRepositories", repositoryNames=["nowhere"]),
                                 call("ecs", "CreateCapacityProvider", name="later"))
    assert (missing["error"], missing["status"]) == ("ClusterNotFoundException", 400)
    assert wrong["error"] == "RepositoryNotFoundException"
    assert refused["error"] == "UnsupportedOperation" and "CreateCapacityProvider" in refused["message"]


def test_ec2_query_and_sts_query(js):
    vpcs, group, who = js(call("ec2", "DescribeVpcs", Filters=[{"Name": "is-default", "Values": ["true"]}]),
                          call("ec2", "CreateSecurityGroup", GroupName="js", Description="from JavaScript"),
                          call("sts", "GetCallerIdentity"))
    assert vpcs["output"]["Vpcs"][0]["IsDefault"] is True
    assert group["output"]["GroupId"].startswith("sg-")
    assert who["output"]["Arn"] == "arn:aws:iam::000000000000:root"


def test_ecr_and_logs(js):
    made, token, _, _, put, got = js(
        call("ecr", "CreateRepository", repositoryName="js/app"),
        call("ecr", "GetAuthorizationToken"),
        call("logs", "CreateLogGroup", logGroupName="/js"),
        call("logs", "CreateLogStream", logGroupName="/js", logStreamName="s"),
        call("logs", "PutLogEvents", logGroupName="/js", logStreamName="s",
             logEvents=[{"timestamp": time.time_ns() // 1_000_000, "message": "grüezi"}]),
        call("logs", "GetLogEvents", logGroupName="/js", logStreamName="s", startFromHead=True))
    assert made["output"]["repository"]["repositoryUri"].endswith("/js/app")
    assert token["output"]["authorizationData"][0]["authorizationToken"]
    assert "rejectedLogEventsInfo" not in put["output"]
    assert [event["message"] for event in got["output"]["events"]] == ["grüezi"]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_pages_of_every_size(server, size):
    ecs = server.client("ecs")
    names = [f"paged-{i}" for i in range(7)]
    for name in names:
        ecs.create_cluster(clusterName=name)
        ecs.register_task_definition(family=name, containerDefinitions=[{"name": "a", "image": "a", "memory": 8}])
    clusters, families, definitions = js_sdk.outputs(
        server, pages("ecs", "ListClusters", size), pages("ecs", "ListTaskDefinitionFamilies", size, familyPrefix="paged-"),
        pages("ecs", "ListTaskDefinitions", size, sort="DESC"))
    assert set(names) <= {arn.rsplit("/")[-1] for page in clusters for arn in page["clusterArns"]}
    assert [family for page in families for family in page["families"]] == names
    assert all(len(page["families"]) <= size for page in families)
    listed = [arn for page in definitions for arn in page["taskDefinitionArns"]]
    assert listed == sorted(set(listed), key=lambda arn: (arn.split("/")[1].split(":")[0], int(arn.split(":")[-1])), reverse=True)
    for name in names:
        ecs.delete_cluster(cluster=name)


def test_pages_of_other_services(server):
    ecr, logs, ec2 = server.client("ecr"), server.client("logs"), server.client("ec2")
    for i in range(7):
        ecr.create_repository(repositoryName=f"paged/{i}")
        logs.create_log_group(logGroupName=f"paged-{i}")
        ec2.create_security_group(GroupName=f"paged-{i}", Description="x")
    repositories, groups, security = js_sdk.outputs(
        server, pages("ecr", "DescribeRepositories", 2), pages("logs", "DescribeLogGroups", 3, logGroupNamePrefix="paged-"),
        pages("ec2", "DescribeSecurityGroups", 5))
    assert {f"paged/{i}" for i in range(7)} <= {one["repositoryName"] for page in repositories for one in page["repositories"]}
    assert [len(page["logGroups"]) for page in groups] == [3, 3, 1]
    names = [one["GroupName"] for page in security for one in page["SecurityGroups"]]
    assert len(names) == len(ec2.describe_security_groups()["SecurityGroups"]) and len(security) > 1


def test_a_task_runs_and_stops(server):
    subnet = server.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    network = {"awsvpcConfiguration": {"subnets": [subnet], "assignPublicIp": "ENABLED"}}
    hosts = StandIn(server)
    try:
        _, _, started = js_sdk.outputs(
            server, call("ecs", "CreateCluster", clusterName="js-tasks"),
            call("ecs", "RegisterTaskDefinition", family="js-tasks", networkMode="awsvpc", cpu="256", memory="512",
                 requiresCompatibilities=["FARGATE"], containerDefinitions=[
                     {"name": "a", "image": "a", "restartPolicy": {"enabled": True, "restartAttemptPeriod": 60}}]),
            call("ecs", "RunTask", cluster="js-tasks", taskDefinition="js-tasks", launchType="FARGATE", count=2, networkConfiguration=network))
        assert started["failures"] == []
        tasks = [task["taskArn"] for task in started["tasks"]]
        named = {"cluster": "js-tasks", "tasks": tasks}
        running, described, listed, *_, stopped, after = js_sdk.outputs(
            server, waits("ecs", "TasksRunning", 90, **named), call("ecs", "DescribeTasks", **named),
            pages("ecs", "ListTasks", 1, cluster="js-tasks"),
            *(call("ecs", "StopTask", cluster="js-tasks", task=task, reason="enough") for task in tasks),
            waits("ecs", "TasksStopped", 90, **named), call("ecs", "DescribeTasks", **named))
        assert running["state"] == stopped["state"] == "SUCCESS"
        assert [task["lastStatus"] for task in described["tasks"]] == ["RUNNING", "RUNNING"]
        assert {arn for page in listed for arn in page["taskArns"]} == set(tasks)
        assert [task["stoppedReason"] for task in after["tasks"]] == ["enough", "enough"]
    finally:
        hosts.stop()


def test_waiters_that_cannot_succeed_say_so(js):
    missing, = js(waits("ecs", "TasksRunning", 5, cluster="default", tasks=["0" * 32]))
    assert "error" in missing
