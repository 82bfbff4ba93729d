"""ECS Exec in real containers: a terminal, through the data channel that the stock plugin speaks."""

import fcntl
import hashlib
import json
import os
import pty
import select
import signal
import struct
import subprocess
import termios

import pytest
from conftest import BERTH, CLEAN, ROOT, eventually
from data_channel import DataChannel
from machine import processes, shell

ROLE = "arn:aws:iam::000000000000:role/exec"
ACTIONS = ["ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel",
           "ssmmessages:OpenDataChannel", "logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]


@pytest.fixture(scope="module")
def role(machine):
    machine.make_role("exec")
    machine.client("iam").put_role_policy(RoleName="exec", PolicyName="exec", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ACTIONS, "Resource": "*"}]}))


def start(machine, family, containers=None, **more):
    definition = machine.register(family, containers or [{"name": "main", "command": shell("exec sleep 100000")}],
                                  taskRoleArn=ROLE, **more)
    network = {"awsvpcConfiguration": {"subnets": [machine.subnet], "securityGroups": [machine.group]}}
    answer = machine.ecs.run_task(taskDefinition=definition, launchType="FARGATE", networkConfiguration=network,
                                  enableExecuteCommand=True)
    task = answer["tasks"][0]
    assert task["enableExecuteCommand"]
    agent = task["containers"][0]["managedAgents"][0]
    assert (agent["name"], agent["lastStatus"]) == ("ExecuteCommandAgent", "PENDING")
    return machine.wait([task["taskArn"]], "RUNNING")[0]


@pytest.fixture(scope="module")
def task(machine, role):
    task = start(machine, "exec")
    yield task
    machine.stop([task["taskArn"]])


def execute(machine, task, command, **more):
    return machine.ecs.execute_command(task=task["taskArn"], command=command, interactive=True, **more)


@pytest.fixture
def channel(machine, task):
    channels = []

    def opened(command, **more):
        session = execute(machine, task, command)["session"]
        channels.append(DataChannel(session, **more))
        channels[-1].session_id = session["sessionId"]
        return channels[-1]
    yield opened
    for one in channels:
        one.close()


def left(command):
    return eventually(lambda: not processes(command), what=f"the end of {command}")


def test_a_running_task_shows_its_agents(machine, task):
    agent = task["containers"][0]["managedAgents"][0]
    assert agent["lastStatus"] == "RUNNING" and agent["lastStartedAt"]


def test_the_answer(machine, task):
    answer = execute(machine, task, "/bin/true")
    assert answer["taskArn"] == task["taskArn"] and answer["clusterArn"] == task["clusterArn"]
    assert answer["containerArn"] == task["containers"][0]["containerArn"]
    assert answer["containerName"] == "main" and answer["interactive"] is True
    session = answer["session"]
    assert session["sessionId"].startswith("ecs-execute-command-")
    assert session["streamUrl"] == (f"ws://{machine.listen}/v1/data-channel/{session['sessionId']}?role=publish_subscribe")
    assert len(session["tokenValue"]) >= 32


def test_a_shell(channel):
    shell_channel = channel("/bin/sh", size=(132, 43))
    shell_channel.send("echo $((6*7)) on $(tty)\r")
    shell_channel.expect("42 on /dev/pts/")
    assert shell_channel.request["RequestedClientActions"][0]["ActionParameters"]["SessionType"] == "InteractiveCommands"
    shell_channel.send("busybox stty size\r")
    shell_channel.expect("43 132")
    shell_channel.resize(100, 50)
    shell_channel.send("busybox stty size\r")
    shell_channel.expect("50 100")
    shell_channel.send("exit 7\r")
    closed = shell_channel.wait()
    assert closed["ExitCode"] == 7 and closed["Output"] == ""
    assert not shell_channel.unheard


def test_control_c_reaches_the_command(channel):
    shell_channel = channel("/bin/sh")
    shell_channel.send("sleep 31416\r")
    eventually(lambda: processes("sleep 31416"), what="the sleep")
    shell_channel.send("\x03")
    shell_channel.expect("^C")
    shell_channel.send("echo came back with $?\r")
    shell_channel.expect("came back with 130")
    assert left("sleep 31416")


def test_quotes_and_no_shell(channel):
    assert channel("sh -c 'echo \"a  b\"; exit 3'").wait()["ExitCode"] == 3
    echo = channel("echo one && two 'three  four'")
    echo.wait()
    assert echo.output == b"one && two three  four\r\n"


