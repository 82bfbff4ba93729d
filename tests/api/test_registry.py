"""The built-in registry with the clients that people use, against a whole server: what skopeo and podman push is what
ECR's API shows. (The protocol's corners are tested beside its code, in src/edge/registry.)"""

import base64
import concurrent.futures
import gzip
import hashlib
import http.client
import io
import json
import os
import socket
import subprocess
import tarfile
import tempfile

import pytest
from conftest import CLEAN, Server, eventually

OCI = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def layer_of(name, content):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def make_image(root, layers):
    """Writes an OCI layout of one image whose layers are these tar archives; returns the manifest's digest."""
    blobs = root / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def add(data, media_type):
        (blobs / hashlib.sha256(data).hexdigest()).write_bytes(data)
        return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}

    described = [add(gzip.compress(layer, 1, mtime=0), "application/vnd.oci.image.layer.v1.tar+gzip") for layer in layers]
    config = {"architecture": "amd64", "os": "linux",
              "rootfs": {"type": "layers", "diff_ids": [digest_of(layer) for layer in layers]}}
    manifest = {"schemaVersion": 2, "mediaType": OCI,
                "config": add(json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json"),
                "layers": described}
    entry = add(json.dumps(manifest).encode(), OCI)
    entry["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
    (root / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}))
    (root / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    return entry["digest"]


class Client:
    """skopeo, podman and bare HTTP with one token, in a home of their own."""

    def __init__(self, server, home, **keys):
        self.server, self.home = server, home
        self.ecr = server.client("ecr", **keys)
        token = self.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        self.basic = "Basic " + token
        self.password = base64.b64decode(token).decode().split(":", 1)[1]

    def run(self, *command, check=True, input=None):
        environment = dict(CLEAN, HOME=str(self.home), TMPDIR=str(self.home), XDG_RUNTIME_DIR=str(self.home))
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, input=input)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done

    def copy(self, source, target, *options, check=True):
        sides = []
        for side, name in (("src", source), ("dest", target)):
            if name.startswith("docker://"):
                sides += [f"--{side}-tls-verify=false", f"--{side}-creds=AWS:{self.password}"]
        return self.run("skopeo", "--insecure-policy", "copy", *sides, *options, source, target, check=check)

    def ask(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, {"Authorization": self.basic, **headers})
        reply = connection.getresponse()
        data = reply.read()
        connection.close()
        return reply.status, reply.headers, data


@pytest.fixture
def client(server, tmp_path):
    client = Client(server, tmp_path)
    yield client
    for repository in client.ecr.describe_repositories()["repositories"]:
        client.ecr.delete_repository(repositoryName=repository["repositoryName"], force=True)


@pytest.fixture
def podman(client):
    with tempfile.TemporaryDirectory(prefix="berth-") as root:  # podman takes no run directory with a long name
        def run(*command, **more):
            return client.run("podman", "--root", f"{root}/root", "--runroot", f"{root}/run", "--storage-driver", "vfs",
                              "--cgroup-manager", "cgroupfs", *command, **more)
        yield run


def test_an_image_of_twenty_layers_goes_there_and_back(client, tmp_path):
    uri = client.ecr.create_repository(repositoryName="team/app")["repository"]["repositoryUri"]
    layers = [layer_of(f"file{i}", os.urandom(5000)) for i in range(20)]
    digest = make_image(tmp_path / "image", layers)
    client.copy(f"oci:{tmp_path}/image:latest", f"docker://{uri}:v1")
    detail = client.ecr.describe_images(repositoryName="team/app")["imageDetails"][0]
    assert (detail["imageDigest"], detail["imageTags"]) == (digest, ["v1"])
    assert "lastRecordedPullTime" not in detail
    client.copy(f"docker://{uri}@{digest}", f"dir:{tmp_path}/back")
    assert digest_of((tmp_path / "back" / "manifest.json").read_bytes()) == digest
    assert len(list((tmp_path / "back").iterdir())) == 20 + 3  # config, manifest, version
    assert "lastRecordedPullTime" in client.ecr.describe_images(repositoryName="team/app")["imageDetails"][0]
    client.copy(f"docker://{uri}:v1", f"docker://{uri}:docker", "--format", "v2s2")
    shown = client.ecr.describe_images(repositoryName="team/app", imageIds=[{"imageTag": "docker"}])["imageDetails"][0]
    assert shown["imageManifestMediaType"] == "application/vnd.docker.distribution.manifest.v2+json"


