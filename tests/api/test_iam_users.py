"""IAM users, their keys and groups, with the stock clients."""

import botocore.exceptions
import pytest
from conftest import eventually

READ = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecs:List*","Resource":"*"}]}'


@pytest.fixture(scope="module")
def iam(server):
    return server.client("iam")


def code(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as failed:
        call(**arguments)
    error = failed.value.response
    return error["Error"]["Code"], error["Error"]["Message"], error["ResponseMetadata"]["HTTPStatusCode"]


def test_a_user_is_made_found_renamed_and_deleted(server, iam):
    made = iam.create_user(UserName="Ann", Path="/people/", Tags=[{"Key": "team", "Value": "red"}])["User"]
    assert made["Arn"] == "arn:aws:iam::000000000000:user/people/Ann"
    assert made["UserId"].startswith("AIDA") and len(made["UserId"]) == 21
    iam.get_waiter("user_exists").wait(UserName="Ann", WaiterConfig={"Delay": 1, "MaxAttempts": 1})
    assert iam.get_user(UserName="Ann")["User"]["Tags"] == [{"Key": "team", "Value": "red"}]
    assert code(iam.create_user, UserName="ANN") == ("EntityAlreadyExists", "User with name ANN already exists.", 409)
    iam.update_user(UserName="Ann", NewUserName="Bea", NewPath="/")
    renamed = iam.get_user(UserName="Bea")["User"]
    assert (renamed["UserId"], renamed["Arn"]) == (made["UserId"], "arn:aws:iam::000000000000:user/Bea")
    assert code(iam.get_user, UserName="Ann") == ("NoSuchEntity", "The user with name Ann cannot be found.", 404)
    assert "Bea" in server.aws("iam", "list-users", "--query", "Users[].UserName")
    iam.delete_user(UserName="Bea")
    assert code(iam.delete_user, UserName="Bea")[0] == "NoSuchEntity"


def test_what_hangs_on_a_user_keeps_him(iam):
    iam.create_user(UserName="kept")
    iam.create_group(GroupName="g")
    key = iam.create_access_key(UserName="kept")["AccessKey"]
    iam.put_user_policy(UserName="kept", PolicyName="p", PolicyDocument=READ)
    iam.attach_user_policy(UserName="kept", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    iam.add_user_to_group(UserName="kept", GroupName="g")
    steps = [
        ("access keys first", lambda: iam.delete_access_key(UserName="kept", AccessKeyId=key["AccessKeyId"])),
        ("detach all policies first",
         lambda: iam.detach_user_policy(UserName="kept", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")),
        ("delete policies first", lambda: iam.delete_user_policy(UserName="kept", PolicyName="p")),
        ("remove users from group first", lambda: iam.remove_user_from_group(UserName="kept", GroupName="g")),
    ]
    for words, undo in steps:
        error, message, status = code(iam.delete_user, UserName="kept")
        assert (error, status) == ("DeleteConflict", 409) and message.endswith(words + ".")
        undo()
    iam.delete_user(UserName="kept")
    iam.delete_group(GroupName="g")


def test_keys_two_a_user_and_off_at_once(server, iam):
    iam.create_user(UserName="keys")
    keys = [iam.create_access_key(UserName="keys")["AccessKey"] for _ in range(2)]
    assert code(iam.create_access_key, UserName="keys") == (
        "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2", 409)
    one = keys[0]
    sts = server.client("sts", aws_access_key_id=one["AccessKeyId"], aws_secret_access_key=one["SecretAccessKey"])
    who = sts.get_caller_identity()
    assert who["Arn"] == "arn:aws:iam::000000000000:user/keys" and who["UserId"].startswith("AIDA")
    iam.update_access_key(UserName="keys", AccessKeyId=one["AccessKeyId"], Status="Inactive")
    assert code(sts.get_caller_identity)[0] == "InvalidClientTokenId"
    listed = iam.list_access_keys(UserName="keys")["AccessKeyMetadata"]
    assert {k["AccessKeyId"]: k["Status"] for k in listed} == {keys[0]["AccessKeyId"]: "Inactive",
                                                              keys[1]["AccessKeyId"]: "Active"}
    iam.update_access_key(UserName="keys", AccessKeyId=one["AccessKeyId"], Status="Active")
    assert sts.get_caller_identity()
    for key in keys:
        iam.delete_access_key(UserName="keys", AccessKeyId=key["AccessKeyId"])
    assert code(sts.get_caller_identity)[0] == "SignatureDoesNotMatch"
    iam.delete_user(UserName="keys")


def test_when_a_key_was_last_used(server, iam):
    iam.create_user(UserName="used")
    key = iam.create_access_key(UserName="used")["AccessKey"]
    ask = lambda: iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
    never = ask()
    assert never["UserName"] == "used"
    assert never["AccessKeyLastUsed"] == {"ServiceName": "N/A", "Region": "N/A"}
    server.client("sts", aws_access_key_id=key["AccessKeyId"],
                  aws_secret_access_key=key["SecretAccessKey"]).get_caller_identity()
    used = eventually(lambda: "LastUsedDate" in ask()["AccessKeyLastUsed"] and ask()["AccessKeyLastUsed"])
    assert (used["ServiceName"], used["Region"]) == ("sts", "us-east-1") and used["LastUsedDate"] >= key["CreateDate"]
    iam.delete_access_key(UserName="used", AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName="used")


def test_groups(iam):
    group = iam.create_group(GroupName="crew", Path="/x/")["Group"]
    assert group["Arn"] == "arn:aws:iam::000000000000:group/x/crew" and group["GroupId"].startswith("AGPA")
    for name in ("c1", "c2", "c3"):
        iam.create_user(UserName=name)
        iam.add_user_to_group(GroupName="crew", UserName=name)
    pages = iam.get_paginator("get_group").paginate(GroupName="crew", PaginationConfig={"PageSize": 2})
    assert sorted(u["UserName"] for page in pages for u in page["Users"]) == ["c1", "c2", "c3"]
    assert [g["GroupName"] for g in iam.list_groups_for_user(UserName="c1")["Groups"]] == ["crew"]
    assert code(iam.delete_group, GroupName="crew")[:2] == (
        "DeleteConflict", "Cannot delete entity, must remove users from group first.")
    iam.update_group(GroupName="crew", NewGroupName="team")
    assert [g["GroupName"] for g in iam.list_groups_for_user(UserName="c2")["Groups"]] == ["team"]
    for name in ("c1", "c2", "c3"):
        iam.remove_user_from_group(GroupName="team", UserName=name)
        iam.delete_user(UserName=name)
    iam.delete_group(GroupName="team")
    assert code(iam.get_group, GroupName="team") == ("NoSuchEntity", "The group with name team cannot be found.", 404)


def test_pages_follow_the_names(iam):
    names = [f"page-{i:02}" for i in range(7)]
    for name in names:
        iam.create_user(UserName=name, Path="/pages/")
    pages = list(iam.get_paginator("list_users").paginate(PathPrefix="/pages/", PaginationConfig={"PageSize": 3}))
    assert [len(page["Users"]) for page in pages] == [3, 3, 1]
    assert [u["UserName"] for page in pages for u in page["Users"]] == names
    assert code(iam.list_users, Marker="nonsense")[:2] == ("ValidationError", "Invalid Marker.")
    for name in names:
        iam.delete_user(UserName=name)


def test_tags_of_a_user(iam):
    iam.create_user(UserName="tagged")
    iam.tag_user(UserName="tagged", Tags=[{"Key": "b", "Value": "1"}, {"Key": "a", "Value": "2"}])
    iam.tag_user(UserName="tagged", Tags=[{"Key": "b", "Value": "3"}])
    assert iam.list_user_tags(UserName="tagged")["Tags"] == [{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "3"}]
    iam.untag_user(UserName="tagged", TagKeys=["a"])
    assert iam.list_user_tags(UserName="tagged")["Tags"] == [{"Key": "b", "Value": "3"}]
    assert code(iam.tag_user, UserName="tagged", Tags=[{"Key": "aws:x", "Value": "1"}])[0] == "InvalidInput"
    assert code(iam.tag_user, UserName="tagged", Tags=[{"Key": "x", "Value": "1"}, {"Key": "X", "Value": "2"}])[:2] == (
        "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    iam.delete_user(UserName="tagged")


@pytest.mark.parametrize("call, arguments", [
    ("create_user", {"UserName": "no such name!"}),
    ("create_user", {"UserName": "x" * 65}),
    ("create_user", {"UserName": "x", "Path": "no-slash"}),
    ("list_users", {"MaxItems": 1001}),
])
def test_what_is_out_of_bounds_is_told(iam, call, arguments):
    error, message, status = code(getattr(iam, call), **arguments)
    assert (error, status) == ("ValidationError", 400) and "1 validation error detected" in message


def test_what_is_not_built_is_refused_by_name(iam):
    error, message, status = code(iam.create_login_profile, UserName="x", Password="y")
    assert (error, status) == ("UnsupportedOperation", 501) and "CreateLoginProfile" in message


def test_users_survive_a_restart(server, iam):
    iam.create_user(UserName="stays")
    key = iam.create_access_key(UserName="stays")["AccessKey"]
    server.kill()
    server.start()
    sts = server.client("sts", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    assert sts.get_caller_identity()["Arn"].endswith(":user/stays")
    iam.delete_access_key(UserName="stays", AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName="stays")


def test_a_user_has_nothing_to_sign_in_with_but_keys(server, iam):
    """What tools ask before they delete a user (Terraform's force_destroy, for one)."""
    iam.create_user(UserName="plain")
    try:
        assert iam.list_mfa_devices(UserName="plain")["MFADevices"] == []
        assert iam.list_ssh_public_keys(UserName="plain")["SSHPublicKeys"] == []
        assert iam.list_signing_certificates(UserName="plain")["Certificates"] == []
        assert iam.list_service_specific_credentials(UserName="plain")["ServiceSpecificCredentials"] == []
        assert iam.list_virtual_mfa_devices()["VirtualMFADevices"] == iam.list_server_certificates()["ServerCertificateMetadataList"] == []
        assert iam.list_saml_providers()["SAMLProviderList"] == []
        for call in (iam.get_login_profile, iam.delete_login_profile):
            assert code(call, UserName="plain") == ("NoSuchEntity", "Login Profile for User plain cannot be found.", 404)
        assert code(iam.get_account_password_policy) == (
            "NoSuchEntity", "The Password Policy with domain name 000000000000 cannot be found.", 404)
        for call in (iam.list_mfa_devices, iam.get_login_profile, iam.list_ssh_public_keys):
            assert code(call, UserName="nobody") == ("NoSuchEntity", "The user with name nobody cannot be found.", 404)
        assert server.aws("iam", "list-mfa-devices", "--user-name", "plain") == ""
        for call, arguments in ((iam.create_virtual_mfa_device, {"VirtualMFADeviceName": "x"}),
                                (iam.upload_ssh_public_key, {"UserName": "plain", "SSHPublicKeyBody": "ssh-rsa x"}),
                                (iam.update_account_password_policy, {})):
            assert code(call, **arguments)[0] == "UnsupportedOperation"
    finally:
        iam.delete_user(UserName="plain")


def test_a_boundary_that_is_none(iam):
    policy = "arn:aws:iam::000000000000:policy/none"
    assert code(iam.create_user, UserName="bound", PermissionsBoundary=policy) == (
        "NoSuchEntity", f"Scope ARN: {policy} does not exist or is not attachable.", 404)
    assert code(iam.get_user, UserName="bound")[0] == "NoSuchEntity"
