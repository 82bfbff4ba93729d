"""CloudWatch with boto3, the stock aws CLI and the SDK for JavaScript, in all three protocols: metrics, alarms, events."""

import datetime
import json
import os
import struct
import tempfile

import botocore.exceptions
import js_sdk
import pytest
from conftest import REGION, Server, eventually
from js_sdk import call, pages
from wire import send, sign

ACCOUNT = "000000000000"
MINUTE = datetime.timedelta(minutes=1)
PREFIX = "GraniteServiceVersion20100801"


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def this_minute():
    return now().replace(second=0, microsecond=0)


def refused(call, code, text="", status=400):
    with pytest.raises(botocore.exceptions.ClientError) as failure:
        call()
    error = failure.value.response["Error"]
    assert error["Code"] == code and text in error["Message"], error
    assert failure.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


@pytest.fixture(scope="module")
def cloudwatch(server):
    return server.client("cloudwatch")


@pytest.fixture
def namespace(request):
    return f"Test/{request.node.name}"


def put(client, namespace, *values, at=None, name="Load", **more):
    client.put_metric_data(Namespace=namespace, MetricData=[
        {"MetricName": name, "Value": value, "Timestamp": at or this_minute(), **more} for value in values])


def statistics(client, namespace, minutes=10, period=60, name="Load", end=None, **more):
    end = end or this_minute() + MINUTE
    more = more or {"Statistics": ["SampleCount", "Average", "Sum", "Minimum", "Maximum"]}
    return client.get_metric_statistics(Namespace=namespace, MetricName=name, StartTime=end - minutes * MINUTE, EndTime=end,
                                        Period=period, **more)["Datapoints"]


def condition(namespace, **more):
    return {"Namespace": namespace, "MetricName": "Load", "Statistic": "Average", "Period": 60, "EvaluationPeriods": 1,
            "Threshold": 5, "ComparisonOperator": "GreaterThanThreshold", **more}


def described(client, name):
    found = client.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return found[0] if found else None


# ---- metrics ----


def test_statistics_of_values(cloudwatch, namespace):
    at = this_minute() - 2 * MINUTE
    put(cloudwatch, namespace, 1, 2, 6, at=at, Unit="Seconds")
    put(cloudwatch, namespace, 10, at=at + MINUTE, Unit="Seconds")
    first, second = statistics(cloudwatch, namespace)
    assert first == {"Timestamp": at, "SampleCount": 3, "Average": 3, "Sum": 9, "Minimum": 1, "Maximum": 6, "Unit": "Seconds"}
    assert second["Sum"] == 10
    both = statistics(cloudwatch, namespace, minutes=10, period=600, end=at + 9 * MINUTE, Statistics=["Sum"])
    assert both == [{"Timestamp": at - MINUTE, "Sum": 19, "Unit": "Seconds"}]
    assert statistics(cloudwatch, namespace, Statistics=["Sum"], Unit="Count") == []


def test_values_counts_and_statistic_sets(cloudwatch, namespace):
    at = this_minute()
    cloudwatch.put_metric_data(Namespace=namespace, MetricData=[
        {"MetricName": "Load", "Values": [1, 2, 100], "Counts": [90, 9, 1], "Timestamp": at - MINUTE},
        {"MetricName": "Load", "Timestamp": at - 2 * MINUTE,
         "StatisticValues": {"SampleCount": 4, "Sum": 10, "Minimum": 1, "Maximum": 4}}])
    set_, values = statistics(cloudwatch, namespace)
    assert (set_["Average"], set_["SampleCount"], set_["Maximum"]) == (2.5, 4, 4)
    assert (values["SampleCount"], values["Sum"]) == (100, 208)
    percentiles = statistics(cloudwatch, namespace, ExtendedStatistics=["p50", "p95", "p99.5"])
    assert [p["ExtendedStatistics"] for p in percentiles] == [{"p50": 1, "p95": 2, "p99.5": 100}]  # of the set they are not known
    refused(lambda: statistics(cloudwatch, namespace, ExtendedStatistics=["tm90"]), "InvalidParameterValue", "tm90")


