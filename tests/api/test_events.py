"""EventBridge with boto3 and the stock aws CLI: rules, patterns, schedules, targets, and the events of Amazon ECS."""

import json
import re
import subprocess
import tempfile
import time

import botocore.exceptions
import pytest
from agent_peer import Agent
from conftest import BERTH, CLEAN, REGION, Server, StandIn, eventually
from test_ecs_instance_tasks import of_ec2
from wire import call_json

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


def test_the_default_bus_is_always_there(bus):
    arn = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"
    assert [b["Arn"] for b in bus.events.list_event_buses()["EventBuses"]] == [arn]
    assert bus.events.list_event_buses(NamePrefix="x")["EventBuses"] == []
    assert bus.events.describe_event_bus()["Arn"] == arn
    refused(lambda: bus.events.describe_event_bus(Name="x"), "ResourceNotFoundException", "Event bus x does not exist.")
    refused(lambda: bus.events.delete_event_bus(Name="default"), "ValidationException", "Cannot delete event bus default.")
    refused(lambda: bus.events.create_event_bus(Name="default"), "ResourceAlreadyExistsException")
    refused(lambda: bus.events.put_permission(StatementId="s", Action="events:PutEvents", Principal="*"),
            "UnsupportedOperation", "PutPermission")


def test_a_bus_of_ones_own_from_making_to_deleting(bus):
    events = bus.events
    arn = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/orders"
    assert events.create_event_bus(Name="orders", Tags=[{"Key": "a", "Value": "1"}])["EventBusArn"] == arn
    refused(lambda: events.create_event_bus(Name="orders"), "ResourceAlreadyExistsException",
            "Event bus orders already exists.")
    shown = events.describe_event_bus(Name=arn)
    assert (shown["Name"], shown["Arn"]) == ("orders", arn)
    assert [b["Name"] for b in events.list_event_buses()["EventBuses"]] == ["default", "orders"]
    page = events.list_event_buses(Limit=1)
    assert [b["Name"] for b in events.list_event_buses(NextToken=page["NextToken"])["EventBuses"]] == ["orders"]
    events.tag_resource(ResourceARN=arn, Tags=[{"Key": "b", "Value": "2"}])
    events.untag_resource(ResourceARN=arn, TagKeys=["a"])
    assert events.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    refused(lambda: events.put_rule(Name="r", EventBusName="orders", ScheduleExpression="rate(1 day)"),
            "ValidationException", "ScheduleExpression is supported only on the default event bus.")
    events.put_rule(Name="r", EventBusName="orders", EventPattern='{"source":["x"]}')
    refused(lambda: events.delete_event_bus(Name="orders"), "ValidationException", "since it has rules.")
    events.delete_rule(Name="r", EventBusName="orders")
    events.delete_event_bus(Name="orders")
    events.delete_event_bus(Name="orders")
    assert [b["Name"] for b in events.list_event_buses()["EventBuses"]] == ["default"]


@pytest.mark.parametrize("more, text", [
    ({"KmsKeyIdentifier": "alias/k"}, "KmsKeyIdentifier"),
    ({"DeadLetterConfig": {"Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:dlq"}}, "DeadLetterConfig"),
    ({"LogConfig": {"Level": "INFO"}}, "LogConfig"),
    ({"Name": "a/b"}, "Parameter Name is not valid."),
])
def test_buses_without_anything_behind_are_refused(bus, more, text):
    answer = call_json(bus.server, "events", "CreateEventBus", {"Name": "bad", **more})  # boto3 of Debian is older
    assert (answer.status, answer.type) == (400, "ValidationException") and text in answer.json["message"]


def test_the_description_of_a_bus(bus):
    made = call_json(bus.server, "events", "CreateEventBus", {"Name": "told", "Description": "d"}).json
    assert made["Description"] == "d"
    assert call_json(bus.server, "events", "UpdateEventBus", {"Name": "told", "Description": "e"}).json["Description"] == "e"
    shown = call_json(bus.server, "events", "DescribeEventBus", {"Name": made["EventBusArn"]}).json
    assert (shown["Name"], shown["Description"]) == ("told", "e") and shown["LastModifiedTime"] >= shown["CreationTime"]
    bus.events.delete_event_bus(Name="told")


