"""The agent protocol against the recorded traffic of the original agent: what it sent is sent to us, and what we answer is
checked for what it needs (it does not check more itself)."""

import json
import pathlib
import uuid

import botocore.exceptions
import pytest

from agent_peer import Agent, Refused, Socket
from conftest import eventually

TRAFFIC = pathlib.Path(__file__).parent / "agent_traffic"


def recorded(name):
    return [json.loads(line) for line in (TRAFFIC / name).read_text().splitlines()]


def registration():
    body = next(line["body"] for line in recorded("register.jsonl")
                if line.get("target", "").endswith(".RegisterContainerInstance"))
    del body["clientToken"]
    return body


@pytest.fixture(scope="module")
def ecs(server):
    return server.client("ecs")


@pytest.fixture
def cluster(ecs):
    name = f"bed-{uuid.uuid4().hex[:12]}"
    ecs.create_cluster(clusterName=name)
    return name


@pytest.fixture
def agent(server, cluster):
    agent = Agent(server, cluster, registration())
    yield agent
    agent.close()


def connected(agent):
    return lambda: agent.described()["agentConnected"]


def test_the_poll_endpoint_is_where_the_agent_asked(server, ecs, agent):
    answer = ecs.discover_poll_endpoint(cluster=agent.cluster, containerInstance=agent.arn)
    assert answer["endpoint"] == f"http://{server.listen}/acs/"
    assert answer["telemetryEndpoint"] == f"http://{server.listen}/tcs/"
    with pytest.raises(botocore.exceptions.ClientError) as failure:
        ecs.discover_poll_endpoint(cluster="nowhere", containerInstance=agent.arn)
    assert failure.value.response["Error"]["Code"] == "ClusterNotFoundException"


def test_a_registration_that_is_sent_again_makes_one_instance(server, cluster):
    """As the agent tries on: with the token of the first time, whose answer it did not hear."""
    ecs = server.client("ecs")
    token = str(uuid.uuid4())

    def add_token(params, **_):  # not every boto3 knows it
        params["body"] = json.dumps({**json.loads(params["body"]), "clientToken": token}).encode()
    ecs.meta.events.register("before-call.ecs.RegisterContainerInstance", add_token)
    arns = {ecs.register_container_instance(**{**registration(), "cluster": cluster})["containerInstance"]["containerInstanceArn"]
            for _ in range(3)}
    assert ecs.list_container_instances(cluster=cluster)["containerInstanceArns"] == list(arns)


def test_a_session_begins_with_a_manifest_and_makes_the_agent_connected(agent):
    assert not agent.described()["agentConnected"]
    manifest = agent.connect().wait("TaskManifestMessage")
    assert manifest["containerInstanceArn"] == agent.arn and manifest["clusterArn"].endswith(f":cluster/{agent.cluster}")
    assert manifest["tasks"] == [] and manifest["messageId"] and manifest["timeline"] > 0
    instance = agent.described()
    assert instance["agentConnected"]
    assert instance["versionInfo"] == {"agentHash": "a8b3e7d3", "agentVersion": "1.105.1",
                                       "dockerVersion": "20.10.24+dfsg1"}
    agent.acs.close()
    eventually(lambda: not connected(agent)(), what="the end of the session")


def test_heartbeats_come_on_both_sessions(agent):
    """An agent that hears nothing for a minute leaves."""
    agent.connect().wait("TaskManifestMessage")
    agent.connect_telemetry()
    heartbeat = agent.acs.wait("HeartbeatMessage")
    assert heartbeat["healthy"] and heartbeat["messageId"]
    assert agent.tcs.wait("HeartbeatMessage")["healthy"]


def test_the_recorded_telemetry_is_acknowledged(agent):
    agent.connect_telemetry()
    answers = {"PublishMetricsRequest": "AckPublishMetric", "PublishHealthRequest": "AckPublishHealth",
               "PublishInstanceStatusRequest": "AckPublishInstanceStatus"}
    sent = 0
    for line in recorded("tasks-short.jsonl") + recorded("register.jsonl"):
        if line["kind"] != "ws-recv" or line["name"] != "tcs":
            continue
        message = line["msg"]
        text = json.dumps(message) if isinstance(message, dict) else message.split("\r\n\r\n", 1)[1]
        agent.tcs.telemetry(text)
        assert agent.tcs.wait(answers[json.loads(text)["type"]]) is not None
        sent += 1
    assert sent > 5
    health = agent.described("CONTAINER_INSTANCE_HEALTH")["healthStatus"]
    assert health["overallStatus"] == "OK" and health["details"][0]["type"] == "CONTAINER_RUNTIME"


