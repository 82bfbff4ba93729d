"""Managed and inline policies, boundaries and simulation, with the stock clients."""

import json

import botocore.exceptions
import pytest

READ = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecs:List*", "Resource": "*"}]}'
AWS = "arn:aws:iam::aws:policy/"


def allow(action, effect="Allow", **more):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": action, "Resource": "*", **more}]})


def code(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as failed:
        call(**arguments)
    error = failed.value.response
    return error["Error"]["Code"], error["Error"]["Message"], error["ResponseMetadata"]["HTTPStatusCode"]


@pytest.fixture(scope="module")
def iam(server):
    return server.client("iam")


@pytest.fixture
def policy(iam):
    made = iam.create_policy(PolicyName="Read", Path="/team/", PolicyDocument=READ, Description="reads")["Policy"]
    yield made
    for version in iam.list_policy_versions(PolicyArn=made["Arn"])["Versions"]:
        if not version["IsDefaultVersion"]:
            iam.delete_policy_version(PolicyArn=made["Arn"], VersionId=version["VersionId"])
    iam.delete_policy(PolicyArn=made["Arn"])


@pytest.fixture
def user(iam):
    made = iam.create_user(UserName="holder")["User"]
    yield made
    for name in iam.list_user_policies(UserName="holder")["PolicyNames"]:
        iam.delete_user_policy(UserName="holder", PolicyName=name)
    for attached in iam.list_attached_user_policies(UserName="holder")["AttachedPolicies"]:
        iam.detach_user_policy(UserName="holder", PolicyArn=attached["PolicyArn"])
    iam.delete_user(UserName="holder")


def test_a_policy_and_its_versions(iam, policy):
    arn = policy["Arn"]
    assert arn == "arn:aws:iam::000000000000:policy/team/Read" and policy["PolicyId"].startswith("ANPA")
    assert (policy["DefaultVersionId"], policy["AttachmentCount"], policy["IsAttachable"]) == ("v1", 0, True)
    assert iam.get_policy(PolicyArn=arn)["Policy"]["Description"] == "reads"
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"] == json.loads(READ)
    for number in range(2, 6):
        made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=allow(f"ecs:Describe{number}"), SetAsDefault=number == 3)
        assert made["PolicyVersion"]["VersionId"] == f"v{number}"
    assert code(iam.create_policy_version, PolicyArn=arn, PolicyDocument=READ)[::2] == ("LimitExceeded", 409)
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert [(v["VersionId"], v["IsDefaultVersion"]) for v in versions] == [
        ("v5", False), ("v4", False), ("v3", True), ("v2", False), ("v1", False)]
    assert code(iam.delete_policy_version, PolicyArn=arn, VersionId="v3") == (
        "DeleteConflict", "Cannot delete the default version of a policy.", 409)
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v2")
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v2"
    assert code(iam.delete_policy, PolicyArn=arn)[0] == "DeleteConflict"
    assert code(iam.create_policy, PolicyName="read", PolicyDocument=READ)[:2] == (
        "EntityAlreadyExists", "A policy called read already exists. Duplicate names are not allowed.")


def test_attaching(iam, policy, user):
    arn = policy["Arn"]
    iam.attach_user_policy(UserName="holder", PolicyArn=arn)
    iam.attach_user_policy(UserName="holder", PolicyArn=arn)
    assert iam.list_attached_user_policies(UserName="holder")["AttachedPolicies"] == [
        {"PolicyName": "Read", "PolicyArn": arn}]
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    assert iam.list_entities_for_policy(PolicyArn=arn)["PolicyUsers"] == [
        {"UserName": "holder", "UserId": user["UserId"]}]
    assert code(iam.delete_policy, PolicyArn=arn)[:2] == (
        "DeleteConflict", "Cannot delete a policy attached to entities.")
    iam.detach_user_policy(UserName="holder", PolicyArn=arn)
    assert code(iam.detach_user_policy, UserName="holder", PolicyArn=arn) == (
        "NoSuchEntity", f"Policy {arn} was not found.", 404)
    missing = "arn:aws:iam::000000000000:policy/none"
    assert code(iam.attach_user_policy, UserName="holder", PolicyArn=missing)[:2] == (
        "NoSuchEntity", f"Policy {missing} does not exist or is not attachable.")


