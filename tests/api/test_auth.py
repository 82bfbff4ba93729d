"""Who calls: signatures and their corners in each protocol's words, sessions, accounts and regions."""

import datetime
import re
import subprocess

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.exceptions
import pytest
from conftest import BERTH, CLEAN, Server, eventually
from wire import call_json, call_query, send, sign

NOW = lambda **shift: datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(**shift)


def ecs(server, **more):
    return call_json(server, "ecs", "ListTasks", {"cluster": "none"}, **more)


def sts(server, **more):
    return call_query(server, "sts", [("Action", "GetCallerIdentity"), ("Version", "2011-06-15")], **more)


def ec2(server, **more):
    return call_query(server, "ec2", [("Action", "DescribeVpcs"), ("Version", "2016-11-15")], **more)


def keys_of(server):
    return server.environment["AWS_ACCESS_KEY_ID"], server.environment["AWS_SECRET_ACCESS_KEY"]


# What is wrong, and what ecs, sts and ec2 answer: code and status.
WRONG = {
    "a secret": (lambda s: dict(keys=(keys_of(s)[0], "wrong")), "InvalidSignatureException", "SignatureDoesNotMatch",
                 ("AuthFailure", 401)),
    "a key": (lambda s: dict(keys=("AKIAAAAAAAAAAAAAAAAA", "x")), "InvalidSignatureException", "SignatureDoesNotMatch",
              ("AuthFailure", 401)),
    "an old date": (lambda s: dict(when=NOW(minutes=-20)), "InvalidSignatureException", "SignatureDoesNotMatch",
                    ("RequestExpired", 400)),
    "a date to come": (lambda s: dict(when=NOW(minutes=20)), "InvalidSignatureException", "SignatureDoesNotMatch",
                       ("RequestExpired", 400)),
    "a scope of another day": (lambda s: dict(date="20200101"), "InvalidSignatureException", "SignatureDoesNotMatch",
                               ("AuthFailure", 401)),
    "a token that is none": (lambda s: dict(token="x"), "UnrecognizedClientException", "InvalidClientTokenId",
                             ("AuthFailure", 401)),
    "a region": (lambda s: dict(region="no region"), "InvalidSignatureException", "SignatureDoesNotMatch",
                 ("AuthFailure", 401)),
    "a body": (lambda s: dict(payload_hash="0" * 64), "InvalidSignatureException", "SignatureDoesNotMatch",
               ("AuthFailure", 401)),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_told_in_each_protocols_words(server, what):
    change, json_code, query_code, (ec2_code, ec2_status) = WRONG[what]
    answer = ecs(server, **change(server))
    assert (answer.status, answer.type) == (400, json_code)
    assert answer.headers["x-amzn-requestid"]
    answer = sts(server, **change(server))
    assert answer.status == 403 and f"<Type>Sender</Type><Code>{query_code}</Code>" in answer.body.decode()
    answer = ec2(server, **change(server))
    assert answer.status == ec2_status and f"<Code>{ec2_code}</Code>" in answer.body.decode()


def test_a_key_that_is_not_there_looks_like_a_wrong_secret(server):
    answers = [sts(server, keys=keys) for keys in ((keys_of(server)[0], "wrong"), ("AKIAAAAAAAAAAAAAAAAA", "wrong"))]
    texts = [answer.body.decode().split("<RequestId>")[0] for answer in answers]
    assert texts[0] == texts[1] and answers[0].status == answers[1].status == 403


def test_clocks_that_differ_are_told_apart(server):
    old = ecs(server, when=NOW(minutes=-20)).json["message"]
    assert old.startswith("Signature expired: ") and old.endswith(" - 5 min.)") and " is now earlier than " in old
    new = ecs(server, when=NOW(minutes=20)).json["message"]
    assert new.startswith("Signature not yet current: ") and new.endswith(" + 5 min.)")
    assert sts(server, when=NOW(minutes=-4)).status == 200


def test_unsigned_requests_are_refused(server):
    target = {"X-Amz-Target": "AmazonEC2ContainerServiceV20141113.ListTasks",
              "Content-Type": "application/x-amz-json-1.1"}
    answer = send(server.url + "/", body=b"{}", headers=target)
    assert (answer.status, answer.type) == (400, "MissingAuthenticationTokenException")
    assert answer.json["message"] == "Missing Authentication Token"
    answer = send(server.url + "/", body=b"Action=GetCallerIdentity&Version=2011-06-15")
    assert answer.status == 403
    assert b"<Code>MissingAuthenticationToken</Code><Message>Request is missing Authentication Token</Message>" in answer.body
    answer = send(server.url + "/", body=b"Action=DescribeVpcs&Version=2016-11-15")
    assert answer.status == 400 and b"The request must contain the parameter AWSAccessKeyId" in answer.body


@pytest.mark.parametrize("header, words", [
    ("AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/ecs/aws4_request", "requires 'Signature' parameter"),
    ("AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=" + "0" * 64, "5 slash-delimited elements"),
    ("AWS4-ECDSA-P256-SHA256 Credential=a", "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'"),
])
def test_half_a_signature_is_incomplete(server, header, words):
    answer = send(server.url + "/", body=b"{}", headers={
        "X-Amz-Target": "AmazonEC2ContainerServiceV20141113.ListTasks", "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Date": NOW().strftime("%Y%m%dT%H%M%SZ"), "Authorization": header})
    assert (answer.status, answer.type) == (400, "IncompleteSignatureException")
    assert words in answer.json["message"]


def test_a_signature_is_good_for_its_service_only(server):
    url = server.url + "/"
    headers = {"X-Amz-Target": "AmazonEC2ContainerServiceV20141113.ListTasks",
               "Content-Type": "application/x-amz-json-1.1"}
    answer = send(url, body=b"{}", headers=sign(url, "ecr", *keys_of(server), body=b"{}", headers=headers))
    assert (answer.type, answer.json["message"]) == ("InvalidSignatureException",
                                                     "Credential should be scoped to correct service: 'ecs'.")


def presigned(server):
    credentials = botocore.credentials.Credentials(*keys_of(server))
    signer = botocore.auth.SigV4QueryAuth(credentials, "sts", "us-east-1", expires=60)
    request = botocore.awsrequest.AWSRequest("GET", server.url + "/?Action=GetCallerIdentity&Version=2011-06-15")
    signer.add_auth(request)
    return request.url


def test_presigned_urls(server):
    url = presigned(server)
    assert send(url, "GET").status == 200
    assert b"SignatureDoesNotMatch" in send(url.replace("GetCallerIdentity", "GetSessionToken"), "GET").body
    day = re.search(r"X-Amz-Date=(\d{8})T", url)[1]
    before = datetime.datetime.strptime(day, "%Y%m%d") - datetime.timedelta(days=1)
    old = url.replace(day, before.strftime("%Y%m%d"))
    answer = send(old, "GET")
    assert answer.status == 403 and b"<Code>RequestExpired</Code>" in answer.body


def test_a_session_is_its_root_until_it_ends(tmp_path):
    server = Server(str(tmp_path))
    server.start()
    try:
        session = server.client("sts").get_session_token(DurationSeconds=900)["Credentials"]
        keys = dict(aws_access_key_id=session["AccessKeyId"], aws_secret_access_key=session["SecretAccessKey"],
                    aws_session_token=session["SessionToken"])
        client = server.client("sts", **keys)
        assert client.get_caller_identity()["Arn"] == "arn:aws:iam::000000000000:root"
        assert 0 < (session["Expiration"] - NOW()).total_seconds() <= 900
        with pytest.raises(botocore.exceptions.ClientError) as again:
            client.get_session_token()
        assert again.value.response["Error"]["Code"] == "AccessDenied"
        for token in (None, session["SessionToken"][:-1] + "?"):
            answer = ecs(server, keys=(session["AccessKeyId"], session["SecretAccessKey"]), token=token)
            assert answer.type == "UnrecognizedClientException"
        server.kill()
        server.start()
        assert server.client("sts", **keys).get_caller_identity()
    finally:
        server.stop()


def test_an_expired_session_is_told_so(tmp_path):
    server = Server(str(tmp_path))
    server.start()
    session = server.client("sts").get_session_token(DurationSeconds=900)["Credentials"]
    server.stop()
    server = Server(str(tmp_path), "--clock-rate", "600")
    server.start()
    try:
        keys = session["AccessKeyId"], session["SecretAccessKey"]
        eventually(lambda: b"<Code>ExpiredToken</Code>" in sts(server, keys=keys, token=session["SessionToken"]).body, what="the end of the session")
    finally:
        server.stop()


def test_clients_need_not_hurry_with_the_servers_clock(tmp_path):
    server = Server(str(tmp_path), "--clock-rate", "3600")
    server.start()
    try:
        repository = server.client("ecr").create_repository(repositoryName="app")["repository"]
        eventually(lambda: server.client("ecr").get_authorization_token()["authorizationData"][0]["expiresAt"] >
                   repository["createdAt"] + datetime.timedelta(hours=13), what="an hour")
    finally:
        server.stop()


# ---- accounts and regions ----


def test_every_account_and_region_has_a_state_of_its_own(open_server):
    seen = {}
    for account in ("111111111111", "222222222222"):
        for region in ("us-east-1", "eu-west-1"):
            keys = (account, "x")
            assert sts(open_server, keys=keys).body.count(account.encode()) == 3
            ec2_answer = ec2(open_server, keys=keys, region=region).body.decode()
            assert ec2_answer.count("<vpcId>") == 1
            seen[account, region] = ec2_answer.split("<vpcId>")[1].split("<")[0]
            made = call_json(open_server, "ecs", "CreateCluster", {"clusterName": "mine"}, keys=keys, region=region)
            assert made.json["cluster"]["clusterArn"] == f"arn:aws:ecs:{region}:{account}:cluster/mine"
    assert len(set(seen.values())) == 4
    fresh = call_json(open_server, "ecr", "DescribeRepositories", {}, keys=("333333333333", "x"))
    assert fresh.json["repositories"] == []


def test_any_other_key_is_the_default_account(open_server):
    for key in ("test", "AKIAIOSFODNN7EXAMPLE", "12345", "1234567890123"):
        assert b"<Account>000000000000</Account>" in sts(open_server, keys=(key, "whatever")).body
    assert send(open_server.url + "/", body=b"Action=GetCallerIdentity&Version=2011-06-15").status == 200


def test_regions_are_apart_also_with_signatures(server):
    home = call_json(server, "ecr", "CreateRepository", {"repositoryName": "here"}).json["repository"]
    assert home["repositoryArn"].startswith("arn:aws:ecr:us-east-1:")
    assert call_json(server, "ecr", "DescribeRepositories", {}, region="ap-south-1").json["repositories"] == []
    assert ec2(server, region="ap-south-1").body != ec2(server).body
    assert b"ap-south-1a" in call_query(server, "ec2", [("Action", "DescribeSubnets"), ("Version", "2016-11-15")],
                                        region="ap-south-1").body
    call_json(server, "ecr", "DeleteRepository", {"repositoryName": "here"})


def test_open_is_for_loopback_only(tmp_path):
    done = subprocess.run([BERTH, "server", "--data", str(tmp_path), "--listen", "0.0.0.0:1", "--auth", "open"],
                          env=CLEAN, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and "loopback" in done.stderr
