"""ExecuteCommand where there is nothing to run in: what is refused, and how; permissions; what a cluster may configure."""

import json
import urllib.error
import urllib.request

import pytest


@pytest.fixture(scope="module")
def ecs(server):
    ecs = server.client("ecs")
    ecs.create_cluster(clusterName="exec")
    return ecs


def refused(call, code, text, **more):
    with pytest.raises(call.__self__.exceptions.ClientError) as error:
        call(**more)
    assert error.value.response["Error"]["Code"] == code
    assert text in error.value.response["Error"]["Message"]
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


TASK = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize("change, code, text", [
    ({"interactive": False}, "InvalidParameterException", "Interactive is the only mode supported currently."),
    ({"command": ""}, "InvalidParameterException", "Command can not be blank."),
    ({"command": "x" * 70000}, "InvalidParameterException", "Command is longer than 65536 characters."),
    ({"cluster": "nosuch"}, "ClusterNotFoundException", "Cluster not found."),
    ({"task": "short"}, "InvalidParameterException", "taskId length should be one of [32,36]"),
    ({}, "InvalidParameterException", "The referenced task was not found."),
])
def test_what_is_refused(ecs, change, code, text):
    refused(ecs.execute_command, code, text,
            **{"cluster": "exec", "task": TASK, "command": "/bin/sh", "interactive": True, **change})


@pytest.mark.parametrize("configuration, text", [
    ({"kmsKeyId": "alias/x"}, "kmsKeyId"),
    ({"logging": "OVERRIDE", "logConfiguration": {"s3BucketName": "bucket"}}, "Amazon S3"),
    ({"logging": "OVERRIDE", "logConfiguration": {"cloudWatchLogGroupName": "g", "cloudWatchEncryptionEnabled": True}},
     "cloudWatchEncryptionEnabled"),
])
def test_what_a_cluster_cannot_configure_is_refused_by_name(ecs, configuration, text):
    refused(ecs.create_cluster, "ClientException", text, clusterName="never",
            configuration={"executeCommandConfiguration": configuration})
    assert ecs.describe_clusters(clusters=["never"])["failures"][0]["reason"] == "MISSING"


def test_a_task_that_is_to_have_it_needs_a_role(server, ecs):
    ecs.register_task_definition(family="roleless", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256",
                                 memory="512", containerDefinitions=[{"name": "main", "image": "x"}])
    subnet = server.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    refused(ecs.run_task, "InvalidParameterException", "a valid taskRoleArn is not being used", cluster="exec",
            taskDefinition="roleless", launchType="FARGATE", enableExecuteCommand=True,
            networkConfiguration={"awsvpcConfiguration": {"subnets": [subnet]}})


def test_permission_is_needed_on_cluster_and_task_and_for_the_container(server, ecs):
    iam = server.client("iam")
    iam.create_user(UserName="executor")
    key = iam.create_access_key(UserName="executor")["AccessKey"]
    executor = server.client("ecs", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])

    def allow(resources, **condition):
        statement = {"Effect": "Allow", "Action": "ecs:ExecuteCommand", "Resource": resources}
        if condition:
            statement["Condition"] = {"StringEquals": {f"ecs:{name.replace('_', '-')}": value for name, value in condition.items()}}
        iam.put_user_policy(UserName="executor", PolicyName="exec",
                            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))

    cluster = "arn:aws:ecs:us-east-1:000000000000:cluster/exec"
    task = f"arn:aws:ecs:us-east-1:000000000000:task/exec/{TASK}"
    asked = {"cluster": "exec", "task": TASK, "command": "/bin/sh", "interactive": True, "container": "main"}
    there = ("InvalidParameterException", "The referenced task was not found.")  # allowed, that is
    refused(executor.execute_command, "AccessDeniedException", "ecs:ExecuteCommand", **asked)
    allow([cluster])
    refused(executor.execute_command, "AccessDeniedException", task, **asked)
    allow([task])
    refused(executor.execute_command, "AccessDeniedException", cluster, **asked)
    allow([cluster, task])
    refused(executor.execute_command, *there, **asked)
    allow([cluster, task], container_name="main")
    refused(executor.execute_command, *there, **asked)
    refused(executor.execute_command, "AccessDeniedException", "ecs:ExecuteCommand", **{**asked, "container": "other"})
    allow([cluster, task], cluster=cluster)
    refused(executor.execute_command, *there, **asked)


def test_sessions_are_resumed_and_terminated_by_those_who_may(server):
    iam, ssm = server.client("iam"), server.client("ssm")
    session = "ecs-execute-command-0123456789abcdef0"
    assert "TokenValue" not in ssm.resume_session(SessionId=session)  # the plugin says "timed out" then
    assert ssm.terminate_session(SessionId=session)["SessionId"] == session
    iam.create_user(UserName="resumer")
    key = iam.create_access_key(UserName="resumer")["AccessKey"]
    resumer = server.client("ssm", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    arn = f"arn:aws:ssm:us-east-1:000000000000:session/{session}"
    iam.put_user_policy(UserName="resumer", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "ssm:ResumeSession", "Resource": arn}]}))
    resumer.resume_session(SessionId=session)
    for call, name in ((resumer.terminate_session, session), (resumer.resume_session, session + "1")):
        with pytest.raises(call.__self__.exceptions.ClientError) as error:
            call(SessionId=name)
        assert error.value.response["Error"]["Code"] == "AccessDeniedException"


def test_a_data_channel_is_a_websocket(server):
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(f"{server.url}/v1/data-channel/ecs-execute-command-0?role=publish_subscribe")
    assert error.value.code in (400, 426)


def test_a_channel_without_a_valid_token_is_closed(server):
    from data_channel import DataChannel
    session = {"streamUrl": f"ws://{server.listen}/v1/data-channel/ecs-execute-command-0?role=publish_subscribe"}
    for token in ("0" * 64, "x" * 10000, "é"):
        channel = DataChannel(session, token=token)
        assert channel.wait() is None
        assert channel.websocket.goodbye[0] == 1008
