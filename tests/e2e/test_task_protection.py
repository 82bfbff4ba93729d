"""The agent's endpoint for scale-in protection, from inside tasks: $ECS_AGENT_URI/task-protection/v1/state."""

import json

from conftest import eventually
from machine import served, shell

SERVE = "exec /bin/httpd -f -p 80 -h /www"
CALL = r"""
call() {
    path=${ECS_AGENT_URI#http://169.254.170.2}/task-protection/v1/state
    printf '%s %s HTTP/1.0\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s' "$1" "$path" ${#2} "$2" | /bin/busybox nc 169.254.170.2 80 > /www/.$3
    mv /www/.$3 /www/$3
}
"""
POLICY = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": ["ecs:GetTaskProtection", "ecs:UpdateTaskProtection"], "Resource": "*"}]}


def answer(text):
    """Status and body of what nc wrote."""
    head, _, body = text.partition("\n\n") if "\r" not in text else text.partition("\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def test_a_task_protects_itself(machine):
    role = machine.make_role("protector")
    machine.client("iam").put_role_policy(RoleName="protector", PolicyName="protect", PolicyDocument=json.dumps(POLICY))
    script = (CALL + """until call PUT '{"ProtectionEnabled":true}' early; busybox grep -q '"protection"' /www/early; do sleep 1; done  # it is RUNNING
call PUT '{"ProtectionEnabled":true,"ExpiresInMinutes":10}' put; call GET '' get; call PUT '{"Protected":1}' bad\n""" + SERVE)
    definition = machine.register("protected", [{"name": "main", "command": shell(script)}], taskRoleArn=role)
    machine.ecs.create_service(serviceName="protected", taskDefinition=definition, desiredCount=1, launchType="FARGATE",
                               networkConfiguration={"awsvpcConfiguration": {"subnets": [machine.subnet], "securityGroups": [machine.group]}})
    try:
        arn = eventually(lambda: machine.ecs.list_tasks(serviceName="protected")["taskArns"], what="the task")[0]
        [task] = machine.wait([arn], "RUNNING")
        status, body = answer(served(task, "put"))
        assert status == 200 and body["protection"]["ProtectionEnabled"] is True and body["protection"]["TaskArn"] == arn
        assert body["protection"]["ExpirationDate"].endswith("Z")
        assert answer(served(task, "get")) == (200, body)
        status, body = answer(served(task, "bad"))
        assert status == 400 and body["error"]["Code"] == "InvalidParameterException" and body["error"]["Arn"] == arn
        assert machine.ecs.get_task_protection(cluster="default", tasks=[arn])["protectedTasks"][0]["protectionEnabled"]
    finally:
        machine.ecs.delete_service(service="protected", force=True)
        machine.wait([arn], "STOPPED")


def test_without_a_role_or_a_service(machine):
    role = machine.make_role("alone")
    machine.client("iam").put_role_policy(RoleName="alone", PolicyName="protect", PolicyDocument=json.dumps(POLICY))
    script = CALL + "call GET '' get\n" + SERVE
    arns = []
    for family, more in (("no-role", {}), ("no-service", {"taskRoleArn": role})):
        arns += machine.run(machine.register(family, [{"name": "main", "command": shell(script)}], **more))
    bare, alone = machine.wait(arns, "RUNNING")
    if bare["taskArn"] != arns[0]:
        bare, alone = alone, bare
    status, body = answer(served(bare, "get"))
    assert status == 403 and body["error"]["Code"] == "AccessDeniedException"
    status, body = answer(served(alone, "get"))
    assert status == 200 and body["failure"]["Arn"] == arns[1] and body["failure"]["Reason"] == "TASK_NOT_VALID"
    machine.stop(arns)
