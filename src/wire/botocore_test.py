#!/usr/bin/env python3
"""Every operation of every service against botocore, both ways: its parsers read our answers and errors, our decoders
read what its serializers write. Usage: botocore_test.py PEER MODELS_DIR [SEED]. Exit 77 (skipped) without botocore."""
import base64
import datetime
import glob
import json
import os
import random
import subprocess
import sys

try:
    from botocore.model import ServiceModel
    from botocore.parsers import create_parser
    from botocore.serialize import SERIALIZERS, create_serializer
except ImportError:
    sys.exit(77)

PROTOCOLS = ['json', 'query', 'ec2', 'rest-json', 'rest-xml', 'smithy-rpc-v2-cbor']  # enum protocol_kind
STRINGS = ['plain', ' spaces ', 'a<b>&"c"\'d\\e', 'caf\u00e9 \u2603 \U0001f680', '100%+/=?', 'line\nfeed', '\u00ff.1.a&b=c']
ACCESS_DENIED = ['AccessDenied', 'AccessDeniedException', 'UnauthorizedOperation']
failures = []


def models(folder):
    for path in sorted(glob.glob(os.path.join(folder, '*.json'))):
        name = os.path.basename(path)[:-5]
        if '.' not in name and name != 's3':
            with open(path, encoding='utf-8') as file:
                yield name, json.load(file)


def plain(value):
    """What botocore parsed, in the form in which value_dump shows values."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if k not in ('ResponseMetadata', 'SDK_UNKNOWN_MEMBER')}
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, datetime.datetime):
        value = value.astimezone(datetime.timezone.utc)
        text = value.strftime('%Y-%m-%dT%H:%M:%S')
        ms = round(value.microsecond / 1000)
        return text + (f'.{ms:03d}Z' if ms else 'Z')
    if isinstance(value, (bytes, bytearray)):
        return f'<{len(value)} bytes>'
    return value


def same(ours, theirs):
    if ours == '***':
        return True
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(same(v, theirs[k]) for k, v in ours.items())
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, (int, float)) and isinstance(theirs, float):
        return abs(ours - theirs) <= 1e-9 * max(abs(ours), abs(theirs))
    return ours == theirs


def check(condition, *what):
    if not condition:
        failures.append(what)
        print(*what, sep='\n    ')


def check_replies(peer, services, seed):
    lines = subprocess.run([peer, 'replies', str(seed)], stdout=subprocess.PIPE, check=True).stdout.decode().split('\n')
    for line in lines[:-1]:
        service, protocol, operation, status, headers, body, what = line.split('\t')
        protocol = PROTOCOLS[int(protocol)]
        headers = dict(h.split(': ', 1) for h in base64.b64decode(headers).decode().splitlines())
        response = {'status_code': int(status), 'headers': headers, 'body': base64.b64decode(body), 'context': {}}
        model = services[service].operation_model(operation)
        if model.has_event_stream_output or protocol not in SERIALIZERS:
            continue  # wire_encode has no codec for event streams; old botocores know no CBOR
        try:
            parsed = create_parser(protocol).parse(response, model.output_shape)
        except Exception as error:
            check(False, service, operation, response, error)
            continue
        where = (service, protocol, operation, response['body'].decode(errors='replace'), what)
        if not what.startswith('{'):
            check('Error' in parsed and parsed['Error']['Message'] == 'it <failed> & "why"', *where, parsed)
            codes = ACCESS_DENIED
            if what in services[service].shape_names:
                codes = [what, services[service].shape_for(what).metadata.get('error', {}).get('code')]
            check(parsed['Error']['Code'] in codes, *where, parsed)
            check(parsed['ResponseMetadata']['RequestId'] == 'request-1', *where, parsed)
        elif status != '204':
            check(same(json.loads(what), plain(parsed)), *where, plain(parsed))
            check(model.output_shape is None or parsed['ResponseMetadata']['RequestId'] == 'request-1', *where, parsed)
    return len(lines) - 1


def made_up(rng, shape, required, depth=0):
    """A value that suits the shape but for its patterns."""
    kind = shape.type_name
    if kind == 'structure':
        names = [n for n in shape.members if n in shape.required_members or (depth < 5 and rng.random() < 0.4)]
        if getattr(shape, 'is_tagged_union', False):
            names = [rng.choice(list(shape.members))]
        return {n: made_up(rng, shape.members[n], n in shape.required_members, depth + 1) for n in names
                if not getattr(shape.members[n], 'is_eventstream', False)}
    least = max(shape.metadata.get('min', 0), 1 if required else 0)
    if kind == 'list':
        return [made_up(rng, shape.member, False, depth + 1) for _ in range(int(max(least, rng.randrange(3))))]
    if kind == 'map':
        keys = list(shape.key.enum) or ['k', 'k<2>', 'k 3']
        return {k: made_up(rng, shape.value, False, depth + 1) for k in rng.sample(keys, rng.randrange(min(len(keys), 3)))}
    if kind == 'string':
        return rng.choice(shape.enum) if shape.enum else rng.choice(STRINGS)
    if kind == 'timestamp':
        return datetime.datetime.fromtimestamp(rng.randrange(4102444800), datetime.timezone.utc)
    return {'boolean': lambda: rng.random() < 0.5, 'integer': lambda: rng.randrange(-2**31, 2**31),
            'long': lambda: rng.randrange(-2**63, 2**63), 'double': lambda: rng.randrange(-10**6, 10**6) / 64,
            'float': lambda: rng.randrange(-10**6, 10**6) / 64,
            'blob': lambda: bytes(rng.randrange(256) for _ in range(rng.randrange(9)))}[kind]()


def serialized(protocol, model, parameters):
    """The request as bytes, as a client's HTTP layer would put it."""
    request = create_serializer(protocol, include_validation=False).serialize_to_request(parameters, model)
    from botocore.awsrequest import prepare_request_dict
    prepare_request_dict(request, 'http://localhost')
    from botocore.awsrequest import create_request_object
    prepared = create_request_object(request).prepare()
    target = prepared.url[len('http://localhost'):] or '/'
    head = f'{prepared.method} {target} HTTP/1.1\r\n'
    head += ''.join(f'{k}: {v.decode() if isinstance(v, bytes) else v}\r\n' for k, v in prepared.headers.items())
    body = prepared.body or b''
    return head.encode() + b'\r\n' + (body.encode() if isinstance(body, str) else body)


