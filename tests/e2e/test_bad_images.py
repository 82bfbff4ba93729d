"""Images that lie or attack: the task says why, nothing of them gets anywhere, and the host goes on."""

import gzip
import hashlib
import io
import json
import pathlib
import tarfile

import pytest
from machine import served


def tar_of(*entries):
    """(name, content): None is a directory, a str a symbolic link."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in entries:
            entry = tarfile.TarInfo(name)
            if isinstance(content, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, content
            elif content is None:
                entry.type = tarfile.DIRTYPE
            else:
                entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content) if isinstance(content, bytes) else None)
    return out.getvalue()


def layout(directory, packed, diff_id, architecture="amd64"):
    """An OCI layout of one image with that layer, whatever its config says of it."""
    blobs = directory / "blobs/sha256"
    blobs.mkdir(parents=True)

    def add(data, kind):
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(data)}
    config = {"architecture": architecture, "os": "linux", "config": {"Cmd": ["/bin/true"]},
              "rootfs": {"type": "layers", "diff_ids": [diff_id]}}
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": add(json.dumps(config).encode(), "config.v1+json"),
                "layers": [add(packed, "layer.v1.tar+gzip")]}
    entry = add(json.dumps(manifest).encode(), "manifest.v1+json")
    entry["annotations"] = {"org.opencontainers.image.ref.name": "demo"}
    (directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    return directory


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def kept(machine):
    return sorted(str(path) for path in pathlib.Path(machine.directory, "host/images").rglob("*"))


def stopped_reason(machine, image):
    before = kept(machine)
    arns = machine.run(machine.register("bad", [{"name": "bad", "image": image}]))
    task = machine.wait(arns, "STOPPED", 120)[0]
    assert task["stopCode"] == "TaskFailedToStart" and task["stoppedReason"].startswith("CannotPullContainerError: ")
    assert kept(machine) == before
    return task["stoppedReason"]


@pytest.mark.parametrize("name, entries, reason", [
    ("dots", [("../../../../../../tmp/berth-escaped", b"x")], "leaves the layer"),
    ("tip", [("bin", None), (".wh...", b"")], "whiteout"),
])
def test_a_layer_cannot_leave_its_directory(machine, tmp_path, name, entries, reason):
    tar = tar_of(*entries)
    image = machine.push(f"bad-{name}", layout(tmp_path / name, gzip.compress(tar, mtime=0), digest_of(tar)))
    assert reason in stopped_reason(machine, f"{image}:latest")
    assert not pathlib.Path("/tmp/berth-escaped").exists()


def test_a_link_of_the_layer_is_not_followed(machine, tmp_path):
    """As docker: the later entry puts a directory in the link's place."""
    tar = tar_of(("out", "/tmp"), ("out/berth-escaped", b"x"))
    image = machine.push("bad-link", layout(tmp_path / "link", gzip.compress(tar, mtime=0), digest_of(tar)))
    task = machine.wait(machine.run(machine.register("bad", [{"name": "bad", "image": f"{image}:latest"}])), "STOPPED")[0]
    assert task["stoppedReason"].startswith("CannotStartContainerError: ")  # the layer has no /bin/true
    assert not pathlib.Path("/tmp/berth-escaped").exists()


def test_a_config_that_lies_about_its_layer(machine, tmp_path):
    tar = tar_of(("file", b"content"))
    image = machine.push("bad-diff", layout(tmp_path / "lie", gzip.compress(tar, mtime=0), "sha256:" + "0" * 64))
    assert f'wrong diff id calculated on extraction "{digest_of(tar)}"' in stopped_reason(machine, f"{image}:latest")


def test_a_layer_that_changed_in_the_registry(machine, tmp_path):
    packed = gzip.compress(tar_of(("file", b"content")), mtime=0)
    image = machine.push("bad-blob", layout(tmp_path / "rot", packed, digest_of(tar_of(("file", b"content")))))
    blob = next(pathlib.Path(machine.directory, "blobs").rglob(digest_of(packed).removeprefix("sha256:") + "*"))
    whole = blob.read_bytes()
    blob.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert digest_of(packed) in stopped_reason(machine, f"{image}:latest")


def test_an_image_of_another_architecture(machine, tmp_path):
    tar = tar_of(("file", b"content"))
    image = machine.push("bad-arch", layout(tmp_path / "arm", gzip.compress(tar, mtime=0), digest_of(tar), "arm64"))
    assert "linux/amd64" in stopped_reason(machine, f"{image}:latest")


def test_the_host_goes_on_afterwards(machine):
    arns = machine.run(machine.register("page", [{"name": "page"}]))
    assert served(machine.wait(arns, "RUNNING")[0]) == "hello\n"
    machine.stop(arns)