def test_podman_logs_in_pushes_and_pulls(client, podman, tmp_path):
    uri = client.ecr.create_repository(repositoryName="app")["repository"]["repositoryUri"]
    make_image(tmp_path / "image", [layer_of("hello", b"from podman")])
    image = podman("pull", "-q", f"oci:{tmp_path}/image:latest").stdout.split()[-1]
    host = uri.split("/")[0]
    podman("login", "--tls-verify=false", "-u", "AWS", "--password-stdin", host, input=client.password)
    podman("push", "--tls-verify=false", image, f"{uri}:v1")
    podman("rmi", "-f", image)
    assert podman("pull", "-q", "--tls-verify=false", f"{uri}:v1").stdout.split()[-1] == image
    wrong = podman("login", "--tls-verify=false", "-u", "AWS", "--password-stdin", host, input="x", check=False)
    assert wrong.returncode != 0
    assert [i["imageTag"] for i in client.ecr.list_images(repositoryName="app")["imageIds"]] == ["v1"]


def test_the_same_layer_is_pushed_by_two_clients_at_once(client, tmp_path):
    for name in ("one", "two"):
        client.ecr.create_repository(repositoryName=name)
    shared = layer_of("large", os.urandom(5 << 20))
    digests = [make_image(tmp_path / f"image{i}", [shared, layer_of("own", b"%d" % i)]) for i in range(4)]
    host = client.server.listen
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        pushes = [pool.submit(client.copy, f"oci:{tmp_path}/image{i}:latest", f"docker://{host}/{name}:v{i}")
                  for i, name in enumerate(("one", "one", "two", "two"))]
        for push in pushes:
            push.result()
    for i, name in enumerate(("one", "one", "two", "two")):
        found = client.ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": f"v{i}"}])["imageDetails"][0]
        assert found["imageDigest"] == digests[i]
        client.copy(f"docker://{host}/{name}:v{i}", f"dir:{tmp_path}/back{i}")


def test_words_of_refusals_reach_the_person(client, tmp_path):
    host = client.server.listen
    make_image(tmp_path / "one", [layer_of("a", b"1")])
    make_image(tmp_path / "two", [layer_of("a", b"2")])
    client.ecr.create_repository(repositoryName="fixed", imageTagMutability="IMMUTABLE")
    said = client.copy(f"oci:{tmp_path}/one:latest", f"docker://{host}/none:v1", check=False).stderr
    assert "The repository with name 'none' does not exist in the registry with id '000000000000'" in said
    client.copy(f"oci:{tmp_path}/one:latest", f"docker://{host}/fixed:v1")
    said = client.copy(f"oci:{tmp_path}/two:latest", f"docker://{host}/fixed:v1", check=False).stderr
    assert "cannot be overwritten because the tag is immutable" in said
    client.run("skopeo", "delete", "--tls-verify=false", f"--creds=AWS:{client.password}", f"docker://{host}/fixed:v1")
    assert client.ecr.list_images(repositoryName="fixed")["imageIds"] == []


