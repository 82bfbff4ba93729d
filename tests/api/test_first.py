"""The calls that every other test stands on: identity, signatures, the default VPC, errors in each protocol's form."""

import subprocess
import urllib.request

import botocore.exceptions
import pytest
from conftest import BERTH, CLEAN, Server, eventually


def code_of(failure):
    return failure.value.response["Error"]["Code"]


def test_who_am_i(server):
    assert server.aws("sts", "get-caller-identity", "--query", "Arn") == "arn:aws:iam::000000000000:root"
    assert server.client("sts").get_caller_identity()["Account"] == "000000000000"


@pytest.mark.parametrize(
    "service, call, code",
    [("ecs", "list_tasks", "InvalidSignatureException"), ("sts", "get_caller_identity", "SignatureDoesNotMatch"),
     ("ec2", "describe_vpcs", "AuthFailure")],
)
def test_a_wrong_secret_is_refused(server, service, call, code):
    with pytest.raises(botocore.exceptions.ClientError) as failure:
        getattr(server.client(service, aws_secret_access_key="wrong"), call)()
    assert code_of(failure) == code
    assert failure.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 401, 403)


def test_an_unknown_key_is_refused(server):
    with pytest.raises(botocore.exceptions.ClientError) as failure:
        server.client("ecs", aws_access_key_id="AKIAAAAAAAAAAAAAAAAA").list_tasks()
    assert code_of(failure) == "InvalidSignatureException"  # as with a wrong secret


def test_what_is_not_built_is_refused_by_name(server):
    with pytest.raises(botocore.exceptions.ClientError) as failure:
        server.client("elbv2").describe_load_balancers()
    assert "DescribeLoadBalancers" in str(failure.value)


def test_the_default_vpc_has_three_subnets(server):
    ec2 = server.client("ec2")
    vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}])["Subnets"]
    assert vpc["CidrBlock"] == "172.31.0.0/16"
    assert sorted(s["AvailabilityZone"] for s in subnets) == ["us-east-1a", "us-east-1b", "us-east-1c"]
    assert all(s["AvailableIpAddressCount"] == 4091 for s in subnets)
    zones = ec2.describe_availability_zones()["AvailabilityZones"]
    assert [z["ZoneName"] for z in zones] == ["us-east-1a", "us-east-1b", "us-east-1c"]


def test_security_group_rules_come_and_go(server):
    ec2 = server.client("ec2")
    group = ec2.create_security_group(GroupName="web", Description="web")["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group, IpProtocol="tcp", FromPort=80, ToPort=80, CidrIp="10.0.0.0/8")
    with pytest.raises(botocore.exceptions.ClientError) as failure:
        ec2.authorize_security_group_ingress(GroupId=group, IpProtocol="tcp", FromPort=80, ToPort=80, CidrIp="10.1.2.3/8")
    assert code_of(failure) == "InvalidPermission.Duplicate"
    permissions = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    assert permissions[0]["IpRanges"] == [{"CidrIp": "10.0.0.0/8"}]
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=permissions)
    assert ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"] == []
    ec2.delete_security_group(GroupId=group)
    with pytest.raises(botocore.exceptions.ClientError) as failure:
        ec2.describe_security_groups(GroupIds=[group])
    assert code_of(failure) == "InvalidGroup.NotFound"


@pytest.mark.parametrize(
    "body, type_",
    [(b"{", "SerializationException"), (b"[1]", "SerializationException"), (b'{"cluster": 7}', "SerializationException")],
)
def test_malformed_bodies_get_aws_errors(open_server, body, type_):
    request = urllib.request.Request(open_server.url, data=body, method="POST", headers={
        "X-Amz-Target": "AmazonEC2ContainerServiceV20141113.ListTasks", "Content-Type": "application/x-amz-json-1.1"})
    with pytest.raises(urllib.error.HTTPError) as failure:
        urllib.request.urlopen(request)
    assert failure.value.code == 400
    assert type_ in failure.value.read().decode()
    assert open_server.answers()


def test_open_accounts_do_not_see_each_other(open_server):
    mine = open_server.client("ecr", aws_access_key_id="111111111111", aws_secret_access_key="x")
    other = open_server.client("ecr", aws_access_key_id="222222222222", aws_secret_access_key="x")
    mine.create_repository(repositoryName="app")
    assert other.describe_repositories()["repositories"] == []
    assert mine.describe_repositories()["repositories"][0]["registryId"] == "111111111111"


def test_reset_brings_the_first_state_back(open_server):
    ecr = open_server.client("ecr")
    ecr.create_repository(repositoryName="gone")
    request = urllib.request.Request(open_server.url + "/_berth/reset", method="POST")
    assert urllib.request.urlopen(request).status == 200
    assert ecr.describe_repositories()["repositories"] == []
    assert len(open_server.client("ec2").describe_subnets()["Subnets"]) == 3


def test_a_second_server_on_the_directory_is_refused(server):
    done = subprocess.run([BERTH, "server", "--data", server.directory, "--listen", "127.0.0.1:1"], env=CLEAN,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert f"process {server.process.pid}" in done.stderr


def test_a_port_in_use_is_named(server, tmp_path):
    done = subprocess.run([BERTH, "server", "--data", str(tmp_path), "--listen", server.listen], env=CLEAN,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert str(server.port) in done.stderr


def test_nothing_acknowledged_is_lost_by_sigkill(tmp_path):
    running = Server(str(tmp_path))
    running.start()
    known = []
    for _ in range(3):
        ecr = running.client("ecr")
        for _ in range(15):
            name = f"app{len(known)}"
            ecr.create_repository(repositoryName=name)
            known.append(name)
        running.kill()
        running.start()
        pages = running.client("ecr").get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 7})
        assert sorted(r["repositoryName"] for page in pages for r in page["repositories"]) == sorted(known)
    running.stop()
    assert eventually(lambda: not running.answers())
