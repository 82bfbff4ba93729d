"""Policies decide every call: users, roles, boundaries, tags, roles handed over. With the stock aws CLI and boto3."""

import itertools
import json
import subprocess
import urllib.error
import urllib.request

import botocore.exceptions
import pytest

ACCOUNT = "000000000000"
CLUSTER = f"arn:aws:ecs:us-east-1:{ACCOUNT}:cluster"
NUMBERS = itertools.count()


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action, resource="*", **more):
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


class User:
    """A user with these statements as inline policy, and clients with his key."""

    def __init__(self, server, *statements, **more):
        self.server = server
        self.iam = server.client("iam")
        self.name = f"user{next(NUMBERS)}"
        self.arn = self.iam.create_user(UserName=self.name, **more)["User"]["Arn"]
        if statements:
            self.put(*statements)
        key = self.iam.create_access_key(UserName=self.name)["AccessKey"]
        self.keys = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}

    def put(self, *statements):
        self.iam.put_user_policy(UserName=self.name, PolicyName="inline", PolicyDocument=document(*statements))

    def client(self, service):
        return self.server.client(service, **self.keys)


def refused(call, *arguments, **named):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(*arguments, **named)
    return caught.value.response


def message(call, *arguments, **named):
    return refused(call, *arguments, **named)["Error"]["Message"]


@pytest.fixture(scope="module")
def world(server):
    """Two clusters and a task definition without roles."""
    ecs = server.client("ecs")
    for name in ("blue", "green"):
        ecs.create_cluster(clusterName=name, tags=[{"key": "team", "value": name}])
    ecs.register_task_definition(
        family="web", networkMode="awsvpc", cpu="256", memory="512", requiresCompatibilities=["FARGATE"],
        containerDefinitions=[{"name": "app", "image": "busybox"}])
    subnet = server.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    server.network = {"awsvpcConfiguration": {"subnets": [subnet]}}
    return server


def run(client, server, cluster, definition="web", **more):
    return client.run_task(cluster=cluster, taskDefinition=definition, launchType="FARGATE",
                           networkConfiguration=server.network, **more)


# ---- no policy, one policy, a deny ----

def test_a_user_without_policies_may_do_nothing(world):
    user = User(world)
    answer = refused(user.client("ecs").list_clusters)
    assert answer["Error"]["Code"] == "AccessDeniedException" and answer["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert answer["Error"]["Message"] == (
        f"User: {user.arn} is not authorized to perform: ecs:ListClusters on resource: * because no identity-based policy "
        "allows the ecs:ListClusters action")
    assert user.client("sts").get_caller_identity()["Arn"] == user.arn  # which nobody needs a permission for


@pytest.mark.parametrize("service,call,code", [
    ("ec2", lambda ec2: ec2.describe_vpcs(), "UnauthorizedOperation"),
    ("iam", lambda iam: iam.list_users(), "AccessDenied"),
    ("ecr", lambda ecr: ecr.describe_repositories(), "AccessDeniedException"),
    ("logs", lambda logs: logs.describe_log_groups(), "AccessDeniedException"),
])
def test_each_service_denies_in_its_own_form(world, service, call, code):
    user = User(world)
    answer = refused(call, user.client(service))
    assert answer["Error"]["Code"] == code
    assert f"User: {user.arn} is not authorized to perform: {service}:" in answer["Error"]["Message"]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == (400 if code == "AccessDeniedException" else 403)
    if service == "ec2":
        assert answer["Error"]["Message"].startswith("You are not authorized to perform this operation. User: ")


def test_a_user_that_may_only_run_tasks_in_one_cluster(world):
    user = User(world, allow("ecs:RunTask", f"arn:aws:ecs:*:{ACCOUNT}:task-definition/web:*",
                             Condition={"ArnEquals": {"ecs:cluster": f"{CLUSTER}/blue"}}))
    ecs = user.client("ecs")
    assert run(ecs, world, "blue")["tasks"]
    assert run(ecs, world, f"{CLUSTER}/blue")["tasks"]
    text = message(run, ecs, world, "green")
    assert text.startswith(f"User: {user.arn} is not authorized to perform: ecs:RunTask on resource: "
                           f"arn:aws:ecs:us-east-1:{ACCOUNT}:task-definition/web:1 because no identity-based policy")
    message(ecs.list_tasks, cluster="blue")
    message(ecs.stop_task, cluster="blue", task="0" * 32)


