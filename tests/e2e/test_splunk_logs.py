"""The splunk log driver: lines of real containers at an HTTP event collector, its token by secretOptions."""

import http.server
import json
import pathlib
import threading

import pytest
from conftest import eventually
from machine import container_of, shell

TOKEN = "token-of-the-test-4711"
READ = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": ["ecr:*", "secretsmanager:GetSecretValue"], "Resource": "*"}]}


class Collector(http.server.BaseHTTPRequestHandler):
    """Keeps the events that come with the token; `server.status` says what it answers."""

    def log_message(self, *args):
        pass

    def answer(self, status, text):
        body = json.dumps({"text": text, "code": 0}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_OPTIONS(self):
        self.server.verified += 1
        self.answer(self.server.status, "Success")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path != "/services/collector/event/1.0" or self.headers["Authorization"] != f"Splunk {TOKEN}":
            self.server.refused += 1
            self.answer(403, "Invalid token")
            return
        if self.server.status != 200:
            self.server.troubled += 1
            self.answer(self.server.status, "Server is busy")
            return
        decoder, at = json.JSONDecoder(), 0
        while at < len(body):
            event, at = decoder.raw_decode(body, at)
            self.server.events.append(event)
        self.answer(200, "Success")


@pytest.fixture
def collector():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    server.daemon_threads = True
    server.status, server.verified, server.refused, server.troubled, server.events = 200, 0, 0, 0, []
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def role(machine):
    arn = machine.make_role("splunk-reader")
    machine.client("iam").put_role_policy(RoleName="splunk-reader", PolicyName="own", PolicyDocument=json.dumps(READ))
    machine.client("secretsmanager").create_secret(Name="splunk", SecretString=json.dumps({"token": TOKEN}))
    return arn


def run(machine, collector, role, command, key="token", **options):
    secret = machine.client("secretsmanager").describe_secret(SecretId="splunk")["ARN"]
    definition = machine.register("splunking", [{"name": "main", "command": shell(command), "logConfiguration": {
        "logDriver": "splunk",
        "options": {"splunk-url": collector.url, **{name.replace("_", "-"): value for name, value in options.items()}},
        "secretOptions": [{"name": "splunk-token", "valueFrom": f"{secret}:{key}::"}]}}], executionRoleArn=role)
    return machine.run(definition)


def lines(collector):
    return [event["event"]["line"] for event in collector.events]


def test_lines_arrive_before_the_task_is_stopped(machine, collector, role):
    arns = run(machine, collector, role, "i=0; while [ $i -lt 500 ]; do echo line $i; i=$((i+1)); done; printf '\"end\"'",
               splunk_source="here", splunk_sourcetype="app", splunk_index="main", tag="web")
    machine.wait(arns, "STOPPED")
    assert lines(collector) == [f"line {i}" for i in range(500)] + ['"end"']
    first = collector.events[0]
    assert {name: first[name] for name in ("source", "sourcetype", "index", "event")} == {
        "source": "here", "sourcetype": "app", "index": "main", "event": {"line": "line 0", "tag": "web"}}
    assert float(first["time"]) > 1e9 and first["host"] and collector.verified == 1
    assert TOKEN not in json.dumps(machine.describe(arns), default=str)
    for name in ("server.log", "host.log", "audit.log"):
        assert TOKEN not in pathlib.Path(machine.directory, name).read_text()


@pytest.mark.parametrize("form, event", [("json", {"line": {"a": [1]}, "tag": "t"}), ("raw", 't {"a": [1]}'),
                                         ("inline", {"line": '{"a": [1]}', "tag": "t"})])
def test_formats(machine, collector, role, form, event):
    machine.wait(run(machine, collector, role, """echo '{"a": [1]}'""", splunk_format=form, tag="t"), "STOPPED")
    assert [each["event"] for each in collector.events] == [event]


def test_a_collector_in_trouble_gets_the_lines_later(machine, collector, role):
    collector.status = 503
    arns = run(machine, collector, role, "echo early; while [ ! -f /tmp/go ]; do /bin/sleep 0.1; done",
               splunk_verify_connection="false")
    machine.wait(arns, "RUNNING")
    eventually(lambda: collector.troubled, what="an attempt")
    collector.status = 200
    eventually(lambda: lines(collector) == ["early"], what="the line")
    machine.stop(arns)


def test_a_task_does_not_wait_for_a_collector_that_never_answers(machine, collector, role):
    collector.status = 503
    arns = run(machine, collector, role, "echo lost", splunk_verify_connection="false")
    machine.wait(arns, "STOPPED", seconds=180)
    assert collector.events == []


def stopped(machine, arns):
    task = machine.wait(arns, "STOPPED")[0]
    assert task["stopCode"] == "TaskFailedToStart" and "exitCode" not in container_of(task, "main")
    return task["stoppedReason"]


def test_a_collector_that_refuses_keeps_the_task_from_starting(machine, collector, role):
    collector.status = 503
    assert stopped(machine, run(machine, collector, role, "true")) == (
        "ResourceInitializationError: failed to validate logger args: splunk: failed to verify connection: splunk: HTTP status "
        "503: Success")


def test_the_role_has_to_allow_the_token(machine, collector, role):
    lacking = machine.make_role("splunk-lacks", policy="service-role/AmazonECSTaskExecutionRolePolicy")
    reason = stopped(machine, run(machine, collector, lacking, "true"))
    assert reason.startswith("ResourceInitializationError: unable to pull secrets or registry auth: execution resource "
                             "retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): ")
    assert "is not authorized to perform: secretsmanager:GetSecretValue" in reason


def test_a_token_that_is_refused_loses_lines_and_says_so(machine, collector, role):
    machine.client("secretsmanager").put_secret_value(SecretId="splunk", SecretString=json.dumps(
        {"token": TOKEN, "other": "another-token"}))
    machine.wait(run(machine, collector, role, "echo lost", key="other"), "STOPPED")
    assert collector.refused == 1 and collector.events == []
    log = pathlib.Path(machine.directory, "host.log").read_text()
    assert "are lost: splunk: HTTP status 403: Invalid token" in log and "another-token" not in log


def test_other_containers_of_the_task_go_their_own_way(machine, collector, role):
    """The lines of the second stay on the host, where the first's number is missing; both come before the task has ended."""
    secret = machine.client("secretsmanager").describe_secret(SecretId="splunk")["ARN"]
    arns = machine.run(machine.register("both", [
        {"name": "main", "command": shell("echo there"), "dependsOn": [{"containerName": "side", "condition": "COMPLETE"}],
         "logConfiguration": {
            "logDriver": "splunk", "options": {"splunk-url": collector.url},
            "secretOptions": [{"name": "splunk-token", "valueFrom": f"{secret}:token::"}]}},
        {"name": "side", "essential": False, "command": shell("echo here")}], executionRoleArn=role))
    machine.wait(arns, "STOPPED")
    assert lines(collector) == ["there"] and collector.events[0]["event"]["tag"] == arns[0].rsplit("/", 1)[1] + "/main"
    assert machine.berth("logs", "--data", machine.directory, arns[0]).stdout == "here\n"
    alone = run(machine, collector, role, "echo alone")
    machine.wait(alone, "STOPPED")
    shown = machine.berth("logs", "--data", machine.directory, alone[0])
    assert shown.stdout == "" and shown.stderr == f"Container main writes to Splunk at {collector.url}\n"