def test_ten_policies_are_the_most(iam, user):
    arns = [p["Arn"] for p in iam.list_policies(Scope="AWS")["Policies"] if "/aws-service-role/" not in p["Arn"]][:11]
    for arn in arns[:10]:
        iam.attach_user_policy(UserName="holder", PolicyArn=arn)
    assert code(iam.attach_user_policy, UserName="holder", PolicyArn=arns[10])[:2] == (
        "LimitExceeded", "Cannot exceed quota for PoliciesPerUser: 10")
    pages = list(iam.get_paginator("list_attached_user_policies").paginate(UserName="holder", PaginationConfig={"PageSize": 4}))
    assert [len(page["AttachedPolicies"]) for page in pages] == [4, 4, 2]


@pytest.mark.parametrize("name", [
    "service-role/AmazonECSTaskExecutionRolePolicy", "service-role/AmazonEC2ContainerServiceforEC2Role",
    "service-role/AmazonEC2ContainerServiceRole", "service-role/AmazonEC2ContainerServiceAutoscaleRole",
    "AmazonEC2ContainerRegistryReadOnly", "AmazonEC2ContainerRegistryPowerUser", "AmazonEC2ContainerRegistryFullAccess",
    "AmazonECS_FullAccess", "AmazonSSMManagedInstanceCore", "CloudWatchLogsFullAccess", "AdministratorAccess",
    "ReadOnlyAccess", "PowerUserAccess", "AmazonEKSClusterPolicy", "AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy",
    "AmazonEKSFargatePodExecutionRolePolicy", "AmazonEKSServicePolicy", "AmazonEKSVPCResourceController",
])
def test_aws_own_policies_are_there_by_name(server, iam, name):
    shown = iam.get_policy(PolicyArn=AWS + name)["Policy"]
    version = iam.get_policy_version(PolicyArn=AWS + name, VersionId=shown["DefaultVersionId"])["PolicyVersion"]
    assert version["IsDefaultVersion"] and version["Document"]["Statement"]
    assert code(iam.delete_policy, PolicyArn=AWS + name)[0] == "AccessDenied"


def test_scopes_of_the_list(iam, policy, user):
    local = iam.list_policies(Scope="Local")["Policies"]
    assert [p["PolicyName"] for p in local] == ["Read"] and "Description" not in local[0]
    aws = [p["Arn"] for page in iam.get_paginator("list_policies").paginate(Scope="AWS", PaginationConfig={"PageSize": 7})
           for p in page["Policies"]]
    assert len(aws) == len(set(aws)) > 30 and all(arn.startswith(AWS) for arn in aws)
    both = [p["Arn"] for page in iam.get_paginator("list_policies").paginate(PaginationConfig={"PageSize": 5})
            for p in page["Policies"]]
    assert both == [policy["Arn"], *aws]
    assert iam.list_policies(OnlyAttached=True)["Policies"] == []
    iam.attach_user_policy(UserName="holder", PolicyArn=AWS + "ReadOnlyAccess")
    assert [p["PolicyName"] for p in iam.list_policies(OnlyAttached=True)["Policies"]] == ["ReadOnlyAccess"]


def test_inline_policies(server, iam, user):
    iam.put_user_policy(UserName="holder", PolicyName="one", PolicyDocument=READ)
    assert iam.get_user_policy(UserName="holder", PolicyName="one")["PolicyDocument"] == json.loads(READ)
    raw = server.aws("iam", "get-user-policy", "--user-name", "holder", "--policy-name", "one", "--output", "json")
    assert json.loads(raw)["PolicyDocument"] == json.loads(READ)
    assert iam.list_user_policies(UserName="holder")["PolicyNames"] == ["one"]
    assert code(iam.get_user_policy, UserName="holder", PolicyName="two")[:2] == (
        "NoSuchEntity", "The user policy with name two cannot be found.")
    big = allow(["ecs:" + "x" * 100 + str(i) for i in range(20)])
    assert code(iam.put_user_policy, UserName="holder", PolicyName="two", PolicyDocument=big)[:2] == (
        "LimitExceeded", "Maximum policy size of 2048 bytes exceeded for user holder")


@pytest.mark.parametrize("document", ["", "{", "[]", '{"Version":"2012-10-17"}', READ.replace("Allow", "Perhaps"),
                                      READ.replace('"ecs:List*"', '"no-vendor"'), READ.replace("2012-10-17", "2020-01-01")])
def test_documents_that_are_none(iam, user, document):
    error, _, status = code(iam.create_policy, PolicyName="bad", PolicyDocument=document or " ")
    assert (error, status) == ("MalformedPolicyDocument", 400)
    assert code(iam.get_policy, PolicyArn="arn:aws:iam::000000000000:policy/bad")[0] == "NoSuchEntity"


