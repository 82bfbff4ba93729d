"""The registry with the clients that people use: skopeo, podman, curl, and plain sockets for what no client does on
purpose. Needs the registry_serve program; its path is the first argument. Everything lives in a temporary directory
and on a free loopback port."""

import gzip
import hashlib
import http.client
import io
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import unittest

PASSWORD = "sesame"
BASIC = "Basic QVdTOnNlc2FtZQ=="
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
SERVER = None


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def run(*command, env=None, check=True):
    """Runs a client in a clean environment; returns what it printed."""
    clean = {"PATH": os.environ["PATH"], "HOME": env["HOME"] if env else "/nonexistent", **(env or {})}
    done = subprocess.run(command, env=clean, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}")
    return done.stdout


class Registry(unittest.TestCase):
    """A server of its own for each test."""

    def setUp(self):
        # Not mkdtemp: podman makes an image's name of the path, and "_" at the end of a name's part is not allowed.
        self.directory = os.path.join(tempfile.gettempdir(), f"berth-clients-{secrets.token_hex(4)}")
        os.mkdir(self.directory, mode=0o700)
        self.addCleanup(shutil.rmtree, self.directory)
        self.env = {"HOME": self.directory, "TMPDIR": self.directory, "XDG_RUNTIME_DIR": self.directory}
        self.server = None
        self.addCleanup(self.stop)
        self.start()

    def start(self):
        self.server = subprocess.Popen(
            [SERVER, self.path("blobs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.host = "127.0.0.1:" + self.server.stdout.readline().strip()

    def stop(self):
        if self.server is None:
            return
        self.server.stdin.close()
        self.assertEqual(self.server.wait(timeout=30), 0)
        self.server.stdout.close()
        self.server = None

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def ask(self, method, target, body=None, **headers):
        """One exchange: status, headers, body."""
        connection = http.client.HTTPConnection(self.host, timeout=60)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, target, body, {"Authorization": BASIC, **headers})
        reply = connection.getresponse()
        data = reply.read()
        connection.close()
        return reply.status, reply.headers, data

    def push_blob(self, repository, data):
        status, _, body = self.ask("POST", f"/v2/{repository}/blobs/uploads/?digest={digest_of(data)}", data)
        self.assertEqual(status, 201, body)
        return {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest_of(data), "size": len(data)}

    def make_image(self, name, layers):
        """Writes an OCI layout of layers given as tar archives; returns its path and the manifest's digest."""
        root = self.path(name)
        os.makedirs(os.path.join(root, "blobs", "sha256"))

        def add(data, media_type):
            with open(os.path.join(root, "blobs", "sha256", hashlib.sha256(data).hexdigest()), "wb") as file:
                file.write(data)
            return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}

        described = [add(gzip.compress(layer, mtime=0), "application/vnd.oci.image.layer.v1.tar+gzip")
                     for layer in layers]
        config = {"architecture": "amd64", "os": "linux",
                  "rootfs": {"type": "layers", "diff_ids": [digest_of(layer) for layer in layers]}}
        manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST,
                    "config": add(json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json"),
                    "layers": described}
        entry = add(json.dumps(manifest).encode(), OCI_MANIFEST)
        entry["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
        with open(os.path.join(root, "oci-layout"), "w") as file:
            json.dump({"imageLayoutVersion": "1.0.0"}, file)
        with open(os.path.join(root, "index.json"), "w") as file:
            json.dump({"schemaVersion": 2, "manifests": [entry]}, file)
        return root, entry["digest"]

    def skopeo_copy(self, source, target, *options, check=True):
        sides = []
        for side, name in (("src", source), ("dest", target)):
            if name.startswith("docker://"):
                sides += [f"--{side}-tls-verify=false", f"--{side}-creds=AWS:{PASSWORD}"]
        return run("skopeo", "--insecure-policy", "copy", *sides, *options, source, target, env=self.env, check=check)


def tar_of(name, content):
    """A tar archive of one file, so that a client can unpack it as a layer."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


class Skopeo(Registry):
    def test_image_of_twenty_layers_goes_in_and_out(self):
        root, digest = self.make_image("image", [tar_of(f"file{i}", os.urandom(20000)) for i in range(20)])
        self.skopeo_copy(f"oci:{root}:latest", f"docker://{self.host}/app:v1")
        self.skopeo_copy(f"docker://{self.host}/app:v1", f"oci:{self.path('back')}:latest")
        with open(self.path("back", "index.json")) as file:
            self.assertEqual(json.load(file)["manifests"][0]["digest"], digest)
        self.assertEqual(sorted(os.listdir(self.path("back", "blobs", "sha256"))),
                         sorted(os.listdir(os.path.join(root, "blobs", "sha256"))))

    def test_docker_form_by_digest_and_mount(self):
        root, _ = self.make_image("image", [tar_of("file", b"content" * 1000)])
        self.skopeo_copy(f"oci:{root}:latest", f"docker://{self.host}/app:v1", "--format", "v2s2")
        said = run("skopeo", "inspect", "--tls-verify=false", f"--creds=AWS:{PASSWORD}",
                   f"docker://{self.host}/app:v1", env=self.env)
        digest = json.loads(said)["Digest"]
        self.skopeo_copy(f"docker://{self.host}/app@{digest}", f"docker://{self.host}/team/other:v1")
        self.skopeo_copy(f"docker://{self.host}/team/other:v1", f"dir:{self.path('dir')}")
        with open(self.path("dir", "manifest.json"), "rb") as file:
            self.assertEqual(digest_of(file.read()), digest)

    def test_refusals_are_shown_in_ecrs_words(self):
        root, _ = self.make_image("one", [tar_of("file", b"one")])
        other, _ = self.make_image("two", [tar_of("file", b"two")])
        said = self.skopeo_copy(f"oci:{root}:latest", f"docker://{self.host}/none:v1", check=False)
        self.assertIn("The repository with name 'none' does not exist in the registry with id '000000000000'", said)
        self.skopeo_copy(f"oci:{root}:latest", f"docker://{self.host}/fixed:v1")
        said = self.skopeo_copy(f"oci:{other}:latest", f"docker://{self.host}/fixed:v1", check=False)
        self.assertIn("cannot be overwritten because the tag is immutable", said)
        said = run("skopeo", "inspect", "--tls-verify=false", "--creds=AWS:expired", f"docker://{self.host}/app:v1",
                   env=self.env, check=False)
        self.assertIn("Your authorization token has expired. Reauthenticate and try again.", said)

    def test_another_account_and_region(self):
        root, digest = self.make_image("image", [tar_of("file", b"elsewhere")])
        name = f"{self.host}/111122223333.dkr.ecr.eu-west-1/app"
        self.skopeo_copy(f"oci:{root}:latest", f"docker://{name}:v1")
        said = run("skopeo", "list-tags", "--tls-verify=false", f"--creds=AWS:{PASSWORD}", f"docker://{name}",
                   env=self.env)
        self.assertEqual(json.loads(said)["Tags"], ["v1"])
        self.assertEqual(self.ask("GET", "/v2/app/manifests/v1")[0], 404)

    def test_delete(self):
        root, digest = self.make_image("image", [tar_of("file", b"short life")])
        self.skopeo_copy(f"oci:{root}:latest", f"docker://{self.host}/app:v1")
        run("skopeo", "delete", "--tls-verify=false", f"--creds=AWS:{PASSWORD}", f"docker://{self.host}/app:v1",
            env=self.env)
        self.assertEqual(self.ask("GET", f"/v2/app/manifests/{digest}")[0], 404)

    def test_two_clients_push_the_same_layer_at_once(self):
        layer = tar_of("file", os.urandom(8 << 20))
        roots = [self.make_image(f"image{i}", [layer, tar_of("own", bytes([i]))])[0] for i in range(2)]
        problems = []

        def push(i):
            try:
                self.skopeo_copy(f"oci:{roots[i]}:latest", f"docker://{self.host}/app:v{i}")
            except AssertionError as problem:
                problems.append(problem)

        threads = [threading.Thread(target=push, args=(i,)) for i in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(problems, [])
        stored = digest_of(gzip.compress(layer, mtime=0))
        status, _, body = self.ask("GET", f"/v2/app/blobs/{stored}")
        self.assertEqual((status, digest_of(body)), (200, stored))
        self.assertEqual(os.listdir(self.path("blobs", "uploads")), [])


class Podman(Registry):
    def podman(self, *command):
        return run("podman", "--root", self.path("root"), "--runroot", self.path("run"), "--storage-driver", "vfs",
                   "--cgroup-manager", "cgroupfs", *command, env=self.env)

    def test_push_and_pull(self):
        root, _ = self.make_image("image", [tar_of("hello", b"from podman")])
        name = f"{self.host}/app:podman"
        login = ("--tls-verify=false", f"--creds=AWS:{PASSWORD}")
        pulled = self.podman("pull", "-q", f"oci:{root}:latest").split()[-1]
        self.podman("push", *login, pulled, name)
        self.podman("rmi", "-f", pulled)
        again = self.podman("pull", "-q", *login, name).split()[-1]
        self.assertEqual(again, pulled)


class Curl(Registry):
    """By hand, what libraries hide."""

    def curl(self, *arguments):
        return run("curl", "-sS", "-u", f"AWS:{PASSWORD}", *arguments, env=self.env)

    def test_chunked_push_resumed_after_a_restart(self):
        data = os.urandom(300000)
        with open(self.path("first"), "wb") as file:
            file.write(data[:200000])
        with open(self.path("second"), "wb") as file:
            file.write(data[200000:])
        said = self.curl("-i", "-X", "POST", f"http://{self.host}/v2/app/blobs/uploads/")
        location = next(line.split(" ", 1)[1] for line in said.splitlines() if line.lower().startswith("location:"))
        self.curl("--fail", "-X", "PATCH", "-H", "Transfer-Encoding: chunked", "-T", self.path("first"),
                  f"http://{self.host}{location}")
        self.stop()
        self.start()
        said = self.curl("-i", f"http://{self.host}{location}")
        self.assertIn("Range: 0-199999", said)
        self.curl("--fail", "-X", "PUT", "-H", "Content-Range: 200000-299999", "-T", self.path("second"),
                  f"http://{self.host}{location}?digest={digest_of(data)}")
        self.curl("--fail", "-o", self.path("part"), "-r", "1000-1999",
                  f"http://{self.host}/v2/app/blobs/{digest_of(data)}")
        with open(self.path("part"), "rb") as file:
            self.assertEqual(file.read(), data[1000:2000])

    def test_resumed_download(self):
        data = os.urandom(1 << 20)
        self.push_blob("app", data)
        with open(self.path("part"), "wb") as file:
            file.write(data[:700000])
        self.curl("--fail", "-C", "-", "-o", self.path("part"), f"http://{self.host}/v2/app/blobs/{digest_of(data)}")
        with open(self.path("part"), "rb") as file:
            self.assertEqual(file.read(), data)

    def test_challenge_comes_before_the_body(self):
        with open(self.path("large"), "wb") as file:
            file.truncate(100 << 20)
        said = run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code} %{size_upload}", "-H", "Expect: 100-continue",
                   "--data-binary", "@" + self.path("large"), f"http://{self.host}/v2/app/blobs/uploads/", env=self.env)
        status, sent = said.split()
        self.assertEqual(status, "401")
        self.assertLess(int(sent), 1 << 20)
        self.assertEqual(os.listdir(self.path("blobs", "uploads")), [])


class Wire(Registry):
    """What no client does on purpose."""

    def connect(self):
        name, port = self.host.split(":")
        connection = socket.create_connection((name, int(port)), timeout=30)
        self.addCleanup(connection.close)
        return connection

    def begin(self):
        status, headers, _ = self.ask("POST", "/v2/app/blobs/uploads/")
        self.assertEqual(status, 202)
        return headers["Location"]

    def wait_for_offset(self, location, offset):
        """Until the server has noticed the end of the other connection; each question waits for the one before."""
        for _ in range(1000):
            status, headers, _ = self.ask("GET", location)
            if status == 204 and headers["Range"] == f"0-{offset - 1}":
                return
            threading.Event().wait(0.02)
        self.fail(f"never at {offset}: {status} {headers.get('Range')}")

    def test_connection_that_breaks_leaves_what_can_be_resumed(self):
        data = os.urandom(500000)
        location = self.begin()
        connection = self.connect()
        connection.sendall(f"PATCH {location} HTTP/1.1\r\nHost: x\r\nAuthorization: {BASIC}\r\n"
                           f"Content-Length: 500000\r\n\r\n".encode() + data[:123456])
        connection.shutdown(socket.SHUT_WR)
        connection.close()
        self.wait_for_offset(location, 123456)
        self.assertEqual(self.ask("GET", f"/v2/app/blobs/{digest_of(data)}")[0], 404)
        status, _, _ = self.ask("PUT", f"{location}?digest={digest_of(data)}", data[123456:])
        self.assertEqual(status, 201)

    def test_second_writer_is_told_to_wait(self):
        location = self.begin()
        connection = self.connect()
        connection.sendall(f"PATCH {location} HTTP/1.1\r\nHost: x\r\nAuthorization: {BASIC}\r\n"
                           f"Content-Length: 10\r\nExpect: 100-continue\r\n\r\n".encode())
        self.assertIn(b"100 Continue", connection.recv(1000))  # now it holds the session
        status, _, body = self.ask("PATCH", location, b"x")
        self.assertEqual((status, json.loads(body)["errors"][0]["code"]), (409, "BLOB_UPLOAD_INVALID"))
        connection.sendall(b"0123456789")
        self.assertIn(b"202", connection.recv(1000))

    def test_path_cannot_leave_the_store(self):
        for path in ("/v2/app/blobs/../../../../etc/passwd", "/v2/app/blobs/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
                     "/v2/../app/tags/list", "/v2/app/blobs/uploads/..%2f..%2flock"):
            status, _, body = self.ask("GET", path)
            self.assertIn(status, (400, 404), path)
            self.assertIn("errors", json.loads(body))

    def test_manifest_too_large(self):
        status, _, _ = self.ask("PUT", "/v2/app/manifests/v1", b" " * ((4 << 20) + 1), Content_Type=OCI_MANIFEST)
        self.assertEqual(status, 413)

    def test_head_tells_what_get_would(self):
        blob = self.push_blob("app", b"x" * 1000)
        status, headers, body = self.ask("HEAD", f"/v2/app/blobs/{blob['digest']}")
        self.assertEqual((status, headers["Content-Length"], body), (200, "1000", b""))

    def test_referrers_in_pages(self):
        blob = self.push_blob("app", b"{}")
        config = {**blob, "mediaType": "application/vnd.oci.empty.v1+json"}
        subject = {"mediaType": OCI_MANIFEST, "digest": digest_of(b"not there"), "size": 9}
        pushed = []
        for i in range(5):
            manifest = json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": "text/plain",
                                   "config": config, "layers": [blob], "subject": subject,
                                   "annotations": {"n": str(i)}}).encode()
            status, headers, _ = self.ask("PUT", f"/v2/app/manifests/{digest_of(manifest)}", manifest)
            self.assertEqual((status, headers["OCI-Subject"]), (201, subject["digest"]))
            pushed.append(digest_of(manifest))
        seen, target = [], f"/v2/app/referrers/{subject['digest']}?n=2&artifactType=text/plain"
        while target:
            status, headers, body = self.ask("GET", target)
            self.assertEqual((status, headers["OCI-Filters-Applied"]), (200, "artifactType"))
            seen += [manifest["digest"] for manifest in json.loads(body)["manifests"]]
            target = headers["Link"].split(">")[0][1:] if "Link" in headers else None
        self.assertEqual(seen, sorted(pushed))


if __name__ == "__main__":
    SERVER = sys.argv.pop(1)
    unittest.main()
