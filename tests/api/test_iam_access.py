"""IAM guarded by itself: what a user may do with IAM's own operations, conditions on tags, boundaries and policies."""

import json

import botocore.exceptions
import pytest

ACCOUNT = "000000000000"


def code(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as failed:
        call(**arguments)
    error = failed.value.response
    return error["Error"]["Code"], error["Error"]["Message"]


def statement(action, resource="*", effect="Allow", **more):
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.fixture(scope="module")
def root(server):
    return server.client("iam")


@pytest.fixture
def act(server, root):
    """Acts as a user whose one inline policy is given."""
    root.create_user(UserName="actor")
    key = root.create_access_key(UserName="actor")["AccessKey"]
    client = lambda service="iam": server.client(service, aws_access_key_id=key["AccessKeyId"],
                                                 aws_secret_access_key=key["SecretAccessKey"])

    def as_user(*statements, service="iam"):
        root.put_user_policy(UserName="actor", PolicyName="p", PolicyDocument=document(*statements))
        return client(service)
    yield as_user
    for name in root.list_user_policies(UserName="actor")["PolicyNames"]:
        root.delete_user_policy(UserName="actor", PolicyName=name)
    root.delete_access_key(UserName="actor", AccessKeyId=key["AccessKeyId"])
    root.delete_user(UserName="actor")


def test_a_denial_says_who_what_and_why(act):
    iam = act(statement("ecs:*"))
    assert code(iam.list_users) == (
        "AccessDenied", f"User: arn:aws:iam::{ACCOUNT}:user/actor is not authorized to perform: iam:ListUsers on "
        "resource: * because no identity-based policy allows the iam:ListUsers action")
    assert code(iam.get_user)[1].startswith(
        f"User: arn:aws:iam::{ACCOUNT}:user/actor is not authorized to perform: iam:GetUser on resource: "
        f"arn:aws:iam::{ACCOUNT}:user/actor ")


def test_one_may_see_oneself_by_a_policy_variable(act, root):
    iam = act(statement("iam:GetUser", f"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}"))
    assert iam.get_user()["User"]["UserName"] == "actor"
    root.create_user(UserName="other")
    assert code(iam.get_user, UserName="other")[0] == "AccessDenied"
    root.delete_user(UserName="other")


def test_paths_are_part_of_what_is_allowed(act, root):
    iam = act(statement("iam:*User", f"arn:aws:iam::{ACCOUNT}:user/team/*"))
    iam.create_user(UserName="inside", Path="/team/")
    assert code(iam.create_user, UserName="outside")[0] == "AccessDenied"
    assert iam.get_user(UserName="inside")["User"]["Path"] == "/team/"
    iam.delete_user(UserName="inside")


def test_only_with_a_boundary(act, root):
    boundary = root.create_policy(PolicyName="edge", PolicyDocument=document(statement("ecs:*")))["Policy"]["Arn"]
    only = {"StringEquals": {"iam:PermissionsBoundary": boundary}}
    iam = act(statement("iam:CreateRole", Condition=only), statement("iam:DeleteRole"))
    trust = document({"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"})
    assert code(iam.create_role, RoleName="bounded", AssumeRolePolicyDocument=trust)[0] == "AccessDenied"
    iam.create_role(RoleName="bounded", AssumeRolePolicyDocument=trust, PermissionsBoundary=boundary)
    assert code(root.delete_policy, PolicyArn=boundary)[0] == "DeleteConflict"
    iam.delete_role(RoleName="bounded")
    root.delete_policy(PolicyArn=boundary)


def test_a_boundary_takes_away(act, root, server):
    boundary = root.create_policy(PolicyName="edge", PolicyDocument=document(statement("ecs:List*")))["Policy"]["Arn"]
    ecs = act(statement("*"), service="ecs")
    root.put_user_permissions_boundary(UserName="actor", PermissionsBoundary=boundary)
    assert ecs.list_clusters() and "no permissions boundary allows" in code(ecs.create_cluster, clusterName="x")[1]
    root.delete_user_permissions_boundary(UserName="actor")
    root.delete_policy(PolicyArn=boundary)


def test_only_certain_policies_may_be_attached(act, root):
    read = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    iam = act(statement("iam:AttachUserPolicy", Condition={"ArnEquals": {"iam:PolicyARN": read}}))
    assert code(iam.attach_user_policy, UserName="actor", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")[0] == "AccessDenied"
    iam.attach_user_policy(UserName="actor", PolicyArn=read)
    root.detach_user_policy(UserName="actor", PolicyArn=read)


def test_tags_of_the_resource_and_of_the_request(act, root):
    iam = act(statement("iam:CreateUser", Condition={"StringEquals": {"aws:RequestTag/team": "red"}}), statement("iam:TagUser"),
              statement("iam:DeleteUser", Condition={"StringEquals": {"iam:ResourceTag/team": "red"}}))
    assert code(iam.create_user, UserName="red")[0] == "AccessDenied"
    iam.create_user(UserName="red", Tags=[{"Key": "team", "Value": "red"}])
    root.create_user(UserName="blue")
    assert code(iam.delete_user, UserName="blue")[0] == "AccessDenied"
    iam.delete_user(UserName="red")
    root.delete_user(UserName="blue")


def test_a_role_goes_into_a_profile_only_by_who_may_pass_it(act, root):
    trust = document({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"})
    root.create_role(RoleName="inst", AssumeRolePolicyDocument=trust)
    root.create_instance_profile(InstanceProfileName="inst")
    add = statement("iam:AddRoleToInstanceProfile")
    iam = act(add)
    error, message = code(iam.add_role_to_instance_profile, InstanceProfileName="inst", RoleName="inst")
    assert error == "AccessDenied" and f"iam:PassRole on resource: arn:aws:iam::{ACCOUNT}:role/inst" in message
    iam = act(add, statement("iam:PassRole", Condition={"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}))
    iam.add_role_to_instance_profile(InstanceProfileName="inst", RoleName="inst")
    root.remove_role_from_instance_profile(InstanceProfileName="inst", RoleName="inst")
    root.delete_instance_profile(InstanceProfileName="inst")
    root.delete_role(RoleName="inst")


def test_groups_hand_their_policies_on_and_a_deny_beats_them(act, root):
    root.create_group(GroupName="admins")
    root.attach_group_policy(GroupName="admins", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    iam = act(statement("iam:DeleteUser", effect="Deny"))
    assert code(iam.list_users)[0] == "AccessDenied"
    root.add_user_to_group(GroupName="admins", UserName="actor")
    assert iam.list_users()["Users"]
    assert "with an explicit deny in an identity-based policy" in code(iam.delete_user, UserName="actor")[1]
    root.remove_user_from_group(GroupName="admins", UserName="actor")
    root.detach_group_policy(GroupName="admins", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    root.delete_group(GroupName="admins")


def test_everybody_may_know_who_he_is(act):
    sts = act(statement("*", effect="Deny"), service="sts")
    assert sts.get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/actor"