def test_dimensions_make_metrics_apart(cloudwatch, namespace):
    here, there = [{"Name": "Host", "Value": "a"}, {"Name": "Zone", "Value": "z"}], [{"Name": "Host", "Value": "b"}]
    at = this_minute()
    put(cloudwatch, namespace, 1, at=at, Dimensions=here)
    put(cloudwatch, namespace, 2, at=at, Dimensions=list(reversed(here)))
    put(cloudwatch, namespace, 4, at=at, Dimensions=there)
    assert statistics(cloudwatch, namespace, Statistics=["Sum"]) == []
    assert statistics(cloudwatch, namespace, Statistics=["Sum"], Dimensions=here)[0]["Sum"] == 3
    listed = cloudwatch.list_metrics(Namespace=namespace)["Metrics"]
    assert [metric["Dimensions"] for metric in listed] == [here, there]
    assert len(cloudwatch.list_metrics(Namespace=namespace, Dimensions=[{"Name": "Zone"}])["Metrics"]) == 1
    assert len(cloudwatch.list_metrics(Namespace=namespace, Dimensions=[{"Name": "Host", "Value": "b"}])["Metrics"]) == 1
    assert len(cloudwatch.list_metrics(Namespace=namespace, RecentlyActive="PT3H")["Metrics"]) == 2
    assert cloudwatch.list_metrics(Namespace=namespace, MetricName="Other")["Metrics"] == []


def test_lists_have_pages(cloudwatch, namespace):
    for first in (0, 400):
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=[
            {"MetricName": f"m{i}", "Value": i} for i in range(first, first + 400)])
    names = [m["MetricName"] for page in cloudwatch.get_paginator("list_metrics").paginate(Namespace=namespace)
             for m in page["Metrics"]]
    assert sorted(names) == sorted(f"m{i}" for i in range(800))
    refused(lambda: cloudwatch.list_metrics(NextToken="junk"), "InvalidParameterValue", "junk")


def test_seconds(cloudwatch, namespace):
    at = now().replace(microsecond=0) - datetime.timedelta(seconds=90)
    put(cloudwatch, namespace, 1, at=at, StorageResolution=1)
    put(cloudwatch, namespace, 2, at=at + datetime.timedelta(seconds=1), StorageResolution=1)
    apart = cloudwatch.get_metric_statistics(Namespace=namespace, MetricName="Load", StartTime=at, Period=1, Statistics=["Sum"],
                                             EndTime=at + datetime.timedelta(seconds=9))["Datapoints"]
    assert [(p["Timestamp"], p["Sum"]) for p in apart] == [(at, 1), (at + datetime.timedelta(seconds=1), 2)]


@pytest.mark.parametrize("datum, code, text", [
    ({"MetricName": "m"}, "MissingParameter", "Value"),
    ({"MetricName": "m", "Value": 1, "Values": [1]}, "InvalidParameterCombination", "mutually exclusive"),
    ({"MetricName": "m", "Values": [1], "Counts": [1, 2]}, "InvalidParameterValue", "same size"),
    ({"MetricName": "m", "Values": [1.0] * 151}, "InvalidParameterValue", "150"),
    ({"MetricName": "m", "Value": 1e120}, "InvalidParameterValue", "Value"),
    ({"MetricName": "m", "Value": float("nan")}, "MalformedInput", "nan"),
    ({"MetricName": "m", "Value": 1, "StorageResolution": 30}, "InvalidParameterValue", "30"),
    ({"MetricName": "m", "Value": 1, "Timestamp": now() - 15 * 1440 * MINUTE}, "InvalidParameterValue", "two weeks"),
    ({"MetricName": "m", "Value": 1, "Timestamp": now() + 240 * MINUTE}, "InvalidParameterValue", "two hours"),
    ({"MetricName": "m", "Value": 1, "Dimensions": [{"Name": "a", "Value": "1"}] * 2}, "InvalidParameterValue", "twice"),
    ({"MetricName": "m", "Value": 1, "Dimensions": [{"Name": f"a{i}", "Value": "1"} for i in range(31)]}, "ValidationError", "30"),
])
def test_data_that_are_refused(cloudwatch, namespace, datum, code, text):
    refused(lambda: cloudwatch.put_metric_data(Namespace=namespace, MetricData=[{"MetricName": "good", "Value": 1}, datum]), code, text)
    assert cloudwatch.list_metrics(Namespace=namespace)["Metrics"] == []


