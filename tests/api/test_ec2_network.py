"""VPCs and what stands in them, as the aws CLI, boto3 and Terraform make and read them."""

import json

import botocore.exceptions
import pytest


@pytest.fixture(scope="module")
def ec2(server):
    return server.client("ec2")


def refusal(call, **given):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**given)
    return caught.value.response["Error"]["Code"]


def tagged(kind, **tags):
    return [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}]


@pytest.fixture(scope="module")
def vpc(ec2):
    return ec2.create_vpc(CidrBlock="10.9.0.7/16", TagSpecifications=tagged("vpc", Name="mine"))["Vpc"]


def by_vpc(vpc):
    return [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]


def test_a_vpc_comes_with_a_group_and_a_route_table(ec2, vpc):
    assert (vpc["CidrBlock"], vpc["State"], vpc["IsDefault"]) == ("10.9.0.0/16", "available", False)
    assert vpc["Tags"] == [{"Key": "Name", "Value": "mine"}]
    assert vpc["CidrBlockAssociationSet"][0]["CidrBlockState"]["State"] == "associated"
    groups = ec2.describe_security_groups(Filters=by_vpc(vpc))["SecurityGroups"]
    assert [group["GroupName"] for group in groups] == ["default"]
    table, = ec2.describe_route_tables(Filters=by_vpc(vpc) + [{"Name": "association.main", "Values": ["true"]}])["RouteTables"]
    assert [(route["DestinationCidrBlock"], route["GatewayId"]) for route in table["Routes"]] == [("10.9.0.0/16", "local")]
    ec2.get_waiter("vpc_available").wait(VpcIds=[vpc["VpcId"]])
    assert [found["VpcId"] for found in ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["mi*"]}])["Vpcs"]] == [vpc["VpcId"]]


def test_attributes_of_a_vpc(ec2, vpc):
    def attribute(name, key):
        return ec2.describe_vpc_attribute(VpcId=vpc["VpcId"], Attribute=name)[key]["Value"]
    assert attribute("enableDnsSupport", "EnableDnsSupport") is True
    assert attribute("enableDnsHostnames", "EnableDnsHostnames") is False
    assert attribute("enableNetworkAddressUsageMetrics", "EnableNetworkAddressUsageMetrics") is False
    ec2.modify_vpc_attribute(VpcId=vpc["VpcId"], EnableDnsHostnames={"Value": True})
    assert attribute("enableDnsHostnames", "EnableDnsHostnames") is True


@pytest.mark.parametrize("cidr, code", [("10.0.0.0/8", "InvalidVpc.Range"), ("10.0.0.0/29", "InvalidVpc.Range"),
                                        ("10.0.0/16", "InvalidParameterValue"), ("ten", "InvalidParameterValue"),
                                        ("10.0.0.256/16", "InvalidParameterValue"), ("10.0.0.0/", "InvalidParameterValue")])
def test_ranges_that_no_vpc_has(ec2, cidr, code):
    before = len(ec2.describe_vpcs()["Vpcs"])
    assert refusal(ec2.create_vpc, CidrBlock=cidr) == code
    assert len(ec2.describe_vpcs()["Vpcs"]) == before


def test_subnets_stand_in_their_vpc_and_apart(ec2, vpc):
    make = ec2.create_subnet
    first = make(VpcId=vpc["VpcId"], CidrBlock="10.9.1.0/24", AvailabilityZone="us-east-1b",
                 TagSpecifications=tagged("subnet", tier="web"))["Subnet"]
    assert (first["AvailabilityZone"], first["AvailableIpAddressCount"], first["MapPublicIpOnLaunch"]) == ("us-east-1b", 251, False)
    assert first["SubnetArn"].endswith(f":subnet/{first['SubnetId']}")
    assert refusal(make, VpcId=vpc["VpcId"], CidrBlock="10.9.1.128/25") == "InvalidSubnet.Conflict"
    assert refusal(make, VpcId=vpc["VpcId"], CidrBlock="10.10.1.0/24") == "InvalidSubnet.Range"
    assert refusal(make, VpcId=vpc["VpcId"], CidrBlock="10.9.2.0/24", AvailabilityZone="mars-1a") == "InvalidParameterValue"
    assert refusal(make, VpcId="vpc-00000000000000000", CidrBlock="10.9.2.0/24") == "InvalidVpcID.NotFound"
    assert refusal(make, VpcId="vpc-x", CidrBlock="10.9.2.0/24") == "InvalidVpcID.Malformed"
    second = make(VpcId=vpc["VpcId"], CidrBlock="10.9.2.0/24")["Subnet"]
    assert second["AvailabilityZone"] == "us-east-1a"
    ec2.modify_subnet_attribute(SubnetId=first["SubnetId"], MapPublicIpOnLaunch={"Value": True})
    shown = ec2.describe_subnets(Filters=by_vpc(vpc) + [{"Name": "tag-key", "Values": ["tier"]}])["Subnets"]
    assert [(subnet["SubnetId"], subnet["MapPublicIpOnLaunch"]) for subnet in shown] == [(first["SubnetId"], True)]
    ec2.delete_subnet(SubnetId=second["SubnetId"])
    assert refusal(ec2.describe_subnets, SubnetIds=[second["SubnetId"]]) == "InvalidSubnetID.NotFound"


