#!/usr/bin/env python3
"""The client's end of a Session Manager data channel, written from the documented form of its messages.

As a program it stands in for session-manager-plugin: the aws CLI calls it with the session as JSON, region, operation,
profile, parameters and endpoint; it sends its standard input and shows what comes, until the channel is closed.
"""

import base64
import hashlib
import json
import os
import socket
import struct
import sys
import threading
import time
import urllib.parse
import uuid

HEADER = struct.Struct(">I32sIQqQ16s32sII")
OUTPUT, SIZE, HANDSHAKE_REQUEST, HANDSHAKE_RESPONSE, HANDSHAKE_COMPLETE, FLAG = 1, 3, 5, 6, 7, 10


def encode(kind, payload, sequence=0, payload_type=0, flags=0):
    identity = uuid.uuid4().bytes
    return HEADER.pack(116, kind.ljust(32).encode(), 1, int(time.time() * 1000), sequence, flags,
                       identity[8:] + identity[:8], hashlib.sha256(payload).digest(), payload_type, len(payload)) + payload


def decode(message):
    length, kind, version, created, sequence, flags, identity, digest, payload_type, size = HEADER.unpack_from(message)
    payload = message[HEADER.size:]
    assert (length, version, size) == (116, 1, len(payload)) and created > 0
    assert not payload or digest == hashlib.sha256(payload).digest()
    return kind.decode().strip(" \0"), sequence, payload_type, str(uuid.UUID(bytes=identity[8:] + identity[:8])), payload


class Refused(Exception):
    pass


