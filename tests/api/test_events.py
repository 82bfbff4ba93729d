"""EventBridge with boto3 and the stock aws CLI: rules, patterns, schedules, targets, and the events of Amazon ECS."""

import json
import re
import subprocess
import tempfile
import time

import botocore.exceptions
import pytest
from conftest import BERTH, CLEAN, REGION, Server, StandIn, eventually

ACCOUNT = "000000000000"
GROUP = "/aws/events/test"
GROUP_ARN = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{GROUP}"
CLUSTER_ARN = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/default"
STATUSES = ["PROVISIONING", "PENDING", "ACTIVATING", "RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"]


def refused(call, code, text=""):
    with pytest.raises(botocore.exceptions.ClientError) as failure:
        call()
    error = failure.value.response["Error"]
    assert error["Code"] == code and text in error["Message"], error


def rule_arn(name):
    return f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{name}"


class Bus:
    """A server with hosts that stand in, a cluster, a task definition, and a log group."""

    def __init__(self, server):
        self.server = server
        self.begin()
        self.subnets = [s["SubnetId"] for s in server.client("ec2").describe_subnets()["Subnets"]]
        self.ecs.create_cluster()
        self.definition = self.register("job", "exit=0")
        self.logs.create_log_group(logGroupName=GROUP)
        self.let_events_write()

    def begin(self):
        self.events, self.logs, self.ecs, self.iam = map(self.server.client, ("events", "logs", "ecs", "iam"))

    def let_events_write(self, *conditions):
        self.logs.put_resource_policy(policyName="events", policyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Principal": {"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]},
                 "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                 "Resource": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/events/*:*",
                 **({"Condition": conditions[0]} if conditions else {})}]}))

    def register(self, family, words):
        container = {"name": "app", "image": "app:1", "command": words.split()}
        made = self.ecs.register_task_definition(
            family=family, networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
            containerDefinitions=[container])
        return made["taskDefinition"]["taskDefinitionArn"]

    @property
    def network(self):
        return {"awsvpcConfiguration": {"subnets": self.subnets[:1]}}

    def run(self, family="job"):
        made = self.ecs.run_task(taskDefinition=family, launchType="FARGATE", networkConfiguration=self.network)
        return made["tasks"][0]["taskArn"]

    def rule(self, name, pattern, *targets):
        self.events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        answer = self.events.put_targets(Rule=name, Targets=list(targets))
        assert answer["FailedEntryCount"] == 0, answer

    def remove(self, name):
        ids = [t["Id"] for t in self.events.list_targets_by_rule(Rule=name)["Targets"]]
        if ids:
            self.events.remove_targets(Rule=name, Ids=ids)
        self.events.delete_rule(Name=name)

    def lines(self, rule):
        """What stands in the log group of a rule, as JSON where it is."""
        events = []
        for page in self.logs.get_paginator("filter_log_events").paginate(
                logGroupName=GROUP, logStreamNamePrefix=rule + "/"):
            events += page["events"]
        return [json.loads(e["message"]) if e["message"].startswith("{") else e["message"] for e in events]

    def role(self, name, *statements, service="events.amazonaws.com"):
        trust = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]}
        arn = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        if statements:
            self.iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(
                {"Version": "2012-10-17", "Statement": list(statements)}))
        return arn

    def task_target(self, role, **more):
        return {"Id": "task", "Arn": CLUSTER_ARN, "RoleArn": role, **more, "EcsParameters": {
            "TaskDefinitionArn": self.definition, "LaunchType": "FARGATE", "TaskCount": 1,
            "NetworkConfiguration": {"awsvpcConfiguration": {"Subnets": self.subnets[:1]}},
            **more.get("EcsParameters", {})}}

    def tasks(self, started_by):
        arns = [arn for status in ("RUNNING", "STOPPED")
                for arn in self.ecs.list_tasks(desiredStatus=status, startedBy=started_by)["taskArns"]]
        return self.ecs.describe_tasks(tasks=arns)["tasks"] if arns else []


