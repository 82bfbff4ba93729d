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

    def wait(self, check, what, seconds=60):
        return eventually(lambda: next((message for message in self.heard() if check(message)), None), seconds, what)

    def send(self, type, **message):
        run("nsenter", "-t", first_process(self.machine, self.id), "-a", "curl", "-sf", "-d", "@-", "http://127.0.0.1:8000/send",
            input=json.dumps({"type": type, "message": message}))

    def kill(self):
        """Its process, and waits for the session of the next."""
        sessions = sum("socket" in m for m in self.heard())
        inside(self.machine, self.id, "pkill", "-KILL", "-f", "^/usr/local/bin/berth agent")
        eventually(lambda: sum("socket" in m for m in self.heard()) > sessions, what="another session")

    def refuse(self, *operations):
        inside(self.machine, self.id, "curl", "-sf", "-d", json.dumps(operations), "http://127.0.0.1:8000/refuse")

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
    for type in ("OfALaterVersion", "AttachInstanceNetworkInterfacesMessage", "ConfirmAttachmentMessage", "CloseMessage",
                 "PayloadMessage", "TaskManifestMessage", "TaskStopVerificationAck", "IAMRoleCredentialsMessage",
                 "AttachTaskNetworkInterfacesMessage"):  # unknown, of no capability, or with nothing in it
        agent.send(type, tasks="none", stopTasks=7, elasticNetworkInterfaces={})
    agent.send("HeartbeatMessage", messageId="beat again", healthy=True)
    agent.wait(lambda m: m.get("type") == "HeartbeatAckRequest" and m["message"]["messageId"] == "beat again", "the session as before")
    assert sum("socket" in m for m in agent.heard()) == 1
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
    assert served(machine, agent, "a" * 32, "index.html") == "me\n"
    address = shown(machine, agent.id)["PrivateIpAddress"]
    assert inside(machine, agent.id, "curl", "-sm", "20", f"http://{address}:{binding['hostPort']}/") == "me\n"
    # Said again, in other words, or in words that would be refused: it is known, and goes on as it is.
    agent.payload({"arn": TASK + "a" * 32, "desiredStatus": "RUNNING", "containers": []})
    id = agent.payload(task(machine, "a" * 32, "exit 1"))
    agent.wait(lambda m: m.get("type") == "AckRequest" and m["message"]["messageId"] == id, "the ack")
    listed = json.loads(inside(machine, agent.id, "curl", "-s", "http://127.0.0.1:51678/v1/tasks"))["Tasks"]
    assert [(t["Arn"], t["KnownStatus"]) for t in listed] == [(TASK + "a" * 32, "RUNNING")]
    assert inside(machine, agent.id, "curl", "-sm", "20", f"http://127.0.0.1:{binding['hostPort']}/") == "me\n"
    agent.payload({"arn": TASK + "a" * 32, "desiredStatus": "STOPPED", "containers": []})
    stopped = agent.state_change("a" * 32, "STOPPED")
    assert stopped["containers"][0]["exitCode"] in (137, 143) and stopped["executionStoppedAt"] >= stopped["pullStartedAt"]


def test_exit_codes_and_failures(machine, agent):
    agent.wait(lambda m: "socket" in m, "the session")
    agent.payload(task(machine, "b" * 32, "exit 7"), task(machine, "c" * 32, "true", image="127.0.0.1:1/none:1"),
                  task(machine, "d" * 32, "true", dependsOn=[{"containerName": "x", "condition": "START"}]),
                  task(machine, "1" * 32, "true", firelensConfiguration={"type": "fluentd"}))
    assert agent.state_change("b" * 32, "STOPPED")["containers"][0]["exitCode"] == 7
    assert agent.state_change("c" * 32, "STOPPED")["containers"][0]["reason"].startswith("CannotPullContainerError")
    assert agent.state_change("d" * 32, "STOPPED")["reason"].startswith("Task dependencies cannot be resolved, taskArn: ")
    assert "does not do FireLens" in agent.state_change("1" * 32, "STOPPED")["reason"]
    agent.payload({"arn": TASK + "e" * 32, "desiredStatus": "STOPPED", "containers": []})
    agent.state_change("e" * 32, "STOPPED")  # one that never was here


