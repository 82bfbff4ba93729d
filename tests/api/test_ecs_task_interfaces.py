"""Tasks with an interface of their own (awsvpc) on container instances: what the server, the agent and EC2 say of it, step
by step. The agent is a peer of the protocol (agent_peer.py); tests/e2e/test_task_interfaces.py has real interfaces."""

import pytest

from conftest import eventually
from test_ecs_instance_tasks import PAGE, agents, cluster, define, describe, ecs, of_ec2, payload_of, refusal, run  # noqa: F401

WEB = {**PAGE, "portMappings": [{"containerPort": 80}]}


@pytest.fixture(scope="module")
def network(server):
    ec2 = server.client("ec2")
    subnet = ec2.describe_subnets(Filters=[{"Name": "availability-zone", "Values": ["us-east-1a"]}])["Subnets"][0]
    group = ec2.create_security_group(GroupName="tasks", Description="t")["GroupId"]
    return {"awsvpcConfiguration": {"subnets": [subnet["SubnetId"]], "securityGroups": [group]}}


@pytest.fixture
def definition(ecs):  # noqa: F811
    return define(ecs, WEB, networkMode="awsvpc")


def details(task):
    return {row["name"]: row["value"] for row in task["attachments"][0]["details"]}


def attachment(ecs, cluster, arn):  # noqa: F811
    return describe(ecs, cluster, arn)["attachments"][0]


def attached(ecs, cluster, arn, interface, **more):  # noqa: F811
    ecs.submit_task_state_change(cluster=cluster, task=arn, attachments=[
        {"attachmentArn": interface["attachmentArn"], "status": "ATTACHED", **more}])


def test_from_the_interface_to_the_task_and_back(server, ecs, cluster, agents, network, definition):  # noqa: F811
    ec2 = server.client("ec2")
    agent = agents()
    answer = ecs.run_task(cluster=cluster, taskDefinition=definition, launchType="EC2", networkConfiguration=network)
    assert answer["failures"] == []
    task = answer["tasks"][0]
    arn = task["taskArn"]
    assert task["lastStatus"] == "PROVISIONING"
    assert task["attachments"][0]["type"] == "ElasticNetworkInterface" and task["attachments"][0]["status"] == "PRECREATED"
    message = agent.acs.wait("AttachTaskNetworkInterfacesMessage")
    agent.acknowledge(message)
    assert message["taskArn"] == arn and message["containerInstanceArn"] == agent.arn
    assert message["clusterArn"] == message["taskClusterArn"] == task["clusterArn"]
    assert message["messageId"] and message["generatedAt"] > 0 and 0 < message["waitTimeoutMs"] <= 300000
    [interface] = message["elasticNetworkInterfaces"]
    assert interface["subnetGatewayIpv4Address"].endswith(".1/20") and interface["domainNameServers"]
    task = describe(ecs, cluster, arn)
    assert task["lastStatus"] == "PROVISIONING" and task["attachments"][0]["status"] == "ATTACHING"
    assert details(task) == {
        "subnetId": network["awsvpcConfiguration"]["subnets"][0], "networkInterfaceId": interface["ec2Id"],
        "macAddress": interface["macAddress"], "privateDnsName": interface["privateDnsName"],
        "privateIPv4Address": interface["ipv4Addresses"][0]["privateAddress"]}
    assert interface["attachmentArn"].endswith(":attachment/" + task["attachments"][0]["id"])
    shown = ec2.describe_network_interfaces(NetworkInterfaceIds=[interface["ec2Id"]])["NetworkInterfaces"][0]
    assert shown["Description"] == interface["attachmentArn"] and shown["MacAddress"] == interface["macAddress"]
    assert [group["GroupId"] for group in shown["Groups"]] == network["awsvpcConfiguration"]["securityGroups"]

    attached(ecs, cluster, arn, interface)
    message = payload_of(agent, arn)
    told = message["tasks"][0]
    assert told["elasticNetworkInterfaces"] == [interface]
    assert told["networkMode"] == "awsvpc" and "portMappings" not in told["containers"][0]
    task = describe(ecs, cluster, arn)
    assert task["lastStatus"] == "PENDING" and task["attachments"][0]["status"] == "ATTACHED"
    agent.report(arn, "RUNNING", containers=[{"containerName": "page", "status": "RUNNING"}])
    task = describe(ecs, cluster, arn)
    assert task["lastStatus"] == "RUNNING" and task["attachments"][0]["status"] == "ATTACHED"
    assert task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"] == details(task)["privateIPv4Address"]

    ecs.stop_task(cluster=cluster, task=arn)
    payload_of(agent, arn, "STOPPED")
    agent.report(arn, "STOPPED", containers=[{"containerName": "page", "status": "STOPPED", "exitCode": 0}])
    task = describe(ecs, cluster, arn)
    assert task["lastStatus"] == "STOPPED" and task["attachments"][0]["status"] == "DELETED"
    code, _ = refusal(ec2.describe_network_interfaces, NetworkInterfaceIds=[interface["ec2Id"]])
    assert code == "InvalidNetworkInterfaceID.NotFound"