def test_the_same_with_the_aws_cli(world):
    user = User(world, allow("ecs:ListTasks", Condition={"ArnEquals": {"ecs:cluster": f"{CLUSTER}/blue"}}))
    environment = dict(world.environment, AWS_ACCESS_KEY_ID=user.keys["aws_access_key_id"],
                       AWS_SECRET_ACCESS_KEY=user.keys["aws_secret_access_key"])

    def aws(*arguments):
        return subprocess.run(["/usr/bin/aws", "--endpoint-url", world.url, "--output", "text", *arguments],
                              env=environment, capture_output=True, text=True, timeout=120)

    assert aws("ecs", "list-tasks", "--cluster", "blue").returncode == 0
    denied = aws("ecs", "list-tasks", "--cluster", "green")
    assert denied.returncode != 0 and "An error occurred (AccessDeniedException)" in denied.stderr
    assert f"container-instance/green/* because no identity-based policy allows the ecs:ListTasks action" in denied.stderr


def test_a_deny_beats_an_allow(world):
    user = User(world, allow("*"), deny("ecs:DeleteCluster"))
    ecs = user.client("ecs")
    ecs.list_clusters()
    assert message(ecs.delete_cluster, cluster="blue") == (
        f"User: {user.arn} is not authorized to perform: ecs:DeleteCluster on resource: {CLUSTER}/blue with an explicit "
        "deny in an identity-based policy")


def test_what_changes_counts_at_once(world):
    user = User(world, allow("ecs:ListClusters"))
    ecs = user.client("ecs")
    ecs.list_clusters()
    user.put(allow("ecs:ListTasks"))
    message(ecs.list_clusters)
    user.iam.delete_user_policy(UserName=user.name, PolicyName="inline")
    message(ecs.list_tasks)


# ---- groups, managed policies, boundaries ----

def test_policies_of_groups_and_managed_ones(world):
    iam = world.client("iam")
    user = User(world)
    iam.create_group(GroupName="readers")
    iam.put_group_policy(GroupName="readers", PolicyName="p", PolicyDocument=document(allow("ecs:List*")))
    iam.add_user_to_group(GroupName="readers", UserName=user.name)
    user.client("ecs").list_clusters()
    message(user.client("logs").describe_log_groups)
    iam.attach_user_policy(UserName=user.name, PolicyArn="arn:aws:iam::aws:policy/CloudWatchLogsFullAccess")
    user.client("logs").describe_log_groups()
    iam.remove_user_from_group(GroupName="readers", UserName=user.name)
    message(user.client("ecs").list_clusters)


def test_a_boundary_limits_what_policies_allow(world):
    iam = world.client("iam")
    boundary = iam.create_policy(PolicyName="boundary", PolicyDocument=document(allow("ecs:List*")))["Policy"]["Arn"]
    user = User(world, allow("*"), PermissionsBoundary=boundary)
    ecs = user.client("ecs")
    ecs.list_clusters()
    assert message(ecs.describe_clusters, clusters=["blue"]) == (
        f"User: {user.arn} is not authorized to perform: ecs:DescribeClusters on resource: {CLUSTER}/blue because no "
        "permissions boundary allows the ecs:DescribeClusters action")
    iam.delete_user_permissions_boundary(UserName=user.name)
    ecs.describe_clusters(clusters=["blue"])


# ---- several resources, tags, keys ----

