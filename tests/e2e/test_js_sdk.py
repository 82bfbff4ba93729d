"""The AWS SDK for JavaScript, newer than Debian's aws CLI, with real containers: from the cluster to the waiters."""

from conftest import eventually
from js_sdk import call, outputs, pages, waits
from machine import ROLE, container_of, served, shell


def definition(machine, family, containers):
    containers = [dict({"image": f"{machine.image}:latest", "stopTimeout": 2}, **container) for container in containers]
    return call("ecs", "RegisterTaskDefinition", family=family, networkMode="awsvpc", cpu="256", memory="512", executionRoleArn=ROLE,
                requiresCompatibilities=["FARGATE"], containerDefinitions=containers)


def start(machine, family, count=1):
    network = {"awsvpcConfiguration": {"subnets": [machine.subnet], "securityGroups": [machine.group]}}
    return call("ecs", "RunTask", cluster="js", taskDefinition=family, launchType="FARGATE", count=count, networkConfiguration=network)


def test_from_the_cluster_to_the_last_waiter(machine):
    logging = {"logDriver": "awslogs", "options": {"awslogs-group": "/js", "awslogs-region": "us-east-1",
                                                   "awslogs-stream-prefix": "page", "awslogs-create-group": "true"}}
    machine.allow_log_groups()
    made, registered, started = outputs(
        machine, call("ecs", "CreateCluster", clusterName="js"),
        definition(machine, "js-page", [{"name": "page", "logConfiguration": logging,
                                         "command": shell("echo from the page; exec httpd -f -p 80 -h /www")}]),
        start(machine, "js-page", 2))
    assert made["cluster"]["status"] == "ACTIVE" and registered["taskDefinition"]["revision"] == 1 and started["failures"] == []
    tasks = [task["taskArn"] for task in started["tasks"]]
    running, described, listed = outputs(
        machine, waits("ecs", "TasksRunning", 60, cluster="js", tasks=tasks), call("ecs", "DescribeTasks", cluster="js", tasks=tasks),
        pages("ecs", "ListTasks", 1, cluster="js", family="js-page"))
    assert running["state"] == "SUCCESS" and {task["lastStatus"] for task in described["tasks"]} == {"RUNNING"}
    assert len(listed) >= 2 and {arn for one in listed for arn in one["taskArns"]} == set(tasks)
    for task in described["tasks"]:
        assert served(task) == "hello\n"

    streams = [f"page/page/{arn.rsplit('/')[-1]}" for arn in tasks]

    def lines():
        found = outputs(machine, *(call("logs", "GetLogEvents", logGroupName="/js", logStreamName=name, startFromHead=True) for name in streams))
        texts = [[event["message"] for event in one["events"]] for one in found]
        return texts if all(texts) else None
    assert eventually(lines, what="the log lines") == [["from the page"], ["from the page"]]

    *_, stopped, after = outputs(
        machine, *(call("ecs", "StopTask", cluster="js", task=arn, reason="seen enough") for arn in tasks),
        waits("ecs", "TasksStopped", 60, cluster="js", tasks=tasks), call("ecs", "DescribeTasks", cluster="js", tasks=tasks))
    assert stopped["state"] == "SUCCESS"
    assert {(task["stopCode"], task["stoppedReason"]) for task in after["tasks"]} == {("UserInitiated", "seen enough")}


def test_a_restart_policy_starts_a_container_again(machine):
    """Debian's aws CLI does not know restartPolicy. Sixty seconds is the shortest life after which ECS restarts."""
    policy = {"enabled": True, "restartAttemptPeriod": 60, "ignoredExitCodes": [7]}
    logging = {"logDriver": "awslogs", "options": {"awslogs-group": "/js-restart", "awslogs-region": "us-east-1",
                                                   "awslogs-stream-prefix": "x", "awslogs-create-group": "true"}}
    machine.allow_log_groups()
    _, registered, started = outputs(
        machine, call("ecs", "CreateCluster", clusterName="js"),
        definition(machine, "js-restart", [
            {"name": "page"},
            {"name": "finished", "essential": False, "restartPolicy": policy, "command": shell("exit 7")},
            {"name": "flaky", "essential": False, "restartPolicy": policy, "logConfiguration": logging,
             "command": shell("echo begin; sleep 61; exit 3")}]),
        start(machine, "js-restart"))
    shown = {container["name"]: container.get("restartPolicy") for container in registered["taskDefinition"]["containerDefinitions"]}
    assert shown == {"page": None, "finished": policy, "flaky": policy}
    tasks = [task["taskArn"] for task in started["tasks"]]
    named = {"cluster": "js", "tasks": tasks}
    stream = {"logGroupName": "/js-restart", "logStreamName": f"x/flaky/{tasks[0].rsplit('/')[-1]}"}
    outputs(machine, waits("ecs", "TasksRunning", 60, **named))
    eventually(lambda: len(machine.logs.get_log_events(**stream, startFromHead=True)["events"]) == 2, 120, "the second life")
    eventually(lambda: container_of(machine.ecs.describe_tasks(**named)["tasks"][0], "flaky")["lastStatus"] == "RUNNING",
               what="its report")
    described, *_, stopped = outputs(machine, call("ecs", "DescribeTasks", **named), call("ecs", "StopTask", cluster="js", task=tasks[0]),
                                     waits("ecs", "TasksStopped", 60, **named))
    containers = {one["name"]: (one["lastStatus"], one.get("exitCode")) for one in described["tasks"][0]["containers"]}
    assert containers == {"page": ("RUNNING", None), "finished": ("STOPPED", 7), "flaky": ("RUNNING", None)}
    assert stopped["state"] == "SUCCESS"
