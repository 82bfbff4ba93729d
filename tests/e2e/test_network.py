"""The network that the API describes is the one the tasks have: groups, VPCs, ways out, names; changed while they run."""

import contextlib
import pathlib
import socket
import subprocess
import uuid

import pytest
from conftest import CLEAN, eventually
from machine import address, reachable, run

INTERNET = "198.51.100"  # TEST-NET-2 (RFC 5737): nobody's; here a namespace of ours plays it


class Place:
    """A task's network namespace, seen from the machine."""

    def __init__(self, machine, task):
        self.machine, self.arn, self.ip = machine, task["taskArn"], address(task)
        details = {detail["name"]: detail["value"] for detail in task["attachments"][0]["details"]}
        self.eni = details["networkInterfaceId"]
        instance = pathlib.Path(machine.directory, "instance").read_text().strip()
        self.namespace = f"berth-{instance}-{self.eni}"

    def inside(self, *command):
        command = ["ip", "netns", "exec", self.namespace, *command]
        return subprocess.run(command, env=CLEAN, capture_output=True, text=True, timeout=60)

    def pings(self, ip):
        return self.inside("busybox", "ping", "-c", "1", "-W", "1", ip).returncode == 0

    def gets(self, ip):
        return self.inside("curl", "-s", "-m", "1", f"http://{ip}/").stdout == "hello\n"


@contextlib.contextmanager
def vpc_of(machine, cidr):
    """A VPC with one subnet; everything in it goes with it."""
    ec2 = machine.ec2
    vpc = ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=cidr.replace("/16", "/24"))["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
         "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}])  # as templates write it; no interface has an IPv6 address
    try:
        yield vpc, subnet, group
    finally:
        ec2.delete_security_group(GroupId=group)
        ec2.delete_subnet(SubnetId=subnet)
        ec2.delete_vpc(VpcId=vpc)


@contextlib.contextmanager
def tasks(machine, *wishes):
    """One task that serves a page for each wish (subnet, groups, public address), as Places."""
    definition = machine.register("page", [{"name": "page"}])
    arns = []
    try:
        for subnet, groups, public in wishes:
            network = {"subnets": [subnet], "securityGroups": groups, "assignPublicIp": "ENABLED" if public else "DISABLED"}
            answer = machine.ecs.run_task(taskDefinition=definition, launchType="FARGATE",
                                          networkConfiguration={"awsvpcConfiguration": network})
            arns.append(answer["tasks"][0]["taskArn"])
        found = {task["taskArn"]: task for task in machine.wait(arns, "RUNNING")}
        places = [Place(machine, found[arn]) for arn in arns]
        # The page of each is up: seen from its own namespace, where no group filters.
        assert all(eventually(lambda place=place: place.gets("127.0.0.1"), what=place.ip) for place in places)
        yield places
    finally:
        if arns:
            machine.stop(arns)


def test_the_interface_is_what_the_api_shows(machine):
    with tasks(machine, (machine.subnet, [machine.group], False)) as (place,):
        shown, = machine.ec2.describe_network_interfaces(NetworkInterfaceIds=[place.eni])["NetworkInterfaces"]
        link = place.inside("ip", "-o", "addr", "show", "eth0").stdout + place.inside("ip", "-o", "link", "show", "eth0").stdout
        assert f"inet {shown['PrivateIpAddress']}/20 " in link and shown["MacAddress"] in link
        assert (shown["Status"], shown["RequesterManaged"], shown["Attachment"]["Status"]) == ("in-use", True, "attached")
        assert shown["PrivateDnsName"] == f"ip-{place.ip.replace('.', '-')}.ec2.internal"
        assert shown["Description"].startswith("arn:aws:ecs:us-east-1:000000000000:attachment/")
        for call, given, code in ((machine.ec2.delete_network_interface, {"NetworkInterfaceId": place.eni}, "AuthFailure"),
                                  (machine.ec2.delete_security_group, {"GroupId": machine.group}, "DependencyViolation"),
                                  (machine.ec2.delete_subnet, {"SubnetId": machine.subnet}, "DependencyViolation")):
            with pytest.raises(machine.ec2.exceptions.ClientError, match=code):
                call(**given)


def test_an_established_connection_outlives_its_rule(machine):
    rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "CidrIp": "0.0.0.0/0"}
    group = machine.ec2.create_security_group(GroupName="tracked", Description="tracked")["GroupId"]
    machine.ec2.authorize_security_group_ingress(GroupId=group, **rule)
    try:
        with tasks(machine, (machine.subnet, [group], False)) as (place,):
            with socket.create_connection((place.ip, 80), timeout=20) as held:
                held.sendall(b"GET / HTTP/1.0\r\n")
                machine.ec2.revoke_security_group_ingress(GroupId=group, **rule)
                assert eventually(lambda: not reachable(place.ip))
                held.sendall(b"\r\n")
                assert b"hello" in held.makefile("rb").read()
            assert not reachable(place.ip)
    finally:
        machine.ec2.delete_security_group(GroupId=group)


