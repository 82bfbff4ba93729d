"""Machines of one's own (ECS Anywhere): activations, registration with id and code, the role's credentials, and container
instances of the launch type EXTERNAL."""

import datetime
import json
import subprocess
import urllib.error
import urllib.request
import uuid

import botocore.exceptions
import pytest

from agent_peer import Agent
from conftest import BERTH, CLEAN, Server, eventually
from own_network import own_network
from test_agent_protocol import registration

TRUST = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}]}


def refusal(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as failure:
        call(**arguments)
    return failure.value.response["Error"]["Code"], failure.value.response["Error"]["Message"]


@pytest.fixture(scope="module")
def ssm(server):
    iam = server.client("iam")
    iam.create_role(RoleName="ecsAnywhereRole", Path="/service-role/", AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.attach_role_policy(RoleName="ecsAnywhereRole",
                           PolicyArn="arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role")
    iam.create_role(RoleName="other", AssumeRolePolicyDocument=json.dumps(TRUST).replace("ssm.", "ec2."))
    return server.client("ssm")


def unsigned(server, operation, **members):
    """As amazon-ssm-agent calls it: without a signature."""
    request = urllib.request.Request(server.url + "/", data=json.dumps(members).encode(), headers={
        "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"AmazonSSM.{operation}"})
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as error:
        body = json.load(error)
        return body["__type"].split("#")[-1], body.get("message") or body.get("Message")


def register(server, activation, fingerprint=None):
    return unsigned(server, "RegisterManagedInstance", ActivationId=activation["ActivationId"],
                    ActivationCode=activation["ActivationCode"], Fingerprint=fingerprint or str(uuid.uuid4()),
                    PublicKey="MIIB", PublicKeyType="Rsa")


def test_activations_are_made_shown_and_deleted(ssm):
    made = ssm.create_activation(IamRole="service-role/ecsAnywhereRole", Description="d", DefaultInstanceName="edge",
                                 RegistrationLimit=3, Tags=[{"Key": "a", "Value": "b"}])
    assert len(made["ActivationCode"]) == 20
    [shown] = ssm.describe_activations(Filters=[{"FilterKey": "ActivationIds", "FilterValues": [made["ActivationId"]]}])[
        "ActivationList"]
    assert shown["IamRole"] == "service-role/ecsAnywhereRole" and shown["RegistrationLimit"] == 3
    assert shown["Expired"] is False and shown["Tags"] == [{"Key": "a", "Value": "b"}] and "ActivationCode" not in shown
    day = datetime.timedelta(days=1)
    assert abs(shown["ExpirationDate"] - shown["CreatedDate"] - day) < datetime.timedelta(seconds=1)
    assert ssm.describe_activations(Filters=[{"FilterKey": "DefaultInstanceName", "FilterValues": ["x"]}])[
        "ActivationList"] == []
    ids = set()
    for page in ssm.get_paginator("describe_activations").paginate(PaginationConfig={"PageSize": 1}):
        ids |= {row["ActivationId"] for row in page["ActivationList"]}
    assert made["ActivationId"] in ids
    ssm.delete_activation(ActivationId=made["ActivationId"])
    assert refusal(ssm.delete_activation, ActivationId=made["ActivationId"])[0] == "InvalidActivationId"


def test_the_role_has_to_trust_systems_manager(ssm):
    for name in ("other", "nobody"):
        code, message = refusal(ssm.create_activation, IamRole=name)
        assert code == "ValidationException" and message == (
            "Nonexistent role or missing ssm service principal in trust policy: "
            f"arn:aws:iam::000000000000:role/{name}")
    now = datetime.datetime.now(datetime.timezone.utc)
    for days in (-1, 31):
        code, _ = refusal(ssm.create_activation, IamRole="ecsAnywhereRole", ExpirationDate=now + datetime.timedelta(days=days))
        assert code == "ValidationException"


def test_an_activation_takes_a_role_that_may_be_passed(server, ssm):
    iam = server.client("iam")
    iam.create_user(UserName="joiner")
    key = iam.create_access_key(UserName="joiner")["AccessKey"]
    iam.put_user_policy(UserName="joiner", PolicyName="p", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ssm:*", "Resource": "*"}]}))
    joiner = server.client("ssm", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    code, message = refusal(joiner.create_activation, IamRole="ecsAnywhereRole")
    assert code == "AccessDeniedException" and "iam:PassRole" in message


def test_a_machine_registers_as_often_as_the_limit_says(server, ssm):
    activation = ssm.create_activation(IamRole="ecsAnywhereRole", DefaultInstanceName="edge")
    wrong = {**activation, "ActivationCode": "x" * 20}
    assert register(server, wrong) == ("InvalidActivation", "The activation ID or code is not valid.")
    fingerprint = str(uuid.uuid4())
    id = register(server, activation, fingerprint)["InstanceId"]
    assert id.startswith("mi-") and len(id) == 20
    code, message = register(server, activation)
    assert code == "InvalidActivation" and "limit" in message
    [shown] = ssm.describe_activations(Filters=[{
        "FilterKey": "ActivationIds", "FilterValues": [activation["ActivationId"]]}])["ActivationList"]
    assert shown["RegistrationsCount"] == 1

    [machine] = ssm.describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": [id]}])["InstanceInformationList"]
    assert machine["ResourceType"] == "ManagedInstance" and machine["ActivationId"] == activation["ActivationId"]
    assert machine["IamRole"] == "ecsAnywhereRole" and machine["Name"] == "edge" and machine["PingStatus"] == "ConnectionLost"
    assert unsigned(server, "RequestManagedInstanceRoleToken", Fingerprint=str(uuid.uuid4())) == (
        "MachineFingerprintDoesNotMatch", "Fingerprint does not match")
    token = unsigned(server, "RequestManagedInstanceRoleToken", Fingerprint=fingerprint)
    assert unsigned(server, "RequestManagedInstanceRoleToken", Fingerprint=fingerprint) == token, "it is good for a while"
    keys = {"aws_access_key_id": token["AccessKeyId"], "aws_secret_access_key": token["SecretAccessKey"],
            "aws_session_token": token["SessionToken"]}
    assert server.client("sts", **keys).get_caller_identity()["Arn"] == (
        f"arn:aws:sts::000000000000:assumed-role/ecsAnywhereRole/{id}")
    [machine] = ssm.describe_instance_information(InstanceInformationFilterList=[
        {"key": "ActivationIds", "valueSet": [activation["ActivationId"]]}])["InstanceInformationList"]
    assert machine["PingStatus"] == "Online" and machine["LastPingDateTime"] and machine["IPAddress"]
    assert refusal(ssm.describe_instance_information, Filters=[{"Key": "Nonsense", "Values": ["x"]}])[0] == "InvalidFilterKey"

    ssm.deregister_managed_instance(InstanceId=id)
    assert refusal(ssm.deregister_managed_instance, InstanceId=id)[0] == "InvalidInstanceId"
    assert refusal(server.client("sts", **keys).get_caller_identity)[0] == "SignatureDoesNotMatch"
    assert unsigned(server, "RequestManagedInstanceRoleToken", Fingerprint=fingerprint)[0] == "MachineFingerprintDoesNotMatch"


def test_tasks_of_the_type_external_go_to_machines_of_ones_own_alone(server, ssm):
    ecs = server.client("ecs")
    ecs.create_cluster(clusterName="edge")
    activation = ssm.create_activation(IamRole="ecsAnywhereRole")
    fingerprint = str(uuid.uuid4())
    id = register(server, activation, fingerprint)["InstanceId"]
    token = unsigned(server, "RequestManagedInstanceRoleToken", Fingerprint=fingerprint)
    keys = {"aws_access_key_id": token["AccessKeyId"], "aws_secret_access_key": token["SecretAccessKey"],
            "aws_session_token": token["SessionToken"]}
    arn = server.client("ecs", **keys).register_container_instance(
        **{**registration(), "cluster": "edge"})["containerInstance"]["containerInstanceArn"]
    ec2 = Agent(server, "edge", {**registration(), "attributes": [
        row for row in registration()["attributes"] if row["name"] != "ecs.capability.external"]})
    peer = Agent(server, "edge", {**registration(), "containerInstanceArn": arn})
    try:
        for agent in (ec2, peer):
            agent.connect().wait("TaskManifestMessage")
            eventually(lambda: agent.described()["agentConnected"], what="the connection")
        [shown] = ecs.describe_container_instances(cluster="edge", containerInstances=[arn])["containerInstances"]
        assert shown["ec2InstanceId"] == id
        assert "ecs.capability.external" in {row["name"] for row in shown["attributes"]}
        definition = ecs.register_task_definition(family="edge", requiresCompatibilities=["EXTERNAL", "EC2"], containerDefinitions=[
            {"name": "c", "image": "a", "memory": 16}])["taskDefinition"]["taskDefinitionArn"]
        for launch_type, instance in (("EXTERNAL", arn), ("EC2", ec2.arn)):
            answer = ecs.run_task(cluster="edge", taskDefinition=definition, launchType=launch_type, count=3)
            assert {task["containerInstanceArn"] for task in answer["tasks"]} == {instance}
            assert {task["launchType"] for task in answer["tasks"]} == {launch_type}
        awsvpc = ecs.register_task_definition(family="vpc", networkMode="awsvpc", containerDefinitions=[
            {"name": "c", "image": "a", "memory": 16}])["taskDefinition"]["taskDefinitionArn"]
        subnet = server.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
        assert refusal(ecs.run_task, cluster="edge", taskDefinition=awsvpc, launchType="EXTERNAL", networkConfiguration={
            "awsvpcConfiguration": {"subnets": [subnet]}}) == (
            "InvalidParameterException", "Task definition does not support launch_type EXTERNAL.")
    finally:
        ec2.close()
        peer.close()


@pytest.fixture
def own_server(tmp_path):
    """On a network of its own, as the agent listens on a port that is always the same."""
    with own_network():
        (tmp_path / "server").mkdir()
        running = Server(str(tmp_path / "server"))
        running.start()
        try:
            yield running
        finally:
            running.stop()


def test_the_agent_joins_with_an_activation(own_server, tmp_path):
    server = own_server
    ssm, ecs = server.client("ssm"), server.client("ecs")
    server.client("iam").create_role(RoleName="ecsAnywhereRole", AssumeRolePolicyDocument=json.dumps(TRUST))
    server.client("iam").attach_role_policy(
        RoleName="ecsAnywhereRole", PolicyArn="arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role")
    ecs.create_cluster(clusterName="joined")
    activation = ssm.create_activation(IamRole="ecsAnywhereRole", DefaultInstanceName="mine")
    environment = {**CLEAN, "ECS_BACKEND_HOST": server.url, "ECS_DATADIR": str(tmp_path / "agent"),
                   "AWS_DEFAULT_REGION": "us-east-1"}

    def agent(*options):
        return subprocess.Popen([BERTH, "agent", "--cluster", "joined", *options], env=environment,
                                stderr=open(tmp_path / "log", "ab"))

    def joined():
        arns = ecs.list_container_instances(cluster="joined", filter="agentConnected == true")["containerInstanceArns"]
        return arns and ecs.describe_container_instances(cluster="joined", containerInstances=arns)["containerInstances"]

    refused = agent("--activation-id", activation["ActivationId"], "--activation-code", "x" * 20)
    assert refused.wait(60) == 5 and "InvalidActivation" in (tmp_path / "log").read_text()
    running = agent("--activation-id", activation["ActivationId"], "--activation-code", activation["ActivationCode"])
    try:
        [instance] = eventually(joined, what="the agent")
        assert instance["ec2InstanceId"].startswith("mi-")
        assert "ecs.capability.external" in {row["name"] for row in instance["attributes"]}
        secret = tmp_path / "agent" / "managed-instance.json"
        assert secret.stat().st_mode & 0o777 == 0o600
    finally:
        running.terminate()
        running.wait(60)
    eventually(lambda: not joined(), what="the end of the session")
    running = agent("--external")  # it knows who it is
    try:
        [again] = eventually(joined, what="the agent")
        assert again["containerInstanceArn"] == instance["containerInstanceArn"]
        assert again["ec2InstanceId"] == instance["ec2InstanceId"]
    finally:
        running.terminate()
        running.wait(60)
