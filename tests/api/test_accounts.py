"""`berth account`: several accounts in one installation, none of which sees another."""

import json
import urllib.error
import urllib.request

import botocore.exceptions
import pytest


def account(server, *arguments, check=True):
    return server.berth("account", *arguments, "--data", server.directory, "--listen", server.listen, check=check)


def env(server, account_id, check=True):
    return server.berth("env", "--data", server.directory, "--listen", server.listen, "--account", account_id, check=check)


def client_of(server, made, service, **more):
    return server.client(service, aws_access_key_id=made["accessKeyId"], aws_secret_access_key=made["secretAccessKey"], **more)


@pytest.fixture(scope="module")
def other(server):
    return json.loads(account(server, "create", "--json").stdout)


def test_a_new_account_has_a_root_key_that_works(server, other):
    assert len(other["accountId"]) == 12 and other["accountId"].isdigit()
    identity = client_of(server, other, "sts").get_caller_identity()
    assert identity["Account"] == other["accountId"] and identity["Arn"] == f"arn:aws:iam::{other['accountId']}:root"
    assert client_of(server, other, "ec2").describe_vpcs()["Vpcs"][0]["OwnerId"] == other["accountId"]


def test_nothing_of_one_is_seen_by_another(server, other):
    server.client("ecs").create_cluster(clusterName="mine")
    server.client("ecr").create_repository(repositoryName="mine")
    server.client("logs").create_log_group(logGroupName="mine")
    assert client_of(server, other, "ecs").list_clusters()["clusterArns"] == []
    assert client_of(server, other, "ecr").describe_repositories()["repositories"] == []
    assert client_of(server, other, "logs").describe_log_groups()["logGroups"] == []
    mine = server.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        client_of(server, other, "ec2").describe_vpcs(VpcIds=[mine])
    assert refused.value.response["Error"]["Code"] == "InvalidVpcID.NotFound"


def test_an_id_of_ones_own_choice_and_only_once(server):
    made = json.loads(account(server, "create", "123456789012", "--json").stdout)
    assert made["accountId"] == "123456789012"
    again = account(server, "create", "123456789012", check=False)
    assert again.returncode == 1 and "there is such an account" in again.stderr
    listed = account(server, "list").stdout
    assert "123456789012" in listed and "000000000000" in listed
    assert made["secretAccessKey"] not in listed


def test_env_of_an_account(server, other):
    lines = env(server, other["accountId"]).stdout.splitlines()
    assert f"export AWS_ACCESS_KEY_ID={other['accessKeyId']}" in lines
    assert f"export AWS_SECRET_ACCESS_KEY={other['secretAccessKey']}" in lines
    assert f"export AWS_ENDPOINT_URL={server.url}" in lines
    missing = env(server, "999999999999", check=False)
    assert missing.returncode == 1 and "berth account create 999999999999" in missing.stderr


def test_an_account_survives_a_restart(server, other):
    server.stop()
    server.start()
    assert client_of(server, other, "sts").get_caller_identity()["Account"] == other["accountId"]


@pytest.mark.parametrize("wrong", ["12", "12345678901x", "1234567890123"])
def test_a_wrong_id_is_told(server, wrong):
    done = account(server, "create", wrong, check=False)
    assert done.returncode == 1 and wrong in done.stderr


@pytest.mark.parametrize("wrong", [(), ("destroy",), ("list", "more"), ("create", "123456789012", "more")])
def test_wrong_usage_is_told(server, wrong):
    assert account(server, *wrong, check=False).returncode == 2


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_only_the_operator_may_ask(server, method):
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(server.url + "/_berth/accounts", method=method), timeout=60)
    assert refused.value.code == 403