def test_rules_name_groups_and_change_while_tasks_run(machine):
    ec2 = machine.ec2
    clients, servers = [ec2.create_security_group(GroupName=name, Description=name)["GroupId"] for name in ("clients", "servers")]
    rule = {"GroupId": servers, "IpPermissions": [
        {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": clients}]}]}
    try:
        with tasks(machine, (machine.subnet, [clients], False), (machine.subnet, [servers], False),
                   (machine.subnet, [machine.group], False),
                   (machine.subnet, [machine.group, clients], False)) as (client, server, stranger, both):
            assert not client.gets(server.ip)
            ec2.authorize_security_group_ingress(**rule)
            assert eventually(lambda: client.gets(server.ip))
            assert not stranger.gets(server.ip) and not reachable(server.ip) and not client.pings(server.ip)
            ec2.authorize_security_group_ingress(GroupId=servers, IpPermissions=[
                {"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, "IpRanges": [{"CidrIp": f"{client.ip}/32"}]}])
            assert eventually(lambda: client.pings(server.ip)) and not stranger.pings(server.ip)
            assert eventually(lambda: both.gets(server.ip))
            ec2.revoke_security_group_ingress(**rule)
            assert eventually(lambda: not client.gets(server.ip) and not both.gets(server.ip))
            ec2.authorize_security_group_ingress(**rule)
            assert eventually(lambda: client.gets(server.ip))
            egress = ec2.describe_security_groups(GroupIds=[clients])["SecurityGroups"][0]["IpPermissionsEgress"]
            ec2.revoke_security_group_egress(GroupId=clients, IpPermissions=egress)
            assert eventually(lambda: not client.gets(server.ip))
            assert eventually(lambda: both.gets(server.ip))  # its other group lets it out
    finally:
        ec2.delete_security_group(GroupId=servers)
        ec2.delete_security_group(GroupId=clients)


def test_vpcs_of_one_range_are_worlds_apart(machine):
    with vpc_of(machine, "10.80.0.0/16") as (vpc, here, group), vpc_of(machine, "10.80.0.0/16") as (_, there, other):
        with tasks(machine, (here, [group], False), (here, [group], False), (there, [other], False)) as (one, two, far):
            assert eventually(lambda: one.gets(two.ip) and two.gets(one.ip))
            assert far.ip in (one.ip, two.ip) or not far.gets(one.ip) and not one.gets(far.ip)
            assert not reachable(one.ip)  # the machine is no part of it either
            # At AWS's two addresses, whatever the groups say, and with names of this VPC only.
            name = machine.ec2.describe_network_interfaces(NetworkInterfaceIds=[two.eni])["NetworkInterfaces"][0]["PrivateDnsName"]

            def knows(server):
                return two.ip in one.inside("busybox", "nslookup", "-type=a", name, server).stdout
            assert all(eventually(lambda server=server: knows(server)) for server in ("10.80.0.2", "169.254.169.253"))
            machine.ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsSupport={"Value": False})
            assert eventually(lambda: not knows("10.80.0.2"))
            machine.ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsSupport={"Value": True})
            assert eventually(lambda: knows("10.80.0.2"))
            if far.ip not in (one.ip, two.ip):
                assert two.ip not in far.inside("busybox", "nslookup", "-type=a", name, "10.80.0.2").stdout.split("Name:")[-1]


@contextlib.contextmanager
def internet(work):
    """A namespace behind the machine that serves the page at INTERNET.1 and knows no way back but to the machine."""
    name, link = f"berth-e2e-{uuid.uuid4().hex[:8]}", f"e2e{uuid.uuid4().hex[:8]}"
    run("ip", "netns", "add", name)
    server = None
    try:
        run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", name)
        run("ip", "addr", "add", f"{INTERNET}.2/30", "dev", link)
        run("ip", "link", "set", link, "up")
        run("ip", "-n", name, "addr", "add", f"{INTERNET}.1/30", "dev", "eth0")
        run("ip", "-n", name, "link", "set", "eth0", "up")
        folder = pathlib.Path(work, "internet")
        folder.mkdir()
        (folder / "index.html").write_text("hello\n")
        server = subprocess.Popen(["ip", "netns", "exec", name, "busybox", "httpd", "-f", "-p", "80", "-h", str(folder)])
        assert eventually(lambda: reachable(f"{INTERNET}.1"))
        yield f"{INTERNET}.1"
    finally:
        if server is not None:
            server.terminate()
            server.wait()
        run("ip", "netns", "del", name)


def test_the_way_out_is_the_route_and_the_public_address(machine, tmp_path):
    ec2 = machine.ec2
    with internet(tmp_path) as far, vpc_of(machine, "10.81.0.0/16") as (vpc, subnet, group):
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        table, = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
        route = {"RouteTableId": table["RouteTableId"], "DestinationCidrBlock": "0.0.0.0/0"}
        with tasks(machine, (subnet, [group], True), (subnet, [group], False)) as (public, private):
            shown = {one["NetworkInterfaceId"]: one for one in ec2.describe_network_interfaces()["NetworkInterfaces"]}
            ip = shown[public.eni]["Association"]["PublicIp"]
            assert "Association" not in shown[private.eni]
            assert not public.gets(far) and not reachable(ip)
            ec2.create_route(GatewayId=gateway, **route)
            assert eventually(lambda: public.gets(far))
            assert not private.gets(far)
            assert eventually(lambda: reachable(ip))
            ec2.revoke_security_group_ingress(GroupId=group, IpProtocol="tcp", FromPort=80, ToPort=80, CidrIp="0.0.0.0/0")
            assert eventually(lambda: not reachable(ip))
            ec2.authorize_security_group_ingress(GroupId=group, IpProtocol="tcp", FromPort=80, ToPort=80, CidrIp="0.0.0.0/0")
            assert eventually(lambda: reachable(ip))
            other = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
            association = ec2.associate_route_table(RouteTableId=other, SubnetId=subnet)["AssociationId"]
            assert eventually(lambda: not public.gets(far))
            ec2.disassociate_route_table(AssociationId=association)
            ec2.delete_route_table(RouteTableId=other)
            assert eventually(lambda: public.gets(far))
            ec2.delete_route(**route)
            assert eventually(lambda: not public.gets(far) and not reachable(ip))
            with pytest.raises(ec2.exceptions.ClientError, match="mapped public address"):
                ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        ec2.delete_internet_gateway(InternetGatewayId=gateway)
