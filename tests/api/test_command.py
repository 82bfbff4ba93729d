"""The command itself: help, exit codes, what a person sees."""

import json
import pathlib
import socket
import subprocess
import tempfile

import pytest
from conftest import BERTH, CLEAN, Server

VERBS = ("up", "down", "status", "env", "doctor", "account", "audit", "explain", "server", "host", "sim", "operations", "version")


def berth(*arguments):
    return subprocess.run([BERTH, *arguments], env=CLEAN, capture_output=True, text=True, timeout=60)


def test_help_lists_every_verb_and_every_verb_has_help():
    whole = berth("--help")
    assert whole.returncode == 0
    for verb in VERBS:
        assert f"\n  {verb} " in whole.stdout
        own = berth(verb, "--help")
        assert own.returncode == 0 and own.stdout.startswith(f"Usage: berth {verb}")


@pytest.mark.parametrize("arguments", [(), ("fly",), ("up", "--wings"), ("sim", "--seed", "seven"), ("status", "--data"),
                                       ("up", "now"), ("down", "all"), ("server", "x"), ("version", "1")])
def test_wrong_usage_is_told_and_exits_with_2(arguments):
    done = berth(*arguments)
    assert done.returncode == 2
    assert done.stdout == "" and done.stderr != ""


def test_version_is_one_line():
    assert berth("version").stdout == berth("--version").stdout
    assert berth("version").stdout.startswith("berth ")


def test_status_of_what_does_not_run_fails_and_says_so():
    with tempfile.TemporaryDirectory(prefix="berth-test-") as directory:
        server = Server(directory)
        server.start()
        server.stop()
        done = berth("status", "--data", directory, "--listen", "127.0.0.1:1")
        assert done.returncode == 1
        assert "127.0.0.1:1" in done.stderr


@pytest.mark.parametrize("verb", [("status",), ("env",)])
def test_looking_at_no_installation_makes_none(verb, tmp_path):
    missing = tmp_path / "missing"
    done = berth(*verb, "--data", missing)
    assert done.returncode == 1 and f"no installation in {missing}" in done.stderr
    assert not missing.exists()


def test_listening_on_localhost():
    with tempfile.TemporaryDirectory(prefix="berth-test-") as directory:
        server = Server(directory)
        server.listen = f"localhost:{server.port}"
        server.start()
        assert server.environment["AWS_ENDPOINT_URL"] == f"http://localhost:{server.port}"
        server.stop()


def test_status_as_table_and_as_json(server):
    server.client("ecs").create_cluster(clusterName="seen")
    table = server.berth("status", "--data", server.directory, "--listen", server.listen).stdout
    assert "CLUSTER" in table and "seen" in table
    rows = json.loads(server.berth("status", "--json", "--data", server.directory, "--listen", server.listen).stdout)
    assert [cluster["name"] for cluster in rows["clusters"]] == ["seen"]


def test_env_prints_lines_that_a_shell_can_read(server):
    lines = server.berth("env", "--data", server.directory).stdout
    shown = subprocess.run(["bash", "-c", f'{lines}\necho "$AWS_ENDPOINT_URL $AWS_REGION ${{#AWS_SECRET_ACCESS_KEY}}"'],
                           env=CLEAN, capture_output=True, text=True, check=True).stdout.split()
    assert shown == [server.url, "us-east-1", "40"]
    assert pathlib.Path(server.directory, "env").stat().st_mode & 0o777 == 0o600


def test_doctor_names_a_port_that_is_taken():
    with tempfile.TemporaryDirectory(prefix="berth-test-") as directory, socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        done = berth("doctor", "--data", directory, "--listen", listen, "--json")
        assert done.returncode == 1
        rows = {row["check"]: row for row in json.loads(done.stdout)}
        assert rows["port"]["verdict"] == "BROKEN" and listen in rows["port"]["detail"]
        assert [row["check"] for row in rows.values() if row["verdict"] == "BROKEN"] == ["port"]


@pytest.mark.parametrize("option", [("--auth", "none"), ("--account", "12"), ("--account", "12345678901x"),
                                    ("--listen", "nonsense"), ("--listen", "127.0.0.1:99999"),
                                    ("--public-address", "Not_a_name"), ("--public-address", "berth.example:0"),
                                    ("--region", "mars 1"), ("--region", "US")])
def test_what_a_server_cannot_be_told(option):
    with tempfile.TemporaryDirectory(prefix="berth-test-") as directory:
        done = berth("server", "--data", directory, *option)
        assert done.returncode == 1 and option[1] in done.stderr


def test_open_door_only_on_loopback():
    with tempfile.TemporaryDirectory(prefix="berth-test-") as directory:
        done = berth("server", "--data", directory, "--auth", "open", "--listen", "0.0.0.0:4599")
        assert done.returncode == 1 and "loopback" in done.stderr


def outward():
    """This machine's address on the way to the internet, or loopback; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return probe.getsockname()[0]


@pytest.mark.parametrize("listen, options, shown", [
    ("127.0.0.1", (), "127.0.0.1:{port}"), ("0.0.0.0", (), "{outward}:{port}"), ("[::]", (), "{outward}:{port}"),
    ("0.0.0.0", ("--public-address", "berth.example"), "berth.example:{port}"),
    ("127.0.0.1", ("--public-address", "berth.example:443"), "berth.example:443")])
def test_what_clients_are_told_to_call(listen, options, shown):
    with tempfile.TemporaryDirectory(prefix="berth-test-") as directory:
        server = Server(directory, *options)
        server.listen = f"{listen}:{server.port}"
        server.start()
        try:
            shown = shown.format(outward=outward(), port=server.port)
            ecr = server.client("ecr")
            made = ecr.create_repository(repositoryName="app")["repository"]
            assert made["repositoryUri"] == f"{shown}/app"
            assert ecr.get_authorization_token()["authorizationData"][0]["proxyEndpoint"] == f"http://{shown}"
            assert server.environment["AWS_ENDPOINT_URL"] == f"http://{shown}"
        finally:
            server.stop()