def test_a_policy_may_have_six_kilobytes_without_its_blanks(iam):
    document = allow(["ecs:" + "x" * 90 + str(i) for i in range(70)])
    assert code(iam.create_policy, PolicyName="big", PolicyDocument=document)[:2] == (
        "LimitExceeded", "Cannot exceed quota for PolicySize: 6144")
    blank = READ.replace(" ", " " * 2000)
    made = iam.create_policy(PolicyName="wide", PolicyDocument=blank)["Policy"]
    iam.delete_policy(PolicyArn=made["Arn"])


def test_boundaries(iam, policy, user):
    iam.put_user_permissions_boundary(UserName="holder", PermissionsBoundary=policy["Arn"])
    assert iam.get_user(UserName="holder")["User"]["PermissionsBoundary"] == {
        "PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": policy["Arn"]}
    assert iam.get_policy(PolicyArn=policy["Arn"])["Policy"]["PermissionsBoundaryUsageCount"] == 1
    bounded = iam.list_entities_for_policy(PolicyArn=policy["Arn"], PolicyUsageFilter="PermissionsBoundary")
    assert [u["UserName"] for u in bounded["PolicyUsers"]] == ["holder"]
    assert code(iam.delete_policy, PolicyArn=policy["Arn"])[0] == "DeleteConflict"
    iam.delete_user_permissions_boundary(UserName="holder")
    assert "PermissionsBoundary" not in iam.get_user(UserName="holder")["User"]


def decisions(answer):
    return {(r["EvalActionName"], r["EvalResourceName"]): r["EvalDecision"] for r in answer["EvaluationResults"]}


def test_simulating_policies(iam):
    answer = iam.simulate_custom_policy(
        PolicyInputList=[allow("ecs:*"), allow("ecs:DeleteCluster", "Deny")],
        ActionNames=["ecs:ListClusters", "ecs:DeleteCluster", "ecr:ListImages"])
    assert decisions(answer) == {("ecs:ListClusters", "*"): "allowed", ("ecs:DeleteCluster", "*"): "explicitDeny",
                                 ("ecr:ListImages", "*"): "implicitDeny"}
    assert answer["EvaluationResults"][0]["MatchedStatements"][0]["SourcePolicyId"] == "PolicyInputList.1"
    condition = allow("ecs:RunTask", Condition={"StringEquals": {"aws:RequestedRegion": "eu-west-1"}})
    answer = iam.simulate_custom_policy(PolicyInputList=[condition], ActionNames=["ecs:RunTask"])
    assert answer["EvaluationResults"][0]["MissingContextValues"] == ["aws:RequestedRegion"]
    entry = {"ContextKeyName": "aws:RequestedRegion", "ContextKeyValues": ["eu-west-1"], "ContextKeyType": "string"}
    answer = iam.simulate_custom_policy(PolicyInputList=[condition], ActionNames=["ecs:RunTask"], ContextEntries=[entry])
    assert answer["EvaluationResults"][0]["EvalDecision"] == "allowed"
    bounded = iam.simulate_custom_policy(PolicyInputList=[allow("*")], ActionNames=["ecs:RunTask"],
                                         PermissionsBoundaryPolicyInputList=[READ])["EvaluationResults"][0]
    assert bounded["EvalDecision"] == "implicitDeny"
    assert bounded["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}


def test_simulating_a_principal(server, iam, user):
    iam.put_user_policy(UserName="holder", PolicyName="mine", PolicyDocument=READ)
    pages = iam.get_paginator("simulate_principal_policy").paginate(
        PolicySourceArn=user["Arn"], ActionNames=["ecs:ListTasks", "ecs:RunTask", "ecs:ListClusters"],
        PaginationConfig={"PageSize": 2})
    results = [r for page in pages for r in page["EvaluationResults"]]
    assert [r["EvalDecision"] for r in results] == ["allowed", "implicitDeny", "allowed"]
    assert results[0]["MatchedStatements"][0] == {"SourcePolicyId": "mine", "SourcePolicyType": "user"}
    assert "allowed" in server.aws("iam", "simulate-principal-policy", "--policy-source-arn", user["Arn"],
                                   "--action-names", "ecs:ListTasks")
    assert code(iam.simulate_principal_policy, PolicySourceArn="arn:aws:iam::000000000000:user/none",
                ActionNames=["ecs:RunTask"])[0] == "NoSuchEntity"
