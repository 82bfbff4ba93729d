"""What a task on an instance asks for outside Berth: runs in the network namespace of an instance, under the address and
port of its first argument. GET is S3's GetObject of the file of that path below the second argument, POST Splunk's event
collector. Every request is a line of JSON on standard output."""

import http.server
import json
import pathlib
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def tell(self, body=""):
        print(json.dumps({"method": self.command, "path": self.path, "headers": dict(self.headers), "body": body}), flush=True)

    def do_GET(self):
        self.tell()
        file = pathlib.Path(sys.argv[2], self.path.lstrip("/"))
        if file.is_file():
            self.answer(200, file.read_bytes())
        else:
            self.answer(404, b"<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>")

    def do_POST(self):
        self.tell(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.answer(200, b'{"text":"Success","code":0}')

    def do_OPTIONS(self):
        self.tell()
        self.answer(200, b"{}")


address, _, port = sys.argv[1].rpartition(":")
server = http.server.ThreadingHTTPServer((address, int(port)), Handler)
print(json.dumps({"method": "LISTEN", "path": ""}), flush=True)
server.serve_forever()