def test_interfaces_are_counted_by_the_type(ecs, cluster, agents, network, definition):  # noqa: F811
    agent, other = agents(kind="t3.medium"), agents(kind="t3.small")  # three and three interfaces, one of them its own
    tasks, failures = run(ecs, cluster, definition, networkConfiguration=network, count=5)
    assert len(tasks) == 4
    assert {row["arn"]: row["reason"] for row in failures} == {agent.arn: "RESOURCE:ENI", other.arn: "RESOURCE:ENI"}
    answer = ecs.start_task(cluster=cluster, taskDefinition=definition, containerInstances=[agent.arn],
                            networkConfiguration=network)
    assert answer["tasks"] == [] and answer["failures"][0]["reason"] == "RESOURCE:ENI"
    ecs.stop_task(cluster=cluster, task=tasks[0])  # not attached yet: nothing of it is on the instance
    eventually(lambda: describe(ecs, cluster, tasks[0])["lastStatus"] == "STOPPED", what="the end of the task")
    tasks, failures = run(ecs, cluster, definition, networkConfiguration=network)
    assert len(tasks) == 1 and failures == []


def test_a_task_is_not_told_before_its_interface_is_there(ecs, cluster, agents, network, definition):  # noqa: F811
    agent = agents()
    [arn], _ = run(ecs, cluster, definition, networkConfiguration=network)
    [interface] = agent.acs.wait("AttachTaskNetworkInterfacesMessage")["elasticNetworkInterfaces"]
    other = interface["attachmentArn"].rsplit("/", 1)[0] + "/00000000-0000-0000-0000-000000000000"
    attached(ecs, cluster, arn, {"attachmentArn": other})  # not its own
    ecs.submit_task_state_change(cluster=cluster, task=arn, attachments=[
        {"attachmentArn": interface["attachmentArn"], "status": "DETACHED"}])  # no status that counts
    agent.report(arn, "RUNNING", containers=[{"containerName": "page", "status": "RUNNING"}])  # it cannot
    agent.report(arn, "STOPPED")
    task = describe(ecs, cluster, arn)
    assert task["lastStatus"] == "PROVISIONING" and task["attachments"][0]["status"] == "ATTACHING"

    # After a reconnection it is told again: of the interface, still not of the task.
    agent.connect()
    assert agent.acs.wait("TaskManifestMessage")["tasks"] == []
    assert agent.acs.wait("AttachTaskNetworkInterfacesMessage")["elasticNetworkInterfaces"] == [interface]
    for _ in range(2):  # doubled
        attached(ecs, cluster, arn, interface)
    payload_of(agent, arn)
    agent.report(arn, "RUNNING", containers=[{"containerName": "page", "status": "RUNNING"}])
    attached(ecs, cluster, arn, interface)  # late
    task = describe(ecs, cluster, arn)
    assert task["lastStatus"] == "RUNNING" and task["attachments"][0]["status"] == "ATTACHED"


def test_the_other_form_of_the_report(ecs, cluster, agents, network, definition):  # noqa: F811
    agent = agents()
    [arn], _ = run(ecs, cluster, definition, networkConfiguration=network)
    [interface] = agent.acs.wait("AttachTaskNetworkInterfacesMessage")["elasticNetworkInterfaces"]
    ecs.submit_attachment_state_changes(cluster=cluster, attachments=[
        {"attachmentArn": "nonsense", "status": "ATTACHED"},
        {"attachmentArn": interface["attachmentArn"], "status": "ATTACHED"}])
    payload_of(agent, arn)
    assert attachment(ecs, cluster, arn)["status"] == "ATTACHED"


def test_what_a_network_configuration_has_to_be(ecs, cluster, agents, network, definition):  # noqa: F811
    agents()
    code, message = refusal(ecs.run_task, cluster=cluster, taskDefinition=definition, launchType="EC2")
    assert message.startswith("Network Configuration must be provided")
    public = {"awsvpcConfiguration": {**network["awsvpcConfiguration"], "assignPublicIp": "ENABLED"}}
    code, message = refusal(ecs.run_task, cluster=cluster, taskDefinition=definition, launchType="EC2",
                            networkConfiguration=public)
    assert code == "InvalidParameterException" and message == "Assign public IP is not supported for this launch type."
