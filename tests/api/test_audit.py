"""The audit log: every call of somebody who is known, in CloudTrail's shape, and `berth audit`."""

import json
import os
import stat
import subprocess

import botocore.exceptions
import pytest
from conftest import BERTH, CLEAN


def events(server, *filters):
    printed = server.berth("audit", "--data", server.directory, "--json", *filters).stdout
    return [json.loads(line) for line in printed.splitlines()]


def test_a_call_is_an_event_in_cloudtrails_shape(server):
    answer = server.client("ecs").create_cluster(clusterName="watched", tags=[{"key": "Team", "value": "A"}])
    event = events(server, "--event", "CreateCluster")[-1]
    account = answer["cluster"]["clusterArn"].split(":")[4]
    assert event["eventSource"] == "ecs.amazonaws.com" and event["awsRegion"] == "us-east-1"
    assert event["userIdentity"] == {"type": "Root", "principalId": account, "arn": f"arn:aws:iam::{account}:root",
                                     "accountId": account, "accessKeyId": server.environment["AWS_ACCESS_KEY_ID"]}
    assert event["requestParameters"] == {"clusterName": "watched", "tags": [{"key": "Team", "value": "A"}]}
    assert event["requestID"] == answer["ResponseMetadata"]["RequestId"]
    assert event["sourceIPAddress"] == "127.0.0.1" and event["userAgent"].startswith("Boto3/")
    assert event["readOnly"] is False and event["managementEvent"] is True and event["eventCategory"] == "Management"
    assert "errorCode" not in event
    assert set(event) >= {"eventVersion", "eventTime", "eventID", "eventType", "recipientAccountId", "responseElements"}


def test_members_are_named_as_cloudtrail_names_them(server):
    server.client("ec2").describe_vpcs(MaxResults=5)
    event = events(server, "--event", "DescribeVpcs")[-1]
    assert event["requestParameters"] == {"maxResults": 5}
    assert event["eventSource"] == "ec2.amazonaws.com" and event["readOnly"] is True


def test_a_refusal_has_its_code_and_words(server):
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        server.client("ecs").list_tasks(cluster="nowhere")
    event = events(server, "--event", "ListTasks")[-1]
    assert event["errorCode"] == "ClusterNotFoundException"
    assert event["errorMessage"] == refused.value.response["Error"]["Message"]


def test_who_is_not_known_leaves_no_event(server):
    before = len(events(server))
    with pytest.raises(botocore.exceptions.ClientError):
        server.client("ecs", aws_secret_access_key="wrong").list_clusters()
    assert len(events(server)) == before


def test_bulk_is_a_data_event_without_its_contents(server):
    logs = server.client("logs")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[{"timestamp": 1, "message": "very private"}])
    event = events(server, "--event", "PutLogEvents")[-1]
    assert event["eventCategory"] == "Data" and event["requestParameters"] is None
    with open(os.path.join(server.directory, "audit.log")) as file:
        assert "very private" not in file.read()


def test_a_pull_and_a_push_are_events(server):
    ecr = server.client("ecr")
    ecr.create_repository(repositoryName="pulled")
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    subprocess.run(["curl", "-s", "-o", os.devnull, "-H", f"Authorization: Basic {token}",
                    f"{server.url}/v2/pulled/manifests/latest"], env=CLEAN, check=True, timeout=60)
    event = events(server, "--event", "BatchGetImage")[-1]
    assert event["eventSource"] == "ecr.amazonaws.com" and event["eventCategory"] == "Data"
    assert event["resources"][0]["ARN"].endswith(":repository/pulled")
    assert event["errorCode"]


def test_filters(server):
    server.client("sts").get_caller_identity()
    root = server.environment["AWS_ACCESS_KEY_ID"]
    assert {e["eventSource"] for e in events(server, "--service", "sts")} == {"sts.amazonaws.com"}
    assert {e["eventName"] for e in events(server, "--event", "GetCallerIdentity")} == {"GetCallerIdentity"}
    assert events(server, "--user", root) and not events(server, "--user", "nobody")
    assert events(server, "--since", "1h") and not events(server, "--until", "1h")
    assert not events(server, "--since", "2099-01-01T00:00:00Z")
    assert events(server, "--account", "000000000000") and not events(server, "--account", "111111111111")


def test_what_was_refused_by_policy(server):
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        server.client("ecs").tag_resource(resourceArn="arn:aws:ecs:us-east-1:222222222222:cluster/x", tags=[])
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
    denied = events(server, "--denied")
    assert denied and all(e["errorCode"].startswith("AccessDenied") for e in denied)
    table = server.berth("audit", "--data", server.directory, "--denied").stdout
    assert "TagResource" in table and "arn:aws:iam::000000000000:root" in table


def test_following(server):
    command = [BERTH, "audit", "--data", server.directory, "--follow", "--json", "--event", "DescribeClusters"]
    following = subprocess.Popen(command, env=CLEAN, stdout=subprocess.PIPE, text=True)
    try:
        server.client("ecs").describe_clusters()
        assert json.loads(following.stdout.readline())["eventName"] == "DescribeClusters"
    finally:
        following.kill()
        following.wait()
        following.stdout.close()


def test_nobody_else_may_read_it_and_it_survives_a_kill(server):
    server.client("ecs").create_cluster(clusterName="before-the-kill")
    server.kill()
    assert any(e["requestParameters"] == {"clusterName": "before-the-kill"} for e in events(server))
    assert stat.S_IMODE(os.stat(os.path.join(server.directory, "audit.log")).st_mode) == 0o600
    server.start()
    server.client("ecs").list_clusters()
    assert events(server)[-1]["eventName"] == "ListClusters"


@pytest.mark.parametrize("wrong", [("--since", "soon"), ("--since", "12"), ("--until", "-3h")])
def test_a_wrong_time_is_told(server, wrong):
    done = server.berth("audit", "--data", server.directory, *wrong, check=False)
    assert done.returncode != 0 and wrong[1] in done.stderr


def test_without_a_log_it_says_so(tmp_path):
    done = subprocess.run([BERTH, "audit", "--data", str(tmp_path)], env=CLEAN, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "audit.log" in done.stderr
