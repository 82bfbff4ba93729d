"""environmentFiles: fetched by the host from an S3 server (s3rver from npm) with the rights of the execution role."""

import http.server
import json
import os
import pathlib
import subprocess
import tempfile
import threading
import unittest.mock
import urllib.error
import urllib.request

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.credentials
import pytest
from conftest import CLEAN, REGION, ROOT, eventually, free_port
from machine import Machine, container_of, served, shell

KEY = SECRET = "S3RVER"  # the one account that s3rver has
ALLOW = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:GetBucketLocation"], "Resource": "*"}
ECR = {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}
FAILED = "ResourceInitializationError: failed to download env files: "
HIDDEN = "hunter2-of-the-file"


class Store:
    """An S3 server with the bucket `settings`."""

    def __init__(self, directory):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            ["node", "build/js/node_modules/.bin/s3rver", "-d", directory, "-a", "127.0.0.1", "-p", str(port),
             "--configure-bucket", "settings"], cwd=ROOT, env=dict(CLEAN, PATH=os.environ["PATH"]), stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        self.client = boto3.client(
            "s3", endpoint_url=self.url, region_name=REGION, aws_access_key_id=KEY, aws_secret_access_key=SECRET,
            config=botocore.config.Config(proxies={}, s3={"addressing_style": "path"}))

        def answers():
            try:
                return self.client.list_objects(Bucket="settings")
            except Exception:  # noqa: BLE001 - not there yet
                return None
        eventually(answers, what="the S3 server")

    def put(self, key, text):
        self.client.put_object(Bucket="settings", Key=key, Body=text.encode() if isinstance(text, str) else text)
        return f"arn:aws:s3:::settings/{key}"

    def close(self):
        self.process.terminate()
        self.process.wait(60)


class Gate(http.server.BaseHTTPRequestHandler):
    """In front of the S3 server, which looks at no signature: computes it again with botocore."""

    def log_message(self, *args):
        pass

    def is_signed(self):
        given = self.headers["Authorization"]
        names = given.split("SignedHeaders=")[1].split(",")[0].split(";")
        request = botocore.awsrequest.AWSRequest("GET", f"http://{self.headers['Host']}{self.path}",
                                                 headers={name: self.headers[name] for name in names})
        request.context.update(timestamp=self.headers["X-Amz-Date"], payload_signing_enabled=True)
        signer = botocore.auth.S3SigV4Auth(botocore.credentials.Credentials(KEY, SECRET), "s3", REGION)
        signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
        return f"Credential={KEY}/" in given and given.endswith(f"Signature={signature}")

    def do_GET(self):
        self.server.seen.append(dict(self.headers))
        status, body = 403, b"<Error><Code>SignatureDoesNotMatch</Code><Message>It is not signed.</Message></Error>"
        if self.is_signed():
            request = urllib.request.Request(self.server.behind + self.path, headers=dict(self.headers))
            try:
                with urllib.request.urlopen(request, timeout=60) as reply:
                    status, body = reply.status, reply.read()
            except urllib.error.HTTPError as refused:
                status, body = refused.code, refused.read()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture(scope="module")
def store():
    with tempfile.TemporaryDirectory(prefix="berth-s3-") as directory:
        running = Store(directory)
        yield running
        running.close()


@pytest.fixture(scope="module")
def gate(store):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gate)
    server.behind, server.seen = store.url, []
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def make_roles(machine):
    for name, statements in {"reader": [ALLOW, ECR], "locates-only": [dict(ALLOW, Action="s3:GetBucketLocation"), ECR],
                             "gets-only": [dict(ALLOW, Action="s3:GetObject"), ECR]}.items():
        machine.make_role(name)
        machine.client("iam").put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": statements}))


def installation(*options, **environment):
    """One of its own, whose host is told of that S3 server."""
    with tempfile.TemporaryDirectory(prefix="berth-e2e-") as work:
        machine = Machine(f"{work}/data", work)
        with unittest.mock.patch.dict(CLEAN, environment):
            machine.up(*options)
        try:
            machine.prepare()
            make_roles(machine)
            yield machine
        finally:
            machine.berth("down", "--data", machine.directory, check=False)


@pytest.fixture(scope="module")
def configured(gate):
    yield from installation("--s3-endpoint", gate.url, BERTH_S3_ACCESS_KEY_ID=KEY, BERTH_S3_SECRET_ACCESS_KEY=SECRET)


@pytest.fixture(scope="module")
def trusting(gate):
    yield from installation(BERTH_S3_ENDPOINT=gate.url)


def run(machine, files, role="reader", **container):
    definition = machine.register("configured", [{
        "name": "main", "command": shell("env > /www/env; exec /bin/httpd -f -p 80 -h /www"),
        "environmentFiles": [{"type": "s3", "value": value} for value in files], **container}],
        executionRoleArn=f"arn:aws:iam::000000000000:role/{role}")
    return machine.run(definition)


def environment(machine, arns):
    task = machine.wait(arns, "RUNNING")[0]
    try:
        return dict(line.split("=", 1) for line in served(task, "env").splitlines() if "=" in line)
    finally:
        machine.stop(arns)


