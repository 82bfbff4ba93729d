"""An ECS agent as far as the control plane sees one: requests and websockets signed as the recorded agent signs them."""

import base64
import hashlib
import json
import os
import socket
import struct
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials


def signed_headers(url, keys, body=b"", method="GET"):
    request = botocore.awsrequest.AWSRequest(method, url, data=body)
    botocore.auth.SigV4Auth(botocore.credentials.Credentials(*keys), "ecs", "us-east-1").add_auth(request)
    return dict(request.headers)


class Refused(Exception):
    def __init__(self, status, body):
        super().__init__(f"{status}: {body}")
        self.status, self.body = status, body


class Socket:
    """One websocket; text frames whole."""

    def __init__(self, server, path, parameters, keys=None):
        self.keys = keys or own_keys(server)
        self.url = f"{server.url}{path}?{urllib.parse.urlencode(sorted(parameters.items()))}"
        self.connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
        self.rest, self.read = b"", []
        # As the original does it: a space travels as "+" and is signed as "%20".
        key = base64.b64encode(os.urandom(16)).decode()
        lines = {"Host": server.listen, **signed_headers(self.url.replace("+", "%20"), self.keys), "Upgrade": "websocket",
                 "Connection": "Upgrade", "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13"}
        target = self.url.removeprefix(server.url)
        head = f"GET {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.connection.sendall(head.encode() + b"\r\n")
        answer, self.rest = self._head()
        status = int(answer.split()[1])
        if status != 101:
            length = next((int(line.split(":")[1]) for line in answer.splitlines()
                           if line.lower().startswith("content-length")), 0)
            while len(self.rest) < length:
                self.rest += self.connection.recv(4096)
            self.connection.close()
            raise Refused(status, self.rest.decode())
        wanted = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
        assert f"Sec-WebSocket-Accept: {wanted}".lower() in answer.lower()

    def _head(self):
        data = b""
        while b"\r\n\r\n" not in data:
            more = self.connection.recv(4096)
            assert more, "the connection ended before the answer"
            data += more
        head, rest = data.split(b"\r\n\r\n", 1)
        return head.decode(), rest

    def _first(self, count):
        """The next bytes, which stay there: a frame that has not come whole in its time is read later, from its begin."""
        while len(self.rest) < count:
            more = self.connection.recv(65536)
            if not more:
                raise EOFError
            self.rest += more
        return self.rest[:count]

    def frame(self, opcode, payload, final=True):
        mask = os.urandom(4)
        size = len(payload)
        head = bytes([(0x80 if final else 0) | opcode])
        head += bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + struct.pack(">H", size) \
            if size < 65536 else bytes([0x80 | 127]) + struct.pack(">Q", size)
        masked = int.from_bytes(payload, "big") ^ int.from_bytes((mask * (size // 4 + 1))[:size], "big")
        self.connection.sendall(head + mask + masked.to_bytes(size, "big"))

    def send(self, text):
        self.frame(1, text.encode())

    def message(self, kind, **members):
        self.send(json.dumps({"type": kind, "message": members}))

    def telemetry(self, text):
        """A frame with the signature block before it."""
        headers = signed_headers(self.url.replace("+", "%20"), self.keys, text.encode())
        lines = [f"{name}: {headers[name]}" for name in ("Authorization", "X-Amz-Date")]
        self.send("\r\n".join([lines[0], f"Host: {urllib.parse.urlparse(self.url).netloc}", lines[1]]) + "\r\n\r\n" + text)

    def receive(self):
        """The next message, or the number of the close frame."""
        return self.read.pop(0) if self.read else self._next()

    def idle(self):
        """Reads what there is, and answers pings, as an agent's own thread would."""
        self.connection.settimeout(0.05)
        try:
            while True:
                self.read.append(self._next())
        except TimeoutError:
            pass
        finally:
            self.connection.settimeout(60)

    def _next(self):
        while True:
            first, second = self._first(2)
            start, size = 2, second & 0x7F
            if size == 126:
                start, size = 4, struct.unpack(">H", self._first(4)[2:])[0]
            elif size == 127:
                start, size = 10, struct.unpack(">Q", self._first(10)[2:])[0]
            payload = self._first(start + size)[start:]
            self.rest = self.rest[start + size:]
            opcode = first & 0x0F
            if opcode == 9:
                self.frame(10, payload)
            elif opcode == 8:
                return struct.unpack(">H", payload[:2])[0] if size >= 2 else 1005
            elif opcode == 1:
                return json.loads(payload)

    def wait(self, kind, check=lambda message: True):
        """The next message of that type that passes."""
        while True:
            message = self.receive()
            assert isinstance(message, dict), f"closed with {message} instead of {kind}"
            if message["type"] == kind and check(message["message"]):
                return message["message"]

    def close(self):
        self.connection.close()


def own_keys(server):
    environment = server.environment
    return environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"]


class Agent:
    """Registered from what the recorded agent sent, with both sessions open."""

    def __init__(self, server, cluster, registration, keys=None):
        self.server, self.cluster, self.keys = server, cluster, keys
        self.ecs = server.client("ecs")
        self.arn = self.ecs.register_container_instance(
            **{**registration, "cluster": cluster})["containerInstance"]["containerInstanceArn"]
        self.acs = self.tcs = None

    def connect(self, send_credentials="true", cluster=None, arn=None):
        self.acs = Socket(self.server, "/acs/ws", {
            "agentHash": "a8b3e7d3", "agentVersion": "1.105.1", "clusterArn": cluster or self.cluster,
            "containerInstanceArn": arn or self.arn, "dockerVersion": "DockerVersion: 20.10.24+dfsg1",
            "protocolVersion": "2", "sendCredentials": send_credentials, "seqNum": "1"}, self.keys)
        return self.acs

    def connect_telemetry(self):
        self.tcs = Socket(self.server, "/tcs/ws", {
            "agentHash": "a8b3e7d3", "agentVersion": "1.105.1", "cluster": self.cluster, "containerInstance": self.arn,
            "dockerVersion": "20.10.24+dfsg1"}, self.keys)
        return self.tcs

    def described(self, *include):
        return self.ecs.describe_container_instances(
            cluster=self.cluster, containerInstances=[self.arn], include=list(include))["containerInstances"][0]

    def acknowledge(self, message):
        self.acs.message("AckRequest", cluster=self.cluster, containerInstance=self.arn, messageId=message["messageId"])

    def report(self, task, status, **more):
        self.ecs.submit_task_state_change(cluster=self.cluster, task=task, status=status, **more)

    def close(self):
        for connection in (self.acs, self.tcs):
            if connection is not None:
                connection.close()
