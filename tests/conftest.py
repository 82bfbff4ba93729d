"""Fixtures for tests with real clients: a server of its own for each module, a whole installation where containers run."""

import contextlib
import os
import pathlib
import random
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

import boto3
import botocore.config
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
BERTH = os.environ.get("BERTH") or str(ROOT / "build" / "release" / "berth")
REGION = "us-east-1"

# What the caller's environment says of AWS and of proxies must not reach the clients.
CLEAN = {"PATH": "/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin:/sbin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8",
         "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}  # of a sanitized berth


def free_port():
    """Below those that the kernel lends to connections: one of these may get it before, or between, its listeners."""
    lowest = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("", random.randrange(lowest // 2, lowest) if lowest > 2048 else 0))
            return probe.getsockname()[1]


def eventually(check, seconds=60, what="it"):
    """Asks until the answer is true; returns it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = check()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come true in {seconds} s")


class Installation:
    """A data directory and an address; clients for both."""

    def __init__(self, directory):
        self.directory = directory
        self.port = free_port()
        self.listen = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.listen}"

    @property
    def environment(self):
        values = dict(CLEAN, AWS_REGION=REGION, AWS_DEFAULT_REGION=REGION, AWS_EC2_METADATA_DISABLED="true", AWS_PAGER="")
        for line in pathlib.Path(self.directory, "env").read_text().splitlines():
            if line.startswith("export AWS_") and "=" in line:
                name, value = line.removeprefix("export ").split("=", 1)
                values[name] = value
        return values

    def aws(self, *arguments, check=True):
        command = ["/usr/bin/aws", "--endpoint-url", self.url, "--output", "text", *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=300)
        if check and done.returncode != 0:
            raise AssertionError(f"aws {' '.join(arguments)}: {done.stderr}")
        return done.stdout.strip() if check else done

    def client(self, service, **more):
        keys = self.environment
        options = {
            "aws_access_key_id": keys["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": keys["AWS_SECRET_ACCESS_KEY"],
            "config": botocore.config.Config(retries={"max_attempts": 0}, proxies={}),
            **more,
        }
        return boto3.client(service, **{"endpoint_url": self.url, "region_name": REGION, **options})

    def berth(self, *arguments, check=True):
        done = subprocess.run([BERTH, *arguments], env=CLEAN, capture_output=True, text=True, timeout=120)
        if check and done.returncode != 0:
            raise AssertionError(f"berth {' '.join(arguments)}: {done.stderr}")
        return done

    def answers(self):
        try:
            with urllib.request.urlopen(self.url + "/_berth/health", timeout=20) as reply:
                return reply.status == 200
        except OSError:
            return False


class Server(Installation):
    """`berth server` alone: what needs no container."""

    def __init__(self, directory, *options):
        super().__init__(directory)
        self.options = options
        self.process = None

    def start(self):
        log = open(os.path.join(self.directory, "server.log"), "ab")
        command = [BERTH, "server", "--data", self.directory, "--listen", self.listen, *self.options]
        self.process = subprocess.Popen(command, env=CLEAN, stderr=log)
        log.close()
        eventually(lambda: self.process.poll() is not None or self.answers(), what="the server")
        assert self.process.poll() is None, "it has ended, and who answers is another"

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(60) == 0


class StandIn:
    """Hosts that run nothing and pretend everything; src/node/stand_in/stand_in.h says how a task's command scripts it."""

    def __init__(self, server, *options):
        command = [BERTH, "stand-in", "--data", server.directory, "--server", server.listen, *options]
        log = open(os.path.join(server.directory, "stand-in.log"), "ab")
        self.process = subprocess.Popen(command, env=CLEAN, stdout=subprocess.PIPE, stderr=log, text=True)
        log.close()
        assert self.process.stdout.readline() == "ready\n"

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0
        self.process.stdout.close()


@pytest.fixture(scope="module")
def server():
    with tempfile.TemporaryDirectory(prefix="berth-test-") as directory:
        running = Server(directory)
        running.start()
        yield running
        running.stop()


@pytest.fixture(scope="module")
def open_server():
    with tempfile.TemporaryDirectory(prefix="berth-test-") as directory:
        running = Server(directory, "--auth", "open")
        running.start()
        yield running
        running.stop()


@pytest.fixture(scope="session")
def machine():
    """Server and host, and an image to run (tests/e2e/machine.py)."""
    from machine import Machine  # stands beside the tests with containers

    with tempfile.TemporaryDirectory(prefix="berth-e2e-") as work:
        running = Machine(f"{work}/data", work)
        try:
            running.up()
            running.prepare()
            yield running
        finally:
            running.berth("down", "--data", running.directory, check=False)
