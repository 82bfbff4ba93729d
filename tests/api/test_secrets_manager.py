"""Secrets Manager with boto3 and the stock aws CLI: secrets, versions and their labels, deletion, and what stands at rest."""

import base64
import json
import os
import pathlib
import re
import stat
import subprocess
import tempfile
import uuid

import botocore.exceptions
import pytest
import wire
from conftest import BERTH, CLEAN, Server, eventually, free_port

VALUE = "correct-horse-battery-staple"


def refused(call, code, text=""):
    with pytest.raises(botocore.exceptions.ClientError) as failure:
        call()
    error = failure.value.response["Error"]
    assert error["Code"] == code and text in error["Message"], error
    assert VALUE not in str(failure.value.response)
    return error["Message"]


@pytest.fixture(scope="module")
def secrets(server):
    return server.client("secretsmanager")


@pytest.fixture
def name(secrets, request):
    made = "test/" + re.sub(r"[^a-zA-Z0-9]+", "-", request.node.name)
    yield made
    secrets.delete_secret(SecretId=made, ForceDeleteWithoutRecovery=True)


def by_hand(server, operation, **body):
    """For what older SDKs do not know."""
    answer = wire.call_json(server, "secretsmanager", operation, body)
    return answer.status, json.loads(answer.body)


def value(secrets, name, **more):
    return secrets.get_secret_value(SecretId=name, **more)["SecretString"]


def stages(secrets, name):
    return secrets.describe_secret(SecretId=name).get("VersionIdsToStages", {})


# ---- secrets ----


def test_a_secret_as_it_is_made_and_shown(secrets, name):
    made = secrets.create_secret(Name=name, SecretString=VALUE, Description="of a test", KmsKeyId="alias/mine",
                                 Tags=[{"Key": "team", "Value": "blue"}])
    arn = made["ARN"]
    assert re.fullmatch(rf"arn:aws:secretsmanager:us-east-1:000000000000:secret:{name}-[A-Za-z0-9]{{6}}", arn)
    got = secrets.get_secret_value(SecretId=name)
    assert (got["ARN"], got["Name"], got["SecretString"], got["VersionStages"]) == (arn, name, VALUE, ["AWSCURRENT"])
    assert got["VersionId"] == made["VersionId"] and "SecretBinary" not in got
    shown = secrets.describe_secret(SecretId=arn)
    assert shown["VersionIdsToStages"] == {made["VersionId"]: ["AWSCURRENT"]}
    assert (shown["Description"], shown["KmsKeyId"]) == ("of a test", "alias/mine")
    assert shown["Tags"] == [{"Key": "team", "Value": "blue"}]
    assert shown["LastAccessedDate"].hour == shown["LastAccessedDate"].minute == 0
    assert "DeletedDate" not in shown and "RotationEnabled" not in shown


def test_full_and_partial_arns(secrets, name):
    arn = secrets.create_secret(Name=name, SecretString=VALUE)["ARN"]
    assert value(secrets, arn) == value(secrets, arn[:-7]) == VALUE
    for wrong in (arn[:-1] + ("x" if arn[-1] != "x" else "y"), arn.replace("us-east-1", "eu-west-1"), name + arn[-7:],
                  "arn:aws:secretsmanager:us-east-1:000000000000:parameter:x", "arn:aws:s3:::x"):
        refused(lambda: value(secrets, wrong), "ResourceNotFoundException",
                "Secrets Manager can't find the specified secret.")


def test_bytes_are_bytes(secrets, name):
    secrets.create_secret(Name=name, SecretBinary=b"\x00\xff\x10")
    got = secrets.get_secret_value(SecretId=name)
    assert got["SecretBinary"] == b"\x00\xff\x10" and "SecretString" not in got
    refused(lambda: secrets.put_secret_value(SecretId=name, SecretBinary=b"x", SecretString=VALUE),
            "InvalidParameterException", "can't specify both")
    refused(lambda: secrets.put_secret_value(SecretId=name), "InvalidRequestException",
            "You must provide either SecretString or SecretBinary.")