def stopped(machine, arns):
    task = machine.wait(arns, "STOPPED")[0]
    assert task["stopCode"] == "TaskFailedToStart" and "exitCode" not in container_of(task, "main")
    return task["stoppedReason"]


def test_the_definition_beats_the_first_file_and_that_the_second(configured, store):
    files = [store.put("team a/first.env", f"# ours\nA=first\nB=first\nC=first\nQUOTED=\"x y\" \nPASSWORD={HIDDEN}\n"),
             store.put("second.env", "B=second\r\nD=a=b\r\n\r\nE=\r\n")]
    env = environment(configured, run(configured, files, environment=[{"name": "C", "value": "definition"}]))
    assert {name: env.get(name) for name in "ABCDE"} == {"A": "first", "B": "first", "C": "definition", "D": "a=b", "E": ""}
    assert env["QUOTED"] == '"x y" ' and env["PASSWORD"] == HIDDEN
    for name in ("server.log", "host.log", "audit.log"):
        assert HIDDEN not in pathlib.Path(configured.directory, name).read_text()


def test_run_task_can_name_other_files(configured, store):
    definition = configured.register("configured", [{
        "name": "main", "command": shell("env > /www/env; exec /bin/httpd -f -p 80 -h /www"),
        "environmentFiles": [{"type": "s3", "value": store.put("default.env", "A=default\n")}]}],
        executionRoleArn="arn:aws:iam::000000000000:role/reader")
    other = [{"type": "s3", "value": store.put("other.env", "A=other\n")}]
    task = configured.ecs.run_task(
        taskDefinition=definition, launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": [configured.subnet], "securityGroups": [configured.group]}},
        overrides={"containerOverrides": [{"name": "main", "environmentFiles": other}]})["tasks"][0]
    assert environment(configured, [task["taskArn"]])["A"] == "other"


@pytest.mark.parametrize("role, missing", [("locates-only", "s3:GetObject"), ("gets-only", "s3:GetBucketLocation")])
def test_the_role_has_to_allow_it(configured, store, role, missing):
    reason = stopped(configured, run(configured, [store.put("closed.env", "A=1\n")], role))
    assert reason.startswith(FAILED + "service call has been retried 1 time(s): operation error S3: GetObject, https response "
                             "error StatusCode: 403, api error AccessDenied: User: arn:aws:sts::000000000000:assumed-role/")
    assert f"is not authorized to perform: {missing} on resource: arn:aws:s3:::settings" in reason


@pytest.mark.parametrize("arn, why", [
    ("arn:aws:s3:::settings/nothing.env", "service call has been retried 1 time(s): operation error S3: GetObject, https response "
     "error StatusCode: 404, api error NoSuchKey: The specified key does not exist."),
    ("arn:aws:s3:::nowhere/a.env", "service call has been retried 1 time(s): operation error S3: GetObject, https response "
     "error StatusCode: 404, api error NoSuchBucket: The specified bucket does not exist"),
])
def test_what_is_not_there_is_named(configured, arn, why):
    assert stopped(configured, run(configured, [arn])) == FAILED + why


@pytest.mark.parametrize("text, why", [("A=1\nexport B=2\n", "line 2 has a variable name with whitespace"),
                                       (b"A=\xff\n", "line 1 is not UTF-8 text")])
def test_a_file_that_is_no_environment_is_refused(configured, store, text, why):
    assert stopped(configured, run(configured, [store.put("broken.env", text)])) == f"{FAILED}settings/broken.env: {why}"


def test_a_file_has_a_size_limit(configured, store):
    assert "1048576 bytes" in stopped(configured, run(configured, [store.put("large.env", "A=" + "x" * (1 << 20))]))


def test_without_keys_of_its_own_the_server_is_asked_by_the_execution_role(trusting, store, gate):
    gate.seen.clear()
    reason = stopped(trusting, run(trusting, [store.put("role.env", "A=1\n")]))  # that server does not know the session
    assert reason.endswith("StatusCode: 403, api error SignatureDoesNotMatch: It is not signed.")
    assert "Credential=ASIA" in gate.seen[0]["Authorization"] and "x-amz-security-token" in gate.seen[0]["Authorization"]
    assert gate.seen[0]["X-Amz-Security-Token"]


def test_without_a_server_the_reason_says_how_to_name_one(machine):
    make_roles(machine)
    assert stopped(machine, run(machine, ["arn:aws:s3:::settings/a.env"])) == (
        f"{FAILED}no S3 server is configured: start this host with --s3-endpoint URL, or with BERTH_S3_ENDPOINT in its environment")


@pytest.mark.parametrize("url", ["127.0.0.1:9000", "http://", "ftp://a", "http://127.0.0.1:9000/path"])
def test_an_endpoint_that_is_none_is_refused(machine, url):
    done = machine.berth("host", "--data", f"{machine.work}/other", "--s3-endpoint", url, check=False)
    assert done.returncode == 1 and f"not '{url}'" in done.stderr
