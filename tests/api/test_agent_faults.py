"""Agents that lie, stammer, come in crowds, borrow an identity, or are cut off: what a user sees of it."""

import http.server
import json
import os
import random
import resource
import selectors
import socket
import struct
import subprocess
import tempfile
import threading
import time
import uuid

import botocore.exceptions
import pytest

from agent_peer import Agent, Refused, own_keys, signed_headers
from conftest import BERTH, CLEAN, Server, eventually, free_port
from own_network import Cut, own_network
from test_agent_protocol import registration
from test_ecs_instance_tasks import PAGE, agents, cluster, define, describe, ecs, of_ec2, payload_of, refusal, run  # noqa: F401

RUNNING = [{"containerName": "page", "status": "RUNNING"}]


def pending(ecs, cluster):  # noqa: F811
    return ecs.describe_clusters(clusters=[cluster])["clusters"][0]["pendingTasksCount"]


# ---- lies


def test_reports_of_tasks_that_there_are_not(ecs, cluster, agents):  # noqa: F811
    agent = agents()
    prefix = agent.arn.replace(":container-instance/", ":task/").rsplit("/", 1)[0]
    for task, words in ((f"{prefix}/" + "0" * 32, "The referenced task was not found."),
                        ("0" * 32, "The referenced task was not found."),
                        ("nonsense", "taskId length should be one of [32,36]"),
                        (f"{prefix}-other/" + "0" * 32, "Invalid identifier")):
        for status in ("RUNNING", "STOPPED"):
            code, message = refusal(agent.ecs.submit_task_state_change, cluster=cluster, task=task, status=status)
            assert code == "InvalidParameterException" and message.startswith(words), "the agent drops such a report"
            assert refusal(agent.ecs.submit_container_state_change, cluster=cluster, task=task, containerName="page",
                           status=status) == (code, message)
    assert ecs.list_tasks(cluster=cluster)["taskArns"] == []


def test_statuses_in_any_order_never_go_back(ecs, cluster, agents):  # noqa: F811
    agent = agents(cpu=65536, memory=65536)
    chance = random.Random(11)
    order = ["PENDING", "RUNNING", "STOPPED"]
    for _ in range(8):
        [arn], _ = run(ecs, cluster, define(ecs))
        reached = 0
        for _ in range(6):
            status = chance.choice(order)
            for _ in range(chance.choice((1, 2))):  # also twice
                agent.report(arn, status, containers=[{"containerName": chance.choice(("page", "nobody")), "status": status}])
            task = describe(ecs, cluster, arn)
            assert len(task["containers"]) == 1
            now = order.index(task["lastStatus"]) if task["lastStatus"] in order else 0
            assert now >= reached
            reached = now
        agent.report(arn, "STOPPED")
        assert describe(ecs, cluster, arn)["lastStatus"] == "STOPPED"
        with pytest.raises(botocore.exceptions.ClientError):
            agent.report(arn, "EXPLODED")
    left = {row["name"]: row.get("integerValue") for row in agent.described()["remainingResources"]}
    assert left["CPU"] == 65536 and left["MEMORY"] == 65536, "nothing is given back twice"


def test_an_agent_speaks_for_its_own_tasks(ecs, cluster, agents):  # noqa: F811
    """On the socket: acknowledgements and candidates of a task that is on another instance."""
    honest, liar = agents(), agents(memory=16)
    [arn], _ = run(ecs, cluster, define(ecs))
    id = arn.rsplit("/", 1)[1]
    honest.acs.wait("PayloadMessage")
    for _ in range(3):
        liar.acs.message("AckRequest", cluster=cluster, containerInstance=honest.arn, messageId=f"{id}.RUNNING")
        liar.acs.message("AckRequest", cluster=cluster, containerInstance=honest.arn, messageId=f"{id}.STOPPED")
    liar.acs.message("TaskStopVerificationMessage", messageId="m", stopCandidates=[{"taskArn": arn}])
    assert [row["taskArn"] for row in liar.acs.wait("TaskStopVerificationAck")["stopTasks"]] == [arn], "not on the liar's"
    honest.connect()  # it is told again, as the acknowledgement was not its own
    assert payload_of(honest, arn)
    honest.acs.message("TaskStopVerificationMessage", messageId="m", stopCandidates=[{"taskArn": arn}])
    assert honest.acs.wait("TaskStopVerificationAck")["stopTasks"] == []
    assert pending(ecs, cluster) == 1


