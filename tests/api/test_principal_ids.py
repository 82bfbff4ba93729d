"""Policies of resources keep users and roles by their ids: one who is made anew under an old name is somebody else."""

import json

import botocore.exceptions
import pytest

PULL = ["ecr:BatchGetImage", "ecr:DescribeImages"]


def trust(*principals):
    return json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": list(principals)}, "Action": "sts:AssumeRole",
         "Condition": {"ArnLike": {"aws:PrincipalArn": principals[0] if principals[0].startswith("arn") else "*"}}}]})


def code(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        call(**arguments)
    return refused.value.response["Error"]


class User:
    def __init__(self, server, name):
        self.server, self.name, self.iam = server, name, server.client("iam")
        self.make()

    def make(self):
        made = self.iam.create_user(UserName=self.name)["User"]
        self.arn, self.id = made["Arn"], made["UserId"]
        self.iam.put_user_policy(UserName=self.name, PolicyName="all", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:*", "Resource": "*"}]}))
        self.key = self.iam.create_access_key(UserName=self.name)["AccessKey"]

    def client(self, service):
        return self.server.client(service, aws_access_key_id=self.key["AccessKeyId"], aws_secret_access_key=self.key["SecretAccessKey"])

    def delete(self):
        self.iam.delete_access_key(UserName=self.name, AccessKeyId=self.key["AccessKeyId"])
        self.iam.delete_user_policy(UserName=self.name, PolicyName="all")
        self.iam.delete_user(UserName=self.name)

    def rename(self, name):
        self.iam.update_user(UserName=self.name, NewUserName=name)
        self.name, self.arn = name, self.iam.get_user(UserName=name)["User"]["Arn"]


@pytest.fixture
def user(server):
    made = User(server, "trusted")
    yield made
    made.delete()


@pytest.fixture
def role(server, user):
    iam = server.client("iam")
    arn = iam.create_role(RoleName="taken", AssumeRolePolicyDocument=trust(user.arn))["Role"]["Arn"]
    yield arn
    iam.delete_role(RoleName="taken")


def shown(server):
    return server.client("iam").get_role(RoleName="taken")["Role"]["AssumeRolePolicyDocument"]["Statement"][0]


def test_one_made_anew_is_not_trusted(server, user, role):
    assume = lambda: user.client("sts").assume_role(RoleArn=role, RoleSessionName="xx")
    assume()
    assert shown(server)["Principal"]["AWS"] == [user.arn]
    before = user.id
    user.delete()
    assert shown(server)["Principal"]["AWS"] == [before]
    user.make()
    assert user.id != before and shown(server)["Principal"]["AWS"] == [before]
    assert shown(server)["Condition"] == {"ArnLike": {"aws:PrincipalArn": user.arn}}
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        assume()
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    server.client("iam").update_assume_role_policy(RoleName="taken", PolicyDocument=trust(user.arn))
    assume()


def test_one_with_a_new_name_still_is(server, user, role):
    user.rename("renamed")
    assert shown(server)["Principal"]["AWS"] == [user.arn]
    server.client("iam").update_assume_role_policy(RoleName="taken", PolicyDocument=trust(user.id))
    assert shown(server)["Principal"]["AWS"] == [user.arn]
    user.client("sts").assume_role(RoleArn=role, RoleSessionName="xx")


def test_ids_of_nobody_are_refused(server, user, role):
    iam = server.client("iam")
    for principal in ("AIDAAAAAAAAAAAAAAAAAA", "AROAAAAAAAAAAAAAAAAAA", user.arn + "x", f"arn:aws:iam::{'9' * 12}:role/x"):
        error = code(iam.update_assume_role_policy, RoleName="taken", PolicyDocument=trust(principal))
        assert error["Code"] == "MalformedPolicyDocument"
        assert error["Message"] == f'Invalid principal in policy: "AWS":"{principal}"'
    assert shown(server)["Principal"]["AWS"] == [user.arn]


def test_a_role_made_anew_chains_no_more(server, user, role):
    iam = server.client("iam")
    first = iam.create_role(RoleName="first", AssumeRolePolicyDocument=trust(user.arn))["Role"]["Arn"]
    iam.put_role_policy(RoleName="first", PolicyName="all", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]}))
    iam.update_assume_role_policy(RoleName="taken", PolicyDocument=trust(first))

    def chain():
        got = user.client("sts").assume_role(RoleArn=first, RoleSessionName="xx")["Credentials"]
        return server.client("sts", aws_access_key_id=got["AccessKeyId"], aws_secret_access_key=got["SecretAccessKey"],
                             aws_session_token=got["SessionToken"]).assume_role(RoleArn=role, RoleSessionName="yy")

    chain()
    iam.delete_role_policy(RoleName="first", PolicyName="all")
    iam.delete_role(RoleName="first")
    iam.create_role(RoleName="first", AssumeRolePolicyDocument=trust(user.arn))
    with pytest.raises(botocore.exceptions.ClientError):
        chain()
    iam.delete_role(RoleName="first")


def test_policies_of_repositories_and_registries_keep_ids_too(server, user):
    ecr = server.client("ecr")
    ecr.create_repository(repositoryName="ids")
    statement = {"Effect": "Allow", "Principal": {"AWS": user.arn}, "Action": PULL}
    try:
        ecr.set_repository_policy(repositoryName="ids", policyText=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
        ecr.put_registry_policy(policyText=json.dumps({"Version": "2012-10-17", "Statement": [dict(statement, Resource="*")]}))
        user.client("ecr").describe_images(repositoryName="ids")
        before = user.id
        user.delete()
        user.make()
        for text in (ecr.get_repository_policy(repositoryName="ids"), ecr.get_registry_policy()):
            assert json.loads(text["policyText"])["Statement"][0]["Principal"] == {"AWS": before}
        assert code(user.client("ecr").describe_images, repositoryName="ids")["Code"] == "AccessDeniedException"
        gone = json.dumps({"Version": "2012-10-17", "Statement": [dict(statement, Principal={"AWS": user.arn + "x"}, Resource="*")]})
        for call in (lambda **text: ecr.set_repository_policy(repositoryName="ids", **text), ecr.put_registry_policy):
            error = code(call, policyText=gone)
            assert error["Code"] == "InvalidParameterException" and "Principal not found" in error["Message"]
    finally:
        ecr.delete_repository(repositoryName="ids")
        ecr.delete_registry_policy()


def test_policies_of_secrets_keep_ids_too(server, user):
    secrets = server.client("secretsmanager")
    secrets.create_secret(Name="ids", SecretString="x")
    policy = lambda arn: json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "secretsmanager:GetSecretValue", "Resource": "*"}]})
    try:
        secrets.put_resource_policy(SecretId="ids", ResourcePolicy=policy(user.arn))
        assert json.loads(secrets.get_resource_policy(SecretId="ids")["ResourcePolicy"]) == json.loads(policy(user.arn))
        assert user.client("secretsmanager").get_secret_value(SecretId="ids")["SecretString"] == "x"
        before = user.id
        user.delete()
        user.make()
        assert json.loads(secrets.get_resource_policy(SecretId="ids")["ResourcePolicy"]) == json.loads(policy(before))
        assert code(user.client("secretsmanager").get_secret_value, SecretId="ids")["Code"] == "AccessDeniedException"
        error = code(secrets.put_resource_policy, SecretId="ids", ResourcePolicy=policy(user.arn + "x"))
        assert error["Code"] == "MalformedPolicyDocumentException" and user.arn + "x" in error["Message"]
    finally:
        secrets.delete_secret(SecretId="ids", ForceDeleteWithoutRecovery=True)
