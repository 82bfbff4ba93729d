"""The HTTP side: connections kept, bodies large, chunked, held back, cut off and malformed, and what each protocol says
to input that is none."""

import contextlib
import hashlib
import http.client
import json
import resource
import socket
import threading

import pytest
from conftest import Server, eventually
from wire import call_json, call_query, raw, send, sign

TARGET = "X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.DescribeRepositories\r\n"
HEAD = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-amz-json-1.1\r\n{TARGET}"


def status_of(answer):
    return int(answer.split(b" ", 2)[1])


# ---- connections ----


def test_a_connection_serves_many_requests(open_server):
    connection = http.client.HTTPConnection("127.0.0.1", open_server.port, timeout=60)
    connection.connect()
    own = connection.sock.getsockname()
    for _ in range(20):
        connection.request("POST", "/", b"{}", {"X-Amz-Target": TARGET.split()[1],
                                                "Content-Type": "application/x-amz-json-1.1"})
        reply = connection.getresponse()
        assert reply.status == 200 and json.loads(reply.read()) == {"repositories": []}
        assert connection.sock.getsockname() == own
    connection.close()


def test_requests_that_come_at_once_are_answered_in_order(open_server):
    one = (HEAD + "Content-Length: 2\r\n\r\n{}").encode()
    last = (HEAD + "Connection: close\r\nContent-Length: 2\r\n\r\n{}").encode()
    answer = raw(open_server, one * 3 + last)
    assert answer.count(b"HTTP/1.1 200 OK") == 4
    ids = [line for line in answer.split(b"\r\n") if line.lower().startswith(b"x-amzn-requestid")]
    assert len(set(ids)) == 4


def test_leave_is_given_to_a_body_that_waits_for_it(open_server):
    with socket.create_connection(("127.0.0.1", open_server.port), timeout=60) as connection:
        connection.sendall((HEAD + "Content-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n").encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 Continue")
        connection.sendall(b"{}")
        assert status_of(connection.recv(1000)) == 200


def test_a_body_may_come_in_chunks(open_server):
    answer = raw(open_server, (HEAD + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                               "1\r\n{\r\n1\r\n}\r\n0\r\n\r\n").encode())
    assert status_of(answer) == 200


@pytest.mark.parametrize("head, status", [
    ("GET / HTTP/1.1\r\n\r\n", 400),  # no Host
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", 400),
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
    ("POST / HTTP/1.1\r\nHost: x\r\nA\x01: b\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: x\r\nA: " + "b" * 40000 + "\r\n\r\n", 431),
])
def test_heads_that_are_none_are_refused(open_server, head, status):
    assert status_of(raw(open_server, head.encode())) == status
    assert open_server.answers()


def test_a_body_too_long_is_refused_before_it_is_sent(open_server):
    answer = raw(open_server, (HEAD + "Content-Length: 99999999999\r\nExpect: 100-continue\r\n"
                               "Connection: close\r\n\r\n").encode())
    assert status_of(answer) == 413
    assert json.loads(answer.split(b"\r\n\r\n", 1)[1])["__type"] == "RequestEntityTooLargeException"


def test_a_body_that_ends_early_changes_nothing(open_server):
    create = HEAD.replace("DescribeRepositories", "CreateRepository")
    raw(open_server, (create + 'Content-Length: 100\r\n\r\n{"repositoryName": "half"}').encode(), end=True)
    assert call_json(open_server, "ecr", "DescribeRepositories", {}).json["repositories"] == []


def test_a_client_that_trickles_is_cut_off_and_others_are_not_held_up(open_server):
    with socket.create_connection(("127.0.0.1", open_server.port), timeout=60) as slow:
        slow.sendall(b"POST / HTTP/1.1\r\nHost: ")
        stop = threading.Event()

        def trickle():
            try:
                while not stop.wait(0.5):
                    slow.sendall(b"x")
            except OSError:
                pass

        writer = threading.Thread(target=trickle)
        writer.start()
        try:
            assert open_server.answers()
            answer = b""
            try:
                answer = slow.recv(1000)
            except ConnectionResetError:
                pass
            assert answer == b"" or status_of(answer) == 408
        finally:
            stop.set()
            writer.join()


def test_more_connections_than_a_shell_gives_files(tmp_path):
    """The soft limit of a login shell is 1024 open files; connections beyond the server's own limit are told so."""
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 4096:
        pytest.skip("the hard limit of open files is lower")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    server = Server(str(tmp_path))
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    try:
        server.start()
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, hard))
        with contextlib.ExitStack() as idle:
            for _ in range(1500):
                idle.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=60))
            server.client("ecs").create_cluster(clusterName="still")  # durable, so a file is written too
            for _ in range(510):
                idle.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=60))
            assert send(server.url + "/_berth/health", "GET").status == 503
        eventually(server.answers, what="room after the others have gone")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        server.stop()


