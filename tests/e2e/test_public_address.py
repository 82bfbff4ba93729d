"""A server that listens on all addresses: its repository URIs name one that clients can call, and tasks run from them."""

import tempfile

from machine import Machine


def test_tasks_run_from_both_names_of_the_registry():
    with tempfile.TemporaryDirectory(prefix="berth-e2e-") as work:
        machine = Machine(f"{work}/data", work)
        machine.listen = f"0.0.0.0:{machine.port}"
        try:
            machine.up()
            machine.prepare()
            assert not machine.image.startswith("0.0.0.0") and machine.image.endswith(f":{machine.port}/demo")
            by_loopback = f"127.0.0.1:{machine.port}/demo"
            tasks = [machine.run(machine.register("page", [{"name": "page", "image": f"{image}:latest"}]))[0]
                     for image in (machine.image, by_loopback)]
            machine.wait(tasks, "RUNNING")
            machine.stop(tasks)
        finally:
            machine.berth("down", "--data", machine.directory, check=False)
