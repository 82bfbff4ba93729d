"""VPCs and what stands in them, as the aws CLI, boto3 and Terraform make and read them."""

import json

import botocore.config
import botocore.exceptions
import pytest
from conftest import StandIn

unchecked = botocore.config.Config(parameter_validation=False, retries={"max_attempts": 0}, proxies={})


@pytest.fixture(scope="module")
def ec2(server):
    return server.client("ec2")


def refusal(call, **given):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**given)
    return caught.value.response["Error"]["Code"]


def message(call, **given):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**given)
    return caught.value.response["Error"]["Message"]


def tagged(kind, **tags):
    return [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}]


@pytest.fixture(scope="module")
def vpc(ec2):
    return ec2.create_vpc(CidrBlock="10.9.0.7/16", TagSpecifications=tagged("vpc", Name="mine"))["Vpc"]


def default_subnet(ec2):
    return ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"][0]


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


def test_one_attribute_at_a_time(ec2, vpc):
    subnet = default_subnet(ec2)["SubnetId"]
    interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    group = ec2.create_security_group(GroupName="one-attribute", Description="x")["GroupId"]
    on, off = {"Value": True}, {"Value": False}
    for call, given in ((ec2.modify_vpc_attribute, {"VpcId": vpc["VpcId"]}),
                        (ec2.modify_vpc_attribute, {"VpcId": vpc["VpcId"], "EnableDnsSupport": on, "EnableDnsHostnames": on}),
                        (ec2.modify_subnet_attribute, {"SubnetId": subnet}),
                        (ec2.modify_subnet_attribute, {"SubnetId": subnet, "MapPublicIpOnLaunch": off, "EnableDns64": off}),
                        (ec2.modify_network_interface_attribute, {"NetworkInterfaceId": interface}),
                        (ec2.modify_network_interface_attribute, {"NetworkInterfaceId": interface, "Groups": [group],
                                                                  "Description": {"Value": "x"}})):
        assert refusal(call, **given) == "InvalidParameterCombination"
    assert default_subnet(ec2)["MapPublicIpOnLaunch"] is True
    ec2.delete_network_interface(NetworkInterfaceId=interface)
    ec2.delete_security_group(GroupId=group)


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
    assert refusal(ec2.create_tags, Resources=["x-nothing"], Tags=[{"Key": "x", "Value": ""}]) == "InvalidID"
    assert refusal(ec2.create_tags, Resources=[resource], Tags=[{"Key": f"k{i}", "Value": ""} for i in range(51)]) == "TagLimitExceeded"
    assert tags() == {"Name": "mine"}


def test_what_tags_may_be(ec2, vpc):
    resource = vpc["VpcId"]
    ec2.create_tags(Resources=[resource], Tags=[{"Key": "ä" * 128, "Value": "ü" * 256}])
    found, = ec2.describe_vpcs(Filters=[{"Name": "tag:" + "ä" * 128, "Values": ["ü*"]}])["Vpcs"]
    assert found["VpcId"] == resource
    ec2.delete_tags(Resources=[resource], Tags=[{"Key": "ä" * 128}])
    for key, value in (("k" * 129, ""), ("", "v"), ("k", "v" * 257), ("AWS:k", "")):
        assert refusal(ec2.create_tags, Resources=[resource], Tags=[{"Key": key, "Value": value}]) == "InvalidParameterValue"
    assert refusal(ec2.create_vpc, CidrBlock="10.8.0.0/16", TagSpecifications=tagged("vpc")) == "InvalidParameterValue"
    assert refusal(ec2.create_vpc, CidrBlock="10.8.0.0/16", TagSpecifications=tagged("subnet", a="b")) == "InvalidParameterValue"
    assert refusal(ec2.create_vpc, CidrBlock="10.8.0.0/16", TagSpecifications=[{"Tags": [{"Key": "a"}]}]) == "InvalidParameterValue"


@pytest.mark.parametrize("count, word, bound", [(-1, "greater", 5), (0, "greater", 5), (4, "greater", 5), (1001, "smaller", 1000),
                                                (2**31 - 1, "smaller", 1000)])
