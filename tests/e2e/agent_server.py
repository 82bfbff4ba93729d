"""A server of the agent protocol, as far as the documented facts go: runs inside an instance, is told by HTTP what to send
and tells what it heard. What it does not know it passes on to Berth's API (image registry, ECR)."""

import base64
import hashlib
import http.client
import http.server
import json
import struct
import time

API = "169.254.170.10"
heard, sockets, refused = [], [], set()


def frame(text):
    data = text.encode()
    head = bytes([0x81]) + (bytes([len(data)]) if len(data) < 126 else bytes([126]) + struct.pack(">H", len(data)))
    return head + data


def read_frame(stream):
    head = stream.read(2)
    if len(head) < 2:
        return None, b""
    size = head[1] & 127
    if size == 126:
        size = struct.unpack(">H", stream.read(2))[0]
    elif size == 127:
        size = struct.unpack(">Q", stream.read(8))[0]
    mask = stream.read(4)
    return head[0] & 15, bytes(b ^ mask[i % 4] for i, b in enumerate(stream.read(size)))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, value, status=200):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def pass_on(self, body=b""):
        upstream = http.client.HTTPConnection(API, 80, timeout=30)
        upstream.request(self.command, self.path, body, {k: v for k, v in self.headers.items() if k != "Connection"})
        answer = upstream.getresponse()
        data = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        if self.path == "/heard":
            self.reply(heard)
        elif self.path.startswith("/ws?"):
            self.serve_socket()
        else:
            self.pass_on()

    do_HEAD = pass_on

    def serve_socket(self):
        accept = hashlib.sha1((self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode())
        kind = "socket" if "&clusterArn=" in self.path else "telemetry socket"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(accept.digest()).decode())
        self.end_headers()
        if "&clusterArn=" in self.path:
            sockets.append(self.wfile)
        heard.append({kind: self.path, "signed": self.headers.get("Authorization", "")})  # who reads that can send
        while True:
            kind, data = read_frame(self.rfile)
            if kind in (None, 8):
                break
            if kind == 1 and "&clusterArn=" in self.path:
                heard.append(json.loads(data))
            elif kind == 1:  # telemetry: a signature block, then the message
                block, _, text = data.partition(b"\r\n\r\n")
                message = json.loads(text)
                heard.append({"telemetry": message, "signed": block.decode()})
                name = message["type"].removesuffix("Request").replace("PublishMetrics", "PublishMetric")
                self.wfile.write(frame(json.dumps({"type": "Ack" + name, "message": {"message": "ok"}})))
                self.wfile.flush()
        if self.wfile in sockets:
            sockets.remove(self.wfile)
        self.close_connection = True

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/send":
            while not sockets:
                time.sleep(0.05)  # an agent that hears nothing for a minute opens another session
            sockets[-1].write(frame(body.decode()))
            sockets[-1].flush()
            self.reply({})
            return
        if self.path == "/refuse":  # the operations of a list, from now on
            refused.clear()
            refused.update(json.loads(body))
            self.reply({})
            return
        service, _, operation = self.headers.get("X-Amz-Target", "").partition(".")
        if service != "AmazonEC2ContainerServiceV20141113":
            if operation in refused:
                self.reply({"__type": "ServiceUnavailableException", "message": "not now"}, 503)
            else:
                self.pass_on(body)
            return
        request = json.loads(body)
        heard.append({"operation": operation, "request": request, "signed": self.headers.get("Authorization", "")})
        arn = "arn:aws:ecs:us-east-1:000000000000:container-instance/web/0123456789abcdef0123456789abcdef"
        if operation in refused:
            self.reply({"__type": "ServerException", "message": "not now"}, 500)
        elif operation == "RegisterContainerInstance":
            attributes = request["attributes"] + [{"name": "ecs.availability-zone", "value": "us-east-1a"}]
            self.reply({"containerInstance": {"containerInstanceArn": arn, "attributes": attributes}})
        elif operation == "DiscoverPollEndpoint":
            self.reply({"endpoint": "http://127.0.0.1:8000", "telemetryEndpoint": "http://127.0.0.1:8000"})
        else:
            self.reply({"acknowledgment": "ok"})


server = http.server.ThreadingHTTPServer(("127.0.0.1", 8000), Handler)
server.daemon_threads = True
server.serve_forever()
