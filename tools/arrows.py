#!/usr/bin/env python3
"""Checks who includes whom in src/ against the arrows of docs/architecture.md, and what core/ and plane/ must not name."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
SRC = ROOT / "src"

# A layer may include itself and the layers named here.
ARROWS = {
    "base": [],
    "model": ["base"],
    "wire": ["base", "model"],
    "core": ["base", "model"],
    "plane": ["base", "model", "core"],
    "os": ["base", "model", "wire"],
    "edge": ["base", "model", "wire", "core", "plane", "os"],
    "node": ["base", "model", "wire", "os"],
    "sim": ["base", "model", "core", "plane"],
    "cli": ["base", "os"],
    "main": ["base", "model", "wire", "core", "plane", "os", "edge", "node", "sim", "cli"],
}

# A domain includes only headers of domains to its left.
DOMAINS = "iam secrets ssm vpc ecr efs logs cloudwatch elb ec2 autoscaling ecs events appscaling eks".split()

# Names that only the outer layers may use: a clock, a thread, a file, a socket, a process, a random number.
BANNED_INSIDE = r"\b(clock_gettime|gettimeofday|time|pthread_\w+|open|fopen|socket|getrandom|rand|random|fork|system)\("
BANNED_ANYWHERE = r"\b(strcpy|strcat|sprintf|gets|strtok|atoi|atol|system|popen|tmpnam|mktemp|alloca)\s*\("
# Engines are I/O (core/engine_sqlite.c says so at its head).
MAY_TOUCH_FILES = {"core/engine_sqlite.c"}


def strip_comments(text):
    return re.sub(r'"(?:\\.|[^"\\])*"', '""', re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.S))


def check(path):
    name = path.relative_to(SRC).as_posix()
    layer = name.split("/")[0]
    text = path.read_text()
    for include in re.findall(r'^#include "([^"]+)"', text, flags=re.M):
        to = include.split("/")[0]
        if to in ARROWS and to != layer and to not in ARROWS[layer]:
            yield f"{name}: {layer}/ must not include {include}"
        if layer == "plane" and to == "plane":
            here, there = name.split("/")[1], include.split("/")[1]
            if here != there and DOMAINS.index(there) > DOMAINS.index(here):
                yield f"{name}: {here} must not include {include}, a domain to its right"
    code = strip_comments(text)
    for found in re.findall(BANNED_ANYWHERE, code):
        yield f"{name}: {found} is banned"
    if layer in ("core", "plane") and name not in MAY_TOUCH_FILES and not name.endswith(("_test.c", "_fuzz.c")):
        for found in re.findall(BANNED_INSIDE, code):
            yield f"{name}: {found} must not be seen in {layer}/"


def main():
    wrong = [line for path in sorted(SRC.rglob("*.[ch]")) for line in check(path)]
    print("\n".join(wrong) if wrong else f"arrows: {len(list(SRC.rglob('*.[ch]')))} files keep them")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