def test_every_resource_of_a_call_has_to_be_allowed(world):
    user = User(world, allow("ecs:DescribeClusters", f"{CLUSTER}/blue"))
    ecs = user.client("ecs")
    ecs.describe_clusters(clusters=["blue"])
    assert f"{CLUSTER}/green" in message(ecs.describe_clusters, clusters=["blue", "green"])
    assert f"{CLUSTER}/default" in message(ecs.describe_clusters)


@pytest.mark.parametrize("key", ["aws:ResourceTag/team", "ecs:ResourceTag/team", "AWS:resourcetag/TEAM"])
def test_a_condition_on_the_tags_of_a_resource(world, key):
    user = User(world, allow("ecs:DescribeClusters", Condition={"StringEquals": {key: "blue"}}))
    ecs = user.client("ecs")
    ecs.describe_clusters(clusters=["blue"])
    message(ecs.describe_clusters, clusters=["green"])
    message(ecs.describe_clusters, clusters=["nothing"])


def test_a_condition_on_the_tags_of_a_request(world):
    user = User(world, allow("ecs:CreateCluster", Condition={"StringEquals": {"aws:RequestTag/team": "red"},
                                                            "ForAllValues:StringEquals": {"aws:TagKeys": ["team", "cost"]}}),
                allow("ecs:TagResource"))
    ecs = user.client("ecs")
    ecs.create_cluster(clusterName="red1", tags=[{"key": "team", "value": "red"}])
    ecs.create_cluster(clusterName="red2", tags=[{"key": "team", "value": "red"}, {"key": "cost", "value": "1"}])
    message(ecs.create_cluster, clusterName="red3")
    message(ecs.create_cluster, clusterName="red3", tags=[{"key": "team", "value": "blue"}])
    message(ecs.create_cluster, clusterName="red3", tags=[{"key": "team", "value": "red"}, {"key": "x", "value": "1"}])


