"""Roles, instance profiles, service-linked roles, OIDC providers and the account as a whole, with the stock clients."""

import csv
import io
import json

import botocore.exceptions
import pytest

ECS = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
READ = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecs:List*", "Resource": "*"}]})


@pytest.fixture(scope="module")
def iam(server):
    return server.client("iam")


def code(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as failed:
        call(**arguments)
    error = failed.value.response
    return error["Error"]["Code"], error["Error"]["Message"], error["ResponseMetadata"]["HTTPStatusCode"]


@pytest.fixture
def role(iam):
    made = iam.create_role(RoleName="App", Path="/svc/", AssumeRolePolicyDocument=json.dumps(ECS), Description="runs",
                           Tags=[{"Key": "team", "Value": "red"}])["Role"]
    yield made
    for name in iam.list_role_policies(RoleName="App")["PolicyNames"]:
        iam.delete_role_policy(RoleName="App", PolicyName=name)
    for attached in iam.list_attached_role_policies(RoleName="App")["AttachedPolicies"]:
        iam.detach_role_policy(RoleName="App", PolicyArn=attached["PolicyArn"])
    iam.delete_role(RoleName="App")


def test_a_role_as_it_is_shown(server, iam, role):
    assert role["Arn"] == "arn:aws:iam::000000000000:role/svc/App" and role["RoleId"].startswith("AROA")
    iam.get_waiter("role_exists").wait(RoleName="App", WaiterConfig={"Delay": 1, "MaxAttempts": 1})
    shown = iam.get_role(RoleName="App")["Role"]
    assert (shown["AssumeRolePolicyDocument"], shown["MaxSessionDuration"], shown["Description"]) == (ECS, 3600, "runs")
    assert shown["Tags"] == [{"Key": "team", "Value": "red"}] and shown["RoleLastUsed"] == {}
    listed = [r for r in iam.list_roles(PathPrefix="/svc/")["Roles"]]
    assert [r["RoleName"] for r in listed] == ["App"] and "Tags" not in listed[0]
    iam.update_role(RoleName="App", Description="walks", MaxSessionDuration=7200)
    assert server.aws("iam", "get-role", "--role-name", "App", "--query", "Role.[Description,MaxSessionDuration]") == "walks\t7200"
    assert code(iam.create_role, RoleName="app", AssumeRolePolicyDocument=json.dumps(ECS)) == (
        "EntityAlreadyExists", "Role with name app already exists.", 409)


@pytest.mark.parametrize("document", [
    "{", '{"Version":"2012-10-17","Statement":[]}', READ,
    json.dumps(ECS).replace("Service", "Nobody"),
])
def test_trust_policies_that_are_none(iam, document):
    assert code(iam.create_role, RoleName="bad", AssumeRolePolicyDocument=document)[::2] == ("MalformedPolicyDocument", 400)
    assert code(iam.get_role, RoleName="bad")[0] == "NoSuchEntity"


def test_a_trust_policy_has_two_kilobytes(iam, role):
    wide = json.dumps({**ECS, "Statement": ECS["Statement"] * 30}, separators=(",", ":"))
    assert code(iam.update_assume_role_policy, RoleName="App", PolicyDocument=wide)[:2] == (
        "LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048")


def test_instance_profiles(iam, role):
    profile = iam.create_instance_profile(InstanceProfileName="prof", Path="/svc/")["InstanceProfile"]
    assert profile["Arn"] == "arn:aws:iam::000000000000:instance-profile/svc/prof"
    assert profile["InstanceProfileId"].startswith("AIPA") and profile["Roles"] == []
    iam.get_waiter("instance_profile_exists").wait(InstanceProfileName="prof")
    iam.add_role_to_instance_profile(InstanceProfileName="prof", RoleName="App")
    assert code(iam.add_role_to_instance_profile, InstanceProfileName="prof", RoleName="App")[:2] == (
        "LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
    shown = iam.get_instance_profile(InstanceProfileName="prof")["InstanceProfile"]["Roles"][0]
    assert (shown["RoleName"], shown["AssumeRolePolicyDocument"]) == ("App", ECS)
    assert len(iam.list_instance_profiles_for_role(RoleName="App")["InstanceProfiles"]) == 1
    for call, arguments in ((iam.delete_role, {"RoleName": "App"}),
                            (iam.delete_instance_profile, {"InstanceProfileName": "prof"})):
        assert code(call, **arguments)[:2] == (
            "DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
    iam.remove_role_from_instance_profile(InstanceProfileName="prof", RoleName="App")
    iam.tag_instance_profile(InstanceProfileName="prof", Tags=[{"Key": "a", "Value": "b"}])
    assert iam.list_instance_profile_tags(InstanceProfileName="prof")["Tags"] == [{"Key": "a", "Value": "b"}]
    iam.delete_instance_profile(InstanceProfileName="prof")
    assert code(iam.get_instance_profile, InstanceProfileName="prof")[:2] == (
        "NoSuchEntity", "Instance Profile prof cannot be found.")


@pytest.mark.parametrize("service, name", [
    ("ecs.amazonaws.com", "AWSServiceRoleForECS"),
    ("elasticloadbalancing.amazonaws.com", "AWSServiceRoleForElasticLoadBalancing"),
    ("autoscaling.amazonaws.com", "AWSServiceRoleForAutoScaling"),
    ("ecs.application-autoscaling.amazonaws.com", "AWSServiceRoleForApplicationAutoScaling_ECSService"),
    ("eks.amazonaws.com", "AWSServiceRoleForAmazonEKS"),
])
def test_service_linked_roles(iam, service, name):
    role = iam.create_service_linked_role(AWSServiceName=service)["Role"]
    assert role["Arn"] == f"arn:aws:iam::000000000000:role/aws-service-role/{service}/{name}"
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": [service]}
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert attached[0]["PolicyArn"].startswith("arn:aws:iam::aws:policy/aws-service-role/")
    assert code(iam.create_service_linked_role, AWSServiceName=service)[:2] == (
        "InvalidInput", f"Service role name {name} has been taken in this account, please try a different suffix.")
    for call, more in ((iam.delete_role, {}), (iam.put_role_policy, {"PolicyName": "x", "PolicyDocument": READ}),
                       (iam.attach_role_policy, {"PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"})):
        error, message, status = code(call, RoleName=name, **more)
        assert (error, status) == ("UnmodifiableEntity", 400) and "only modifiable by AWS" in message
    task = iam.delete_service_linked_role(RoleName=name)["DeletionTaskId"]
    assert task.startswith(f"task/aws-service-role/{service}/{name}/")
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    assert code(iam.get_role, RoleName=name)[0] == "NoSuchEntity"


def test_service_linked_policies_are_for_services(iam, role):
    arn = "arn:aws:iam::aws:policy/aws-service-role/AmazonECSServiceRolePolicy"
    assert code(iam.attach_role_policy, RoleName="App", PolicyArn=arn)[0] == "PolicyNotAttachable"
    assert code(iam.create_service_linked_role, AWSServiceName="nobody.amazonaws.com")[0] == "InvalidInput"
    assert code(iam.create_service_linked_role, AWSServiceName="ecs.amazonaws.com", CustomSuffix="x")[:2] == (
        "InvalidInput", "Custom suffix is not allowed for ecs.amazonaws.com")


def test_oidc_providers(iam):
    arn = iam.create_open_id_connect_provider(Url="https://id.example.com/eks/", ClientIDList=["sts.amazonaws.com"],
                                              ThumbprintList=["a" * 40])["OpenIDConnectProviderArn"]
    assert arn == "arn:aws:iam::000000000000:oidc-provider/id.example.com/eks"
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="two")
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="sts.amazonaws.com")
    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=["b" * 40])
    shown = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert (shown["Url"], shown["ClientIDList"], shown["ThumbprintList"]) == ("id.example.com/eks", ["two"], ["b" * 40])
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == [{"Arn": arn}]
    assert code(iam.create_open_id_connect_provider, Url="https://id.example.com/eks", ThumbprintList=[])[0] == "EntityAlreadyExists"
    assert code(iam.create_open_id_connect_provider, Url="ftp://x.example.com", ThumbprintList=[])[0] == "ValidationError"
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert code(iam.get_open_id_connect_provider, OpenIDConnectProviderArn=arn)[::2] == ("NoSuchEntity", 404)


