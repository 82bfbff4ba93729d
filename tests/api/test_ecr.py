"""ECR's API by boto3 and the aws CLI: repositories, images, layers, tags, and what is refused, with which words."""

import hashlib
import json
import subprocess
import urllib.error
import urllib.request

import botocore.exceptions
import pytest
from conftest import CLEAN, Server, eventually
from wire import call_json, send

OCI = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def manifest_of(config, layers, media_type=OCI):
    row = lambda kind, data: {"mediaType": f"application/vnd.oci.image.{kind}", "digest": digest_of(data), "size": len(data)}
    return json.dumps({"schemaVersion": 2, "mediaType": media_type, "config": row("config.v1+json", config),
                       "layers": [row("layer.v1.tar", data) for data in layers]})


def push_layer(ecr, repository, data, part=None):
    """Through the API, as `docker push` of old did."""
    part = part or len(data)
    upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
    for first in range(0, len(data), part):
        piece = data[first:first + part]
        last = first + len(piece) - 1
        answer = ecr.upload_layer_part(repositoryName=repository, uploadId=upload, partFirstByte=first,
                                       partLastByte=last, layerPartBlob=piece)
        assert answer["lastByteReceived"] == last
    done = ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[digest_of(data)])
    assert done["layerDigest"] == digest_of(data)
    return digest_of(data)


def push_image(ecr, repository, name, tag=None):
    """An image of one layer and a config that hold its name; returns its digest."""
    config, layer = b'{"name":"%s"}' % name.encode(), b"layer of " + name.encode()
    for data in (config, layer):
        push_layer(ecr, repository, data)
    more = {"imageTag": tag} if tag else {}
    return ecr.put_image(repositoryName=repository, imageManifest=manifest_of(config, [layer]), **more)["image"]["imageId"][
        "imageDigest"]


class refused:
    """with refused("Code"): ... asserts the code, and keeps the message."""

    def __init__(self, code):
        self.code = code

    def __enter__(self):
        return self

    def __exit__(self, kind, failure, trace):
        assert kind and issubclass(kind, botocore.exceptions.ClientError), f"{self.code} was not raised, but {failure}"
        assert failure.response["Error"]["Code"] == self.code, failure
        self.message = failure.response["Error"]["Message"]
        self.status = failure.response["ResponseMetadata"]["HTTPStatusCode"]
        return True


@pytest.fixture
def ecr(server, request):
    """A client, and repositories of the test's own that go with it."""
    client = server.client("ecr")
    yield client
    for page in client.get_paginator("describe_repositories").paginate():
        for repository in page["repositories"]:
            client.delete_repository(repositoryName=repository["repositoryName"], force=True)


# ---- repositories ----


def test_a_repository_is_described_as_it_was_made(server, ecr):
    made = ecr.create_repository(repositoryName="team/app", encryptionConfiguration={"encryptionType": "AES256"},
                                 imageScanningConfiguration={"scanOnPush": False})["repository"]
    assert made["repositoryArn"] == "arn:aws:ecr:us-east-1:000000000000:repository/team/app"
    assert made["repositoryUri"] == f"{server.listen}/team/app"
    assert made["imageTagMutability"] == "MUTABLE"
    assert made["encryptionConfiguration"] == {"encryptionType": "AES256"}
    assert ecr.describe_repositories(repositoryNames=["team/app"])["repositories"] == [made]
    with refused("RepositoryAlreadyExistsException") as twice:
        ecr.create_repository(repositoryName="team/app")
    assert twice.message == "The repository with name 'team/app' already exists in the registry with id '000000000000'"


@pytest.mark.parametrize("more, word", [
    ({"repositoryName": "Upper"}, "repositoryName"),
    ({"repositoryName": "../../etc"}, "repositoryName"),
    ({"repositoryName": "a/b", "encryptionConfiguration": {"encryptionType": "KMS"}}, "KMS"),
    ({"repositoryName": "a/b", "imageScanningConfiguration": {"scanOnPush": True}}, "scan"),
    ({"repositoryName": "a/b", "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION"}, "ExclusionFilters"),
])
def test_what_cannot_be_kept_is_refused(ecr, more, word):
    with refused("InvalidParameterException") as refusal:
        ecr._make_api_call("CreateRepository", more)
    assert word in refusal.message
    assert ecr.describe_repositories()["repositories"] == []