def test_the_principals_tags_as_a_variable(world):
    user = User(world, allow("ecs:DescribeClusters",
                             Condition={"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}),
                Tags=[{"Key": "team", "Value": "green"}])
    ecs = user.client("ecs")
    ecs.describe_clusters(clusters=["green"])
    message(ecs.describe_clusters, clusters=["blue"])
    user.iam.untag_user(UserName=user.name, TagKeys=["team"])
    message(ecs.describe_clusters, clusters=["green"])


def test_the_users_name_as_a_variable(world):
    user = User(world, allow(["iam:GetUser", "iam:ListAccessKeys"], f"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}"))
    other = User(world)
    iam = user.client("iam")
    assert iam.get_user()["User"]["UserName"] == user.name
    assert len(iam.list_access_keys(UserName=user.name)["AccessKeyMetadata"]) == 1
    assert other.arn in message(iam.get_user, UserName=other.name)


@pytest.mark.parametrize("condition,allowed", [
    ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, True),
    ({"NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, False),
    ({"StringEquals": {"aws:RequestedRegion": "us-east-1"}}, True),
    ({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}, False),
    ({"Bool": {"aws:SecureTransport": "false"}}, True),
    ({"Bool": {"aws:SecureTransport": "true"}}, False),
    ({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, True),
    ({"NumericGreaterThan": {"aws:EpochTime": "4000000000"}}, False),
    ({"StringLike": {"aws:UserAgent": "*Boto*"}}, True),
    ({"StringEquals": {"aws:PrincipalAccount": ACCOUNT, "aws:PrincipalType": "User"}}, True),
    ({"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:user/*"}}, True),
    ({"StringLike": {"aws:userid": "AIDA*"}}, True),
    ({"Null": {"aws:TokenIssueTime": "true"}}, True),
    ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, False),
    ({"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}, True),
    ({"Null": {"aws:CalledVia": "false"}}, False),
])
def test_global_condition_keys(world, condition, allowed):
    user = User(world, allow("ecs:ListClusters", Condition=condition))
    if allowed:
        user.client("ecs").list_clusters()
    else:
        message(user.client("ecs").list_clusters)


# ---- roles that are handed over ----

@pytest.fixture(scope="module")
def role(world):
    trust = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs-tasks.amazonaws.com"}}]})
    return world.client("iam").create_role(RoleName="Worker", AssumeRolePolicyDocument=trust)["Role"]["Arn"]


def definition(role, **more):
    return {"family": "roled", "networkMode": "awsvpc", "cpu": "256", "memory": "512", "taskRoleArn": role,
            "requiresCompatibilities": ["FARGATE"], "containerDefinitions": [{"name": "app", "image": "busybox"}], **more}


def test_register_task_definition_takes_pass_role(world, role):
    user = User(world, allow("ecs:*"))
    ecs = user.client("ecs")
    assert message(ecs.register_task_definition, **definition(role)) == (
        f"User: {user.arn} is not authorized to perform: iam:PassRole on resource: {role} because no identity-based policy "
        "allows the iam:PassRole action")
    assert f"on resource: {role} " in message(ecs.register_task_definition, **definition("Worker"))
    user.put(allow("ecs:*"), allow("iam:PassRole", role))
    ecs.register_task_definition(**definition(role))
    assert "iam:PassRole" in message(ecs.register_task_definition, **definition(role, executionRoleArn=role + "2"))


def test_run_task_takes_pass_role(world, role):
    made = world.client("ecs").register_task_definition(**definition(role))["taskDefinition"]["taskDefinitionArn"]
    user = User(world, allow("ecs:*"))
    ecs = user.client("ecs")
    assert f"iam:PassRole on resource: {role} " in message(run, ecs, world, "blue", made)
    assert run(ecs, world, "blue", "web")["tasks"]  # which has no role
    assert f"iam:PassRole on resource: {role} " in message(run, ecs, world, "blue", "web", overrides={"taskRoleArn": role})
    user.put(allow("ecs:*"), allow("iam:PassRole", Condition={"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}))
    assert "iam:PassRole" in message(run, ecs, world, "blue", made)
    user.put(allow("ecs:*"),
             allow("iam:PassRole", Condition={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}))
    assert run(ecs, world, "blue", made)["tasks"]


def test_roles_of_other_accounts_cannot_be_handed_over(world):
    foreign = "arn:aws:iam::111122223333:role/theirs"
    assert f"iam:PassRole on resource: {foreign} because no resource-based policy" in message(
        world.client("ecs").register_task_definition, **definition(foreign))


# ---- the role's own side ----

UNABLE = ("ECS was unable to assume the role '{}' that was provided for this task. Please verify that the role being passed "
          "has the proper trust relationship and permissions and that your IAM user has permissions to pass this role.")


def test_a_task_needs_roles_that_trust_ecs(world, role):
    ecs, iam = world.client("ecs"), world.client("iam")
    missing = f"arn:aws:iam::{ACCOUNT}:role/missing"
    answer = refused(run, ecs, world, "blue", "web", overrides={"taskRoleArn": missing})
    assert answer["Error"] == {"Code": "ClientException", "Message": UNABLE.format(missing)}
    other = iam.create_role(RoleName="Other", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}]}))["Role"]["Arn"]
    assert message(run, ecs, world, "blue", "web", overrides={"executionRoleArn": other}) == UNABLE.format(other)
    iam.update_assume_role_policy(RoleName="Other", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs-tasks.amazonaws.com"},
         "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT},
                       "ArnLike": {"aws:SourceArn": f"arn:aws:ecs:us-east-1:{ACCOUNT}:*"}}}]}))
    assert run(ecs, world, "blue", "web", overrides={"executionRoleArn": other})["tasks"]


# ---- EC2's network ----

@pytest.fixture(scope="module")
def vpc(world):
    ec2 = world.client("ec2")
    return ec2.create_vpc(CidrBlock="10.7.0.0/16", TagSpecifications=[
        {"ResourceType": "vpc", "Tags": [{"Key": "team", "Value": "blue"}]}])["Vpc"]["VpcId"]


def ec2_arn(name):
    return f"arn:aws:ec2:us-east-1:{ACCOUNT}:{name}"


