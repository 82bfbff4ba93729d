"""A network namespace for one test: what it starts and connects to meanwhile is on a loopback of its own, where it may cut
connections as it likes."""

import contextlib
import ctypes
import os
import subprocess
import uuid

import pytest

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def enter(descriptor):
    if libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def run(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60, **more).stdout


@contextlib.contextmanager
def own_network():
    """The calling thread is inside."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces take root")
    name = f"test-{uuid.uuid4().hex[:8]}"
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    run("ip", "netns", "add", name)
    try:
        run("ip", "-n", name, "link", "set", "lo", "up")
        there = os.open(f"/run/netns/{name}", os.O_RDONLY)
        enter(there)
        os.close(there)
        yield
    finally:
        enter(home)
        os.close(home)
        run("ip", "netns", "del", name)


class Cut:
    """Every packet from and to those ports is dropped; neither side is told."""

    def __init__(self, *ports):
        ports = ", ".join(map(str, ports))
        rules = "".join(f"tcp {way}port {{ {ports} }} drop\n" for way in "sd")
        run("nft", "-f", "-",
            input=f"table inet cut {{\nchain lost {{\ntype filter hook input priority 0;\n{rules}}}\n}}\n")

    def mend(self):
        run("nft", "delete", "table", "inet", "cut")
