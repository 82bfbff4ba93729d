"""AWS/ECS metrics of CloudWatch: what agents tell of their tasks over TCS, in percent of what services reserve and instances
registered. The server's clock is fast: a minute is a second."""

import datetime
import json
import tempfile

import pytest

from agent_peer import Agent
from conftest import Server, eventually
from test_ecs_instance_tasks import define, of_ec2

CONTAINER = {"name": "page", "image": "nginx:1", "memory": 128, "cpu": 128}
RUNNING = [{"containerName": "page", "status": "RUNNING"}]
CPU = 1024  # of each instance, as MiB of memory


@pytest.fixture(scope="module")
def fast():
    with tempfile.TemporaryDirectory(prefix="berth-test-") as directory:
        running = Server(directory, "--clock-rate", "60")
        running.start()
        yield running
        running.stop()


class World:
    """A service of two tasks on two instances, and a task that is nobody's on the first."""

    def __init__(self, server):
        self.server, self.ecs = server, server.client("ecs")
        self.ecs.create_cluster(clusterName="m")
        self.agents = [Agent(server, "m", of_ec2(cpu=CPU, memory=CPU, zone=zone)) for zone in ("us-east-1a", "us-east-1b")]
        for agent in self.agents:
            agent.connect().wait("TaskManifestMessage")
            agent.connect_telemetry()
            eventually(lambda: agent.described()["agentConnected"], what="the connection")
        definition = define(self.ecs, CONTAINER)
        self.ecs.create_service(cluster="m", serviceName="web", taskDefinition=definition, desiredCount=2, launchType="EC2",
                                placementStrategy=[{"type": "spread", "field": "instanceId"}])
        tasks = eventually(lambda: len(arns := self.ecs.list_tasks(cluster="m")["taskArns"]) == 2 and arns, what="two tasks")
        alone = self.ecs.start_task(cluster="m", taskDefinition=definition, containerInstances=[self.agents[0].arn])["tasks"][0]
        by_instance = {task["containerInstanceArn"]: task["taskArn"]
                       for task in self.ecs.describe_tasks(cluster="m", tasks=tasks)["tasks"]}
        self.tasks = [by_instance[agent.arn] for agent in self.agents]
        self.alone = alone["taskArn"]
        for agent, arn in zip([*self.agents, self.agents[0]], [*self.tasks, self.alone]):
            agent.report(arn, "RUNNING", containers=RUNNING)

    def tell(self, agent, arn, cpu, memory):
        """Two samples of a container: of these means."""
        def samples(mean):
            return {"min": mean / 2, "max": mean * 1.5, "sampleCount": 2, "sum": mean * 2}
        agent.tcs.telemetry(json.dumps({"type": "PublishMetricsRequest", "message": {
            "metadata": {"cluster": "m", "containerInstance": agent.arn, "idle": False, "fin": True, "messageId": "1"},
            "timestamp": 1795380854.08, "taskMetrics": [{
                "taskArn": arn, "clusterArn": "m", "taskDefinitionFamily": "f", "taskDefinitionVersion": "1", "containerMetrics": [
                    {"containerName": "page", "cpuStatsSet": samples(cpu), "memoryStatsSet": samples(memory)}]}]}}))
        agent.tcs.wait("AckPublishMetric")

    def close(self):
        for agent in self.agents:
            agent.close()


@pytest.fixture(scope="module")
def world(fast):
    made = World(fast)
    yield made
    made.close()


def points(server, name, **dimensions):
    """By minute, of the last hours: this server's clock is ahead of ours."""
    cloudwatch = server.client("cloudwatch")
    answer = cloudwatch.get_metric_statistics(
        Namespace="AWS/ECS", MetricName=name, Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1),
        EndTime=datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=20), Period=60,
        Statistics=["Average", "Minimum", "Maximum", "SampleCount"])["Datapoints"]
    return sorted(answer, key=lambda point: point["Timestamp"])