def test_requests_that_are_refused(cloudwatch, namespace):
    refused(lambda: put(cloudwatch, "AWS/ECS", 1), "InvalidParameterValue", "AWS/ECS")
    refused(lambda: cloudwatch.put_metric_data(Namespace=namespace, MetricData=[]), "MissingParameter", "MetricData")
    refused(lambda: statistics(cloudwatch, namespace, period=45, Statistics=["Sum"]), "InvalidParameterValue", "Period")
    refused(lambda: statistics(cloudwatch, namespace, minutes=1442, Statistics=["Sum"]), "InvalidParameterCombination", "1442 datapoints")
    refused(lambda: statistics(cloudwatch, namespace, minutes=-1, Statistics=["Sum"]), "InvalidParameterValue", "StartTime")
    refused(lambda: cloudwatch.put_anomaly_detector(Namespace="a", MetricName="m", Stat="Sum"), "UnsupportedOperation", "PutAnomalyDetector", 501)
    refused(lambda: cloudwatch.put_composite_alarm(AlarmName="a", AlarmRule="TRUE"), "UnsupportedOperation", "PutCompositeAlarm", 501)


def test_points_outlive_the_server():
    with tempfile.TemporaryDirectory(prefix="berth-test-") as directory:
        running = Server(directory)
        running.start()
        put(running.client("cloudwatch"), "Kept", 7)
        running.kill()
        running.start()
        assert statistics(running.client("cloudwatch"), "Kept", Statistics=["Sum"])[0]["Sum"] == 7
        assert os.stat(f"{directory}/metrics.db").st_mode & 0o777 == 0o600
        running.stop()


# ---- GetMetricData ----


def query(id, namespace, name="Load", stat="Sum", period=60, **more):
    return {"Id": id, "MetricStat": {"Metric": {"Namespace": namespace, "MetricName": name}, "Period": period, "Stat": stat}, **more}


def data(client, *queries, minutes=5, **more):
    end = this_minute() + MINUTE
    return client.get_metric_data(MetricDataQueries=list(queries), StartTime=end - minutes * MINUTE, EndTime=end,
                                  ScanBy="TimestampAscending", **more)


def test_expressions(cloudwatch, namespace):
    at = this_minute() - 2 * MINUTE
    for i, (hits, errors) in enumerate([(100, 1), (50, None), (200, 10)]):
        put(cloudwatch, namespace, hits, at=at + i * MINUTE, name="Hits")
        if errors is not None:
            put(cloudwatch, namespace, errors, at=at + i * MINUTE, name="Errors")
    got = data(cloudwatch, query("hits", namespace, "Hits", ReturnData=False), query("errors", namespace, "Errors"),
               {"Id": "rate", "Expression": "100 * FILL(errors, 0) / hits", "Label": "error rate"},
               {"Id": "many", "Expression": "IF(rate > 2, rate, 0)"})
    results = {result["Id"]: result for result in got["MetricDataResults"]}
    assert list(results) == ["errors", "rate", "many"]
    assert results["errors"]["Label"] == "Errors" and results["errors"]["Values"] == [1, 10]
    assert results["rate"]["Label"] == "error rate" and results["rate"]["Values"] == [1, 0, 5]
    assert results["rate"]["Timestamps"] == [at, at + MINUTE, at + 2 * MINUTE]
    assert results["many"]["Values"] == [0, 0, 5] and results["many"]["StatusCode"] == "Complete"


