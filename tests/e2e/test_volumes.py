"""Volumes of a task over directories that the image has: with VOLUME they begin with the image's content."""

import os
import pathlib
import re

import pytest
from conftest import eventually
from machine import make_image, served, shell

EXPORTED = "/var/log/exported"
OUT = {"linuxParameters": {"tmpfs": [{"containerPath": "/out", "size": 1}]}}


@pytest.fixture(scope="module")
def volume_image(machine, tmp_path_factory):
    """VOLUME /var/log/exported, of user 1000, with files of several; /srv has a file and is no VOLUME."""
    def prepare(root):
        for path in ("var/log/exported/below", "srv"):
            (root / path).mkdir(parents=True)
        for path in ("var/log/exported/examplefile", "var/log/exported/below/deep", "srv/hidden"):
            (root / path).write_text(f"{path}\n")
        os.chown(root / "var/log/exported", 1000, 1001)
        os.chmod(root / "var/log/exported", 0o775)
        os.chown(root / "var/log/exported/below/deep", 7, 8)
    return machine.push("volume", make_image(tmp_path_factory.mktemp("volume"), prepare, ("--config.volume", EXPORTED)))


def mounts(*pairs):
    return [{"sourceVolume": name, "containerPath": path} for name, path in pairs]


def reports(script):
    return {"command": shell(f"({script}) > /out/said 2>&1; exec /bin/httpd -f -p 80 -h /out"), **OUT}


def test_a_volume_begins_with_what_the_image_exports(machine, volume_image):
    owner = {"name": "owner", "essential": False, "image": f"{volume_image}:latest", "mountPoints": mounts(("logs", EXPORTED + "/")),
             "command": shell("exec sleep 1000")}
    reader = {"name": "reader", "mountPoints": mounts(("logs", "/peer")),
              "dependsOn": [{"containerName": "owner", "condition": "START"}],
              **reports("ls -lnd /peer; ls -ln /peer /peer/below; cat /peer/examplefile; echo new >> /peer/examplefile && echo written")}
    arns = machine.run(machine.register("volumes", [reader, owner], volumes=[{"name": "logs"}]))
    text = served(machine.wait(arns, "RUNNING")[0], "said")
    machine.stop(arns)
    assert re.search(r"^drwxrwxr-x .* 1000 +1001 .*/peer\n", text)
    assert re.search(r" 0 +0 .*examplefile\n", text) and re.search(r" 7 +8 .*deep\n", text)
    assert text.endswith("var/log/exported/examplefile\nwritten\n")


def test_other_directories_of_the_image_are_covered(machine, volume_image):
    main = {"name": "main", "image": f"{volume_image}:latest", "mountPoints": mounts(("empty", "/srv")),
            **reports("ls -lnd /srv; ls /srv; echo end")}
    arns = machine.run(machine.register("volumes", [main], volumes=[{"name": "empty"}]))
    text = served(machine.wait(arns, "RUNNING")[0], "said")
    machine.stop(arns)
    assert re.search(r"^drwxr-xr-x .* 0 +0 .*/srv\nend\n$", text)


def test_ephemeral_storage_is_a_limit(machine):
    """Of what the containers of a task write together, into their own layers and into volumes."""
    script = 'df -k / /data | awk "NR > 1 { print \\$2 }"; for f in /one /data/two /three; do fallocate -l 9G $f && echo fits $f; done'
    writer = {"name": "writer", "mountPoints": mounts(("data", "/data")), **reports(script)}
    arns = machine.run(machine.register("large", [writer], volumes=[{"name": "data"}], ephemeralStorage={"sizeInGiB": 21}))
    task = machine.wait(arns, "RUNNING")[0]
    assert task["ephemeralStorage"] == {"sizeInGiB": 21}
    root, volume, *said = served(task, "said").splitlines()
    assert root == volume and 20 << 20 < int(root) <= 21 << 20
    assert said[:2] == ["fits /one", "fits /data/two"] and "No space left on device" in said[2] and len(said) == 3
    place = pathlib.Path(machine.directory, "host", "tasks", arns[0].rsplit("/", 1)[1], "storage", "mount")
    assert os.path.ismount(place)
    machine.kill("host")
    machine.up()
    assert served(task, "said").splitlines()[2:] == said
    machine.stop(arns)
    eventually(lambda: not place.exists(), what="the disk is removed")