def test_telemetry_of_the_tasks_of_others_and_of_nobody(ecs, cluster, agents):  # noqa: F811
    honest, liar = agents(), agents(memory=16)
    [arn], _ = run(ecs, cluster, define(ecs))
    payload_of(honest, arn)
    honest.report(arn, "RUNNING", containers=RUNNING)

    def health(agent, status, task=arn):
        return json.dumps({"type": "PublishHealthRequest", "message": {
            "metadata": {"cluster": cluster, "containerInstance": agent.arn, "messageId": "m", "fin": True}, "timestamp": 1, "tasks": [
                {"taskArn": task, "taskDefinitionFamily": "f", "taskDefinitionVersion": "1", "containers": [
                    {"containerName": name, "healthStatus": status, "statusSince": 1} for name in ("page", "nobody")]}]}})
    for agent in (liar, honest):
        agent.connect_telemetry()
    honest.tcs.telemetry(health(honest, "HEALTHY"))
    assert honest.tcs.wait("AckPublishHealth")
    liar.tcs.telemetry(health(liar, "UNHEALTHY"))
    liar.tcs.telemetry(health(honest, "UNHEALTHY"))  # under another's name
    liar.tcs.telemetry(health(liar, "UNHEALTHY", "nonsense"))
    liar.tcs.telemetry(health(liar, "SPLENDID", arn[:-32] + "0" * 32))
    for _ in range(4):
        assert liar.tcs.wait("AckPublishHealth")
    assert describe(ecs, cluster, arn)["healthStatus"] == "HEALTHY"

    # What has no block of headers, or nothing behind it, is passed over, and the session goes on.
    for text in (health(honest, "UNHEALTHY"), "Authorization: x\r\n\r\n", "Authorization: x\r\n\r\n{", "\r\n\r\n{}"):
        honest.tcs.send(text)
    honest.tcs.telemetry(health(honest, "UNKNOWN"))
    assert honest.tcs.wait("AckPublishHealth")
    assert describe(ecs, cluster, arn)["healthStatus"] == "UNKNOWN"


def test_what_is_said_again_later_changes_nothing(ecs, cluster, agents):  # noqa: F811
    """Everything that an agent said of a task, from the front, after the task is over and another one runs."""
    agent = agents()
    definition = define(ecs)
    [arn], _ = run(ecs, cluster, definition)
    said = [payload_of(agent, arn)]
    agent.report(arn, "RUNNING", containers=RUNNING)
    ecs.stop_task(cluster=cluster, task=arn)
    said.append(payload_of(agent, arn, "STOPPED"))
    agent.report(arn, "STOPPED", containers=[{"containerName": "page", "status": "STOPPED", "exitCode": 0}])
    before = describe(ecs, cluster, arn)
    [other], _ = run(ecs, cluster, definition)
    payload_of(agent, other)
    agent.report(other, "RUNNING", containers=RUNNING)
    for _ in range(2):
        for message in said:
            agent.acknowledge(message)
        for status in ("PENDING", "RUNNING", "STOPPED"):
            agent.report(arn, status, containers=[{"containerName": "page", "status": status, "exitCode": 9}])
    assert describe(ecs, cluster, arn) == before
    assert describe(ecs, cluster, other)["lastStatus"] == "RUNNING"
    assert agent.described()["runningTasksCount"] == 1


# ---- frames


def closed_with(agent):
    try:
        while isinstance(code := agent.acs.receive(), dict):
            pass
        return code
    except (EOFError, ConnectionError):
        return None


@pytest.mark.parametrize("bytes_sent, code", [
    (b"\x81\x05hello", 1002),                                                     # not masked
    (b"\xf1\x80\0\0\0\0", 1002),                                                  # bits of no extension
    (b"\x83\x80\0\0\0\0", 1002),                                                  # an opcode that there is not
    (b"\x81\xff" + struct.pack(">Q", 1 << 40) + b"\0\0\0\0", 1009),               # longer than anything
    (b"\x80\x80\0\0\0\0", 1002),                                                  # goes on with nothing
    (b"\x81\x82\0\0\0\0\xff\xfe", 1007),                                          # no UTF-8
])
def test_frames_that_are_none_end_that_session_alone(agents, bytes_sent, code):  # noqa: F811
    bad, good = agents(), agents()
    bad.acs.connection.sendall(bytes_sent)
    assert closed_with(bad) == code
    eventually(lambda: not bad.described()["agentConnected"], what="the end of the session")
    assert good.described()["agentConnected"]
    bad.connect().wait("TaskManifestMessage")
    eventually(lambda: bad.described()["agentConnected"], what="the next session")