def test_repositories_come_in_pages(ecr):
    names = [f"app{i}" for i in range(7)]
    for name in names:
        ecr.create_repository(repositoryName=name)
    pages = list(ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 3}))
    assert [len(page["repositories"]) for page in pages] == [3, 3, 1]
    assert [r["repositoryName"] for page in pages for r in page["repositories"]] == names
    with refused("InvalidParameterException"):
        ecr.describe_repositories(nextToken="nonsense")
    with refused("RepositoryNotFoundException") as missing:
        ecr.describe_repositories(repositoryNames=["app1", "other"])
    assert missing.message == "The repository with name 'other' does not exist in the registry with id '000000000000'"


def test_a_repository_with_images_is_deleted_by_force_only(ecr):
    ecr.create_repository(repositoryName="app")
    push_image(ecr, "app", "one", "v1")
    with refused("RepositoryNotEmptyException") as refusal:
        ecr.delete_repository(repositoryName="app")
    assert "cannot be deleted because it still contains images" in refusal.message
    assert ecr.delete_repository(repositoryName="app", force=True)["repository"]["repositoryName"] == "app"
    with refused("RepositoryNotFoundException"):
        ecr.list_images(repositoryName="app")


def test_tags_of_a_repository(server, ecr):
    arn = ecr.create_repository(repositoryName="app", tags=[{"Key": "a", "Value": "1"}])["repository"]["repositoryArn"]
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": ""}])
    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "a", "Value": "2"}, {"Key": "b", "Value": ""}]
    ecr.untag_resource(resourceArn=arn, tagKeys=["a", "never"])
    assert server.aws("ecr", "list-tags-for-resource", "--resource-arn", arn, "--query", "tags[].Key") == "b"
    with refused("TooManyTagsException"):
        ecr.tag_resource(resourceArn=arn, tags=[{"Key": f"k{i}", "Value": "v"} for i in range(50)])
    with refused("InvalidTagParameterException"):
        ecr.tag_resource(resourceArn=arn, tags=[{"Key": "aws:mine", "Value": "v"}])
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "ä" * 128, "Value": "ü" * 256}])  # characters, not bytes
    ecr.untag_resource(resourceArn=arn, tagKeys=["ä" * 128])
    with refused("InvalidParameterException"):
        ecr.list_tags_for_resource(resourceArn="arn:aws:ecr:us-east-1:000000000000:other/app")
    with refused("RepositoryNotFoundException"):
        ecr.list_tags_for_resource(resourceArn=arn + "2")


# ---- images ----


def test_an_image_is_described(ecr):
    ecr.create_repository(repositoryName="app")
    digest = push_image(ecr, "app", "one", "v1")
    detail = ecr.describe_images(repositoryName="app", imageIds=[{"imageTag": "v1"}])["imageDetails"][0]
    assert detail["imageDigest"] == digest
    assert detail["imageTags"] == ["v1"]
    assert detail["imageSizeInBytes"] == len(b'{"name":"one"}') + len(b"layer of one")
    assert detail["imageManifestMediaType"] == OCI
    assert "lastRecordedPullTime" not in detail
    got = ecr.batch_get_image(repositoryName="app", imageIds=[{"imageDigest": digest}])["images"][0]
    assert digest_of(got["imageManifest"].encode()) == digest
    pulled = ecr.describe_images(repositoryName="app")["imageDetails"][0]
    assert pulled["lastRecordedPullTime"] >= pulled["imagePushedAt"]
    with refused("ImageNotFoundException") as missing:
        ecr.describe_images(repositoryName="app", imageIds=[{"imageTag": "v2"}])
    assert missing.message == ("The image with imageId {imageDigest:'null', imageTag:'v2'} does not exist within the "
                               "repository with name 'app' in the registry with id '000000000000'")


