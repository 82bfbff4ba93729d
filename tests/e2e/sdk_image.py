"""An image with Debian's unmodified boto3 and aws CLI, made of what is installed here."""

import os
import pathlib
import re
import shutil
import subprocess

SITE = pathlib.Path("/usr/lib/python3/dist-packages")
SERVICES = {"sts", "ecs", "ecr", "logs", "iam", "secretsmanager", "ssm", "s3"}
# What neither client needs, by far the most of it.
LEFT_OUT = {"pip", "setuptools", "mesonbuild", "pytest", "_pytest", "gi", "apt", "wadllib", "examples", "topics", "test", "idlelib",
            "ensurepip", "lib2to3", "pydoc_data", "config-3.11-x86_64-linux-gnu"}


def _ignore(directory, names):
    left = {name for name in names if name in LEFT_OUT or name.endswith(".pth")}
    if directory == str(SITE / "botocore/data"):  # the CLI has its own, and wants all of it
        left |= {name for name in names if os.path.isdir(os.path.join(directory, name)) and name not in SERVICES}
    return left


def _copy(root, path):
    to = pathlib.Path(root, str(path).lstrip("/"))
    to.parent.mkdir(parents=True, exist_ok=True)
    if not to.exists():
        shutil.copy(path, to)


def _libraries(binaries):
    found = subprocess.run(["ldd", *binaries], capture_output=True, text=True).stdout
    return set(re.findall(r"(/\S+\.so\S*) \(0x", found)) - {"linux-vdso.so.1"}


def add_clients(root):
    """For make_image's prepare."""
    python = pathlib.Path("/usr/bin/python3").resolve()
    shutil.copytree(SITE, pathlib.Path(root, str(SITE).lstrip("/")), ignore=_ignore)
    shutil.copytree("/usr/lib/python3.11", pathlib.Path(root, "usr/lib/python3.11"), ignore=_ignore, symlinks=True)
    _copy(root, python)
    pathlib.Path(root, "usr/bin/python3").symlink_to(python.name)
    shutil.copy("/usr/bin/aws", pathlib.Path(root, "usr/bin/aws"))
    modules = [str(path) for path in pathlib.Path(root, "usr/lib").glob("**/*.so")]
    for library in _libraries([str(python), *modules]):
        _copy(root, library)
    for path in pathlib.Path("/usr/lib/x86_64-linux-gnu/ossl-modules").glob("*.so"):
        _copy(root, path)
    _copy(root, "/etc/ssl/openssl.cnf")
    pathlib.Path(root, "tmp").mkdir(exist_ok=True)