def test_a_message_in_pieces_is_one(agents):  # noqa: F811
    agent = agents()
    text = json.dumps({"type": "TaskStopVerificationMessage", "message": {"messageId": "m", "stopCandidates": []}}).encode()
    agent.acs.frame(1, text[:10], final=False)
    agent.acs.frame(9, b"ping")
    for at in range(10, len(text) - 1):
        agent.acs.frame(0, text[at:at + 1], final=False)
    agent.acs.frame(0, text[-1:])
    assert agent.acs.wait("TaskStopVerificationAck")["messageId"] == "m"


def test_half_of_everything(server, agents):  # noqa: F811
    """Half a request, half a frame, half a message: then silence, then the end."""
    agent = agents()
    half = socket.create_connection(("127.0.0.1", server.port))
    half.sendall(b"GET /acs/ws?clusterArn=x HTTP/1.1\r\nHost: x\r\nUpgr")
    agent.acs.frame(1, b'{"type": "AckRequest", "mess', final=False)
    agent.acs.connection.sendall(b"\x80\xfe\x00")
    assert agent.described()["agentConnected"]
    agent.acs.close()
    half.close()
    eventually(lambda: not agent.described()["agentConnected"], what="the end of the session")


# ---- crowds


class Crowd:
    """Many agents' first sockets at once: each is asked for before any answer is read. Who is told that there are too many
    comes again, as agents do. Who has come answers pings: silence for 30 seconds ends a session, and the last may come later
    than that."""

    PONG = b"\x8a\x80\0\0\0\0"

    def __init__(self, server, arns, cluster):  # noqa: F811
        self.port = server.port
        self.sockets = []
        self.refused = 0
        self.waiting = [self.head(server, arn, cluster) for arn in arns]
        self.come_in = selectors.DefaultSelector()
        self.over = threading.Event()
        self.heart = threading.Thread(target=self.answer)
        self.heart.start()

    def answer(self):
        while not self.over.is_set():
            for key, _ in self.come_in.select(0.2):
                try:
                    if key.fileobj.recv(65536):
                        key.fileobj.sendall(self.PONG)
                        continue
                except OSError:
                    pass
                self.come_in.unregister(key.fileobj)  # the server has ended it

    @staticmethod
    def head(server, arn, cluster):  # noqa: F811
        query = (f"agentHash=a&agentVersion=1.105.1&clusterArn={cluster}&containerInstanceArn="
                 f"{arn.replace(':', '%3A').replace('/', '%2F')}&protocolVersion=2&sendCredentials=true&seqNum=1")
        target = f"/acs/ws?{query}"
        lines = {"Host": server.listen, **signed_headers(server.url + target, own_keys(server)), "Upgrade": "websocket",
                 "Connection": "Upgrade", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"}
        return (f"GET {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n").encode()

    def ask(self, head):
        connection = socket.create_connection(("127.0.0.1", self.port), 300)
        self.sockets.append(connection)
        connection.sendall(head)
        return connection

    def come(self):
        while self.waiting:
            asked = [(head, self.ask(head)) for head in self.waiting]
            self.waiting = []
            for head, connection in asked:
                answer = connection.recv(12, socket.MSG_WAITALL)
                if answer == b"HTTP/1.1 101":
                    self.come_in.register(connection, selectors.EVENT_READ)
                    continue
                assert answer == b"HTTP/1.1 503"
                self.refused += 1
                self.waiting.append(head)

    def close(self):
        self.over.set()
        self.heart.join()
        self.come_in.close()
        for connection in self.sockets:
            connection.close()


def connected(ecs, cluster):  # noqa: F811
    paginator = ecs.get_paginator("list_container_instances")
    return sum(len(page["containerInstanceArns"]) for page in paginator.paginate(
        cluster=cluster, filter="agentConnected == true"))


def test_five_thousand_agents_come_back_at_once(server, ecs, cluster):  # noqa: F811
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(5000, hard - 400)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 400), hard))
    body = {**registration(), "cluster": cluster}
    arns = [ecs.register_container_instance(**body)["containerInstance"]["containerInstanceArn"] for _ in range(count)]
    try:
        for _ in range(2):  # the second while the server still learns that the first are gone
            begin = time.monotonic()
            crowd = Crowd(server, arns, cluster)
            try:
                crowd.come()
                asked = time.monotonic()
                assert ecs.describe_clusters(clusters=[cluster])["clusters"]
                answered = time.monotonic()
                eventually(lambda: connected(ecs, cluster) == count, 300, "all of them")
                print(f"{count} sessions in {time.monotonic() - begin:.1f} s, {crowd.refused} sent away at first, an answer meanwhile in {answered - asked:.3f} s")
            finally:
                crowd.close()
        eventually(lambda: connected(ecs, cluster) == 0, 300, "the end of all of them")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# ---- identities


