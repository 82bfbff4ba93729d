"""Account settings: what is in force, for whom, and what is refused."""

import botocore.exceptions
import pytest

ROOT = "arn:aws:iam::{}:root"


def refusal(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as failure:
        call(**arguments)
    return failure.value.response["Error"]["Code"], failure.value.response["Error"]["Message"]


@pytest.fixture
def account(open_server):
    account.number = getattr(account, "number", 600000000000) + 1
    client = open_server.client("ecs", aws_access_key_id=str(account.number), aws_secret_access_key="x")
    client.root = ROOT.format(account.number)
    return client


def value_of(ecs, name, **more):
    settings = ecs.list_account_settings(name=name, effectiveSettings=True, **more)["settings"]
    assert len(settings) == 1
    return settings[0]["value"]


def test_every_account_begins_with_the_same(account):
    pages = list(account.get_paginator("list_account_settings").paginate(effectiveSettings=True, PaginationConfig={"PageSize": 4}))
    settings = {s["name"]: s["value"] for page in pages for s in page["settings"]}
    assert settings["taskLongArnFormat"] == settings["serviceLongArnFormat"] == "enabled"
    assert settings["containerInsights"] == "disabled"
    assert settings["tagResourceAuthorization"] == "on"
    assert len(settings) == 11 and max(len(page["settings"]) for page in pages) == 4
    assert account.list_account_settings()["settings"] == []


def test_put_list_delete(account):
    answer = account.put_account_setting(name="containerInsights", value="enabled")["setting"]
    assert (answer["name"], answer["value"], answer["principalArn"]) == ("containerInsights", "enabled", account.root)
    listed = account.list_account_settings()["settings"]
    assert [(s["name"], s["value"]) for s in listed] == [("containerInsights", "enabled")]
    assert account.list_account_settings(name="containerInsights", value="disabled")["settings"] == []
    assert account.delete_account_setting(name="containerInsights")["setting"]["value"] == "enabled"
    assert account.list_account_settings()["settings"] == []
    assert value_of(account, "containerInsights") == "disabled"


def test_a_principal_has_its_own_else_the_default(account):
    user = account.root.replace(":root", ":user/ann")
    account.put_account_setting_default(name="containerInsights", value="enhanced")
    assert value_of(account, "containerInsights", principalArn=user) == "enhanced"
    account.put_account_setting(name="containerInsights", value="enabled", principalArn=user)
    assert value_of(account, "containerInsights", principalArn=user) == "enabled"
    assert value_of(account, "containerInsights") == "enhanced"
    account.delete_account_setting(name="containerInsights", principalArn=user)
    assert value_of(account, "containerInsights", principalArn=user) == "enhanced"


def test_new_clusters_begin_with_container_insights_as_set(account):
    account.put_account_setting(name="containerInsights", value="enabled")
    assert account.create_cluster(clusterName="a")["cluster"]["settings"] == [{"name": "containerInsights", "value": "enabled"}]
    explicit = account.create_cluster(clusterName="b", settings=[{"name": "containerInsights", "value": "disabled"}])
    assert explicit["cluster"]["settings"] == [{"name": "containerInsights", "value": "disabled"}]


@pytest.mark.parametrize("name, value, text", [
    ("containerInsights", "ENABLED", "Invalid setting 'value'"),
    ("containerInsights", "", "Invalid setting 'value'"),
    ("taskLongArnFormat", "disabled", "You can no longer disable Long Arn settings"),
    ("awsvpcTrunking", "enabled", "container instances"),
    ("fargateFIPSMode", "enabled", "FIPS"),
    ("tagResourceAuthorization", "enabled", "Invalid setting 'value'"),
    ("fargateTaskRetirementWaitPeriod", "14", "retires no tasks"),
    ("guardDutyActivate", "on", "GuardDuty"),
])
def test_what_cannot_act_is_refused(open_server, account, name, value, text):
    for put in [account.put_account_setting, account.put_account_setting_default]:
        try:
            code, message = refusal(put, name=name, value=value)
        except botocore.exceptions.ParamValidationError:
            pytest.skip("this SDK does not know the setting")
        assert code == "InvalidParameterException" and text in message
    assert account.list_account_settings()["settings"] == []


def test_bad_filters_are_refused(account):
    assert refusal(account.list_account_settings, value="enabled")[0] == "InvalidParameterException"
    assert refusal(account.list_account_settings, name="colour")[0] == "InvalidParameterException"
    for size in [0, 11]:
        assert refusal(account.list_account_settings, maxResults=size)[0] == "InvalidParameterException"
    assert refusal(account.list_account_settings, principalArn="ann")[0] == "InvalidParameterException"
    assert refusal(account.list_account_settings, principalArn=ROOT.format("111111111111"))[0] == "InvalidParameterException"
    assert refusal(account.list_account_settings, nextToken="6162")[0] == "InvalidParameterException"


def test_the_command_line_does_it_all(server):
    assert server.aws("ecs", "put-account-setting-default", "--name", "containerInsights", "--value", "enabled",
                      "--query", "setting.value") == "enabled"
    assert server.aws("ecs", "list-account-settings", "--effective-settings", "--name", "containerInsights",
                      "--query", "settings[0].value") == "enabled"
    assert server.aws("ecs", "delete-account-setting", "--name", "containerInsights", "--query", "setting.name") == "containerInsights"
