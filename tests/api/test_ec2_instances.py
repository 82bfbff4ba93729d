"""EC2 instances through the API, on hosts that pretend to run them: states, errors, templates, keys, types, images, access."""

import base64
import json

import botocore.exceptions
import pytest

from conftest import StandIn, eventually

IMAGE = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"


@pytest.fixture(scope="module")
def host(server):
    running = StandIn(server, "--hosts", "2", "--cpu", "65536", "--memory", "262144")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def ec2(server, host):
    return server.client("ec2")


@pytest.fixture(scope="module")
def image(server):
    return server.client("ssm").get_parameter(Name=IMAGE)["Parameter"]["Value"]


def code(error):
    return error.value.response["Error"]["Code"]


def run(ec2, image, **more):
    wish = dict(ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1)
    wish.update(more)
    return ec2.run_instances(**wish)


def one(ec2, instance_id):
    return ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]


def wait(ec2, instance_id, state):
    eventually(lambda: one(ec2, instance_id)["State"]["Name"] == state, what=f"state {state}")


def refused(call, expected):
    with pytest.raises(botocore.exceptions.ClientError) as error:
        call()
    assert code(error) == expected
    return error.value.response["Error"]["Message"]


def test_an_image_may_be_named_by_its_public_parameter(ec2, image):
    made = run(ec2, f"resolve:ssm:{IMAGE}")["Instances"][0]
    assert made["ImageId"] == image
    ec2.terminate_instances(InstanceIds=[made["InstanceId"]])


def test_life(ec2, image):
    answer = run(ec2, image, TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "web"}]}])
    made = answer["Instances"][0]
    id = made["InstanceId"]
    assert made["State"] == {"Code": 0, "Name": "pending"}
    assert made["Architecture"] == "x86_64" and made["PrivateIpAddress"].startswith("172.31.")
    assert made["NetworkInterfaces"][0]["Attachment"]["DeviceIndex"] == 0
    ec2.get_waiter("instance_running").wait(InstanceIds=[id], WaiterConfig={"Delay": 1})
    ec2.get_waiter("instance_status_ok").wait(InstanceIds=[id], WaiterConfig={"Delay": 1})
    status = ec2.describe_instance_status(InstanceIds=[id])["InstanceStatuses"][0]
    assert status["SystemStatus"]["Details"] == [{"Name": "reachability", "Status": "passed"}]

    stopping = ec2.stop_instances(InstanceIds=[id])["StoppingInstances"][0]
    assert stopping["PreviousState"]["Name"] == "running" and stopping["CurrentState"]["Name"] == "stopping"
    ec2.get_waiter("instance_stopped").wait(InstanceIds=[id], WaiterConfig={"Delay": 1})
    assert one(ec2, id)["StateReason"] == {
        "Code": "Client.UserInitiatedShutdown", "Message": "Client.UserInitiatedShutdown: User initiated shutdown"}
    assert ec2.describe_instance_status(InstanceIds=[id])["InstanceStatuses"] == []
    everything = ec2.describe_instance_status(InstanceIds=[id], IncludeAllInstances=True)["InstanceStatuses"][0]
    assert everything["InstanceStatus"]["Status"] == "not-applicable"
    refused(lambda: ec2.reboot_instances(InstanceIds=[id]), "IncorrectInstanceState")

    starting = ec2.start_instances(InstanceIds=[id])["StartingInstances"][0]
    assert starting["CurrentState"]["Name"] == "pending"
    wait(ec2, id, "running")
    assert one(ec2, id)["PrivateIpAddress"] == made["PrivateIpAddress"]
    ec2.reboot_instances(InstanceIds=[id])
    assert one(ec2, id)["State"]["Name"] == "running"

    ending = ec2.terminate_instances(InstanceIds=[id])["TerminatingInstances"][0]
    assert ending["CurrentState"] == {"Code": 32, "Name": "shutting-down"}
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[id], WaiterConfig={"Delay": 1})
    assert one(ec2, id)["NetworkInterfaces"] == [] and one(ec2, id)["State"]["Code"] == 48
    refused(lambda: ec2.describe_network_interfaces(
        NetworkInterfaceIds=[made["NetworkInterfaces"][0]["NetworkInterfaceId"]]), "InvalidNetworkInterfaceID.NotFound")
    refused(lambda: ec2.start_instances(InstanceIds=[id]), "IncorrectInstanceState")