LOG_TARGET = {"Id": "log", "Arn": GROUP_ARN}
RUN_TASK = {"Effect": "Allow", "Action": ["ecs:RunTask", "ecs:TagResource"], "Resource": "*"}


@pytest.fixture(scope="module")
def bus(server):
    hosts = StandIn(server)
    yield Bus(server)
    hosts.stop()


def log_of(bus):
    with open(bus.server.directory + "/server.log") as log:
        return log.read()


# ---- rules ----


def test_a_rule_from_making_to_deleting(bus):
    events = bus.events
    pattern = '{"source":["aws.ecs"]}'
    assert events.put_rule(Name="r", EventPattern=pattern, Description="d", Tags=[
        {"Key": "a", "Value": "1"}])["RuleArn"] == rule_arn("r")
    shown = events.describe_rule(Name="r")
    shown.pop("ResponseMetadata")
    assert shown == {"Name": "r", "Arn": rule_arn("r"), "EventPattern": pattern, "State": "ENABLED", "Description": "d",
                     "EventBusName": "default", "CreatedBy": ACCOUNT}
    events.disable_rule(Name="r", EventBusName="default")
    assert events.describe_rule(Name="r")["State"] == "DISABLED"
    events.enable_rule(Name="r", EventBusName=f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default")
    assert events.describe_rule(Name="r")["State"] == "ENABLED"
    events.put_rule(Name="r", ScheduleExpression="rate(5 minutes)", State="DISABLED")
    shown = events.describe_rule(Name="r")
    assert (shown["ScheduleExpression"], shown["State"]) == ("rate(5 minutes)", "DISABLED")
    assert "EventPattern" not in shown and "Description" not in shown
    assert events.list_tags_for_resource(ResourceARN=rule_arn("r"))["Tags"] == [{"Key": "a", "Value": "1"}]
    events.tag_resource(ResourceARN=rule_arn("r"), Tags=[{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "3"}])
    events.untag_resource(ResourceARN=rule_arn("r"), TagKeys=["b"])
    assert events.list_tags_for_resource(ResourceARN=rule_arn("r"))["Tags"] == [{"Key": "a", "Value": "3"}]
    events.put_targets(Rule="r", Targets=[LOG_TARGET])
    refused(lambda: events.delete_rule(Name="r"), "ValidationException", "Rule can't be deleted since it has targets.")
    events.remove_targets(Rule="r", Ids=["log"])
    events.delete_rule(Name="r")
    events.delete_rule(Name="r")
    refused(lambda: events.describe_rule(Name="r"), "ResourceNotFoundException",
            "Rule r does not exist on EventBus default.")


def test_rules_are_listed_in_pages(bus):
    for i in range(5):
        bus.events.put_rule(Name=f"page-{i}", ScheduleExpression="rate(1 day)", State="DISABLED")
    pages = list(bus.events.get_paginator("list_rules").paginate(
        NamePrefix="page-", PaginationConfig={"PageSize": 2}))
    assert [[r["Name"] for r in p["Rules"]] for p in pages] == [["page-0", "page-1"], ["page-2", "page-3"], ["page-4"]]
    refused(lambda: bus.events.list_rules(NextToken="nonsense"), "ValidationException")
    bus.events.put_targets(Rule="page-1", Targets=[LOG_TARGET])
    assert bus.events.list_rule_names_by_target(TargetArn=GROUP_ARN)["RuleNames"] == ["page-1"]
    for i in range(5):
        bus.remove(f"page-{i}")


@pytest.mark.parametrize("arguments, code, text", [
    ({}, "ValidationException", "Parameter(s) EventPattern or ScheduleExpression must be specified."),
    ({"ScheduleExpression": "rate(1 minutes)"}, "ValidationException", "Parameter ScheduleExpression is not valid."),
    ({"ScheduleExpression": "cron(* * * * * *)"}, "ValidationException", "Parameter ScheduleExpression is not valid."),
    ({"EventPattern": "{"}, "InvalidEventPatternException", "Event pattern is not valid. Reason: "),
    ({"EventPattern": '{"a":"b"}'}, "InvalidEventPatternException",
     'Event pattern is not valid. Reason: "a" must be an object or an array'),
    ({"EventPattern": '{"a":["b"]}', "EventBusName": "other"}, "ResourceNotFoundException",
     "Event bus other does not exist."),
])
def test_what_is_no_rule_is_refused(bus, arguments, code, text):
    refused(lambda: bus.events.put_rule(Name="bad", **arguments), code, text)
    refused(lambda: bus.events.describe_rule(Name="bad"), "ResourceNotFoundException")


def test_rules_have_a_limit(bus):
    for i in range(300):
        bus.events.put_rule(Name=f"many-{i:03}", ScheduleExpression="rate(1 day)", State="DISABLED")
    refused(lambda: bus.events.put_rule(Name="one-more", ScheduleExpression="rate(1 day)"), "LimitExceededException",
            "The requested resource exceeds the maximum number allowed.")
    for i in range(300):
        bus.events.delete_rule(Name=f"many-{i:03}")


def test_only_the_default_bus_exists(bus):
    arn = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"
    assert [b["Arn"] for b in bus.events.list_event_buses()["EventBuses"]] == [arn]
    assert bus.events.list_event_buses(NamePrefix="x")["EventBuses"] == []
    assert bus.events.describe_event_bus()["Arn"] == arn
    refused(lambda: bus.events.describe_event_bus(Name="x"), "ResourceNotFoundException", "Event bus x does not exist.")
    refused(lambda: bus.events.create_event_bus(Name="x"), "UnsupportedOperation", "CreateEventBus")


def test_a_pattern_can_be_tried(bus):
    event = {"id": "1", "account": ACCOUNT, "source": "a", "time": "2026-01-01T00:00:00Z", "region": REGION,
             "resources": [], "detail-type": "t", "detail": {"n": 5}}
    for pattern, result in (({"detail": {"n": [{"numeric": [">", 4]}]}}, True), ({"source": ["b"]}, False)):
        assert bus.events.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(event))["Result"] == result
    refused(lambda: bus.events.test_event_pattern(EventPattern="[]", Event=json.dumps(event)),
            "InvalidEventPatternException", "Filter is not an object")
    refused(lambda: bus.events.test_event_pattern(EventPattern='{"a":["b"]}', Event="{}"), "ValidationException",
            "Parameter Event is not valid.")


