"""Security groups and their rules, as the aws CLI, boto3 and Terraform make, change and read them."""

import json

import botocore.exceptions
import pytest


@pytest.fixture(scope="module")
def ec2(server):
    return server.client("ec2")


@pytest.fixture(scope="module")
def vpc(ec2):
    return ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]


@pytest.fixture
def group(ec2, vpc):
    made = ec2.create_security_group(GroupName="tested", Description="for a test", VpcId=vpc)["GroupId"]
    yield made
    ec2.delete_security_group(GroupId=made)


def refusal(call, **given):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**given)
    return caught.value.response["Error"]


def code(call, **given):
    return refusal(call, **given)["Code"]


def tcp(port, *cidrs, **more):
    return [{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": cidr} for cidr in cidrs], **more}]


def rules(ec2, group, egress=False):
    found = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    return [rule for rule in found if rule["IsEgress"] == egress]


def shown(ec2, group):
    return ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]


def test_a_new_group_lets_everything_out_and_nothing_in(ec2, vpc, group):
    made = shown(ec2, group)
    assert (made["GroupName"], made["Description"], made["VpcId"], made["OwnerId"]) == ("tested", "for a test", vpc, "000000000000")
    assert made["IpPermissions"] == []
    assert made["IpPermissionsEgress"] == [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [],
                                            "PrefixListIds": [], "UserIdGroupPairs": []}]


@pytest.mark.parametrize("name, description, wanted", [
    ("", "x", "InvalidParameterValue"), ("sg-mine", "x", "InvalidParameterValue"), ("default", "x", "InvalidParameterValue"),
    ("n" * 256, "x", "InvalidParameterValue"), ("näme", "x", "InvalidParameterValue"), ("ok", "tab\there", "InvalidParameterValue"),
    ("ok", "d" * 256, "InvalidParameterValue"),
    ("tested", "x", "InvalidGroup.Duplicate"),
    ("TESTED", "x", "InvalidGroup.Duplicate"), ("tested  ", "x", "InvalidGroup.Duplicate"), ("Default", "x", "InvalidParameterValue"),
    ("  ", "x", "InvalidParameterValue")])
def test_names_that_no_group_has(ec2, vpc, group, name, description, wanted):
    before = len(ec2.describe_security_groups()["SecurityGroups"])
    assert code(ec2.create_security_group, GroupName=name, Description=description, VpcId=vpc) == wanted
    assert len(ec2.describe_security_groups()["SecurityGroups"]) == before


def test_a_name_is_kept_without_spaces_at_its_end(ec2, vpc):
    made = ec2.create_security_group(GroupName="with spaces  ", Description="x", VpcId=vpc)["GroupId"]
    assert shown(ec2, made)["GroupName"] == "with spaces"
    ec2.delete_security_group(GroupId=made)