def test_promises_come_back(ec2, image):
    """What an instance was promised is given back once, however it ends."""
    for end in ("running", "stopped"):
        id = run(ec2, image, InstanceType="m5.24xlarge")["Instances"][0]["InstanceId"]
        wait(ec2, id, "running")
        if end == "stopped":
            ec2.stop_instances(InstanceIds=[id])
            wait(ec2, id, "stopped")
        ec2.terminate_instances(InstanceIds=[id])
        wait(ec2, id, "terminated")
    # two hosts of 256 GiB promise four times that: five of 384 GiB fit, were nothing given back the last would not
    ids = [i["InstanceId"] for i in run(ec2, image, InstanceType="m5.24xlarge", MinCount=4, MaxCount=5)["Instances"]]
    assert len(ids) >= 4
    refused(lambda: run(ec2, image, InstanceType="m5.24xlarge", MinCount=3, MaxCount=3), "InsufficientInstanceCapacity")
    ec2.terminate_instances(InstanceIds=ids)
    for id in ids:
        wait(ec2, id, "terminated")


def test_filters_and_pages(ec2, image):
    ids = sorted(i["InstanceId"] for i in run(ec2, image, MinCount=6, MaxCount=6, TagSpecifications=[
        {"ResourceType": "instance", "Tags": [{"Key": "page", "Value": "yes"}]}])["Instances"])
    mine = [{"Name": "tag:page", "Values": ["yes"]}]
    found, token = [], None
    while True:
        page = ec2.describe_instances(Filters=mine, MaxResults=5, **({"NextToken": token} if token else {}))
        found += [i["InstanceId"] for r in page["Reservations"] for i in r["Instances"]]
        token = page.get("NextToken")
        if not token:
            break
    assert sorted(found) == ids
    reservation = ec2.describe_instances(InstanceIds=ids)["Reservations"]
    assert len(reservation) == 1 and len(reservation[0]["Instances"]) == 6
    by = ec2.describe_instances(Filters=[{"Name": "reservation-id", "Values": [reservation[0]["ReservationId"]]}])
    assert len(by["Reservations"][0]["Instances"]) == 6
    refused(lambda: ec2.describe_instances(Filters=[{"Name": "nonsense", "Values": ["x"]}]), "InvalidParameterValue")
    ec2.create_tags(Resources=[ids[0]], Tags=[{"Key": "extra", "Value": "1"}])
    assert {"Key": "extra", "Value": "1"} in one(ec2, ids[0])["Tags"]
    tags = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [ids[0]]}])["Tags"]
    assert {t["Key"] for t in tags} == {"page", "extra"} and tags[0]["ResourceType"] == "instance"
    ec2.delete_tags(Resources=[ids[0]], Tags=[{"Key": "extra"}])
    assert len(one(ec2, ids[0])["Tags"]) == 1
    ec2.terminate_instances(InstanceIds=ids)


@pytest.mark.parametrize("change, expected", [
    ({"ImageId": "ami-12345678"}, "InvalidAMIID.NotFound"),
    ({"ImageId": "image"}, "InvalidAMIID.Malformed"),
    ({"ImageId": "resolve:ssm:/nobody's"}, "InvalidParameterValue"),
    ({"InstanceType": "p5.48xlarge"}, "Unsupported"),
    ({"InstanceType": "t4g.micro"}, "InvalidParameterValue"),
    ({"MinCount": 2, "MaxCount": 1}, "InvalidParameterCombination"),
    ({"MinCount": 0}, "InvalidParameterValue"),
    ({"KeyName": "nobody"}, "InvalidKeyPair.NotFound"),
    ({"IamInstanceProfile": {"Name": "nobody"}}, "InvalidParameterValue"),
    ({"SubnetId": "subnet-0123456789abcdef0"}, "InvalidSubnetID.NotFound"),
    ({"SecurityGroupIds": ["sg-0123456789abcdef0"]}, "InvalidGroup.NotFound"),
    ({"MetadataOptions": {"HttpPutResponseHopLimit": 65}}, "InvalidParameterValue"),
    ({"BlockDeviceMappings": [{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 5}}]}, "UnsupportedOperation"),
    ({"InstanceMarketOptions": {"MarketType": "spot"}}, "UnsupportedOperation"),
    ({"CapacityReservationSpecification": {"CapacityReservationPreference": "capacity-reservations-only"}},
     "UnsupportedOperation"),
    ({"PrivateDnsNameOptions": {"HostnameType": "resource-name"}}, "UnsupportedOperation"),
    ({"LaunchTemplate": {"LaunchTemplateName": "nobody"}}, "InvalidLaunchTemplateName.NotFoundException"),
    ({"UserData": "x" * 16385}, "InvalidParameterValue"),
    ({"DryRun": True}, "DryRunOperation"),
])
def test_run_refused(ec2, image, change, expected):
    before = len(ec2.describe_instances()["Reservations"])
    refused(lambda: run(ec2, image, **change), expected)
    assert len(ec2.describe_instances()["Reservations"]) == before