def test_the_way_to_the_internet(ec2, vpc):
    subnet = ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.9.3.0/24")["Subnet"]["SubnetId"]
    gateway = ec2.create_internet_gateway(TagSpecifications=tagged("internet-gateway", Name="out"))["InternetGateway"]
    gateway_id = gateway["InternetGatewayId"]
    assert gateway["Attachments"] == []
    table = ec2.create_route_table(VpcId=vpc["VpcId"])["RouteTable"]["RouteTableId"]
    route = {"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway_id}
    assert refusal(ec2.create_route, **route) == "InvalidParameterValue"
    ec2.attach_internet_gateway(InternetGatewayId=gateway_id, VpcId=vpc["VpcId"])
    assert refusal(ec2.attach_internet_gateway, InternetGatewayId=gateway_id, VpcId=vpc["VpcId"]) == "Resource.AlreadyAssociated"
    found = ec2.describe_internet_gateways(Filters=[{"Name": "attachment.vpc-id", "Values": [vpc["VpcId"]]}])["InternetGateways"]
    assert found[0]["Attachments"] == [{"State": "available", "VpcId": vpc["VpcId"]}]
    assert ec2.create_route(**route)["Return"] is True
    assert ec2.create_route(**route)["Return"] is True
    association = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    assert association["AssociationState"]["State"] == "associated"
    assert refusal(ec2.associate_route_table, RouteTableId=table, SubnetId=subnet) == "Resource.AlreadyAssociated"
    shown, = ec2.describe_route_tables(Filters=[{"Name": "association.subnet-id", "Values": [subnet]}])["RouteTables"]
    assert shown["RouteTableId"] == table and len(shown["Routes"]) == 2
    assert refusal(ec2.delete_route_table, RouteTableId=table) == "DependencyViolation"
    assert refusal(ec2.delete_internet_gateway, InternetGatewayId=gateway_id) == "DependencyViolation"
    assert refusal(ec2.delete_vpc, VpcId=vpc["VpcId"]) == "DependencyViolation"
    main, = ec2.describe_route_tables(Filters=by_vpc(vpc) + [{"Name": "association.main", "Values": ["true"]}])["RouteTables"]
    replaced = ec2.replace_route_table_association(AssociationId=association["AssociationId"], RouteTableId=main["RouteTableId"])
    ec2.disassociate_route_table(AssociationId=replaced["NewAssociationId"])
    assert refusal(ec2.disassociate_route_table, AssociationId=main["Associations"][0]["RouteTableAssociationId"]) == "InvalidParameterValue"
    ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
    assert refusal(ec2.delete_route, RouteTableId=table, DestinationCidrBlock="0.0.0.0/0") == "InvalidRoute.NotFound"
    assert refusal(ec2.delete_route, RouteTableId=table, DestinationCidrBlock="10.9.0.0/16") == "InvalidParameterValue"
    ec2.delete_route_table(RouteTableId=table)
    ec2.detach_internet_gateway(InternetGatewayId=gateway_id, VpcId=vpc["VpcId"])
    ec2.delete_internet_gateway(InternetGatewayId=gateway_id)
    ec2.delete_subnet(SubnetId=subnet)


def test_interfaces_of_one_s_own(ec2, vpc):
    subnet = ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.9.4.0/28")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="eni", Description="x", VpcId=vpc["VpcId"])["GroupId"]
    made = ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress="10.9.4.9", Description="spare",
                                        TagSpecifications=tagged("network-interface", a="b"))["NetworkInterface"]
    assert (made["PrivateIpAddress"], made["Status"], made["TagSet"]) == ("10.9.4.9", "available", [{"Key": "a", "Value": "b"}])
    assert refusal(ec2.create_network_interface, SubnetId=subnet, PrivateIpAddress="10.9.4.9") == "InvalidIPAddress.InUse"
    assert refusal(ec2.create_network_interface, SubnetId=subnet, PrivateIpAddress="10.9.4.2") == "InvalidParameterValue"
    assert refusal(ec2.delete_subnet, SubnetId=subnet) == "DependencyViolation"
    ec2.modify_network_interface_attribute(NetworkInterfaceId=made["NetworkInterfaceId"], Groups=[group])
    ec2.modify_network_interface_attribute(NetworkInterfaceId=made["NetworkInterfaceId"], Description={"Value": "changed"})
    shown, = ec2.describe_network_interfaces(NetworkInterfaceIds=[made["NetworkInterfaceId"]])["NetworkInterfaces"]
    assert shown["Description"] == "changed" and [one["GroupId"] for one in shown["Groups"]] == [group]
    assert refusal(ec2.delete_security_group, GroupId=group) == "DependencyViolation"
    for i in range(10):
        ec2.create_network_interface(SubnetId=subnet)
    assert refusal(ec2.create_network_interface, SubnetId=subnet) == "InsufficientFreeAddressesInSubnet"
    for interface in ec2.describe_network_interfaces(Filters=[{"Name": "subnet-id", "Values": [subnet]}])["NetworkInterfaces"]:
        ec2.delete_network_interface(NetworkInterfaceId=interface["NetworkInterfaceId"])
    ec2.delete_security_group(GroupId=group)
    ec2.delete_subnet(SubnetId=subnet)


