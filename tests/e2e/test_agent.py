"""`berth agent` inside an instance, against a server that speaks the documented protocol and nothing of Berth's own."""

import json
import pathlib
import subprocess

import pytest

from conftest import eventually
from machine import run
from test_instances import IMAGE, console, first_process, inside, shown, state

CONFIG = """#!/bin/sh
printf 'ECS_CLUSTER=web\\nECS_BACKEND_HOST=http://127.0.0.1:8000\\nECS_RESERVED_MEMORY=256\\nECS_INSTANCE_ATTRIBUTES={"rack":"a"}\\n' > /etc/ecs/ecs.config
"""
TASK = "arn:aws:ecs:us-east-1:000000000000:task/web/"


class Agent:
    def __init__(self, machine, id):
        self.machine, self.id, self.sequence = machine, id, 0
        script = pathlib.Path(__file__).with_name("agent_server.py").read_text()
        self.server = subprocess.Popen(["nsenter", "-t", first_process(machine, id), "-a", "/usr/bin/python3", "-c", script])

    def heard(self):
        try:
            return json.loads(inside(self.machine, self.id, "curl", "-s", "http://127.0.0.1:8000/heard") or "[]")
        except subprocess.CalledProcessError:
            return []

    def wait(self, check, what, seconds=40):
        return eventually(lambda: next((message for message in self.heard() if check(message)), None), seconds, what)

    def send(self, type, **message):
        run("nsenter", "-t", first_process(self.machine, self.id), "-a", "curl", "-sf", "-d", "@-", "http://127.0.0.1:8000/send",
            input=json.dumps({"type": type, "message": message}))

    def payload(self, *tasks):
        self.sequence += 1
        self.send("PayloadMessage", clusterArn="web", containerInstanceArn="x", messageId=f"payload-{self.sequence}",
                  seqNum=self.sequence, tasks=list(tasks))
        return f"payload-{self.sequence}"

    def state_change(self, task, status):
        return self.wait(lambda m: m.get("operation") == "SubmitTaskStateChange" and m["request"]["task"] == TASK + task and
                         m["request"]["status"] == status, f"{task} {status}")["request"]


@pytest.fixture(scope="module")
def agent(machine):
    iam = machine.client("iam")
    iam.create_role(RoleName="ecsInstanceRole", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}]}))
    iam.attach_role_policy(RoleName="ecsInstanceRole",
                           PolicyArn="arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role")
    iam.create_instance_profile(InstanceProfileName="ecsInstanceRole")
    iam.add_role_to_instance_profile(InstanceProfileName="ecsInstanceRole", RoleName="ecsInstanceRole")
    image = machine.client("ssm").get_parameter(Name=IMAGE)["Parameter"]["Value"]
    id = machine.ec2.run_instances(ImageId=image, InstanceType="t3.medium", MinCount=1, MaxCount=1, UserData=CONFIG,
                                   SecurityGroupIds=[machine.group], IamInstanceProfile={"Name": "ecsInstanceRole"}
                                   )["Instances"][0]["InstanceId"]
    state(machine, id, "running")
    console(machine, id, "user data ended with 0")
    running = Agent(machine, id)
    yield running
    print(inside(machine, id, "cat", "/var/log/ecs/ecs-agent.log"))  # shown when a test failed
    running.server.kill()
    running.server.wait()
    machine.ec2.terminate_instances(InstanceIds=[id])
    state(machine, id, "terminated")


def task(machine, name, script, desired="RUNNING", **container):
    return {"arn": TASK + name, "taskClusterArn": "web", "family": "f", "version": "1", "desiredStatus": desired, "containers": [
        {"name": "main", "image": f"{machine.image}:latest", "essential": True, "command": ["/bin/sh", "-c", script], "cpu": 64,
         "memory": 64, "environment": {"WHO": "me"}, "stopTimeout": 1,
         "registryAuthentication": {"type": "ecr", "ecrAuthData": {"registryId": "000000000000", "region": "us-east-1"}},
         **container}]}


def test_registers_what_it_is(machine, agent):
    message = agent.wait(lambda m: m.get("operation") == "RegisterContainerInstance", "the registration")
    request = message["request"]
    assert "/ecs/aws4_request" in message["signed"] and request["cluster"] == "web"
    attributes = {a["name"]: a.get("value") for a in request["attributes"]}
    assert attributes["rack"] == "a" and "com.amazonaws.ecs.capability.ecr-auth" in attributes
    resources = {r["name"]: r for r in request["totalResources"]}
    assert resources["CPU"]["integerValue"] == 2048 and resources["MEMORY"]["integerValue"] == 4096 - 256
    assert "51678" in resources["PORTS"]["stringSetValue"]
    assert json.loads(request["instanceIdentityDocument"])["instanceId"] == agent.id


