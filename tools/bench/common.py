"""What the benchmarks share: an installation, medians, and the line that they end with."""

import os
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "e2e")]

PODMAN = ["podman", "--cgroup-manager=cgroupfs"]
# Machines without CAP_SYS_RESOURCE cannot raise limits, which podman asks for unless told.
PODMAN_RUN = [*PODMAN, "run", "-d", "--network", "none", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096"]


def enter_private_mounts():
    """Starts again in a mount namespace without the hybrid layout's v2 tree, which the peers' crun (1.8) refuses."""
    unified = "/sys/fs/cgroup/unified"
    if os.path.ismount(unified) and "BERTH_BENCH" not in os.environ:
        os.environ["BERTH_BENCH"] = "private"
        script = f'umount {unified}; exec "$@"'
        os.execvp("unshare", ["unshare", "-m", "--propagation", "private", "sh", "-c", script, "bench", *sys.argv])


def run(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300, **more).stdout


def clock(call):
    """Milliseconds that the call takes, and its answer."""
    begin = time.perf_counter()
    answer = call()
    return (time.perf_counter() - begin) * 1000, answer


def show(name, values):
    values = sorted(values)
    print(f"{name:34} min {values[0]:8.1f}  median {statistics.median(values):8.1f}  "
          f"p90 {values[int(len(values) * 0.9)]:8.1f}  max {values[-1]:8.1f} ms")


def ratio(to, ours, theirs):
    print(f"ratio to {to}: {ours / theirs:.2f}")


def podman_image(machine):
    """The image of the tests, in podman's own store."""
    run(*PODMAN, "load", "-i", podman_archive(machine))
    return "localhost/berth-bench:latest"


def podman_archive(machine):
    path = f"{machine.work}/podman.tar"
    run("skopeo", "copy", f"oci:{machine.work}/image:demo", f"docker-archive:{path}:localhost/berth-bench:latest")
    return path


def podman_remove(containers):
    if containers:
        run(*PODMAN, "rm", "-f", "-t", "0", *containers)


def until_running(machine, arns):
    while True:
        described = [task for i in range(0, len(arns), 100) for task in machine.describe(arns[i:i + 100])]
        if all(task["lastStatus"] == "RUNNING" for task in described):
            return
        stopped = [task for task in described if task["lastStatus"] == "STOPPED"]
        if stopped:
            sys.exit(f"a task stopped: {stopped[0]['stoppedReason']}")


class Installed:
    """A machine of the tests for the length of a with."""

    def __init__(self, work, *options):
        from machine import Machine

        self.options = options
        self.machine = Machine(f"{work}/data", work)

    def __enter__(self):
        self.machine.up(*self.options)
        self.machine.prepare()
        return self.machine

    def __exit__(self, *_):
        self.machine.berth("down", "--data", self.machine.directory, check=False)
