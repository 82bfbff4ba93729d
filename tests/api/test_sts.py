"""STS: who somebody is, and becoming somebody else, with the stock clients."""

import json

import botocore.exceptions
import pytest
from conftest import eventually

ACCOUNT = "000000000000"


def code(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as failed:
        call(**arguments)
    error = failed.value.response["Error"]
    return error["Code"], error["Message"]


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource="*", **more):
    return document({"Effect": "Allow", "Action": action, "Resource": resource, **more})


def trust(principal, action="sts:AssumeRole", **more):
    return document({"Effect": "Allow", "Principal": principal, "Action": action, **more})


def keys(made):
    named = {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"]}
    return dict(named, aws_session_token=made["SessionToken"]) if "SessionToken" in made else named


@pytest.fixture(scope="module")
def iam(server):
    return server.client("iam")


@pytest.fixture
def user(server, iam, request):
    """A user with a key, who may assume anything that trusts him."""
    name = f"u-{abs(hash(request.node.name)) % 10**8}"
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    key = iam.create_access_key(UserName=name)["AccessKey"]
    iam.put_user_policy(UserName=name, PolicyName="may", PolicyDocument=allow("sts:*"))
    yield {"name": name, "arn": arn, "key": key, "sts": server.client("sts", **keys(key))}
    for policy in iam.list_user_policies(UserName=name)["PolicyNames"]:
        iam.delete_user_policy(UserName=name, PolicyName=policy)
    for left in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=name, AccessKeyId=left["AccessKeyId"])
    iam.delete_user(UserName=name)


@pytest.fixture
def role(iam, user, request):
    name = f"r-{abs(hash(request.node.name)) % 10**8}"
    made = iam.create_role(RoleName=name, Path="/app/", AssumeRolePolicyDocument=trust({"AWS": user["arn"]}))["Role"]
    yield made
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    for attached in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=name, PolicyArn=attached["PolicyArn"])
    iam.delete_role(RoleName=name)


def assume(sts, role, **more):
    return sts.assume_role(RoleArn=role["Arn"], RoleSessionName="s1", **more)


def test_a_user_becomes_a_role_and_has_its_permissions(server, iam, user, role):
    iam.put_role_policy(RoleName=role["RoleName"], PolicyName="p", PolicyDocument=allow("ecs:ListClusters"))
    answer = assume(user["sts"], role)
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role['RoleName']}/s1"
    assert answer["AssumedRoleUser"] == {"AssumedRoleId": f"{role['RoleId']}:s1", "Arn": arn}
    session = keys(answer["Credentials"])
    who = server.client("sts", **session).get_caller_identity()
    assert (who["Arn"], who["UserId"], who["Account"]) == (arn, f"{role['RoleId']}:s1", ACCOUNT)
    ecs = server.client("ecs", **session)
    assert ecs.list_clusters()["clusterArns"] == []
    error, message = code(ecs.create_cluster, clusterName="no")
    assert error == "AccessDeniedException" and f"User: {arn} is not authorized to perform: ecs:CreateCluster" in message
    assert code(server.client("ecs", **keys(user["key"])).list_clusters)[0] == "AccessDeniedException"


def test_trust_decides(server, iam, user, role):
    name = role["RoleName"]
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust({"Service": "ecs-tasks.amazonaws.com"}))
    error, message = code(assume, sts=user["sts"], role=role)
    assert error == "AccessDenied"
    assert message.startswith(f"User: {user['arn']} is not authorized to perform: sts:AssumeRole on resource: {role['Arn']}")
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}))
    assert assume(user["sts"], role)
    iam.delete_user_policy(UserName=user["name"], PolicyName="may")  # the account trusts; his own policies have to allow
    assert code(assume, sts=user["sts"], role=role)[0] == "AccessDenied"
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust({"AWS": user["arn"]}))  # he himself is trusted
    assert assume(user["sts"], role)


def test_external_id(iam, user, role):
    condition = {"StringEquals": {"sts:ExternalId": "secret-word"}}
    iam.update_assume_role_policy(RoleName=role["RoleName"],
                                  PolicyDocument=trust({"AWS": user["arn"]}, Condition=condition))
    assert code(assume, sts=user["sts"], role=role)[0] == "AccessDenied"
    assert code(assume, sts=user["sts"], role=role, ExternalId="another")[0] == "AccessDenied"
    assert assume(user["sts"], role, ExternalId="secret-word")


