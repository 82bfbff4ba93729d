"""EC2 instances on a real host: what runs inside one, what it sees of the machine, and that nothing stays of it."""

import contextlib
import json
import pathlib
import re
import subprocess
import time
import urllib.request

import pytest

from conftest import eventually
from machine import processes, run

IMAGE = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"


@pytest.fixture(scope="module")
def image(machine):
    return machine.client("ssm").get_parameter(Name=IMAGE)["Parameter"]["Value"]


@pytest.fixture
def launch(machine, image):
    """Runs instances and terminates them."""
    ids = []

    def one(script="", until="running", **more):
        wish = dict(ImageId=image, InstanceType="t3.small", MinCount=1, MaxCount=1, UserData=script,
                    SecurityGroupIds=[machine.group])
        wish.update(more)
        id = machine.ec2.run_instances(**wish)["Instances"][0]["InstanceId"]
        ids.append(id)
        if until:
            state(machine, id, until)
        return id

    yield one
    if ids:
        machine.ec2.terminate_instances(InstanceIds=ids)
        for id in ids:
            state(machine, id, "terminated")


def shown(machine, id):
    return machine.ec2.describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0]


def state(machine, id, name):
    eventually(lambda: shown(machine, id)["State"]["Name"] == name, 60, f"{id} {name}")


def console(machine, id, until):
    """What the instance wrote, once `until` is in it."""
    def read():
        text = machine.client("ec2").get_console_output(InstanceId=id).get("Output", "")
        return text if until in text else None
    return eventually(read, 60, f"{until!r} on the console")


def folder(machine, id):
    return pathlib.Path(machine.directory, "host", "instances", id)


def first_process(machine, id):
    """Its pid on the host; None while there is none."""
    instance = pathlib.Path(machine.directory, "instance").read_text().strip()
    for path in pathlib.Path(f"/sys/fs/cgroup/memory/berth-{instance}/{id}/{id}").glob("cgroup.procs"):
        pids = []
        with contextlib.suppress(OSError):  # the cgroup is gone since
            pids = path.read_text().split()
        for pid in pids:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended since
                if re.search(r"^NSpid:.*\s1$", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M):
                    return pid
    return None


def inside(machine, id, *command):
    """Runs a command inside, by the namespaces of its first process."""
    return run("nsenter", "-t", first_process(machine, id), "-a", *command)


def test_user_data_runs_in_an_instance_of_its_size(machine, launch):
    id = launch("""#!/bin/sh
echo "host $(hostname)"; echo "address $(hostname -i)"
echo "memory $(cat /sys/fs/cgroup/memory/memory.limit_in_bytes)"
echo "disk $(df -m --output=size / | tail -1)"
echo "uid $(id -u)"
""", BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 8}}])
    text = console(machine, id, "user data ended with 0")
    instance = shown(machine, id)
    lines = dict(line.split(" ", 1) for line in text.splitlines() if " " in line)
    assert lines["host"] == instance["PrivateDnsName"] and lines["address"] == instance["PrivateIpAddress"]
    assert int(lines["memory"]) == 2 << 30 and lines["uid"] == "0"
    assert 7000 < int(lines["disk"]) < 8200


def test_nothing_of_the_host_is_seen(machine, launch):
    id = launch()
    seen = inside(machine, id, "/bin/sh", "-c", f"ls -A / /root /home /opt /srv /var; ls {machine.directory} 2>&1; true")
    assert "No such file" in seen
    for path in pathlib.Path("/etc").rglob("*"):
        if path.is_file() and not path.is_symlink() and not path.stat().st_mode & 0o004 and path.name != "shadow":
            assert inside(machine, id, "/bin/sh", "-c", f"test -e '{path}' || echo hidden") == "hidden\n", path
    assert set(inside(machine, id, "/usr/bin/cut", "-d:", "-f2", "/etc/shadow").split()) == {"*"}
    # nor is it under what hides it
    assert inside(machine, id, "/bin/sh", "-c", "umount /root /home 2>/dev/null; ls -A /home; ls -A /root") in ("", ".ssh\n")
    # and its disks cannot be opened
    assert "denied" in inside(machine, id, "/bin/sh", "-c",
                              "mknod /dev/disk b 254 0 && head -c1 /dev/disk 2>&1 | tr N n | grep -o 'not permitted' | sed s/.*/denied/")