def test_session_and_heartbeat(machine, agent):
    socket = agent.wait(lambda m: "socket" in m, "the session")
    assert "sendCredentials=true" in socket["socket"] and "seqNum=1" in socket["socket"] and "AWS4-HMAC-SHA256" in socket["signed"]
    agent.send("HeartbeatMessage", messageId="beat", healthy=True)
    agent.wait(lambda m: m.get("type") == "HeartbeatAckRequest" and m["message"]["messageId"] == "beat", "the answer")
    agent.send("PerformUpdateMessage", messageId="update")
    assert agent.wait(lambda m: m.get("type") == "NackRequest", "the refusal")["message"]["reason"] == "Updates are disabled"


def test_a_task_in_bridge_mode(machine, agent):
    agent.wait(lambda m: "socket" in m, "the session")
    ports = [{"containerPort": 80, "hostPort": 0, "protocol": "tcp"}]
    id = agent.payload(task(machine, "a" * 32, "echo $WHO > /www/index.html; exec /bin/httpd -f -p 80 -h /www", portMappings=ports))
    assert agent.wait(lambda m: m.get("type") == "AckRequest" and m["message"]["messageId"] == id, "the ack")
    running = agent.state_change("a" * 32, "RUNNING")
    main = running["containers"][0]
    assert main["status"] == "RUNNING" and main["imageDigest"].startswith("sha256:")
    binding = main["networkBindings"][0]
    assert binding["containerPort"] == 80 and binding["hostPort"] >= 32768
    for address in ("127.0.0.1", shown(machine, agent.id)["PrivateIpAddress"]):
        assert inside(machine, agent.id, "curl", "-sm", "5", f"http://{address}:{binding['hostPort']}/") == "me\n"
    listed = json.loads(inside(machine, agent.id, "curl", "-s", "http://127.0.0.1:51678/v1/tasks"))["Tasks"]
    assert [(t["Arn"], t["KnownStatus"]) for t in listed] == [(TASK + "a" * 32, "RUNNING")]
    agent.payload({"arn": TASK + "a" * 32, "desiredStatus": "STOPPED", "containers": []})
    stopped = agent.state_change("a" * 32, "STOPPED")
    assert stopped["containers"][0]["exitCode"] in (137, 143) and stopped["executionStoppedAt"] >= stopped["pullStartedAt"]


def test_exit_codes_and_failures(machine, agent):
    agent.wait(lambda m: "socket" in m, "the session")
    agent.payload(task(machine, "b" * 32, "exit 7"), task(machine, "c" * 32, "true", image="127.0.0.1:1/none:1"),
                  task(machine, "d" * 32, "true", dependsOn=[{"containerName": "x", "condition": "START"}]))
    assert agent.state_change("b" * 32, "STOPPED")["containers"][0]["exitCode"] == 7
    assert agent.state_change("c" * 32, "STOPPED")["containers"][0]["reason"].startswith("CannotPullContainerError")
    assert "dependsOn" in agent.state_change("d" * 32, "STOPPED")["reason"]
    agent.payload({"arn": TASK + "e" * 32, "desiredStatus": "STOPPED", "containers": []})
    agent.state_change("e" * 32, "STOPPED")  # one that never was here


def test_manifest_settles_what_is_not_named(machine, agent):
    agent.wait(lambda m: "socket" in m, "the session")
    agent.payload(task(machine, "f" * 32, "sleep 1000"))
    agent.state_change("f" * 32, "RUNNING")
    agent.sequence += 1
    agent.send("TaskManifestMessage", clusterArn="web", containerInstanceArn="x", messageId="manifest", timeline=agent.sequence,
               tasks=[])
    asked = agent.wait(lambda m: m.get("type") == "TaskStopVerificationMessage", "the question")["message"]
    assert [t["taskArn"] for t in asked["stopCandidates"]] == [TASK + "f" * 32]
    agent.send("TaskStopVerificationAck", messageId="manifest", stopTasks=[{"taskArn": TASK + "f" * 32}])
    agent.state_change("f" * 32, "STOPPED")


def test_restart_keeps_identity_and_tasks(machine, agent):
    agent.wait(lambda m: "socket" in m, "the session")
    agent.payload(task(machine, "0" * 32, "sleep 1000"))
    agent.state_change("0" * 32, "RUNNING")
    inside(machine, agent.id, "pkill", "-KILL", "-f", "^/usr/local/bin/berth agent")
    again = agent.wait(lambda m: m.get("operation") == "RegisterContainerInstance" and "containerInstanceArn" in m["request"],
                       "another registration")
    assert again["request"]["containerInstanceArn"].endswith("/0123456789abcdef0123456789abcdef")
    eventually(lambda: sum("socket" in m for m in agent.heard()) >= 2, what="another session")
    agent.payload({"arn": TASK + "0" * 32, "desiredStatus": "STOPPED", "containers": []})
    assert agent.state_change("0" * 32, "STOPPED")["containers"][0]["exitCode"] in (137, 143)