def push_by_hand(client, repository, tags):
    config = b"{}"
    status, _, _ = client.ask("POST", f"/v2/{repository}/blobs/uploads/?digest={digest_of(config)}", config)
    assert status == 201
    manifest = json.dumps({"schemaVersion": 2, "mediaType": OCI, "layers": [], "config": {
        "mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(config), "size": 2}})
    for tag in tags:
        status, _, body = client.ask("PUT", f"/v2/{repository}/manifests/{tag}", manifest, Content_Type=OCI)
        assert status == 201, body
    return digest_of(manifest.encode())


def test_lists_come_in_pages(client):
    client.ecr.create_repository(repositoryName="app")
    tags = sorted(f"t{i}" for i in range(7))
    push_by_hand(client, "app", tags)
    seen, path = [], "/v2/app/tags/list?n=3"
    while path:
        status, headers, body = client.ask("GET", path)
        assert status == 200 and len(json.loads(body)["tags"]) <= 3
        seen += json.loads(body)["tags"]
        path = headers["Link"].split(">")[0][1:] if headers["Link"] else None
    assert seen == tags


def test_a_blob_is_deleted_unless_an_image_needs_it(client):
    client.ecr.create_repository(repositoryName="app")
    push_by_hand(client, "app", ["v1"])
    status, _, body = client.ask("DELETE", f"/v2/app/blobs/{digest_of(b'{}')}")
    assert (status, json.loads(body)["errors"][0]["code"]) == (405, "UNSUPPORTED") and b"is needed by an image" in body
    assert client.ask("POST", f"/v2/app/blobs/uploads/?digest={digest_of(b'loose')}", b"loose")[0] == 201
    assert client.ask("DELETE", f"/v2/app/blobs/{digest_of(b'loose')}")[0] == 202
    assert client.ask("GET", f"/v2/app/blobs/{digest_of(b'loose')}")[0] == 404
    assert client.ask("DELETE", f"/v2/app/blobs/{digest_of(b'loose')}")[0] == 404


def test_an_image_that_an_index_lists_stays(client):
    client.ecr.create_repository(repositoryName="app")
    child = push_by_hand(client, "app", ["amd64"])
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [
        {"mediaType": OCI, "digest": child, "size": 1, "platform": {"os": "linux", "architecture": "amd64"}}]})
    assert client.ask("PUT", "/v2/app/manifests/multi", index, Content_Type=INDEX)[0] == 201
    for reference in ("amd64", child):
        status, _, body = client.ask("DELETE", f"/v2/app/manifests/{reference}")
        assert status == 405 and digest_of(index.encode()).encode() in body
    assert client.ask("GET", "/v2/app/manifests/multi", Accept=INDEX)[2] == index.encode()
    assert client.ask("DELETE", f"/v2/app/manifests/{digest_of(index.encode())}")[0] == 202
    assert client.ask("DELETE", f"/v2/app/manifests/{child}")[0] == 202
    assert client.ecr.list_images(repositoryName="app")["imageIds"] == []


def test_a_digest_that_lies_is_refused(client):
    client.ecr.create_repository(repositoryName="app")
    lie = digest_of(b"something else")
    status, _, body = client.ask("POST", f"/v2/app/blobs/uploads/?digest={lie}", b"the bytes")
    assert (status, json.loads(body)["errors"][0]["code"]) == (400, "DIGEST_INVALID")
    assert client.ask("HEAD", f"/v2/app/blobs/{lie}")[0] == 404
    status, _, body = client.ask("PUT", f"/v2/app/manifests/{lie}", b"{}", Content_Type=OCI)
    assert (status, json.loads(body)["errors"][0]["code"]) == (400, "DIGEST_INVALID")


def test_a_blob_is_mounted_within_an_account_only(open_server, tmp_path):
    mine = Client(open_server, tmp_path, aws_access_key_id="111111111111", aws_secret_access_key="x")
    other = Client(open_server, tmp_path, aws_access_key_id="222222222222", aws_secret_access_key="x")
    for client in (mine, other):
        for name in ("one", "two"):
            client.ecr.create_repository(repositoryName=name)
    place = {mine: "111111111111.dkr.ecr.us-east-1", other: "222222222222.dkr.ecr.us-east-1"}
    uri = mine.ecr.describe_repositories(repositoryNames=["one"])["repositories"][0]["repositoryUri"]
    assert uri == f"{open_server.listen}/{place[mine]}/one"
    digest = digest_of(b"{}")
    push_by_hand(mine, f"{place[mine]}/one", ["v1"])
    status, _, _ = mine.ask("POST", f"/v2/{place[mine]}/two/blobs/uploads/?mount={digest}&from={place[mine]}/one")
    assert status == 201
    status, _, _ = other.ask("POST", f"/v2/{place[other]}/two/blobs/uploads/?mount={digest}&from={place[mine]}/one")
    assert status == 202  # an upload instead
    status, _, body = other.ask("GET", f"/v2/{place[mine]}/one/manifests/v1")
    assert (status, json.loads(body)["errors"][0]["code"]) == (403, "DENIED")
    with pytest.raises(other.ecr.exceptions.ClientError) as failure:
        other.ecr.describe_images(registryId="111111111111", repositoryName="one")
    assert failure.value.response["Error"]["Code"] == "AccessDeniedException"
    assert "is not authorized to perform: ecr:DescribeImages on resource: arn:aws:ecr:us-east-1:111111111111:" in str(
        failure.value)


def test_a_push_that_is_cut_off_leaves_nothing_visible(tmp_path):
    (tmp_path / "data").mkdir()
    server = Server(str(tmp_path / "data"))
    server.start()
    try:
        client = Client(server, tmp_path)
        client.ecr.create_repository(repositoryName="app")
        kept = push_by_hand(client, "app", ["kept"])
        data = os.urandom(300000)
        _, headers, _ = client.ask("POST", "/v2/app/blobs/uploads/")
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
            head = (f"PATCH {headers['Location']} HTTP/1.1\r\nHost: x\r\nAuthorization: {client.basic}\r\n"
                    f"Content-Length: {len(data)}\r\n\r\n")
            connection.sendall(head.encode() + data[:100000])
            server.kill()
        server.start()
        assert client.ask("HEAD", f"/v2/app/blobs/{digest_of(data)}")[0] == 404
        assert client.ask("HEAD", f"/v2/app/manifests/{kept}")[0] == 200
        status, headers, _ = client.ask("GET", headers["Location"])
        assert status == 204  # the session is there, with what was written of it
        at = 0 if headers["Range"] == "0-0" else int(headers["Range"].split("-")[1]) + 1
        status, _, body = client.ask("PUT", f"{headers['Location']}?digest={digest_of(data)}", data[at:])
        assert status == 201, body
        assert client.ask("GET", f"/v2/app/blobs/{digest_of(data)}")[2] == data
        assert [i["imageTag"] for i in client.ecr.list_images(repositoryName="app")["imageIds"]] == ["kept"]
    finally:
        server.stop()


def test_no_acknowledged_push_is_lost_by_sigkill(tmp_path):
    (tmp_path / "data").mkdir()
    server = Server(str(tmp_path / "data"), "--auth", "open")
    server.start()
    server.client("ecr").create_repository(repositoryName="app")
    images, layers = {}, {}  # acknowledged: tag to manifest, digest to bytes

    def push(ask, tag):
        """Layer, config and image of their own; notes what the server said is done."""
        config, layer = b'{"tag":"%s"}' % tag.encode(), os.urandom(20000)
        rows = [{"mediaType": f"application/vnd.oci.image.{kind}", "digest": digest_of(data), "size": len(data)}
                for kind, data in (("config.v1+json", config), ("layer.v1.tar", layer))]
        for data in (config, layer):
            assert ask("POST", f"/v2/app/blobs/uploads/?digest={digest_of(data)}", data)[0] == 201
            layers[digest_of(data)] = data
        manifest = json.dumps({"schemaVersion": 2, "mediaType": OCI, "config": rows[0], "layers": rows[1:]}).encode()
        assert ask("PUT", f"/v2/app/manifests/{tag}", manifest, Content_Type=OCI)[0] == 201
        images[tag] = manifest

    def push_until_killed(client, name):
        try:
            for i in range(1000):
                push(client.ask, f"{name}-{i}")
        except (OSError, http.client.HTTPException):
            pass

    try:
        for round_ in range(3):
            client = Client(server, tmp_path)
            before = len(images)
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                for i in range(4):
                    pool.submit(push_until_killed, client, f"r{round_}-{i}")
                eventually(lambda: len(images) >= before + 10, what="ten pushes")
                server.kill()
            server.start()
            client = Client(server, tmp_path)
            for digest, data in layers.items():
                assert client.ask("GET", f"/v2/app/blobs/{digest}")[2] == data
            for tag, manifest in images.items():
                assert client.ask("GET", f"/v2/app/manifests/{tag}")[2] == manifest
        for page in client.ecr.get_paginator("describe_images").paginate(repositoryName="app"):
            for detail in page["imageDetails"]:  # also of those that nobody heard of: they are whole
                manifest = client.ask("GET", f"/v2/app/manifests/{detail['imageDigest']}")[2]
                assert digest_of(manifest) == detail["imageDigest"]
                for row in [json.loads(manifest)["config"]] + json.loads(manifest)["layers"]:
                    assert digest_of(client.ask("GET", f"/v2/app/blobs/{row['digest']}")[2]) == row["digest"]
    finally:
        server.stop()
