"""The users of a task: a range of the machine's for each task, seen from inside and from the machine."""

import os
import pathlib
import re

import pytest
from machine import container_of, make_image, served, shell, users_taken
from conftest import eventually

SERVE = "exec /bin/httpd -f -p 80 -h /out"
OUT = {"linuxParameters": {"tmpfs": [{"containerPath": "/out", "size": 1}]}}


def reports(script):
    """A container whose page "said" is what the script prints."""
    return {"command": shell(f"({script}) > /out/said 2>&1; {SERVE}"), **OUT}


def inside(machine, script, **definition):
    arns = machine.run(machine.register("users", [{"name": "main", **reports(script), **definition}]))
    text = served(machine.wait(arns, "RUNNING")[0], "said")
    machine.stop(arns)
    return text


def range_of(uid_map):
    inner, outer, count = map(int, uid_map.split())
    assert (inner, count) == (0, 65536)
    return outer


def users_of_processes(text):
    """The machine's users that run a process with this text in its command line."""
    found = set()
    for status in pathlib.Path("/proc").glob("[0-9]*/status"):
        try:
            if text.encode() in (status.parent / "cmdline").read_bytes():
                found.add(int(re.search(r"^Uid:\t(\d+)", status.read_text(), re.M).group(1)))
        except OSError:
            pass  # it has ended meanwhile
    return found


@pytest.fixture(scope="module")
def user_image(machine, tmp_path_factory):
    """An image of user 1000 with a file of that user's."""
    def prepare(root):
        (root / "home").mkdir()
        (root / "home/own").write_text("mine\n")
        for path in ("home", "home/own"):
            os.chown(root / path, 1000, 1001)
    return machine.push("user", make_image(tmp_path_factory.mktemp("user"), prepare, ("--config.user", "1000:1001")))


def test_each_task_has_users_of_its_own(machine):
    definition = machine.register("users", [{"name": "main", **reports("cat /proc/self/uid_map /proc/self/gid_map; id -u")}])
    arns = machine.run(definition, 2)
    firsts = []
    for task in machine.wait(arns, "RUNNING"):
        uid_map, gid_map, uid = served(task, "said").splitlines()
        assert uid == "0" and range_of(uid_map) == range_of(gid_map)
        firsts.append(range_of(uid_map))
        assert users_taken(machine.directory)[firsts[-1]].endswith("/" + task["taskArn"].rsplit("/", 1)[1])
    assert len(set(firsts)) == 2 and min(firsts) >= 524288 and all(first % 65536 == 0 for first in firsts)
    assert set(firsts) <= users_of_processes("/bin/httpd\0-f\0-p\080\0-h\0/out")
    machine.stop(arns)
    eventually(lambda: not set(firsts) & set(users_taken(machine.directory)), what="the end of the ranges")


def test_files_of_the_image_have_their_owners(machine, user_image):
    text = inside(machine, "id; ls -ln /home/own /bin/busybox; echo more >> /home/own; cat /home/own; touch /no 2>&1 || echo refused",
                  image=f"{user_image}:latest", linuxParameters={"tmpfs": [
                      {"containerPath": "/out", "size": 1, "mountOptions": ["mode=1777"]}]})
    assert text.startswith("uid=1000 gid=1001")
    assert re.search(r" 1000 +1001 .*/home/own\n", text) and re.search(r" 0 +0 .*/bin/busybox\n", text)
    assert "mine\nmore\n" in text and text.endswith("refused\n")


def test_root_gives_files_to_users_of_its_range(machine, user_image):
    text = inside(machine, "chown 65000:7 /home/own && ls -ln /home/own; chown 70000 /home/own || echo beyond the range",
                  image=f"{user_image}:latest", user="0")
    assert re.search(r" 65000 +7 .*/home/own\n", text) and text.endswith("beyond the range\n")


def test_the_machine_s_root_owns_what_is_not_the_task_s(machine):
    text = inside(machine, "ls -lnd /proc/sys /sys /etc/hosts /etc/resolv.conf; touch /proc/sys/kernel/x; "
                           "echo 1 > /proc/sys/vm/drop_caches || echo refused; echo x >> /etc/hosts && echo written; "
                           "chmod 600 /dev/null")
    assert re.search(r" 65534 +65534 .*/proc/sys\n", text) and re.search(r" 65534 +65534 .*/sys\n", text)
    assert re.search(r" 0 +0 .*/etc/hosts\n", text) and re.search(r" 0 +0 .*/etc/resolv.conf\n", text)
    assert "refused\n" in text and "written\n" in text
    null = os.stat("/dev/null")
    assert null.st_mode & 0o777 == 0o666 and null.st_uid < 524288


def test_a_volume_is_one_for_all_users_of_the_task(machine, user_image):
    volume = [{"sourceVolume": "data", "containerPath": "/data"}]
    writer = {"name": "writer", "essential": False, "image": f"{user_image}:latest", "mountPoints": volume,
              "command": shell("while ! test -e /data/open; do sleep 1; done; id -u > /data/from-user; exec sleep 1000")}
    main = {"name": "main", "mountPoints": volume, **reports(
        "ls -lnd /data; echo root > /data/from-root; chmod 1777 /data; touch /data/open; "
        "while ! test -s /data/from-user; do sleep 1; done; cat /data/from-user; ls -ln /data/from-user /data/from-root")}
    arns = machine.run(machine.register("users", [main, writer], volumes=[{"name": "data"}]))
    text = served(machine.wait(arns, "RUNNING")[0], "said")
    machine.stop(arns)
    assert re.search(r"^drwxr-xr-x .* 0 +0 .*/data\n1000\n", text)
    assert re.search(r" 1000 +1001 .*/data/from-user\n", text) and re.search(r" 0 +0 .*/data/from-root\n", text)


def test_the_network_is_the_task_s_own(machine):
    text = inside(machine, "cat /proc/sys/net/ipv4/ip_default_ttl; ping -c 1 -W 2 127.0.0.1; ls /sys/class/net",
                  systemControls=[{"namespace": "net.ipv4.ip_default_ttl", "value": "77"}])
    assert text.startswith("77\n") and "1 packets received" in text and text.endswith("eth0\nlo\n")


def test_a_restarted_host_keeps_the_users(machine):
    script = "cat /proc/self/uid_map; touch /www/was-here; ls -ln /www/was-here"
    arns = machine.run(machine.register("users", [
        {"name": "main", **reports(script), "healthCheck": {"command": ["CMD-SHELL", "test -e /www/was-here"], "interval": 5}}]))
    first = range_of(served(machine.wait(arns, "RUNNING")[0], "said").splitlines()[0])
    machine.kill("host")
    machine.up()
    assert first in users_taken(machine.directory) and first in users_of_processes("/bin/httpd\0-f\0-p\080\0-h\0/out")
    eventually(lambda: container_of(machine.describe(arns)[0], "main")["healthStatus"] == "HEALTHY", what="HEALTHY")
    machine.stop(arns)
    eventually(lambda: first not in users_taken(machine.directory), what="the end of the range")
