"""The registry's own policy and settings: kept as ECR keeps them, and deciding creates, pulls, pushes and mounts."""

import hashlib
import json
import subprocess

import botocore.exceptions
import pytest
from conftest import CLEAN
from wire import call_json

PULL = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"]
PUSH = ["ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage"]


def statement(effect, principal, action, resource="*", **more):
    return {"Effect": effect, "Principal": principal, "Action": action, "Resource": resource, **more}


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def refused(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as failure:
        call(**arguments)
    return failure.value.response["Error"]


def code(call, **arguments):
    return refused(call, **arguments)["Code"]


def setting(server, name, value=None):
    """Shows or sets it; Debian's clients do not know these operations."""
    body = {"name": name} if value is None else {"name": name, "value": value}
    return call_json(server, "ecr", "GetAccountSetting" if value is None else "PutAccountSetting", body)


class Abroad:
    """Another account, asking for the registry of the first."""

    def __init__(self, server):
        made = json.loads(server.berth("account", "create", "--data", server.directory, "--listen", server.listen, "--json").stdout)
        self.account = made["accountId"]
        self.home = server.client("sts").get_caller_identity()["Account"]
        self.ecr = server.client("ecr", aws_access_key_id=made["accessKeyId"], aws_secret_access_key=made["secretAccessKey"])
        self.token = self.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        self.principal = {"AWS": f"arn:aws:iam::{self.account}:root"}
        self.url = server.url

    def create(self, name):
        return self.ecr.create_repository(registryId=self.home, repositoryName=name)["repository"]

    def status(self, path, method="GET"):
        command = ["curl", "-s", "-o", "/dev/null", "-X", method, "-w", "%{http_code}", "-H", f"Authorization: Basic {self.token}",
                   f"{self.url}/v2/{self.home}.dkr.ecr.us-east-1/{path}"]
        return int(subprocess.run(command, env=CLEAN, capture_output=True, text=True, timeout=60).stdout)


@pytest.fixture(scope="module")
def abroad(server):
    return Abroad(server)


@pytest.fixture
def ecr(server):
    client = server.client("ecr")
    client.create_repository(repositoryName="app")
    yield client
    assert setting(server, "REGISTRY_POLICY_SCOPE", "V2").status == setting(server, "BLOB_MOUNTING", "ENABLED").status == 200
    try:
        client.delete_registry_policy()
    except client.exceptions.RegistryPolicyNotFoundException:
        pass
    for repository in client.describe_repositories()["repositories"]:
        client.delete_repository(repositoryName=repository["repositoryName"], force=True)


def test_a_policy_is_kept_shown_and_deleted(server, ecr, abroad):
    error = refused(ecr.get_registry_policy)
    assert error["Code"] == "RegistryPolicyNotFoundException"
    assert error["Message"] == f"Registry policy does not exist in the registry with id '{abroad.home}'"
    text = document(statement("Allow", abroad.principal, ["ecr:CreateRepository", "ecr:ReplicateImage"],
                              f"arn:aws:ecr:us-east-1:{abroad.home}:repository/*", Sid="abroad"))
    answer = ecr.put_registry_policy(policyText=text)
    assert (answer["registryId"], answer["policyText"]) == (abroad.home, text)
    assert ecr.get_registry_policy()["policyText"] == text
    assert abroad.home in server.aws("ecr", "get-registry-policy")
    assert ecr.delete_registry_policy()["policyText"] == text
    assert code(ecr.delete_registry_policy) == "RegistryPolicyNotFoundException"


@pytest.mark.parametrize("text", ["", "{", "[]", document({"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}),
                                  document(statement("Maybe", "*", "ecr:*"))])
def test_what_is_no_policy_is_refused_and_changes_nothing(ecr, text):
    error = refused(ecr.put_registry_policy, policyText=text)
    assert error["Code"] == "InvalidParameterException" and "'PolicyText'" in error["Message"]
    assert code(ecr.get_registry_policy) == "RegistryPolicyNotFoundException"


def test_nobody_locks_himself_out(ecr):
    shut = document(statement("Deny", "*", "ecr:*"))
    assert code(ecr.put_registry_policy, policyText=shut) == "InvalidParameterException"
    assert code(ecr.get_registry_policy) == "RegistryPolicyNotFoundException"
    assert ecr.describe_repositories()["repositories"]


def test_another_account_creates_where_the_registry_lets_it(ecr, abroad):
    assert code(abroad.create, name="team/a") == "AccessDeniedException"
    ecr.put_registry_policy(policyText=document(statement(
        "Allow", abroad.principal, "ecr:CreateRepository", f"arn:aws:ecr:us-east-1:{abroad.home}:repository/team/*")))
    made = abroad.create("team/a")
    assert made["repositoryArn"] == f"arn:aws:ecr:us-east-1:{abroad.home}:repository/team/a"
    assert code(abroad.create, name="other") == "AccessDeniedException"
    assert code(abroad.ecr.delete_repository, registryId=abroad.home, repositoryName="team/a") == "AccessDeniedException"


def test_it_lets_another_account_pull_and_push(ecr, abroad):
    assert abroad.status("app/manifests/latest") == 403
    ecr.put_registry_policy(policyText=document(statement("Allow", abroad.principal, PULL)))
    assert abroad.status("app/manifests/latest") == 404  # allowed; there is no image
    assert abroad.status("app/blobs/uploads/", "POST") == 403
    ecr.put_registry_policy(policyText=document(statement("Allow", abroad.principal, PULL + PUSH)))
    assert abroad.status("app/blobs/uploads/", "POST") == 202


def test_its_deny_beats_the_repositorys_allow_and_the_root(ecr, abroad):
    ecr.set_repository_policy(repositoryName="app", policyText=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": abroad.principal, "Action": PULL}]}))
    assert abroad.status("app/manifests/latest") == 404
    ecr.put_registry_policy(policyText=document(statement("Deny", "*", ["ecr:BatchGetImage", "ecr:DescribeImages"])))
    assert abroad.status("app/manifests/latest") == 403
    error = refused(ecr.describe_images, repositoryName="app")
    assert error["Code"] == "AccessDeniedException" and "explicit deny in a resource-based policy" in error["Message"]


def test_scope_v1_takes_and_decides_three_actions(server, ecr, abroad):
    ecr.put_registry_policy(policyText=document(statement("Allow", abroad.principal, "ecr:*")))
    assert abroad.status("app/manifests/latest") == 404
    assert setting(server, "REGISTRY_POLICY_SCOPE").json["value"] == "V2"
    assert setting(server, "REGISTRY_POLICY_SCOPE", "V1").json == {"name": "REGISTRY_POLICY_SCOPE", "value": "V1"}
    assert setting(server, "REGISTRY_POLICY_SCOPE").json["value"] == "V1"
    assert abroad.status("app/manifests/latest") == 403
    abroad.create("made")
    for action in (PULL, "ecr:Batch*"):
        error = refused(ecr.put_registry_policy, policyText=document(statement("Allow", abroad.principal, action)))
        assert error["Code"] == "InvalidParameterException" and "V1" in error["Message"]
    ecr.put_registry_policy(policyText=document(statement("Allow", abroad.principal, ["ecr:CreateRepository", "ecr:ReplicateImage"])))


def test_settings_that_are_none(server):
    for asked in (("NOTHING",), ("BASIC_SCAN_TYPE_VERSION", "AWS_NATIVE"), ("REGISTRY_POLICY_SCOPE", "V3")):
        answer = setting(server, *asked)
        assert (answer.status, answer.type) == (400, "InvalidParameterException")
        assert asked[0] in answer.json["message"]


@pytest.fixture
def pusher(server, ecr):
    """A user who pushes to "app" alone, his token, and a layer in "vault"."""
    iam = server.client("iam")
    home = server.client("sts").get_caller_identity()["Account"]
    iam.create_user(UserName="pusher")
    iam.put_user_policy(UserName="pusher", PolicyName="push", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
        {"Effect": "Allow", "Action": PULL + PUSH, "Resource": f"arn:aws:ecr:us-east-1:{home}:repository/app"}]}))
    key = iam.create_access_key(UserName="pusher")["AccessKey"]
    his = server.client("ecr", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    ecr.create_repository(repositoryName="vault")
    layer = b"what only the vault's readers may see"
    digest = "sha256:" + hashlib.sha256(layer).hexdigest()
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    done = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", f"Authorization: Basic {token}", "--data-binary", "@-",
                           "-H", "Content-Type: application/octet-stream", f"{server.url}/v2/vault/blobs/uploads/?digest={digest}"],
                          input=layer, env=CLEAN, capture_output=True, timeout=60)
    assert done.stdout == b"201"
    yield iam, his.get_authorization_token()["authorizationData"][0]["authorizationToken"], digest
    iam.delete_access_key(UserName="pusher", AccessKeyId=key["AccessKeyId"])
    for name in iam.list_user_policies(UserName="pusher")["PolicyNames"]:
        iam.delete_user_policy(UserName="pusher", PolicyName=name)
    iam.delete_user(UserName="pusher")