def test_a_server_that_stops_finishes_what_is_under_way(tmp_path):
    server = Server(str(tmp_path), "--auth", "open")
    server.start()
    ecr = server.client("ecr")
    ecr.create_repository(repositoryName="app")
    data = b"x" * 3000000

    def refuses():
        try:
            socket.create_connection(("127.0.0.1", server.port), timeout=60).close()
        except ConnectionError:
            return True

    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        head = (f"POST /v2/app/blobs/uploads/?digest=sha256:{hashlib.sha256(data).hexdigest()} HTTP/1.1\r\n"
                f"Host: x\r\nContent-Length: {len(data)}\r\nExpect: 100-continue\r\n\r\n")
        connection.sendall(head.encode())
        assert status_of(connection.recv(10000)) == 100  # the server is at it; what it has not read yet it may drop
        connection.sendall(data[:1000000])
        stopped = threading.Thread(target=server.stop)
        stopped.start()
        eventually(refuses, what="the end of accepting")
        connection.sendall(data[1000000:])
        answer = connection.recv(10000)
        stopped.join()
    assert status_of(answer) == 201
    server.start()
    assert server.client("ecr").batch_check_layer_availability(
        repositoryName="app", layerDigests=[answer.split(b"Docker-Content-Digest: ")[1].split(b"\r\n")[0].decode()]
    )["layers"][0]["layerAvailability"] == "AVAILABLE"
    server.stop()


# ---- input that is none ----

DEEP = b'{"a":' * 5000 + b"1" + b"}" * 5000


@pytest.mark.parametrize("body, code", [
    (b"{", "SerializationException"),
    (b"null", "SerializationException"),
    (b"<xml/>", "SerializationException"),
    (b'{"repositoryNames": "app"}', "SerializationException"),
    (b'{"repositoryNames": [1]}', "SerializationException"),
    (b'{"maxResults": "7"}', "SerializationException"),
    (b'{"maxResults": 1e400}', "SerializationException"),
    (b'{"maxResults": 99999999999999999999}', "SerializationException"),
    (b'{"nextToken": "\xff\xfe"}', "SerializationException"),
    (b'{"nextToken": "\\ud800"}', "SerializationException"),
    (DEEP, "SerializationException"),
    (b'{"maxResults": 0}', "InvalidParameterException"),
    (b'{"maxResults": 1001}', "InvalidParameterException"),
    (b'{"registryId": "12"}', "InvalidParameterException"),
])
def test_json_that_is_wrong(open_server, body, code):
    answer = call_json(open_server, "ecr", "DescribeRepositories", body)
    assert (answer.status, answer.type) == (400, code), answer.body
    assert answer.headers["x-amzn-requestid"]


@pytest.mark.parametrize("body", [
    b'{"unknown": {"deeply": [1, 2, {"x": null}]}}', b'{"maxResults": null}', b' \r\n\t{ } ', b'{"maxResults": 5.0}',
    b'{"maxResults": 1, "maxResults": 2}',
])
def test_json_that_is_odd_but_fine(open_server, body):
    answer = call_json(open_server, "ecr", "DescribeRepositories", body)
    assert answer.status == 200, answer.body


@pytest.mark.parametrize("body, code, status", [
    (b"", "MissingAction", 400),
    (b"Version=2011-06-15", "MissingAction", 400),
    (b"Action=NoSuchThing&Version=2011-06-15", "InvalidAction", 400),
    (b"Action=GetCallerIdentity&Version=1999-01-01", "InvalidAction", 400),
    (b"Action=%zz&Version=2011-06-15", "MalformedQueryString", 404),
    (b"Action=GetSessionToken&Version=2011-06-15&DurationSeconds=1", "ValidationError", 400),
    (b"Action=GetSessionToken&Version=2011-06-15&DurationSeconds=long", "MalformedInput", 400),
])
def test_queries_that_are_wrong(open_server, body, code, status):
    answer = call_query(open_server, "sts", body)
    text = answer.body.decode()
    assert f"<Code>{code}</Code>" in text and answer.status == status, text
    assert "<RequestId>" in text and answer.headers["x-amzn-requestid"] in text