def test_results_have_pages(cloudwatch, namespace):
    end = this_minute() + MINUTE
    for i in range(4):
        put(cloudwatch, namespace, i, at=end - (i + 1) * MINUTE)
    found = list(cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=[query("a", namespace), query("b", namespace, stat="Maximum")], StartTime=end - 10 * MINUTE, EndTime=end,
        PaginationConfig={"PageSize": 3}))
    assert [sum(len(r["Values"]) for r in page["MetricDataResults"]) for page in found] == [3, 3, 2]
    for id in "ab":  # the newest first where nobody says otherwise
        assert [v for page in found for r in page["MetricDataResults"] if r["Id"] == id for v in r["Values"]] == [0, 1, 2, 3]


@pytest.mark.parametrize("queries, text", [
    ([{"Id": "Big", "Expression": "1"}], "Id"),
    ([{"Id": "e", "Expression": "e + 1"}], "uses itself"),
    ([{"Id": "e", "Expression": "f * 2"}, {"Id": "f", "Expression": "e * 2"}], "uses itself"),
    ([{"Id": "e", "Expression": "nothing * 2"}], "nothing"),
    ([{"Id": "e", "Expression": "SEARCH('{a}', 'Sum', 60)"}], "SEARCH"),
    ([{"Id": "e", "Expression": "SELECT AVG(x) FROM y"}], "Metrics Insights"),
    ([query("a", "n"), query("a", "n")], "twice"),
    ([query("a", "n"), query("b", "n", period=300), {"Id": "e", "Expression": "a + b"}], "different periods"),
    ([{"Id": "a"}], "MetricStat"),
])
def test_queries_that_are_refused(cloudwatch, queries, text):
    refused(lambda: data(cloudwatch, *queries), "ValidationError", text)


# ---- protocols ----


def test_the_query_protocol_of_older_clients(server, namespace):
    server.aws("cloudwatch", "put-metric-data", "--namespace", namespace, "--metric-name", "Load", "--value", "3", "--unit", "Count")
    server.aws("cloudwatch", "put-metric-data", "--namespace", namespace, "--metric-data",
               json.dumps([{"MetricName": "Load", "Values": [1, 2], "Counts": [2, 1], "Unit": "Count"}]))
    end = this_minute() + 2 * MINUTE
    found = json.loads(server.aws("cloudwatch", "get-metric-statistics", "--namespace", namespace, "--metric-name", "Load", "--period",
                                  "600", "--start-time", (end - 9 * MINUTE).isoformat(), "--end-time", end.isoformat(), "--statistics",
                                  "Sum", "Maximum", "--output", "json"))
    assert (found["Datapoints"][0]["Sum"], found["Datapoints"][0]["Maximum"]) == (7, 3)
    wrong = server.aws("cloudwatch", "set-alarm-state", "--alarm-name", "nothing", "--state-value", "OK", "--state-reason", "x", check=False)
    assert wrong.returncode != 0 and "(ResourceNotFound)" in wrong.stderr


def test_large_bodies_come_zipped(cloudwatch, namespace):
    cloudwatch.put_metric_data(Namespace=namespace, MetricData=[
        {"MetricName": "Load", "Value": i, "Dimensions": [{"Name": "Host", "Value": "h" * 100}]} for i in range(500)])
    assert statistics(cloudwatch, namespace, Statistics=["SampleCount"],
                      Dimensions=[{"Name": "Host", "Value": "h" * 100}])[0]["SampleCount"] == 500


def cbor(value):
    def head(major, n):
        return bytes([major << 5 | n]) if n < 24 else bytes([major << 5 | 24, n]) if n < 256 else bytes([major << 5 | 25]) + struct.pack(">H", n)
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, datetime.datetime):
        return b"\xc1" + cbor(value.timestamp())
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(cbor, value))
    return head(5, len(value)) + b"".join(cbor(k) + cbor(v) for k, v in value.items())