@pytest.mark.parametrize("permission, message", [
    ({"IpProtocol": "tcp", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, "Must specify both from and to ports with TCP/UDP."),
    ({"IpProtocol": "tcp", "FromPort": 80, "ToPort": 79, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, "Invalid TCP/UDP port range (80:79)"),
    ({"IpProtocol": "udp", "FromPort": -1, "ToPort": 5, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, "TCP/UDP port (-1) out of range"),
    ({"IpProtocol": "tcp", "FromPort": 1, "ToPort": 65536, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, "TCP/UDP port (65536) out of range"),
    ({"IpProtocol": "icmp", "FromPort": 256, "ToPort": 0, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, "ICMP type (256) out of range"),
    ({"IpProtocol": "smtp", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, "Unknown protocol"),
    ({"IpProtocol": "256", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, "Unknown protocol"),
    ({"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.0.0.0/33"}]}, "CIDR block 10.0.0.0/33 is malformed"),
    ({"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.0.0.0"}]}, "CIDR block 10.0.0.0 is malformed"),
    ({"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "fe80::1::/64"}]}, "CIDR block fe80::1::/64 is malformed"),
    ({"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "ü"}]}, "Invalid rule description"),
])
def test_rules_that_do_not_exist(ec2, group, permission, message):
    error = refusal(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[permission])
    assert error["Code"] == "InvalidParameterValue" and message in error["Message"]
    assert rules(ec2, group) == []


def test_rules_come_back_as_they_are(ec2, vpc, group):
    other = ec2.create_security_group(GroupName="other", Description="x", VpcId=vpc)["GroupId"]
    permissions = [
        {"IpProtocol": "6", "FromPort": 443, "ToPort": 444, "IpRanges": [{"CidrIp": "192.0.2.77/24", "Description": "office"}],
         "Ipv6Ranges": [{"CidrIpv6": "2001:DB8::1/32"}]},
        {"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
        {"IpProtocol": "-1", "FromPort": 1, "ToPort": 2, "UserIdGroupPairs": [{"GroupId": group}, {"GroupId": other, "Description": "friends"}]},
        {"IpProtocol": "50", "IpRanges": [{"CidrIp": "198.51.100.0/24"}]}]
    made = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=permissions,
        TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": [{"Key": "a", "Value": "b"}]}])
    assert len(made["SecurityGroupRules"]) == 6
    for rule in made["SecurityGroupRules"]:
        assert rule["Tags"] == [{"Key": "a", "Value": "b"}]
    first = rules(ec2, group)[0]
    assert (first["IpProtocol"], first["FromPort"], first["ToPort"], first["CidrIpv4"], first["Description"]) == (
        "tcp", 443, 444, "192.0.2.0/24", "office")
    tcp_, icmp, everything, esp = shown(ec2, group)["IpPermissions"]
    assert tcp_["Ipv6Ranges"] == [{"CidrIpv6": "2001:db8::/32"}]
    assert (icmp["IpProtocol"], icmp["FromPort"], icmp["ToPort"]) == ("icmp", 8, -1)
    assert "FromPort" not in everything and len(everything["UserIdGroupPairs"]) == 2
    assert (esp["IpProtocol"], esp["FromPort"], esp["ToPort"]) == ("50", -1, -1)

    def found(name, value):
        return [one["GroupId"] for one in ec2.describe_security_groups(Filters=[{"Name": name, "Values": [value]}])["SecurityGroups"]]
    assert found("ip-permission.cidr", "192.0.2.*") == [group]
    assert found("ip-permission.ipv6-cidr", "2001:db8::/32") == [group]
    assert found("ip-permission.from-port", "443") == [group]
    assert found("ip-permission.group-id", other) == [group]
    assert found("egress.ip-permission.group-id", other) == []
    assert code(ec2.delete_security_group, GroupId=other) == "DependencyViolation"
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=shown(ec2, group)["IpPermissions"])
    assert rules(ec2, group) == []
    ec2.delete_security_group(GroupId=other)


def test_a_rule_exists_once(ec2, group):
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=tcp(80, "10.0.0.0/8"))
    error = refusal(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=tcp(80, "10.1.2.3/8"))
    assert error == {"Code": "InvalidPermission.Duplicate", "Message":
        'the specified rule "peer: 10.0.0.0/8, TCP, from port: 80, to port: 80, ALLOW" already exists'}
    assert refusal(ec2.authorize_security_group_egress, GroupId=group,
                   IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])["Message"] == (
        'the specified rule "peer: 0.0.0.0/0, ALL, ALLOW" already exists')
    assert refusal(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=tcp(81, "10.0.0.0/8", "10.0.0.0/8")) == {
        "Code": "InvalidParameterValue", "Message": "The same permission must not appear multiple times"}
    assert len(rules(ec2, group)) == 1


def test_sixty_rules_a_direction(ec2, group):
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=tcp(80, *[f"10.0.{i}.0/24" for i in range(60)]))
    assert code(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=tcp(80, "10.9.0.0/24")) == "RulesPerSecurityGroupLimitExceeded"
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=tcp(80, "10.9.0.0/24"))
    assert len(rules(ec2, group)) == 60


def test_revoking_what_is_not_there(ec2, group):
    assert code(ec2.revoke_security_group_ingress, GroupId=group, IpPermissions=tcp(80, "10.0.0.0/8")) == "InvalidPermission.NotFound"
    missing = "sgr-00000000000000000"
    assert code(ec2.revoke_security_group_ingress, GroupId=group, SecurityGroupRuleIds=[missing]) == "InvalidSecurityGroupRuleId.NotFound"
    assert code(ec2.revoke_security_group_ingress, GroupId=group) == "MissingParameter"
    egress, = rules(ec2, group, egress=True)
    assert code(ec2.revoke_security_group_ingress, GroupId=group,
                SecurityGroupRuleIds=[egress["SecurityGroupRuleId"]]) == "InvalidSecurityGroupRuleId.NotFound"
    ec2.revoke_security_group_egress(GroupId=group, SecurityGroupRuleIds=[egress["SecurityGroupRuleId"]])
    assert rules(ec2, group, egress=True) == []


def test_in_the_default_vpc_unknown_rules_are_told(ec2):
    group = ec2.create_security_group(GroupName="lenient", Description="x")["GroupId"]
    ec2.authorize_security_group_ingress(GroupName="lenient", IpPermissions=tcp(80, "10.0.0.0/8"))
    done = ec2.revoke_security_group_ingress(GroupName="lenient", IpPermissions=tcp(80, "10.0.0.0/8", "172.16.0.0/12"))
    assert done["Return"] is True
    assert done["UnknownIpPermissions"][0]["IpRanges"] == [{"CidrIp": "172.16.0.0/12"}]
    assert rules(ec2, group) == []
    ec2.delete_security_group(GroupName="lenient")
    assert "in default VPC" in refusal(ec2.delete_security_group, GroupName="lenient")["Message"]


def test_rules_are_modified_in_place(ec2, vpc, group):
    made = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=tcp(80, "10.0.0.0/8", "172.16.0.0/12"))
    one, two = [rule["SecurityGroupRuleId"] for rule in made["SecurityGroupRules"]]

    def modify(rule, **change):
        return {"GroupId": group, "SecurityGroupRules": [{"SecurityGroupRuleId": rule, "SecurityGroupRule": change}]}
    ec2.modify_security_group_rules(**modify(one, IpProtocol="tcp", FromPort=8080, ToPort=8081, CidrIpv4="192.0.2.0/24", Description="new"))
    changed = next(rule for rule in rules(ec2, group) if rule["SecurityGroupRuleId"] == one)
    assert (changed["FromPort"], changed["ToPort"], changed["CidrIpv4"], changed["Description"]) == (8080, 8081, "192.0.2.0/24", "new")
    before = rules(ec2, group)
    assert code(ec2.modify_security_group_rules, **modify(two, IpProtocol="tcp", FromPort=8080, ToPort=8081,
                                                          CidrIpv4="192.0.2.0/24")) == "InvalidPermission.Duplicate"
    assert code(ec2.modify_security_group_rules, **modify("sgr-00000000000000000", IpProtocol="-1", CidrIpv4="0.0.0.0/0")) == "InvalidSecurityGroupRuleId.NotFound"
    assert code(ec2.modify_security_group_rules, **modify(two, IpProtocol="-1")) == "MissingParameter"
    assert code(ec2.modify_security_group_rules, **modify(two, IpProtocol="-1", CidrIpv4="0.0.0.0/0", CidrIpv6="::/0")) == "InvalidParameterCombination"
    assert code(ec2.modify_security_group_rules, **modify(two, IpProtocol="-1", PrefixListId="pl-12345678")) == "InvalidPrefixListID.NotFound"
    assert rules(ec2, group) == before


def test_descriptions_of_rules(ec2, group):
    made = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=tcp(80, "10.0.0.0/8", "172.16.0.0/12"))
    one, two = [rule["SecurityGroupRuleId"] for rule in made["SecurityGroupRules"]]
    described = tcp(80)
    described[0]["IpRanges"] = [{"CidrIp": "10.0.0.0/8", "Description": "inside"}]
    assert ec2.update_security_group_rule_descriptions_ingress(GroupId=group, IpPermissions=described)["Return"] is True
    ec2.update_security_group_rule_descriptions_ingress(
        GroupId=group, SecurityGroupRuleDescriptions=[{"SecurityGroupRuleId": two, "Description": "by id"}])
    assert {rule["SecurityGroupRuleId"]: rule["Description"] for rule in rules(ec2, group)} == {one: "inside", two: "by id"}
    assert code(ec2.update_security_group_rule_descriptions_egress, GroupId=group, IpPermissions=described) == "InvalidPermission.NotFound"
    assert code(ec2.update_security_group_rule_descriptions_ingress, GroupId=group) == "MissingParameter"


def test_rules_have_tags(ec2, group):
    rule = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=tcp(80, "10.0.0.0/8"))["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    ec2.create_tags(Resources=[rule, group], Tags=[{"Key": "Name", "Value": "web"}])
    tagged = ec2.describe_security_group_rules(Filters=[{"Name": "tag:Name", "Values": ["w?b"]}])["SecurityGroupRules"]
    assert [one["SecurityGroupRuleId"] for one in tagged] == [rule]
    told = ec2.describe_tags(Filters=[{"Name": "key", "Values": ["Name"]}, {"Name": "value", "Values": ["web"]}])["Tags"]
    assert {(tag["ResourceType"], tag["ResourceId"]) for tag in told} == {("security-group", group), ("security-group-rule", rule)}
    ec2.delete_tags(Resources=[rule], Tags=[{"Key": "Name"}])
    assert "Tags" not in ec2.describe_security_group_rules(SecurityGroupRuleIds=[rule])["SecurityGroupRules"][0] or not \
        ec2.describe_security_group_rules(SecurityGroupRuleIds=[rule])["SecurityGroupRules"][0]["Tags"]


def test_groups_of_other_networks_do_not_mix(ec2, vpc, group):
    stranger = ec2.create_security_group(GroupName="stranger", Description="x")["GroupId"]
    pair = [{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": stranger}]}]
    assert code(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=pair) == "InvalidGroup.NotFound"
    pair = [{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-x"}]}]
    assert code(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=pair) == "InvalidGroupId.Malformed"
    pair = [{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group, "UserId": "111111111111"}]}]
    assert code(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=pair) == "InvalidGroup.NotFound"
    ec2.delete_security_group(GroupId=stranger)


def test_the_default_group_stays(ec2, vpc):
    default, = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}])["SecurityGroups"]
    assert default["IpPermissions"][0]["UserIdGroupPairs"][0]["GroupId"] == default["GroupId"]
    assert code(ec2.delete_security_group, GroupId=default["GroupId"]) == "CannotDelete"


