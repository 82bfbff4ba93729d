"""Images for several platforms: of an index the task runs what was built for this machine, and nothing else is fetched."""

import base64
import hashlib
import json
import pathlib
import shutil

import pytest
from machine import make_image, run, served

INDEX = "application/vnd.oci.image.index.v1+json"


def image_for(work, platform, *more):
    """An OCI layout whose page names the platform."""
    def prepare(root):
        (root / "www/index.html").write_text(f"{platform}\n")
    return pathlib.Path(make_image(work, prepare, ("--architecture", platform.split("/")[0], *more)))


def manifest_of(layout, platform):
    entry = dict(json.loads((layout / "index.json").read_text())["manifests"][0])
    entry.pop("annotations", None)
    architecture, _, variant = platform.partition("/")
    entry["platform"] = {"os": "linux", "architecture": architecture, **({"variant": variant} if variant else {})}
    return entry


def index_of(directory, layouts):
    """A layout that holds the images of several, by platform, under one index."""
    blobs = directory / "blobs/sha256"
    blobs.mkdir(parents=True)
    for layout in layouts.values():
        for blob in (layout / "blobs/sha256").iterdir():
            shutil.copy(blob, blobs)
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX,
                        "manifests": [manifest_of(layout, platform) for platform, layout in layouts.items()]}).encode()
    digest = hashlib.sha256(index).hexdigest()
    (blobs / digest).write_bytes(index)
    entry = {"mediaType": INDEX, "digest": f"sha256:{digest}", "size": len(index),
             "annotations": {"org.opencontainers.image.ref.name": "demo"}}
    (directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    return f"sha256:{digest}"


@pytest.fixture(scope="module")
def layouts(tmp_path_factory):
    return {platform: image_for(tmp_path_factory.mktemp("platform"), platform) for platform in ("arm64", "amd64", "s390x")}


def digest(layout):
    return manifest_of(layout, "amd64")["digest"]


def credentials(machine):
    return base64.b64decode(machine.aws("ecr", "get-authorization-token", "--query",
                                        "authorizationData[0].authorizationToken")).decode()


def test_this_machine_s_image_is_taken(machine, layouts, tmp_path):
    index = index_of(tmp_path / "all", layouts)
    image = machine.push("many", tmp_path / "all", "--all")
    listed = json.loads(run("skopeo", "inspect", "--raw", "--tls-verify=false", "--creds", credentials(machine),
                            f"docker://{image}:latest"))
    assert listed["mediaType"] == INDEX and len(listed["manifests"]) == 3
    for reference in (f"{image}:latest", f"{image}@{index}", f"{image}@{digest(layouts['amd64'])}"):
        arns = machine.run(machine.register("many", [{"name": "page", "image": reference}]))
        task = machine.wait(arns, "RUNNING")[0]
        assert served(task) == "amd64\n"
        assert task["containers"][0]["imageDigest"] in (index, digest(layouts["amd64"]))
        machine.stop(arns)
    pages = pathlib.Path(machine.directory, "host/images/layers").glob("*/www/index.html")
    assert not {"arm64\n", "s390x\n"} & {page.read_text() for page in pages}


def test_an_index_without_this_machine_s_platform(machine, layouts, tmp_path):
    index_of(tmp_path / "others", {platform: layouts[platform] for platform in ("arm64", "s390x")})
    image = machine.push("others", tmp_path / "others", "--all")
    task = machine.wait(machine.run(machine.register("many", [{"name": "page", "image": f"{image}:latest"}])), "STOPPED")[0]
    assert task["stoppedReason"].startswith("CannotPullContainerError: ")
    assert "does not contain descriptor matching platform 'linux/amd64'" in task["stoppedReason"]