def test_cbor_of_the_newest_clients(server, cloudwatch, namespace):
    def ask(operation, value):
        url, body, keys = f"{server.url}/service/{PREFIX}/operation/{operation}", cbor(value), server.environment
        headers = {"Content-Type": "application/cbor", "Accept": "application/cbor", "Smithy-Protocol": "rpc-v2-cbor",
                   "x-amzn-query-mode": "true"}
        return send(url, body=body, headers=sign(url, "monitoring", keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"],
                                                 body=body, headers=headers))

    answer = ask("PutMetricData", {"Namespace": namespace, "MetricData": [
        {"MetricName": "Load", "Value": 2.5, "Timestamp": this_minute(), "Unit": "Count"}]})
    assert answer.status == 200 and answer.headers["Smithy-Protocol"] == "rpc-v2-cbor"
    assert statistics(cloudwatch, namespace, Statistics=["Sum"])[0]["Sum"] == 2.5
    answer = ask("GetMetricStatistics", {"Namespace": namespace, "MetricName": "Load", "StartTime": this_minute() - MINUTE, "Period": 60,
                                         "EndTime": this_minute() + MINUTE, "Statistics": ["Sum"]})
    assert answer.status == 200 and b"\xfb" + struct.pack(">d", 2.5) in answer.body and b"Timestamp\xc1" in answer.body
    answer = ask("SetAlarmState", {"AlarmName": "nothing", "StateValue": "OK", "StateReason": "x"})
    assert answer.status == 404 and b"ResourceNotFound" in answer.body and answer.headers["x-amzn-query-error"] == "ResourceNotFound;Sender"


def test_the_sdk_for_javascript(server, namespace):
    at = int(this_minute().timestamp())
    _, made, shown, listed, missing = js_sdk.run(
        server,
        call("cloudwatch", "PutMetricData", Namespace=namespace, MetricData=[
            {"MetricName": "Load", "Value": i, "Dimensions": [{"Name": "Host", "Value": "h" * 200}]} for i in range(100)]),
        call("cloudwatch", "PutMetricAlarm", AlarmName="js", **condition(namespace)),
        call("cloudwatch", "DescribeAlarms", AlarmNames=["js"]),
        pages("cloudwatch", "ListMetrics", 10, Namespace=namespace),
        call("cloudwatch", "SetAlarmState", AlarmName="nothing", StateValue="OK", StateReason="x"))
    assert "output" in made, made
    alarm, = shown["output"]["MetricAlarms"]
    assert (alarm["StateValue"], alarm["TreatMissingData"]) == ("INSUFFICIENT_DATA", "missing")
    assert len(listed["output"][0]["Metrics"]) == 1
    assert (missing["error"], missing["status"]) == ("ResourceNotFound", 404) and at


# ---- alarms ----


