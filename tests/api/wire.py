"""Requests by hand: signed as AWS signs, but with any body, header, date and key; and raw bytes on a socket."""

import datetime
import hashlib
import hmac
import json
import socket
import urllib.error
import urllib.parse
import urllib.request

TARGETS = {"ecs": "AmazonEC2ContainerServiceV20141113", "ecr": "AmazonEC2ContainerRegistry_V20150921",
           "logs": "Logs_20140328", "secretsmanager": "secretsmanager", "events": "AWSEvents"}


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def type(self):
        """The error's name in a JSON body."""
        return self.json["__type"].split("#")[-1]


def send(url, method="POST", body=b"", headers=None):
    request = urllib.request.Request(url, data=body if method != "GET" else None, method=method, headers=headers or {})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=60) as reply:
            return Answer(reply.status, reply.headers, reply.read())
    except urllib.error.HTTPError as failure:
        return Answer(failure.code, failure.headers, failure.read())


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def sign(url, service, access_key, secret, method="POST", body=b"", headers=None, region="us-east-1", when=None,
         date=None, token=None, payload_hash=None):
    """The headers of a signed request."""
    parts = urllib.parse.urlsplit(url)
    when = when or datetime.datetime.now(datetime.timezone.utc)
    stamp = when.strftime("%Y%m%dT%H%M%SZ")
    date = date or stamp[:8]
    headers = dict(headers or {}, **{"X-Amz-Date": stamp})
    if token:
        headers["X-Amz-Security-Token"] = token
    signed = {name.lower(): value.strip() for name, value in headers.items()}
    signed["host"] = parts.netloc
    names = ";".join(sorted(signed))
    canonical = "\n".join([method, parts.path or "/", parts.query] + [f"{n}:{signed[n]}" for n in sorted(signed)] +
                          ["", names, payload_hash or hashlib.sha256(body).hexdigest()])
    scope = f"{date}/{region}/{service}/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for part in (date, region, service, "aws4_request"):
        key = _hmac(key, part)
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    headers["Authorization"] = (f"AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders={names}, "
                                f"Signature={signature}")
    return headers


def call_json(server, service, operation, body, keys=None, **more):
    """A call of a JSON service: body is an object, or bytes as they are; keys are (access key, secret)."""
    environment = server.environment
    keys = keys or (environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"X-Amz-Target": f"{TARGETS[service]}.{operation}", "Content-Type": "application/x-amz-json-1.1"}
    url = server.url + "/"
    return send(url, body=data, headers=sign(url, service, *keys, body=data, headers=headers, **more))


def call_query(server, service, parameters, keys=None, **more):
    """A call of a query service; parameters are pairs or the text of the body."""
    environment = server.environment
    keys = keys or (environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])
    data = parameters if isinstance(parameters, bytes) else urllib.parse.urlencode(parameters).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    url = server.url + "/"
    return send(url, body=data, headers=sign(url, service, *keys, body=data, headers=headers, **more))


def raw(server, data, end=False, timeout=60):
    """Sends bytes, returns all that comes until the server closes, or until the answer is complete."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=timeout) as connection:
        connection.sendall(data)
        if end:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while True:
            piece = connection.recv(65536)
            if not piece:
                return answer
            answer += piece
