"""EventBridge with real containers: what runs tasks, and what tasks say of themselves."""

import json
import subprocess
import tempfile

import pytest
from conftest import BERTH, CLEAN, REGION, eventually
from machine import ROLE, shell

ACCOUNT = "000000000000"
CLUSTER = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/default"
GROUP = "/events/e2e"


@pytest.fixture(scope="module")
def events(machine):
    """A log group that EventBridge may write to, and a role that may run tasks."""
    machine.logs.create_log_group(logGroupName=GROUP)
    machine.logs.put_resource_policy(policyName="events", policyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},
         "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": f"arn:aws:logs:{REGION}:{ACCOUNT}:*"}]}))
    iam = machine.client("iam")
    iam.create_role(RoleName="eventsRole", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "events.amazonaws.com"}}]}))
    iam.put_role_policy(RoleName="eventsRole", PolicyName="run", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "ecs:RunTask", "Resource": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/timer:*"},
            {"Effect": "Allow", "Action": "iam:PassRole", "Resource": ROLE}]}))
    return machine.client("events")


def define(machine, family, script):
    return machine.register(family, [{"name": "main", "command": shell(script), "logConfiguration": {
        "logDriver": "awslogs", "options": {"awslogs-group": GROUP, "awslogs-region": REGION,
                                            "awslogs-stream-prefix": family}}}])


@pytest.fixture
def rule(events):
    """Makes a rule with one target; it goes with the test."""
    made = []

    def make(name, target, **what):
        events.put_rule(Name=name, **what)
        made.append(name)
        assert events.put_targets(Rule=name, Targets=[{"Id": "target", **target}])["FailedEntryCount"] == 0

    yield make
    for name in made:
        events.remove_targets(Rule=name, Ids=["target"])
        events.delete_rule(Name=name)


def test_a_schedule_runs_a_task(machine, rule):
    """A minute of real time: what it runs is a real container, told what to do by the rule."""
    define(machine, "timer", "echo from the definition")
    rule("timer", {
        "Arn": CLUSTER, "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/eventsRole",
        "Input": json.dumps({"containerOverrides": [{"name": "main", "command": shell("echo run by $WHO"),
                                                     "environment": [{"name": "WHO", "value": "a schedule"}]}]}),
        "EcsParameters": {"TaskDefinitionArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/timer", "LaunchType": "FARGATE",
                          "NetworkConfiguration": {"awsvpcConfiguration": {"Subnets": [machine.subnet],
                                                                           "SecurityGroups": [machine.group]}}}},
         ScheduleExpression="rate(1 minute)")
    arns = eventually(lambda: machine.ecs.list_tasks(startedBy="events-rule/timer", desiredStatus="STOPPED")["taskArns"],
                      seconds=120, what="the task of the schedule")
    task = machine.wait(arns, "STOPPED")[0]
    assert task["containers"][0]["exitCode"] == 0
    stream = f"timer/main/{task['taskArn'].split('/')[-1]}"
    lines = eventually(lambda: machine.logs.get_log_events(logGroupName=GROUP, logStreamName=stream)["events"], what="its line")
    assert [line["message"] for line in lines] == ["run by a schedule"]


def test_a_task_that_fails_leaves_a_line_that_logs_tail_shows(machine, rule):
    rule("failed", {"Arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{GROUP}"}, EventPattern=json.dumps({
        "source": ["aws.ecs"], "detail-type": ["ECS Task State Change"],
        "detail": {"lastStatus": ["STOPPED"], "containers": {"exitCode": [{"anything-but": 0}]}}}))
    good = machine.run(define(machine, "good", "exit 0"))[0]
    machine.wait([good], "STOPPED")
    bad = machine.run(define(machine, "bad", "exit 3"))[0]
    machine.wait([bad], "STOPPED")
    shown = eventually(lambda: machine.aws("logs", "tail", GROUP, "--log-stream-name-prefix", "failed/", "--format", "short"),
                       what="the line")
    event = json.loads(shown[shown.index("{"):])  # one line: the task that ended well left none
    assert event["resources"] == [bad] and event["detail"]["containers"][0]["exitCode"] == 3
    assert good not in shown


def test_berth_events_shows_the_life_of_a_task_as_it_happens(machine):
    definition = machine.register("lived", [{"name": "main", "command": shell("exec sleep 100000")}])
    with tempfile.NamedTemporaryFile("r") as shown:
        follower = subprocess.Popen(
            [BERTH, "events", "--data", machine.directory, "--listen", machine.listen, "--follow",
             "--detail-type", "ECS Task State Change"], env=CLEAN, stdout=shown.fileno())
        try:
            arn = machine.run(definition)[0]

            def told(status):
                return [line for line in open(shown.name) if arn in line and f"  {status}" in line]

            eventually(lambda: told("RUNNING"), what="the line of the running task")
            assert not told("STOPPED") and follower.poll() is None
            machine.ecs.stop_task(task=arn, reason="enough")
            assert "(enough)" in eventually(lambda: told("STOPPED"), what="the line of the stopped task")[0]
            order = ["PROVISIONING", "PENDING", "RUNNING", "DEPROVISIONING", "STOPPED"]
            lines = [line for line in open(shown.name) if arn in line]
            first = [next(i for i, line in enumerate(lines) if f"  {status}" in line) for status in order]
            assert first == sorted(first)
        finally:
            follower.kill()
            follower.wait()