def mount(server, token, digest):
    done = subprocess.run(["curl", "-s", "-o", "/dev/null", "-X", "POST", "-w", "%{http_code}", "-H", f"Authorization: Basic {token}",
                           f"{server.url}/v2/app/blobs/uploads/?mount={digest}&from=vault"], env=CLEAN, capture_output=True, text=True, timeout=60)
    return int(done.stdout)


def test_a_layer_is_mounted_only_by_who_may_read_it_there(server, ecr, pusher):
    iam, token, digest = pusher
    assert mount(server, token, digest) == 202  # an upload, as if it were not there
    iam.put_user_policy(UserName="pusher", PolicyName="read", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "ecr:GetDownloadUrlForLayer", "Resource": "*"}]}))
    setting(server, "BLOB_MOUNTING", "DISABLED")
    assert mount(server, token, digest) == 202
    setting(server, "BLOB_MOUNTING", "ENABLED")
    assert mount(server, token, digest) == 201


def test_explain_names_the_registrys_policy(server, ecr, abroad):
    ecr.put_registry_policy(policyText=document(statement("Deny", "*", "ecr:PutImage")))
    key = server.environment["AWS_ACCESS_KEY_ID"]
    arn = f"arn:aws:ecr:us-east-1:{abroad.home}:repository/app"
    said = server.berth("explain", "--data", server.directory, "--listen", server.listen, key, "ecr:PutImage", arn, check=False).stdout
    assert "registry's policy" in said and "deny" in said.lower()
