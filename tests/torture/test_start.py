"""A directory or a port that somebody has already: the second server says so and goes, the first does not notice."""

import subprocess

import pytest
from conftest import BERTH, CLEAN, Server, free_port


@pytest.fixture
def first(tmp_path):
    data = tmp_path / "first"
    data.mkdir()
    server = Server(str(data))
    server.start()
    server.client("ecs").create_cluster(clusterName="mine")
    yield server
    assert server.client("ecs").list_clusters()["clusterArns"][0].endswith("/mine")
    server.stop()


def start(data, listen):
    command = [BERTH, "server", "--data", str(data), "--listen", listen]
    return subprocess.run(command, env=CLEAN, capture_output=True, text=True, timeout=60)


def test_a_directory_in_use(first):
    done = start(first.directory, f"127.0.0.1:{free_port()}")
    assert done.returncode == 1
    assert first.directory in done.stderr and str(first.process.pid) in done.stderr and "--data" in done.stderr


def test_a_port_in_use(first, tmp_path):
    done = start(tmp_path / "second", first.listen)
    assert done.returncode == 1
    assert str(first.port) in done.stderr and "in use" in done.stderr


def test_the_directory_is_free_when_its_server_was_killed(tmp_path):
    server = Server(str(tmp_path))
    server.start()
    server.kill()
    server.start()
    server.stop()