def test_the_alias_of_an_account(iam):
    iam.create_account_alias(AccountAlias="first-name")
    iam.create_account_alias(AccountAlias="second-name")
    assert iam.list_account_aliases()["AccountAliases"] == ["second-name"]
    assert code(iam.delete_account_alias, AccountAlias="first-name")[:2] == (
        "NoSuchEntity", "The account alias first-name cannot be found.")
    iam.delete_account_alias(AccountAlias="second-name")
    assert iam.list_account_aliases()["AccountAliases"] == []


def test_the_account_as_a_whole(iam, role):
    iam.create_user(UserName="whole")
    iam.create_group(GroupName="wholes")
    iam.add_user_to_group(UserName="whole", GroupName="wholes")
    iam.put_group_policy(GroupName="wholes", PolicyName="g", PolicyDocument=READ)
    iam.attach_role_policy(RoleName="App", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    policy = iam.create_policy(PolicyName="whole", PolicyDocument=READ)["Policy"]["Arn"]
    summary = iam.get_account_summary()["SummaryMap"]
    assert (summary["Users"], summary["Groups"], summary["Roles"], summary["Policies"]) == (1, 1, 1, 1)
    assert (summary["UsersQuota"], summary["AccessKeysPerUserQuota"]) == (5000, 2)
    details = iam.get_account_authorization_details()
    assert [(u["UserName"], u["GroupList"]) for u in details["UserDetailList"]] == [("whole", ["wholes"])]
    assert details["GroupDetailList"][0]["GroupPolicyList"] == [{"PolicyName": "g", "PolicyDocument": json.loads(READ)}]
    assert details["RoleDetailList"][0]["AttachedManagedPolicies"][0]["PolicyName"] == "ReadOnlyAccess"
    assert [p["PolicyName"] for p in details["Policies"]] == ["whole", "ReadOnlyAccess"]
    assert details["Policies"][0]["PolicyVersionList"][0]["Document"] == json.loads(READ)
    paged = list(iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": 2}))
    assert [sum(len(page[part]) for part in ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies"))
            for page in paged] == [2, 2, 1]
    only = iam.get_account_authorization_details(Filter=["Role"])
    assert len(only["RoleDetailList"]) == 1 and only["UserDetailList"] == [] == only["Policies"]
    iam.delete_policy(PolicyArn=policy)
    iam.delete_group_policy(GroupName="wholes", PolicyName="g")
    iam.remove_user_from_group(UserName="whole", GroupName="wholes")
    iam.delete_group(GroupName="wholes")
    iam.delete_user(UserName="whole")


def test_the_credential_report(iam):
    assert code(iam.get_credential_report)[::2] == ("ReportNotPresent", 410)
    iam.create_user(UserName="reported")
    key = iam.create_access_key(UserName="reported")["AccessKey"]["AccessKeyId"]
    assert iam.generate_credential_report()["State"] == "STARTED"
    assert iam.generate_credential_report()["State"] == "COMPLETE"
    report = iam.get_credential_report()
    rows = {row["user"]: row for row in csv.DictReader(io.StringIO(report["Content"].decode()))}
    assert set(rows) == {"<root_account>", "reported"} and report["ReportFormat"] == "text/csv"
    assert (rows["reported"]["access_key_1_active"], rows["reported"]["access_key_2_active"]) == ("true", "false")
    iam.delete_access_key(UserName="reported", AccessKeyId=key)
    iam.delete_user(UserName="reported")


def test_iam_is_the_same_in_every_region_and_another_in_every_account(open_server):
    def client(account, region):
        made = open_server.client("iam", aws_access_key_id=account, aws_secret_access_key="x")
        made.meta.config.region_name = region
        return made
    one = client("111111111111", "us-east-1")
    one.create_user(UserName="mine")
    assert client("111111111111", "eu-west-1").get_user(UserName="mine")["User"]["Arn"] == "arn:aws:iam::111111111111:user/mine"
    assert client("222222222222", "us-east-1").list_users()["Users"] == []
    assert client("222222222222", "us-east-1").get_policy(PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")


def test_a_service_linked_role_stays_while_its_service_has_something(server, iam):
    ecs = server.client("ecs")
    arn = ecs.create_cluster(clusterName="needs-it")["cluster"]["clusterArn"]
    iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")
    task = iam.delete_service_linked_role(RoleName="AWSServiceRoleForECS")["DeletionTaskId"]
    status = iam.get_service_linked_role_deletion_status(DeletionTaskId=task)
    assert status["Status"] == "FAILED" and status["Reason"]["Reason"]
    assert status["Reason"]["RoleUsageList"] == [{"Region": "us-east-1", "Resources": [arn]}]
    assert iam.get_role(RoleName="AWSServiceRoleForECS") and iam.list_attached_role_policies(RoleName="AWSServiceRoleForECS")["AttachedPolicies"]
    ecs.delete_cluster(cluster="needs-it")
    task = iam.delete_service_linked_role(RoleName="AWSServiceRoleForECS")["DeletionTaskId"]
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    assert code(iam.get_role, RoleName="AWSServiceRoleForECS")[0] == "NoSuchEntity"
