"""CloudWatch Logs with boto3 and the stock aws CLI: groups, streams, events, patterns, retention, deletion."""

import json
import re
import subprocess
import tempfile
import time
import urllib.request

import boto3
import botocore.exceptions
import pytest
from conftest import CLEAN, Server, eventually

DAY = 24 * 3600 * 1000


def now():
    return int(time.time() * 1000)


def refused(call, code, text=""):
    with pytest.raises(botocore.exceptions.ClientError) as failure:
        call()
    error = failure.value.response["Error"]
    assert error["Code"] == code and text in error["Message"], error
    assert failure.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return error["Message"]


@pytest.fixture(scope="module")
def logs(server):
    return server.client("logs")


@pytest.fixture
def group(logs, request):
    name = "/test/" + re.sub(r"[^a-z0-9_]+", "/", request.node.name)
    logs.create_log_group(logGroupName=name)
    yield name
    logs.delete_log_group(logGroupName=name)


def stream(logs, group, name="s"):
    logs.create_log_stream(logGroupName=group, logStreamName=name)
    return {"logGroupName": group, "logStreamName": name}


def put(logs, where, *messages, at=None, step=1):
    at = at or now()
    events = [{"timestamp": at + i * step, "message": text} for i, text in enumerate(messages)]
    return logs.put_log_events(**where, logEvents=events)


def texts(events):
    return [event["message"] for event in events]


# ---- groups ----


def test_a_group_as_it_is_described(logs, group):
    found = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]
    arn = f"arn:aws:logs:us-east-1:000000000000:log-group:{group}"
    assert found.pop("creationTime") == pytest.approx(now(), abs=60000)
    assert found == {"logGroupName": group, "metricFilterCount": 0, "arn": arn + ":*", "logGroupArn": arn,
                     "storedBytes": 0, "logGroupClass": "STANDARD", "deletionProtectionEnabled": False} or \
        found == {"logGroupName": group, "metricFilterCount": 0, "arn": arn + ":*", "storedBytes": 0}  # older models
    refused(lambda: logs.create_log_group(logGroupName=group), "ResourceAlreadyExistsException",
            "The specified log group already exists")


def test_stored_bytes_count_messages_and_26_each(logs, group):
    put(logs, stream(logs, group), "12345", "1234567")
    found = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]
    assert found["storedBytes"] == 5 + 7 + 2 * 26


@pytest.mark.parametrize("name, code, text", [
    ("aws/x", "InvalidParameterException", "reserved"),
    ("with space", "InvalidParameterException", "failed to satisfy constraint"),
    ("x" * 513, "InvalidParameterException", "less than or equal to 512"),
])
def test_bad_group_names(logs, name, code, text):
    refused(lambda: logs.create_log_group(logGroupName=name), code, text)


def test_groups_are_listed_by_prefix_pattern_and_page(logs):
    names = [f"/list/{kind}/{i}" for kind in ("Api", "web") for i in range(4)]
    for name in names:
        logs.create_log_group(logGroupName=name)
    pages = logs.get_paginator("describe_log_groups").paginate(
        logGroupNamePrefix="/list/", PaginationConfig={"PageSize": 3})
    pages = [[g["logGroupName"] for g in page["logGroups"]] for page in pages]
    assert [len(page) for page in pages] == [3, 3, 2] and sum(pages, []) == sorted(names)
    found = logs.describe_log_groups(logGroupNamePattern="st/Api")["logGroups"]
    assert [g["logGroupName"] for g in found] == names[:4]
    assert logs.describe_log_groups(logGroupNamePattern="st/api")["logGroups"] == []
    refused(lambda: logs.describe_log_groups(logGroupNamePattern="x", logGroupNamePrefix="x"),
            "InvalidParameterException", "mutually exclusive")
    refused(lambda: logs.describe_log_groups(nextToken="nonsense"), "InvalidParameterException", "token")
    for name in names:
        logs.delete_log_group(logGroupName=name)
    assert logs.describe_log_groups(logGroupNamePrefix="/list/")["logGroups"] == []