def test_with_the_aws_cli(server, ec2, group):
    server.aws("ec2", "authorize-security-group-ingress", "--group-id", group, "--protocol", "tcp", "--port", "8000-8010", "--cidr", "192.0.2.0/24")
    server.aws("ec2", "authorize-security-group-ingress", "--group-id", group, "--protocol", "all", "--source-group", group)
    server.aws("ec2", "authorize-security-group-ingress", "--group-id", group, "--ip-permissions",
               "IpProtocol=icmpv6,FromPort=-1,ToPort=-1,Ipv6Ranges=[{CidrIpv6=::/0}]")
    told = json.loads(server.aws("ec2", "describe-security-groups", "--group-ids", group, "--output", "json"))["SecurityGroups"][0]
    assert [(one["IpProtocol"], one.get("FromPort"), one.get("ToPort")) for one in told["IpPermissions"]] == [
        ("tcp", 8000, 8010), ("-1", None, None), ("icmpv6", -1, -1)]
    server.aws("ec2", "revoke-security-group-ingress", "--group-id", group, "--protocol", "all", "--source-group", group)
    server.aws("ec2", "revoke-security-group-ingress", "--group-id", group, "--protocol", "tcp", "--port", "8000-8010", "--cidr", "192.0.2.0/24")
    assert len(rules(ec2, group)) == 1
