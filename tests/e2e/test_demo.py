"""The first of the two commands: what `./dev up` runs once all is built."""

import json
import pathlib
import subprocess

from conftest import BERTH, CLEAN, Installation

DEMO = pathlib.Path(__file__).resolve().parents[2] / "tools" / "demo"


def demo(installed):
    done = subprocess.run([DEMO, BERTH, "--data", installed.directory, "--listen", installed.listen], env=CLEAN,
                          capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    assert "Hello from Berth" in done.stdout and "serving on port 80" in done.stdout
    return done.stdout


def test_the_demo_runs_and_runs_again(tmp_path):
    installed = Installation(str(tmp_path / "data"))
    try:
        first = demo(installed)
        told = [line for line in first.splitlines() if line.startswith("The task ")]
        assert len(told) == 1
        assert told[0] in demo(installed)  # the second time the same task is there, and no other
        status = json.loads(installed.berth("status", "--data", installed.directory, "--listen", installed.listen, "--json").stdout)
        assert len(status["tasks"]) == 1
    finally:
        installed.berth("down", "--data", installed.directory)
