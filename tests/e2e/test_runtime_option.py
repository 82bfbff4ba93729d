"""`--runtime`: who starts containers; each is looked after by what started it, also when the host is told otherwise."""

import tempfile

from conftest import eventually
from machine import Machine, run


def processes(text):
    lines = run("ps", "-eo", "args").splitlines()
    return [line for line in lines if text in line and line.startswith(("berth-supervisor", "/usr/bin/conmon"))]


def healthy(machine, arn):
    return eventually(lambda: machine.describe([arn])[0]["healthStatus"] == "HEALTHY", 60, "HEALTHY")


def test_containers_stay_with_what_started_them():
    with tempfile.TemporaryDirectory(prefix="berth-runtime-e2e-") as work:
        machine = Machine(f"{work}/data", work)
        try:
            machine.up("--runtime", "crun")
            machine.prepare()
            check = {"command": ["CMD", "/bin/test", "-e", "/www/index.html"], "interval": 5, "retries": 1}
            definition = machine.register("checked", [{"name": "page", "healthCheck": check}])
            first = machine.run(definition)[0]
            machine.wait([first], "RUNNING")
            assert processes(first.rsplit("/", 1)[1])[0].startswith("/usr/bin/conmon")
            healthy(machine, first)
            machine.kill("host")
            machine.up()
            second = machine.run(definition)[0]
            machine.wait([second], "RUNNING")
            assert processes(second.rsplit("/", 1)[1])[0].startswith("berth-supervisor")
            for arn in (first, second):
                healthy(machine, arn)
            assert all(task["lastStatus"] == "RUNNING" for task in machine.describe([first, second]))
            machine.stop([first, second])
            for arn in (first, second):
                assert eventually(lambda arn=arn: not processes(arn.rsplit("/", 1)[1]), what="no supervisor")
        finally:
            machine.berth("down", "--data", machine.directory, check=False)