def test_what_was_said_before_its_end_was_heard_starts_nothing_again(machine, agent):
    agent.wait(lambda m: "socket" in m, "the session")
    known = lambda: inside(machine, agent.id, "curl", "-s", "http://127.0.0.1:51678/v1/tasks")
    agent.payload(task(machine, "e6" * 16, "exit 5"))
    agent.state_change("e6" * 16, "STOPPED")
    eventually(lambda: "e6" * 16 not in known(), what="the end")
    agent.payload(task(machine, "e6" * 16, "exit 5"))
    after = agent.payload(task(machine, "e7" * 16, "sleep 1000"))
    agent.wait(lambda m: m.get("type") == "AckRequest" and m["message"]["messageId"] == after, "the ack")
    assert "e6" * 16 not in known() and "e7" * 16 in known()
    stop(agent, "e7" * 16)


def test_what_is_not_on_the_disk_is_not_acknowledged(machine, agent):
    """Until its end is taken the server sends it again, also to the next process: nothing here remembers it."""
    agent.wait(lambda m: "socket" in m, "the session")
    unknown = {"desiredStatus": "STOPPED", "containers": []}
    refused = agent.payload(task(machine, "e2" * 16, "sleep 1000"), task(machine, "e3" * 16, "true", firelensConfiguration={}))
    never_came = agent.payload({**unknown, "arn": TASK + "e4" * 16})
    known = agent.payload({**unknown, "arn": TASK + "e2" * 16})
    agent.wait(lambda m: m.get("type") == "AckRequest" and m["message"]["messageId"] == known, "the ack")
    acknowledged = [m["message"]["messageId"] for m in agent.heard() if m.get("type") == "AckRequest"]
    assert refused not in acknowledged and never_came not in acknowledged
    for id in ("e2" * 16, "e3" * 16, "e4" * 16):
        agent.state_change(id, "STOPPED")


SERVE = "exec /bin/httpd -f -p 80 -h /www"
PORTS = [{"containerPort": 80, "hostPort": 0, "protocol": "tcp"}]
OWN = "http://169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"


def role(number):
    return {"credentialsId": f"00000000-0000-4000-8000-{number:012}", "roleArn": "arn:aws:iam::000000000000:role/web",
            "accessKeyId": f"ASIA{number}", "secretAccessKey": "secret", "sessionToken": "token",
            "expiration": "2099-01-01T00:00:00Z"}