def test_images_are_filtered_and_come_in_pages(ecr):
    ecr.create_repository(repositoryName="app")
    untagged = {push_image(ecr, "app", f"bare{i}") for i in range(2)}
    tagged = push_image(ecr, "app", "one", "t0")
    manifest = ecr.batch_get_image(repositoryName="app", imageIds=[{"imageDigest": tagged}])["images"][0]["imageManifest"]
    for i in range(1, 5):
        ecr.put_image(repositoryName="app", imageManifest=manifest, imageTag=f"t{i}")

    def listed(**more):
        pages = ecr.get_paginator("list_images").paginate(repositoryName="app", PaginationConfig={"PageSize": 2}, **more)
        pages = list(pages)
        assert all(len(page["imageIds"]) <= 2 for page in pages)
        return [(i["imageDigest"], i.get("imageTag")) for page in pages for i in page["imageIds"]]

    assert sorted(t for _, t in listed(filter={"tagStatus": "TAGGED"})) == ["t0", "t1", "t2", "t3", "t4"]
    assert {d for d, t in listed(filter={"tagStatus": "UNTAGGED"})} == untagged
    assert len(listed()) == len(set(listed())) == 7
    described = ecr.get_paginator("describe_images").paginate(repositoryName="app", filter={"tagStatus": "UNTAGGED"},
                                                              PaginationConfig={"PageSize": 1})
    assert {d["imageDigest"] for page in described for d in page["imageDetails"]} == untagged


def test_failures_of_a_batch_have_codes(ecr):
    ecr.create_repository(repositoryName="app")
    one = push_image(ecr, "app", "one", "v1")
    two = push_image(ecr, "app", "two", "v2")
    ids = [{"imageTag": "v1"}, {"imageTag": "none"}, {}, {"imageDigest": "sha256:12"}, {"imageTag": "-"},
           {"imageTag": "v1", "imageDigest": two}]
    answer = ecr.batch_get_image(repositoryName="app", imageIds=ids)
    assert [i["imageId"]["imageDigest"] for i in answer["images"]] == [one]
    codes = ["ImageNotFound", "MissingDigestAndTag", "InvalidImageDigest", "InvalidImageTag", "ImageTagDoesNotMatchDigest"]
    assert [f["failureCode"] for f in answer["failures"]] == codes
    assert [f["imageId"] for f in answer["failures"]] == ids[1:]
    answer = ecr.batch_get_image(repositoryName="app", imageIds=[{"imageTag": "v1"}], acceptedMediaTypes=[DOCKER])
    assert answer["images"] == [] and answer["failures"][0]["failureCode"] == "ImageNotFound"
    assert ecr.batch_get_image(repositoryName="app", imageIds=[{"imageTag": "v1"}],
                               acceptedMediaTypes=[DOCKER, OCI])["images"]


def test_images_are_deleted_by_tag_and_by_digest(ecr):
    ecr.create_repository(repositoryName="app")
    digest = push_image(ecr, "app", "one", "v1")
    manifest = ecr.batch_get_image(repositoryName="app", imageIds=[{"imageTag": "v1"}])["images"][0]["imageManifest"]
    ecr.put_image(repositoryName="app", imageManifest=manifest, imageTag="v2")
    ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageTag": "v1"}])
    assert ecr.describe_images(repositoryName="app")["imageDetails"][0]["imageTags"] == ["v2"]
    answer = ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageTag": "v2"}, {"imageTag": "v1"}])
    assert answer["imageIds"] == [{"imageDigest": digest, "imageTag": "v2"}]
    assert answer["failures"][0]["failureCode"] == "ImageNotFound"
    assert ecr.list_images(repositoryName="app")["imageIds"] == []