def test_metadata_needs_a_token(machine, launch):
    id = launch()

    def get(path, token=True, hops=""):
        fetch = "T=$(curl -s -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token);" if token else ""
        return inside(machine, id, "/bin/sh", "-c", fetch + "curl -s -w ' %{http_code}' -H \"X-aws-ec2-metadata-token: $T\" "
                      f"http://169.254.169.254/latest/{path}")

    assert get("meta-data/instance-id") == f"{id} 200"
    assert get("meta-data/instance-id", token=False).endswith(" 401")
    document = json.loads(get("dynamic/instance-identity/document").removesuffix(" 200"))
    assert document["instanceType"] == "t3.small" and document["privateIp"] == shown(machine, id)["PrivateIpAddress"]
    machine.ec2.modify_instance_metadata_options(InstanceId=id, HttpTokens="optional")
    eventually(lambda: get("meta-data/instance-id", token=False) == f"{id} 200", what="version 1")


def test_the_role_of_its_profile(machine, launch):
    iam = machine.client("iam")
    iam.create_role(RoleName="node", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}]}))
    iam.create_instance_profile(InstanceProfileName="node")
    iam.add_role_to_instance_profile(InstanceProfileName="node", RoleName="node")
    id = launch(IamInstanceProfile={"Name": "node"}, MetadataOptions={"HttpTokens": "optional"})
    base = "http://169.254.169.254/latest/meta-data/iam/security-credentials/"
    assert inside(machine, id, "curl", "-s", base) == "node"
    keys = json.loads(inside(machine, id, "curl", "-s", base + "node"))
    who = machine.client("sts", aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
                         aws_session_token=keys["Token"]).get_caller_identity()
    assert who["Arn"].endswith(f":assumed-role/node/{id}")
    # the stock CLI inside finds them by itself
    assert f"assumed-role/node/{id}" in inside(
        machine, id, "/usr/bin/env", "-i", "PATH=/usr/bin:/bin", "HOME=/root", "AWS_DEFAULT_REGION=us-east-1", "/usr/bin/aws",
        "--endpoint-url", "http://169.254.170.10", "sts", "get-caller-identity")


def test_stop_start_reboot_keep_the_disk(machine, launch):
    id = launch("#!/bin/sh\necho kept > /opt/file; echo once\n")
    console(machine, id, "user data ended with 0")
    machine.ec2.stop_instances(InstanceIds=[id])
    state(machine, id, "stopped")
    assert not any(id in line for line in open("/proc/self/mounts"))
    machine.ec2.start_instances(InstanceIds=[id])
    state(machine, id, "running")
    assert inside(machine, id, "cat", "/opt/file") == "kept\n"
    first = first_process(machine, id)
    machine.ec2.reboot_instances(InstanceIds=[id])

    def is_back():
        with contextlib.suppress(subprocess.CalledProcessError):  # its first process may not have its root yet
            return first_process(machine, id) not in (first, None) and inside(machine, id, "cat", "/opt/file") == "kept\n"
    eventually(is_back, what="the disk after the reboot")
    assert console(machine, id, "once").count("once") == 1


def test_its_network_is_its_interface(machine, launch):
    id = launch("#!/bin/sh\ncd /opt; echo hello > index.html; setsid python3 -m http.server 80 >/dev/null 2>&1 &\n")
    address = shown(machine, id)["PrivateIpAddress"]

    def page():
        try:
            return urllib.request.urlopen(f"http://{address}/index.html", timeout=2).read() == b"hello\n"
        except OSError:
            return False
    eventually(page, what="the page")
    interface = shown(machine, id)["NetworkInterfaces"][0]["NetworkInterfaceId"]
    default = machine.ec2.describe_security_groups(GroupNames=["default"])["SecurityGroups"][0]["GroupId"]
    machine.ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, Groups=[default])
    eventually(lambda: not page(), what="the other group")


def test_a_container_runtime_works_inside(machine, launch):
    """Overlays, namespaces and cgroups nest: crun inside, on the instance's disk."""
    id = launch()
    script = r"""
set -e
mkdir -p /var/lib/containerd/c/lower/bin /var/lib/containerd/c/upper /var/lib/containerd/c/work /var/lib/containerd/c/rootfs
cp /bin/busybox /var/lib/containerd/c/lower/bin/sh; cd /var/lib/containerd/c
mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work rootfs
cat > config.json <<'J'
{"ociVersion":"1.0.2","process":{"user":{"uid":0,"gid":0},"args":["/bin/sh","-c","echo nested $$"],"cwd":"/","env":["PATH=/bin"]},
 "root":{"path":"rootfs"},"mounts":[{"destination":"/proc","type":"proc","source":"proc"},{"destination":"/dev","type":"tmpfs","source":"tmpfs"}],
 "linux":{"cgroupsPath":"/inner","resources":{"memory":{"limit":33554432}},
  "namespaces":[{"type":"pid"},{"type":"mount"},{"type":"ipc"},{"type":"uts"},{"type":"network"}]}}
J
crun --cgroup-manager=cgroupfs run inner; umount rootfs"""
    assert inside(machine, id, "/bin/sh", "-c", script) == "nested 1\n"