def wire_protocols(metadata):
    return [p for p in metadata.get('protocols', [metadata['protocol']]) if p in SERIALIZERS]


def without_empty(value):
    """Form parameters cannot spell what is empty; botocore leaves it out or sends an empty list."""
    if isinstance(value, list):
        value = [without_empty(v) for v in value]
        return [v for v in value if v not in ([], {})]
    if isinstance(value, dict):
        value = {k: without_empty(v) for k, v in value.items()}
        return {k: v for k, v in value.items() if v not in ([], {})}
    return value


def check_requests(peer, services, documents, seed):
    rng = random.Random(seed)
    sent = []
    for name, service in services.items():
        for operation in service.operation_names:
            for protocol in wire_protocols(documents[name]['metadata']):
                model = service.operation_model(operation)
                shape = model.input_shape
                parameters = made_up(rng, shape, False) if shape else {}
                if protocol == 'ec2' and shape and set(shape.required_members) - without_empty(parameters).keys():
                    continue  # refused as it should be: a required parameter that nothing spells
                try:
                    sent.append((name, protocol, operation, parameters, serialized(protocol, model, parameters)))
                except Exception as error:
                    check(False, name, protocol, operation, parameters, repr(error))
    text = ''.join(f'{s[0]}\t{base64.b64encode(s[4]).decode()}\n' for s in sent)
    lines = subprocess.run([peer, 'requests'], input=text.encode(), stdout=subprocess.PIPE, check=True).stdout
    lines = lines.decode().split('\n')
    check(len(lines) == len(sent) + 1, 'lines', len(lines), len(sent))
    for line, (name, protocol, operation, parameters, request) in zip(lines, sent):
        where = (name, protocol, operation, request.decode(errors='replace'), line)
        if not line.startswith(f'{name} {operation} '):
            check(False, *where)
            continue
        ours, theirs = json.loads(line.split(' ', 2)[2]), plain(parameters)
        if protocol in ('ec2', 'query'):
            ours, theirs = without_empty(ours), without_empty(theirs)
        if protocol == 'rest-json':  # an empty list in the query string is nothing
            ours, theirs = ({k: v for k, v in side.items() if v != []} for side in (ours, theirs))
        check(same(ours, theirs), *where, theirs)
    return len(sent)


def main():
    peer, folder = sys.argv[1:3]
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(10**6)
    print('seed', seed)
    documents = dict(models(folder))
    services = {name: ServiceModel(document, name) for name, document in documents.items()}
    print(check_replies(peer, services, seed), 'replies')
    print(check_requests(peer, services, documents, seed), 'requests')
    sys.exit(1 if failures else 0)


main()
