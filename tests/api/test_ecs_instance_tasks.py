"""Tasks of launch type EC2, from RunTask over the agent's payload to its reports; placement seen from outside."""

import collections
import json
import pathlib
import uuid

import botocore.exceptions
import pytest

from agent_peer import Agent
from conftest import eventually
from test_agent_protocol import registration

PAGE = {"name": "page", "image": "nginx:1", "memory": 128, "cpu": 64, "portMappings": [{"containerPort": 80, "hostPort": 0}],
        "environment": [{"name": "A", "value": "1"}], "healthCheck": {"command": ["CMD", "true"]},
        "logConfiguration": {"logDriver": "json-file", "options": {"max-size": "1m"}}}


def refusal(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as failure:
        call(**arguments)
    return failure.value.response["Error"]["Code"], failure.value.response["Error"]["Message"]


@pytest.fixture(scope="module")
def ecs(server):
    return server.client("ecs")


@pytest.fixture
def cluster(ecs):
    name = f"c-{uuid.uuid4().hex[:12]}"
    ecs.create_cluster(clusterName=name)
    return name


def define(ecs, *containers, **more):
    return ecs.register_task_definition(
        family=f"f-{uuid.uuid4().hex[:8]}", requiresCompatibilities=["EC2"], containerDefinitions=list(containers) or [PAGE],
        **more)["taskDefinition"]["taskDefinitionArn"]


def of_ec2(zone="us-east-1a", cpu=1024, memory=1024, kind="t3.medium", gpus=()):
    """What the recorded agent sent, on an EC2 instance instead of a machine of one's own."""
    body = registration()
    body["attributes"] = [row for row in body["attributes"] if row["name"] not in ("ecs.capability.external",
                                                                                  "ecs.cpu-architecture")]
    body["attributes"] += [{"name": "ecs.capability.task-eni"}, {"name": "ecs.capability.container-health-check"}]
    body["attributes"] = list({row["name"]: row for row in body["attributes"]}.values())
    body["instanceIdentityDocument"] = json.dumps({
        "instanceId": f"i-{uuid.uuid4().hex[:17]}", "availabilityZone": zone, "instanceType": kind, "imageId": "ami-1",
        "architecture": "x86_64", "region": "us-east-1", "accountId": "000000000000"})
    for row in body["totalResources"]:
        if row["name"] in ("CPU", "MEMORY"):
            row["integerValue"] = cpu if row["name"] == "CPU" else memory
    body["platformDevices"] = [{"id": name, "type": "GPU"} for name in gpus]
    return body


@pytest.fixture
def agents(server, cluster):
    made = []

    def make(**more):
        agent = Agent(server, cluster, of_ec2(**more))
        agent.connect().wait("TaskManifestMessage")
        eventually(lambda: agent.described()["agentConnected"], what="the connection")
        made.append(agent)
        return agent

    yield make
    for agent in made:
        agent.close()


def remaining(agent):
    return {row["name"]: row.get("stringSetValue") if row["type"] == "STRINGSET" else row["integerValue"]
            for row in agent.described()["remainingResources"]}


def payload_of(agent, task, desired="RUNNING"):
    message = agent.acs.wait("PayloadMessage", lambda message: message["tasks"][0]["arn"] == task
                             and message["tasks"][0]["desiredStatus"] == desired)
    agent.acknowledge(message)
    return message


def run(ecs, cluster, definition, **more):
    answer = ecs.run_task(cluster=cluster, taskDefinition=definition, launchType="EC2", **more)
    return [task["taskArn"] for task in answer["tasks"]], answer["failures"]


def describe(ecs, cluster, task):
    return ecs.describe_tasks(cluster=cluster, tasks=[task])["tasks"][0]


def test_gpus_are_lent_one_by_one(ecs, cluster, agents):
    agent = agents(gpus=("GPU-1", "GPU-2"))
    assert remaining(agent)["GPU"] == ["GPU-1", "GPU-2"]
    definition = define(ecs, {"name": "learn", "image": "learn:1", "memory": 128,
                              "resourceRequirements": [{"type": "GPU", "value": "1"}]})
    [task], failures = run(ecs, cluster, definition)
    assert failures == [] and remaining(agent)["GPU"] == ["GPU-2"]
    told = payload_of(agent, task)["tasks"][0]
    assert told["associations"] == [{"name": "GPU-1", "type": "gpu", "containers": ["learn"]}]
    two = {"containerOverrides": [{"name": "learn", "resourceRequirements": [{"type": "GPU", "value": "2"}]}]}
    assert run(ecs, cluster, definition, overrides=two) == ([], [{"arn": agent.arn, "reason": "RESOURCE:GPU"}])

    agent.report(task, "RUNNING")
    ecs.stop_task(cluster=cluster, task=task)
    payload_of(agent, task, "STOPPED")
    agent.report(task, "STOPPED")
    eventually(lambda: sorted(remaining(agent)["GPU"]) == ["GPU-1", "GPU-2"], what="both GPUs")
    [task], failures = run(ecs, cluster, definition, overrides=two)
    assert failures == [] and len(payload_of(agent, task)["tasks"][0]["associations"]) == 2


@pytest.mark.parametrize("value", ["0", "-1", "a", "1.5", "1001"])
def test_a_number_of_gpus_is_a_number(ecs, value):
    code, message = refusal(ecs.register_task_definition, family="f", containerDefinitions=[
        {"name": "learn", "image": "learn:1", "memory": 128, "resourceRequirements": [{"type": "GPU", "value": value}]}])
    assert code == "ClientException" and f"'{value}'" in message and "'learn'" in message


def test_a_task_from_its_payload_to_its_end(ecs, cluster, agents):
    agent = agents()
    definition = define(ecs)
    answer = ecs.run_task(cluster=cluster, taskDefinition=definition, launchType="EC2", overrides={"containerOverrides": [
        {"name": "page", "command": ["serve"], "environment": [{"name": "B", "value": "2"}]}]})
    assert answer["failures"] == []
    task = answer["tasks"][0]
    assert task["launchType"] == "EC2" and task["containerInstanceArn"] == agent.arn
    assert task["lastStatus"] == "PENDING" and task["cpu"] == "64" and task["memory"] == "128"
    assert task["availabilityZone"] == "us-east-1a" and task["attachments"] == []
    assert remaining(agent)["CPU"] == 1024 - 64 and remaining(agent)["MEMORY"] == 1024 - 128
    arn = task["taskArn"]

    message = payload_of(agent, arn)
    assert message["clusterArn"] and message["containerInstanceArn"] == agent.arn and message["seqNum"] > 0
    told = message["tasks"][0]
    assert told["launchType"] == "EC2" and told["networkMode"] == "bridge" and told["version"] == "1"
    container = told["containers"][0]
    assert container["command"] == ["serve"]
    assert container["environment"] == {"A": "1", "B": "2", "AWS_EXECUTION_ENV": "AWS_ECS_EC2"}
    assert container["cpu"] == 64 and container["memory"] == 128 and container["essential"] is True
    assert container["portMappings"] == [{"containerPort": 80, "hostPort": 0, "protocol": "tcp"}]
    assert container["healthCheckType"] == "docker" and container["overrides"] == "{}"
    docker = json.loads(container["dockerConfig"]["config"])
    assert docker["Healthcheck"] == {"Test": ["CMD", "true"], "Interval": 30000000000, "Timeout": 5000000000, "Retries": 3}
    host = json.loads(container["dockerConfig"]["hostConfig"])
    assert host["NetworkMode"] == "bridge"
    assert host["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "1m"}}

    agent.report(arn, "PENDING", containers=[{"containerName": "page", "status": "PENDING", "imageDigest": "sha256:1"}])
    agent.report(arn, "RUNNING", pullStartedAt=1795379563.0, pullStoppedAt=1795379564.0, containers=[
        {"containerName": "page", "status": "RUNNING", "runtimeId": "abc", "networkBindings": [
            {"bindIP": "0.0.0.0", "containerPort": 80, "hostPort": 32768, "protocol": "tcp"}]}])
    shown = describe(ecs, cluster, arn)
    assert shown["lastStatus"] == "RUNNING" and shown["startedAt"] and shown["pullStartedAt"]
    assert shown["containers"][0]["imageDigest"] == "sha256:1" and shown["containers"][0]["runtimeId"] == "abc"
    assert shown["containers"][0]["networkBindings"][0]["hostPort"] == 32768
    assert agent.described()["runningTasksCount"] == 1
    assert ecs.list_tasks(cluster=cluster, containerInstance=agent.arn)["taskArns"] == [arn]
    code, message = refusal(ecs.deregister_container_instance, cluster=cluster, containerInstance=agent.arn)
    assert code == "InvalidParameterException" and message == "Found running tasks on the instance."

    agent.report(arn, "PENDING")  # late: it is acknowledged and changes nothing
    assert describe(ecs, cluster, arn)["lastStatus"] == "RUNNING"
    for _ in range(2):  # doubled
        agent.report(arn, "STOPPED", executionStoppedAt=1795379600.0, containers=[
            {"containerName": "page", "status": "STOPPED", "exitCode": 3}])
    shown = describe(ecs, cluster, arn)
    assert shown["lastStatus"] == "STOPPED" and shown["stopCode"] == "EssentialContainerExited"
    assert shown["stoppedReason"] == "Essential container in task exited"
    assert shown["containers"][0]["exitCode"] == 3
    assert remaining(agent)["CPU"] == 1024 and remaining(agent)["MEMORY"] == 1024
    agent.report(arn, "RUNNING")  # impossible: falls on the floor
    assert describe(ecs, cluster, arn)["lastStatus"] == "STOPPED"


def test_stopping_and_what_is_repeated_after_a_reconnection(ecs, cluster, agents):
    agent = agents()
    [arn], _ = run(ecs, cluster, define(ecs))
    agent.acs.wait("PayloadMessage")  # not acknowledged
    agent.connect()
    manifest = agent.acs.wait("TaskManifestMessage")
    assert [row["taskArn"] for row in manifest["tasks"]] == [arn]
    message = payload_of(agent, arn)
    agent.report(arn, "RUNNING", containers=[{"containerName": "page", "status": "RUNNING"}])
    agent.acs.message("TaskStopVerificationMessage", messageId="v", stopCandidates=[{"taskArn": arn}])
    assert agent.acs.wait("TaskStopVerificationAck")["stopTasks"] == [], "it is to run"
    ecs.stop_task(cluster=cluster, task=arn, reason="enough")
    stop = payload_of(agent, arn, "STOPPED")
    assert stop["tasks"][0]["containers"] == [] and stop["seqNum"] > message["seqNum"]
    agent.report(arn, "STOPPED", containers=[{"containerName": "page", "status": "STOPPED", "exitCode": 137}])
    shown = describe(ecs, cluster, arn)
    assert shown["stopCode"] == "UserInitiated" and shown["stoppedReason"] == "enough"


def test_a_container_that_cannot_start_says_why(ecs, cluster, agents):
    agent = agents()
    [arn], _ = run(ecs, cluster, define(ecs))
    payload_of(agent, arn)
    agent.report(arn, "STOPPED", containers=[
        {"containerName": "page", "status": "STOPPED", "reason": "CannotPullContainerError: no such image"}])
    shown = describe(ecs, cluster, arn)
    assert shown["stopCode"] == "TaskFailedToStart" and shown["stoppedReason"].startswith("CannotPullContainerError")


def placed(agents_by_arn, tasks):
    return collections.Counter(agents_by_arn[task["containerInstanceArn"]] for task in tasks)


def test_spread_and_binpack(ecs, cluster, agents):
    names = {agents(zone="us-east-1a", memory=2048).arn: "a1", agents(zone="us-east-1a", memory=1024).arn: "a2",
             agents(zone="us-east-1b", memory=1024).arn: "b"}
    definition = define(ecs, {**PAGE, "cpu": 10, "memory": 100})
    answer = ecs.run_task(cluster=cluster, taskDefinition=definition, launchType="EC2", count=6, placementStrategy=[
        {"type": "spread", "field": "attribute:ecs.availability-zone"}, {"type": "binpack", "field": "memory"}])
    assert placed(names, answer["tasks"]) == {"a2": 3, "b": 3}
    answer = ecs.run_task(cluster=cluster, taskDefinition=definition, launchType="EC2", count=3,
                          placementStrategy=[{"type": "spread", "field": "instanceId"}], group="other")
    assert placed(names, answer["tasks"]) == {"a1": 1, "a2": 1, "b": 1}
    answer = ecs.run_task(cluster=cluster, taskDefinition=definition, launchType="EC2", count=4, group="distinct",
                          placementConstraints=[{"type": "distinctInstance"}])
    assert len(answer["tasks"]) == 3
    assert {row["arn"] for row in answer["failures"]} == set(names) and len(answer["failures"]) == 3, "each says why"
    assert {row["reason"] for row in answer["failures"]} == {"DistinctInstance placement constraint unsatisfied."}
    answer = ecs.run_task(cluster=cluster, taskDefinition=definition, launchType="EC2", placementConstraints=[
        {"type": "memberOf", "expression": "attribute:ecs.availability-zone == us-east-1b"}])
    assert placed(names, answer["tasks"]) == {"b": 1}
    answer = ecs.run_task(cluster=cluster, taskDefinition=definition, launchType="EC2", placementConstraints=[
        {"type": "memberOf", "expression": "attribute:ecs.instance-type == m5.large"}])
    assert [row["reason"] for row in answer["failures"]] == 3 * ["MemberOf placement constraint unsatisfied."]
    code, message = refusal(ecs.run_task, cluster=cluster, taskDefinition=definition, launchType="EC2",
                            placementConstraints=[{"type": "memberOf", "expression": "x is"}])
    assert code == "InvalidParameterException" and "Invalid expression" in message


def test_failures_say_what_was_missing(ecs, cluster, agents):
    assert refusal(ecs.run_task, cluster=cluster, taskDefinition=define(ecs), launchType="EC2") == (
        "InvalidParameterException", "No Container Instances were found in your cluster.")
    agent = agents()

    def reason(container, **more):
        tasks, failures = run(ecs, cluster, define(ecs, {**PAGE, **container}, **more))
        assert tasks == [] and failures[0]["arn"] == agent.arn
        return failures[0]["reason"]

    assert reason({"memory": 4096}) == "RESOURCE:MEMORY"
    assert reason({"cpu": 4096}) == "RESOURCE:CPU"
    assert reason({"portMappings": [{"containerPort": 22, "hostPort": 22}]}) == "RESOURCE:PORTS"
    assert reason({"portMappings": [{"containerPort": 51678}]}, networkMode="host") == "RESOURCE:PORTS"
    fixed = define(ecs, {**PAGE, "portMappings": [{"containerPort": 80, "hostPort": 8080}]})
    tasks, failures = run(ecs, cluster, fixed, count=2)
    assert len(tasks) == 1 and failures[0]["reason"] == "RESOURCE:PORTS"
    assert "8080" in remaining(agent)["PORTS"]
    agent.acs.close()
    eventually(lambda: not agent.described()["agentConnected"], what="the end of the session")
    assert reason({}) == "AGENT"
    ecs.update_container_instances_state(cluster=cluster, containerInstances=[agent.arn], status="DRAINING")
    assert refusal(ecs.run_task, cluster=cluster, taskDefinition=fixed, launchType="EC2")[0] == "InvalidParameterException"


def test_each_instance_that_has_no_room_is_named_with_its_reason(ecs, cluster, agents):
    small, busy, deaf = agents(memory=64), agents(cpu=10), agents()
    deaf.acs.close()
    eventually(lambda: not deaf.described()["agentConnected"], what="the end of the session")
    for count in (1, 5):
        tasks, failures = run(ecs, cluster, define(ecs), count=count)
        assert tasks == [] and {row["arn"]: row["reason"] for row in failures} == {
            small.arn: "RESOURCE:MEMORY", busy.arn: "RESOURCE:CPU", deaf.arn: "AGENT"} and len(failures) == 3


def test_addresses_in_a_payload_are_those_that_the_agent_came_by(server, ecs, cluster, agents):
    """As inside an instance, where 127.0.0.1 is the instance's own and the API is at a link-local address."""
    server.client("logs").create_log_group(logGroupName=f"/{cluster}")
    agent = agents()
    definition = define(ecs, {
        **PAGE, "image": f"{server.listen}/app:1", "logConfiguration": {"logDriver": "awslogs", "options": {
            "awslogs-group": f"/{cluster}", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "p"}}}, {
        **PAGE, "name": "other", "image": f"{server.listen}/111122223333.dkr.ecr.eu-west-1/app@sha256:" + "0" * 64}, {
        **PAGE, "name": "public", "image": "docker.io/library/nginx:1"})

    def told(url):
        again = of_ec2()
        again["attributes"].append({"name": "com.amazonaws.ecs.capability.logging-driver.awslogs"})
        client = server.client("ecs", endpoint_url=url) if url else ecs
        client.register_container_instance(**{**again, "cluster": cluster, "containerInstanceArn": agent.arn})
        [arn], failures = run(ecs, cluster, definition)
        containers = payload_of(agent, arn)["tasks"][0]["containers"]
        ecs.stop_task(cluster=cluster, task=arn)
        agent.report(arn, "STOPPED")
        return containers

    app, other, public = told(None)
    assert app["image"] == f"{server.listen}/app:1" and public["image"] == "docker.io/library/nginx:1"
    assert app["registryAuthentication"]["ecrAuthData"]["endpointOverride"] == server.url
    app, other, public = told(f"http://localhost:{server.port}")
    assert app["image"] == f"localhost:{server.port}/app:1"
    assert app["registryAuthentication"] == {"type": "ecr", "ecrAuthData": {
        "registryId": "000000000000", "region": "us-east-1", "endpointOverride": f"http://localhost:{server.port}",
        "useExecutionRole": False}}
    options = json.loads(app["dockerConfig"]["hostConfig"])["LogConfig"]["Config"]
    assert options["awslogs-endpoint"] == f"http://localhost:{server.port}"
    assert other["image"].startswith(f"localhost:{server.port}/111122223333.dkr.ecr.eu-west-1/app@sha256:")
    data = other["registryAuthentication"]["ecrAuthData"]
    assert data["registryId"] == "111122223333" and data["region"] == "eu-west-1"
    assert "registryAuthentication" not in public


def test_start_task_takes_the_named_instances(ecs, cluster, agents):
    first, second = agents(), agents(memory=64)
    gone = "0" * 32
    answer = ecs.start_task(cluster=cluster, taskDefinition=define(ecs), containerInstances=[first.arn, second.arn, gone])
    assert [task["containerInstanceArn"] for task in answer["tasks"]] == [first.arn]
    assert {row["arn"]: row["reason"] for row in answer["failures"]} == {
        second.arn: "RESOURCE:MEMORY", first.arn.rsplit("/", 1)[0] + "/" + gone: "MISSING"}
    assert payload_of(first, answer["tasks"][0]["taskArn"])


def test_an_instance_that_is_deregistered_by_force_loses_its_tasks(ecs, cluster, agents):
    agent = agents()
    [arn], _ = run(ecs, cluster, define(ecs))
    ecs.deregister_container_instance(cluster=cluster, containerInstance=agent.arn, force=True)
    shown = eventually(lambda: (task := describe(ecs, cluster, arn))["lastStatus"] == "STOPPED" and task,
                       what="the end of the task")
    assert shown["stoppedReason"] == "Container instance deregistration forced by user"


def test_credentials_of_the_task_role(server, ecs, cluster, agents):
    iam = server.client("iam")
    iam.create_role(RoleName="app", AssumeRolePolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                                                "Principal": {"Service": "ecs-tasks.amazonaws.com"}}]}))
    agent = agents()
    again = of_ec2()
    again["attributes"].append({"name": "com.amazonaws.ecs.capability.task-iam-role"})
    role = "arn:aws:iam::000000000000:role/app"
    definition = define(ecs, taskRoleArn=role, executionRoleArn=role)
    ecs.register_container_instance(**{**again, "cluster": cluster, "containerInstanceArn": agent.arn})
    [arn], failures = run(ecs, cluster, definition)
    payload = payload_of(agent, arn)["tasks"][0]
    told, execution = payload["roleCredentials"], payload["executionRoleCredentials"]
    assert told["roleArn"].endswith(":role/app") and told["credentialsId"] and told["expiration"].endswith("Z")
    caller = server.client("sts", aws_access_key_id=told["accessKeyId"], aws_secret_access_key=told["secretAccessKey"],
                           aws_session_token=told["sessionToken"]).get_caller_identity()
    assert ":assumed-role/app/" in caller["Arn"]
    agent.report(arn, "RUNNING", containers=[{"containerName": "page", "status": "RUNNING"}])
    agent.connect(send_credentials="true")
    pushed = agent.acs.wait("IAMRoleCredentialsMessage")
    assert pushed["taskArn"] == arn and pushed["roleType"] == "TaskApplication"
    assert pushed["roleCredentials"]["credentialsId"] == told["credentialsId"], "containers ask for that one for ever"
    pushed = agent.acs.wait("IAMRoleCredentialsMessage")
    assert pushed["taskArn"] == arn and pushed["roleType"] == "TaskExecution"
    assert pushed["roleCredentials"]["credentialsId"] == execution["credentialsId"] != told["credentialsId"]