def test_a_secret_without_a_value(secrets, name):
    assert "VersionId" not in secrets.create_secret(Name=name)
    assert stages(secrets, name) == {}
    refused(lambda: value(secrets, name), "ResourceNotFoundException",
            "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT")


def test_a_name_is_taken_once_and_a_token_again(secrets, name):
    token = str(uuid.uuid4())
    first = secrets.create_secret(Name=name, SecretString=VALUE, ClientRequestToken=token)
    assert first["VersionId"] == token
    again = secrets.create_secret(Name=name, SecretString=VALUE, ClientRequestToken=token)
    assert (again["ARN"], again["VersionId"]) == (first["ARN"], token)
    refused(lambda: secrets.create_secret(Name=name, SecretString="other", ClientRequestToken=token),
            "ResourceExistsException", f"You can't use ClientRequestToken {token} because that value is already in use")
    refused(lambda: secrets.create_secret(Name=name, SecretString=VALUE), "ResourceExistsException",
            f"The operation failed because the secret {name} already exists.")


@pytest.mark.parametrize("wrong", ["with space", "semi;colon", "back\\slash", "ümlaut"])
def test_names_have_few_characters(secrets, wrong):
    refused(lambda: secrets.create_secret(Name=wrong, SecretString=VALUE), "ValidationException", "Invalid name.")


def test_what_has_nothing_behind_it_is_refused(secrets, name):
    refused(lambda: secrets.create_secret(Name=name, AddReplicaRegions=[{"Region": "eu-west-1"}]),
            "InvalidParameterException", "AddReplicaRegions")
    secrets.create_secret(Name=name, SecretString=VALUE)
    refused(lambda: secrets.rotate_secret(SecretId=name), "InvalidRequestException",
            "No Lambda rotation function ARN is associated with this secret.")
    refused(lambda: secrets.rotate_secret(SecretId=name, RotationLambdaARN="arn:aws:lambda:us-east-1:0:function:f"),
            "InvalidParameterException", "RotationLambdaARN")
    refused(lambda: secrets.cancel_rotate_secret(SecretId=name), "InvalidRequestException", "rotation")
    refused(lambda: secrets.replicate_secret_to_regions(SecretId=name, AddReplicaRegions=[{"Region": "eu-west-1"}]),
            "UnsupportedOperation", "ReplicateSecretToRegions")


def test_an_update_changes_what_it_names(secrets, name):
    secrets.create_secret(Name=name, SecretString="one", Description="first")
    assert "VersionId" not in secrets.update_secret(SecretId=name, Description="second")
    assert secrets.describe_secret(SecretId=name)["Description"] == "second"
    assert "VersionId" in secrets.update_secret(SecretId=name, SecretString="two")
    assert value(secrets, name) == "two" and value(secrets, name, VersionStage="AWSPREVIOUS") == "one"
    assert secrets.describe_secret(SecretId=name)["Description"] == "second"


