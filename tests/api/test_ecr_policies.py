"""Who may pull and push: identity policies, the repository's own policy, other accounts. API and registry protocol."""

import json
import subprocess

import botocore.exceptions
import pytest
from conftest import CLEAN

PULL = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"]


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def code(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        call(**arguments)
    return refused.value.response["Error"]["Code"]



@pytest.fixture(scope="module")
def other(server):
    made = json.loads(server.berth("account", "create", "--data", server.directory, "--listen", server.listen, "--json").stdout)
    return made["accountId"], {"aws_access_key_id": made["accessKeyId"], "aws_secret_access_key": made["secretAccessKey"]}


@pytest.fixture(scope="module")
def user(server):
    """A user that may ask for a token, and nothing more."""
    iam = server.client("iam")
    iam.create_user(UserName="puller")
    iam.put_user_policy(UserName="puller", PolicyName="token", PolicyDocument=document(
        {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}))
    key = iam.create_access_key(UserName="puller")["AccessKey"]
    return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


@pytest.fixture
def repository(server):
    ecr = server.client("ecr")
    ecr.create_repository(repositoryName="app")
    yield ecr
    ecr.delete_repository(repositoryName="app", force=True)


def status(server, who, path, method="GET"):
    """Of a registry request by whoever has those keys."""
    token = server.client("ecr", **who).get_authorization_token()["authorizationData"][0]["authorizationToken"]
    done = subprocess.run(["curl", "-s", "-X", method, "-w", "\n%{http_code}", "-H", f"Authorization: Basic {token}", server.url + path],
                          env=CLEAN, capture_output=True, text=True, timeout=60)
    body, _, number = done.stdout.rpartition("\n")
    return int(number), body


def test_a_policy_is_kept_shown_and_deleted(server, repository):
    account = server.client("sts").get_caller_identity()["Account"]
    assert code(repository.get_repository_policy, repositoryName="app") == "RepositoryPolicyNotFoundException"
    text = document({"Sid": "pull", "Effect": "Allow", "Principal": "*", "Action": PULL})
    answer = repository.set_repository_policy(repositoryName="app", policyText=text)
    assert (answer["registryId"], answer["repositoryName"], answer["policyText"]) == (account, "app", text)
    assert repository.get_repository_policy(repositoryName="app")["policyText"] == text
    assert json.loads(server.aws("ecr", "get-repository-policy", "--repository-name", "app", "--query", "policyText"))
    assert repository.delete_repository_policy(repositoryName="app")["policyText"] == text
    assert code(repository.delete_repository_policy, repositoryName="app") == "RepositoryPolicyNotFoundException"


@pytest.mark.parametrize("text", ["", "{", "[]", document({"Effect": "Allow", "Action": "ecr:*"}),
                                  document({"Effect": "Maybe", "Principal": "*", "Action": "ecr:*"})])
def test_what_is_no_policy_is_refused_and_changes_nothing(repository, text):
    assert code(repository.set_repository_policy, repositoryName="app", policyText=text) == "InvalidParameterException"
    assert code(repository.get_repository_policy, repositoryName="app") == "RepositoryPolicyNotFoundException"


def test_nobody_locks_himself_out_without_force(repository):
    shut = document({"Effect": "Deny", "Principal": "*", "Action": "ecr:SetRepositoryPolicy"})
    assert code(repository.set_repository_policy, repositoryName="app", policyText=shut) == "InvalidParameterException"
    repository.set_repository_policy(repositoryName="app", policyText=shut, force=True)
    assert code(repository.set_repository_policy, repositoryName="app", policyText=shut) == "AccessDeniedException"
    repository.delete_repository_policy(repositoryName="app")


def test_a_repository_that_is_not_there(server):
    ecr = server.client("ecr")
    for call in (ecr.get_repository_policy, ecr.delete_repository_policy):
        assert code(call, repositoryName="nothing") == "RepositoryNotFoundException"


def test_the_policy_lets_a_user_pull_who_may_not_by_his_own(server, repository, user):
    number, body = status(server, user, "/v2/app/manifests/latest")
    assert number == 403 and "not authorized to perform: ecr:BatchGetImage" in body
    arn = server.client("iam").get_user(UserName="puller")["User"]["Arn"]
    repository.set_repository_policy(repositoryName="app", policyText=document(
        {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": PULL}))
    assert status(server, user, "/v2/app/manifests/latest")[0] == 404  # allowed; there is no image
    assert status(server, user, "/v2/app/blobs/uploads/", "POST")[0] == 403
    assert server.client("ecr", **user).batch_get_image(repositoryName="app", imageIds=[{"imageTag": "x"}])["images"] == []


def test_its_deny_beats_what_his_own_policies_allow(server, repository, user):
    iam = server.client("iam")
    arn = iam.get_user(UserName="puller")["User"]["Arn"]
    iam.put_user_policy(UserName="puller", PolicyName="all", PolicyDocument=document(
        {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}))
    try:
        assert status(server, user, "/v2/app/blobs/uploads/", "POST")[0] == 202
        repository.set_repository_policy(repositoryName="app", policyText=document(
            {"Effect": "Deny", "Principal": {"AWS": arn}, "Action": "ecr:InitiateLayerUpload"}))
        number, body = status(server, user, "/v2/app/blobs/uploads/", "POST")
        assert number == 403 and "explicit deny in a resource-based policy" in body
    finally:
        iam.delete_user_policy(UserName="puller", PolicyName="all")


def test_another_account_pulls_where_both_sides_allow_it(server, repository, other):
    account, who = other
    mine = server.client("sts").get_caller_identity()["Account"]
    path = f"/v2/{mine}.dkr.ecr.us-east-1/app/manifests/latest"
    abroad = server.client("ecr", **who)
    assert status(server, who, path)[0] == 403
    assert code(abroad.batch_get_image, registryId=mine, repositoryName="app", imageIds=[{"imageTag": "x"}]) == "AccessDeniedException"
    repository.set_repository_policy(repositoryName="app", policyText=document(
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": PULL}))
    assert status(server, who, path)[0] == 404
    assert abroad.batch_get_image(registryId=mine, repositoryName="app", imageIds=[{"imageTag": "x"}])["images"] == []
    assert code(abroad.delete_repository, registryId=mine, repositoryName="app") == "AccessDeniedException"
    repository.delete_repository_policy(repositoryName="app")
    assert status(server, who, path)[0] == 403


def test_a_tag_of_the_repository_is_a_condition(server, repository, user):
    iam = server.client("iam")
    arn = repository.describe_repositories(repositoryNames=["app"])["repositories"][0]["repositoryArn"]
    iam.put_user_policy(UserName="puller", PolicyName="tagged", PolicyDocument=document(
        {"Effect": "Allow", "Action": PULL, "Resource": "*", "Condition": {"StringEquals": {"aws:ResourceTag/team": "a"}}}))
    try:
        assert status(server, user, "/v2/app/manifests/latest")[0] == 403
        repository.tag_resource(resourceArn=arn, tags=[{"Key": "team", "Value": "a"}])
        assert status(server, user, "/v2/app/manifests/latest")[0] == 404
    finally:
        iam.delete_user_policy(UserName="puller", PolicyName="tagged")


def test_a_key_that_was_made_inactive_opens_nothing(server, repository):
    iam = server.client("iam")
    iam.create_user(UserName="leaver")
    iam.attach_user_policy(UserName="leaver", PolicyArn="arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryFullAccess")
    key = iam.create_access_key(UserName="leaver")["AccessKey"]
    who = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    token = server.client("ecr", **who).get_authorization_token()["authorizationData"][0]["authorizationToken"]

    def asked():
        return subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", f"Authorization: Basic {token}",
                               f"{server.url}/v2/app/manifests/latest"], env=CLEAN, capture_output=True, text=True, timeout=60).stdout

    assert asked() == "404"
    iam.update_access_key(UserName="leaver", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert asked() == "401"
