"""SSM Parameter Store with boto3 and the stock aws CLI: parameters, versions, labels, paths, policies, filters."""

import datetime
import json
import pathlib
import re
import tempfile

import botocore.exceptions
import pytest
from conftest import Server, eventually

VALUE = "open-sesame-4711"


def refused(call, code, text=""):
    with pytest.raises(botocore.exceptions.ClientError) as failure:
        call()
    error = failure.value.response["Error"]
    assert error["Code"] == code and text in error["Message"], error
    assert failure.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert VALUE not in str(failure.value.response)


@pytest.fixture(scope="module")
def ssm(server):
    return server.client("ssm")


@pytest.fixture
def path(ssm, request):
    made = "/" + re.sub(r"[^a-zA-Z0-9]+", "-", request.node.name)
    yield made
    while True:
        found = ssm.get_parameters_by_path(Path=made, Recursive=True)["Parameters"]
        if not found:
            break
        ssm.delete_parameters(Names=[each["Name"] for each in found])


def put(ssm, name, value="x", kind="String", **more):
    return ssm.put_parameter(Name=name, Value=value, Type=kind, **more)


def test_a_parameter_as_it_is_put_and_shown(ssm, path):
    name = path + "/db/host"
    made = put(ssm, name, "localhost", Description="where")
    assert (made["Version"], made["Tier"]) == (1, "Standard")
    got = ssm.get_parameter(Name=name)["Parameter"]
    assert isinstance(got.pop("LastModifiedDate"), datetime.datetime)
    assert got == {"Name": name, "Type": "String", "Value": "localhost", "Version": 1, "DataType": "text",
                   "ARN": f"arn:aws:ssm:us-east-1:000000000000:parameter{name}"}
    (shown,) = ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [name]}])["Parameters"]
    assert (shown["Description"], shown["Tier"], shown["Version"]) == ("where", "Standard", 1)
    assert shown["LastModifiedUser"] == "arn:aws:iam::000000000000:root" and "Value" not in shown
    assert ssm.get_parameter(Name=f"arn:aws:ssm:us-east-1:000000000000:parameter{name}")["Parameter"]["Name"] == name


def test_two_names_of_one_arn_are_not_both_there(ssm, path):
    plain = path[1:]
    put(ssm, plain, "plain")
    try:
        refused(lambda: put(ssm, path, "slashed"), "ParameterAlreadyExists", "the same ARN")
        refused(lambda: put(ssm, path, "slashed", Overwrite=True), "ParameterAlreadyExists", "the same ARN")
        arn = ssm.get_parameter(Name=plain)["Parameter"]["ARN"]
        assert ssm.get_parameter(Name=arn)["Parameter"]["Value"] == "plain"
        refused(lambda: ssm.get_parameter(Name=path), "ParameterNotFound")
    finally:
        ssm.delete_parameter(Name=plain)
    put(ssm, path, "slashed")
    refused(lambda: put(ssm, plain, "plain"), "ParameterAlreadyExists", "the same ARN")
    assert ssm.get_parameter(Name=arn)["Parameter"]["Value"] == "slashed"
    ssm.delete_parameter(Name=path)


def test_an_arn_of_another_region_or_account_means_nothing_here(server, ssm, path):
    name = path + "/n"
    put(ssm, name, "here")
    elsewhere = server.client("ssm", region_name="eu-west-1")
    arn = f"arn:aws:ssm:us-east-1:000000000000:parameter{name}"
    for call in (lambda: elsewhere.get_parameter(Name=arn), lambda: elsewhere.delete_parameter(Name=arn),
                 lambda: elsewhere.get_parameter_history(Name=arn),
                 lambda: elsewhere.label_parameter_version(Name=arn, Labels=["a"]),
                 lambda: ssm.get_parameter(Name=f"arn:aws:ssm:us-east-1:000000000000:parameter/{name}")):
        refused(call, "ParameterNotFound")
    assert elsewhere.get_parameters(Names=[arn])["InvalidParameters"] == [arn]
    assert elsewhere.delete_parameters(Names=[arn])["InvalidParameters"] == [arn]
    assert ssm.get_parameter(Name=arn)["Parameter"]["Value"] == "here"