@pytest.mark.parametrize("what", ["tags", "vpcs", "subnets", "security_groups", "network_interfaces"])
def test_pages_have_a_size_in_ec2_s_words(server, what, count, word, bound):
    call = getattr(server.client("ec2", config=unchecked), f"describe_{what}")
    assert refusal(call, MaxResults=count) == "InvalidParameterValue"
    assert message(call, MaxResults=count) == f"Value ( {count} ) for parameter maxResults is invalid. Expecting a value {word} than {bound}."


def test_values_that_no_enumeration_has(server):
    call = server.client("ec2", config=unchecked).create_vpc
    assert message(call, CidrBlock="10.4.0.0/16", InstanceTenancy="half") == "Value (half) for parameter instanceTenancy is invalid."


def test_a_route_has_one_target_and_one_destination(ec2, vpc):
    table = ec2.create_route_table(VpcId=vpc["VpcId"])["RouteTable"]["RouteTableId"]
    everything = {"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0"}
    assert refusal(ec2.create_route, **everything) == "MissingParameter"
    assert message(ec2.create_route, **everything).startswith("The request must contain exactly one of gatewayId, natGatewayId")
    assert refusal(ec2.replace_route, RouteTableId=table, DestinationCidrBlock=vpc["CidrBlock"]) == "InvalidParameterValue"  # local
    assert refusal(ec2.create_route, **everything, GatewayId="igw-1", NatGatewayId="nat-1") == "InvalidParameterCombination"
    assert refusal(ec2.create_route, **everything, NatGatewayId="nat-0123456789abcdef0") == "UnsupportedOperation"
    assert refusal(ec2.create_route, **everything, GatewayId="igw-0123456789abcdef0") == "InvalidGatewayID.NotFound"
    assert refusal(ec2.create_route, **everything, GatewayId="nat-0123456789abcdef0") == "InvalidParameterValue"
    for call in (ec2.create_route, ec2.replace_route, ec2.delete_route):
        given = {} if call == ec2.delete_route else {"GatewayId": "igw-0123456789abcdef0"}
        assert message(call, RouteTableId=table, **given) == (
            "The request must contain the parameter destinationCidrBlock or destinationIpv6CidrBlock")
        assert refusal(call, RouteTableId=table, DestinationIpv6CidrBlock="::/0", **given) == "UnsupportedOperation"
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc["VpcId"])
    ec2.create_route(**everything, GatewayId=gateway)
    assert refusal(ec2.replace_route, **everything) == "MissingParameter"
    assert refusal(ec2.replace_route, **everything, LocalTarget=True) == "UnsupportedOperation"
    ec2.replace_route(**everything, GatewayId=gateway)
    ec2.delete_route_table(RouteTableId=table)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc["VpcId"])
    ec2.delete_internet_gateway(InternetGatewayId=gateway)