def test_what_cannot_be_executed_says_so(channel):
    """In the words of amazon-ssm-agent; a container without a shell is one of these."""
    for command, why in (("nosuch -x", 'exec: "nosuch": executable file not found in $PATH'),
                         ("/bin/bash", "fork/exec /bin/bash: no such file or directory"),
                         ("/www/index.html", "fork/exec /www/index.html: permission denied")):
        closed = channel(command).wait()
        assert closed["Output"] == f"\n----------ERROR-------\nUnable to start command: Failed to start pty: {why}\n"
        assert "ExitCode" not in closed


def test_much_output_arrives_whole(channel):
    much = channel("sh -c 'i=0; while [ $i -lt 20000 ]; do echo line $i of many; i=$((i+1)); done'")
    much.wait(90)
    assert much.output.decode().split("\r\n") == [f"line {i} of many" for i in range(20000)] + [""]


def test_much_input_arrives_whole(channel):
    count = channel("sh -c 'busybox stty -echo raw; echo ready; busybox head -c 300000 | busybox md5sum'")
    count.expect("ready")
    text = "".join(chr(97 + i % 26) for i in range(300000))
    for at in range(0, len(text), 1000):
        count.send(text[at:at + 1000])
    count.expect(hashlib.md5(text.encode()).hexdigest(), 60)


def test_a_client_that_leaves_takes_its_processes_along(channel):
    gone = channel("sh -c 'sleep 27182 & sleep 27183'")
    eventually(lambda: processes("sleep 27183"), what="the sleep")
    gone.close()
    assert left("sleep 27182") and left("sleep 27183")


def test_a_connection_that_breaks_is_resumed(machine, channel):
    """In the middle of output; nothing is lost, doubled or out of order, in both directions."""
    ssm = machine.client("ssm")
    shell_channel = channel("sh -c 'i=0; while [ $i -lt 400 ]; do echo line $i; i=$((i+1)); sleep 0.005; done; "
                            "read a; echo got $a; exit 5'")
    shell_channel.expect("line 50\r")
    for _ in range(2):
        shell_channel.cut()
        resumed = ssm.resume_session(SessionId=shell_channel.session_id)
        assert resumed["StreamUrl"].endswith(f"/{shell_channel.session_id}?role=publish_subscribe")
        shell_channel.open(resumed["StreamUrl"], resumed["TokenValue"])
    shell_channel.expect("line 399\r")
    shell_channel.send("this\r")
    assert shell_channel.wait()["ExitCode"] == 5
    lines = shell_channel.output.decode().split("\r\n")
    assert [line for line in lines if line.startswith("line")] == [f"line {i}" for i in range(400)]
    assert "got this" in lines
    over = ssm.resume_session(SessionId=shell_channel.session_id)
    assert "TokenValue" not in over and over["SessionId"] == shell_channel.session_id


def test_a_session_is_resumed_from_elsewhere(machine, channel):
    shell_channel = channel("/bin/sh")
    shell_channel.send("echo one\r")
    shell_channel.expect("one\r\n")
    resumed = machine.client("ssm").resume_session(SessionId=shell_channel.session_id)
    old = shell_channel.thread
    old.join(30)
    assert not old.is_alive() and shell_channel.websocket.goodbye[0] == 1008
    shell_channel.open(resumed["StreamUrl"], resumed["TokenValue"])
    shell_channel.send("exit 6\r")
    assert shell_channel.wait()["ExitCode"] == 6


def test_terminate_session_ends_it_also_while_the_client_is_away(machine, channel):
    ssm = machine.client("ssm")
    there = channel("sleep 16180")
    away = channel("sleep 16181")
    eventually(lambda: processes("sleep 16180") and processes("sleep 16181"), what="the sleeps")
    away.cut()
    ssm.terminate_session(SessionId=there.session_id)
    assert there.wait()["Output"] == "The session was terminated."
    assert left("sleep 16180") and processes("sleep 16181")
    ssm.terminate_session(SessionId=away.session_id)
    assert left("sleep 16181")
    assert "TokenValue" not in ssm.resume_session(SessionId=away.session_id)
    assert ssm.terminate_session(SessionId=away.session_id)["SessionId"] == away.session_id


def test_a_wrong_token_is_refused(machine, task):
    session = execute(machine, task, "/bin/sh")["session"]
    wrong = DataChannel(session, token="0" * 64)
    assert wrong.wait() is None
    assert wrong.websocket.goodbye == (1008, "The token is not valid.")
    right = DataChannel(session)
    right.send("exit 0\r")
    assert right.wait()["ExitCode"] == 0