def test_credentials_of_another_cluster(server, ecs, cluster, agents):  # noqa: F811
    """A role that is good for one cluster, as the policies of the developer guide have it."""
    mine, other = agents(), f"c-{uuid.uuid4().hex[:12]}"
    ecs.create_cluster(clusterName=other)
    iam = server.client("iam")
    iam.create_user(UserName=other)
    key = iam.create_access_key(UserName=other)["AccessKey"]
    allowed = f"arn:aws:ecs:us-east-1:000000000000:cluster/{other}"
    iam.put_user_policy(UserName=other, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["ecs:RegisterContainerInstance", "ecs:Submit*"], "Resource": allowed},
        {"Effect": "Allow", "Action": ["ecs:Poll", "ecs:StartTelemetrySession"], "Resource": "*",
         "Condition": {"ArnEquals": {"ecs:cluster": allowed}}},
        {"Effect": "Allow", "Action": "ecs:Poll", "Resource":
         f"arn:aws:ecs:us-east-1:000000000000:container-instance/{other}/*"}]}))
    stranger = server.client("ecs", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    [arn], _ = run(ecs, cluster, define(ecs))
    payload_of(mine, arn)
    assert refusal(stranger.register_container_instance, **{**of_ec2(), "cluster": cluster})[0] == "AccessDeniedException"
    assert refusal(stranger.submit_task_state_change, cluster=cluster, task=arn, status="STOPPED")[0] == "AccessDeniedException"
    # Under its own cluster's name it may speak; not of this cluster's task.
    code, message = refusal(stranger.submit_task_state_change, cluster=other, task=arn, status="STOPPED")
    assert code == "InvalidParameterException" and message.startswith("Invalid identifier")
    thief = Agent.__new__(Agent)
    thief.server, thief.cluster, thief.arn = server, cluster, mine.arn
    thief.keys = (key["AccessKeyId"], key["SecretAccessKey"])
    for named in (cluster, other):
        with pytest.raises(Refused) as failure:
            thief.connect(cluster=named)
        assert failure.value.status == 403 and "AccessDeniedException" in failure.value.body
    assert mine.described()["agentConnected"]
    assert describe(ecs, cluster, arn)["lastStatus"] == "PENDING"


def test_two_agents_with_one_identity(server, ecs, cluster, agents):  # noqa: F811
    """A machine that was copied: the newer one counts, the older hears that it is not wanted, and each task is one task."""
    first = agents()
    [arn], _ = run(ecs, cluster, define(ecs))
    payload_of(first, arn)
    first.report(arn, "RUNNING", containers=RUNNING)
    second = Agent.__new__(Agent)
    second.server, second.cluster, second.arn, second.keys, second.ecs = server, cluster, first.arn, None, first.ecs
    second.tcs = None
    try:
        for older, newer in ((first, second), (second, first), (first, second)):
            manifest = newer.connect().wait("TaskManifestMessage")
            assert [row["taskArn"] for row in manifest["tasks"]] == [arn]
            assert closed_with(older) == 1008, "after which agents wait longer each time"
            assert first.described()["agentConnected"]
        assert ecs.list_tasks(cluster=cluster)["taskArns"] == [arn]
        assert describe(ecs, cluster, arn)["lastStatus"] == "RUNNING"
        first.report(arn, "STOPPED")  # one of them says so: then it is
        assert describe(ecs, cluster, arn)["lastStatus"] == "STOPPED"
    finally:
        second.acs.close()


# ---- credentials


@pytest.fixture
def hasty_server():
    """Its tasks' roles get credentials for ten seconds."""
    with tempfile.TemporaryDirectory(prefix="berth-test-") as directory:
        running = Server(directory, "--task-credentials", "10")
        running.start()
        try:
            yield running
        finally:
            running.stop()


def test_credentials_that_were_renewed_while_the_agent_was_away(hasty_server):
    """Its process is the same, so it asks for none: what it has is over, though, and it must hear of the next."""
    ecs = hasty_server.client("ecs")  # noqa: F811
    ecs.create_cluster(clusterName="c")
    role = hasty_server.client("iam").create_role(RoleName="app", AssumeRolePolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                                                "Principal": {"Service": "ecs-tasks.amazonaws.com"}}]}))["Role"]["Arn"]
    body = of_ec2()
    body["attributes"].append({"name": "com.amazonaws.ecs.capability.task-iam-role"})
    agent = Agent(hasty_server, "c", body)
    try:
        agent.connect().wait("TaskManifestMessage")
        eventually(lambda: agent.described()["agentConnected"], what="the connection")
        [arn], _ = run(ecs, "c", define(ecs, taskRoleArn=role))
        told = payload_of(agent, arn)["tasks"][0]["roleCredentials"]
        agent.report(arn, "RUNNING", containers=RUNNING)
        agent.acs.close()
        caller = hasty_server.client("sts", aws_access_key_id=told["accessKeyId"], aws_secret_access_key=told["secretAccessKey"],
                                     aws_session_token=told["sessionToken"])

        def are_over():
            try:
                caller.get_caller_identity()
            except botocore.exceptions.ClientError as failure:
                return failure.response["Error"]["Code"] == "ExpiredToken"
            return False
        eventually(are_over, 30, "the end of the first credentials")

        agent.connect(send_credentials="false").wait("TaskManifestMessage")
        agent.acs.message("TaskStopVerificationMessage", messageId="so far", stopCandidates=[])
        heard = []
        while not heard or heard[-1]["type"] != "TaskStopVerificationAck":
            heard.append(agent.acs.receive())
        pushed = [row["message"] for row in heard if row["type"] == "IAMRoleCredentialsMessage"][0]
        assert pushed["taskArn"] == arn and pushed["roleType"] == "TaskApplication"
        fresh = pushed["roleCredentials"]
        assert fresh["credentialsId"] == told["credentialsId"] and fresh["accessKeyId"] != told["accessKeyId"]
    finally:
        agent.close()