def test_tags_come_and_go(ec2, vpc):
    resource = vpc["VpcId"]
    ec2.create_tags(Resources=[resource], Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    ec2.create_tags(Resources=[resource], Tags=[{"Key": "a", "Value": "3"}])
    mine = [{"Name": "resource-id", "Values": [resource]}, {"Name": "resource-type", "Values": ["vpc"]}]

    def tags():
        pages = ec2.get_paginator("describe_tags").paginate(Filters=mine, PaginationConfig={"PageSize": 5})
        return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
    assert tags() == {"Name": "mine", "a": "3", "b": "2"}
    ec2.delete_tags(Resources=[resource], Tags=[{"Key": "a", "Value": "other"}, {"Key": "b"}])
    assert tags() == {"Name": "mine", "a": "3"}
    ec2.delete_tags(Resources=[resource], Tags=[{"Key": "a"}])
    assert refusal(ec2.create_tags, Resources=[resource], Tags=[{"Key": "aws:x", "Value": ""}]) == "InvalidParameterValue"
    assert refusal(ec2.create_tags, Resources=["i-nothing"], Tags=[{"Key": "x", "Value": ""}]) == "InvalidID"
    assert refusal(ec2.create_tags, Resources=[resource], Tags=[{"Key": f"k{i}", "Value": ""} for i in range(51)]) == "TagLimitExceeded"
    assert tags() == {"Name": "mine"}


def test_an_empty_vpc_is_deleted(ec2):
    made = ec2.create_vpc(CidrBlock="10.77.0.0/20")["Vpc"]["VpcId"]
    ec2.delete_vpc(VpcId=made)
    assert refusal(ec2.describe_vpcs, VpcIds=[made]) == "InvalidVpcID.NotFound"
    assert ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [made]}])["RouteTables"] == []
    assert ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [made]}])["SecurityGroups"] == []


def test_regions_and_zones(server, ec2):
    assert "eu-central-1" in server.aws("ec2", "describe-regions", "--query", "Regions[].RegionName")
    assert json.loads(server.aws("ec2", "describe-availability-zones", "--query", "AvailabilityZones[].ZoneName",
                                 "--output", "json")) == ["us-east-1a", "us-east-1b", "us-east-1c"]
    named = ec2.describe_availability_zones(Filters=[{"Name": "zone-id", "Values": ["*az2"]}])["AvailabilityZones"]
    assert [zone["ZoneName"] for zone in named] == ["us-east-1b"]
    assert refusal(ec2.describe_regions, RegionNames=["mars-1"]) == "InvalidParameterValue"