def test_life_of_an_alarm(cloudwatch, namespace):
    name = "life"
    lasting = condition(namespace, TreatMissingData="ignore")  # a minute that ends meanwhile moves it nowhere
    cloudwatch.put_metric_alarm(AlarmName=name, AlarmDescription="high", Tags=[{"Key": "team", "Value": "x"}],
                                AlarmActions=["arn:aws:sns:us-east-1:000000000000:pages"], **lasting)
    alarm = described(cloudwatch, name)
    arn = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}"
    assert alarm["AlarmArn"] == arn and alarm["StateReason"] == "Unchecked: Initial alarm creation"
    assert alarm["StateValue"] == "INSUFFICIENT_DATA" and alarm["TreatMissingData"] == "ignore" and alarm["ActionsEnabled"] is True
    assert alarm["OKActions"] == [] and alarm["Dimensions"] == []
    cloudwatch.get_waiter("alarm_exists").wait(AlarmNames=[name])
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="testing", StateReasonData='{"by":"hand"}')
    alarm = described(cloudwatch, name)
    assert (alarm["StateValue"], alarm["StateReason"], alarm["StateReasonData"]) == ("ALARM", "testing", '{"by":"hand"}')
    assert described(cloudwatch, name)["AlarmDescription"] == "high"
    cloudwatch.put_metric_alarm(AlarmName=name, **{**lasting, "Threshold": 6.5, "DatapointsToAlarm": 1})
    alarm = described(cloudwatch, name)
    assert alarm["Threshold"] == 6.5 and "AlarmDescription" not in alarm and alarm["StateValue"] == "ALARM"
    history = cloudwatch.describe_alarm_history(AlarmName=name, ScanBy="TimestampAscending")["AlarmHistoryItems"]
    assert [item["HistorySummary"] for item in history] == [
        f'Alarm "{name}" created', "Alarm updated from INSUFFICIENT_DATA to ALARM",
        "Failed to execute action arn:aws:sns:us-east-1:000000000000:pages", f'Alarm "{name}" updated']
    assert json.loads(history[1]["HistoryData"])["newState"] == {
        "stateValue": "ALARM", "stateReason": "testing", "stateReasonData": {"by": "hand"}}
    assert json.loads(history[3]["HistoryData"])["updatedAlarm"]["threshold"] == 6.5
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "team", "Value": "x"}]
    cloudwatch.tag_resource(ResourceARN=arn, Tags=[{"Key": "team", "Value": "y"}, {"Key": "a", "Value": "b"}])
    cloudwatch.untag_resource(ResourceARN=arn, TagKeys=["a"])
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "team", "Value": "y"}]
    cloudwatch.disable_alarm_actions(AlarmNames=[name])
    assert described(cloudwatch, name)["ActionsEnabled"] is False
    cloudwatch.enable_alarm_actions(AlarmNames=[name])
    cloudwatch.delete_alarms(AlarmNames=[name])
    assert described(cloudwatch, name) is None
    refused(lambda: cloudwatch.delete_alarms(AlarmNames=[name]), "ResourceNotFound", name, 404)
    refused(lambda: cloudwatch.list_tags_for_resource(ResourceARN=arn), "ResourceNotFoundException", "", 404)
    assert cloudwatch.describe_alarm_history(AlarmName=name, HistoryItemType="ConfigurationUpdate")["AlarmHistoryItems"][0][
        "HistorySummary"] == f'Alarm "{name}" deleted'


def test_alarms_are_found(cloudwatch, namespace):
    for i in range(5):  # and stays as it is set, whatever minute ends meanwhile
        cloudwatch.put_metric_alarm(AlarmName=f"found-{i}", OKActions=[f"arn:aws:sns:us-east-1:{ACCOUNT}:t{i}"],
                                    **condition(namespace, TreatMissingData="ignore", Dimensions=[{"Name": "n", "Value": str(i % 2)}]))
    cloudwatch.set_alarm_state(AlarmName="found-3", StateValue="ALARM", StateReason="x")

    def names(**given):
        return [a["AlarmName"] for page in cloudwatch.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix="found-", PaginationConfig={"PageSize": 2}, **given) for a in page["MetricAlarms"]]

    assert names() == [f"found-{i}" for i in range(5)]
    assert names(StateValue="ALARM") == ["found-3"]
    assert names(ActionPrefix=f"arn:aws:sns:us-east-1:{ACCOUNT}:t4") == ["found-4"]
    assert names(AlarmTypes=["CompositeAlarm"]) == []
    of_metric = cloudwatch.describe_alarms_for_metric(Namespace=namespace, MetricName="Load", Dimensions=[{"Name": "n", "Value": "1"}])
    assert [a["AlarmName"] for a in of_metric["MetricAlarms"]] == ["found-1", "found-3"]
    assert cloudwatch.describe_alarms_for_metric(Namespace=namespace, MetricName="Load")["MetricAlarms"] == []
    refused(lambda: cloudwatch.describe_alarms(NextToken="junk"), "InvalidNextToken", "junk")