# ---- no server


def started_agent(tmp_path, port):
    environment = {**CLEAN, "ECS_BACKEND_HOST": f"http://127.0.0.1:{port}", "ECS_DATADIR": str(tmp_path / "agent"),
                   "AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "x"}
    with open(tmp_path / "log", "wb") as stderr:
        return subprocess.Popen([BERTH, "agent", "--external"], env=environment, stderr=stderr)


def test_an_agent_that_finds_no_server_ends_when_it_is_told_to(tmp_path):
    log = tmp_path / "log"
    agent = started_agent(tmp_path, free_port())
    try:
        eventually(lambda: "not registered yet" in log.read_text(), what="a try")
        assert agent.poll() is None
        agent.terminate()
        assert agent.wait(60) == 0
    finally:
        agent.kill()


@pytest.mark.parametrize("answers, code", [
    ([(500, "ServerException"), (400, "ThrottlingException"), (400, "InvalidParameterException")], 5),  # do not start it again
    ([(400, "ClientException")], 5),
    ([(503, "ServerException"), (400, "AccessDeniedException")], 1),  # start it again
])
def test_what_an_agent_makes_of_refused_registrations(tmp_path, answers, code):
    requests = []

    class Refusing(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            requests.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            status, kind = answers[len(requests) - 1]
            body = json.dumps({"__type": kind, "message": "no"}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass
    server = http.server.HTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    agent = started_agent(tmp_path, server.server_port)
    try:
        assert agent.wait(60) == code
    finally:
        agent.kill()
        server.shutdown()
        server.server_close()
    assert len(requests) == len(answers) and len({request["clientToken"] for request in requests}) == 1


# ---- cuts


@pytest.fixture
def fast_server():
    """On a network of its own; ten minutes pass in ten seconds."""
    with own_network(), tempfile.TemporaryDirectory(prefix="berth-test-") as directory:
        running = Server(directory, "--clock-rate", "60")
        running.start()
        try:
            yield running
        finally:
            running.stop()


def test_a_cut_of_ten_minutes(fast_server):
    ecs = fast_server.client("ecs")  # noqa: F811
    ecs.create_cluster(clusterName="c")
    cut_off, stays = Agent(fast_server, "c", of_ec2()), Agent(fast_server, "c", of_ec2(zone="us-east-1b"))
    try:
        for agent in (cut_off, stays):
            agent.connect().wait("TaskManifestMessage")
            eventually(lambda: agent.described()["agentConnected"], what="the connection")
        definition = define(ecs)
        ecs.create_service(cluster="c", serviceName="s", taskDefinition=definition, desiredCount=2, launchType="EC2",
                           placementStrategy=[{"type": "spread", "field": "instanceId"}])
        tasks = eventually(lambda: len(arns := ecs.list_tasks(cluster="c")["taskArns"]) == 2 and arns, what="two tasks")
        by_instance = {task["containerInstanceArn"]: task["taskArn"]
                       for task in ecs.describe_tasks(cluster="c", tasks=tasks)["tasks"]}
        lost, kept = by_instance[cut_off.arn], by_instance[stays.arn]
        for agent, arn in ((cut_off, lost), (stays, kept)):
            payload_of(agent, arn)
            agent.report(arn, "RUNNING", containers=RUNNING)
        port = cut_off.acs.connection.getsockname()[1]
        cut = Cut(port)
        # Neither side is told: the server finds out by itself, within 30 seconds of silence.
        eventually(lambda: (stays.acs.idle(), not cut_off.described()["agentConnected"])[1], 120, "the server's notice")
        assert describe(ecs, "c", lost)["lastStatus"] == "RUNNING", "it may come back: for ten minutes nothing is lost"
        task = eventually(lambda: (stays.acs.idle(), task := describe(ecs, "c", lost))[1]["lastStatus"] == "STOPPED" and task,
                          what="the end of the lost task")
        assert task["stopCode"] == "TerminationNotice" and "has been disconnected for 600 seconds" in task["stoppedReason"]
        [replacement] = eventually(lambda: (stays.acs.idle(), [
            arn for arn in ecs.list_tasks(cluster="c")["taskArns"] if arn != kept])[1], what="the replacement")
        payload_of(stays, replacement)
        stays.report(replacement, "RUNNING", containers=RUNNING)

        cut.mend()
        manifest = cut_off.connect().wait("TaskManifestMessage")
        assert manifest["tasks"] == [], "what it still runs is not to run"
        cut_off.acs.message("TaskStopVerificationMessage", messageId=manifest["messageId"], stopCandidates=[
            {"taskArn": lost, "taskClusterArn": "c", "desiredStatus": "STOPPED"}])
        assert [row["taskArn"] for row in cut_off.acs.wait("TaskStopVerificationAck")["stopTasks"]] == [lost]
        cut_off.report(lost, "RUNNING", containers=RUNNING)  # said while it was cut off, and arrives now
        assert describe(ecs, "c", lost)["lastStatus"] == "STOPPED"
        cut_off.report(lost, "STOPPED")
        assert set(ecs.list_tasks(cluster="c")["taskArns"]) == {kept, replacement}
        service = ecs.describe_services(cluster="c", services=["s"])["services"][0]
        assert service["runningCount"] == 2 and service["pendingCount"] == 0
        assert {row["name"]: row.get("integerValue") for row in cut_off.described()["remainingResources"]}["CPU"] == 1024
    finally:
        cut_off.close()
        stays.close()


# ---- floods


def memory_of(process):
    with open(f"/proc/{process.pid}/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) // 1024  # MiB


def test_who_says_more_than_can_be_taken_is_sent_away(server, cluster, agents):  # noqa: F811
    """Hundreds of MiB of messages, written without a look at what comes back."""
    agent = agents()
    before = memory_of(server.process)
    candidates = [{"taskArn": f"{agent.arn}{i}", "taskClusterArn": cluster, "desiredStatus": "STOPPED"} for i in range(8000)]
    text = json.dumps({"type": "TaskStopVerificationMessage", "message": {"messageId": "m", "stopCandidates": candidates}})
    highest, sent = before, 0
    try:
        while sent < 1 << 28:
            agent.acs.send(text)
            sent += len(text)
            highest = max(highest, memory_of(server.process))
    except OSError:
        pass  # it was sent away
    agent.acs.connection.close()
    print(f"{sent >> 20} MiB sent, {highest - before} MiB more")
    assert sent < 1 << 28
    assert highest - before < 400 + 256  # which is what AddressSanitizer keeps of freed memory
    again = agents()  # and the server has time for others
    assert again.described()["agentConnected"]
