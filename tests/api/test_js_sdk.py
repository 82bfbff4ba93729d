"""The AWS SDK for JavaScript, newer than Debian's CLI: the same calls as other clients, in its own form on the wire."""

import json
import os
import pathlib
import subprocess
import time

import pytest
from conftest import ROOT

MODULES = ROOT / "build" / "js" / "node_modules"


@pytest.fixture(scope="module")
def js(server):
    def run(*calls):
        environment = dict(server.environment, PATH=os.environ["PATH"], NODE_PATH=str(MODULES), AWS_ENDPOINT_URL=server.url)
        done = subprocess.run(["node", pathlib.Path(__file__).parent / "js" / "call.cjs"], input=json.dumps(calls),
                              env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def call(service, command, **given):
    return {"service": service, "command": f"{command}Command", "input": given}


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
                                 call("ecs", "CreateService", serviceName="later", taskDefinition="js"))
    assert (missing["error"], missing["status"]) == ("ClusterNotFoundException", 400)
    assert wrong["error"] == "RepositoryNotFoundException"
    assert refused["error"] == "UnsupportedOperation" and "CreateService" in refused["message"]


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