def test_a_trusted_principal_has_to_exist(iam, role):
    nobody = f"arn:aws:iam::{ACCOUNT}:user/nobody-there"
    assert code(iam.update_assume_role_policy, RoleName=role["RoleName"], PolicyDocument=trust({"AWS": nobody})) == (
        "MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{nobody}"')


def test_how_long_a_session_may_be(iam, user, role):
    assert code(assume, sts=user["sts"], role=role, DurationSeconds=7200) == (
        "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    iam.update_role(RoleName=role["RoleName"], MaxSessionDuration=7200)
    assert assume(user["sts"], role, DurationSeconds=7200)


def test_a_chain_of_roles_lasts_an_hour_and_hands_on_its_tags(server, iam, user, role):
    second = iam.create_role(RoleName="second", MaxSessionDuration=7200,
                             AssumeRolePolicyDocument=trust({"AWS": role["Arn"]}, ["sts:AssumeRole", "sts:TagSession"]))
    iam.update_assume_role_policy(
        RoleName=role["RoleName"],
        PolicyDocument=trust({"AWS": user["arn"]}, ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]))
    only = {"StringEquals": {"aws:PrincipalTag/team": "red"}}
    iam.put_role_policy(RoleName="second", PolicyName="p", PolicyDocument=allow("ecs:ListClusters", Condition=only))
    first = assume(user["sts"], role, Tags=[{"Key": "team", "Value": "red"}], TransitiveTagKeys=["team"],
                   SourceIdentity="ann")
    assert first["SourceIdentity"] == "ann" and first["PackedPolicySize"] > 0
    sts = server.client("sts", **keys(first["Credentials"]))
    assert code(assume, sts=sts, role=second["Role"], DurationSeconds=3601) == (
        "ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
    assert code(assume, sts=sts, role=second["Role"], Tags=[{"Key": "Team", "Value": "blue"}])[0] == "InvalidParameterValue"
    chained = assume(sts, second["Role"])
    assert server.client("ecs", **keys(chained["Credentials"])).list_clusters()
    iam.delete_role_policy(RoleName="second", PolicyName="p")
    iam.delete_role(RoleName="second")


def test_tags_need_a_permission_of_their_own(iam, user, role):
    tags = {"Tags": [{"Key": "a", "Value": "b"}]}
    iam.put_user_policy(UserName=user["name"], PolicyName="may", PolicyDocument=allow("sts:AssumeRole"))
    error, message = code(assume, sts=user["sts"], role=role, **tags)
    assert error == "AccessDenied" and "sts:TagSession" in message


@pytest.mark.parametrize("arguments, error, words", [
    ({"Tags": [{"Key": "a", "Value": "1"}], "TransitiveTagKeys": ["b"]}, "InvalidParameterValue",
     "transitive tag key must be included"),
    ({"Tags": [{"Key": "aws:x", "Value": "1"}]}, "ValidationError", "reserved"),
    ({"Policy": "{"}, "MalformedPolicyDocument", ""),
    ({"Policy": document({"Effect": "Allow", "Action": "x:" + "y" * 2100, "Resource": "*"})}, "PackedPolicyTooLarge", "smaller"),
    ({"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/NoSuchPolicy"}]}, "ValidationError", "does not exist"),
    ({"SerialNumber": "arn:aws:iam::000000000000:mfa/x", "TokenCode": "123456"}, "AccessDenied", "MFA"),
])
def test_what_a_session_cannot_have(iam, user, role, arguments, error, words):
    iam.update_assume_role_policy(RoleName=role["RoleName"],
                                  PolicyDocument=trust({"AWS": user["arn"]}, ["sts:AssumeRole", "sts:TagSession"]))
    found = code(assume, sts=user["sts"], role=role, **arguments)
    assert found[0] == error and words in found[1]