def test_tags(secrets, name):
    secrets.create_secret(Name=name, Tags=[{"Key": "a", "Value": "1"}])
    secrets.tag_resource(SecretId=name, Tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": ""}])
    secrets.tag_resource(SecretId=name, Tags=[{"Key": "c", "Value": "3"}])
    secrets.untag_resource(SecretId=name, TagKeys=["b", "unknown"])
    assert secrets.describe_secret(SecretId=name)["Tags"] == [{"Key": "a", "Value": "2"}, {"Key": "c", "Value": "3"}]
    refused(lambda: secrets.tag_resource(SecretId=name, Tags=[{"Key": "aws:x", "Value": ""}]),
            "InvalidParameterException", "aws:x")
    refused(lambda: secrets.tag_resource(SecretId=name, Tags=[{"Key": f"k{i}", "Value": ""} for i in range(49)]),
            "InvalidParameterException", "50")


# ---- versions ----


def test_labels_move_with_new_values(secrets, name):
    one = secrets.create_secret(Name=name, SecretString="one")["VersionId"]
    two = secrets.put_secret_value(SecretId=name, SecretString="two")
    assert two["VersionStages"] == ["AWSCURRENT"]
    three = secrets.put_secret_value(SecretId=name, SecretString="three")["VersionId"]
    assert stages(secrets, name) == {three: ["AWSCURRENT"], two["VersionId"]: ["AWSPREVIOUS"]}
    assert value(secrets, name, VersionId=one) == "one"
    custom = secrets.put_secret_value(SecretId=name, SecretString="four", VersionStages=["MINE"])["VersionId"]
    assert value(secrets, name) == "three" and value(secrets, name, VersionStage="MINE") == "four"
    refused(lambda: value(secrets, name, VersionId=custom, VersionStage="AWSCURRENT"), "InvalidRequestException",
            "You provided a VersionStage that is not associated to the provided VersionId.")
    refused(lambda: value(secrets, name, VersionStage="NONE"), "ResourceNotFoundException", "staging label: NONE")
    refused(lambda: value(secrets, name, VersionId="0" * 32), "ResourceNotFoundException", "VersionId: " + "0" * 32)
    listed = secrets.list_secret_version_ids(SecretId=name)["Versions"]
    assert {v["VersionId"] for v in listed} == {two["VersionId"], three, custom}
    listed = secrets.list_secret_version_ids(SecretId=name, IncludeDeprecated=True)["Versions"]
    assert {v["VersionId"] for v in listed} == {one, two["VersionId"], three, custom}


def test_a_put_with_the_same_token_is_one_version(secrets, name):
    secrets.create_secret(Name=name, SecretString="one")
    token = str(uuid.uuid4())
    for _ in range(2):
        assert secrets.put_secret_value(SecretId=name, SecretString="two", ClientRequestToken=token)["VersionId"] == token
    refused(lambda: secrets.put_secret_value(SecretId=name, SecretString=VALUE, ClientRequestToken=token),
            "ResourceExistsException", token)
    assert value(secrets, name) == "two" and value(secrets, name, VersionStage="AWSPREVIOUS") == "one"


def test_labels_are_moved_by_hand(secrets, name):
    one = secrets.create_secret(Name=name, SecretString="one")["VersionId"]
    two = secrets.put_secret_value(SecretId=name, SecretString="two")["VersionId"]
    move = lambda **more: secrets.update_secret_version_stage(SecretId=name, **more)
    refused(lambda: move(VersionStage="AWSCURRENT", MoveToVersionId=one), "InvalidParameterException",
            f"Staging label AWSCURRENT is currently attached to version {two}")
    refused(lambda: move(VersionStage="AWSCURRENT", RemoveFromVersionId=two), "InvalidParameterException",
            "You can only move staging label AWSCURRENT to a different secret version.")
    refused(lambda: move(VersionStage="AWSCURRENT", RemoveFromVersionId=one, MoveToVersionId=two),
            "InvalidParameterException", "isn't attached")
    move(VersionStage="AWSCURRENT", RemoveFromVersionId=two, MoveToVersionId=one)
    assert stages(secrets, name) == {one: ["AWSCURRENT"], two: ["AWSPREVIOUS"]}
    assert value(secrets, name) == "one"
    move(VersionStage="MINE", MoveToVersionId=two)
    assert sorted(stages(secrets, name)[two]) == ["AWSPREVIOUS", "MINE"]
    move(VersionStage="MINE", RemoveFromVersionId=two)
    assert stages(secrets, name)[two] == ["AWSPREVIOUS"]


def test_labels_and_versions_have_limits(secrets, name):
    secrets.create_secret(Name=name, SecretString="one")
    secrets.put_secret_value(SecretId=name, SecretString="x", VersionStages=[f"L{i}" for i in range(19)])
    refused(lambda: secrets.put_secret_value(SecretId=name, SecretString="x", VersionStages=["ONE-MORE"]),
            "LimitExceededException", "20")
    for i in range(105):
        secrets.update_secret(SecretId=name, SecretString=f"value {i}")
    page = secrets.list_secret_version_ids(SecretId=name, IncludeDeprecated=True, MaxResults=60)
    rest = secrets.list_secret_version_ids(SecretId=name, IncludeDeprecated=True, NextToken=page["NextToken"])
    assert len(page["Versions"]) == 60 and len(page["Versions"] + rest["Versions"]) == 100 and "NextToken" not in rest
    assert value(secrets, name) == "value 104" and value(secrets, name, VersionStage="L3") == "x"


# ---- deletion ----


def test_a_deleted_secret_waits_and_can_come_back(server, secrets, name):
    arn = secrets.create_secret(Name=name, SecretString=VALUE)["ARN"]
    gone = secrets.delete_secret(SecretId=name, RecoveryWindowInDays=7)
    assert gone["ARN"] == arn
    marked = "You can't perform this operation on the secret because it was marked for deletion."
    for call in (lambda: value(secrets, name), lambda: secrets.put_secret_value(SecretId=name, SecretString="x"),
                 lambda: secrets.update_secret(SecretId=name, Description="x"),
                 lambda: secrets.delete_secret(SecretId=name)):
        refused(call, "InvalidRequestException", marked)
    refused(lambda: secrets.create_secret(Name=name, SecretString="x"), "InvalidRequestException",
            "You can't create this secret because a secret with this name is already scheduled for deletion.")
    assert abs((secrets.describe_secret(SecretId=name)["DeletedDate"] - gone["DeletionDate"]).total_seconds()) < 1
    named = [{"Key": "name", "Values": [name]}]
    assert secrets.list_secrets(Filters=named)["SecretList"] == []
    assert len(by_hand(server, "ListSecrets", Filters=named, IncludePlannedDeletion=True)[1]["SecretList"]) == 1
    assert secrets.restore_secret(SecretId=name)["ARN"] == arn
    assert value(secrets, name) == VALUE and "DeletedDate" not in secrets.describe_secret(SecretId=name)


def test_windows_have_bounds(secrets, name):
    secrets.create_secret(Name=name)
    for days in (0, 6, 31):
        refused(lambda: secrets.delete_secret(SecretId=name, RecoveryWindowInDays=days), "InvalidParameterException",
                "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
    refused(lambda: secrets.delete_secret(SecretId=name, RecoveryWindowInDays=7, ForceDeleteWithoutRecovery=True),
            "InvalidParameterException", "in conjunction with RecoveryWindowInDays")


def test_deletion_by_force_is_at_once(secrets, name):
    arn = secrets.create_secret(Name=name, SecretString=VALUE)["ARN"]
    secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    refused(lambda: secrets.describe_secret(SecretId=name), "ResourceNotFoundException")
    assert secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)["Name"] == name
    refused(lambda: secrets.delete_secret(SecretId=name), "ResourceNotFoundException")
    again = secrets.create_secret(Name=name)["ARN"]
    assert again != arn
    refused(lambda: value(secrets, name), "ResourceNotFoundException", "AWSCURRENT")  # the old versions are gone too


def test_a_marked_secret_goes_when_its_time_has_come():
    with tempfile.TemporaryDirectory(prefix="berth-test-") as directory:
        fast = Server(directory, "--clock-rate", "1000000", "--auth", "open")
        fast.start()
        try:
            secrets = fast.client("secretsmanager")
            secrets.create_secret(Name="short", SecretString=VALUE)
            secrets.delete_secret(SecretId="short", RecoveryWindowInDays=7)

            def is_gone():
                try:
                    secrets.describe_secret(SecretId="short")
                except secrets.exceptions.ResourceNotFoundException:
                    return True

            eventually(is_gone, what="the end of the secret")
        finally:
            fast.stop()


# ---- lists ----


def test_lists_are_filtered_sorted_and_cut(secrets):
    names = [f"list/{n}" for n in ("c", "a", "b")]
    for number, each in enumerate(names):
        secrets.create_secret(Name=each, SecretString="x", Description=f"Number {number}",
                              Tags=[{"Key": "list-key", "Value": f"v{number}"}])
    try:
        ours = [{"Key": "name", "Values": ["list/"]}]
        find = lambda **more: [s["Name"] for s in secrets.list_secrets(**{"Filters": ours, **more})["SecretList"]]
        assert find() == names
        assert find(SortOrder="desc") == names[::-1]
        assert find(Filters=ours + [{"Key": "tag-value", "Values": ["v1", "v2"]}]) == names[1:]
        assert find(Filters=ours + [{"Key": "description", "Values": ["!number 0"]}]) == names[1:]
        assert find(Filters=[{"Key": "all", "Values": ["list-key"]}]) == names
        if "SortBy" in secrets.meta.service_model.operation_model("ListSecrets").input_shape.members:
            assert find(SortBy="name", SortOrder="asc") == sorted(names)
        page = secrets.list_secrets(Filters=ours, MaxResults=2)
        rest = secrets.list_secrets(Filters=ours, MaxResults=2, NextToken=page["NextToken"])
        assert [s["Name"] for s in page["SecretList"] + rest["SecretList"]] == names and "NextToken" not in rest
        entry = page["SecretList"][0]
        assert list(entry["SecretVersionsToStages"].values()) == [["AWSCURRENT"]]
        refused(lambda: secrets.list_secrets(NextToken="zz"), "InvalidNextTokenException")
        assert VALUE not in json.dumps(page, default=str)
    finally:
        for each in names:
            secrets.delete_secret(SecretId=each, ForceDeleteWithoutRecovery=True)


def test_a_batch_has_values_and_errors(server, secrets, name):
    arn = secrets.create_secret(Name=name, SecretString="1")["ARN"]
    batch = lambda **body: by_hand(server, "BatchGetSecretValue", **body)
    status, got = batch(SecretIdList=[name, "batch/none"])
    assert status == 200 and [(v["ARN"], v["SecretString"]) for v in got["SecretValues"]] == [(arn, "1")]
    assert got["Errors"] == [{"SecretId": "batch/none", "ErrorCode": "ResourceNotFoundException",
                              "Message": "Secrets Manager can't find the specified secret."}]
    status, got = batch(Filters=[{"Key": "name", "Values": [name]}])
    assert [v["Name"] for v in got["SecretValues"]] == [name] and got["Errors"] == []
    for wrong in ({}, {"SecretIdList": [name], "Filters": [{"Key": "name", "Values": [name]}]},
                  {"SecretIdList": [name], "MaxResults": 1}):
        status, got = batch(**wrong)
        assert status == 400 and got["__type"].endswith("InvalidParameterException"), got


# ---- passwords, policies ----


def test_passwords(secrets):
    seen = {secrets.get_random_password()["RandomPassword"] for _ in range(20)}
    assert len(seen) == 20 and all(len(each) == 32 for each in seen)
    digits = secrets.get_random_password(PasswordLength=50, ExcludePunctuation=True, ExcludeUppercase=True,
                                         ExcludeLowercase=True, ExcludeCharacters="012345")["RandomPassword"]
    assert re.fullmatch("[6789]{50}", digits)
    refused(lambda: secrets.get_random_password(PasswordLength=3), "InvalidParameterException", "too short")


def test_resource_policies(secrets, name):
    secrets.create_secret(Name=name)
    statement = {"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "secretsmanager:GetSecretValue",
                 "Resource": "*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    public = json.dumps({"Version": "2012-10-17", "Statement": [dict(statement, Principal="*")]})
    assert "ResourcePolicy" not in secrets.get_resource_policy(SecretId=name)
    secrets.put_resource_policy(SecretId=name, ResourcePolicy=text)
    assert secrets.get_resource_policy(SecretId=name)["ResourcePolicy"] == text
    refused(lambda: secrets.put_resource_policy(SecretId=name, ResourcePolicy="{"), "MalformedPolicyDocumentException")
    refused(lambda: secrets.put_resource_policy(SecretId=name, ResourcePolicy=public, BlockPublicPolicy=True),
            "PublicPolicyException")
    assert secrets.validate_resource_policy(ResourcePolicy=text)["PolicyValidationPassed"] is True
    checked = secrets.validate_resource_policy(SecretId=name, ResourcePolicy=public)
    assert checked["PolicyValidationPassed"] is False and checked["ValidationErrors"]
    secrets.delete_resource_policy(SecretId=name)
    assert "ResourcePolicy" not in secrets.get_resource_policy(SecretId=name)


# ---- the stock CLI ----


def test_the_aws_cli(server):
    made = server.aws("secretsmanager", "create-secret", "--name", "cli", "--secret-string", '{"user":"me"}',
                      "--query", "ARN")
    assert server.aws("secretsmanager", "get-secret-value", "--secret-id", made, "--query", "SecretString") == '{"user":"me"}'
    server.aws("secretsmanager", "delete-secret", "--secret-id", "cli", "--force-delete-without-recovery")


# ---- at rest ----


def started(directory, *options):
    running = Server(directory, *options)
    running.start()
    return running


def everything_in(directory):
    return b"".join(path.read_bytes() for path in pathlib.Path(directory).rglob("*") if path.is_file())


def refuses_to_start(directory):
    done = subprocess.run([BERTH, "server", "--data", directory, "--listen", f"127.0.0.1:{free_port()}"], env=CLEAN,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    return done.stderr


def test_nothing_at_rest_shows_a_value():
    with tempfile.TemporaryDirectory(prefix="berth-test-") as directory:
        server = started(directory, "--log-requests")
        try:
            secrets = server.client("secretsmanager")
            secrets.create_secret(Name="kept", SecretString=VALUE)
            secrets.put_secret_value(SecretId="kept", SecretBinary=VALUE.encode())
            assert secrets.get_secret_value(SecretId="kept")["SecretBinary"] == VALUE.encode()
            key = pathlib.Path(directory, "secrets.key")
            assert stat.S_IMODE(key.stat().st_mode) == 0o600 and key.stat().st_size == 32
        finally:
            server.stop()
        kept = everything_in(directory)
        assert VALUE.encode() not in kept and base64.b64encode(VALUE.encode()) not in kept
        server = started(directory)
        try:
            assert server.client("secretsmanager").get_secret_value(SecretId="kept")["SecretBinary"] == VALUE.encode()
        finally:
            server.stop()


def test_without_its_key_a_server_does_not_start():
    with tempfile.TemporaryDirectory(prefix="berth-test-") as directory:
        key = pathlib.Path(directory, "secrets.key")
        started(directory).stop()
        first = key.read_bytes()
        key.unlink()
        started(directory).stop()  # nothing was sealed with it
        assert key.read_bytes() != first
        server = started(directory)
        server.client("secretsmanager").create_secret(Name="kept", SecretString=VALUE)
        server.stop()
        right = key.read_bytes()
        key.unlink()
        assert "secrets.key is missing" in refuses_to_start(directory) and not key.exists()
        key.write_bytes(os.urandom(32))
        assert "is not the key that" in refuses_to_start(directory)
        key.write_bytes(right[:31])
        assert "has 31 bytes, not 32" in refuses_to_start(directory)
        key.write_bytes(right)
        server = started(directory)
        assert value(server.client("secretsmanager"), "kept") == VALUE
        server.stop()


def test_doctor_knows_the_key(server):
    def check():
        done = server.berth("doctor", "--data", server.directory, "--listen", server.listen, "--json", check=False)
        (row,) = [row for row in json.loads(done.stdout) if row["check"] == "secrets key"]
        return row

    key = os.path.join(server.directory, "secrets.key")
    assert check()["verdict"] == "good" and key in check()["detail"]
    os.chmod(key, 0o640)
    try:
        assert check()["verdict"] == "BROKEN" and "chmod 600" in check()["detail"]
    finally:
        os.chmod(key, 0o600)


def test_the_audit_log_has_no_value(server, secrets, name):
    secrets.create_secret(Name=name, SecretString=VALUE)
    server_log = everything_in(server.directory)
    assert name.encode() in server_log and VALUE.encode() not in server_log
