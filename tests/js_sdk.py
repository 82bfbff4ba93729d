"""Calls with the AWS SDK for JavaScript, which `./dev test` installs from npm into build/js."""

import json
import os
import subprocess

from conftest import ROOT

CALL = ROOT / "tests" / "api" / "js" / "call.cjs"
MODULES = ROOT / "build" / "js" / "node_modules"


def call(service, command, **given):
    return {"service": service, "command": f"{command}Command", "input": given}


def waits(service, waiter, seconds, **given):
    return {"service": service, "waiter": f"waitUntil{waiter}", "wait": seconds, "input": given}


def pages(service, paginator, size, **given):
    return {"service": service, "paginator": f"paginate{paginator}", "size": size, "input": given}


def run(installation, *calls):
    """Makes the calls one after the other, and returns what each answered or failed with."""
    environment = dict(installation.environment, PATH=os.environ["PATH"], NODE_PATH=str(MODULES), AWS_ENDPOINT_URL=installation.url,
                       NODE_NO_WARNINGS="1")
    done = subprocess.run(["node", CALL], input=json.dumps(calls), env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def outputs(installation, *calls):
    """The same, of calls that all succeed."""
    answers = run(installation, *calls)
    for made, answer in zip(calls, answers):
        assert "output" in answer, (made, answer)
    return [answer["output"] for answer in answers]
