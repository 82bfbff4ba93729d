"""The network mode awsvpc on an EC2 instance: the interface is really there, the agent moves it on, and its security groups
hold wherever it is. The agent's part is done by hand, as src/node/agent/README.md has it."""

import json
import subprocess
import urllib.request

import pytest

from api.agent_peer import Agent
from conftest import eventually
from test_instances import IMAGE, first_process, inside, shown, state

CAPABILITIES = ["ecs.capability.task-eni", "com.amazonaws.ecs.capability.docker-remote-api.1.18"]


@pytest.fixture(scope="module")
def instance(machine):
    image = machine.client("ssm").get_parameter(Name=IMAGE)["Parameter"]["Value"]
    id = machine.ec2.run_instances(ImageId=image, InstanceType="t3.medium", MinCount=1, MaxCount=1,
                                   SecurityGroupIds=[machine.group])["Instances"][0]["InstanceId"]
    state(machine, id, "running")
    yield id
    machine.ec2.terminate_instances(InstanceIds=[id])
    state(machine, id, "terminated")


@pytest.fixture
def agent(machine, instance):
    machine.ecs.create_cluster(clusterName="interfaces")
    placement = shown(machine, instance)["Placement"]["AvailabilityZone"]
    peer = Agent(machine, "interfaces", {
        "attributes": [{"name": name} for name in CAPABILITIES],
        "totalResources": [{"name": name, "type": "INTEGER", "integerValue": 2048} for name in ("CPU", "MEMORY")],
        "instanceIdentityDocument": json.dumps({
            "instanceId": instance, "availabilityZone": placement, "instanceType": "t3.medium", "imageId": "ami-1",
            "architecture": "x86_64", "region": "us-east-1", "accountId": "000000000000"})})
    peer.connect().wait("TaskManifestMessage")
    eventually(lambda: peer.described()["agentConnected"], what="the connection")
    yield peer
    peer.close()


def links(machine, instance):
    """Interfaces in the instance's own namespace, by MAC."""
    return {row["address"]: row for row in json.loads(inside(machine, instance, "ip", "-j", "link"))}


def set_up(machine, instance, interface, name):
    """What an agent does with an interface."""
    address = interface["ipv4Addresses"][0]["privateAddress"]
    gateway, prefix = interface["subnetGatewayIpv4Address"].split("/")
    link = links(machine, instance)[interface["macAddress"]]["ifname"]

    def ip(*arguments):
        return inside(machine, instance, "ip", *arguments)

    ip("netns", "add", name)
    ip("link", "set", link, "netns", name, "name", "eth0")
    ip("-n", name, "link", "set", "lo", "up")
    ip("-n", name, "link", "set", "eth0", "up")
    ip("-n", name, "address", "add", f"{address}/{prefix}", "dev", "eth0", "noprefixroute")
    ip("-n", name, "route", "add", gateway, "dev", "eth0")
    ip("-n", name, "route", "add", "default", "via", gateway)
    return address