def test_an_index_holds_its_images(ecr):
    ecr.create_repository(repositoryName="app")
    children = [push_image(ecr, "app", name) for name in ("amd64", "longer-arm64")]
    rows = [{"mediaType": OCI, "digest": d, "size": 7, "platform": {"os": "linux", "architecture": a}}
            for d, a in zip(children, ("amd64", "arm64"))]
    index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": rows})
    whole = ecr.put_image(repositoryName="app", imageManifest=index, imageTag="multi")["image"]
    assert whole["imageManifestMediaType"] == OCI_INDEX
    sizes = {d["imageDigest"]: d["imageSizeInBytes"] for d in ecr.describe_images(repositoryName="app")["imageDetails"]}
    assert sizes[whole["imageId"]["imageDigest"]] == max(sizes[d] for d in children)
    answer = ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageDigest": children[0]}])
    assert answer["failures"][0]["failureCode"] == "ImageReferencedByManifestList"
    assert whole["imageId"]["imageDigest"] in answer["failures"][0]["failureReason"]
    missing = [dict(rows[0], digest="sha256:" + "0" * 64)]
    with refused("ReferencedImagesNotFoundException"):
        ecr.put_image(repositoryName="app", imageManifest=json.dumps(
            {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": missing}))


def test_put_image_checks_what_it_is_given(ecr):
    ecr.create_repository(repositoryName="app")
    digest = push_image(ecr, "app", "one", "v1")
    manifest = ecr.batch_get_image(repositoryName="app", imageIds=[{"imageTag": "v1"}])["images"][0]["imageManifest"]
    with refused("ImageAlreadyExistsException") as twice:
        ecr.put_image(repositoryName="app", imageManifest=manifest, imageTag="v1")
    assert digest in twice.message
    with refused("ImageDigestDoesNotMatchException"):
        ecr.put_image(repositoryName="app", imageManifest=manifest, imageTag="v3", imageDigest="sha256:" + "0" * 64)
    with refused("LayersNotFoundException") as missing:
        ecr.put_image(repositoryName="app", imageManifest=manifest_of(b"{}", [b"never pushed"]), imageTag="v4")
    assert "are not available for repository 'app' in registry '000000000000'" in missing.message
    for text in ("{", "[]", '{"schemaVersion": 1}', manifest.replace("schemaVersion", "x")):
        with refused("InvalidParameterException"):
            ecr.put_image(repositoryName="app", imageManifest=text, imageTag="v5")
    with refused("InvalidParameterException"):
        ecr.put_image(repositoryName="app", imageManifest=manifest, imageTag="no/slash")
    assert [i.get("imageTag") for i in ecr.list_images(repositoryName="app")["imageIds"]] == ["v1"]


def test_the_cli_retags_and_downloads(server, ecr, tmp_path):
    """As the user guide has it ("Retagging an image"), and a layer by curl."""
    ecr.create_repository(repositoryName="app")
    digest = push_image(ecr, "app", "one", "latest")
    manifest = server.aws("ecr", "batch-get-image", "--repository-name", "app", "--image-ids", "imageTag=latest",
                          "--query", "images[].imageManifest")
    server.aws("ecr", "put-image", "--repository-name", "app", "--image-tag", "v1", "--image-manifest", manifest)
    tags = server.aws("ecr", "list-images", "--repository-name", "app", "--filter", "tagStatus=TAGGED", "--query",
                      f"imageIds[?imageDigest=='{digest}'].imageTag")
    assert tags.split() == ["latest", "v1"]
    layer = json.loads(manifest)["layers"][0]["digest"]
    url = server.aws("ecr", "get-download-url-for-layer", "--repository-name", "app", "--layer-digest", layer, "--query",
                     "downloadUrl")
    subprocess.run(["curl", "-sSf", "-o", tmp_path / "layer", url], check=True, env=CLEAN, timeout=60)
    assert (tmp_path / "layer").read_bytes() == b"layer of one"
    assert server.aws("ecr", "batch-delete-image", "--repository-name", "app", "--image-ids", "imageTag=latest",
                      "imageTag=v1", "--query", "imageIds[].imageTag").split() == ["latest", "v1"]
    refusal = server.aws("ecr", "describe-images", "--repository-name", "app", "--image-ids", "imageTag=v1", check=False)
    assert refusal.returncode == 254 and "(ImageNotFoundException)" in refusal.stderr


def test_immutable_tags_stay(ecr):
    ecr.create_repository(repositoryName="app", imageTagMutability="IMMUTABLE")
    push_image(ecr, "app", "one", "v1")
    with refused("ImageTagAlreadyExistsException") as refusal:
        push_image(ecr, "app", "two", "v1")
    assert refusal.message == ("The image tag 'v1' already exists in the 'app' repository and cannot be overwritten "
                               "because the tag is immutable.")
    answer = ecr.put_image_tag_mutability(repositoryName="app", imageTagMutability="MUTABLE")
    assert answer["imageTagMutability"] == "MUTABLE"
    manifest = manifest_of(b'{"name":"two"}', [b"layer of two"])
    ecr.put_image(repositoryName="app", imageManifest=manifest, imageTag="v1")
    assert ecr.describe_repositories()["repositories"][0]["imageTagMutability"] == "MUTABLE"


@pytest.mark.parametrize("mutability, free, fixed", [("IMMUTABLE_WITH_EXCLUSION", "dev-1", "v1"),
                                                     ("MUTABLE_WITH_EXCLUSION", "v1", "dev-1")])
def test_exclusion_filters_turn_the_rule_round(server, ecr, mutability, free, fixed):
    filters = [{"filterType": "WILDCARD", "filter": "dev-*"}]
    made = call_json(server, "ecr", "CreateRepository", {
        "repositoryName": "app", "imageTagMutability": mutability, "imageTagMutabilityExclusionFilters": filters})
    assert made.json["repository"]["imageTagMutabilityExclusionFilters"] == filters
    push_image(ecr, "app", "one", free)
    push_image(ecr, "app", "two", fixed)
    push_image(ecr, "app", "three", free)
    with refused("ImageTagAlreadyExistsException"):
        push_image(ecr, "app", "four", fixed)


# ---- layers ----


def test_a_layer_in_parts_comes_back_by_url(ecr):
    ecr.create_repository(repositoryName="app")
    data = bytes(range(256)) * 40000
    digest = push_layer(ecr, "app", data, part=5 << 20)
    url = ecr.get_download_url_for_layer(repositoryName="app", layerDigest=digest)["downloadUrl"]
    assert urllib.request.urlopen(url).read() == data
    part = urllib.request.urlopen(urllib.request.Request(url, headers={"Range": "bytes=10-19"}))
    assert part.status == 206 and part.read() == data[10:20]
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(data)}"
    for wrong, code in ((url[:-1] + ("0" if url[-1] != "0" else "1"), b"SignatureDoesNotMatch"),
                        (url.replace("Expires=3600", "Expires=86400"), b"SignatureDoesNotMatch"),
                        (url.split("?")[0], b"AccessDenied"),
                        (url.replace(digest, "sha256:" + "0" * 64), b"SignatureDoesNotMatch")):
        with pytest.raises(urllib.error.HTTPError) as failure:
            urllib.request.urlopen(wrong)
        assert failure.value.code == 403 and code in failure.value.read()
    with refused("LayersNotFoundException"):
        ecr.get_download_url_for_layer(repositoryName="app", layerDigest="sha256:" + "0" * 64)


def test_a_url_of_a_layer_expires(tmp_path):
    server = Server(str(tmp_path), "--auth", "open", "--clock-rate", "3600")  # an hour passes in a second
    server.start()
    try:
        ecr = server.client("ecr")
        ecr.create_repository(repositoryName="app")
        url = ecr.get_download_url_for_layer(repositoryName="app", layerDigest=push_layer(ecr, "app", b"x"))["downloadUrl"]
        eventually(lambda: b"<Message>Request has expired</Message>" in send(url, "GET").body, what="the end of the URL")
    finally:
        server.stop()


def test_layers_are_available_or_not(ecr):
    ecr.create_repository(repositoryName="app")
    there = push_layer(ecr, "app", b"a layer")
    absent = "sha256:" + "0" * 64
    answer = ecr.batch_check_layer_availability(repositoryName="app", layerDigests=[there, absent, "x", ""])
    assert [(l["layerDigest"], l["layerAvailability"]) for l in answer["layers"]] == [
        (there, "AVAILABLE"), (absent, "UNAVAILABLE")]
    assert answer["layers"][0]["layerSize"] == 7
    assert [f["failureCode"] for f in answer["failures"]] == ["InvalidLayerDigest", "MissingLayerDigest"]


def test_layer_uploads_are_checked(ecr):
    ecr.create_repository(repositoryName="app")
    ecr.create_repository(repositoryName="other")
    upload = ecr.initiate_layer_upload(repositoryName="app")["uploadId"]
    part = dict(repositoryName="app", uploadId=upload, layerPartBlob=b"12345")
    with refused("EmptyUploadException"):
        ecr.complete_layer_upload(repositoryName="app", uploadId=upload, layerDigests=[digest_of(b"")])
    with refused("InvalidLayerPartException"):
        ecr.upload_layer_part(partFirstByte=0, partLastByte=5, **part)
    with refused("InvalidLayerPartException"):
        ecr.upload_layer_part(partFirstByte=0, partLastByte=2**63 - 1, **part)
    with refused("InvalidLayerPartException") as gap:
        ecr.upload_layer_part(partFirstByte=5, partLastByte=9, **part)
    assert "is not consecutive" in gap.message
    with refused("UploadNotFoundException"):
        ecr.upload_layer_part(partFirstByte=0, partLastByte=4, **dict(part, repositoryName="other"))
    with refused("UploadNotFoundException"):
        ecr.upload_layer_part(partFirstByte=0, partLastByte=4,
                              **dict(part, uploadId="00000000-0000-0000-0000-000000000000"))
    ecr.upload_layer_part(partFirstByte=0, partLastByte=4, **part)
    with refused("InvalidLayerException"):
        ecr.complete_layer_upload(repositoryName="app", uploadId=upload, layerDigests=[digest_of(b"54321")])
    with refused("UploadNotFoundException"):
        ecr.complete_layer_upload(repositoryName="app", uploadId=upload, layerDigests=[digest_of(b"12345")])
    push_layer(ecr, "app", b"12345")
    with refused("LayerAlreadyExistsException"):
        push_layer(ecr, "app", b"12345")


# ---- the registry ----


def test_the_token_opens_the_registry(server, ecr):
    ecr.create_repository(repositoryName="app")
    password = server.aws("ecr", "get-login-password")
    assert ecr.get_authorization_token()["authorizationData"][0]["proxyEndpoint"] == server.url
    assert ecr.describe_registry()["replicationConfiguration"] == {"rules": []}

    def status(user, secret):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        request = urllib.request.Request(server.url + "/v2/")
        if user:
            import base64
            request.add_header("Authorization", "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode())
        try:
            return opener.open(request).status
        except urllib.error.HTTPError as failure:
            return failure.code

    assert status("AWS", password) == 200
    assert [status(None, None), status("AWS", "guess"), status("me", password)] == [401, 401, 401]


def test_unneeded_blobs_are_collected(server, ecr):
    ecr.create_repository(repositoryName="app")
    push_image(ecr, "app", "kept", "v1")
    gone = push_layer(ecr, "app", b"nobody needs this")
    token = open(server.directory + "/token").read().strip()

    def collect(grace):
        request = urllib.request.Request(f"{server.url}/_berth/collect?grace={grace}", method="POST",
                                         headers={"Authorization": "Bearer " + token})
        return json.loads(urllib.request.urlopen(request).read())

    def is_there():
        layers = ecr.batch_check_layer_availability(repositoryName="app", layerDigests=[gone])["layers"]
        return layers[0]["layerAvailability"] == "AVAILABLE"

    assert collect(3600)["removedBlobs"] == 0 and is_there()
    eventually(lambda: collect(0)["removedBlobs"] >= 1, what="the collection")
    assert not is_there()
    assert ecr.batch_get_image(repositoryName="app", imageIds=[{"imageTag": "v1"}])["images"]
    assert ecr.get_download_url_for_layer(repositoryName="app", layerDigest=digest_of(b"layer of kept"))
    for wrong in ("soon", "-1", "86401"):
        with pytest.raises(urllib.error.HTTPError) as failure:
            collect(wrong)
        assert failure.value.code == 400
    with pytest.raises(urllib.error.HTTPError) as failure:
        urllib.request.urlopen(urllib.request.Request(server.url + "/_berth/collect", method="POST"))
    assert failure.value.code == 403