def test_the_recorded_messages_of_the_agent_are_taken(agent):
    agent.connect().wait("TaskManifestMessage")
    for line in recorded("tasks-short.jsonl"):
        if line["kind"] == "ws-recv" and line["name"] == "acs":
            agent.acs.send(json.dumps(line["msg"]))
    agent.acs.message("NackRequest", messageId="1", reason="Updates are disabled")
    agent.acs.message("OfALaterVersion", anything=[1])
    agent.acs.send("no JSON {")
    agent.acs.send(json.dumps({"type": "AckRequest", "message": {"messageId": 7}}))
    agent.acs.message("TaskStopVerificationMessage", messageId="still there", stopCandidates=[])
    assert agent.acs.wait("TaskStopVerificationAck")["messageId"] == "still there"


def test_tasks_that_are_not_to_run_are_stopped(agent):
    agent.connect().wait("TaskManifestMessage")
    ghost = {"taskArn": f"arn:aws:ecs:us-east-1:000000000000:task/{agent.cluster}/" + "0" * 32,
             "taskClusterArn": agent.cluster, "desiredStatus": "STOPPED"}
    agent.acs.message("TaskStopVerificationMessage", messageId="m", stopCandidates=[ghost])
    answer = agent.acs.wait("TaskStopVerificationAck")
    assert answer["stopTasks"] == [ghost] and answer["messageId"] == "m" and answer["generatedAt"] > 0


def test_a_newer_agent_takes_the_place_of_the_older(server, agent):
    older = agent.connect()
    older.wait("TaskManifestMessage")
    agent.connect().wait("TaskManifestMessage")
    while isinstance(code := older.receive(), dict):
        pass
    assert code == 1008, "after 1000 and 1001 both would chase each other"
    assert connected(agent)()
    older.close()
    assert connected(agent)()


def test_sessions_that_may_not_be_are_refused_by_name(server, ecs, cluster, agent):
    def refused(**more):
        with pytest.raises(Refused) as failure:
            agent.connect(**more)
        return failure.value.status, json.loads(failure.value.body)

    ecs.create_cluster(clusterName="another")
    status, body = refused(cluster="another")
    assert status == 400 and list(body) == ["InvalidClusterException"]
    status, body = refused(arn=agent.arn[:-32] + "0" * 32)
    assert status == 400 and list(body) == ["InvalidInstanceException"]
    status, body = refused(arn="nonsense")
    assert status == 400 and list(body) == ["InvalidInstanceException"]
    agent.keys = ("AKIAIOSFODNN7EXAMPLE", "wrong")
    status, body = refused()
    assert status == 403 and list(body) == ["AccessDeniedException"]
    agent.keys = None
    ecs.deregister_container_instance(cluster=cluster, containerInstance=agent.arn)
    status, body = refused()
    assert status == 400 and list(body) == ["InactiveInstanceException"]


def test_a_principal_without_the_permission_is_refused(server, agent):
    iam = server.client("iam")
    iam.create_user(UserName="poller")
    key = iam.create_access_key(UserName="poller")["AccessKey"]
    agent.keys = (key["AccessKeyId"], key["SecretAccessKey"])
    with pytest.raises(Refused) as failure:
        agent.connect()
    assert failure.value.status == 403 and "ecs:Poll" in failure.value.body
    iam.put_user_policy(UserName="poller", PolicyName="p", PolicyDocument=json.dumps({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "ecs:Poll", "Resource": agent.arn}]}))
    agent.connect().wait("TaskManifestMessage")
    with pytest.raises(Refused):
        agent.connect_telemetry()


def test_a_deregistered_agent_is_closed(ecs, cluster, agent):
    agent.connect().wait("TaskManifestMessage")
    ecs.deregister_container_instance(cluster=cluster, containerInstance=agent.arn)
    while isinstance(code := agent.acs.receive(), dict):
        pass
    assert code == 1008


def test_half_a_frame_and_no_request_at_all(server, agent):
    agent.connect().wait("TaskManifestMessage")
    agent.acs.connection.sendall(b"\x81\xfe\x01")
    agent.acs.close()
    eventually(lambda: not connected(agent)(), what="the end of the session")
    with pytest.raises(Refused) as failure:
        Socket(server, "/acs/ws", {})
    assert failure.value.status == 400 and "BadRequestException" in failure.value.body


def test_many_agents_at_once(server, ecs, cluster):
    agents = [Agent(server, cluster, registration()) for _ in range(20)]
    try:
        for _ in range(3):
            for agent in agents:
                agent.connect()
            for agent in agents:
                agent.acs.wait("TaskManifestMessage")
            assert len(ecs.list_container_instances(
                cluster=cluster, filter="agentConnected == true")["containerInstanceArns"]) == 20
            for agent in agents:
                agent.acs.close()
        eventually(lambda: not ecs.list_container_instances(
            cluster=cluster, filter="agentConnected == true")["containerInstanceArns"], what="the end of all sessions")
    finally:
        for agent in agents:
            agent.close()
