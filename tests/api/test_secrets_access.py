"""Who may read secrets and parameters: IAM's policies, tags, and a secret's own policy."""

import json

import botocore.exceptions
import pytest
import wire

ACCOUNT = "000000000000"


def allow(action, resource, **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def code(call, **arguments):
    try:
        call(**arguments)
    except botocore.exceptions.ClientError as failure:
        return failure.response["Error"]["Code"]
    return "good"


@pytest.fixture
def act(server):
    """Clients of a user that may do what the statements say."""
    iam = server.client("iam")
    made = []

    def make(*statements):
        name = f"reader-{len(made)}"
        made.append(name)
        iam.create_user(UserName=name)
        if statements:
            iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(
                {"Version": "2012-10-17", "Statement": list(statements)}))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        keys = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
        return server.client("secretsmanager", **keys), server.client("ssm", **keys), (
            key["AccessKeyId"], key["SecretAccessKey"])

    yield make
    for name in made:
        for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        for policy in iam.list_user_policies(UserName=name)["PolicyNames"]:
            iam.delete_user_policy(UserName=name, PolicyName=policy)
        iam.delete_user(UserName=name)


@pytest.fixture
def secret(server):
    root = server.client("secretsmanager")

    def make(name, **more):
        made.append(name)
        return root.create_secret(Name=name, SecretString="value of " + name, **more)["ARN"]

    made = []
    yield make
    for name in made:
        root.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)


def test_one_secret_and_no_other(server, act, secret):
    mine, other = secret("mine"), secret("other")
    secrets, _, keys = act(allow("secretsmanager:GetSecretValue", mine), allow("secretsmanager:BatchGetSecretValue", "*"))
    assert code(secrets.get_secret_value, SecretId=mine) == code(secrets.get_secret_value, SecretId="mine") == "good"
    assert code(secrets.get_secret_value, SecretId=other) == "AccessDeniedException"
    assert code(secrets.get_secret_value, SecretId="none") == "AccessDeniedException"
    assert code(secrets.describe_secret, SecretId=mine) == "AccessDeniedException"
    answer = wire.call_json(server, "secretsmanager", "BatchGetSecretValue", {"SecretIdList": [mine, other]}, keys=keys)
    got = json.loads(answer.body)
    assert [v["ARN"] for v in got["SecretValues"]] == [mine]
    assert [(e["SecretId"], e["ErrorCode"]) for e in got["Errors"]] == [(other, "AccessDeniedException")]


def test_tags_decide(act, secret):
    secret("blue", Tags=[{"Key": "team", "Value": "blue"}])
    secret("red", Tags=[{"Key": "team", "Value": "red"}])
    when = {"StringEquals": {"aws:ResourceTag/team": "blue"}}
    secrets, _, _ = act(allow("secretsmanager:GetSecretValue", "*", Condition=when))
    assert code(secrets.get_secret_value, SecretId="blue") == "good"
    assert code(secrets.get_secret_value, SecretId="red") == "AccessDeniedException"


def test_a_secret_s_own_policy_allows_and_denies(server, act, secret):
    arn = secret("shared")
    root = server.client("secretsmanager")
    secrets, _, _ = act()
    who = f"arn:aws:iam::{ACCOUNT}:user/reader-0"
    assert code(secrets.get_secret_value, SecretId=arn) == "AccessDeniedException"

    def put(effect):
        statement = {"Effect": effect, "Principal": {"AWS": who}, "Action": "secretsmanager:GetSecretValue",
                     "Resource": "*"}
        root.put_resource_policy(SecretId=arn, ResourcePolicy=json.dumps(
            {"Version": "2012-10-17", "Statement": [statement]}))

    put("Allow")
    assert code(secrets.get_secret_value, SecretId=arn) == "good"
    put("Deny")
    assert code(secrets.get_secret_value, SecretId=arn) == "AccessDeniedException"
    root.delete_resource_policy(SecretId=arn)
    assert code(secrets.get_secret_value, SecretId=arn) == "AccessDeniedException"


def test_parameters_below_a_path(server, act):
    root = server.client("ssm")
    names = ["/app/a", "/app/b", "/else/c"]
    for name in names:
        root.put_parameter(Name=name, Value="x", Type="String")
    try:
        _, ssm, _ = act(allow(["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"],
                              f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/app*"))
        assert code(ssm.get_parameter, Name="/app/a") == code(ssm.get_parameter, Name="/app/a:1") == "good"
        assert code(ssm.get_parameters, Names=names[:2]) == "good"
        assert code(ssm.get_parameters_by_path, Path="/app") == "good"
        assert code(ssm.get_parameter, Name="/else/c") == "AccessDeniedException"
        assert code(ssm.get_parameters, Names=names) == "AccessDeniedException"
        assert code(ssm.get_parameters_by_path, Path="/") == "AccessDeniedException"
        assert code(ssm.delete_parameter, Name="/app/a") == "AccessDeniedException"
    finally:
        root.delete_parameters(Names=names)
