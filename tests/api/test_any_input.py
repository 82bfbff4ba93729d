"""Every operation that Berth answers, with input made up from its model and then spoilt: an answer that botocore reads,
never a fault, errors that the service has; and the server goes on. A failure prints the seed, which BERTH_SEED repeats."""

import json
import os
import random
import subprocess
import urllib.parse

import pytest
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from conftest import BERTH, ROOT
from wire import send, sign

ROUNDS = 6
TEXTS = ["", "x", " ", "a" * 300, "../..", "ÿ☃", "0" * 32, "-1", "null", "%s%n", "a\nb", "default", "*", "sha256:" + "0" * 64,
         "arn:aws:ecs:us-east-1:000000000000:cluster/nope", "vpc-00000000000000000"]
NUMBERS = [0, -1, 1, 5, 1000, 1001, 2**31 - 1, -2**31, 2**63 - 1]
WRONG = [1, "x", True, [], {}, [[1]], {"a": 1}, 1.5, None, "9" * 400, -1]
# Errors that all services have ("Common errors" of the API references, "Error codes" of EC2), or that are Berth's own.
COMMON = {"SerializationException", "UnsupportedOperation", "ValidationException", "ValidationError", "MalformedInput", "AccessDenied"}


def handled():
    listed = subprocess.run([BERTH, "operations", "--json"], capture_output=True, text=True, check=True).stdout
    return [(row["service"], row["operation"]) for row in json.loads(listed) if row["handled"]]


class Maker:
    """Values that have a shape's form but not its sense, and the same with one node of a wrong type."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def value(self, shape, depth=0):
        kind = shape.type_name
        if kind == "structure":
            return {name: self.value(member, depth + 1) for name, member in shape.members.items() if name != "DryRun" and
                    self.random.random() < (0.95 if name in shape.required_members else 0.3 if depth < 4 else 0)}
        if kind == "list":
            return [self.value(shape.member, depth + 1) for _ in range(self.random.choice([0, 1, 1, 2, 3]))]
        if kind == "map":
            return {self.random.choice(TEXTS): self.value(shape.value, depth + 1) for _ in range(self.random.randrange(3))}
        if kind == "string":
            return self.random.choice(shape.enum if shape.enum and self.random.random() < 0.9 else TEXTS)
        return {"boolean": True, "integer": self.random.choice(NUMBERS[:-1]), "long": self.random.choice(NUMBERS), "blob": b"abc",
                "timestamp": self.random.choice([0, 1.5, -1, 4102444800]), "float": 1e300, "double": -1.5}[kind]

    def spoil(self, value):
        holder = [value]
        places = [(holder, 0)]
        for place, key in places:
            inner = place[key]
            places += [(inner, k) for k in (inner if isinstance(inner, dict) else range(len(inner)) if isinstance(inner, list) else ())]
        place, key = self.random.choice(places)
        place[key] = self.random.choice(WRONG)
        return holder[0]

    def json(self, model, operation, spoilt):
        value = self.value(operation.input_shape) if operation.input_shape else {}
        if spoilt:
            value = self.spoil(value)
        if isinstance(value, dict):
            value["unknownMember"] = {"a": [1]}
        body = json.dumps(value, default=lambda blob: "YWJj").encode()
        return body, {"X-Amz-Target": f"{model.metadata['targetPrefix']}.{operation.name}", "Content-Type": "application/x-amz-json-1.1"}

    def form(self, model, operation, spoilt):
        value = self.value(operation.input_shape) if operation.input_shape else {}
        serializer = create_serializer(model.metadata["protocol"], include_validation=False)
        pairs = dict(serializer.serialize_to_request(value, operation)["body"])
        if spoilt:
            pairs[self.random.choice([name for name in pairs if name not in ("Action", "Version")] or ["A.1"])] = (
                self.random.choice(["", "x", "-1", "9" * 40, "\xff"]))
        return urllib.parse.urlencode(dict(pairs, **{"Unknown.1.Member": "x"})).encode(), {
            "Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}


def spoken():
    """Each service with each protocol that can be made up here: not CBOR, which has its fuzzer."""
    for service in sorted({service for service, _ in handled()}):
        metadata = json.loads((ROOT / "models" / f"{service}.json").read_text())["metadata"]
        for protocol in metadata.get("protocols") or [metadata["protocol"]]:
            if protocol != "smithy-rpc-v2-cbor":
                yield service, protocol


@pytest.mark.parametrize("service, protocol", spoken())
def test_any_input_has_an_answer(server, service, protocol):
    seed = int(os.environ.get("BERTH_SEED") or random.randrange(2**32))
    maker = Maker(seed)
    model = ServiceModel(json.loads((ROOT / "models" / f"{service}.json").read_text()), service)
    model.metadata["protocol"] = protocol
    errors = {name for name in model.shape_names} | {
        model.shape_for(name).metadata.get("error", {}).get("code") for name in model.shape_names}
    keys = server.environment["AWS_ACCESS_KEY_ID"], server.environment["AWS_SECRET_ACCESS_KEY"]
    for name in [operation for of, operation in handled() if of == service]:
        operation = model.operation_model(name)
        for i in range(ROUNDS):
            body, headers = (maker.json if protocol == "json" else maker.form)(model, operation, spoilt=i % 2 == 1)
            told = f"BERTH_SEED={seed}: {name} {body[:1000]}"
            try:
                answer = send(server.url + "/", body=body, headers=sign(server.url + "/", model.signing_name, *keys, body=body, headers=headers))
            except OSError as error:
                raise AssertionError(told) from error
            parsed = create_parser(protocol).parse({"status_code": answer.status, "headers": answer.headers, "body": answer.body,
                                                    "context": {}}, operation.output_shape)
            assert answer.status < 500 or answer.status == 501, (told, answer.body)
            if answer.status >= 400:
                assert parsed["Error"]["Message"], (told, answer.body)
                assert service == "ec2" or parsed["Error"]["Code"] in errors | COMMON, (told, answer.body)
    assert server.answers()
