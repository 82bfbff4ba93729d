"""The points that the OCI distribution specification's conformance tests check, in their order and with its words, against
a whole server: pull, push, content discovery, content management."""

import http.client
import json
import os

import pytest
from test_registry import INDEX, OCI, digest_of

BASE = "/v2/conformance/app"
CONFIG = b"{}"
BLOB = os.urandom(100000)


@pytest.fixture(scope="module")
def ask(open_server):
    for name in ("conformance/app", "conformance/other"):
        open_server.client("ecr").create_repository(repositoryName=name)

    def request(method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", open_server.port, timeout=60)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        reply = connection.getresponse()
        data = reply.read()
        connection.close()
        return reply.status, reply.headers, data
    assert request("POST", f"{BASE}/blobs/uploads/?digest={digest_of(CONFIG)}", CONFIG)[0] == 201
    assert request("POST", f"{BASE}/blobs/uploads/?digest={digest_of(BLOB)}", BLOB)[0] == 201
    return request


def begin(ask):
    status, headers, _ = ask("POST", f"{BASE}/blobs/uploads/")
    assert status == 202 and headers["Docker-Upload-UUID"]
    return headers["Location"]


def manifest(**more):
    return json.dumps({"schemaVersion": 2, "mediaType": OCI, "layers": [],
                       "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(CONFIG), "size": 2},
                       **more}).encode()


def put(ask, reference, body, status=201, media_type=OCI):
    found, headers, data = ask("PUT", f"{BASE}/manifests/{reference}", body, Content_Type=media_type)
    assert found == status, data
    return headers, data


def code_of(body):
    return json.loads(body)["errors"][0]["code"]


def test_pull(ask):
    put(ask, "pulled", manifest())
    digest = digest_of(manifest())
    for reference in ("pulled", digest):
        for method in ("GET", "HEAD"):
            status, headers, body = ask(method, f"{BASE}/manifests/{reference}", Accept=OCI)
            assert (status, headers["Content-Type"], headers["Docker-Content-Digest"]) == (200, OCI, digest)
            assert int(headers["Content-Length"]) == len(manifest()) and body == (manifest() if method == "GET" else b"")
    status, headers, body = ask("GET", f"{BASE}/blobs/{digest_of(BLOB)}")
    assert (status, body) == (200, BLOB)
    assert [ask(method, f"{BASE}/{what}")[0] for method in ("GET", "HEAD")
            for what in ("manifests/none", f"manifests/{digest_of(b'none')}", f"blobs/{digest_of(b'none')}")] == [404] * 6
    assert code_of(ask("GET", f"{BASE}/manifests/none")[2]) == "MANIFEST_UNKNOWN"
    assert code_of(ask("GET", f"{BASE}/blobs/{digest_of(b'none')}")[2]) == "BLOB_UNKNOWN"
    assert code_of(ask("GET", "/v2/conformance/nowhere/manifests/none")[2]) == "NAME_UNKNOWN"


@pytest.mark.parametrize("wanted, status, part", [
    ("bytes=10-19", 206, slice(10, 20)), ("bytes=99990-", 206, slice(99990, None)), ("bytes=-10", 206, slice(-10, None)),
    ("bytes=99990-200000", 206, slice(99990, None)), ("bytes=100000-", 416, None), ("bytes=x", 200, slice(None)),
    ("bytes=0-1,5-6", 200, slice(None))])
def test_ranges(ask, wanted, status, part):
    found, headers, body = ask("GET", f"{BASE}/blobs/{digest_of(BLOB)}", Range=wanted)
    assert found == status
    if part is not None:
        assert body == BLOB[part]
        assert status != 206 or headers["Content-Range"].endswith("/100000")


def test_push_in_every_way(ask):
    whole, streamed, chunked = (os.urandom(3000) for _ in range(3))
    assert ask("PUT", f"{begin(ask)}?digest={digest_of(whole)}", whole)[0] == 201
    _, headers, _ = ask("PATCH", begin(ask), streamed)
    assert headers["Range"] == "0-2999"
    status, headers, _ = ask("PUT", f"{headers['Location']}?digest={digest_of(streamed)}", b"")
    assert status == 201 and headers["Location"] == f"{BASE}/blobs/{digest_of(streamed)}"
    at = begin(ask)
    assert ask("PATCH", at, chunked[:1000], Content_Range="0-999")[0] == 202
    assert ask("PATCH", at, chunked[2000:], Content_Range="2000-2999")[0] == 416
    assert ask("GET", at)[1]["Range"] == "0-999"
    assert ask("PATCH", at, chunked[1000:2000], Content_Range="1000-1999")[0] == 202
    assert ask("PUT", f"{at}?digest={digest_of(chunked)}", chunked[2000:], Content_Range="2000-2999")[0] == 201
    assert all(ask("GET", f"{BASE}/blobs/{digest_of(data)}")[2] == data for data in (whole, streamed, chunked))
    assert ask("GET", at)[0] == 404
    assert ask("POST", f"{BASE}/blobs/uploads/?digest={digest_of(b'')}", b"")[0] == 201  # empty is a blob as well


def test_pushes_that_are_refused(ask):
    status, _, body = ask("PUT", f"{begin(ask)}?digest={digest_of(b'other')}", b"mine")
    assert (status, code_of(body)) == (400, "DIGEST_INVALID")
    assert ask("HEAD", f"{BASE}/blobs/{digest_of(b'mine')}")[0] == 404
    at = begin(ask)
    assert ask("PUT", at, b"no digest")[0] == 400
    assert ask("DELETE", at)[0] == 204 and ask("GET", at)[0] == 404
    assert ask("PATCH", f"{BASE}/blobs/uploads/00000000-0000-4000-8000-000000000000", b"x")[0] == 404
    missing = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest_of(b"missing"), "size": 7}
    _, body = put(ask, "missing", manifest(layers=[missing]), 404)
    assert code_of(body) == "MANIFEST_BLOB_UNKNOWN"
    for wrong in (b"<xml/>", b"", b"[]", manifest(schemaVersion=7)):
        put(ask, "wrong", wrong, 400)
    put(ask, digest_of(b"another"), manifest(), 400)
    put(ask, "-tag", manifest(), 400)
    put(ask, "long", b"{" + b" " * (5 << 20) + b"}", 413)
    for name in ("Upper/case", "..", "a/../b", "a//b", "%2e%2e/%2e%2e/etc", "a" * 257):
        status, _, body = ask("POST", f"/v2/{name}/blobs/uploads/")
        assert status in (400, 404), name