def test_an_interface_from_run_task_until_the_task_has_stopped(machine, instance, agent):
    definition = machine.ecs.register_task_definition(family="own", networkMode="awsvpc", containerDefinitions=[
        {"name": "c", "image": "a", "memory": 16}])["taskDefinition"]["taskDefinitionArn"]
    zone = shown(machine, instance)["Placement"]["AvailabilityZone"]
    subnet = machine.ec2.describe_subnets(Filters=[{"Name": "availability-zone", "Values": [zone]}])["Subnets"][0]["SubnetId"]
    [task] = machine.ecs.run_task(cluster="interfaces", taskDefinition=definition, launchType="EC2", networkConfiguration={
        "awsvpcConfiguration": {"subnets": [subnet], "securityGroups": [machine.group]}})["tasks"]
    [interface] = agent.acs.wait("AttachTaskNetworkInterfacesMessage")["elasticNetworkInterfaces"]
    mac = interface["macAddress"]
    eventually(lambda: mac in links(machine, instance), what="the interface")
    assert "UP" not in links(machine, instance)[mac]["flags"], "it is the agent's to bring up"
    own, more = shown(machine, instance)["NetworkInterfaces"]
    assert own["Attachment"]["DeviceIndex"] == 0 and more["Attachment"]["DeviceIndex"] == 1
    assert more["NetworkInterfaceId"] == interface["ec2Id"] and more["MacAddress"] == mac
    attachment = machine.ec2.describe_network_interfaces(NetworkInterfaceIds=[interface["ec2Id"]])[
        "NetworkInterfaces"][0]["Attachment"]
    assert attachment["InstanceId"] == instance and attachment["Status"] == "attached"

    address = set_up(machine, instance, interface, "task")
    machine.ecs.submit_task_state_change(cluster="interfaces", task=task["taskArn"], attachments=[
        {"attachmentArn": interface["attachmentArn"], "status": "ATTACHED"}])
    agent.acknowledge(agent.acs.wait("PayloadMessage"))
    servers = [subprocess.Popen(["nsenter", "-t", first_process(machine, instance), "-a", "ip", "netns", "exec", "task",
                                 "busybox", "httpd", "-f", "-p", str(port), "-h", "/usr/share/common-licenses"])
               for port in (80, 81)]
    try:
        def answers(port):
            try:
                urllib.request.urlopen(f"http://{address}:{port}/BSD", timeout=1).close()
                return True
            except OSError:
                return False

        eventually(lambda: answers(80), what="the task's page")
        assert not answers(81), "its group lets port 80 in"
        # Its own name is known to the VPC, and the link-local services are there.
        within = ["ip", "netns", "exec", "task"]
        assert inside(machine, instance, *within, "curl", "-s", "http://169.254.170.10/_berth/health")
        assert "401" in inside(machine, instance, *within, "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}",
                               "http://169.254.169.254/latest/meta-data/instance-id")
        machine.ec2.authorize_security_group_ingress(GroupId=machine.group, IpProtocol="tcp", FromPort=81, ToPort=81,
                                                     CidrIp="0.0.0.0/0")
        eventually(lambda: answers(81), what="the new rule")
        machine.ec2.revoke_security_group_ingress(GroupId=machine.group, IpProtocol="tcp", FromPort=81, ToPort=81,
                                                  CidrIp="0.0.0.0/0")
        eventually(lambda: not answers(81), what="the end of the rule")

        agent.report(task["taskArn"], "STOPPED", containers=[{"containerName": "c", "status": "STOPPED", "exitCode": 0}])
        eventually(lambda: "eth0" not in inside(machine, instance, "ip", "-n", "task", "-o", "link"), what="the end of the link")
        assert not answers(80)
        assert len(shown(machine, instance)["NetworkInterfaces"]) == 1
        [task] = machine.ecs.describe_tasks(cluster="interfaces", tasks=[task["taskArn"]])["tasks"]
        assert task["attachments"][0]["status"] == "DELETED"
    finally:
        for server in servers:
            server.kill()
            server.wait()
        inside(machine, instance, "sh", "-c", "ip netns pids task | xargs -r kill; ip netns del task")


def test_the_host_starts_again(machine, instance, agent):
    """What is inside an instance is found again, and taken away when its task has ended meanwhile."""
    definition = machine.ecs.register_task_definition(family="own", networkMode="awsvpc", containerDefinitions=[
        {"name": "c", "image": "a", "memory": 16}])["taskDefinition"]["taskDefinitionArn"]
    tasks = machine.ecs.run_task(cluster="interfaces", taskDefinition=definition, launchType="EC2", count=2, networkConfiguration={
        "awsvpcConfiguration": {"subnets": [machine.subnet]}})["tasks"]
    macs = {}
    for _ in tasks:
        message = agent.acs.wait("AttachTaskNetworkInterfacesMessage", lambda message: message["taskArn"] not in macs)
        macs[message["taskArn"]] = message["elasticNetworkInterfaces"][0]["macAddress"]
    first, second = (macs[task["taskArn"]] for task in tasks)
    eventually(lambda: {first, second} <= set(links(machine, instance)), what="the interfaces")
    machine.kill("host")
    machine.up()
    machine.ecs.stop_task(cluster="interfaces", task=tasks[0]["taskArn"])
    eventually(lambda: first not in links(machine, instance), what="the end of the first")
    assert second in links(machine, instance)
    machine.ecs.stop_task(cluster="interfaces", task=tasks[1]["taskArn"])
    eventually(lambda: second not in links(machine, instance), what="the end of the second")