def test_interfaces_of_tasks_are_not_the_user_s(server, ec2):
    ecs, subnet = server.client("ecs"), default_subnet(ec2)["SubnetId"]
    ecs.create_cluster(clusterName="interfaces")
    ecs.register_task_definition(family="interfaces", networkMode="awsvpc", cpu="256", memory="512", requiresCompatibilities=["FARGATE"],
                                 containerDefinitions=[{"name": "a", "image": "a"}])
    hosts = StandIn(server)
    try:
        task = ecs.run_task(cluster="interfaces", taskDefinition="interfaces", launchType="FARGATE",
                            networkConfiguration={"awsvpcConfiguration": {"subnets": [subnet]}})["tasks"][0]["taskArn"]
        ecs.get_waiter("tasks_running").wait(cluster="interfaces", tasks=[task], WaiterConfig={"Delay": 1})
        mine = [{"Name": "subnet-id", "Values": [subnet]}, {"Name": "requester-id", "Values": ["amazon-ecs"]}]
        interface, = ec2.describe_network_interfaces(Filters=mine)["NetworkInterfaces"]
        named = {"NetworkInterfaceId": interface["NetworkInterfaceId"]}
        for call, given in ((ec2.modify_network_interface_attribute, {"Description": {"Value": "mine"}}),
                            (ec2.modify_network_interface_attribute, {"Groups": [interface["Groups"][0]["GroupId"]]}),
                            (ec2.delete_network_interface, {})):
            assert refusal(call, **named, **given) == "AuthFailure"
            assert message(call, **named, **given) == "You do not have permission to access the specified resource."
        assert ec2.describe_network_interfaces(NetworkInterfaceIds=list(named.values()))["NetworkInterfaces"] == [interface]
        ecs.stop_task(cluster="interfaces", task=task)
        ecs.get_waiter("tasks_stopped").wait(cluster="interfaces", tasks=[task], WaiterConfig={"Delay": 1})
    finally:
        hosts.stop()


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
    assert refusal(ec2.describe_network_acls, NetworkAclIds=["acl-0123456789abcdef0"]) == "InvalidNetworkAclID.NotFound"
    assert refusal(ec2.describe_network_acls, NetworkAclIds=["acl-0"]) == "InvalidNetworkAclID.Malformed"
    assert refusal(ec2.describe_network_acls, NextToken="made-up") == "InvalidNextToken"