def test_rules_hear_their_own_bus_only(bus):
    """The same name on two buses is two rules."""
    events = bus.events
    events.create_event_bus(Name="side")
    bus.rule("twin", {"source": ["twin"]}, LOG_TARGET)
    arn = events.put_rule(Name="twin", EventBusName="side", EventPattern='{"source":["twin"]}')["RuleArn"]
    assert arn == rule_arn("side/twin")
    events.put_targets(Rule="twin", EventBusName="side", Targets=[LOG_TARGET])
    events.put_events(Entries=[entry("twin", detail={"bus": "side"}, EventBusName="side"),
                               entry("twin", detail={"bus": "default"})])
    assert [e["detail"]["bus"] for e in eventually(lambda: bus.lines("side/twin"))] == ["side"]
    assert [e["detail"]["bus"] for e in eventually(lambda: bus.lines("twin"))] == ["default"]
    assert [r["Arn"] for r in events.list_rules(EventBusName="side")["Rules"]] == [arn]
    assert [r["Arn"] for r in events.list_rules(NamePrefix="twin")["Rules"]] == [rule_arn("twin")]
    assert events.describe_rule(Name="twin", EventBusName="side")["EventBusName"] == "side"
    assert events.list_rule_names_by_target(TargetArn=GROUP_ARN, EventBusName="side")["RuleNames"] == ["twin"]
    events.tag_resource(ResourceARN=arn, Tags=[{"Key": "on", "Value": "side"}])
    assert events.list_tags_for_resource(ResourceARN=rule_arn("twin"))["Tags"] == []
    assert events.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "on", "Value": "side"}]
    events.remove_targets(Rule="twin", EventBusName="side", Ids=["log"])
    events.delete_rule(Name="twin", EventBusName="side")
    events.delete_event_bus(Name="side")
    assert events.describe_rule(Name="twin")["EventBusName"] == "default"
    bus.remove("twin")


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
    try:
        bus.events.put_events(Entries=[entry(name, detail={"n": 1})])
        eventually(lambda: f"an event did not reach a target of {rule_arn(name)}" in log_of(bus))
        bus.let_events_write({"ArnEquals": {"aws:SourceArn": rule_arn("another")}})
        bus.events.put_events(Entries=[entry(name, detail={"n": 2})])
        eventually(lambda: log_of(bus).count(f"an event did not reach a target of {rule_arn(name)}") == 2)
        bus.let_events_write({"ArnEquals": {"aws:SourceArn": rule_arn(name)}})
        bus.events.put_events(Entries=[entry(name, detail={"n": 3})])
        assert [line["detail"]["n"] for line in eventually(lambda: bus.lines(name))] == [3]
    finally:
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


def limited_client(bus, user, action, condition):
    bus.iam.create_user(UserName=user)
    bus.iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": action, "Resource": "*", "Condition": condition}]}))
    key = bus.iam.create_access_key(UserName=user)["AccessKey"]
    return bus.server.client("events", aws_access_key_id=key["AccessKeyId"],
                             aws_secret_access_key=key["SecretAccessKey"])


def test_policies_ask_for_sources_and_targets(bus):
    only_mine = {"ForAllValues:StringEquals": {"events:source": ["mine", "ours"]}, "Null": {"events:source": "false"}}
    putter = limited_client(bus, "putter", ["events:PutEvents", "events:PutRule"], only_mine)
    putter.put_events(Entries=[entry("mine"), entry("ours")])
    refused(lambda: putter.put_events(Entries=[entry("mine"), entry("theirs")]), "AccessDeniedException", "events:PutEvents")
    putter.put_rule(Name="asked", EventPattern='{"source":["mine"],"detail":{"a":["b"]}}')
    for pattern in ('{"source":["mine","theirs"]}', '{"detail":{"a":["b"]}}'):
        refused(lambda: putter.put_rule(Name="asked", EventPattern=pattern), "AccessDeniedException", "events:PutRule")
    targeter = limited_client(bus, "targeter", "events:PutTargets", {"ArnEquals": {"events:TargetArn": GROUP_ARN}})
    targeter.put_targets(Rule="asked", Targets=[LOG_TARGET])
    refused(lambda: targeter.put_targets(Rule="asked", Targets=[dict(LOG_TARGET, Arn=GROUP_ARN + "2")]),
            "AccessDeniedException", "events:PutTargets")
    bus.remove("asked")


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
    told = [(e["detail-type"], e["detail"]["eventType"], e["detail"]["eventName"]) for e in lines[:3]]
    assert told[0] == ("ECS Deployment State Change", "INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS")
    assert sorted(told[1:]) == [("ECS Deployment State Change", "INFO", "SERVICE_DEPLOYMENT_COMPLETED"),
                                ("ECS Service Action", "INFO", "SERVICE_STEADY_STATE")]
    assert lines[0]["detail"]["deploymentId"] == service["deployments"][0]["id"]
    fast.ecs.delete_service(service="web", force=True)
    fast.remove("service")


def actions(bus, rule, name):
    return [e["detail"] for e in bus.lines(rule) if e["detail"]["eventName"] == name]


def test_services_say_what_they_do(fast):
    fast.register("provided", "serve")
    fast.rule("acts", {"source": ["aws.ecs"], "detail-type": ["ECS Service Action"],
                       "resources": [{"suffix": "service/default/provided"}]}, LOG_TARGET)
    fast.ecs.put_cluster_capacity_providers(cluster="default", capacityProviders=["FARGATE"],
                                           defaultCapacityProviderStrategy=[])
    fast.ecs.create_service(serviceName="provided", taskDefinition="provided", desiredCount=1,
                           capacityProviderStrategy=[{"capacityProvider": "FARGATE", "weight": 1}],
                           networkConfiguration=fast.network)
    steady = eventually(lambda: actions(fast, "acts", "CAPACITY_PROVIDER_STEADY_STATE"))[0]
    assert steady["capacityProviderArns"] == [f"arn:aws:ecs:{REGION}:{ACCOUNT}:capacity-provider/FARGATE"]
    assert steady["clusterArn"] == CLUSTER_ARN and steady["createdAt"] and steady["eventType"] == "INFO"
    tasks = fast.ecs.list_tasks(serviceName="provided")["taskArns"]
    fast.ecs.update_service(service="provided", desiredCount=0)
    stopped = eventually(lambda: actions(fast, "acts", "TASKS_STOPPED"))[0]
    assert stopped["taskArns"] == tasks
    fast.ecs.delete_service(service="provided", force=True)
    fast.remove("acts")