def test_unknown_ids(ec2):
    refused(lambda: ec2.describe_instances(InstanceIds=["i-0123456789abcdef0"]), "InvalidInstanceID.NotFound")
    refused(lambda: ec2.terminate_instances(InstanceIds=["nonsense"]), "InvalidInstanceID.Malformed")
    refused(lambda: ec2.get_console_output(InstanceId="i-0123456789abcdef0"), "InvalidInstanceID.NotFound")


def test_client_token(ec2, image):
    first = run(ec2, image, ClientToken="once")
    again = run(ec2, image, ClientToken="once")
    assert first["ReservationId"] == again["ReservationId"]
    assert [i["InstanceId"] for i in first["Instances"]] == [i["InstanceId"] for i in again["Instances"]]
    refused(lambda: run(ec2, image, ClientToken="once", InstanceType="t3.small"), "IdempotentParameterMismatch")
    ec2.terminate_instances(InstanceIds=[first["Instances"][0]["InstanceId"]])


def test_protection(ec2, image):
    id = run(ec2, image, DisableApiTermination=True)["Instances"][0]["InstanceId"]
    wait(ec2, id, "running")
    assert "disableApiTermination" in refused(lambda: ec2.terminate_instances(InstanceIds=[id]), "OperationNotPermitted")
    ec2.modify_instance_attribute(InstanceId=id, DisableApiTermination={"Value": False})
    assert ec2.describe_instance_attribute(InstanceId=id, Attribute="disableApiTermination")[
        "DisableApiTermination"] == {"Value": False}
    ec2.terminate_instances(InstanceIds=[id])


def test_metadata_options(ec2, image):
    id = run(ec2, image, MetadataOptions={"HttpTokens": "optional"})["Instances"][0]["InstanceId"]
    assert one(ec2, id)["MetadataOptions"]["HttpTokens"] == "optional"
    changed = ec2.modify_instance_metadata_options(InstanceId=id, HttpTokens="required", HttpPutResponseHopLimit=3)
    assert changed["InstanceMetadataOptions"]["HttpPutResponseHopLimit"] == 3
    assert one(ec2, id)["MetadataOptions"]["HttpTokens"] == "required"
    ec2.terminate_instances(InstanceIds=[id])


def test_own_interface(ec2, image):
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    nic = [{"DeviceIndex": 0, "NetworkInterfaceId": interface}]
    id = run(ec2, image, NetworkInterfaces=nic)["Instances"][0]["InstanceId"]
    refused(lambda: run(ec2, image, NetworkInterfaces=nic), "InvalidNetworkInterface.InUse")
    wait(ec2, id, "running")
    ec2.terminate_instances(InstanceIds=[id])
    wait(ec2, id, "terminated")
    left = ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"][0]
    assert left["Status"] == "available"
    ec2.delete_network_interface(NetworkInterfaceId=interface)