# ---- targets ----


def test_targets_are_put_in_place_of_those_of_their_id(bus):
    bus.rule("t", {"source": ["x"]}, LOG_TARGET, dict(LOG_TARGET, Id="two", Input='{"a":1}'))
    bus.events.put_targets(Rule="t", Targets=[dict(LOG_TARGET, Id="two", InputPath="$.detail")])
    shown = bus.events.list_targets_by_rule(Rule="t")["Targets"]
    assert shown == [LOG_TARGET, dict(LOG_TARGET, Id="two", InputPath="$.detail")]
    page = bus.events.list_targets_by_rule(Rule="t", Limit=1)
    assert bus.events.list_targets_by_rule(Rule="t", NextToken=page["NextToken"])["Targets"] == shown[1:]
    refused(lambda: bus.events.put_targets(Rule="t", Targets=[dict(LOG_TARGET, Id=str(i)) for i in range(4)]),
            "LimitExceededException")
    assert len(bus.events.list_targets_by_rule(Rule="t")["Targets"]) == 2
    bus.remove("t")


@pytest.mark.parametrize("more", [
    {"Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:queue"},
    {"Arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"},
    {"Arn": f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:g"},
    {"DeadLetterConfig": {"Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:dlq"}},
])
def test_targets_without_anything_behind_fail_each_for_itself(bus, more):
    bus.events.put_rule(Name="f", EventPattern='{"source":["x"]}')
    answer = bus.events.put_targets(Rule="f", Targets=[LOG_TARGET, {**LOG_TARGET, "Id": "bad", **more}])
    assert answer["FailedEntryCount"] == 1
    assert answer["FailedEntries"][0]["TargetId"] == "bad" and answer["FailedEntries"][0]["ErrorMessage"]
    assert [t["Id"] for t in bus.events.list_targets_by_rule(Rule="f")["Targets"]] == ["log"]
    bus.remove("f")


def test_malformed_targets_are_refused(bus):
    bus.events.put_rule(Name="m", EventPattern='{"source":["x"]}')
    role = "arn:aws:iam::000000000000:role/r"
    for more, text in (
            ({"Arn": "group"}, "Provided Arn is not in correct format."),
            ({"Input": "{"}, "JSON syntax error in input for target log"),
            ({"InputPath": "detail"}, "Invalid InputPath for target log."),
            ({"Input": "1", "InputPath": "$"}, "Only one of Input, InputPath, or InputTransformer must be provided"),
            ({"InputTransformer": {"InputTemplate": '"<a>"'}}, "invalid placeholder a"),
            ({"RoleArn": role}, "RoleArn is not supported for target"),
            ({"Arn": CLUSTER_ARN, "EcsParameters": {"TaskDefinitionArn": bus.definition}},
             f"RoleArn is required for target {CLUSTER_ARN}."),
            ({"Arn": CLUSTER_ARN, "RoleArn": role}, "EcsParameters")):
        refused(lambda: bus.events.put_targets(Rule="m", Targets=[{**LOG_TARGET, **more}]), "ValidationException", text)
    refused(lambda: bus.events.put_targets(Rule="none", Targets=[LOG_TARGET]), "ResourceNotFoundException",
            "Rule none does not exist on EventBus default.")
    bus.remove("m")


# ---- events of one's own ----


def entry(source="mine", kind="t", detail=None, **more):
    return {"Source": source, "DetailType": kind, "Detail": json.dumps({} if detail is None else detail), **more}


def test_events_come_to_the_rules_that_match(bus):
    bus.rule("own", {"source": ["mine"], "detail": {"n": [{"numeric": [">=", 2]}]}}, LOG_TARGET)
    answer = bus.events.put_events(Entries=[entry(detail={"n": n}, Resources=["arn:a"]) for n in range(4)])
    assert answer["FailedEntryCount"] == 0
    lines = eventually(lambda: (found := bus.lines("own")) and len(found) == 2 and found)
    assert [line["detail"]["n"] for line in lines] == [2, 3]
    assert lines[0]["id"] == answer["Entries"][2]["EventId"]
    assert {k: lines[0][k] for k in ("version", "source", "detail-type", "account", "region", "resources")} == {
        "version": "0", "source": "mine", "detail-type": "t", "account": ACCOUNT, "region": REGION,
        "resources": ["arn:a"]}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", lines[0]["time"])
    bus.remove("own")


def test_each_entry_fails_for_itself(bus):
    answer = bus.events.put_events(Entries=[
        entry(), entry(source="aws.ecs"), dict(entry(), Detail="{"), dict(entry(), Detail="[]"), {"Source": "s"},
        entry(EventBusName="none")])
    assert answer["FailedEntryCount"] == 5
    assert [e.get("ErrorCode") for e in answer["Entries"]] == [
        None, "NotAuthorizedForSource", "MalformedDetail", "MalformedDetail", "InvalidArgument", "InvalidArgument"]
    refused(lambda: bus.events.put_events(Entries=[entry(detail={"a": "x" * 262144})]), "ValidationException",
            "Total size of the entries in the request is over the limit.")


def test_a_target_gets_a_part_or_a_text_made_of_parts(bus):
    transformer = {"InputPathsMap": {"n": "$.detail.list[1].n", "who": "$.detail.who"},
                   "InputTemplate": '{"timestamp":<stamp>,"message":"<who> of <aws.events.rule-name>: <n>"}'}
    transformer["InputPathsMap"]["stamp"] = "$.detail.stamp"
    bus.rule("parts", {"source": ["parts"]},
             dict(LOG_TARGET, Id="path", InputPath="$.detail.list[0]"),
             dict(LOG_TARGET, Id="constant", Input='{"constant":true}'),
             dict(LOG_TARGET, Id="made", InputTransformer=transformer))
    stamp = int(time.time() * 1000) - 5000
    bus.events.put_events(Entries=[entry("parts", detail={"list": [{"n": 1}, {"n": 2}], "who": 'a "b"', "stamp": stamp})])
    eventually(lambda: len(bus.lines("parts")) == 3)
    assert bus.lines("parts/path") == []  # a stream has its own name
    found = bus.logs.filter_log_events(logGroupName=GROUP, logStreamNamePrefix="parts/")["events"]
    by_stream = {e["logStreamName"]: e for e in found}
    assert json.loads(by_stream["parts/path"]["message"]) == {"n": 1}
    assert json.loads(by_stream["parts/constant"]["message"]) == {"constant": True}
    assert by_stream["parts/made"]["message"] == 'a "b" of parts: 2'
    assert by_stream["parts/made"]["timestamp"] == stamp
    bus.remove("parts")


def test_a_disabled_rule_brings_nothing(bus):
    bus.rule("off", {"source": ["off"]}, LOG_TARGET)
    bus.rule("on", {"source": ["off"]}, LOG_TARGET)
    bus.events.disable_rule(Name="off")
    bus.events.put_events(Entries=[entry("off")])
    eventually(lambda: len(bus.lines("on")) == 1)
    assert bus.lines("off") == []
    bus.remove("off")
    bus.remove("on")


def test_a_group_has_to_let_events_in(bus):
    name = "let-in"
    bus.rule(name, {"source": [name]}, LOG_TARGET)
    bus.logs.delete_resource_policy(policyName="events")
    bus.events.put_events(Entries=[entry(name, detail={"n": 1})])
    eventually(lambda: f"an event did not reach a target of {rule_arn(name)}" in log_of(bus))
    bus.let_events_write({"ArnEquals": {"aws:SourceArn": rule_arn("another")}})
    bus.events.put_events(Entries=[entry(name, detail={"n": 2})])
    eventually(lambda: log_of(bus).count(f"an event did not reach a target of {rule_arn(name)}") == 2)
    bus.let_events_write({"ArnEquals": {"aws:SourceArn": rule_arn(name)}})
    bus.events.put_events(Entries=[entry(name, detail={"n": 3})])
    assert [line["detail"]["n"] for line in eventually(lambda: bus.lines(name))] == [3]
    bus.let_events_write()
    bus.remove(name)


# ---- events of Amazon ECS ----


def test_every_step_of_a_task_is_an_event(bus):
    bus.rule("steps", {"source": ["aws.ecs"], "detail-type": ["ECS Task State Change"]}, LOG_TARGET)
    task = bus.run()
    eventually(lambda: any(e["detail"]["lastStatus"] == "STOPPED" for e in bus.lines("steps")
                           if e["detail"]["taskArn"] == task))
    seen = [e for e in bus.lines("steps") if e["detail"]["taskArn"] == task]
    assert all(e["resources"] == [task] and e["detail"]["clusterArn"] == CLUSTER_ARN for e in seen)
    steps = [STATUSES.index(e["detail"]["lastStatus"]) for e in seen]
    assert steps == sorted(steps) and {"PROVISIONING", "PENDING", "RUNNING", "DEPROVISIONING", "STOPPED"} <= {
        STATUSES[s] for s in steps}
    versions = [e["detail"]["version"] for e in seen]
    assert versions == sorted(set(versions)) and versions[0] == 1
    last = seen[-1]["detail"]
    assert last["desiredStatus"] == "STOPPED" and last["containers"][0]["exitCode"] == 0 and last["stoppedAt"]
    assert last["attachments"][0]["type"] == "eni" and "tags" not in last and last["updatedAt"]
    assert last["group"] == "family:job" and last["launchType"] == "FARGATE"
    bus.remove("steps")


def test_a_pattern_of_stopped_tasks_writes_a_line_that_the_cli_reads(bus):
    bus.rule("stopped", {"source": ["aws.ecs"], "detail": {"lastStatus": ["STOPPED"]}}, LOG_TARGET)
    task = bus.run()
    text = eventually(lambda: bus.server.aws("logs", "filter-log-events", "--log-group-name", GROUP,
                                             "--log-stream-name-prefix", "stopped/", "--query", "events[].message"))
    assert json.loads(text)["detail"]["taskArn"] == task
    bus.remove("stopped")


def test_berth_events_shows_them(bus):
    bus.server.aws("events", "put-events", "--entries", json.dumps([entry("shown", "kind")]))
    arguments = ["events", "--listen", bus.server.listen, "--data", bus.server.directory]
    shown = bus.server.berth(*arguments, "--json", "--detail-type", "kind").stdout.splitlines()
    assert [json.loads(line)["source"] for line in shown] == ["shown"]
    with tempfile.NamedTemporaryFile("r") as shown:
        follower = subprocess.Popen([BERTH, *arguments, "--follow", "--cluster", "default"], env=CLEAN,
                                    stdout=shown.fileno())
        try:
            task = bus.run()
            line = eventually(lambda: [line for line in open(shown.name) if task in line and "  STOPPED" in line])[0]
            assert "ECS Task State Change" in line
        finally:
            follower.kill()
            follower.wait()
    wrong = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", bus.server.url + "/_berth/events"],
                           env=CLEAN, capture_output=True, text=True)
    assert wrong.stdout == "403"