def raw(server, operation, body, headers=()):
    """An operation that Debian's clients do not know yet; only with --auth=open."""
    request = urllib.request.Request(server.url, data=(body if isinstance(body, str) else json.dumps(body)).encode(), method="POST", headers={
        "X-Amz-Target": f"Logs_20140328.{operation}", "Content-Type": "application/x-amz-json-1.1", **dict(headers)})
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            text = reply.read()
            return json.loads(text) if text else {}
    except urllib.error.HTTPError as error:
        return json.loads(error.read())


def test_what_newer_clients_ask(open_server):
    for name in ("one/api", "two/api", "two/web"):
        raw(open_server, "CreateLogGroup", {"logGroupName": name, "deletionProtectionEnabled": name == "one/api"})
    listed = raw(open_server, "ListLogGroups", {"logGroupNamePattern": "^two|one", "limit": 2})
    assert [g["logGroupName"] for g in listed["logGroups"]] == ["one/api", "two/api"]
    assert listed["logGroups"][0]["logGroupClass"] == "STANDARD"
    rest = raw(open_server, "ListLogGroups", {"logGroupNamePattern": "^two|one", "nextToken": listed["nextToken"]})
    assert [g["logGroupName"] for g in rest["logGroups"]] == ["two/web"] and "nextToken" not in rest
    raw(open_server, "CreateLogStream", {"logGroupName": "two/web", "logStreamName": "s"})
    events = [{"timestamp": now(), "message": "hello"}]
    raw(open_server, "PutLogEvents", {"logGroupName": "two/web", "logStreamName": "s", "logEvents": events})
    arn = "arn:aws:logs:us-east-1:000000000000:log-group:two/web"
    for identifier in ("two/web", arn):
        page = raw(open_server, "GetLogEvents", {"logGroupIdentifier": identifier, "logStreamName": "s"})
        assert texts(page["events"]) == ["hello"]
    answer = raw(open_server, "GetLogEvents", {"logGroupIdentifier": arn, "logGroupName": "two/web", "logStreamName": "s"})
    assert answer["__type"] == "InvalidParameterException" and "not both" in answer["message"]
    answer = raw(open_server, "DeleteLogGroup", {"logGroupName": "one/api"})
    assert answer["__type"] == "ValidationException" and "deletion protection" in answer["message"]
    raw(open_server, "PutLogGroupDeletionProtection", {"logGroupIdentifier": "one/api", "deletionProtectionEnabled": False})
    assert raw(open_server, "DeleteLogGroup", {"logGroupName": "one/api"}) == {}
    described = raw(open_server, "DescribeLogGroups", {"logGroupIdentifiers": [
        "arn:aws:logs:us-east-1:000000000000:log-group:two/web", "none"]})
    assert [g["logGroupName"] for g in described["logGroups"]] == ["two/web"]
    for refusal in ({"logGroupClass": "INFREQUENT_ACCESS"}, {"kmsKeyId": "arn:aws:kms:us-east-1:1:key/x"}):
        answer = raw(open_server, "CreateLogGroup", {"logGroupName": "x", **refusal})
        assert answer["__type"] == "InvalidParameterException" and list(refusal)[0] in answer["message"]


def test_accounts_and_regions_do_not_see_each_other(server, logs, group):
    keys = server.environment
    other = boto3.client("logs", endpoint_url=server.url, region_name="eu-central-1",
                         aws_access_key_id=keys["AWS_ACCESS_KEY_ID"], aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"])
    assert other.describe_log_groups()["logGroups"] == []
    refused(lambda: other.delete_log_group(logGroupName=group), "ResourceNotFoundException")


# ---- retention and tags ----


def test_retention_takes_only_certain_days(logs, group):
    refused(lambda: logs.put_retention_policy(logGroupName=group, retentionInDays=2), "InvalidParameterException",
            "[1, 3, 5, 7, 14, 30,")
    logs.put_retention_policy(logGroupName=group, retentionInDays=7)
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["retentionInDays"] == 7
    logs.delete_retention_policy(logGroupName=group)
    assert "retentionInDays" not in logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]
    refused(lambda: logs.put_retention_policy(logGroupName="none", retentionInDays=7), "ResourceNotFoundException",
            "The specified log group does not exist.")


