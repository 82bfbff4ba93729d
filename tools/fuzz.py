#!/usr/bin/env python3
"""Runs fuzz targets one after the other, and ends with one table of what they did.

    fuzz.py SECONDS [NAME...]     those targets, or all, SECONDS each

What they learn is kept in build/corpus/NAME; tests/corpus has what they begin with. The exit status is 1 when a target
found something; its input is in build/corpus/findings.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
LEARNED = ROOT / "build" / "corpus"
FINDINGS = LEARNED / "findings"


def targets(names):
    found = {path.name: path for path in (ROOT / "build" / "fuzz").rglob("*_fuzz") if path.is_file()}
    missing = [name for name in names if name not in found]
    if missing:
        sys.exit(f"there is no fuzz target {missing[0]}")
    return [found[name] for name in sorted(names or found)]


def seeds(name):
    """A corpus is called like its target, with or without the room's name in front."""
    stem = name.removesuffix("_fuzz")
    for folder in (stem, stem.removeprefix("wire_"), "wire" if stem == "wire_request" else stem):
        if (ROOT / "tests" / "corpus" / folder).is_dir():
            return [ROOT / "tests" / "corpus" / folder]
    return []


def run(target, seconds):
    (LEARNED / target.name).mkdir(parents=True, exist_ok=True)
    command = [target, f"-max_total_time={seconds}", "-print_final_stats=1", "-rss_limit_mb=1024", "-timeout=10",
               f"-artifact_prefix={FINDINGS}/{target.name}-", LEARNED / target.name, *seeds(target.name)]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")
    if done.returncode != 0:
        print(done.stderr[-6000:], flush=True)
    executed = re.findall(r"number_of_executed_units: (\d+)", done.stderr)
    covered = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)", done.stderr)
    count = int(executed[-1]) if executed else 0
    return target.name, count, count // seconds, *(covered[-1] if covered else ("-", "-", "-")), done.returncode == 0


def main():
    if len(sys.argv) < 2 or not sys.argv[1].isdigit() or int(sys.argv[1]) < 1:
        sys.exit(__doc__)
    seconds = int(sys.argv[1])
    FINDINGS.mkdir(parents=True, exist_ok=True)
    rows = []
    for target in targets(sys.argv[2:]):
        print(f"{target.name}: {seconds} s", flush=True)
        rows.append(run(target, seconds))
    print(f"\n{'target':26} {'executions':>12} {'a second':>9} {'edges':>7} {'features':>9} {'corpus':>7}  result")
    for name, count, rate, edges, features, corpus, good in rows:
        print(f"{name:26} {count:12,} {rate:9,} {edges:>7} {features:>9} {corpus:>7}  {'clean' if good else 'FOUND SOMETHING'}")
    sys.exit(0 if all(row[-1] for row in rows) else 1)


main()