# ---- tasks as targets ----


def test_an_event_runs_a_task_as_the_role_of_its_target(bus):
    role = bus.role("runner", RUN_TASK)
    overrides = {"containerOverrides": [{"name": "app", "command": ["exit=3"],
                                         "environment": [{"name": "WHO", "value": "<who>"}]}]}
    bus.rule("run", {"source": ["run"]}, bus.task_target(role, InputTransformer={
        "InputPathsMap": {"who": "$.detail.who"}, "InputTemplate": json.dumps(overrides)},
        EcsParameters={"PropagateTags": "TASK_DEFINITION", "EnableECSManagedTags": True, "Group": "nightly",
                       "Tags": [{"Key": "k", "Value": "v"}]}))
    bus.events.put_events(Entries=[entry("run", detail={"who": "me"})])
    task = eventually(lambda: bus.tasks("events-rule/run"))[0]
    assert task["overrides"]["containerOverrides"] == [
        {"name": "app", "command": ["exit=3"], "environment": [{"name": "WHO", "value": "me"}]}]
    assert (task["startedBy"], task["group"], task["launchType"]) == ("events-rule/run", "nightly", "FARGATE")
    shown = bus.ecs.describe_tasks(tasks=[task["taskArn"]], include=["TAGS"])["tasks"][0]["tags"]
    assert {t["key"]: t["value"] for t in shown} == {"k": "v", "aws:ecs:clusterName": "default"}
    bus.remove("run")