def test_a_token_opens_one_channel(machine, task):
    session = execute(machine, task, "/bin/sh")["session"]
    first = DataChannel(session)
    first.send("echo still $((1+1)) here\r")
    first.expect("still 2 here")
    second = DataChannel(session)
    assert second.wait() is None
    first.send("exit 0\r")
    assert first.wait()["ExitCode"] == 0


def test_many_at_once(channel):
    channels = [channel("/bin/sh") for _ in range(10)]
    for i, one in enumerate(channels):
        one.send(f"echo I am $(({i}*1000))\r")
    for i, one in enumerate(channels):
        one.expect(f"I am {i * 1000}\r\n")
        one.send(f"exit {i}\r")
    assert [one.wait()["ExitCode"] for one in channels] == list(range(10))


def test_the_end_of_the_container_ends_the_session(machine, role):
    task = start(machine, "exec-stop")
    shell_channel = DataChannel(execute(machine, task, "/bin/sh")["session"])
    shell_channel.send("echo here $((2+2))\r")
    shell_channel.expect("here 4")
    machine.ecs.stop_task(task=task["taskArn"])
    assert shell_channel.wait()["ExitCode"] == 137
    stopped = machine.wait([task["taskArn"]], "STOPPED")[0]
    assert stopped["containers"][0]["managedAgents"][0]["lastStatus"] == "STOPPED"
    with pytest.raises(machine.ecs.exceptions.InvalidParameterException, match="isn’t running"):
        execute(machine, task, "/bin/sh")


def test_commands_run_as_root_where_the_container_does_not(machine, role):
    task = start(machine, "exec-user", [{"name": "main", "user": "1000", "command": shell("exec sleep 100000")}])
    whoami = DataChannel(execute(machine, task, "id -u")["session"])
    assert whoami.wait()["ExitCode"] == 0 and whoami.output == b"0\r\n"
    machine.stop([task["taskArn"]])


