"""A registry for tests, read only, on a free port of loopback, driven by files below its one argument.

    REPOSITORY/manifests/NAME   a manifest; NAME.type beside it overrides the media type it names
    REPOSITORY/blobs/DIGEST     a blob
    auth                        "basic USER PASSWORD" or "bearer USER PASSWORD" ("bearer - -": anonymous tokens)
    fault/NAME                  what goes wrong with that tag or digest, one line a time, first line first:
                                  cut N        N bytes of the body, then the connection is dropped
                                  status N     an error of that number
                                  garble       one byte of the body is another
                                  longer       the body has more bytes than it should
                                  norange      the whole body, whatever range was asked for
                                  redirect     elsewhere on this registry, where authorization is refused
                                  trickle      ten bytes a second
                                  wait FILE    the answer waits until FILE exists below the directory
    log                         one line a request is appended: METHOD PATH STATUS RANGE AUTHORIZATION-SCHEME

Prints its port on a line, ends when its standard input does.
"""
import base64
import http.server
import json
import os
import sys
import threading
import time
import urllib.parse

ROOT = sys.argv[1]
LOCK = threading.Lock()
TOKENS = set()


def read(*names):
    try:
        with open(os.path.join(ROOT, *names), "rb") as file:
            return file.read()
    except OSError:
        return None


def next_fault(name):
    """Takes the first line of the fault file; the last one stays when it begins with '*'."""
    path = os.path.join(ROOT, "fault", name)
    with LOCK:
        try:
            with open(path, encoding="utf-8") as file:
                lines = file.read().splitlines()
        except OSError:
            return []
        if not lines:
            return []
        if lines[0].startswith("*"):
            return lines[0][1:].split()
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines[1:]))
        return lines[0].split()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16

    def log_message(self, *args):
        pass

    def note(self, status):
        scheme = (self.headers.get("Authorization") or "-").split()[0]
        line = f"{self.command} {self.path} {status} {self.headers.get('Range') or '-'} {scheme}\n"
        with LOCK, open(os.path.join(ROOT, "log"), "a", encoding="utf-8") as file:
            file.write(line)

    def answer(self, status, body, headers=(), length=None):
        self.note(status)
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def error(self, status, code, message, headers=()):
        body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
        self.answer(status, body, [("Content-Type", "application/json"), *headers])

    def authorized(self):
        auth = read("auth")
        if auth is None:
            return True
        kind, user, password = auth.decode().split()
        given = self.headers.get("Authorization") or ""
        if kind == "basic":
            if given == "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode():
                return True
            challenge = 'Basic realm="test"'
        else:
            if given.startswith("Bearer ") and given[7:] in TOKENS:
                return True
            host = self.headers.get("Host")
            challenge = f'Bearer realm="http://{host}/token",service="test registry"'
        self.error(401, "UNAUTHORIZED", "authentication required", [("WWW-Authenticate", challenge)])
        return False

    def token(self):
        _, user, password = (read("auth") or b"bearer - -").decode().split()
        given = self.headers.get("Authorization")
        if user != "-" and given != "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode():
            self.error(401, "UNAUTHORIZED", "wrong password")
            return
        query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
        token = f"token-{len(TOKENS)}-{query['scope'][0]}"
        TOKENS.add(token)
        self.answer(200, json.dumps({"token": token, "expires_in": 300}).encode())

    def body(self, body, media_type, fault):
        headers = [("Content-Type", media_type)]
        start = 0
        asked = self.headers.get("Range")
        if asked and fault[:1] != ["norange"]:
            start = int(asked.split("=")[1].split("-")[0])
            headers.append(("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}"))
        part = body[start:]
        if fault[:1] == ["garble"]:
            part = part[:-1] + bytes([part[-1] ^ 1])
        if fault[:1] == ["longer"]:
            part += b"x"
        if fault[:1] == ["trickle"]:
            self.answer(206 if start else 200, b"", headers, len(part))
            try:
                for byte in part:
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                    time.sleep(0.1)
            except OSError:
                self.close_connection = True
            return
        if fault[:1] == ["cut"]:
            self.answer(206 if start else 200, part[: int(fault[1])], headers, len(part))
            self.close_connection = True
            self.wfile.flush()
            self.connection.shutdown(2)
            return
        self.answer(206 if start else 200, part, headers)

    def do_GET(self):
        path = urllib.parse.urlparse(self.path).path
        if path == "/token":
            self.token()
            return
        elsewhere = path.startswith("/elsewhere/")
        if elsewhere:
            path = path[len("/elsewhere") :]
            if self.headers.get("Authorization") and "127.0.0.1" not in (self.headers.get("Host") or ""):
                self.error(400, "DENIED", "authorization went to another host")
                return
        elif not self.authorized():
            return
        parts = path.split("/")
        repository, collection, name = "/".join(parts[2:-2]), parts[-2], parts[-1]
        fault = next_fault(name)
        while fault[:1] == ["wait"] and not os.path.exists(os.path.join(ROOT, fault[1])):
            time.sleep(0.01)
        if fault[:1] == ["status"]:
            self.error(int(fault[1]), "UNAVAILABLE", "the fault was asked for")
            return
        if fault[:1] == ["redirect"]:
            host = self.headers.get("Host").replace("127.0.0.1", "localhost")
            self.answer(307, b"", [("Location", f"http://{host}/elsewhere{path}")])
            return
        body = read(repository, collection, name)
        if body is None and not os.path.isdir(os.path.join(ROOT, repository)):
            self.error(404, "NAME_UNKNOWN", f"The repository with name '{repository}' does not exist")
            return
        if body is None:
            self.error(404, "MANIFEST_UNKNOWN" if collection == "manifests" else "BLOB_UNKNOWN", "unknown")
            return
        media_type = "application/octet-stream"
        if collection == "manifests":
            media_type = (read(repository, collection, name + ".type") or b"application/json").decode()
        self.body(body, media_type, fault)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


SERVER = Server(("127.0.0.1", 0), Handler)
threading.Thread(target=SERVER.serve_forever, daemon=True).start()
print(SERVER.server_port, flush=True)
sys.stdin.read()
os._exit(0)