def test_retention_deletes(logs, group):
    where = stream(logs, group)
    put(logs, where, "old", at=now() - 2 * DAY)
    put(logs, where, "new")
    logs.put_retention_policy(logGroupName=group, retentionInDays=1)
    assert texts(logs.get_log_events(**where, startFromHead=True)["events"]) == ["new"]
    assert texts(logs.filter_log_events(logGroupName=group)["events"]) == ["new"]

    def gone():
        return logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["storedBytes"] == 3 + 26
    eventually(gone, what="the space of what is too old")
    logs.delete_retention_policy(logGroupName=group)
    assert texts(logs.filter_log_events(logGroupName=group)["events"]) == ["new"]


def test_tags_by_arn_and_by_name(logs, group):
    arn = f"arn:aws:logs:us-east-1:000000000000:log-group:{group}"
    logs.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2"})
    logs.tag_log_group(logGroupName=group, tags={"b": "3", "c": "4"})
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"a": "1", "b": "3", "c": "4"}
    logs.untag_resource(resourceArn=arn, tagKeys=["a", "x"])
    logs.untag_log_group(logGroupName=group, tags=["c"])
    assert logs.list_tags_log_group(logGroupName=group)["tags"] == {"b": "3"}
    refused(lambda: logs.tag_resource(resourceArn=arn, tags={"aws:x": "1"}), "InvalidParameterException", "aws:x")
    refused(lambda: logs.tag_resource(resourceArn=arn, tags={"AWS:x": "1"}), "InvalidParameterException", "AWS:x")
    refused(lambda: logs.tag_resource(resourceArn=arn, tags={f"k{i}": "" for i in range(50)}), "TooManyTagsException")
    refused(lambda: logs.list_tags_for_resource(resourceArn=arn + "-none"), "ResourceNotFoundException")


# ---- streams ----


def test_streams_in_both_orders(logs, group):
    begin = now()
    for i, name in enumerate(("b", "a", "d", "c")):
        where = stream(logs, group, name)
        if name != "c":
            put(logs, where, "x", at=begin + i)

    def names(**how):
        pages = logs.get_paginator("describe_log_streams").paginate(
            logGroupName=group, PaginationConfig={"PageSize": 3}, **how)
        return [s["logStreamName"] for page in pages for s in page["logStreams"]]
    assert names() == ["a", "b", "c", "d"]
    assert names(descending=True) == ["d", "c", "b", "a"]
    assert names(orderBy="LastEventTime") == ["c", "b", "a", "d"]
    assert names(orderBy="LastEventTime", descending=True) == ["d", "a", "b", "c"]
    refused(lambda: names(orderBy="LastEventTime", logStreamNamePrefix="a"), "InvalidParameterException",
            "Cannot order by LastEventTime with a logStreamNamePrefix.")
    found = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="a")["logStreams"]
    assert len(found) == 1
    assert found[0]["firstEventTimestamp"] == found[0]["lastEventTimestamp"] == begin + 1
    assert found[0]["arn"].endswith(f"log-group:{group}:log-stream:a") and found[0]["lastIngestionTime"] >= begin
    none = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="c")["logStreams"][0]
    assert "lastEventTimestamp" not in none


def test_a_deleted_stream_or_group_comes_back_empty(logs, group):
    where = stream(logs, group)
    refused(lambda: logs.create_log_stream(**where), "ResourceAlreadyExistsException",
            "The specified log stream already exists")
    put(logs, where, "gone")
    logs.delete_log_stream(**where)
    refused(lambda: logs.get_log_events(**where), "ResourceNotFoundException",
            "The specified log stream does not exist.")
    stream(logs, group)
    assert logs.get_log_events(**where)["events"] == []
    put(logs, where, "gone too")
    logs.delete_log_group(logGroupName=group)
    logs.create_log_group(logGroupName=group)
    stream(logs, group)
    assert logs.filter_log_events(logGroupName=group)["events"] == []
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["storedBytes"] == 0


# ---- putting ----


