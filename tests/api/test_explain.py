"""`berth explain`: what policies decide about somebody, and the statement that makes it so."""

import json

import pytest


def explain(server, *arguments, check=True):
    return server.berth("explain", *arguments, "--data", server.directory, "--listen", server.listen, check=check)


def decision(server, *arguments):
    return json.loads(explain(server, *arguments, "--json").stdout)


@pytest.fixture(scope="module")
def user(server):
    iam = server.client("iam")
    arn = iam.create_user(UserName="asked")["User"]["Arn"]
    iam.put_user_policy(UserName="asked", PolicyName="some", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Sid": "MayList", "Effect": "Allow", "Action": "ecs:List*", "Resource": "*"},
        {"Sid": "NeverStop", "Effect": "Deny", "Action": "ecs:StopTask", "Resource": "*"}]}))
    return arn, iam.create_access_key(UserName="asked")["AccessKey"]["AccessKeyId"]


def test_the_statement_is_named(server, user):
    for who in user:
        allowed = decision(server, who, "ecs:ListClusters", "*")
        assert (allowed["verdict"], allowed["source"], allowed["policy"]) == ("allowed", "identity-based policy", "some")
        assert allowed["statement"]["sid"] == "MayList"
        denied = decision(server, who, "ecs:StopTask", "arn:aws:ecs:us-east-1:000000000000:task/default/1")
        assert (denied["verdict"], denied["statement"]["sid"]) == ("explicitDeny", "NeverStop")
        missing = decision(server, who, "ecs:CreateCluster", "*")
        assert (missing["verdict"], missing["policy"], missing["statement"]) == ("implicitDeny", None, None)


def test_a_role_by_its_arn(server):
    iam = server.client("iam")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"},
                                                     "Action": "sts:AssumeRole"}]}
    arn = iam.create_role(RoleName="asked", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    policy = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"
    iam.attach_role_policy(RoleName="asked", PolicyArn=policy)
    allowed = decision(server, arn, "ecr:BatchGetImage", "arn:aws:ecr:us-east-1:000000000000:repository/x")
    assert (allowed["verdict"], allowed["policy"]) == ("allowed", policy)
    assert decision(server, arn, "ecr:PutImage", "*")["verdict"] == "implicitDeny"


def test_a_repositorys_own_policy_counts(server, user):
    ecr = server.client("ecr")
    repository = ecr.create_repository(repositoryName="explained")["repository"]["repositoryArn"]
    ecr.set_repository_policy(repositoryName="explained", policyText=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Sid": "Pull", "Effect": "Allow", "Principal": {"AWS": user[0]}, "Action": "ecr:BatchGetImage"}]}))
    allowed = decision(server, user[1], "ecr:BatchGetImage", repository)
    assert (allowed["verdict"], allowed["source"], allowed["policy"]) == ("allowed", "resource-based policy", repository)


def test_for_people(server, user):
    assert "allowed: by a statement of the identity-based policy some:" in explain(server, user[1], "ecs:ListTasks", "*").stdout
    assert "implicitDeny: no identity-based policy allows it" in explain(server, user[1], "ecs:RunTask", "*").stdout
    root = server.environment["AWS_ACCESS_KEY_ID"]
    assert "allowed: the account's root" in explain(server, root, "ecs:RunTask", "*").stdout


@pytest.mark.parametrize("wrong", [("AKIAAAAAAAAAAAAAAAAA", "ecs:RunTask", "*"), ("arn:aws:iam::000000000000:role/none", "ecs:RunTask", "*"),
                                   ("x", "ecs:Fly", "*")])
def test_what_is_not_there_is_told(server, wrong):
    done = explain(server, *wrong, check=False)
    assert done.returncode == 1 and (wrong[0] in done.stderr or wrong[1] in done.stderr)


def test_wrong_usage_is_told(server):
    assert explain(server, "only-who", check=False).returncode == 2
