"""Container instances with boto3 and the aws CLI, registered as the recorded agent does it."""

import json
import pathlib
import uuid

import botocore.exceptions
import pytest

RECORDED = pathlib.Path(__file__).parent / "agent_traffic" / "register.jsonl"
BARE = [{"name": "CPU", "type": "INTEGER", "integerValue": 2048}, {"name": "MEMORY", "type": "INTEGER", "integerValue": 4096},
        {"name": "PORTS", "type": "STRINGSET", "stringSetValue": ["51678", "22"]},
        {"name": "PORTS_UDP", "type": "STRINGSET", "stringSetValue": []}]


def refusal(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as failure:
        call(**arguments)
    assert failure.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return failure.value.response["Error"]["Code"], failure.value.response["Error"]["Message"]


@pytest.fixture(scope="module")
def ecs(server):
    return server.client("ecs")


@pytest.fixture
def cluster(ecs):
    name = f"c-{uuid.uuid4().hex[:12]}"
    ecs.create_cluster(clusterName=name)
    return name


def identity(instance="i-0123456789abcdef0", zone="us-east-1b", kind="t3.medium", account="000000000000"):
    return json.dumps({"instanceId": instance, "availabilityZone": zone, "instanceType": kind, "imageId": "ami-1",
                       "architecture": "x86_64", "region": "us-east-1", "accountId": account})


def register(ecs, cluster, document=None, **more):
    return ecs.register_container_instance(
        cluster=cluster, instanceIdentityDocument=document or identity(), instanceIdentityDocumentSignature="",
        totalResources=more.pop("totalResources", BARE), **more)["containerInstance"]


def values(instance):
    return {attribute["name"]: attribute.get("value", "") for attribute in instance["attributes"]}


def resources(instance, kind="remainingResources"):
    return {row["name"]: row.get("stringSetValue") if row["type"] == "STRINGSET" else row["integerValue"]
            for row in instance[kind]}


def test_the_recorded_registration_is_answered_as_the_agent_needs_it(ecs, cluster):
    lines = [json.loads(line) for line in RECORDED.read_text().splitlines()]
    body = next(line["body"] for line in lines if line.get("target", "").endswith(".RegisterContainerInstance"))
    token = body.pop("clientToken")
    assert token
    body["cluster"] = cluster
    instance = ecs.register_container_instance(**body)["containerInstance"]
    sent = {attribute["name"]: attribute.get("value", "") for attribute in body["attributes"]}
    answered = values(instance)
    assert sent.items() <= answered.items(), "the agent ends with status 5 when one is missing"
    assert answered["ecs.availability-zone"] == "us-east-1a"
    assert instance["containerInstanceArn"].startswith(f"arn:aws:ecs:us-east-1:000000000000:container-instance/{cluster}/")
    assert instance["status"] == "ACTIVE" and instance["agentConnected"] is False
    assert instance["registeredResources"][0].items() >= body["totalResources"][0].items()
    assert resources(instance)["PORTS"] == ["22", "2375", "2376", "51678", "51679"]


def test_an_instance_of_ec2_is_known_by_its_document(ecs, cluster):
    instance = register(ecs, cluster, tags=[{"key": "team", "value": "a"}])
    assert instance["ec2InstanceId"] == "i-0123456789abcdef0"
    assert values(instance) == {
        "ecs.availability-zone": "us-east-1b", "ecs.instance-type": "t3.medium", "ecs.ami-id": "ami-1",
        "ecs.os-type": "linux", "ecs.cpu-architecture": "x86_64"}
    assert resources(instance) == {"CPU": 2048, "MEMORY": 4096, "PORTS": ["22", "51678"], "PORTS_UDP": []}
    described = ecs.describe_container_instances(
        cluster=cluster, containerInstances=[instance["containerInstanceArn"].rsplit("/")[-1]], include=["TAGS"])
    assert described["containerInstances"][0]["tags"] == [{"key": "team", "value": "a"}]
    assert ecs.describe_clusters(clusters=[cluster])["clusters"][0]["registeredContainerInstancesCount"] == 1
    code, message = refusal(ecs.delete_cluster, cluster=cluster)
    assert code == "ClusterContainsContainerInstancesException"
    assert message == "The Cluster cannot be deleted while Container Instances are active or draining."


def test_registering_again_renews_it(ecs, cluster):
    first = register(ecs, cluster, attributes=[{"name": "rack", "value": "7"}, {"name": "ecs.capability.old"}])
    more = [dict(row, integerValue=8192) if row["name"] == "MEMORY" else row for row in BARE]
    again = register(ecs, cluster, totalResources=more, containerInstanceArn=first["containerInstanceArn"],
                     attributes=[{"name": "ecs.capability.new"}])
    assert again["containerInstanceArn"] == first["containerInstanceArn"]
    assert resources(again)["MEMORY"] == 8192
    assert values(again)["rack"] == "7" and "ecs.capability.new" in values(again)
    assert "ecs.capability.old" not in values(again)
    code, message = refusal(register, ecs=ecs, cluster=cluster, document=identity(kind="m5.large"),
                            containerInstanceArn=first["containerInstanceArn"])
    assert code == "InvalidParameterException" and "Container instance type changes are not supported." in message
    assert len(ecs.list_container_instances(cluster=cluster)["containerInstanceArns"]) == 1


@pytest.mark.parametrize("more, code, words", [
    ({"totalResources": BARE[:1]}, "InvalidParameterException", "MEMORY"),
    ({"totalResources": BARE[:2] + [dict(BARE[2], stringSetValue=["x"])]}, "InvalidParameterException", "'x' in PORTS"),
    ({"document": "{"}, "ClientException", "not valid JSON"),
    ({"document": identity(account="111122223333")}, "ClientException", "account 111122223333"),
    ({"attributes": [{"name": "a b"}]}, "InvalidParameterException", "'a b'"),
    ({"attributes": [{"name": f"a{i}"} for i in range(11)]}, "InvalidParameterException", "at most 10"),
    ({"containerInstanceArn": "arn:aws:ecs:us-east-1:000000000000:container-instance/other/" + "0" * 32},
     "InvalidParameterException", "cluster other"),
])
def test_what_is_no_registration_is_refused_and_changes_nothing(ecs, cluster, more, code, words):
    found, message = refusal(register, ecs=ecs, cluster=cluster, **more)
    assert found == code and words in message
    assert ecs.list_container_instances(cluster=cluster)["containerInstanceArns"] == []


def test_a_cluster_that_is_not_there(ecs):
    assert refusal(register, ecs=ecs, cluster="nowhere") == ("ClusterNotFoundException", "Cluster not found.")


def test_states_and_the_end(ecs, cluster):
    arn = register(ecs, cluster)["containerInstanceArn"]
    drained = ecs.update_container_instances_state(cluster=cluster, containerInstances=[arn, "0" * 32], status="DRAINING")
    assert drained["containerInstances"][0]["status"] == "DRAINING"
    assert drained["failures"][0]["reason"] == "MISSING"
    assert ecs.list_container_instances(cluster=cluster, status="ACTIVE")["containerInstanceArns"] == []
    assert ecs.list_container_instances(cluster=cluster, status="DRAINING")["containerInstanceArns"] == [arn]
    code, _ = refusal(ecs.update_container_instances_state, cluster=cluster, containerInstances=[arn], status="REGISTERING")
    assert code == "InvalidParameterException"
    code, message = refusal(ecs.update_container_agent, cluster=cluster, containerInstance=arn)
    assert code == "NoUpdateAvailableException" and message.startswith("There is no update available")
    gone = ecs.deregister_container_instance(cluster=cluster, containerInstance=arn)["containerInstance"]
    assert gone["status"] == "INACTIVE"
    assert ecs.list_container_instances(cluster=cluster)["containerInstanceArns"] == []
    shown = ecs.describe_container_instances(cluster=cluster, containerInstances=[arn])
    assert shown["containerInstances"][0]["status"] == "INACTIVE"
    ecs.delete_cluster(cluster=cluster)


def test_attributes(ecs, cluster):
    arn = register(ecs, cluster)["containerInstanceArn"]
    target = {"targetType": "container-instance", "targetId": arn}
    ecs.put_attributes(cluster=cluster, attributes=[{"name": "rack", "value": "7", **target}, {"name": "ssd", **target}])
    listed = ecs.list_attributes(cluster=cluster, targetType="container-instance", attributeName="rack")["attributes"]
    assert listed == [{"name": "rack", "value": "7", **target}]
    everything = []
    for page in ecs.get_paginator("list_attributes").paginate(
            cluster=cluster, targetType="container-instance", PaginationConfig={"PageSize": 2}):
        everything += [attribute["name"] for attribute in page["attributes"]]
    assert everything == sorted(everything) and {"rack", "ssd", "ecs.instance-type"} <= set(everything)
    ecs.delete_attributes(cluster=cluster, attributes=[{"name": "rack", **target}])
    assert "rack" not in values(ecs.describe_container_instances(
        cluster=cluster, containerInstances=[arn])["containerInstances"][0])
    code, _ = refusal(ecs.put_attributes, cluster=cluster, attributes=[
        {"name": "x", "targetType": "container-instance", "targetId": "0" * 32}])
    assert code == "TargetNotFoundException"
    code, _ = refusal(ecs.put_attributes, cluster=cluster, attributes=[{"name": f"a{i}", **target} for i in range(10)])
    assert code == "AttributeLimitExceededException"
    code, message = refusal(ecs.put_attributes, cluster=cluster, attributes=[{"name": "ecs.instance-type", **target}])
    assert code == "InvalidParameterException" and "reserved" in message


def test_lists_are_filtered_by_the_query_language(ecs, cluster):
    arns = {}
    for zone, kind in [("us-east-1a", "t2.small"), ("us-east-1b", "t2.small"), ("us-east-1b", "m5.large")]:
        arns[zone, kind] = register(ecs, cluster, identity(uuid.uuid4().hex, zone, kind))["containerInstanceArn"]

    def matching(text):
        found = ecs.list_container_instances(cluster=cluster, filter=text)["containerInstanceArns"]
        return sorted(key for key, arn in arns.items() if arn in found)

    assert matching("attribute:ecs.instance-type == t2.small") == [("us-east-1a", "t2.small"), ("us-east-1b", "t2.small")]
    assert matching("attribute:ecs.availability-zone in [us-east-1b] and attribute:ecs.instance-type =~ m5.*") == [
        ("us-east-1b", "m5.large")]
    assert matching("not(attribute:ecs.availability-zone == us-east-1b)") == [("us-east-1a", "t2.small")]
    assert len(matching("runningTasksCount == 0 and agentConnected == false")) == 3
    code, message = refusal(ecs.list_container_instances, cluster=cluster, filter="attribute:x is y")
    assert code == "InvalidParameterException" and "an operator expected at 'is y'" in message


def test_tags_and_the_command(server, ecs, cluster):
    arn = register(ecs, cluster)["containerInstanceArn"]
    ecs.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "b"}])
    assert ecs.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "a", "value": "b"}]
    assert arn in server.aws("ecs", "list-container-instances", "--cluster", cluster)