def test_batches_that_are_refused_whole(logs, group):
    where = stream(logs, group)
    at = now()
    one = {"timestamp": at, "message": "x"}
    refused(lambda: logs.put_log_events(**where, logEvents=[one, {**one, "timestamp": at - 1}]),
            "InvalidParameterException", "chronological order")
    refused(lambda: logs.put_log_events(**where, logEvents=[{**one, "timestamp": at - DAY - 1}, one]),
            "InvalidParameterException", "cannot span more than 24 hours")
    refused(lambda: logs.put_log_events(**where, logEvents=[one] * 10001), "InvalidParameterException", "10000")
    refused(lambda: logs.put_log_events(**where, logEvents=[{**one, "message": "x" * 262144}] * 4),
            "InvalidParameterException", "Upload too large: 1048680 bytes exceeds limit of 1048576")
    for bad in ({}, {"logStreamName": "none"}, {"logGroupName": "none"}):
        if bad:
            refused(lambda: logs.put_log_events(**{**where, **bad}, logEvents=[one]), "ResourceNotFoundException")
    assert logs.get_log_events(**where)["events"] == []
    logs.put_log_events(**where, logEvents=[{**one, "message": "x" * (262144 - 26)}] * 4)
    assert len(logs.get_log_events(**where)["events"]) == 4