@pytest.mark.parametrize("call", ["create_vpc", "describe_vpcs", "create_internet_gateway"])
def test_a_dry_run_changes_nothing(ec2, call):
    given = {"CidrBlock": "10.5.0.0/16"} if call == "create_vpc" else {}
    before = len(ec2.describe_vpcs()["Vpcs"])
    assert refusal(getattr(ec2, call), DryRun=True, **given) == "DryRunOperation"
    assert len(ec2.describe_vpcs()["Vpcs"]) == before


def test_pages_of_subnets(ec2):
    pages = list(ec2.get_paginator("describe_subnets").paginate(PaginationConfig={"PageSize": 5}))
    assert sum(len(page["Subnets"]) for page in pages) == len(ec2.describe_subnets()["Subnets"])
    assert refusal(ec2.describe_subnets, NextToken="made-up") == "InvalidNextToken"
    assert refusal(ec2.describe_subnets, Filters=[{"Name": "colour", "Values": ["blue"]}]) == "InvalidParameterValue"


def test_the_default_acl_lets_everything_pass(ec2, vpc):
    subnets = {subnet["SubnetId"] for subnet in ec2.describe_subnets(Filters=by_vpc(vpc))["Subnets"]}
    acl, = ec2.describe_network_acls(Filters=by_vpc(vpc) + [{"Name": "default", "Values": ["true"]}])["NetworkAcls"]
    assert acl["IsDefault"] and {association["SubnetId"] for association in acl["Associations"]} == subnets
    assert sorted((entry["Egress"], entry["RuleNumber"], entry["RuleAction"]) for entry in acl["Entries"]) == [
        (False, 100, "allow"), (False, 32767, "deny"), (True, 100, "allow"), (True, 32767, "deny")]
    assert ec2.describe_network_acls(NetworkAclIds=[acl["NetworkAclId"]])["NetworkAcls"] == [acl]
    assert refusal(ec2.describe_network_acls, NetworkAclIds=["acl-0"]) == "InvalidNetworkAclID.NotFound"


def test_rules_one_by_one(ec2, vpc):
    group = ec2.create_security_group(GroupName="rules", Description="x", VpcId=vpc["VpcId"])["GroupId"]
    made = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]} for port in range(1, 8)])
    ids = {rule["SecurityGroupRuleId"] for rule in made["SecurityGroupRules"]}
    mine = [{"Name": "group-id", "Values": [group]}]
    pages = list(ec2.get_paginator("describe_security_group_rules").paginate(Filters=mine, PaginationConfig={"PageSize": 5}))
    rules = [rule for page in pages for rule in page["SecurityGroupRules"]]
    assert len(pages) == 2 and len(rules) == 8  # seven, and the way out that every group begins with
    assert {rule["SecurityGroupRuleId"] for rule in rules if not rule["IsEgress"]} == ids
    one = sorted(ids)[0]
    assert ec2.describe_security_group_rules(SecurityGroupRuleIds=[one])["SecurityGroupRules"][0]["GroupId"] == group
    ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[one])
    assert refusal(ec2.describe_security_group_rules, SecurityGroupRuleIds=[one]) == "InvalidSecurityGroupRuleId.NotFound"
    ec2.delete_security_group(GroupId=group)


def test_interfaces_by_group(ec2, vpc):
    group = ec2.create_security_group(GroupName="by-group", Description="x", VpcId=vpc["VpcId"])["GroupId"]
    subnet = ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.9.8.0/28")["Subnet"]["SubnetId"]
    made = ec2.create_network_interface(SubnetId=subnet, Groups=[group])["NetworkInterface"]["NetworkInterfaceId"]
    found = ec2.describe_network_interfaces(Filters=[{"Name": "group-id", "Values": [group]}])["NetworkInterfaces"]
    assert [interface["NetworkInterfaceId"] for interface in found] == [made]
    ec2.delete_network_interface(NetworkInterfaceId=made)
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_security_group(GroupId=group)