def test_ec2_asks_for_what_is_made_and_for_what_it_is_made_in(world, vpc):
    user = User(world, allow("ec2:CreateSubnet", ec2_arn(f"vpc/{vpc}")))
    ec2 = user.client("ec2")
    answer = refused(ec2.create_subnet, VpcId=vpc, CidrBlock="10.7.1.0/24")
    assert answer["Error"]["Code"] == "UnauthorizedOperation"
    assert answer["Error"]["Message"].split(". Encoded authorization failure message: ")[0] == (
        f"You are not authorized to perform this operation. User: {user.arn} is not authorized to perform: "
        f"ec2:CreateSubnet on resource: {ec2_arn('subnet/*')} because no identity-based policy allows the "
        "ec2:CreateSubnet action")
    user.put(allow("ec2:CreateSubnet", [ec2_arn("subnet/*"), ec2_arn(f"vpc/{vpc}")]))
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.7.1.0/24")["Subnet"]["SubnetId"]
    other = world.client("ec2").describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    assert ec2_arn(f"vpc/{other}") in message(ec2.create_subnet, VpcId=other, CidrBlock="10.7.2.0/24")
    assert f"ec2:DeleteSubnet on resource: {ec2_arn(f'subnet/{subnet}')}" in message(ec2.delete_subnet, SubnetId=subnet)


def test_ec2_tags_of_resources_and_requests(world, vpc):
    user = User(world, allow("ec2:ModifyVpcAttribute", Condition={"StringEquals": {"ec2:ResourceTag/team": "blue"}}),
                allow("ec2:CreateSecurityGroup"))
    ec2 = user.client("ec2")
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsSupport={"Value": True})
    other = world.client("ec2").create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    message(ec2.modify_vpc_attribute, VpcId=other, EnableDnsSupport={"Value": True})
    tags = [{"ResourceType": "security-group", "Tags": [{"Key": "team", "Value": "red"}]}]
    made = {"GroupName": "tagged", "Description": "d", "VpcId": vpc, "TagSpecifications": tags}
    assert "ec2:CreateTags on resource" in message(ec2.create_security_group, **made)
    user.put(allow("ec2:CreateSecurityGroup"),
             allow("ec2:CreateTags", Condition={"StringEquals": {"ec2:CreateAction": "CreateSecurityGroup",
                                                                "aws:RequestTag/team": "red"}}))
    group = ec2.create_security_group(**made)["GroupId"]
    message(ec2.create_tags, Resources=[group], Tags=[{"Key": "team", "Value": "red"}])


def test_dry_run_asks_the_same(world, vpc):
    user = User(world)
    ec2 = user.client("ec2")
    assert refused(ec2.delete_vpc, VpcId=vpc, DryRun=True)["Error"]["Code"] == "UnauthorizedOperation"
    user.put(allow("ec2:DeleteVpc"))
    assert refused(ec2.delete_vpc, VpcId=vpc, DryRun=True)["Error"]["Code"] == "DryRunOperation"


# ---- logs, ECR, the registry ----

def test_log_groups_are_named_with_their_streams(world):
    logs = world.client("logs")
    for name in ("/app", "/other"):
        logs.create_log_group(logGroupName=name, tags={"team": name})
    user = User(world, allow(["logs:CreateLogStream", "logs:PutLogEvents", "logs:PutRetentionPolicy"],
                             f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/app:*"),
                allow("logs:DescribeLogStreams", Condition={"StringEquals": {"aws:ResourceTag/team": "/other"}}))
    mine = user.client("logs")
    mine.create_log_stream(logGroupName="/app", logStreamName="s")
    mine.put_log_events(logGroupName="/app", logStreamName="s", logEvents=[{"timestamp": 1800000000000, "message": "m"}])
    mine.put_retention_policy(logGroupName="/app", retentionInDays=1)
    assert f"log-group:/other:log-stream:s " in message(mine.create_log_stream, logGroupName="/other", logStreamName="s")
    mine.describe_log_streams(logGroupName="/other")
    message(mine.describe_log_streams, logGroupName="/app")


def test_the_registry_obeys_policies(world):
    repository = world.client("ecr").create_repository(repositoryName="guarded")["repository"]["repositoryArn"]
    user = User(world, allow("ecr:GetAuthorizationToken"))
    token = user.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]

    def tags():
        request = urllib.request.Request(f"{world.url}/v2/guarded/tags/list", headers={"Authorization": f"Basic {token}"})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
            return answer.status

    with pytest.raises(urllib.error.HTTPError) as denied:
        tags()
    said = json.loads(denied.value.read())["errors"][0]
    assert said["code"] == "DENIED" and f"ecr:ListImages on resource: {repository} because no identity-based" in said["message"]
    user.put(allow("ecr:*", repository))
    assert tags() == 200
    user.put(allow("ecr:*"), deny("ecr:ListImages", repository))
    with pytest.raises(urllib.error.HTTPError):
        tags()