@pytest.mark.parametrize("body, code", [
    (b"Action=DescribeThings&Version=2016-11-15", "InvalidAction"),
    (b"Action=DescribeVpcs&Version=2016-11-15&MaxResults=x", "InvalidParameterValue"),
    (b"Action=CreateSecurityGroup&Version=2016-11-15", "MissingParameter"),
])
def test_ec2_queries_that_are_wrong(open_server, body, code):
    answer = call_query(open_server, "ec2", body)
    text = answer.body.decode()
    assert f"<Code>{code}</Code>" in text and answer.status == 400, text
    assert f"<RequestID>{answer.headers['x-amzn-requestid']}</RequestID>" in text


def test_what_is_not_built_is_named(open_server):
    answer = call_json(open_server, "ecs", "CreateCapacityProvider", {"name": "x"})
    assert answer.status == 501 and "ecs:CreateCapacityProvider" in answer.json["message"]
    answer = call_json(open_server, "ecs", "InventThings", {})
    assert (answer.status, answer.type) == (400, "UnknownOperationException")
    answer = send(open_server.url + "/clusters", "GET")
    assert answer.status == 501 and "eks:ListClusters" in answer.json["message"]


def test_services_that_are_not_here_are_named(server):
    for service, method, path in (("s3", "GET", "/"), ("s3", "PUT", "/bucket/key"), ("lambda", "GET", "/2015-03-31/functions/"),
                                  ("sqs", "POST", "/")):
        keys = server.environment["AWS_ACCESS_KEY_ID"], server.environment["AWS_SECRET_ACCESS_KEY"]
        answer = send(server.url + path, method, headers=sign(server.url + path, service, *keys, method=method))
        assert answer.status == 501 and f"does not serve {service}" in answer.body.decode(), (service, answer.body)


# ---- what operators look at ----


def test_health_and_metrics(server):
    assert send(server.url + "/_berth/health", "GET").json["status"] == "ok"
    server.client("ecr").describe_repositories()
    with pytest.raises(Exception):
        server.client("ecr").describe_repositories(repositoryNames=["none"])
    assert send(server.url + "/v2/", "GET").status == 401
    text = eventually(lambda: next((t for t in [send(server.url + "/_berth/metrics", "GET").body.decode()]
                                    if 'service="registry"' in t), None), what="the count")
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    name = 'service="ecr",operation="DescribeRepositories"'
    assert int(lines[f'berth_requests_total{{{name},status="200"}}']) >= 1
    assert int(lines[f'berth_requests_total{{{name},status="400"}}']) >= 1
    buckets = [int(value) for key, value in lines.items() if key.startswith(f"berth_request_seconds_bucket{{{name},")]
    assert buckets == sorted(buckets) and buckets[-1] == int(lines[f"berth_request_seconds_count{{{name}}}"])
    assert int(lines["berth_turns_total"]) >= 1
    assert lines['berth_hosts{status="CONNECTED"}'] == "0"
    assert lines['berth_tasks{status="RUNNING"}'] == "0"
    assert int(lines['berth_requests_total{service="registry",operation="GET",status="401"}']) >= 1
    helped = {line.split()[2] for line in text.splitlines() if line.startswith("# HELP")}
    typed = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert helped == typed
    assert {key.split("{")[0] for key in lines} <= helped | {"berth_request_seconds_" + s for s in ("bucket", "sum", "count")}


def test_the_access_log_is_written_when_asked(tmp_path):
    server = Server(str(tmp_path), "--log-requests")
    server.start()
    answer = call_json(server, "ecr", "DescribeRepositories", {})
    server.stop()
    line = [l for l in (tmp_path / "server.log").read_text().splitlines() if answer.headers["x-amzn-requestid"] in l]
    assert len(line) == 1 and "ecr DescribeRepositories by arn:aws:iam::000000000000:root in us-east-1: 200" in line[0]


def test_control_paths_say_what_they_do_not_do(open_server):
    assert send(open_server.url + "/_berth/nothing", "GET").status == 404
    assert send(open_server.url + "/_berth/reset", "GET").status == 405
    assert send(open_server.url + "/_berth/status", "GET").status == 403
