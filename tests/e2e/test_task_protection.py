"""The agent's endpoint for scale-in protection, from inside tasks: $ECS_AGENT_URI/task-protection/v1/state."""

import json
import os
import pathlib
import signal

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


def test_a_server_that_does_not_answer_stalls_nothing_else(machine):
    """While protection calls wait for it, the one thread of the endpoint goes on answering."""
    role = machine.make_role("staller")
    machine.client("iam").put_role_policy(RoleName="staller", PolicyName="protect", PolicyDocument=json.dumps(POLICY))
    script = (CALL + """(while true; do call GET '' protection; done) &
(count=0; while true; do wget -qO /www/metadata $ECS_CONTAINER_METADATA_URI_V4/task && count=$((count+1)) && printf %08d $count > /www/.count && mv /www/.count /www/count; done) &
""" + SERVE)
    arns = machine.run(machine.register("stalled", [{"name": "main", "command": shell(script)}], taskRoleArn=role))
    [task] = machine.wait(arns, "RUNNING")
    eventually(lambda: " 200 " in served(task, "protection"), what="an answer of the server")
    server = next(int(path.name) for path in pathlib.Path("/proc").glob("[0-9]*") if is_server(path, machine.directory))
    os.kill(server, signal.SIGSTOP)
    try:
        begun = int(served(task, "count"))
        eventually(lambda: int(served(task, "count")) > begun + 50, 60, "fifty answers")  # of which it could stall for 4 s each
    finally:
        os.kill(server, signal.SIGCONT)
    eventually(lambda: " 200 " in served(task, "protection"), what="an answer of the server again")
    machine.stop(arns)


def is_server(process, directory):
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False  # it has ended meanwhile
    return b"server" in words and directory.encode() in words