def test_mounts(ask):
    other = "/v2/conformance/other/blobs"
    status, headers, _ = ask("POST", f"{other}/uploads/?mount={digest_of(BLOB)}&from=conformance/app")
    assert (status, headers["Location"]) == (201, f"{other}/{digest_of(BLOB)}")
    assert ask("GET", f"{other}/{digest_of(BLOB)}")[2] == BLOB
    for query in (f"mount={digest_of(b'none')}&from=conformance/app", f"mount={digest_of(BLOB)}&from=conformance/none",
                  f"mount={digest_of(CONFIG)}"):
        assert ask("POST", f"{other}/uploads/?{query}")[0] == 202  # an upload instead


def test_referrers(ask):
    subject = manifest(annotations={"of": "referrers"})
    put(ask, digest_of(subject), subject)
    described = {"mediaType": OCI, "digest": digest_of(subject), "size": len(subject)}
    signature = manifest(subject=described, artifactType="test/signature", annotations={"by": "me"})
    plain = manifest(subject=described)
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [], "subject": described, "artifactType": "test/index"}).encode()
    for body, media_type in ((signature, OCI), (plain, OCI), (index, INDEX)):
        assert put(ask, digest_of(body), body, media_type=media_type)[0]["OCI-Subject"] == digest_of(subject)
    status, headers, body = ask("GET", f"{BASE}/referrers/{digest_of(subject)}")
    assert (status, headers["Content-Type"]) == (200, INDEX)
    rows = {row["digest"]: row for row in json.loads(body)["manifests"]}
    assert set(rows) == {digest_of(signature), digest_of(plain), digest_of(index)}
    assert rows[digest_of(signature)]["annotations"] == {"by": "me"} and rows[digest_of(signature)]["size"] == len(signature)
    assert {row["artifactType"] for row in rows.values()} == {"test/signature", "test/index", "application/vnd.oci.image.config.v1+json"}
    _, headers, body = ask("GET", f"{BASE}/referrers/{digest_of(subject)}?artifactType=test/signature")
    assert headers["OCI-Filters-Applied"] == "artifactType"
    assert [row["digest"] for row in json.loads(body)["manifests"]] == [digest_of(signature)]
    assert json.loads(ask("GET", f"{BASE}/referrers/{digest_of(b'nobody')}")[2])["manifests"] == []
    assert ask("GET", f"{BASE}/referrers/none")[0] == 400
    early = manifest(subject=dict(described, digest=digest_of(b"to come")))  # a subject may come after what refers to it
    put(ask, digest_of(early), early)
    assert len(json.loads(ask("GET", f"{BASE}/referrers/{digest_of(b'to come')}")[2])["manifests"]) == 1
    assert ask("DELETE", f"{BASE}/manifests/{digest_of(signature)}")[0] == 202
    assert len(json.loads(ask("GET", f"{BASE}/referrers/{digest_of(subject)}")[2])["manifests"]) == 2


def test_tags_and_deletion(ask):
    kept = manifest(annotations={"of": "tags"})
    for i in range(5):
        put(ask, f"zz-{i}", kept)
    tags = json.loads(ask("GET", f"{BASE}/tags/list")[2])
    assert tags["name"] == "conformance/app" and tags["tags"] == sorted(tags["tags"])
    _, headers, body = ask("GET", f"{BASE}/tags/list?n=2&last=zz-0")
    assert json.loads(body)["tags"] == ["zz-1", "zz-2"] and headers["Link"] == f'<{BASE}/tags/list?last=zz-2&n=2>; rel="next"'
    assert json.loads(ask("GET", f"{BASE}/tags/list?n=0")[2])["tags"] == []
    assert ask("DELETE", f"{BASE}/manifests/zz-0")[0] == 202
    assert ask("GET", f"{BASE}/manifests/zz-0")[0] == 404 and ask("GET", f"{BASE}/manifests/zz-1")[0] == 200
    assert ask("DELETE", f"{BASE}/manifests/{digest_of(kept)}")[0] == 202
    assert ask("GET", f"{BASE}/manifests/zz-1")[0] == 404 and ask("DELETE", f"{BASE}/manifests/{digest_of(kept)}")[0] == 404
    loose = os.urandom(100)
    assert ask("POST", f"{BASE}/blobs/uploads/?digest={digest_of(loose)}", loose)[0] == 201
    assert ask("DELETE", f"{BASE}/blobs/{digest_of(loose)}")[0] == 202 and ask("HEAD", f"{BASE}/blobs/{digest_of(loose)}")[0] == 404
    assert ask("POST", f"{BASE}/tags/list")[0] == 405