def test_key_pairs(ec2, image, tmp_path):
    made = ec2.create_key_pair(KeyName="made")
    assert made["KeyMaterial"].startswith("-----BEGIN") and made["KeyPairId"].startswith("key-")
    assert len(made["KeyFingerprint"].split(":")) == 20
    refused(lambda: ec2.create_key_pair(KeyName="made"), "InvalidKeyPair.Duplicate")
    small = ec2.create_key_pair(KeyName="small", KeyType="ed25519")
    public = ec2.describe_key_pairs(KeyNames=["small"], IncludePublicKey=True)["KeyPairs"][0]["PublicKey"]
    assert public.startswith("ssh-ed25519 ") and "PublicKey" not in ec2.describe_key_pairs(KeyNames=["small"])["KeyPairs"][0]
    imported = ec2.import_key_pair(KeyName="imported", PublicKeyMaterial=public.encode())
    assert imported["KeyFingerprint"] == small["KeyFingerprint"]
    refused(lambda: ec2.import_key_pair(KeyName="bad", PublicKeyMaterial=b"ssh-rsa nonsense"), "InvalidKey.Format")
    id = run(ec2, image, KeyName="imported")["Instances"][0]["InstanceId"]
    assert one(ec2, id)["KeyName"] == "imported"
    for name in ("made", "small", "imported"):
        ec2.delete_key_pair(KeyName=name)
    ec2.delete_key_pair(KeyName="made")
    refused(lambda: ec2.describe_key_pairs(KeyNames=["made"]), "InvalidKeyPair.NotFound")
    ec2.terminate_instances(InstanceIds=[id])


def test_launch_templates(ec2, image):
    data = {"ImageId": image, "InstanceType": "t3.small", "UserData": base64.b64encode(b"#!/bin/sh\n").decode(),
            "MetadataOptions": {"HttpTokens": "optional"},
            "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "from", "Value": "template"}]}]}
    made = ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData=data)["LaunchTemplate"]
    id = made["LaunchTemplateId"]
    assert made["DefaultVersionNumber"] == made["LatestVersionNumber"] == 1
    refused(lambda: ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData=data),
            "InvalidLaunchTemplateName.AlreadyExistsException")
    second = ec2.create_launch_template_version(LaunchTemplateId=id, SourceVersion="1",
                                                LaunchTemplateData={"InstanceType": "t3.medium"})["LaunchTemplateVersion"]
    assert second["VersionNumber"] == 2 and second["LaunchTemplateData"]["ImageId"] == image

    first = run_template(ec2, {"LaunchTemplateName": "web"})
    assert first["InstanceType"] == "t3.small" and first["MetadataOptions"]["HttpTokens"] == "optional"
    assert first["Tags"] == [{"Key": "from", "Value": "template"}]
    latest = run_template(ec2, {"LaunchTemplateId": id, "Version": "$Latest"})
    assert latest["InstanceType"] == "t3.medium"
    over = run_template(ec2, {"LaunchTemplateId": id, "Version": "1"}, InstanceType="t3.nano")
    assert over["InstanceType"] == "t3.nano"
    refused(lambda: run_template(ec2, {"LaunchTemplateId": id, "Version": "9"}), "InvalidLaunchTemplateId.VersionNotFound")

    ec2.modify_launch_template(LaunchTemplateId=id, DefaultVersion="2")
    versions = ec2.describe_launch_template_versions(LaunchTemplateId=id)["LaunchTemplateVersions"]
    assert [(v["VersionNumber"], v["DefaultVersion"]) for v in versions] == [(2, True), (1, False)]
    gone = ec2.delete_launch_template_versions(LaunchTemplateId=id, Versions=["1", "2", "7"])
    assert [v["VersionNumber"] for v in gone["SuccessfullyDeletedLaunchTemplateVersions"]] == [1]
    assert [v["ResponseError"]["Code"] for v in gone["UnsuccessfullyDeletedLaunchTemplateVersions"]] == [
        "unexpectedError", "launchTemplateVersionDoesNotExist"]
    ec2.delete_launch_template(LaunchTemplateName="web")
    refused(lambda: ec2.describe_launch_templates(LaunchTemplateIds=[id]), "InvalidLaunchTemplateId.NotFound")
    ec2.terminate_instances(InstanceIds=[i["InstanceId"] for i in (first, latest, over)])


def run_template(ec2, template, **more):
    return ec2.run_instances(MinCount=1, MaxCount=1, LaunchTemplate=template, **more)["Instances"][0]


def test_types(ec2):
    types = {t["InstanceType"]: t for page in ec2.get_paginator("describe_instance_types").paginate()
             for t in page["InstanceTypes"]}
    assert len(types) > 200
    assert types["m5.large"]["VCpuInfo"]["DefaultVCpus"] == 2 and types["m5.large"]["MemoryInfo"]["SizeInMiB"] == 8192
    assert types["m5.large"]["NetworkInfo"]["MaximumNetworkInterfaces"] == 3
    arm = ec2.describe_instance_types(Filters=[{"Name": "processor-info.supported-architecture", "Values": ["arm64"]}])
    assert "t4g.micro" in {t["InstanceType"] for t in arm["InstanceTypes"]}
    offerings = ec2.describe_instance_type_offerings(LocationType="availability-zone", Filters=[
        {"Name": "instance-type", "Values": ["t3.micro"]}])["InstanceTypeOfferings"]
    assert [o["Location"] for o in offerings] == ["us-east-1a", "us-east-1b", "us-east-1c"]
    refused(lambda: ec2.describe_instance_types(InstanceTypes=["p5.48xlarge"]), "InvalidInstanceType")