def test_what_is_not_there(ssm, path):
    for call in (lambda: ssm.get_parameter(Name=path + "/x"), lambda: ssm.delete_parameter(Name=path + "/x"),
                 lambda: ssm.get_parameter_history(Name=path + "/x"),
                 lambda: ssm.get_parameter(Name="/aws/service/ami-windows-latest/x")):
        refused(call, "ParameterNotFound")
    got = ssm.get_parameters(Names=[path + "/x", path + "/y:3"])
    assert got["Parameters"] == [] and got["InvalidParameters"] == [path + "/x", path + "/y:3"]


def test_a_name_is_put_once_unless_overwritten(ssm, path):
    name = path + "/n"
    put(ssm, name, "1")
    refused(lambda: put(ssm, name, "2"), "ParameterAlreadyExists",
            "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
    assert ssm.put_parameter(Name=name, Value="2", Overwrite=True)["Version"] == 2
    refused(lambda: ssm.put_parameter(Name=name, Value="3", Type="StringList", Overwrite=True),
            "HierarchyTypeMismatchException")
    refused(lambda: ssm.put_parameter(Name=name, Value="3", Overwrite=True, Tags=[{"Key": "a", "Value": "b"}]),
            "ValidationException", "tags and overwrite can't be used together")
    refused(lambda: ssm.put_parameter(Name=path + "/m", Value="3"), "ValidationException",
            "A parameter type is required when you create a parameter.")
    assert ssm.get_parameter(Name=name)["Parameter"]["Value"] == "2"


@pytest.mark.parametrize("name, code", [
    ("no/slash/first", "ValidationException"),
    ("aws-mine", "ValidationException"),
    ("/ssm/x", "ValidationException"),
    ("/aws/x", "AccessDeniedException"),
    ("with space", "ValidationException"),
    ("/" + "/".join("x" * 16), "HierarchyLevelLimitExceededException"),
    ("x" * 1012, "ValidationException"),
])
def test_names_have_rules(ssm, name, code):
    refused(lambda: put(ssm, name), code)


def test_secure_strings(ssm, path):
    name = path + "/secret"
    put(ssm, name, VALUE, "SecureString")
    assert ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"] == VALUE
    sealed = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    assert VALUE not in sealed and re.fullmatch(r"[A-Za-z0-9+/]{40,}=*", sealed)
    (shown,) = ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [name]}])["Parameters"]
    assert shown["KeyId"] == "alias/aws/ssm"
    ssm.put_parameter(Name=name, Value="two", KeyId="alias/mine", Overwrite=True)
    history = ssm.get_parameter_history(Name=name, WithDecryption=True)["Parameters"]
    assert [(h["Version"], h["Value"], h["KeyId"]) for h in history] == [(1, VALUE, "alias/aws/ssm"),
                                                                         (2, "two", "alias/mine")]
    assert VALUE not in str(ssm.get_parameter_history(Name=name))
    refused(lambda: put(ssm, path + "/plain", KeyId="alias/mine"), "ValidationException", "KeyId")


