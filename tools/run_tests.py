#!/usr/bin/env python3
"""Runs every layer of tests, cheap first, shows progress, and ends with the line "N passed, N failed".

    run_tests.py [-k WORD]     only tests whose name contains WORD
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[1]
RELEASE = ROOT / "build" / "release" / "berth"
SANITIZED = ROOT / "build" / "debug" / "src" / "main" / "berth"


class Tally:
    def __init__(self):
        self.passed = 0
        self.failed = []

    def add(self, name, good):
        if good:
            self.passed += 1
        else:
            self.failed.append(name)


def layer(name):
    print(f"\n== {name} ({time.strftime('%H:%M:%S')})", flush=True)


def tidy(tally):
    layer("tidy")
    tally.add("arrows", subprocess.run([sys.executable, ROOT / "tools" / "arrows.py"]).returncode == 0)
    files = subprocess.run(["git", "ls-files", "*.c", "*.h"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    format_check = subprocess.run(["clang-format-14", "--dry-run", "-Werror", *files], cwd=ROOT)
    tally.add("format", format_check.returncode == 0)
    docs = subprocess.run([sys.executable, ROOT / "tools" / "docs.py", "--check"])
    tally.add("generated docs", docs.returncode == 0)


class Lint:
    """clang-tidy, beside the tests that wait more than they compute."""

    def __init__(self):
        self.output = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            ["nice", "-n", "19", sys.executable, ROOT / "tools" / "lint.py"], stdout=self.output)

    def finish(self, tally):
        layer("clang-tidy")
        code = self.process.wait()
        tally.add("clang-tidy", code == 0)
        self.output.seek(0)
        print(self.output.read())


def meson(tally, kind, options, word):
    build = ROOT / "build" / kind
    log = build / "meson-logs" / "testlog.json"
    log.unlink(missing_ok=True)
    names = subprocess.run(["meson", "test", "-C", build, "--list", *options], capture_output=True,
                           text=True).stdout.splitlines()
    wanted = [name.split(" / ")[-1] for name in names if " / " in name and word in name]
    if not wanted:
        return
    subprocess.run(["meson", "test", "-C", build, "--no-rebuild", "--print-errorlogs", *options,
                    *(wanted if word else [])])
    if not log.exists():
        tally.add(f"meson test of build/{kind}", False)
        return
    for line in log.read_text().splitlines():
        test = json.loads(line)
        tally.add(f"{kind}: {test['name']}", test["result"] in ("OK", "EXPECTEDFAIL", "SKIP"))


class Pytest:
    """The tests of a folder of tests/, running. One that runs `beside` others keeps what it prints until it is done."""

    def __init__(self, folder, berth, word, beside=False):
        self.folder = folder
        self.title = f"{folder} tests (real clients against {berth.relative_to(ROOT)})"
        self.report = ROOT / "build" / f"{folder}.xml"
        self.report.unlink(missing_ok=True)
        self.output = tempfile.TemporaryFile("w+") if beside else None
        if not beside:
            layer(self.title)
        arguments = ["-q", "-p", "no:cacheprovider", f"--junitxml={self.report}", *(["-k", word] if word else [])]
        self.process = subprocess.Popen(["/usr/bin/python3", "-m", "pytest", *arguments, ROOT / "tests" / folder],
                                        env={**os.environ, "BERTH": str(berth)}, stdout=self.output, stderr=self.output)

    def finish(self, tally):
        code = self.process.wait()
        if self.output is not None:
            layer(self.title)
            self.output.seek(0)
            print(self.output.read())
        if not self.report.exists():
            tally.add(f"{self.folder} tests", code == 5)
            return
        for case in xml.etree.ElementTree.parse(self.report).iter("testcase"):
            broken = any(case.find(kind) is not None for kind in ("failure", "error"))
            tally.add(f"{case.get('classname')}.{case.get('name')}", not broken)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-k", default="", metavar="WORD")
    word = parser.parse_args().k
    tally = Tally()
    if not word:
        tidy(tally)
    layer("unit, simulation and protocol tests (AddressSanitizer, UndefinedBehaviorSanitizer)")
    meson(tally, "debug", [], word)
    layer("unit tests (ThreadSanitizer)")
    meson(tally, "thread", ["--suite", "unit"], word)
    # Containers are waited for more than they compute, so the API's tests and clang-tidy run meanwhile.
    beside = [Pytest("api", SANITIZED, word, beside=True), *([] if word else [Lint()])]
    # What is shipped is killed and starved; whole machines run sanitized, as a use after free has shown there only.
    Pytest("torture", RELEASE, word).finish(tally)
    Pytest("e2e", SANITIZED, word).finish(tally)
    for process in beside:
        process.finish(tally)
    for name in tally.failed:
        print(f"FAILED {name}")
    print(f"{tally.passed} passed, {len(tally.failed)} failed", flush=True)
    sys.exit(1 if tally.failed or tally.passed == 0 else 0)


if __name__ == "__main__":
    main()