def test_images(ec2, server, image):
    shown = ec2.describe_images(ImageIds=[image])["Images"][0]
    assert shown["Architecture"] == "x86_64" and shown["State"] == "available"
    assert len(ec2.describe_images(Owners=["amazon"])["Images"]) == 2
    ssm = server.client("ssm")
    whole = json.loads(ssm.get_parameter(Name=IMAGE.removesuffix("/image_id"))["Parameter"]["Value"])
    assert whole["image_id"] == image
    arm = ssm.get_parameters(Names=["/aws/service/ecs/optimized-ami/amazon-linux-2/arm64/recommended/image_id"])
    assert ec2.describe_images(ImageIds=[arm["Parameters"][0]["Value"]])["Images"][0]["Architecture"] == "arm64"
    below = ssm.get_parameters_by_path(Path=IMAGE.removesuffix("/image_id"))["Parameters"]
    assert image in {p["Value"] for p in below}


def test_pass_role(server, ec2, image):
    """Who runs an instance with a profile hands its role over."""
    iam = server.client("iam")
    trust = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
    iam.create_role(RoleName="node", AssumeRolePolicyDocument=trust)
    iam.create_instance_profile(InstanceProfileName="node")
    iam.add_role_to_instance_profile(InstanceProfileName="node", RoleName="node")
    iam.create_user(UserName="runner")
    key = iam.create_access_key(UserName="runner")["AccessKey"]
    mine = server.client("ec2", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])

    def allow(*actions):
        iam.put_user_policy(UserName="runner", PolicyName="run", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}))

    refused(lambda: run(mine, image), "UnauthorizedOperation")
    allow("ec2:RunInstances")
    id = run(mine, image)["Instances"][0]["InstanceId"]
    refused(lambda: run(mine, image, IamInstanceProfile={"Name": "node"}), "UnauthorizedOperation")
    allow("ec2:RunInstances", "iam:PassRole")
    iam.put_user_policy(UserName="runner", PolicyName="small", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "ec2:RunInstances", "Resource": "*", "Condition": {
            "StringNotEquals": {"ec2:InstanceType": ["t3.micro", "t3.nano"]}}}]}))
    refused(lambda: run(mine, image, InstanceType="m5.large"), "UnauthorizedOperation")
    with_role = run(mine, image, IamInstanceProfile={"Name": "node"})["Instances"][0]
    assert with_role["IamInstanceProfile"]["Arn"].endswith(":instance-profile/node")
    ec2.terminate_instances(InstanceIds=[id, with_role["InstanceId"]])


def test_command_line(server, ec2, image):
    id = server.aws("ec2", "run-instances", "--image-id", image, "--instance-type",
                    "t3.nano", "--query", "Instances[0].InstanceId")
    server.aws("ec2", "wait", "instance-running", "--instance-ids", id)
    server.aws("ec2", "wait", "instance-status-ok", "--instance-ids", id)
    server.aws("ec2", "terminate-instances", "--instance-ids", id)
    server.aws("ec2", "wait", "instance-terminated", "--instance-ids", id)


def test_no_host_yet(open_server):
    """Without any host an instance waits, and is run by the first one that comes."""
    ec2 = open_server.client("ec2")
    image = open_server.client("ssm").get_parameter(Name=IMAGE)["Parameter"]["Value"]
    id = run(ec2, image)["Instances"][0]["InstanceId"]
    assert one(ec2, id)["State"]["Name"] == "pending"
    host = StandIn(open_server, "--hosts", "1")
    try:
        wait(ec2, id, "running")
        host.kill()
        eventually(lambda: ec2.describe_instance_status(InstanceIds=[id])["InstanceStatuses"][0]["SystemStatus"][
            "Status"] == "impaired", what="the system status")
    finally:
        if host.process.poll() is None:
            host.stop()