def test_versions_and_labels(ssm, path):
    name = path + "/n"
    for value in ("1", "2", "3"):
        ssm.put_parameter(Name=name, Value=value, Type="String", Overwrite=True)
    value = lambda selector: ssm.get_parameter(Name=name + selector)["Parameter"]["Value"]
    assert (value(""), value(":1"), value(":3")) == ("3", "1", "3")
    assert ssm.get_parameter(Name=name + ":2")["Parameter"]["Selector"] == ":2"
    refused(lambda: value(":4"), "ParameterVersionNotFound",
            f"Systems Manager could not find version 4 of {name}. Verify the version and try again.")
    labelled = ssm.label_parameter_version(Name=name, ParameterVersion=2, Labels=["prod", "1bad", "awsbad"])
    assert labelled["InvalidLabels"] == ["1bad", "awsbad"] and labelled["ParameterVersion"] == 2
    assert value(":prod") == "2"
    assert ssm.label_parameter_version(Name=name, Labels=["prod"])["ParameterVersion"] == 3
    assert value(":prod") == "3"
    assert [h["Labels"] for h in ssm.get_parameter_history(Name=name)["Parameters"]] == [[], [], ["prod"]]
    refused(lambda: ssm.label_parameter_version(Name=name, ParameterVersion=9, Labels=["x"]), "ParameterVersionNotFound")
    refused(lambda: [ssm.label_parameter_version(Name=name, Labels=[f"l{k}-{i}" for i in range(8)]) for k in range(2)],
            "ParameterVersionLabelLimitExceeded")
    refused(lambda: value(":none"), "ParameterVersionNotFound")
    taken = ssm.unlabel_parameter_version(Name=name, ParameterVersion=3, Labels=["prod", "none"])
    assert (taken["RemovedLabels"], taken["InvalidLabels"]) == (["prod"], ["none"])
    got = ssm.get_parameters(Names=[name + ":1", name + ":none"])
    assert [p["Value"] for p in got["Parameters"]] == ["1"] and got["InvalidParameters"] == [name + ":none"]


def test_a_hundred_versions_are_kept(ssm, path):
    name = path + "/n"
    for value in range(101):
        ssm.put_parameter(Name=name, Value=str(value), Type="String", Overwrite=True)
    first = ssm.get_parameter_history(Name=name)
    second = ssm.get_parameter_history(Name=name, NextToken=first["NextToken"])
    versions = [h["Version"] for h in first["Parameters"] + second["Parameters"]]
    assert versions == list(range(2, 102)) and "NextToken" not in second
    ssm.label_parameter_version(Name=name, ParameterVersion=2, Labels=["keep"])
    refused(lambda: ssm.put_parameter(Name=name, Value="x", Overwrite=True), "ParameterMaxVersionLimitExceeded",
            "Version 2, the oldest version, can't be deleted because it has a label associated with it.")


def test_tiers_have_sizes(ssm, path):
    refused(lambda: put(ssm, path + "/a", "x" * 4097), "ValidationException", "4096")
    refused(lambda: put(ssm, path + "/a", "x" * 8193, Tier="Advanced"), "ValidationException", "8192")
    assert put(ssm, path + "/a", "x" * 4097, Tier="Advanced")["Tier"] == "Advanced"
    assert put(ssm, path + "/b", "x" * 4097, Tier="Intelligent-Tiering")["Tier"] == "Advanced"
    assert put(ssm, path + "/c", "x", Tier="Intelligent-Tiering")["Tier"] == "Standard"
    refused(lambda: ssm.put_parameter(Name=path + "/a", Value="x", Tier="Standard", Overwrite=True),
            "ValidationException", "can't downgrade")
    assert ssm.put_parameter(Name=path + "/a", Value="x", Overwrite=True)["Tier"] == "Advanced"


def test_patterns_and_data_types(ssm, path):
    put(ssm, path + "/n", "12", AllowedPattern=r"\d+")
    refused(lambda: ssm.put_parameter(Name=path + "/n", Value=VALUE, Overwrite=True), "ParameterPatternMismatchException",
            r"Parameter value, cannot be validated against allowedPattern: \d+")
    refused(lambda: put(ssm, path + "/m", AllowedPattern="("), "InvalidAllowedPatternException")
    refused(lambda: put(ssm, path + "/m", "ami-12345678", DataType="aws:ec2:image"), "ValidationException",
            "aws:ec2:image")
    refused(lambda: put(ssm, path + "/m", DataType="other"), "ValidationException", "other")
    assert ssm.get_parameters_by_path(Path=path)["Parameters"][0]["Value"] == "12"