@pytest.mark.parametrize("kind", ["untrusted", "powerless", "missing"])
def test_a_role_that_may_not_runs_nothing(bus, kind):
    role = {"untrusted": lambda: bus.role("untrusted", RUN_TASK, service="ecs.amazonaws.com"),
            "powerless": lambda: bus.role("powerless"),
            "missing": lambda: f"arn:aws:iam::{ACCOUNT}:role/missing"}[kind]()
    name = f"may-not-{kind}"
    bus.rule(name, {"source": [name]}, bus.task_target(role))
    bus.events.put_events(Entries=[entry(name)])
    eventually(lambda: f"an event did not reach a target of {rule_arn(name)}" in log_of(bus))
    assert ("not authorized to perform: ecs:RunTask" if kind == "powerless" else "cannot assume the role") in log_of(bus)
    assert bus.tasks(f"events-rule/{name}") == []
    bus.remove(name)


def test_roles_of_targets_have_to_be_passed(bus):
    role = bus.role("passed", RUN_TASK)
    bus.events.put_rule(Name="pass", EventPattern='{"source":["x"]}')
    bus.iam.create_user(UserName="limited")
    bus.iam.put_user_policy(UserName="limited", PolicyName="p", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "events:*", "Resource": "*"}]}))
    key = bus.iam.create_access_key(UserName="limited")["AccessKey"]
    limited = bus.server.client("events", aws_access_key_id=key["AccessKeyId"],
                                aws_secret_access_key=key["SecretAccessKey"])
    refused(lambda: limited.put_targets(Rule="pass", Targets=[bus.task_target(role)]), "AccessDeniedException",
            "iam:PassRole")
    limited.put_targets(Rule="pass", Targets=[LOG_TARGET])
    bus.remove("pass")