def test_pages_of_what_follows_from_vpcs(ec2):
    made = [ec2.create_vpc(CidrBlock="10.40.0.0/24")["Vpc"]["VpcId"] for _ in range(5)]
    pages = list(ec2.get_paginator("describe_network_acls").paginate(PaginationConfig={"PageSize": 5}))
    assert len(pages) > 1 and all(len(page["NetworkAcls"]) <= 5 for page in pages)
    assert {acl["VpcId"] for page in pages for acl in page["NetworkAcls"]} == {vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"]}
    assert len(ec2.describe_dhcp_options()["DhcpOptions"]) == 1
    for vpc in made:
        ec2.delete_vpc(VpcId=vpc)


@pytest.mark.parametrize("given", [
    {"Ipv4Prefixes": [{"Ipv4Prefix": "172.31.0.16/28"}]}, {"Ipv6Prefixes": [{"Ipv6Prefix": "2001:db8::/80"}]}, {"Ipv6AddressCount": 1},
    {"SecondaryPrivateIpAddressCount": 1}, {"InterfaceType": "efa"}])
def test_interfaces_that_berth_does_not_have(ec2, given):
    subnet = default_subnet(ec2)["SubnetId"]
    assert refusal(ec2.create_network_interface, SubnetId=subnet, **given) == "UnsupportedOperation"


def test_what_is_asked_for_twice_is_told_once(ec2, vpc):
    assert len(ec2.describe_vpcs(VpcIds=[vpc["VpcId"], vpc["VpcId"]])["Vpcs"]) == 1
    assert len(ec2.describe_regions(RegionNames=["us-east-1", "us-east-1"])["Regions"]) == 1


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


FILTERS = {  # as the EC2 API reference lists them, operation by operation
    "describe_vpcs": "cidr cidr-block-association.cidr-block cidr-block-association.association-id cidr-block-association.state "
        "dhcp-options-id ipv6-cidr-block-association.ipv6-cidr-block ipv6-cidr-block-association.ipv6-pool "
        "ipv6-cidr-block-association.association-id ipv6-cidr-block-association.state is-default owner-id state tag:x tag-key vpc-id",
    "describe_subnets": "availability-zone availability-zone-id available-ip-address-count cidr-block customer-owned-ipv4-pool default-for-az "
        "enable-dns64 enable-lni-at-device-index ipv6-cidr-block-association.ipv6-cidr-block ipv6-cidr-block-association.association-id "
        "ipv6-cidr-block-association.state ipv6-native map-customer-owned-ip-on-launch map-public-ip-on-launch outpost-arn owner-id "
        "private-dns-name-options-on-launch.hostname-type private-dns-name-options-on-launch.enable-resource-name-dns-a-record "
        "private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record state subnet-arn subnet-id tag:x tag-key vpc-id",
    "describe_network_interfaces": "association.allocation-id association.association-id addresses.association.owner-id "
        "addresses.association.public-ip addresses.primary addresses.private-ip-address association.ip-owner-id association.public-ip "
        "association.public-dns-name attachment.attachment-id attachment.delete-on-termination attachment.device-index "
        "attachment.instance-id attachment.instance-owner-id attachment.status availability-zone description group-id "
        "ipv6-addresses.ipv6-address interface-type mac-address network-interface-id owner-id private-dns-name private-ip-address "
        "requester-id requester-managed source-dest-check status subnet-id tag:x tag-key vpc-id",
    "describe_internet_gateways": "attachment.state attachment.vpc-id internet-gateway-id owner-id tag:x tag-key",
    "describe_route_tables": "association.gateway-id association.route-table-association-id association.route-table-id "
        "association.subnet-id association.main owner-id route-table-id route.destination-cidr-block route.destination-ipv6-cidr-block "
        "route.destination-prefix-list-id route.egress-only-internet-gateway-id route.gateway-id route.instance-id route.nat-gateway-id "
        "route.transit-gateway-id route.origin route.state route.vpc-peering-connection-id tag:x tag-key vpc-id",
    "describe_network_acls": "association.association-id association.network-acl-id association.subnet-id default entry.cidr "
        "entry.icmp.code entry.icmp.type entry.ipv6-cidr entry.port-range.from entry.port-range.to entry.protocol entry.rule-action "
        "entry.egress entry.rule-number network-acl-id owner-id tag:x tag-key vpc-id",
    "describe_security_groups": "description egress.ip-permission.cidr egress.ip-permission.from-port egress.ip-permission.group-id "
        "egress.ip-permission.group-name egress.ip-permission.ipv6-cidr egress.ip-permission.prefix-list-id egress.ip-permission.protocol "
        "egress.ip-permission.to-port egress.ip-permission.user-id group-id group-name ip-permission.cidr ip-permission.from-port "
        "ip-permission.group-id ip-permission.group-name ip-permission.ipv6-cidr ip-permission.prefix-list-id ip-permission.protocol "
        "ip-permission.to-port ip-permission.user-id owner-id tag:x tag-key vpc-id",
    "describe_security_group_rules": "group-id security-group-rule-id tag:x",
    "describe_dhcp_options": "dhcp-options-id key value owner-id tag:x tag-key",
    "describe_tags": "key resource-id resource-type value",
    "describe_availability_zones": "group-name message opt-in-status parent-zone-id parent-zone-name region-name state zone-id "
        "zone-name zone-type",
    "describe_regions": "endpoint opt-in-status region-name",
    "describe_vpc_endpoints": "ip-address-type service-name tag:x tag-key vpc-id vpc-endpoint-id vpc-endpoint-state vpc-endpoint-type",
    "describe_prefix_lists": "prefix-list-id prefix-list-name",
    "describe_managed_prefix_lists": "owner-id prefix-list-id prefix-list-name",
    "describe_addresses": "allocation-id association-id instance-id network-border-group network-interface-id "
        "network-interface-owner-id private-ip-address public-ip tag:x tag-key",
}


@pytest.mark.parametrize("operation", FILTERS)
def test_every_documented_filter(ec2, operation):
    call = getattr(ec2, operation)
    key = next(name for name, value in call().items() if isinstance(value, list))
    for name in FILTERS[operation].split():
        assert call(Filters=[{"Name": name, "Values": ["nothing-has-this"]}])[key] == [], name
    assert refusal(call, Filters=[{"Name": "no-such-filter", "Values": ["x"]}]) == "InvalidParameterValue"


def test_filters_look_at_what_is_shown(ec2, vpc):
    def found(call, key, **filters):
        given = [{"Name": name.replace("_", "-"), "Values": values} for name, values in filters.items()]
        return call(Filters=given)[key]
    subnet = ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.9.200.0/28")["Subnet"]
    same = found(ec2.describe_subnets, "Subnets", available_ip_address_count=["11"], vpc_id=[vpc["VpcId"]])
    assert subnet["SubnetId"] in [one["SubnetId"] for one in same]
    assert found(ec2.describe_subnets, "Subnets", cidr_block=["10.9.2??.0/28"])[0]["SubnetId"] == subnet["SubnetId"]
    assert found(ec2.describe_subnets, "Subnets", cidr_block=["10.9.2\\?\\?.0/28"]) == []
    assert found(ec2.describe_subnets, "Subnets", map_public_ip_on_launch=["true"], default_for_az=["true"],
                 availability_zone_id=["use1-az3"])[0]["AvailabilityZone"] == "us-east-1c"
    many = [{"Name": "vpc-id", "Values": [f"vpc-{i:08x}" for i in range(201)]}]
    assert refusal(ec2.describe_subnets, Filters=many) == "FilterLimitExceeded"
    ec2.delete_subnet(SubnetId=subnet["SubnetId"])


def test_routes_to_a_gateway_that_is_gone_are_black_holes(ec2):
    vpc = ec2.create_vpc(CidrBlock="10.60.0.0/16")["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    main, = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    ec2.create_route(RouteTableId=main["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)

    def state():
        table, = ec2.describe_route_tables(RouteTableIds=[main["RouteTableId"]])["RouteTables"]
        return {route["DestinationCidrBlock"]: route["State"] for route in table["Routes"]}
    assert state() == {"10.60.0.0/16": "active", "0.0.0.0/0": "active"}
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    assert state() == {"10.60.0.0/16": "active", "0.0.0.0/0": "blackhole"}
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    assert state() == {"10.60.0.0/16": "active", "0.0.0.0/0": "active"}
    assert refusal(ec2.create_route, RouteTableId=main["RouteTableId"], DestinationCidrBlock="10.60.1.0/24", GatewayId=gateway) == "InvalidParameterValue"
    assert refusal(ec2.create_route, RouteTableId=main["RouteTableId"], DestinationCidrBlock="8.8.8.0/24", GatewayId=gateway) == "UnsupportedOperation"
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    ec2.delete_vpc(VpcId=vpc)


def test_what_terraform_reads_of_a_vpc(ec2, vpc):
    options, = ec2.describe_dhcp_options(DhcpOptionsIds=[vpc["DhcpOptionsId"]])["DhcpOptions"]
    assert {one["Key"]: [value["Value"] for value in one["Values"]] for one in options["DhcpConfigurations"]} == {
        "domain-name": ["ec2.internal"], "domain-name-servers": ["AmazonProvidedDNS"]}
    assert {one["DhcpOptionsId"] for one in ec2.describe_vpcs()["Vpcs"]} == {vpc["DhcpOptionsId"]}
    assert refusal(ec2.describe_dhcp_options, DhcpOptionsIds=["dopt-1"]) == "InvalidDhcpOptionID.NotFound"
    subnet = default_subnet(ec2)
    assert subnet["PrivateDnsNameOptionsOnLaunch"] == {"HostnameType": "ip-name", "EnableResourceNameDnsARecord": False,
                                                       "EnableResourceNameDnsAAAARecord": False}
    attributes = {one["AttributeName"]: one["AttributeValues"][0]["AttributeValue"]
                  for one in ec2.describe_account_attributes()["AccountAttributes"]}
    assert attributes["default-vpc"].startswith("vpc-") and attributes["supported-platforms"] == "VPC"
    asked = ec2.describe_account_attributes(AttributeNames=["default-vpc"])["AccountAttributes"]
    assert [one["AttributeName"] for one in asked] == ["default-vpc"]


@pytest.mark.parametrize("operation, given, code", [
    ("describe_vpc_endpoints", {"VpcEndpointIds": ["vpce-00000000000000000"]}, "InvalidVpcEndpointId.NotFound"),
    ("describe_prefix_lists", {"PrefixListIds": ["pl-00000000"]}, "InvalidPrefixListId.NotFound"),
    ("describe_managed_prefix_lists", {"PrefixListIds": ["pl-00000000"]}, "InvalidPrefixListID.NotFound"),
    ("describe_nat_gateways", {"NatGatewayIds": ["nat-00000000000000000"]}, "NatGatewayNotFound"),
    ("describe_addresses", {"PublicIps": ["198.51.100.7"]}, "InvalidAddress.NotFound"),
    ("describe_egress_only_internet_gateways", {"EgressOnlyInternetGatewayIds": ["eigw-00000000000000000"]},
     "InvalidEgressOnlyInternetGatewayId.NotFound")])
def test_what_there_is_none_of(ec2, operation, given, code):
    call = getattr(ec2, operation)
    assert [value for name, value in call().items() if name != "ResponseMetadata"] == [[]]
    assert refusal(call, **given) == code


def test_default_subnets_come_back(open_server):
    ec2 = open_server.client("ec2", aws_access_key_id="333333333333", aws_secret_access_key="x")
    assert refusal(ec2.create_default_subnet, AvailabilityZone="us-east-1a") == "DefaultSubnetAlreadyExistsInAvailabilityZone"
    old, = ec2.describe_subnets(Filters=[{"Name": "availability-zone", "Values": ["us-east-1a"]}])["Subnets"]
    ec2.delete_subnet(SubnetId=old["SubnetId"])
    new = ec2.create_default_subnet(AvailabilityZone="us-east-1a")["Subnet"]
    assert (new["CidrBlock"], new["DefaultForAz"], new["MapPublicIpOnLaunch"]) == (old["CidrBlock"], True, True)
    assert refusal(ec2.create_default_subnet, AvailabilityZone="us-east-1a") == "DefaultSubnetAlreadyExistsInAvailabilityZone"
    assert refusal(ec2.create_default_vpc) == "DefaultVpcAlreadyExists"


def test_attributes_that_subnets_do_not_have(ec2):
    subnet = default_subnet(ec2)["SubnetId"]
    for name in ("AssignIpv6AddressOnCreation", "EnableDns64", "EnableResourceNameDnsARecordOnLaunch", "MapCustomerOwnedIpOnLaunch"):
        ec2.modify_subnet_attribute(SubnetId=subnet, **{name: {"Value": False}})
        assert refusal(ec2.modify_subnet_attribute, SubnetId=subnet, **{name: {"Value": True}}) == "UnsupportedOperation"
    ec2.modify_subnet_attribute(SubnetId=subnet, PrivateDnsHostnameTypeOnLaunch="ip-name")


def test_a_request_that_comes_twice_makes_one(ec2):
    one, two = [subnet["SubnetId"] for subnet in ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"][:2]]
    made = ec2.create_network_interface(SubnetId=one, ClientToken="once")["NetworkInterface"]["NetworkInterfaceId"]
    assert ec2.create_network_interface(SubnetId=one, ClientToken="once")["NetworkInterface"]["NetworkInterfaceId"] == made
    assert refusal(ec2.create_network_interface, SubnetId=two, ClientToken="once") == "IdempotentParameterMismatch"
    ec2.delete_network_interface(NetworkInterfaceId=made)


def test_attributes_of_an_interface(ec2):
    subnet = default_subnet(ec2)["SubnetId"]
    groups = [ec2.create_security_group(GroupName=f"worn{i}", Description="x")["GroupId"] for i in range(6)]
    assert refusal(ec2.create_network_interface, SubnetId=subnet, Groups=groups) == "SecurityGroupsPerInterfaceLimitExceeded"
    made = ec2.create_network_interface(SubnetId=subnet, Groups=groups[:2], Description="it")["NetworkInterface"]["NetworkInterfaceId"]

    def attribute(name):
        return ec2.describe_network_interface_attribute(NetworkInterfaceId=made, Attribute=name)
    assert attribute("description")["Description"]["Value"] == "it"
    assert {one["GroupId"] for one in attribute("groupSet")["Groups"]} == set(groups[:2])
    assert attribute("sourceDestCheck")["SourceDestCheck"]["Value"] is True
    assert "Attachment" not in attribute("attachment")
    ec2.delete_network_interface(NetworkInterfaceId=made)
    for group in groups:
        ec2.delete_security_group(GroupId=group)