def test_paths(ssm, path):
    for name in ("/b", "/a", "/sub/c", "/sub/deep/d"):
        put(ssm, path + name, name, Tags=[{"Key": "k", "Value": name}])
    put(ssm, path + "-other", "x")
    names = lambda **more: [p["Name"][len(path):] for p in ssm.get_parameters_by_path(**{"Path": path, **more})["Parameters"]]
    try:
        assert names() == names(Path=path + "/") == ["/a", "/b"]
        assert names(Recursive=True) == ["/a", "/b", "/sub/c", "/sub/deep/d"]
        assert names(Path=path + "/sub") == ["/sub/c"]
        page = ssm.get_parameters_by_path(Path=path, Recursive=True, MaxResults=3)
        rest = ssm.get_parameters_by_path(Path=path, Recursive=True, MaxResults=3, NextToken=page["NextToken"])
        assert len(page["Parameters"]) == 3 and len(rest["Parameters"]) == 1 and "NextToken" not in rest
        refused(lambda: names(Path="relative"), "ValidationException", "must begin with a forward slash")
        refused(lambda: names(NextToken="zz"), "InvalidNextToken")
        ssm.put_parameter(Name=path + "/a", Value="new", Overwrite=True)
        ssm.label_parameter_version(Name=path + "/a", ParameterVersion=1, Labels=["old"])
        found = ssm.get_parameters_by_path(Path=path, ParameterFilters=[{"Key": "Label", "Values": ["old"]}])
        assert [(p["Value"], p["Version"]) for p in found["Parameters"]] == [("/a", 1)]
        refused(lambda: names(ParameterFilters=[{"Key": "Name", "Values": ["x"]}]), "InvalidFilterKey")
    finally:
        ssm.delete_parameter(Name=path + "-other")


def test_descriptions_are_filtered(ssm, path):
    put(ssm, path + "/a", Tags=[{"Key": "team", "Value": "blue"}])
    put(ssm, path + "/b", kind="SecureString")
    put(ssm, path + "/sub/c", kind="StringList", value="1,2")

    def names(*filters, **more):
        below = {"Key": "Path", "Option": "Recursive", "Values": [path]}
        found = ssm.describe_parameters(ParameterFilters=[below, *filters], **more)
        return [p["Name"][len(path):] for p in found["Parameters"]]

    assert names() == ["/a", "/b", "/sub/c"]
    assert names({"Key": "Type", "Values": ["SecureString", "StringList"]}) == ["/b", "/sub/c"]
    assert names({"Key": "tag:team", "Values": ["blue"]}) == ["/a"]
    assert names({"Key": "Name", "Option": "Contains", "Values": ["/sub/"]}) == ["/sub/c"]
    assert names({"Key": "Tier", "Values": ["Advanced"]}) == []
    assert names(MaxResults=2) == ["/a", "/b"]
    old = ssm.describe_parameters(Filters=[{"Key": "Name", "Values": [path + "/b"]}])["Parameters"]
    assert [p["Name"] for p in old] == [path + "/b"]
    refused(lambda: names({"Key": "Label", "Values": ["x"]}), "InvalidFilterKey")
    refused(lambda: names({"Key": "Type", "Option": "Contains", "Values": ["x"]}), "InvalidFilterOption")
    refused(lambda: ssm.describe_parameters(Filters=[{"Key": "Name", "Values": ["x"]}],
                                            ParameterFilters=[{"Key": "Name", "Values": ["x"]}]),
            "ValidationException", "either Filters or ParameterFilters")


def test_tags(ssm, path):
    name = path + "/n"
    put(ssm, name, Tags=[{"Key": "a", "Value": "1"}])
    of = {"ResourceType": "Parameter", "ResourceId": name}
    ssm.add_tags_to_resource(**of, Tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "3"}])
    ssm.remove_tags_from_resource(**of, TagKeys=["b"])
    assert ssm.list_tags_for_resource(**of)["TagList"] == [{"Key": "a", "Value": "2"}]
    refused(lambda: ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=path + "/none"), "InvalidResourceId")
    refused(lambda: ssm.list_tags_for_resource(ResourceType="Document", ResourceId="x"), "InvalidResourceType", "Document")
    refused(lambda: ssm.add_tags_to_resource(**of, Tags=[{"Key": f"k{i}", "Value": "v"} for i in range(50)]),
            "TooManyTagsError")