def told(world):
    """Again until the point of a minute has everything in it."""
    def once():
        for agent in world.agents:
            agent.acs.idle()
        world.tell(world.agents[0], world.tasks[0], 5, 32)
        world.tell(world.agents[1], world.tasks[1], 20, 64)
        world.tell(world.agents[0], world.alone, 25, 128)
        world.tell(world.agents[1], world.alone, 99, 999)  # it is not that agent's
        world.tell(world.agents[1], world.tasks[1].rsplit("/", 1)[0] + "/" + "0" * 32, 99, 999)  # there is no such task
        found = points(world.server, "CPUUtilization", ClusterName="m", ServiceName="web")
        return found and found[-1]["SampleCount"] == 2 and points(world.server, "CPUUtilization", ClusterName="m")
    return eventually(once, what="a minute's points")


def test_a_service_in_percent_of_what_it_reserves(world):
    told(world)
    point = points(world.server, "CPUUtilization", ClusterName="m", ServiceName="web")[-1]
    # 5 % and 20 % of 1024 units, of 128 reserved
    assert (point["Minimum"], point["Maximum"], point["Average"]) == pytest.approx((40, 160, 100))
    assert point["Unit"] == "Percent" and point["SampleCount"] == 2 and point["Timestamp"].second == 0
    point = points(world.server, "MemoryUtilization", ClusterName="m", ServiceName="web")[-1]
    assert (point["Minimum"], point["Maximum"], point["Average"]) == pytest.approx((25, 50, 37.5))


def test_a_cluster_in_percent_of_what_registered(world):
    told(world)

    def last(name):
        return points(world.server, name, ClusterName="m")[-1]["Average"]
    assert eventually(lambda: last("CPUUtilization") == pytest.approx((5 + 20 + 25) / 2), what="all three tasks")
    assert last("MemoryUtilization") == pytest.approx((32 + 64 + 128) * 100 / (2 * CPU))
    assert last("CPUReservation") == pytest.approx(3 * 128 * 100 / (2 * CPU))
    assert last("MemoryReservation") == pytest.approx(3 * 128 * 100 / (2 * CPU))


def test_which_there_are(world):
    told(world)
    metrics = world.server.client("cloudwatch").list_metrics(Namespace="AWS/ECS")["Metrics"]
    shown = {(metric["MetricName"], tuple(dimension["Name"] for dimension in metric["Dimensions"])) for metric in metrics}
    assert shown == {(name, ("ClusterName", "ServiceName")) for name in ("CPUUtilization", "MemoryUtilization")} | {
        (name, ("ClusterName",)) for name in ("CPUUtilization", "MemoryUtilization", "CPUReservation", "MemoryReservation")}


def test_an_alarm_hears_of_it(world):
    cloudwatch = world.server.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="busy", Namespace="AWS/ECS", MetricName="CPUUtilization", Statistic="Average", Period=60, EvaluationPeriods=1,
        Threshold=90, ComparisonOperator="GreaterThanThreshold", Dimensions=[
            {"Name": "ClusterName", "Value": "m"}, {"Name": "ServiceName", "Value": "web"}])
    eventually(lambda: told(world) and cloudwatch.describe_alarms(
        AlarmNames=["busy"])["MetricAlarms"][0]["StateValue"] == "ALARM", what="the alarm")


def test_what_no_machine_can_is_not_published(world):
    told(world)
    newest = points(world.server, "CPUUtilization", ClusterName="m", ServiceName="web")[-1]["Timestamp"]
    for cpu in (-1, 1e300):
        world.tell(world.agents[0], world.tasks[0], cpu, 10)
    fresh = eventually(lambda: [
        point for point in points(world.server, "CPUUtilization", ClusterName="m", ServiceName="web") if point["Timestamp"] > newest])
    assert all(0 <= point["Minimum"] and point["Maximum"] <= 200 for point in fresh)