# ---- keys that have several values ----

def test_subnets_public_addresses_and_capacity_providers_of_a_task(world):
    own, other = [subnet["SubnetId"] for subnet in world.client("ec2").describe_subnets()["Subnets"]][:2]
    user = User(world, allow("ecs:RunTask", Condition={
        "ForAllValues:StringEquals": {"ecs:subnet": [own]}, "Null": {"ecs:subnet": "false"},
        "StringEqualsIfExists": {"ecs:auto-assign-public-ip": "false"},
        "ForAllValues:ArnLike": {"ecs:capacity-provider": "arn:aws:ecs:*:*:capacity-provider/FARGATE"}}))
    ecs = user.client("ecs")

    def start(*subnets, provider=None, **more):
        how = {"capacityProviderStrategy": [{"capacityProvider": provider}]} if provider else {"launchType": "FARGATE"}
        return ecs.run_task(cluster="blue", taskDefinition="web", **how,
                            networkConfiguration={"awsvpcConfiguration": dict(more, subnets=list(subnets))})["tasks"]

    assert start(own) and start(own, assignPublicIp="DISABLED")
    for subnets, more in (((own, other), {}), ((other,), {}), ((own,), {"assignPublicIp": "ENABLED"}), ((own,), {"provider": "FARGATE_SPOT"})):
        assert "not authorized to perform: ecs:RunTask" in message(start, *subnets, **more)
    assert "not authorized" in message(ecs.run_task, cluster="blue", taskDefinition="web", launchType="FARGATE")


def test_what_a_definition_may_be_compatible_with(world):
    user = User(world, allow("ecs:RegisterTaskDefinition", Condition={
        "ForAllValues:StringEquals": {"ecs:compute-compatibility": ["FARGATE"]}, "Null": {"ecs:compute-compatibility": "false"}}))
    register = lambda *kinds: user.client("ecs").register_task_definition(
        family="kinds", networkMode="awsvpc", cpu="256", memory="512", containerDefinitions=[{"name": "app", "image": "busybox"}],
        **({"requiresCompatibilities": list(kinds)} if kinds else {}))
    assert register("FARGATE")
    assert "ecs:RegisterTaskDefinition" in message(register, "FARGATE", "EC2") and "ecs:RegisterTaskDefinition" in message(register)


def test_transitive_tag_keys_of_a_session(world):
    iam = world.client("iam")
    user = User(world, allow(["sts:AssumeRole", "sts:TagSession"], Condition={
        "ForAllValues:StringEquals": {"sts:TransitiveTagKeys": ["team"]}}))
    trust = {"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    role = iam.create_role(RoleName="handed", AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    tags = [{"Key": "team", "Value": "a"}, {"Key": "cost", "Value": "b"}]
    assume = lambda *keys: user.client("sts").assume_role(RoleArn=role, RoleSessionName="one", Tags=tags, TransitiveTagKeys=list(keys))
    assert assume() and assume("team")
    assert "sts:AssumeRole" in message(assume, "team", "cost")
    iam.delete_role(RoleName="handed")