def test_events_that_are_too_old_or_new_are_named(logs, group):
    where = stream(logs, group)
    at = now()
    answer = put(logs, where, "old", "older than retention", at=at - 14 * DAY - 3600000, step=7200000)
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    answer = put(logs, where, "fine", "future", at=at, step=3 * 3600000)
    assert answer["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 1}
    logs.put_retention_policy(logGroupName=group, retentionInDays=3)
    answer = put(logs, where, "expired", at=at - 4 * DAY)
    assert answer["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}
    logs.delete_retention_policy(logGroupName=group)
    assert "fine" in texts(logs.filter_log_events(logGroupName=group)["events"])


def test_sequence_tokens_are_taken_and_ignored(logs, group):
    where = stream(logs, group)
    first = put(logs, where, "1")
    assert len(first["nextSequenceToken"]) == 56
    for token in (first["nextSequenceToken"], first["nextSequenceToken"], "nonsense"):
        logs.put_log_events(**where, sequenceToken=token, logEvents=[{"timestamp": now(), "message": "2"}])
    assert len(logs.get_log_events(**where)["events"]) == 4


def test_a_call_that_is_tried_again_is_one_call(open_server):
    """SDKs name each call in a header and keep the name when they try again, having missed the answer."""
    where = {"logGroupName": "again", "logStreamName": "s"}
    raw(open_server, "CreateLogGroup", {"logGroupName": "again"})
    raw(open_server, "CreateLogStream", where)
    for name in ("a", "a", "b"):
        raw(open_server, "PutLogEvents", {**where, "logEvents": [{"timestamp": now(), "message": name}]},
            {"amz-sdk-invocation-id": name})
    assert sorted(texts(raw(open_server, "GetLogEvents", where)["events"])) == ["a", "b"]


def resident_mib(server):
    status = open(f"/proc/{server.process.pid}/status").read()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) >> 10


@pytest.mark.parametrize("item, code", [
    ("{}", "RequestEntityTooLargeException"),
    ('{"timestamp":1,"message":"x"}', "RequestEntityTooLargeException"),
    ('{"timestamp":1,"message":"' + "y" * 100000 + '"}', "InvalidParameterException"),
])
def test_a_huge_request_takes_little_memory(open_server, item, code):
    body = '{"logGroupName":"g","logStreamName":"s","logEvents":[' + ",".join([item] * (20000000 // len(item))) + "]}"
    answer = raw(open_server, "PutLogEvents", body)
    assert answer["__type"] == code
    assert resident_mib(open_server) < 400


# ---- getting ----


def test_get_forwards_and_backwards(logs, group):
    where = stream(logs, group)
    at = now()
    put(logs, where, *(str(i) for i in range(10)), at=at)
    page = logs.get_log_events(**where, limit=4)
    assert texts(page["events"]) == ["6", "7", "8", "9"]
    older = logs.get_log_events(**where, limit=4, nextToken=page["nextBackwardToken"])
    assert texts(older["events"]) == ["2", "3", "4", "5"]
    end = logs.get_log_events(**where, limit=4, nextToken=page["nextForwardToken"])
    assert end["events"] == [] and end["nextForwardToken"] == page["nextForwardToken"]
    put(logs, where, "10", at=at + 10)
    more = logs.get_log_events(**where, nextToken=end["nextForwardToken"])
    assert texts(more["events"]) == ["10"]

    got, token = [], None
    while True:
        more = {"nextToken": token} if token else {}
        page = logs.get_log_events(**where, startFromHead=True, limit=3, **more)
        got += texts(page["events"])
        if page["nextForwardToken"] == token:
            break
        token = page["nextForwardToken"]
    assert got == [str(i) for i in range(11)]
    page = logs.get_log_events(**where, startTime=at + 2, endTime=at + 5, startFromHead=True)
    assert texts(page["events"]) == ["2", "3", "4"]  # endTime is exclusive here
    refused(lambda: logs.get_log_events(**where, nextToken="f/1/s"), "InvalidParameterException", "nextToken is invalid")


def test_a_page_holds_at_most_a_mebibyte(logs, group):
    where = stream(logs, group)
    for _ in range(2):
        put(logs, where, *["x" * 200000] * 5)
    page = logs.get_log_events(**where, startFromHead=True)
    assert len(page["events"]) == 5
    events = [e for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group) for e in page["events"]]
    assert len(events) == 10


def test_get_with_the_cli(server, logs, group):
    put(logs, stream(logs, group), "hello")
    assert server.aws("logs", "get-log-events", "--log-group-name", group, "--log-stream-name", "s",
                      "--query", "events[].message") == "hello"
# ---- filtering ----


def test_filter_merges_streams_in_time(logs, group):
    at = now() - 1000
    for i, name in enumerate(("web/1", "web/2", "job/1")):
        where = stream(logs, group, name)
        put(logs, where, *(f"{name} {k}" for k in range(3)), at=at + i, step=3)
    found = logs.filter_log_events(logGroupName=group, interleaved=True)["events"]
    assert [e["timestamp"] for e in found] == [at + i for i in range(9)]
    assert [e["logStreamName"] for e in found[:3]] == ["web/1", "web/2", "job/1"]
    assert len({e["eventId"] for e in found}) == 9 and all(len(e["eventId"]) == 56 for e in found)
    found = logs.filter_log_events(logGroupName=group, logStreamNamePrefix="web/")["events"]
    assert {e["logStreamName"] for e in found} == {"web/1", "web/2"}
    found = logs.filter_log_events(logGroupName=group, logStreamNames=["job/1"], startTime=at + 2, endTime=at + 5)
    assert texts(found["events"]) == ["job/1 0", "job/1 1"]  # endTime is inclusive here
    pages = list(logs.get_paginator("filter_log_events").paginate(logGroupName=group, PaginationConfig={"PageSize": 4}))
    assert [len(page["events"]) for page in pages][:2] == [4, 4]
    assert sum((texts(page["events"]) for page in pages), []) == texts(
        logs.filter_log_events(logGroupName=group)["events"])
    refused(lambda: logs.filter_log_events(logGroupName=group, logStreamNames=["a"], logStreamNamePrefix="a"),
            "InvalidParameterException")
    refused(lambda: logs.filter_log_events(logGroupName=group, logStreamNames=["none"]), "ResourceNotFoundException")


@pytest.mark.parametrize("pattern, found", [
    ("", [0, 1, 2, 3]),
    ("ERROR", [0]),
    ("?ERROR ?WARN", [0, 1]),
    ('"ERROR bad"', [0]),
    ("-ERROR -WARN", [2, 3]),
    ("{ $.code >= 500 }", [2]),
    ("[ip, user, status=404]", [3]),
    ("%W.RN%", [1]),
])
def test_filter_patterns(logs, group, pattern, found):
    lines = ["ERROR bad thing", "WARN hm", '{"code": 503}', "10.0.0.1 me 404"]
    put(logs, stream(logs, group), *lines)
    assert texts(logs.filter_log_events(logGroupName=group, filterPattern=pattern)["events"]) == [lines[i] for i in found]


def test_a_bad_pattern_is_refused(logs, group):
    refused(lambda: logs.filter_log_events(logGroupName=group, filterPattern="{ $.a = }"), "InvalidParameterException")


def test_metric_filters_can_be_tried(logs):
    matches = logs.test_metric_filter(filterPattern="[ip, user, status=4*]",
                                      logEventMessages=["1.1.1.1 a 404", "1.1.1.1 b 200"])["matches"]
    assert matches == [{"eventNumber": 1, "eventMessage": "1.1.1.1 a 404",
                        "extractedValues": {"$ip": "1.1.1.1", "$user": "a", "$status": "404"}}]


@pytest.mark.parametrize("call, arguments", [
    ("put_metric_filter", {"filterName": "f", "filterPattern": "", "metricTransformations": [
        {"metricName": "m", "metricNamespace": "n", "metricValue": "1"}]}),
    ("put_subscription_filter", {"filterName": "f", "filterPattern": "", "destinationArn": "arn:aws:lambda:x"}),
    ("start_query", {"startTime": 0, "endTime": 1, "queryString": "fields @message"}),
])
def test_what_is_not_built_is_refused_by_name(logs, group, call, arguments):
    with pytest.raises(botocore.exceptions.ClientError) as failure:
        getattr(logs, call)(logGroupName=group, **arguments)
    assert "".join(word.title() for word in call.split("_")) in str(failure.value)


# ---- the aws CLI ----


def test_tail_follows(server, logs, group):
    where = stream(logs, group)
    put(logs, where, "before")
    command = ["/usr/bin/aws", "--endpoint-url", server.url, "logs", "tail", group, "--follow", "--format", "short"]
    tail = subprocess.Popen(command, env=dict(server.environment, PYTHONUNBUFFERED="1"), stdout=subprocess.PIPE, text=True)
    try:
        assert tail.stdout.readline().endswith("before\n")
        put(logs, where, "while tailing", "ERROR")
        assert tail.stdout.readline().endswith("while tailing\n")
        assert tail.stdout.readline().endswith("ERROR\n")
    finally:
        tail.kill()
        tail.communicate()
    assert server.aws("logs", "filter-log-events", "--log-group-name", group, "--filter-pattern", "ERROR",
                      "--query", "events[].message") == "ERROR"


# ---- what must survive, and what must not ----


def test_events_survive_kill_9(tmp_path):
    running = Server(str(tmp_path))
    running.start()
    try:
        logs = running.client("logs")
        logs.create_log_group(logGroupName="g")
        where = stream(logs, "g")
        for i in range(20):
            put(logs, where, str(i))
        running.kill()
        running.start()
        events = running.client("logs").get_log_events(**where, startFromHead=True)["events"]
        assert texts(events) == [str(i) for i in range(20)]
    finally:
        running.stop()


def test_reset_empties_the_store(tmp_path):
    running = Server(str(tmp_path), "--auth", "open")
    running.start()
    try:
        logs = running.client("logs")
        logs.create_log_group(logGroupName="g")
        put(logs, stream(logs, "g"), "x")
        urllib.request.urlopen(urllib.request.Request(running.url + "/_berth/reset", method="POST"), timeout=60)
        assert logs.describe_log_groups()["logGroups"] == []
        logs.create_log_group(logGroupName="g")
        stream(logs, "g")
        assert logs.filter_log_events(logGroupName="g")["events"] == []
    finally:
        running.stop()


def test_a_damaged_store_does_not_keep_the_server_from_starting(tmp_path):
    (tmp_path / "logs.db").write_bytes(b"no database at all, certainly not one of ours" * 100)
    running = Server(str(tmp_path))
    running.start()
    try:
        logs = running.client("logs")
        logs.create_log_group(logGroupName="g")
        put(logs, stream(logs, "g"), "x")
        assert texts(logs.filter_log_events(logGroupName="g")["events"]) == ["x"]
        assert (tmp_path / "logs.db.damaged").exists()
    finally:
        running.stop()