class WebSocket:
    """RFC 6455, as much of it as is needed: frames of one piece."""

    def __init__(self, url, timeout=60):
        parts = urllib.parse.urlsplit(url)
        assert parts.scheme == "ws"
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout)
        self.lock = threading.Lock()
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\n"
                             f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
        self.file = self.socket.makefile("rb")
        status = self.file.readline().decode()
        while self.file.readline().strip():
            pass
        if " 101 " not in status:
            raise Refused(status.strip())

    def send(self, payload, opcode=2):
        mask = os.urandom(4)
        size = len(payload)
        head = bytes([0x80 | opcode]) + (bytes([0x80 | size]) if size < 126 else bytes([0xfe]) + struct.pack(">H", size))
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        with self.lock:
            self.socket.sendall(head + mask + masked)

    def receive(self):
        """The next message; None at the end, with its reason in self.goodbye."""
        while True:
            head = self.file.read(2)
            if len(head) < 2:
                return None
            size = head[1] & 0x7f
            if size >= 126:
                size = int.from_bytes(self.file.read(2 if size == 126 else 8), "big")
            payload = self.file.read(size)
            opcode = head[0] & 0xf
            if opcode == 8:
                self.goodbye = (int.from_bytes(payload[:2], "big"), payload[2:].decode())
                return None
            if opcode == 9:
                self.send(payload, opcode=10)
            elif opcode in (1, 2):
                return payload

    def close(self):
        """With a goodbye."""
        try:
            self.send(struct.pack(">H", 1000), opcode=8)
        except OSError:
            pass
        self.cut()

    def cut(self):
        """As a network that fails: session-manager-plugin never says goodbye either."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()


class DataChannel:
    """Opens the channel, shakes hands, and keeps what comes; `on_output` is told of it, too."""

    def __init__(self, session, on_output=None, token=None, size=(80, 24)):
        self.output = b""
        self.closed = None  # what channel_closed said
        self.on_output = on_output
        self.sequence = self.expected = 0
        self.unheard = {}  # messages by number
        self.request = None
        self.sending = threading.Lock()  # numbers and messages are in one order
        self.ready = threading.Event()
        self.changed = threading.Condition()
        self.open(session["streamUrl"], token or session["tokenValue"], size)

    def open(self, url, token, size=None):
        """Also again, with what ResumeSession gave: numbers go on, what is not acknowledged is sent once more."""
        self.ended = False
        self.websocket = WebSocket(url)
        self.websocket.send(json.dumps({
            "MessageSchemaVersion": "1.0", "RequestId": str(uuid.uuid4()), "TokenValue": token,
            "ClientId": str(uuid.uuid4()), "ClientVersion": "1.2.0.0"}).encode(), opcode=1)
        self.thread = threading.Thread(target=self.listen, args=(self.websocket, size), daemon=True)
        self.thread.start()
        with self.sending:
            for _, message in sorted(self.unheard.items()):
                self.websocket.send(message)

    def cut(self):
        """The connection breaks; nothing is said."""
        self.websocket.cut()
        self.thread.join()

    def say(self, payload_type, payload):
        with self.sending:
            message = encode("input_stream_data", payload, self.sequence, payload_type)
            self.unheard[self.sequence] = message
            self.sequence += 1
            self.websocket.send(message)

    def send(self, text):
        assert self.ready.wait(60), "no handshake"
        self.say(OUTPUT, text.encode())

    def resize(self, columns, rows):
        assert self.ready.wait(60), "no handshake"
        self.say(SIZE, json.dumps({"cols": columns, "rows": rows}).encode())

    def terminate(self):
        self.say(FLAG, struct.pack(">I", 2))

    def listen(self, websocket, size):
        try:
            while (message := websocket.receive()) is not None:
                self.take(*decode(message), size)
        except (OSError, ValueError):
            pass
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def take(self, kind, sequence, payload_type, identity, payload, size):
        if kind == "acknowledge":
            self.unheard.pop(json.loads(payload)["AcknowledgedMessageSequenceNumber"], None)
        elif kind == "channel_closed":
            self.closed = json.loads(payload)
        elif kind == "output_stream_data":
            acknowledgement = {"AcknowledgedMessageType": kind, "AcknowledgedMessageId": identity,
                               "AcknowledgedMessageSequenceNumber": sequence, "IsSequentialMessage": True}
            if sequence == self.expected:  # one that it has had already the plugin passes over
                self.websocket.send(encode("acknowledge", json.dumps(acknowledgement).encode(), flags=3))
                self.expected += 1
                self.take_stream(payload_type, payload, size)
        with self.changed:
            self.changed.notify_all()

    def take_stream(self, payload_type, payload, size):
        if payload_type == HANDSHAKE_REQUEST:
            self.request = json.loads(payload)
            self.say(HANDSHAKE_RESPONSE, json.dumps({
                "ClientVersion": "1.2.0.0", "Errors": None, "ProcessedClientActions": [
                    {"ActionType": action["ActionType"], "ActionStatus": 1, "ActionResult": None, "Error": ""}
                    for action in self.request["RequestedClientActions"]]}).encode())
        elif payload_type == HANDSHAKE_COMPLETE:
            self.ready.set()
            if size:
                self.resize(*size)
        else:
            self.output += payload
            if self.on_output:
                self.on_output(payload)

    def expect(self, text, seconds=60):
        """Waits until that text was shown, and returns all that was."""
        with self.changed:
            if not self.changed.wait_for(lambda: text.encode() in self.output or self.ended, seconds) or self.ended:
                assert text.encode() in self.output, f"not shown: {text!r}, but {self.output!r}, {self.closed}"
        return self.output.decode(errors="replace")

    def wait(self, seconds=60):
        """Until the channel has ended; what channel_closed said."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.ended, seconds), f"the session goes on: {self.output!r}"
        return self.closed

    def close(self):
        self.websocket.close()


def main():
    if len(sys.argv) < 4:  # the CLI looks whether there is a plugin
        print("\nThe Session Manager plugin was installed successfully. Use the AWS CLI to start a session.\n")
        return
    session = json.loads(sys.argv[1])
    print(f"\nStarting session with SessionId: {session['sessionId']}", flush=True)

    def show(payload):
        sys.stdout.buffer.write(payload)
        sys.stdout.buffer.flush()

    channel = DataChannel(session, show)
    for line in sys.stdin:
        channel.send(line.replace("\n", "\r"))
    closed = channel.wait()
    print(f"\n\nExiting session with sessionId: {session['sessionId']}: {closed and closed['Output']}\n")


if __name__ == "__main__":
    main()
