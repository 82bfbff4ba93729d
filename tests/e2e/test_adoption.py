"""What a host that was killed and started again still knows of its containers."""

import json
import os
import pathlib
import shutil
import signal

from conftest import BERTH, eventually
from machine import container_of, run, served, shell

# Healthy at the first check, and at no other.
ONCE = {"command": ["CMD-SHELL", "! test -e /www/checked && touch /www/checked"], "interval": 5, "retries": 10}


def killed_and_started(machine):
    machine.kill("host")
    machine.up()


def test_health_is_remembered(machine):
    script = 'while sleep 1; do wget -q -O /www/new "$ECS_CONTAINER_METADATA_URI_V4" && mv /www/new /www/self; done'
    arns = machine.run(machine.register("kept", [
        {"name": "main", "command": shell(f"{script} & exec /bin/httpd -f -p 80 -h /www"), "healthCheck": ONCE}]))
    task = machine.wait(arns, "RUNNING")[0]
    main = lambda: container_of(machine.describe(arns)[0], "main")
    eventually(lambda: main()["healthStatus"] == "HEALTHY", what="HEALTHY")
    killed_and_started(machine)
    memory = pathlib.Path(machine.directory, "host", "tasks", arns[0].rsplit("/", 1)[1], "0.memory")
    # Reports that come after the next check tell what the new process knows.
    eventually(lambda: not memory.read_text().endswith(" 0\n"), what="a failed check")
    assert main()["healthStatus"] == "HEALTHY"
    eventually(lambda: json.loads(served(task, "self"))["Health"] == {"status": "HEALTHY"}, what="HEALTHY in the metadata")
    machine.stop(arns)


def test_a_newer_build_takes_over(machine, tmp_path):
    pids = lambda: [pathlib.Path(machine.directory, f"{role}.lock").read_text() for role in ("server", "host")]
    arns = machine.run(machine.register("lasting", [{"name": "main", "command": shell("exec sleep 1000")}]))
    container = lambda: container_of(machine.describe(arns)[0], "main")["runtimeId"]
    machine.wait(arns, "RUNNING")
    before, held = container(), pids()
    machine.up()
    assert pids() == held
    newer = shutil.copy(BERTH, tmp_path / "berth")
    said = run(newer, "up", "--data", machine.directory, "--listen", machine.listen)
    assert "A server of another build is replaced; containers go on.\n" in said
    replaced = pids()
    assert not set(replaced) & set(held)
    assert machine.describe(arns)[0]["lastStatus"] == "RUNNING" and container() == before
    machine.up()
    assert not set(pids()) & set(replaced)
    machine.stop(arns)


def test_an_end_that_the_server_has_not_heard_is_told_by_the_next_process(machine):
    arns = machine.run(machine.register("ends-unheard", [{"name": "main", "command": shell("exec sleep 1000")}]))
    machine.wait(arns, "RUNNING")
    task_id = arns[0].rsplit("/", 1)[1]
    host = pathlib.Path(machine.directory, "host")
    folder = pathlib.Path(host, "tasks", task_id)
    machine.kill("server")
    try:
        os.kill(int(pathlib.Path(host, "runtime", "c", f"{task_id}-0", "pid").read_text()), signal.SIGKILL)
        eventually(lambda: {path.name for path in folder.iterdir()} == {"assignment", "end"}, what="the removal of all else")
    finally:
        killed_and_started(machine)
    task = machine.wait(arns, "STOPPED")[0]
    assert task["stopCode"] == "EssentialContainerExited" and container_of(task, "main")["exitCode"] == 137
    eventually(lambda: not folder.exists(), what="the removal of the rest")