def test_the_agent_needs_rights_and_several_containers_need_a_name(machine):
    role = machine.make_role("mute")
    containers = [{"name": name, "command": shell("exec sleep 100000")} for name in ("one", "two")]
    definition = machine.register("exec-mute", containers, taskRoleArn=role)
    network = {"awsvpcConfiguration": {"subnets": [machine.subnet], "securityGroups": [machine.group]}}
    arn = machine.ecs.run_task(taskDefinition=definition, launchType="FARGATE", networkConfiguration=network,
                               enableExecuteCommand=True)["tasks"][0]["taskArn"]
    task = machine.wait([arn], "RUNNING")[0]
    with pytest.raises(machine.ecs.exceptions.InvalidParameterException, match="more than one container"):
        execute(machine, task, "/bin/sh")
    with pytest.raises(machine.ecs.exceptions.InvalidParameterException, match="three was not found"):
        execute(machine, task, "/bin/sh", container="three")
    with pytest.raises(machine.ecs.exceptions.TargetNotConnectedException, match="internal error. Try again later."):
        execute(machine, task, "/bin/sh", container="two")
    machine.client("iam").put_role_policy(RoleName="mute", PolicyName="exec", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ssmmessages:*", "Resource": "*"}]}))
    channel = DataChannel(execute(machine, task, "echo two", container="two")["session"])
    assert channel.wait()["ExitCode"] == 0 and channel.output == b"two\r\n"
    machine.stop([arn])


def test_a_task_without_it_refuses(machine):
    arns = machine.run(machine.register("exec-off", [{"name": "main", "command": shell("exec sleep 100000")}]))
    task = machine.wait(arns, "RUNNING")[0]
    assert not task["enableExecuteCommand"] and "managedAgents" not in task["containers"][0]
    with pytest.raises(machine.ecs.exceptions.InvalidParameterException, match="execute command was not enabled"):
        execute(machine, task, "/bin/sh")
    machine.stop(arns)


def test_the_session_is_logged_where_the_cluster_says(machine, role, task):
    machine.logs.create_log_group(logGroupName="/exec/sessions")
    machine.ecs.update_cluster(cluster="default", configuration={"executeCommandConfiguration": {
        "logging": "OVERRIDE", "logConfiguration": {"cloudWatchLogGroupName": "/exec/sessions"}}})
    answer = execute(machine, task, "sh -c 'echo first; echo; echo second'")
    DataChannel(answer["session"]).wait()

    def lines():
        try:
            return [event["message"] for event in machine.logs.get_log_events(
                logGroupName="/exec/sessions", logStreamName=answer["session"]["sessionId"], startFromHead=True)["events"]]
        except machine.logs.exceptions.ResourceNotFoundException:
            return None
    eventually(lambda: lines() == ["first", "second"], what="the log stream")
    machine.ecs.update_cluster(cluster="default", configuration={"executeCommandConfiguration": {"logging": "NONE"}})


def berth_exec(machine, task, *words, options=(), **more):
    return subprocess.run([BERTH, "exec", "--data", machine.directory, *options, task["taskArn"], *words], capture_output=True,
                          text=True, timeout=60, env=CLEAN, **more)


def test_berth_exec_has_the_output_and_exit_status_of_the_command(machine, task):
    done = berth_exec(machine, task, "--", "sh", "-c", "echo it\\'s \"$1\"; exit 9", "sh", "a  'b'", stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stdout.replace("\r\n", "\n"), done.stderr) == (9, "it's a  'b'\n", "")


def test_berth_exec_takes_what_is_piped_in(machine, task):
    done = berth_exec(machine, task, "sh", "-c", "busybox stty -echo; echo go; cat", input="one\ntwo\nthree")
    assert done.returncode == 0 and done.stdout.replace("\r\n", "\n").endswith("go\none\ntwo\nthree"), done


def test_berth_exec_says_what_goes_wrong(machine, task):
    done = berth_exec(machine, task, "nosuch", stdin=subprocess.DEVNULL)
    assert done.returncode == 1 and 'berth exec: Unable to start command: Failed to start pty: exec: "nosuch": executable file not found in $PATH' in done.stderr
    done = berth_exec(machine, task, "true", options=("--container", "other"), stdin=subprocess.DEVNULL)
    assert done.returncode == 1 and "InvalidParameterException" in done.stderr
    done = subprocess.run([BERTH, "exec"], capture_output=True, text=True, env=CLEAN)
    assert done.returncode == 2 and "needs a task" in done.stderr


def on_a_terminal(machine, task, *options):
    """A shell by `berth exec` on a terminal of ours, which is raw while the command has it, and as before afterwards."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 31, 97, 0, 0))
    before = termios.tcgetattr(theirs)
    running = subprocess.Popen([BERTH, "exec", "--data", machine.directory, *options, task["taskArn"]], stdin=theirs, stdout=theirs,
                               stderr=theirs, env=CLEAN, start_new_session=True)
    shown = b""

    def expect(text):
        nonlocal shown
        while text not in shown:
            assert select.select([ours], [], [], 30)[0], shown
            shown += os.read(ours, 4096)

    try:
        expect(b"/ # ")
        os.write(ours, b"busybox stty size\r")
        expect(b"31 97")
        fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        os.kill(running.pid, signal.SIGWINCH)  # it is nobody's controlling terminal
        os.write(ours, b"until busybox stty size | busybox grep ^40; do sleep 0.1; done\r")
        expect(b"40 120")
        os.write(ours, b"sleep 31417\r")
        eventually(lambda: processes("sleep 31417"), what="the sleep")
        os.write(ours, b"\x03")
        expect(b"^C")
        os.write(ours, b"echo ended with $?\r")
        expect(b"ended with 130")
        os.write(ours, b"exit 4\r")
        assert running.wait(30) == 4
        assert termios.tcgetattr(theirs) == before
        assert left("sleep 31417")
    finally:
        running.kill()
        running.wait()
        os.close(ours)
        os.close(theirs)


def test_berth_exec_on_a_terminal(machine, task):
    on_a_terminal(machine, task)


def by_the_stock_cli(machine, task, tmp_path, *options):
    """`aws ecs execute-command` with a plugin on the PATH: the genuine one is in no distribution."""
    plugin = tmp_path / "session-manager-plugin"
    plugin.symlink_to(ROOT / "tests/data_channel.py")
    environment = dict(machine.environment, PATH=f"{tmp_path}:{os.environ['PATH']}")
    done = subprocess.run(["/usr/bin/aws", "--endpoint-url", machine.url, "ecs", "execute-command", "--task", task["taskArn"],
                           "--interactive", "--command", "/bin/sh", *options], input="echo $((40+2)) things\nexit\n",
                          env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "Starting session with SessionId: ecs-execute-command-" in done.stdout
    assert "42 things" in done.stdout and "Exiting session" in done.stdout


def test_the_stock_cli(machine, task, tmp_path):
    by_the_stock_cli(machine, task, tmp_path)