def managed_agent(ecs, cluster, arn):
    [agent] = describe(ecs, cluster, arn)["containers"][0]["managedAgents"]
    return agent


def test_the_original_agents_managed_agent_and_that_nobody_reaches_it(server, ecs, cluster, agents):
    """The amazon-ecs-agent's SSM agent is connected to Systems Manager, not to us."""
    iam = server.client("iam")
    iam.create_role(RoleName="exec", AssumeRolePolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                                                "Principal": {"Service": "ecs-tasks.amazonaws.com"}}]}))
    iam.put_role_policy(RoleName="exec", PolicyName="exec", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ssmmessages:*", "Resource": "*"}]}))
    agent = agents()
    registration = of_ec2()
    registration["attributes"].append({"name": "com.amazonaws.ecs.capability.task-iam-role"})
    ecs.register_container_instance(**{**registration, "cluster": cluster, "containerInstanceArn": agent.arn})
    definition = define(ecs, taskRoleArn="arn:aws:iam::000000000000:role/exec")
    lacks = [{"arn": agent.arn, "reason": "ATTRIBUTE"}]
    assert run(ecs, cluster, definition, enableExecuteCommand=True) == ([], lacks), "an agent without the SSM agent"
    named = ecs.start_task(cluster=cluster, taskDefinition=definition, containerInstances=[agent.arn], enableExecuteCommand=True)
    assert named["tasks"] == [] and named["failures"] == lacks
    [_], failures = run(ecs, cluster, definition)
    assert failures == [], "only ECS Exec asks for it"
    registration["attributes"].append({"name": "ecs.capability.execute-command"})
    ecs.register_container_instance(**{**registration, "cluster": cluster, "containerInstanceArn": agent.arn})
    [arn], failures = run(ecs, cluster, definition, enableExecuteCommand=True)
    assert failures == []
    told = payload_of(agent, arn)["tasks"][0]
    assert told["containers"][0]["managedAgents"] == [{"name": "ExecuteCommandAgent"}]
    command = {"cluster": cluster, "task": arn, "command": "sh", "interactive": True}

    agent.report(arn, "RUNNING", containers=[{"containerName": "page", "status": "RUNNING"}])
    assert managed_agent(ecs, cluster, arn)["lastStatus"] == "PENDING", "it is the agent that says when it has come"
    code, message = refusal(ecs.execute_command, **command)
    assert code == "InvalidParameterException" and "isn’t running" in message
    for status in ("NONSENSE", "RUNNING"):
        agent.report(arn, "RUNNING", managedAgents=[
            {"containerName": "page", "managedAgentName": "ExecuteCommandAgent", "status": status},
            {"containerName": "nosuch", "managedAgentName": "ExecuteCommandAgent", "status": "RUNNING"}])
        assert managed_agent(ecs, cluster, arn)["lastStatus"] == ("RUNNING" if status == "RUNNING" else "PENDING")
    assert managed_agent(ecs, cluster, arn)["lastStartedAt"]
    assert refusal(ecs.execute_command, **command) == (
        "TargetNotConnectedException", "The execute command failed due to an internal error. Try again later.")
    agent.report(arn, "RUNNING", managedAgents=[
        {"containerName": "page", "managedAgentName": "ExecuteCommandAgent", "status": "STOPPED", "reason": "it ended"}])
    assert managed_agent(ecs, cluster, arn)["reason"] == "it ended"
    assert refusal(ecs.execute_command, **command)[0] == "InvalidParameterException"
    agent.report(arn, "STOPPED", containers=[{"containerName": "page", "status": "STOPPED", "exitCode": 0}])
    assert managed_agent(ecs, cluster, arn)["lastStatus"] == "STOPPED"


def recorded_reports():
    """The reports that the original agent made of each of its tasks, in their order."""
    path = pathlib.Path(__file__).parent / "agent_traffic" / "reports.jsonl"
    of = collections.defaultdict(list)
    for line in path.read_text().splitlines():
        line = json.loads(line)
        if line["kind"] == "http":
            of[line["body"]["task"]].append(line["body"])
    return list(of.values())


def test_the_recorded_reports_end_where_the_original_tasks_ended(ecs, cluster, agents):
    agent = agents(cpu=65536, memory=65536)
    ends = collections.Counter()
    for reports in recorded_reports():
        names = list(dict.fromkeys(row["containerName"] for report in reports for row in report.get("containers", [])))
        definition = define(ecs, *[{"name": name, "image": "a", "memory": 16, "essential": name == (names or ["c"])[-1]}
                                   for name in names or ["c"]])
        [arn], failures = run(ecs, cluster, definition)
        exits = {}
        for report in reports:
            report = {**report, "cluster": cluster, "task": arn}
            report.pop("attachments", None)
            ecs.submit_task_state_change(**report)
            exits.update({row["containerName"]: row["exitCode"] for row in report.get("containers", [])
                          if "exitCode" in row})
        shown = describe(ecs, cluster, arn)
        last = [report["status"] for report in reports if report.get("status")][-1]
        assert shown["lastStatus"] == last
        assert {row["name"]: row["exitCode"] for row in shown["containers"] if "exitCode" in row} == exits
        if last == "STOPPED":
            said = reports[-1].get("reason")
            ran = exits or any(report.get("status") == "RUNNING" for report in reports)
            assert shown["stopCode"] == ("EssentialContainerExited" if ran else "TaskFailedToStart")
            assert not said or shown["stoppedReason"] == said
        ends[last] += 1
    assert ends["STOPPED"] >= 12 and ends["RUNNING"] >= 3


def test_the_recorded_health_becomes_the_tasks(ecs, cluster, agents):
    agent = agents()
    [arn], _ = run(ecs, cluster, define(ecs))
    agent.report(arn, "RUNNING", containers=[{"containerName": "page", "status": "RUNNING"}])
    agent.connect_telemetry()
    path = pathlib.Path(__file__).parent / "agent_traffic" / "reports.jsonl"
    answers = {"PublishHealthRequest": "AckPublishHealth", "PublishMetricsRequest": "AckPublishMetric"}
    sent = 0
    for line in map(json.loads, path.read_text().splitlines()):
        if line["kind"] != "ws-recv" or line["msg"]["type"] not in answers:
            continue
        for task in line["msg"]["message"].get("tasks", []):
            task["taskArn"] = arn
            for container in task["containers"]:
                container["containerName"] = "page"
                last = container["healthStatus"]
        agent.tcs.telemetry(json.dumps(line["msg"]))
        agent.tcs.wait(answers[line["msg"]["type"]])  # not a heartbeat
        sent += 1
    assert sent >= 5
    shown = describe(ecs, cluster, arn)
    assert shown["containers"][0]["healthStatus"] == last and shown["healthStatus"] == last


def test_containers_that_older_agents_report_by_themselves(ecs, cluster, agents):
    agent = agents()
    [arn], _ = run(ecs, cluster, define(ecs))
    binding = {"bindIP": "0.0.0.0", "containerPort": 80, "hostPort": 32801, "protocol": "tcp"}

    def say(status, **more):
        answer = agent.ecs.submit_container_state_change(cluster=cluster, task=arn, containerName="page", status=status, **more)
        assert answer["acknowledgment"]
        return describe(ecs, cluster, arn)["containers"][0]
    shown = say("RUNNING", runtimeId="f" * 64, networkBindings=[binding])
    assert shown["lastStatus"] == "RUNNING" and shown["runtimeId"] == "f" * 64 and shown["networkBindings"] == [binding]
    agent.report(arn, "RUNNING")
    assert describe(ecs, cluster, arn)["lastStatus"] == "RUNNING"
    shown = say("STOPPED", exitCode=3, reason="OutOfMemoryError: Container killed due to memory usage")
    assert shown["lastStatus"] == "STOPPED" and shown["exitCode"] == 3 and shown["reason"].startswith("OutOfMemoryError: ")
    assert say("RUNNING")["lastStatus"] == "STOPPED", "said late, it does not come back"
    agent.report(arn, "STOPPED")
    task = describe(ecs, cluster, arn)
    assert task["stopCode"] == "EssentialContainerExited" and task["containers"][0]["exitCode"] == 3
    assert say("STOPPED", exitCode=9)["exitCode"] == 3, "after the end nothing changes"
    assert refusal(agent.ecs.submit_container_state_change, cluster=cluster, task=arn, containerName="page", status="LOST")[1] == \
        "status 'LOST' is not one of [PENDING, RUNNING, STOPPED]."


@pytest.mark.parametrize("said, code, reason", [
    ({"reason": "CannotPullContainerError: no such image"}, "TaskFailedToStart", "CannotPullContainerError: no such image"),
    ({"exitCode": 1}, "EssentialContainerExited", "Essential container in task exited")])
def test_why_a_task_ended_of_which_only_its_container_was_reported(ecs, cluster, agents, said, code, reason):
    agent = agents()
    [arn], _ = run(ecs, cluster, define(ecs))
    agent.ecs.submit_container_state_change(cluster=cluster, task=arn, containerName="page", status="STOPPED", **said)
    agent.report(arn, "STOPPED")
    task = describe(ecs, cluster, arn)
    assert (task["stopCode"], task["stoppedReason"]) == (code, reason)
