"""Tags of clusters, tasks and task definitions."""

import botocore.exceptions
import pytest


def refusal(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as failure:
        call(**arguments)
    return failure.value.response["Error"]["Code"], failure.value.response["Error"]["Message"]


def tags(**pairs):
    return [{"key": key, "value": value} for key, value in pairs.items()]


@pytest.fixture(scope="module")
def ecs(server):
    return server.client("ecs")


@pytest.fixture(scope="module")
def arns(server, ecs):
    """One of each kind, each with a tag from its creation."""
    definition = ecs.register_task_definition(
        family="tagged", requiresCompatibilities=["FARGATE"], networkMode="awsvpc", cpu="256", memory="512",
        containerDefinitions=[{"name": "app", "image": "127.0.0.1:1/none"}], tags=tags(first="1"))["taskDefinition"]
    cluster = ecs.create_cluster(clusterName="tagged", tags=tags(first="1"))["cluster"]
    subnet = server.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    task = ecs.run_task(cluster="tagged", taskDefinition="tagged", launchType="FARGATE", tags=tags(first="1"),
                        networkConfiguration={"awsvpcConfiguration": {"subnets": [subnet]}})["tasks"][0]
    return {"cluster": cluster["clusterArn"], "task": task["taskArn"], "task definition": definition["taskDefinitionArn"]}


@pytest.mark.parametrize("kind", ["cluster", "task", "task definition"])
def test_tags_come_change_and_go(ecs, arns, kind):
    arn = arns[kind]
    assert ecs.list_tags_for_resource(resourceArn=arn)["tags"] == tags(first="1")
    ecs.tag_resource(resourceArn=arn, tags=tags(first="2", second=""))
    assert ecs.list_tags_for_resource(resourceArn=arn)["tags"] == tags(first="2", second="")
    ecs.untag_resource(resourceArn=arn, tagKeys=["second", "never"])
    assert ecs.list_tags_for_resource(resourceArn=arn)["tags"] == tags(first="2")
    ecs.untag_resource(resourceArn=arn, tagKeys=["first"])
    assert ecs.list_tags_for_resource(resourceArn=arn)["tags"] == []
    ecs.tag_resource(resourceArn=arn, tags=tags(first="1"))


def test_descriptions_show_them(ecs, arns):
    assert ecs.describe_clusters(clusters=["tagged"], include=["TAGS"])["clusters"][0]["tags"] == tags(first="1")
    assert ecs.describe_tasks(cluster="tagged", tasks=[arns["task"]], include=["TAGS"])["tasks"][0]["tags"] == tags(first="1")
    assert ecs.describe_task_definition(taskDefinition="tagged", include=["TAGS"])["tags"] == tags(first="1")


@pytest.mark.parametrize("bad, text", [
    (tags(**{"aws:a": "b"}), "aws:a"), (tags(**{"AWS:a": "b"}), "AWS:a"), (tags(a="aws:b"), "'a'"),
    (tags(a="1") + tags(a="2"), "given twice"),
])
def test_bad_tags_are_refused_and_change_nothing(ecs, arns, bad, text):
    code, message = refusal(ecs.tag_resource, resourceArn=arns["cluster"], tags=bad)
    assert code == "InvalidParameterException" and text in message
    assert refusal(ecs.create_cluster, clusterName="untagged", tags=bad)[0] == "InvalidParameterException"
    assert ecs.list_tags_for_resource(resourceArn=arns["cluster"])["tags"] == tags(first="1")


def test_what_ecs_puts_there_cannot_be_taken_away(ecs, arns):
    code, message = refusal(ecs.untag_resource, resourceArn=arns["task"], tagKeys=["aws:ecs:clusterName"])
    assert code == "InvalidParameterException" and "aws:ecs:clusterName" in message


@pytest.mark.parametrize("bad", [tags(**{"a" * 129: "b"}), tags(a="b" * 257), tags(**{"a?": "b"}), tags(a="{}"),
                                 [{"key": f"k{i}", "value": ""} for i in range(51)]])
def test_what_the_model_forbids_is_refused(ecs, arns, bad):
    assert refusal(ecs.tag_resource, resourceArn=arns["cluster"], tags=bad)[0] == "InvalidParameterException"


def test_a_resource_has_at_most_fifty(ecs):
    arn = ecs.create_cluster(clusterName="full", tags=[{"key": f"k{i}", "value": ""} for i in range(50)])["cluster"]["clusterArn"]
    code, message = refusal(ecs.tag_resource, resourceArn=arn, tags=tags(one_more=""))
    assert code == "LimitExceededException" and "50" in message
    ecs.tag_resource(resourceArn=arn, tags=tags(k0="changed"))
    assert len(ecs.list_tags_for_resource(resourceArn=arn)["tags"]) == 50


def test_what_is_not_there_or_over_is_refused(ecs, arns):
    get = ecs.list_tags_for_resource
    assert refusal(get, resourceArn=arns["cluster"] + "x") == ("ClusterNotFoundException", "Cluster not found.")
    assert refusal(get, resourceArn=arns["task"][:-1] + "x")[0] == "ResourceNotFoundException"
    assert refusal(get, resourceArn=arns["task definition"] + "9")[0] == "ResourceNotFoundException"
    assert refusal(get, resourceArn=arns["cluster"].replace("000000000000", "111111111111"))[0] == "AccessDeniedException"
    assert refusal(get, resourceArn="tagged")[0] == "InvalidParameterException"
    assert refusal(get, resourceArn="arn:aws:ecs:us-east-1:000000000000:service/a/b")[0] == "ResourceNotFoundException"
    assert refusal(get, resourceArn="arn:aws:ecs:us-east-1:000000000000:daemon/a/b")[0] == "InvalidParameterException"
    ecs.create_cluster(clusterName="over")
    over = ecs.delete_cluster(cluster="over")["cluster"]["clusterArn"]
    assert refusal(ecs.tag_resource, resourceArn=over, tags=tags(a="b")) == (
        "InvalidParameterException", "The specified cluster is inactive. Specify an active cluster and try again.")


def test_the_command_line_does_it_all(server, arns):
    server.aws("ecs", "tag-resource", "--resource-arn", arns["cluster"], "--tags", "key=from,value=cli")
    assert "cli" in server.aws("ecs", "list-tags-for-resource", "--resource-arn", arns["cluster"], "--query", "tags[].value")
    server.aws("ecs", "untag-resource", "--resource-arn", arns["cluster"], "--tag-keys", "from")
    assert server.aws("ecs", "list-tags-for-resource", "--resource-arn", arns["cluster"], "--query", "tags[].value") == "1"
