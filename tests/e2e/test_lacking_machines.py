"""Machines that lack something: a program, room on the disk. Each test's installation lives in a mount namespace of its
own, where the program is hidden or the disk is small; nobody else on the machine sees that."""

import contextlib
import json
import os
import pathlib
import subprocess
import tempfile

import pytest
from conftest import BERTH, CLEAN
from machine import Machine, address, make_image, reachable, run
from conftest import eventually


class Walled(Machine):
    def __init__(self, directory, work):
        super().__init__(directory, work)
        self.holder = subprocess.Popen(["unshare", "--mount", "--propagation", "slave", "sh", "-c", "echo; exec cat"],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.holder.stdout.readline()

    def inside(self, *command):
        return ["nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt", *command]

    def berth(self, *arguments, check=True):
        done = subprocess.run(self.inside(BERTH, *arguments), env=CLEAN, capture_output=True, text=True, timeout=120)
        assert not check or done.returncode == 0, done.stderr
        return done

    @contextlib.contextmanager
    def without(self, program):
        run(*self.inside("mount", "--bind", "/dev/null", program))
        try:
            yield
        finally:
            run(*self.inside("umount", program))

    def close(self):
        self.berth("down", "--data", self.directory, check=False)
        self.holder.communicate()


@pytest.fixture
def walled():
    with tempfile.TemporaryDirectory(prefix="berth-e2e-") as work:
        running = Walled(f"{work}/data", work)
        try:
            yield running
        finally:
            running.close()


def doctor(machine):
    said = machine.berth("doctor", "--data", machine.directory, "--listen", machine.listen, "--json", check=False)
    return {row["check"]: row for row in json.loads(said.stdout)}


@pytest.mark.parametrize("program", ["crun", "conmon"])
def test_a_missing_program_is_named_and_missed_no_longer_than_it_is_away(walled, program):
    walled.up("--runtime", "crun")
    walled.prepare()
    definition = walled.register("page", [{"name": "page"}])
    with walled.without(f"/usr/bin/{program}"):
        task = walled.wait(walled.run(definition), "STOPPED")[0]
        assert task["stopCode"] == "TaskFailedToStart"
        assert task["stoppedReason"].startswith("CannotStartContainerError: ") and program in task["stoppedReason"]
        row = doctor(walled)["programs"]  # it names what this machine needs
        assert (row["verdict"], program in row["detail"].split()) in (("BROKEN", True), ("good", False))
    task = walled.wait(walled.run(definition), "RUNNING")[0]
    assert eventually(lambda: reachable(address(task)))
    assert program in doctor(walled)["programs"]["detail"].split()


def test_berth_up_says_which_program_is_missing(walled):
    with walled.without("/usr/bin/conmon"):
        said = walled.berth("up", "--data", walled.directory, "--listen", walled.listen, "--runtime", "crun", check=False)
        assert said.returncode != 0 and "conmon" in said.stderr
        walled.up()  # Berth's own launcher needs neither


@pytest.mark.skipif(not os.path.ismount("/sys/fs/cgroup/devices"), reason="cgroups v2")
def test_cgroups_v1_without_devices_are_not_enough(walled):
    run(*walled.inside("umount", "/sys/fs/cgroup/devices"))
    said = walled.berth("up", "--data", walled.directory, "--listen", walled.listen, check=False)
    assert said.returncode != 0 and 'no cgroup controller "devices"' in said.stderr
    row = doctor(walled)["cgroups"]
    assert row["verdict"] == "BROKEN" and '"devices"' in row["detail"] and "mount -t cgroup" in row["detail"]
    run(*walled.inside("mount", "-t", "cgroup", "-o", "devices", "devices", "/sys/fs/cgroup/devices"))
    assert doctor(walled)["cgroups"]["verdict"] == "good"


def files_below(directory):
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


def small_disk(walled, size):
    """Starts it with so much room for its host; the host's directory as we reach it."""
    os.makedirs(f"{walled.directory}/host")
    os.chmod(walled.directory, 0o700)
    run(*walled.inside("mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "small", f"{walled.directory}/host"))
    walled.up()
    return pathlib.Path(f"/proc/{walled.holder.pid}/root{walled.directory}/host")


def ballast(mib):
    return lambda root: (root / "ballast").write_bytes(os.urandom(mib << 20))


def test_a_full_disk_fails_the_pull_and_leaves_nothing(walled):
    root = small_disk(walled, "24m")
    walled.prepare()
    image = walled.push("large", make_image(f"{walled.work}/large", ballast(8)))
    definition = walled.register("large", [{"name": "large", "image": f"{image}:latest"}])
    before = files_below(root / "images")
    filler = root / "filler"
    filler.write_bytes(bytes(18 << 20))
    task = walled.wait(walled.run(definition), "STOPPED")[0]
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith("CannotPullContainerError: ")
    assert "no space left on device" in task["stoppedReason"]
    assert files_below(root / "images") == before
    bomb = walled.push("bomb", make_image(f"{walled.work}/bomb", lambda image: (image / "zeros").write_bytes(bytes(64 << 20))))
    task = walled.wait(walled.run(walled.register("bomb", [{"name": "bomb", "image": f"{bomb}:latest"}])), "STOPPED")[0]
    assert "no space left on device" in task["stoppedReason"] and files_below(root / "images") == before
    filler.unlink()
    arns = walled.run(definition)
    task = walled.wait(arns, "RUNNING")[0]
    assert eventually(lambda: reachable(address(task)))
    walled.stop(arns)


def test_images_that_nothing_uses_make_room_on_a_full_disk(walled):
    root = small_disk(walled, "24m")
    walled.prepare()
    running = walled.run(walled.register("page", [{"name": "page"}]))
    walled.wait(running, "RUNNING")
    for i in range(3):
        image = walled.push(f"large{i}", make_image(f"{walled.work}/large{i}", ballast(9)))
        arns = walled.run(walled.register("large", [{"name": "large", "image": f"{image}:latest"}]))
        walled.wait(arns, "RUNNING")
        assert len(list((root / "images").rglob("ballast"))) <= 2
        walled.stop(arns)
    assert eventually(lambda: reachable(address(walled.describe(running)[0])))
