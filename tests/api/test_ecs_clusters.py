"""Clusters with boto3 and the aws CLI: made, shown, listed in pages, changed, deleted."""

import json

import botocore.exceptions
import pytest


def refusal(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as failure:
        call(**arguments)
    assert failure.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return failure.value.response["Error"]["Code"], failure.value.response["Error"]["Message"]


@pytest.fixture(scope="module")
def ecs(server):
    return server.client("ecs")


@pytest.fixture(scope="module")
def task_definition(ecs):
    return ecs.register_task_definition(
        family="counted", requiresCompatibilities=["FARGATE"], networkMode="awsvpc", cpu="256", memory="512",
        containerDefinitions=[{"name": "app", "image": "127.0.0.1:1/none"}])["taskDefinition"]["taskDefinitionArn"]


def run(server, cluster, task_definition, count=1):
    subnet = server.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    answer = server.client("ecs").run_task(
        cluster=cluster, taskDefinition=task_definition, count=count, launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": [subnet]}})
    return [task["taskArn"] for task in answer["tasks"]]


def test_the_answer_has_what_aws_answers(ecs):
    cluster = ecs.create_cluster(clusterName="new", tags=[{"key": "team", "value": "a"}])["cluster"]
    assert cluster == {
        "clusterArn": "arn:aws:ecs:us-east-1:000000000000:cluster/new", "clusterName": "new", "status": "ACTIVE",
        "registeredContainerInstancesCount": 0, "runningTasksCount": 0, "pendingTasksCount": 0,
        "activeServicesCount": 0, "statistics": [], "tags": [{"key": "team", "value": "a"}],
        "settings": [{"name": "containerInsights", "value": "disabled"}], "capacityProviders": [],
        "defaultCapacityProviderStrategy": []}


def test_creating_again_answers_the_one_there_is(ecs):
    first = ecs.create_cluster(clusterName="same", capacityProviders=["FARGATE"])["cluster"]
    assert ecs.create_cluster(clusterName="same")["cluster"] == first
    code, message = refusal(ecs.create_cluster, clusterName="same", capacityProviders=["FARGATE_SPOT"])
    assert code == "InvalidParameterException"
    assert message.startswith("Arguments on this idempotent request are inconsistent")
    assert ecs.describe_clusters(clusters=["same"])["clusters"][0]["capacityProviders"] == ["FARGATE"]


def test_the_name_is_default_when_there_is_none(ecs):
    assert ecs.create_cluster()["cluster"]["clusterName"] == "default"
    assert ecs.describe_clusters()["clusters"][0]["clusterName"] == "default"


@pytest.mark.parametrize("name", ["a b", "a/b", "ü", "a" * 256, "a:b"])
def test_bad_names_are_refused(ecs, name):
    code, message = refusal(ecs.create_cluster, clusterName=name)
    assert code == "InvalidParameterException" and message.startswith("Cluster name must match ^[a-zA-Z0-9\\-_]{1,255}$")


@pytest.mark.parametrize("arguments, code, text", [
    ({"settings": [{"name": "containerInsights", "value": "on"}]}, "InvalidParameterException", "'on'"),
    ({"capacityProviders": ["mine"]}, "InvalidParameterException", "The specified capacity provider 'mine' was not found"),
    ({"capacityProviders": ["FARGATE", "FARGATE"]}, "InvalidParameterException", "given twice"),
    ({"capacityProviders": ["FARGATE"], "defaultCapacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}]},
     "InvalidParameterException", "not associated with the cluster"),
    ({"capacityProviders": ["FARGATE", "FARGATE_SPOT"], "defaultCapacityProviderStrategy": [
        {"capacityProvider": "FARGATE", "base": 1}, {"capacityProvider": "FARGATE_SPOT", "base": 1}]},
     "InvalidParameterException", "multiple capacity providers with a base"),
    ({"configuration": {"executeCommandConfiguration": {"logging": "OVERRIDE"}}}, "InvalidParameterException",
     "A CloudWatch log group name or S3 bucket name must be specified"),
    ({"configuration": {"executeCommandConfiguration": {
        "logging": "DEFAULT", "logConfiguration": {"cloudWatchLogGroupName": "g"}}}}, "InvalidParameterException",
     "You must set logging to 'OVERRIDE'"),
    ({"serviceConnectDefaults": {"namespace": "apps"}}, "NamespaceNotFoundException", "serviceConnectDefaults"),
    ({"tags": [{"key": "aws:x", "value": "a"}]}, "InvalidParameterException", "aws:"),
])
def test_what_cannot_be_is_refused_and_nothing_made(ecs, arguments, code, text):
    got, message = refusal(ecs.create_cluster, clusterName="refused", **arguments)
    assert got == code and text in message
    assert ecs.describe_clusters(clusters=["refused"])["failures"] == [
        {"arn": "arn:aws:ecs:us-east-1:000000000000:cluster/refused", "reason": "MISSING"}]


def test_describe_includes_what_is_asked(ecs):
    configuration = {"executeCommandConfiguration": {
        "logging": "OVERRIDE", "logConfiguration": {"cloudWatchLogGroupName": "exec"}}}
    ecs.create_cluster(clusterName="parts", configuration=configuration, tags=[{"key": "k", "value": "v"}])
    bare = ecs.describe_clusters(clusters=["parts"])["clusters"][0]
    assert bare["tags"] == bare["settings"] == bare["statistics"] == [] and "configuration" not in bare
    full = ecs.describe_clusters(clusters=[bare["clusterArn"]], include=[
        "SETTINGS", "CONFIGURATIONS", "TAGS", "STATISTICS", "ATTACHMENTS"])["clusters"][0]
    assert full["configuration"]["executeCommandConfiguration"]["logConfiguration"]["cloudWatchLogGroupName"] == "exec"
    assert full["tags"] == [{"key": "k", "value": "v"}]
    assert full["settings"] == [{"name": "containerInsights", "value": "disabled"}]
    assert {"name": "runningFargateTasksCount", "value": "0"} in full["statistics"]


def test_describe_says_what_is_missing(ecs):
    other = "arn:aws:ecs:us-east-1:111111111111:cluster/new"
    answer = ecs.describe_clusters(clusters=["nowhere", other, "new"])
    assert [c["clusterName"] for c in answer["clusters"]] == ["new"]
    assert [f["arn"] for f in answer["failures"]] == ["arn:aws:ecs:us-east-1:000000000000:cluster/nowhere", other]
    assert {f["reason"] for f in answer["failures"]} == {"MISSING"}
    assert refusal(ecs.describe_clusters, clusters=["x"] * 101)[0] == "InvalidParameterException"


def test_lists_come_in_pages(open_server):
    ecs = open_server.client("ecs", aws_access_key_id="333333333333", aws_secret_access_key="x")
    names = [f"c{i:02}" for i in range(13)]
    for name in names:
        ecs.create_cluster(clusterName=name)
    ecs.delete_cluster(cluster="c05")
    pages = list(ecs.get_paginator("list_clusters").paginate(PaginationConfig={"PageSize": 5}))
    assert [len(page["clusterArns"]) for page in pages] == [5, 5, 2]
    assert [arn.split("/")[1] for page in pages for arn in page["clusterArns"]] == [n for n in names if n != "c05"]
    assert "nextToken" not in ecs.list_clusters(maxResults=100)


def test_tokens_of_others_and_odd_page_sizes_are_refused(ecs, open_server):
    for token in ["x", "00", "zz", "a" * 64]:
        assert refusal(ecs.list_clusters, nextToken=token)[0] == "InvalidParameterException"
    for size in [0, -1, 101]:
        assert refusal(ecs.list_clusters, maxResults=size)[0] == "InvalidParameterException"
    for i in range(2):
        ecs.register_task_definition(family=f"page{i}", containerDefinitions=[{"name": "a", "image": "a", "memory": 64}])
    token = ecs.list_task_definitions(maxResults=1)["nextToken"]
    assert refusal(ecs.list_clusters, nextToken=token) == ("InvalidParameterException", f"Invalid token: {token}")


def test_update(ecs):
    ecs.create_cluster(clusterName="changed")
    answer = ecs.update_cluster_settings(cluster="changed", settings=[{"name": "containerInsights", "value": "enabled"}])
    assert answer["cluster"]["settings"] == [{"name": "containerInsights", "value": "enabled"}]
    answer = ecs.update_cluster(cluster="changed", configuration={"executeCommandConfiguration": {"logging": "NONE"}})
    assert answer["cluster"]["configuration"] == {"executeCommandConfiguration": {"logging": "NONE"}}
    assert answer["cluster"]["settings"] == [{"name": "containerInsights", "value": "enabled"}]
    assert refusal(ecs.update_cluster, cluster="nowhere") == ("ClusterNotFoundException", "Cluster not found.")


def test_capacity_providers(ecs):
    ecs.create_cluster(clusterName="capacity")
    strategy = [{"capacityProvider": "FARGATE", "weight": 1, "base": 1}, {"capacityProvider": "FARGATE_SPOT", "weight": 4}]
    answer = ecs.put_cluster_capacity_providers(
        cluster="capacity", capacityProviders=["FARGATE", "FARGATE_SPOT"], defaultCapacityProviderStrategy=strategy)
    assert answer["cluster"]["defaultCapacityProviderStrategy"] == strategy
    assert ecs.describe_clusters(clusters=["capacity"])["clusters"][0]["capacityProviders"] == ["FARGATE", "FARGATE_SPOT"]
    answer = ecs.put_cluster_capacity_providers(
        cluster="capacity", capacityProviders=[], defaultCapacityProviderStrategy=[])
    assert answer["cluster"]["capacityProviders"] == []


def test_fargate_and_spot_are_described(ecs):
    pages = [ecs.describe_capacity_providers(maxResults=1)]
    pages.append(ecs.describe_capacity_providers(maxResults=1, nextToken=pages[0]["nextToken"]))
    assert [p["name"] for page in pages for p in page["capacityProviders"]] == ["FARGATE", "FARGATE_SPOT"]
    assert "nextToken" not in pages[1]
    answer = ecs.describe_capacity_providers(capacityProviders=["FARGATE", "mine"])
    assert answer["capacityProviders"][0]["status"] == "ACTIVE"
    assert answer["failures"] == [
        {"arn": "arn:aws:ecs:us-east-1:000000000000:capacity-provider/mine", "reason": "MISSING"}]


def test_tasks_are_counted_and_keep_a_cluster(server, ecs, task_definition):
    ecs.create_cluster(clusterName="busy")
    tasks = run(server, "busy", task_definition, count=2)
    cluster = ecs.describe_clusters(clusters=["busy"], include=["STATISTICS"])["clusters"][0]
    assert (cluster["pendingTasksCount"], cluster["runningTasksCount"]) == (2, 0)
    assert {"name": "pendingFargateTasksCount", "value": "2"} in cluster["statistics"]
    assert refusal(ecs.delete_cluster, cluster="busy") == (
        "ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.")
    for task in tasks:
        ecs.stop_task(cluster="busy", task=task)
    ecs.get_waiter("tasks_stopped").wait(cluster="busy", tasks=tasks, WaiterConfig={"Delay": 1})
    assert ecs.describe_clusters(clusters=["busy"])["clusters"][0]["pendingTasksCount"] == 0
    assert ecs.delete_cluster(cluster="busy")["cluster"]["status"] == "INACTIVE"


def test_a_deleted_cluster_is_shown_and_can_be_made_again(ecs):
    ecs.create_cluster(clusterName="twice", tags=[{"key": "old", "value": "1"}])
    ecs.delete_cluster(cluster="twice")
    assert ecs.describe_clusters(clusters=["twice"])["clusters"][0]["status"] == "INACTIVE"
    assert refusal(ecs.delete_cluster, cluster="twice")[0] == "ClusterNotFoundException"
    assert refusal(ecs.list_tasks, cluster="twice")[0] == "ClusterNotFoundException"
    assert ecs.create_cluster(clusterName="twice")["cluster"]["tags"] == []
    assert ecs.describe_clusters(clusters=["twice"])["clusters"][0]["status"] == "ACTIVE"


def test_the_command_line_does_it_all(server):
    aws = lambda *words: server.aws("ecs", *words)  # noqa: E731
    assert aws("create-cluster", "--cluster-name", "cli", "--tags", "key=a,value=b", "--query", "cluster.status") == "ACTIVE"
    assert aws("describe-clusters", "--clusters", "cli", "--include", "TAGS", "--query", "clusters[0].tags[0].value") == "b"
    assert "cluster/cli" in aws("list-clusters", "--page-size", "1", "--query", "clusterArns[]")
    aws("put-cluster-capacity-providers", "--cluster", "cli", "--capacity-providers", "FARGATE",
        "--default-capacity-provider-strategy", "capacityProvider=FARGATE,weight=1")
    shown = json.loads(aws("describe-clusters", "--clusters", "cli", "--output", "json"))["clusters"][0]
    assert shown["defaultCapacityProviderStrategy"] == [{"capacityProvider": "FARGATE", "weight": 1}]
    assert aws("delete-cluster", "--cluster", "cli", "--query", "cluster.status") == "INACTIVE"
    failed = server.aws("ecs", "delete-cluster", "--cluster", "cli", check=False)
    assert failed.returncode == 254 and "(ClusterNotFoundException)" in failed.stderr