def test_one_that_ends_by_itself_is_stopped(machine, launch):
    id = launch()
    run("kill", "-KILL", first_process(machine, id))
    state(machine, id, "stopped")
    assert shown(machine, id)["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"


def at_once(check):
    """Returns as soon as it is true: what began there is still under way."""
    end = time.monotonic() + 60
    while not check():
        assert time.monotonic() < end
        time.sleep(0.0005)


def test_it_outlives_its_host_process(machine, launch):
    id = launch(MetadataOptions={"HttpTokens": "optional"})
    before = first_process(machine, id)
    machine.kill("host")
    machine.up()
    assert first_process(machine, id) == before
    assert shown(machine, id)["State"]["Name"] == "running"

    def told():
        return inside(machine, id, "/bin/sh", "-c",
                      "curl -s -m 2 http://169.254.169.254/latest/meta-data/instance-id || true") == id
    eventually(told, what="the metadata service")
    machine.ec2.stop_instances(InstanceIds=[id])
    state(machine, id, "stopped")


# What a launch makes in the instance's folder, in this order.
PARTS = ["", "assignment", "disk.new", "disk", "mount/upper", "mount/upper/var/lib/cloud/user-data", "launch"]


@pytest.mark.parametrize("begun", PARTS)
def test_a_launch_that_its_host_did_not_survive_is_begun_again(machine, launch, begun):
    id = launch("#!/bin/sh\necho it runs\n", until=None)
    at_once(lambda: any((folder(machine, id) / part).exists() for part in PARTS[PARTS.index(begun):]))
    machine.kill("host")
    machine.up()
    state(machine, id, "running")
    console(machine, id, "user data ended with 0")


def test_a_reboot_that_its_host_did_not_survive_is_begun_again(machine, launch):
    id = launch("#!/bin/sh\necho kept > /opt/file\n", InstanceInitiatedShutdownBehavior="terminate")
    console(machine, id, "user data ended with 0")
    first, assignment = first_process(machine, id), folder(machine, id) / "assignment"
    before = assignment.stat().st_ino
    machine.ec2.reboot_instances(InstanceIds=[id])
    at_once(lambda: assignment.stat().st_ino != before)
    machine.kill("host")
    machine.up()
    eventually(lambda: first_process(machine, id) not in (first, None), 40, "the reboot")
    assert inside(machine, id, "cat", "/opt/file") == "kept\n"
    assert shown(machine, id)["State"]["Name"] == "running"


def test_a_reboot_that_becomes_a_stop(machine, launch):
    id = launch()
    machine.ec2.reboot_instances(InstanceIds=[id])
    machine.ec2.stop_instances(InstanceIds=[id])
    state(machine, id, "stopped")
    machine.ec2.start_instances(InstanceIds=[id])
    state(machine, id, "running")


def assert_nothing_stays(machine, id, interface):
    eventually(lambda: not folder(machine, id).exists(), what="the folder's end")
    assert not any(id in line for line in open("/proc/self/mounts"))
    assert id not in run("losetup", "-a") and interface not in run("ip", "netns")
    assert not list(pathlib.Path("/sys/fs/cgroup").glob(f"*/*/{id}"))
    assert not processes(id)


def test_nothing_stays(machine, launch):
    id = launch()
    interface = shown(machine, id)["NetworkInterfaces"][0]["NetworkInterfaceId"]
    machine.ec2.terminate_instances(InstanceIds=[id])
    state(machine, id, "terminated")
    assert_nothing_stays(machine, id, interface)


def test_nothing_stays_of_a_launch_that_its_host_did_not_survive(machine, launch):
    id = launch(until=None)
    interface = shown(machine, id)["NetworkInterfaces"][0]["NetworkInterfaceId"]
    at_once((folder(machine, id) / "mount/upper/root").exists)  # its interface is made before
    machine.kill("host")
    machine.ec2.terminate_instances(InstanceIds=[id])
    machine.up()
    state(machine, id, "terminated")
    assert_nothing_stays(machine, id, interface)


def test_user_data_that_is_no_script_is_refused_on_the_console(machine, launch):
    id = launch("#cloud-config\nruncmd: [ls]\n")
    assert "write it as a shell script" in console(machine, id, "#cloud-config")