def test_a_task_that_finds_no_place_says_on_which_instance_and_why(bus):
    bus.ecs.create_cluster(clusterName="narrow")
    agent = Agent(bus.server, "narrow", of_ec2(cpu=256, memory=512))
    agent.connect().wait("TaskManifestMessage")
    bus.rule("narrow", {"source": ["aws.ecs"], "detail": {"clusterArn": [{"suffix": "cluster/narrow"}]}}, LOG_TARGET)
    bus.ecs.register_task_definition(family="wide", containerDefinitions=[
        {"name": "app", "image": "app:1", "cpu": 512, "memory": 64}])
    bus.ecs.create_service(cluster="narrow", serviceName="wide", taskDefinition="wide", desiredCount=1, launchType="EC2")
    told = eventually(lambda: actions(bus, "narrow", "SERVICE_TASK_PLACEMENT_FAILURE"))[0]
    assert (told["eventType"], told["reason"]) == ("ERROR", "RESOURCE:CPU")
    assert told["containerInstanceArns"] == [agent.arn]
    bus.ecs.delete_service(cluster="narrow", service="wide", force=True)
    agent.close()
    bus.remove("narrow")


def test_a_daemon_says_how_many_tasks_it_wants(bus):
    bus.ecs.create_cluster(clusterName="daemons")
    bus.rule("counted", {"detail-type": ["ECS Service Action"],
                         "detail": {"clusterArn": [{"suffix": "cluster/daemons"}]}}, LOG_TARGET)
    bus.ecs.register_task_definition(family="daemon", containerDefinitions=[
        {"name": "app", "image": "app:1", "cpu": 128, "memory": 64}])
    bus.ecs.create_service(cluster="daemons", serviceName="d", taskDefinition="daemon", schedulingStrategy="DAEMON",
                           launchType="EC2")
    agent = Agent(bus.server, "daemons", of_ec2())
    agent.connect().wait("TaskManifestMessage")
    told = eventually(lambda: actions(bus, "counted", "SERVICE_DESIRED_COUNT_UPDATED"))[-1]
    assert (told["eventType"], told["desiredCount"]) == ("INFO", 1)
    bus.ecs.delete_service(cluster="daemons", service="d", force=True)
    agent.close()
    bus.remove("counted")


def test_container_instances_say_what_they_have_left(bus):
    bus.ecs.create_cluster(clusterName="left")
    bus.rule("left", {"detail-type": ["ECS Container Instance State Change"],
                      "detail": {"clusterArn": [{"suffix": "cluster/left"}]}}, LOG_TARGET)
    agents = [Agent(bus.server, "left", of_ec2(cpu=1024, memory=1024)) for _ in range(2)]
    for agent in agents:
        agent.connect().wait("TaskManifestMessage")
    eventually(lambda: {e["resources"][0] for e in bus.lines("left") if e["detail"]["agentConnected"]} ==
               {agent.arn for agent in agents})
    bus.ecs.register_task_definition(family="small", containerDefinitions=[
        {"name": "app", "image": "app:1", "cpu": 128, "memory": 64}])
    role = bus.role("placer", RUN_TASK)
    bus.rule("place", {"source": ["place"]}, {
        "Id": "t", "Arn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/left", "RoleArn": role, "EcsParameters": {
            "TaskDefinitionArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/small", "TaskCount": 2,
            "LaunchType": "EC2", "ReferenceId": "r-1",
            "PlacementConstraints": [{"type": "memberOf", "expression": "agentConnected == true"}],
            "PlacementStrategy": [{"type": "spread", "field": "instanceId"}]}})
    bus.events.put_events(Entries=[entry("place")])
    arns = eventually(lambda: bus.ecs.list_tasks(cluster="left", startedBy="events-rule/place")["taskArns"])
    placed = bus.ecs.describe_tasks(cluster="left", tasks=arns)["tasks"]
    assert {t["containerInstanceArn"] for t in placed} == {agent.arn for agent in agents}

    def left(arn):
        said = [e["detail"] for e in bus.lines("left") if e["resources"] == [arn]]
        assert [d["version"] for d in said] == sorted({d["version"] for d in said})
        return {r["name"]: r.get("integerValue") for r in said[-1]["remainingResources"]}

    for agent in agents:
        eventually(lambda: (left(agent.arn)["CPU"], left(agent.arn)["MEMORY"]) == (1024 - 128, 1024 - 64))
        agent.close()
    bus.remove("place")
    bus.remove("left")


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