@pytest.mark.parametrize("more, code, text", [
    ({"Period": 45}, "ValidationError", "Period must be 10, 20, 30 or a multiple of 60"),
    ({"EvaluationPeriods": 1441}, "ValidationError", "86400"),
    ({"DatapointsToAlarm": 2}, "ValidationError", "DatapointsToAlarm"),
    ({"TreatMissingData": "gone"}, "ValidationError", "TreatMissingData"),
    ({"ExtendedStatistic": "p90"}, "ValidationError", "Statistic"),
    ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "ValidationError", "anomaly detection"),
    ({"AlarmActions": ["pages"]}, "ValidationError", "Invalid arn syntax: pages"),
    ({"Metrics": [{"Id": "a", "Expression": "1"}]}, "ValidationError", "together with Metrics"),
    ({"EvaluateLowSampleCountPercentile": "ignore"}, "ValidationError", "EvaluateLowSampleCountPercentile"),
    ({"ThresholdMetricId": "a"}, "ValidationError", "ThresholdMetricId"),
])
def test_alarms_that_are_refused(cloudwatch, namespace, more, code, text):
    refused(lambda: cloudwatch.put_metric_alarm(AlarmName="refused", **condition(namespace, **more)), code, text)
    assert described(cloudwatch, "refused") is None


class Fast:
    """A server whose minutes take two seconds."""

    def __init__(self, server):
        self.server = server
        self.cloudwatch = server.client("cloudwatch")

    def becomes(self, name, state):
        return eventually(lambda: (lambda alarm: alarm if alarm["StateValue"] == state else None)(described(self.cloudwatch, name)),
                          what=f"{name} {state}")


@pytest.fixture(scope="module")
def fast():
    with tempfile.TemporaryDirectory(prefix="berth-test-") as directory:
        running = Server(directory, "--clock-rate", "30", "--auth", "open")
        running.start()
        yield Fast(running)
        running.stop()


def test_an_alarm_goes_off_and_comes_back(fast, namespace):
    # Until the end it keeps a state that its minutes without data would take away before anybody has seen it.
    fast.cloudwatch.put_metric_alarm(AlarmName="high", **condition(namespace, DatapointsToAlarm=1, TreatMissingData="ignore"))
    fast.cloudwatch.put_metric_data(Namespace=namespace, MetricData=[{"MetricName": "Load", "Value": 9}])
    alarm = fast.becomes("high", "ALARM")
    assert alarm["StateReason"].startswith("Threshold Crossed: 1 out of the last 1 datapoints [9.0 (")
    assert alarm["StateReason"].endswith(")] was greater than the threshold (5.0) (minimum 1 datapoint for OK -> ALARM transition).")
    reason = json.loads(alarm["StateReasonData"])
    assert reason["recentDatapoints"] == [9] and reason["period"] == 60 and reason["statistic"] == "Average"
    fast.cloudwatch.put_metric_data(Namespace=namespace, MetricData=[{"MetricName": "Load", "Value": 1}])
    fast.becomes("high", "OK")
    fast.cloudwatch.put_metric_alarm(AlarmName="high", **condition(namespace, DatapointsToAlarm=1))
    assert fast.becomes("high", "INSUFFICIENT_DATA")["StateReason"] == "Insufficient Data: 1 datapoint was unknown."
    moves = [item["HistorySummary"] for item in fast.cloudwatch.describe_alarm_history(
        AlarmName="high", HistoryItemType="StateUpdate", ScanBy="TimestampAscending")["AlarmHistoryItems"]]
    assert moves == ["Alarm updated from INSUFFICIENT_DATA to ALARM", "Alarm updated from ALARM to OK",
                     "Alarm updated from OK to INSUFFICIENT_DATA"]


def test_missing_data(fast, namespace):
    for treat, state in (("breaching", "ALARM"), ("notBreaching", "OK")):
        fast.cloudwatch.put_metric_alarm(AlarmName=treat, **condition(namespace, TreatMissingData=treat))
        assert "no datapoints were received for 1 period" in fast.becomes(treat, state)["StateReason"]
    fast.cloudwatch.put_metric_alarm(AlarmName="ignore", **condition(namespace, TreatMissingData="ignore"))
    fast.cloudwatch.set_alarm_state(AlarmName="ignore", StateValue="ALARM", StateReason="by hand")
    fast.cloudwatch.set_alarm_state(AlarmName="notBreaching", StateValue="ALARM", StateReason="by hand")
    fast.becomes("notBreaching", "OK")  # what is set lasts until the next evaluation
    assert described(fast.cloudwatch, "ignore")["StateReason"] == "by hand"