def test_session_policies_take_away(server, iam, user, role):
    iam.attach_role_policy(RoleName=role["RoleName"], PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    inline = assume(user["sts"], role, Policy=allow("ecs:ListClusters"))
    managed = assume(user["sts"], role, PolicyArns=[{"arn": "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"}])
    ecs = server.client("ecs", **keys(inline["Credentials"]))
    assert ecs.list_clusters() and "no session policy allows" in code(ecs.create_cluster, clusterName="no")[1]
    ecr = server.client("ecr", **keys(managed["Credentials"]))
    assert ecr.describe_repositories() and code(ecr.create_repository, repositoryName="no")[0] == "AccessDeniedException"


def test_sessions_are_revoked_by_their_time_of_issue(server, iam, user, role):
    name = role["RoleName"]
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    ecs = server.client("ecs", **keys(assume(user["sts"], role)["Credentials"]))
    assert ecs.list_clusters()
    before = {"DateLessThan": {"aws:TokenIssueTime": "2999-01-01T00:00:00Z"}}
    iam.put_role_policy(RoleName=name, PolicyName="AWSRevokeOlderSessions", PolicyDocument=document(
        {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": before}))
    assert "explicit deny" in code(ecs.list_clusters)[1]


def test_a_deleted_role_ends_its_sessions_also_after_a_restart(server, iam, user):
    role = iam.create_role(RoleName="short-lived", AssumeRolePolicyDocument=trust({"AWS": user["arn"]}))["Role"]
    session = keys(assume(user["sts"], role)["Credentials"])
    server.kill()
    server.start()
    assert server.client("sts", **session).get_caller_identity()
    iam.delete_role(RoleName="short-lived")
    assert code(server.client("sts", **session).get_caller_identity)[0] == "InvalidClientTokenId"
    iam.create_role(RoleName="short-lived", AssumeRolePolicyDocument=trust({"AWS": user["arn"]}))
    assert code(server.client("sts", **session).get_caller_identity)[0] == "InvalidClientTokenId"
    iam.delete_role(RoleName="short-lived")


def test_session_tokens_of_a_user(server, iam, user):
    token = user["sts"].get_session_token(DurationSeconds=900)["Credentials"]
    sts = server.client("sts", **keys(token))
    assert sts.get_caller_identity()["Arn"] == user["arn"]
    assert code(sts.get_session_token) == ("AccessDenied", "Cannot call GetSessionToken with session credentials")
    iam.update_access_key(UserName=user["name"], AccessKeyId=user["key"]["AccessKeyId"], Status="Inactive")
    assert code(sts.get_caller_identity)[0] == "InvalidClientTokenId"


def test_federated_users_have_what_both_sides_allow(server, iam, user):
    iam.put_user_policy(UserName=user["name"], PolicyName="may",
                        PolicyDocument=allow(["sts:GetFederationToken", "ecs:*"]))
    made = user["sts"].get_federation_token(Name="bob", Policy=allow("ecs:ListClusters"))
    assert made["FederatedUser"] == {"FederatedUserId": f"{ACCOUNT}:bob",
                                     "Arn": f"arn:aws:sts::{ACCOUNT}:federated-user/bob"}
    session = keys(made["Credentials"])
    assert server.client("sts", **session).get_caller_identity()["Arn"].endswith(":federated-user/bob")
    ecs = server.client("ecs", **session)
    assert ecs.list_clusters() and code(ecs.create_cluster, clusterName="no")[0] == "AccessDeniedException"
    bare = user["sts"].get_federation_token(Name="none")["Credentials"]
    assert code(server.client("ecs", **keys(bare)).list_clusters)[0] == "AccessDeniedException"


def test_roots_do_not_become_roles(server, iam, user, role):
    iam.update_assume_role_policy(RoleName=role["RoleName"], PolicyDocument=trust({"AWS": ACCOUNT}))
    assert code(assume, sts=server.client("sts"), role=role) == (
        "AccessDenied", "Roles may not be assumed by root accounts.")


def test_key_info(server, user):
    assert server.client("sts").get_access_key_info(AccessKeyId=user["key"]["AccessKeyId"])["Account"] == ACCOUNT
    assert server.aws("sts", "get-access-key-info", "--access-key-id", user["key"]["AccessKeyId"]) == ACCOUNT


def test_a_role_that_is_none(user):
    nobody = {"Arn": f"arn:aws:iam::{ACCOUNT}:role/nobody"}
    assert code(assume, sts=user["sts"], role=nobody)[0] == "AccessDenied"