def test_deletion(ssm, path):
    put(ssm, path + "/a")
    put(ssm, path + "/b")
    gone = ssm.delete_parameters(Names=[path + "/a", path + "/none"])
    assert (gone["DeletedParameters"], gone["InvalidParameters"]) == ([path + "/a"], [path + "/none"])
    ssm.delete_parameter(Name=path + "/b")
    put(ssm, path + "/b")  # begins anew
    assert ssm.get_parameter(Name=path + "/b")["Parameter"]["Version"] == 1


# ---- policies ----


def policies(when):
    stamp = when.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return json.dumps([{"Type": "Expiration", "Version": "1.0", "Attributes": {"Timestamp": stamp}},
                       {"Type": "NoChangeNotification", "Version": "1.0", "Attributes": {"After": "2", "Unit": "Days"}}])


def soon(**delta):
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(**delta)


def test_policies_are_checked_and_shown(ssm, path):
    name = path + "/n"
    refused(lambda: put(ssm, name, Policies=policies(soon(days=9))), "ValidationException", "advanced-parameter tier")
    refused(lambda: put(ssm, name, Tier="Advanced", Policies=policies(soon(days=-9))), "InvalidPolicyAttributeException",
            "Timestamp")
    refused(lambda: put(ssm, name, Tier="Advanced", Policies="not json"), "ValidationException")
    assert put(ssm, name, Tier="Intelligent-Tiering", Policies=policies(soon(days=9)))["Tier"] == "Advanced"
    (shown,) = ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [name]}])["Parameters"]
    assert [(p["PolicyType"], p["PolicyStatus"]) for p in shown["Policies"]] == [
        ("Expiration", "Pending"), ("NoChangeNotification", "Pending")]
    assert json.loads(shown["Policies"][0]["PolicyText"])["Type"] == "Expiration"
    ssm.put_parameter(Name=name, Value="y", Policies="[{}]", Overwrite=True)
    (shown,) = ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [name]}])["Parameters"]
    assert shown["Policies"] == []


def test_expiration_takes_the_parameter_away():
    with tempfile.TemporaryDirectory(prefix="berth-test-") as directory:
        fast = Server(directory, "--clock-rate", "10000", "--auth", "open")
        fast.start()
        try:
            ssm = fast.client("ssm")
            put(ssm, "/stays")
            put(ssm, "/goes", Tier="Advanced", Policies=policies(soon(days=3)))

            def is_gone():
                try:
                    ssm.get_parameter(Name="/goes")
                except ssm.exceptions.ParameterNotFound:
                    return True

            eventually(is_gone, seconds=60, what="the end of the parameter")
            assert ssm.get_parameter(Name="/stays")["Parameter"]["Value"] == "x"
        finally:
            fast.stop()


# ---- the stock CLI, and what stands at rest ----


def test_the_aws_cli(server, path):
    server.aws("ssm", "put-parameter", "--name", path + "/cli", "--type", "SecureString", "--value", VALUE)
    got = server.aws("ssm", "get-parameter", "--name", path + "/cli", "--with-decryption", "--query", "Parameter.Value")
    assert got == VALUE


def test_values_survive_a_restart_and_are_nowhere_in_the_clear():
    with tempfile.TemporaryDirectory(prefix="berth-test-") as directory:
        server = Server(directory, "--log-requests")
        server.start()
        try:
            ssm = server.client("ssm")
            put(ssm, "/kept", VALUE, "SecureString")
            put(ssm, "plain", VALUE)
            server.stop()
            kept = b"".join(each.read_bytes() for each in pathlib.Path(directory).rglob("*") if each.is_file())
            assert b"kept" in kept and VALUE.encode() not in kept
            server.start()
            got = server.client("ssm").get_parameters(Names=["/kept", "plain"], WithDecryption=True)["Parameters"]
            assert [each["Value"] for each in got] == [VALUE, VALUE]
        finally:
            server.stop()


def test_other_operations_are_refused_by_name(ssm):
    with pytest.raises(botocore.exceptions.ClientError) as failure:
        ssm.list_documents()
    assert failure.value.response["Error"]["Code"] == "UnsupportedOperation"
    assert "ListDocuments" in failure.value.response["Error"]["Message"]