def test_an_alarm_on_an_expression(fast, namespace):
    fast.cloudwatch.put_metric_alarm(AlarmName="rate", EvaluationPeriods=1, Threshold=10, ComparisonOperator="GreaterThanThreshold",
                                     TreatMissingData="ignore", Metrics=[
        query("hits", namespace, "Hits", ReturnData=False), query("errors", namespace, "Errors", ReturnData=False),
        {"Id": "rate", "Expression": "100 * errors / hits", "ReturnData": True}])
    fast.cloudwatch.put_metric_data(Namespace=namespace, MetricData=[{"MetricName": "Hits", "Value": 4}, {"MetricName": "Errors", "Value": 1}])
    assert "[25.0 (" in fast.becomes("rate", "ALARM")["StateReason"]
    assert [m["Id"] for m in described(fast.cloudwatch, "rate")["Metrics"]] == ["hits", "errors", "rate"]


def test_moves_are_events(fast, namespace):
    events, logs = fast.server.client("events"), fast.server.client("logs")
    logs.create_log_group(logGroupName="/aws/events/alarms")
    logs.put_resource_policy(policyName="events", policyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
         "Resource": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/events/*:*"}]}))
    events.put_rule(Name="alarms", EventPattern=json.dumps({"source": ["aws.cloudwatch"], "detail": {"alarmName": ["told"]}}))
    events.put_targets(Rule="alarms", Targets=[{"Id": "log", "Arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/events/alarms"}])
    fast.cloudwatch.put_metric_alarm(AlarmName="told", AlarmDescription="high", **condition(
        namespace, TreatMissingData="ignore", Dimensions=[{"Name": "Host", "Value": "a"}]))
    fast.cloudwatch.set_alarm_state(AlarmName="told", StateValue="ALARM", StateReason="by hand")
    line, = eventually(lambda: logs.filter_log_events(logGroupName="/aws/events/alarms")["events"], what="the event")
    event = json.loads(line["message"])
    assert event["source"] == "aws.cloudwatch" and event["detail-type"] == "CloudWatch Alarm State Change"
    assert event["resources"] == [f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:told"]
    detail = event["detail"]
    assert detail["state"]["value"] == "ALARM" and detail["state"]["reason"] == "by hand"
    assert detail["previousState"]["value"] == "INSUFFICIENT_DATA"
    assert detail["configuration"]["description"] == "high"
    assert detail["configuration"]["metrics"][0]["metricStat"] == {
        "metric": {"namespace": namespace, "name": "Load", "dimensions": {"Host": "a"}}, "period": 60, "stat": "Average"}


# ---- access ----


def test_access(server, cloudwatch, namespace):
    iam = server.client("iam")
    iam.create_user(UserName="watcher")
    key = iam.create_access_key(UserName="watcher")["AccessKey"]
    mine = server.client("cloudwatch", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    with pytest.raises(botocore.exceptions.ClientError) as failure:
        put(mine, namespace, 1)
    assert "AccessDenied" in failure.value.response["Error"]["Code"] and "cloudwatch:PutMetricData" in str(failure.value)
    iam.put_user_policy(UserName="watcher", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "cloudwatch:PutMetricData", "Resource": "*",
         "Condition": {"StringEquals": {"cloudwatch:namespace": namespace}}},
        {"Effect": "Allow", "Action": ["cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms"],
         "Resource": "arn:aws:cloudwatch:*:*:alarm:mine-*"}]}))
    put(mine, namespace, 1)
    with pytest.raises(botocore.exceptions.ClientError):
        put(mine, namespace + "x", 1)
    mine.put_metric_alarm(AlarmName="mine-1", **condition(namespace))
    with pytest.raises(botocore.exceptions.ClientError) as failure:
        mine.put_metric_alarm(AlarmName="other", **condition(namespace))
    assert f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:other" in str(failure.value)
    with pytest.raises(botocore.exceptions.ClientError):
        mine.delete_alarms(AlarmNames=["mine-1", "other"])
    assert described(cloudwatch, "mine-1")
    mine.delete_alarms(AlarmNames=["mine-1"])
