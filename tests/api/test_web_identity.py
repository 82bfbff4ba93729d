"""AssumeRoleWithWebIdentity: tokens of a real OpenID Connect provider on loopback, signed here."""

import base64
import http.server
import json
import threading
import time

import botocore.exceptions
import pytest
from conftest import eventually
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

AUDIENCE = "sts.amazonaws.com"
SUBJECT = "system:serviceaccount:default:app"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Provider:
    """Serves the discovery document and the keys; signs tokens."""

    def __init__(self):
        self.rsa = rsa.generate_private_key(65537, 2048)
        self.ec = ec.generate_private_key(ec.SECP256R1())
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.issuer = f"http://127.0.0.1:{self.server.server_port}/id"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def handler(provider):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                documents = {
                    "/id/.well-known/openid-configuration": {"issuer": provider.issuer, "jwks_uri": provider.issuer + "/keys"},
                    "/id/keys": {"keys": provider.keys()}}
                body = json.dumps(documents.get(self.path, {})).encode()
                self.send_response(200 if self.path in documents else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass
        return Handler

    def keys(self):
        number = self.rsa.public_key().public_numbers()
        point = self.ec.public_key().public_numbers()
        return [{"kty": "RSA", "kid": "r", "n": b64(number.n.to_bytes(256, "big")), "e": b64(b"\x01\x00\x01")},
                {"kty": "EC", "kid": "e", "crv": "P-256", "x": b64(point.x.to_bytes(32, "big")),
                 "y": b64(point.y.to_bytes(32, "big"))}]

    def token(self, algorithm="RS256", key=None, **claims):
        said = {"iss": self.issuer, "aud": AUDIENCE, "sub": SUBJECT, "exp": int(time.time()) + 600, **claims}
        head = {"alg": algorithm, "kid": "r" if algorithm == "RS256" else "e"}
        signed = ".".join(b64(json.dumps(part).encode()) for part in (head, said))
        if algorithm == "RS256":
            signature = (key or self.rsa).sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        else:
            r, s = utils.decode_dss_signature(self.ec.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
            signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        return f"{signed}.{b64(signature)}"


@pytest.fixture(scope="module")
def provider():
    running = Provider()
    yield running
    running.server.shutdown()
    running.server.server_close()


@pytest.fixture(scope="module")
def sts(server):
    return server.client("sts")  # which does not sign this operation


@pytest.fixture(scope="module")
def role(server, provider, sts):
    iam = server.client("iam")
    arn = iam.create_open_id_connect_provider(Url=provider.issuer, ClientIDList=[AUDIENCE],
                                              ThumbprintList=[])["OpenIDConnectProviderArn"]
    url = provider.issuer.removeprefix("http://")
    trust = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Federated": arn}, "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{url}:sub": SUBJECT, f"{url}:aud": AUDIENCE}}}]}
    made = iam.create_role(RoleName="web", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    iam.put_role_policy(RoleName="web", PolicyName="p", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecs:ListClusters", "Resource": "*"}]}))

    def fetched():
        try:
            return assume(sts, made["Arn"], provider.token())
        except botocore.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "IDPCommunicationError"
            return None
    eventually(fetched, what="the provider's keys")
    return made["Arn"]


def assume(sts, role, token):
    return sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="pod", WebIdentityToken=token)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_a_token_becomes_a_session_without_any_key(server, provider, sts, role, algorithm):
    answer = assume(sts, role, provider.token(algorithm))
    assert answer["AssumedRoleUser"]["Arn"] == "arn:aws:sts::000000000000:assumed-role/web/pod"
    assert (answer["SubjectFromWebIdentityToken"], answer["Audience"]) == (SUBJECT, AUDIENCE)
    keys = answer["Credentials"]
    ecs = server.client("ecs", aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
                        aws_session_token=keys["SessionToken"])
    assert ecs.list_clusters()["clusterArns"] == []
    with pytest.raises(botocore.exceptions.ClientError):
        ecs.create_cluster(clusterName="no")


WRONG = {
    "signed by another key": (lambda p: p.token(key=rsa.generate_private_key(65537, 2048)), "InvalidIdentityToken"),
    "expired": (lambda p: p.token(exp=int(time.time()) - 1), "ExpiredTokenException"),
    "not valid yet": (lambda p: p.token(nbf=int(time.time()) + 600), "InvalidIdentityToken"),
    "for somebody else": (lambda p: p.token(aud="another"), "InvalidIdentityToken"),
    "of somebody else": (lambda p: p.token(sub="system:serviceaccount:default:other"), "AccessDenied"),
    "of an unknown issuer": (lambda p: p.token(iss="https://id.example.com"), "InvalidIdentityToken"),
    "cut": (lambda p: p.token()[:-20], "InvalidIdentityToken"),
    "without a signature": (lambda p: p.token().rsplit(".", 1)[0] + ".", "InvalidIdentityToken"),
    "no token": (lambda p: "nonsense", "InvalidIdentityToken"),
}


@pytest.mark.parametrize("what", WRONG)
def test_tokens_that_are_refused(provider, sts, role, what):
    make, code = WRONG[what]
    with pytest.raises(botocore.exceptions.ClientError) as failed:
        assume(sts, role, make(provider))
    assert failed.value.response["Error"]["Code"] == code


def test_a_provider_that_does_not_answer(server, sts, role):
    iam = server.client("iam")
    iam.create_open_id_connect_provider(Url="http://127.0.0.1:9/none", ClientIDList=[AUDIENCE], ThumbprintList=[])
    with pytest.raises(botocore.exceptions.ClientError) as failed:
        assume(sts, role, Provider.token(type("Silent", (), {"issuer": "http://127.0.0.1:9/none",
                                                             "rsa": rsa.generate_private_key(65537, 2048)})()))
    assert failed.value.response["Error"]["Code"] == "IDPCommunicationError"


def test_without_tls_only_on_this_machine(server):
    with pytest.raises(botocore.exceptions.ClientError) as failed:
        server.client("iam").create_open_id_connect_provider(Url="http://id.example.com", ThumbprintList=[])
    assert failed.value.response["Error"]["Code"] == "ValidationError"