# ---- schedules ----


@pytest.fixture(scope="module")
def fast():
    """The same; a minute passes in a second."""
    with tempfile.TemporaryDirectory(prefix="berth-test-") as directory:
        server = Server(directory, "--clock-rate", "60")
        server.start()
        hosts = StandIn(server)
        yield Bus(server)
        hosts.stop()
        server.stop()


def test_a_schedule_runs_tasks(fast):
    role = fast.role("scheduler", RUN_TASK)
    for name, expression in (("rate", "rate(1 minute)"), ("cron", "cron(* * * * ? *)")):
        fast.events.put_rule(Name=name, ScheduleExpression=expression)
        fast.events.put_targets(Rule=name, Targets=[fast.task_target(role), LOG_TARGET])
    for name in ("rate", "cron"):
        eventually(lambda: len(fast.tasks(f"events-rule/{name}")) >= 2, what=name)
        eventually(lambda: len(fast.lines(name)) >= 2, what=name)
        line = fast.lines(name)[0]
        assert (line["source"], line["detail-type"], line["detail"]) == ("aws.events", "Scheduled Event", {})
        assert line["resources"] == [rule_arn(name)]
        fast.remove(name)


def test_services_say_how_they_deploy(fast):
    fast.register("web", "serve")
    fast.rule("service", {"source": ["aws.ecs"], "detail": {"eventName": [{"prefix": "SERVICE_"}]}}, LOG_TARGET)
    service = fast.ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=1, launchType="FARGATE",
                                     networkConfiguration=fast.network)["service"]
    lines = eventually(lambda: (found := fast.lines("service")) and len(found) >= 3 and found)
    assert {e["resources"][0] for e in lines} == {service["serviceArn"]}
    told = [(e["detail-type"], e["detail"]["eventType"], e["detail"]["eventName"]) for e in lines]
    assert told[0] == ("ECS Deployment State Change", "INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS")
    assert sorted(told[1:]) == [("ECS Deployment State Change", "INFO", "SERVICE_DEPLOYMENT_COMPLETED"),
                                ("ECS Service Action", "INFO", "SERVICE_STEADY_STATE")]
    assert lines[0]["detail"]["deploymentId"] == service["deployments"][0]["id"]
    fast.ecs.delete_service(service="web", force=True)
    fast.remove("service")


# ---- durability ----


def test_what_was_acknowledged_reaches_its_target_over_a_crash():
    with tempfile.TemporaryDirectory(prefix="berth-test-") as directory:
        server = Server(directory)
        server.start()
        try:
            bus = Bus(server)
            bus.rule("crash", {"source": ["crash"]}, LOG_TARGET)
            for round in range(10):
                bus.events.put_events(Entries=[entry("crash", detail={"n": 10 * round + n}) for n in range(10)])
            server.kill()
            server.start()
            bus.begin()
            eventually(lambda: {line["detail"]["n"] for line in bus.lines("crash")} == set(range(100)))
        finally:
            server.stop()
