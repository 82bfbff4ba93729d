"""Reset while tasks run: their containers and interfaces end, and the installation goes on."""

import pathlib
import tempfile
import urllib.request

import pytest
from conftest import eventually
from machine import Machine, address, reachable


@pytest.fixture
def machine(tmp_path):
    with tempfile.TemporaryDirectory(prefix="berth-front-") as directory:
        machine = Machine(directory, str(tmp_path))
        machine.up()
        yield machine
        machine.berth("down", "--data", directory)


def test_reset_ends_what_runs(machine):
    machine.prepare()
    definition = machine.register("demo", [{"name": "web", "stopTimeout": 120}])  # reset does not wait for that
    tasks = machine.wait(machine.run(definition, count=2), "RUNNING")
    addresses = [address(task) for task in tasks]
    eventually(lambda: all(reachable(ip) for ip in addresses), what="the pages")
    token = pathlib.Path(machine.directory, "token").read_text().strip()
    request = urllib.request.Request(machine.url + "/_berth/reset", method="POST",
                                     headers={"Authorization": "Bearer " + token})
    assert urllib.request.urlopen(request).status == 200
    assert machine.client("ecr").describe_repositories()["repositories"] == []
    eventually(lambda: not any(reachable(ip) for ip in addresses), what="the end of the containers")
    machine.work = machine.work + "/again"
    pathlib.Path(machine.work).mkdir()
    machine.prepare()
    definition = machine.register("demo", [{"name": "web"}])
    tasks = machine.wait(machine.run(definition), "RUNNING")
    eventually(lambda: reachable(address(tasks[0])), what="the page")