def execution_role(machine, name, policy):
    """Credentials of a user, which serve as well as a role's."""
    iam = machine.client("iam")
    iam.create_user(UserName=name)
    iam.attach_user_policy(UserName=name, PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {**role(0), "accessKeyId": key["AccessKeyId"], "secretAccessKey": key["SecretAccessKey"], "sessionToken": ""}


def served(machine, agent, id, name, container=0):
    """What the page of that name says that a container serves at its host port."""
    port = agent.state_change(id, "RUNNING")["containers"][container]["networkBindings"][0]["hostPort"]

    def read():
        try:
            return inside(machine, agent.id, "curl", "-sfm", "5", f"http://127.0.0.1:{port}/{name}")
        except subprocess.CalledProcessError:
            return None
    return eventually(read, what=f"{name} of {id}")


def stop(agent, *ids):
    agent.payload(*[{"arn": TASK + id, "desiredStatus": "STOPPED", "containers": []} for id in ids])
    return [agent.state_change(id, "STOPPED") for id in ids]


def both(machine, id, first, second):
    """A task of two containers: what the first writes to /data is the second's, too."""
    wish = task(machine, id, **first)
    wish["volumes"] = [{"name": "data", "type": "host", "host": {"sourcePath": ""}}]
    wish["containers"][0].update(name="first", mountPoints=[{"sourceVolume": "data", "containerPath": "/data"}])
    wish["containers"].append({**task(machine, id, **second)["containers"][0],
                               "mountPoints": [{"sourceVolume": "data", "containerPath": "/data"}]})
    return wish


def test_task_role_and_metadata(machine, agent):
    agent.wait(lambda m: "socket" in m, "the session")
    script = (f"(while :; do wget -qO /www/new {OWN} && mv /www/new /www/role; sleep 0.2; done) & "
              f"wget -qO /www/task $ECS_CONTAINER_METADATA_URI_V4/task; env > /www/env; {SERVE}")
    agent.payload({**task(machine, "2" * 32, script, portMappings=PORTS), "roleCredentials": role(1)})
    assert json.loads(served(machine, agent, "2" * 32, "role")) == {
        "RoleArn": "arn:aws:iam::000000000000:role/web", "AccessKeyId": "ASIA1", "SecretAccessKey": "secret",
        "Token": "token", "Expiration": "2099-01-01T00:00:00Z"}
    shows = json.loads(served(machine, agent, "2" * 32, "task"))
    assert shows["TaskARN"] == TASK + "2" * 32 and shows["Family"] == "f" and shows["Containers"][0]["Name"] == "main"
    assert shows["Containers"][0]["Networks"][0]["NetworkMode"] == "bridge"
    # those of a task that is not here are nobody's; newer ones under the same id reach the container
    agent.send("IAMRoleCredentialsMessage", messageId="nobody's", taskArn=TASK + "9e" * 16, taskClusterArn="web",
               roleType="TaskApplication", roleCredentials=role(9))
    agent.send("IAMRoleCredentialsMessage", messageId="renewal", taskArn=TASK + "2" * 32, taskClusterArn="web",
               roleType="TaskApplication", roleCredentials={**role(1), "accessKeyId": "ASIA2"})
    ack = agent.wait(lambda m: m.get("type") == "IAMRoleCredentialsAckRequest" and m["message"]["messageId"] == "renewal",
                     "the ack")["message"]
    assert ack["credentialsId"] == role(1)["credentialsId"] and ack["expiration"] == "2099-01-01T00:00:00Z"
    eventually(lambda: json.loads(served(machine, agent, "2" * 32, "role"))["AccessKeyId"] == "ASIA2", what="the new ones")
    assert not any(m.get("type") == "IAMRoleCredentialsAckRequest" and m["message"]["messageId"] == "nobody's" for m in agent.heard())
    # no other task is given them
    path = next(line.split("=", 1)[1] for line in served(machine, agent, "2" * 32, "env").splitlines()
                if line.startswith("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI="))
    thief = f"wget -qO /www/taken http://169.254.170.2{path} || echo refused > /www/taken; {SERVE}"
    agent.payload(task(machine, "3" * 32, thief, portMappings=PORTS))
    assert served(machine, agent, "3" * 32, "taken") == "refused\n"
    stop(agent, "2" * 32, "3" * 32)


def test_depends_on(machine, agent):
    agent.wait(lambda m: "socket" in m, "the session")
    agent.payload(
        both(machine, "4" * 32, {"script": "sleep 1; echo made > /data/file", "essential": False},
             {"script": f"cat /data/file > /www/file; {SERVE}", "portMappings": PORTS,
              "dependsOn": [{"containerName": "first", "condition": "SUCCESS"}]}),
        both(machine, "5" * 32, {"script": "exit 3", "essential": False},
             {"script": SERVE, "dependsOn": [{"containerName": "first", "condition": "SUCCESS"}]}))
    assert served(machine, agent, "4" * 32, "file", container=1) == "made\n"
    first = agent.state_change("4" * 32, "RUNNING")["containers"][0]
    assert first["status"] == "STOPPED" and first["exitCode"] == 0
    assert "first did not reach condition SUCCESS" in agent.state_change("5" * 32, "STOPPED")["reason"]
    stop(agent, "4" * 32)


def test_a_restart_policy(machine, agent):
    agent.wait(lambda m: "socket" in m, "the session")
    script = "echo life >> /data/lives; sleep 1.5; exit 1"
    wish = task(machine, "6" * 32, script, restartPolicy={"enabled": True, "restartAttemptPeriod": 1},
                mountPoints=[{"sourceVolume": "data", "containerPath": "/data"}])
    agent.payload({**wish, "volumes": [{"name": "data", "type": "host", "host": {"sourcePath": "/opt/lives"}}]})
    agent.state_change("6" * 32, "RUNNING")
    eventually(lambda: inside(machine, agent.id, "sh", "-c", "cat /opt/lives/lives || true").count("life") >= 2, what="another life")
    stop(agent, "6" * 32)


def test_restarts_are_published_once(machine, agent):
    """Also when the agent itself is started again, and remembers all of them."""
    agent.wait(lambda m: "socket" in m, "the session")
    wish = task(machine, "6a" * 16, "echo life >> /data/lives; sleep 1.2; exit 1", restartPolicy={"enabled": True, "restartAttemptPeriod": 1},
                mountPoints=[{"sourceVolume": "data", "containerPath": "/data"}])
    agent.payload({**wish, "volumes": [{"name": "data", "type": "host", "host": {"sourcePath": "/opt/counted"}}]})

    def published():
        return sum(container["restartStatsSet"]["restartCount"] for m in agent.heard()
                   if m.get("telemetry", {}).get("type") == "PublishMetricsRequest"
                   for t in m["telemetry"]["message"]["taskMetrics"] if t["taskArn"] == TASK + "6a" * 16
                   for container in t["containerMetrics"])
    try:
        before = eventually(lambda: published() >= 3 and published(), 180, "restarts")
        agent.kill()
        eventually(lambda: published() > before, 180, "more of them")
        assert published() <= inside(machine, agent.id, "cat", "/opt/counted/lives").count("life")
    finally:
        stop(agent, "6a" * 16)


def test_secrets(machine, agent):
    agent.wait(lambda m: "socket" in m, "the session")
    machine.client("ssm").put_parameter(Name="/app/one", Value="of ssm", Type="SecureString")
    secret = machine.client("secretsmanager").create_secret(Name="two", SecretString='{"key": "of asm"}')["ARN"]
    execution = execution_role(machine, "reader", "AdministratorAccess")
    common = {"type": "ENVIRONMENT_VARIABLE", "target": "CONTAINER", "region": "us-east-1"}
    wish = task(machine, "7" * 32, f"env > /www/env; {SERVE}", portMappings=PORTS, secrets=[
        {**common, "name": "ONE", "valueFrom": "/app/one", "provider": "ssm"},
        {**common, "name": "TWO", "valueFrom": secret + ":key::", "provider": "asm"}])
    agent.payload({**wish, "executionRoleCredentials": execution},
                  task(machine, "8" * 32, "true", secrets=[{**common, "name": "X", "valueFrom": "/none", "provider": "ssm"}]))
    lines = served(machine, agent, "7" * 32, "env").splitlines()
    assert "ONE=of ssm" in lines and "TWO=of asm" in lines
    assert agent.state_change("8" * 32, "STOPPED")["reason"].startswith(
        "ResourceInitializationError: fetching secret data from SSM Parameter Store in us-east-1: ")
    stop(agent, "7" * 32)


def test_awslogs(machine, agent):
    agent.wait(lambda m: "socket" in m, "the session")
    machine.client("logs").create_log_group(logGroupName="of-instances")
    execution = execution_role(machine, "writer", "service-role/AmazonECSTaskExecutionRolePolicy")
    log = {"Type": "awslogs", "Config": {"awslogs-group": "of-instances", "awslogs-region": "us-east-1",
                                         "awslogs-stream": f"web/main/{'9' * 32}", "awslogs-endpoint": "http://127.0.0.1:8000"}}
    agent.payload({**task(machine, "9" * 32, "echo spoken", logsAuthStrategy="ExecutionRole",
                          dockerConfig={"hostConfig": json.dumps({"LogConfig": log})}),
                   "executionRoleCredentials": execution})
    agent.state_change("9" * 32, "STOPPED")
    def lines():
        events = machine.client("logs").get_log_events(logGroupName="of-instances", logStreamName=f"web/main/{'9' * 32}",
                                                       startFromHead=True)["events"]
        return [event["message"] for event in events]
    eventually(lambda: lines() == ["spoken"], what="the line")


def test_links_and_extra_hosts(machine, agent):
    agent.wait(lambda m: "socket" in m, "the session")
    wish = both(machine, "a1" * 16, {"script": f"echo linked > /www/page; {SERVE}"},
                {"script": f"until wget -qO /www/page http://other/page; do sleep 0.1; done; cat /etc/hosts > /www/hosts; {SERVE}", "links": ["first:other"],
                 "portMappings": PORTS, "dockerConfig": {"hostConfig": json.dumps({"ExtraHosts": ["far:192.0.2.7"]})}})
    agent.payload(wish)
    assert served(machine, agent, "a1" * 16, "page", container=1) == "linked\n"
    assert "192.0.2.7\tfar\n" in served(machine, agent, "a1" * 16, "hosts", container=1)
    stop(agent, "a1" * 16)


def test_docker_volumes(machine, agent):
    agent.wait(lambda m: "socket" in m, "the session")

    def using(id, script, **volume):
        wish = task(machine, id, script, mountPoints=[{"sourceVolume": "kept", "containerPath": "/www"}])
        wish["volumes"] = [{"name": "kept", "type": "docker", "dockerVolumeConfiguration": {
            "scope": "shared", "autoprovision": False, "driver": "local", **volume}}]
        return wish

    agent.payload(using("b1" * 16, "true"), using("b2" * 16, "true", driver="rexray/ebs"))
    assert "no such volume" in agent.state_change("b1" * 16, "STOPPED")["containers"][0]["reason"]
    assert "rexray/ebs" in agent.state_change("b2" * 16, "STOPPED")["containers"][0]["reason"]
    agent.payload(using("b3" * 16, "cat /www/index.html > /www/copy", autoprovision=True))  # filled from the image
    agent.state_change("b3" * 16, "STOPPED")
    agent.payload(using("b4" * 16, "test \"$(cat /www/copy)\" = hello"))
    assert agent.state_change("b4" * 16, "STOPPED")["containers"][0]["exitCode"] == 0


def test_namespaces_of_the_instance(machine, agent):
    agent.wait(lambda m: "socket" in m, "the session")
    wish = task(machine, "c1" * 16, "test -e /proc/$PPID/exe; ls -d /proc/[0-9]* | cat > /data/seen",
                mountPoints=[{"sourceVolume": "data", "containerPath": "/data"}])
    agent.payload({**wish, "pidMode": "host", "networkMode": "host",
                   "volumes": [{"name": "data", "type": "host", "host": {"sourcePath": "/opt/seen"}}]})
    assert agent.state_change("c1" * 16, "STOPPED")["containers"][0]["exitCode"] == 0
    assert len(inside(machine, agent.id, "cat", "/opt/seen/seen").split()) > 5


def test_health_and_telemetry(machine, agent):
    agent.wait(lambda m: "socket" in m, "the session")
    assert "containerInstance=arn" in agent.wait(lambda m: "telemetry socket" in m, "telemetry")["telemetry socket"]
    check = {"Test": ["CMD-SHELL", "test -e /www/well"], "Interval": 10 ** 9, "Timeout": 10 ** 9, "Retries": 1}
    wish = both(machine, "d1" * 16, {"script": f"sleep 2; touch /www/well; {SERVE}", "healthCheckType": "docker",
                                     "dockerConfig": {"config": json.dumps({"Healthcheck": check})}, "essential": False},
                {"script": f"{SERVE}", "dependsOn": [{"containerName": "first", "condition": "HEALTHY"}]})
    agent.payload(wish)
    agent.state_change("d1" * 16, "RUNNING")

    def health(status):
        return lambda m: m.get("telemetry", {}).get("type") == "PublishHealthRequest" and any(
            (t["taskArn"], c["containerName"], c["healthStatus"]) == (TASK + "d1" * 16, "first", status)
            for t in m["telemetry"]["message"]["tasks"] for c in t["containers"])

    assert "AWS4-HMAC-SHA256" in agent.wait(health("HEALTHY"), "its health")["signed"]
    metrics = agent.wait(lambda m: m.get("telemetry", {}).get("type") == "PublishMetricsRequest" and any(
        t["taskArn"] == TASK + "d1" * 16 for t in m["telemetry"]["message"]["taskMetrics"]), "metrics")["telemetry"]["message"]
    assert metrics["metadata"]["fin"] and not metrics["metadata"]["idle"]
    container = next(t for t in metrics["taskMetrics"] if t["taskArn"] == TASK + "d1" * 16)["containerMetrics"][0]
    assert container["cpuStatsSet"]["sampleCount"] >= 1 and container["memoryStatsSet"]["max"] < 64
    status = agent.wait(lambda m: m.get("telemetry", {}).get("type") == "PublishInstanceStatusRequest", "status")
    assert status["telemetry"]["message"]["statuses"][0]["status"] == "OK"
    stop(agent, "d1" * 16)


def test_manifest_settles_what_is_not_named(machine, agent):
    agent.wait(lambda m: "socket" in m, "the session")
    agent.payload(task(machine, "f" * 32, "sleep 1000"))
    agent.state_change("f" * 32, "RUNNING")
    agent.sequence += 1
    agent.send("TaskManifestMessage", clusterArn="web", containerInstanceArn="x", messageId="manifest", timeline=agent.sequence,
               tasks=[])
    asked = agent.wait(lambda m: m.get("type") == "TaskStopVerificationMessage", "the question")["message"]
    assert [t["taskArn"] for t in asked["stopCandidates"]] == [TASK + "f" * 32]
    # An answer to another manifest stops nothing, an older manifest asks for nothing.
    agent.send("TaskStopVerificationAck", messageId="another", stopTasks=[{"taskArn": TASK + "f" * 32}])
    agent.send("TaskManifestMessage", clusterArn="web", containerInstanceArn="x", messageId="old", timeline=agent.sequence, tasks=[])
    agent.send("HeartbeatMessage", messageId="after the old one", healthy=True)
    agent.wait(lambda m: m.get("type") == "HeartbeatAckRequest" and m["message"]["messageId"] == "after the old one", "the answer")
    assert sum(m.get("type") == "TaskStopVerificationMessage" for m in agent.heard()) == 1
    [known] = [t for t in json.loads(inside(machine, agent.id, "curl", "-s", "http://127.0.0.1:51678/v1/tasks"))["Tasks"]
               if t["Arn"] == TASK + "f" * 32]
    assert known["DesiredStatus"] == "RUNNING"
    agent.send("TaskStopVerificationAck", messageId="manifest", stopTasks=[{"taskArn": TASK + "f" * 32}])
    agent.state_change("f" * 32, "STOPPED")


def test_a_second_process_disturbs_nothing(machine, agent):
    agent.wait(lambda m: "socket" in m, "the session")
    agent.payload(task(machine, "f1" * 16, SERVE, portMappings=PORTS))
    assert served(machine, agent, "f1" * 16, "index.html") == "hello\n"
    registrations = sum(m.get("operation") == "RegisterContainerInstance" for m in agent.heard())
    with pytest.raises(subprocess.CalledProcessError) as failure:
        inside(machine, agent.id, "env", "ECS_CLUSTER=web", "ECS_BACKEND_HOST=http://127.0.0.1:8000", "/usr/local/bin/berth", "agent")
    assert failure.value.returncode == 1 and "/var/lib/berth/agent" in failure.value.stderr
    assert served(machine, agent, "f1" * 16, "index.html") == "hello\n"
    assert sum(m.get("operation") == "RegisterContainerInstance" for m in agent.heard()) == registrations
    stop(agent, "f1" * 16)


def test_restart_keeps_identity_and_tasks(machine, agent):
    agent.wait(lambda m: "socket" in m, "the session")
    ports = [{"containerPort": 80, "hostPort": 0, "protocol": "tcp"}]
    agent.payload(task(machine, "0" * 32, "sleep 1000", portMappings=ports))
    taken = agent.state_change("0" * 32, "RUNNING")["containers"][0]["networkBindings"][0]["hostPort"]
    agent.kill()
    again = agent.wait(lambda m: m.get("operation") == "RegisterContainerInstance" and "containerInstanceArn" in m["request"],
                       "another registration")
    assert again["request"]["containerInstanceArn"].endswith("/0123456789abcdef0123456789abcdef")
    agent.payload(task(machine, "01" * 16, "sleep 1000", portMappings=ports))
    chosen = agent.state_change("01" * 16, "RUNNING")["containers"][0]["networkBindings"][0]["hostPort"]
    assert chosen != taken
    agent.payload({"arn": TASK + "0" * 32, "desiredStatus": "STOPPED", "containers": []})
    assert agent.state_change("0" * 32, "STOPPED")["containers"][0]["exitCode"] in (137, 143)


def test_what_has_ended_does_not_run_again(machine, agent):
    """An agent that is killed while the last lines of a task still wait for the server."""
    agent.wait(lambda m: "socket" in m, "the session")
    machine.client("logs").create_log_group(logGroupName="of-ended-tasks")
    log = {"Type": "awslogs", "Config": {"awslogs-group": "of-ended-tasks", "awslogs-region": "us-east-1",
                                         "awslogs-stream": "s", "awslogs-endpoint": "http://127.0.0.1:8000"}}
    wish = task(machine, "e5" * 16, "echo life >> /data/lives; echo spoken; exit 5",
                mountPoints=[{"sourceVolume": "data", "containerPath": "/data"}], logsAuthStrategy="ExecutionRole",
                dockerConfig={"hostConfig": json.dumps({"LogConfig": log})})
    agent.refuse("PutLogEvents")
    agent.payload({**wish, "volumes": [{"name": "data", "type": "host", "host": {"sourcePath": "/opt/ended"}}],
                   "executionRoleCredentials": execution_role(machine, "late-writer", "service-role/AmazonECSTaskExecutionRolePolicy")})

    def known():
        listed = json.loads(inside(machine, agent.id, "curl", "-s", "http://127.0.0.1:51678/v1/tasks"))["Tasks"]
        return [t["KnownStatus"] for t in listed if t["Arn"] == TASK + "e5" * 16]
    eventually(lambda: known() == ["STOPPED"] and "e5" * 16 not in inside(  # ls fails where something goes meanwhile
        machine, agent.id, "sh", "-c", "ls -R /var/lib/berth/agent/runtime || true"), what="the end of the container")
    agent.kill()
    agent.refuse()
    stopped = agent.state_change("e5" * 16, "STOPPED")
    assert stopped["containers"][0]["exitCode"] == 5 and "reason" not in stopped
    assert inside(machine, agent.id, "cat", "/opt/ended/lives") == "life\n"
    events = machine.client("logs").get_log_events(logGroupName="of-ended-tasks", logStreamName="s", startFromHead=True)["events"]
    assert [event["message"] for event in events] == ["spoken"]


def test_an_end_that_nobody_heard_is_said_by_the_next_process(machine, agent):
    agent.wait(lambda m: "socket" in m, "the session")
    agent.refuse("SubmitTaskStateChange")
    agent.payload(task(machine, "e1" * 16, "exit 5"))
    agent.state_change("e1" * 16, "STOPPED")
    registrations = sum(m.get("operation") == "RegisterContainerInstance" for m in agent.heard())
    agent.kill()
    agent.refuse()

    def said_again():
        heard = agent.heard()
        starts = [i for i, m in enumerate(heard) if m.get("operation") == "RegisterContainerInstance"]
        return len(starts) > registrations and any(
            m.get("operation") == "SubmitTaskStateChange" and m["request"]["task"] == TASK + "e1" * 16 and
            m["request"]["containers"][0].get("exitCode") == 5 for m in heard[starts[-1]:])
    eventually(said_again, what="the end, again")
    eventually(lambda: inside(machine, agent.id, "ls", "/var/lib/berth/agent/reports") == "", what="the end of its file")
