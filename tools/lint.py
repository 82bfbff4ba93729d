#!/usr/bin/env python3
"""clang-tidy over all of src/, and with it the warnings of clang itself. A file in which nothing was found is not read again
until something changes that its verdict depends on: itself, a header of ours that it includes, its command line, the rules
or the tool. Good verdicts are empty files in ~/.cache/berth-lint, named by the hash of all that."""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "clang"  # has the generated sources, and how each file is compiled
VERDICTS = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "berth-lint"
KEPT_S = 30 * 24 * 3600
TIDY = "clang-tidy-14"


class Sources:
    """What each file says, as a hash, and which files of ours it includes. Conditions are not looked at: at worst a file is
    read again for nothing."""

    def __init__(self):
        self.read = {}

    def of(self, path):
        if path not in self.read:
            text = pathlib.Path(path).read_bytes()
            names = re.findall(r'^\s*#\s*include\s+"([^"]+)"', text.decode(), re.MULTILINE)
            places = [[os.path.join(place, name) for place in (os.path.dirname(path), ROOT / "src", BUILD / "src")]
                      for name in names]
            included = {at for at in (next(filter(os.path.exists, those), None) for those in places) if at}
            self.read[path] = hashlib.sha256(text).digest(), included
        return self.read[path]

    def digest(self, path):
        """Of the file and of all that it includes."""
        found, waiting = {path}, [path]
        while waiting:
            more = self.of(waiting.pop())[1] - found
            found |= more
            waiting += more
        return b"".join(sorted(self.of(file)[0] for file in found))


def commands():
    """File -> how it is compiled, as often as it is."""
    found = {}
    for entry in json.loads((BUILD / "compile_commands.json").read_text()):
        path = os.path.normpath(os.path.join(entry["directory"], entry["file"]))
        if path.startswith(f"{ROOT}/src/"):
            found.setdefault(path, []).append(entry["command"])
    return found


def lint(path, verdict):
    """What clang-tidy says of the file, nothing if it is good."""
    if verdict.exists():
        verdict.touch()
        return ""
    done = subprocess.run([TIDY, "-quiet", "-p", BUILD, path], capture_output=True, text=True)
    if done.returncode == 0:
        verdict.touch()
        return ""
    return done.stdout or done.stderr


def main():
    VERDICTS.mkdir(parents=True, exist_ok=True)
    rules = (ROOT / ".clang-tidy").read_bytes() + subprocess.run([TIDY, "--version"], capture_output=True).stdout
    sources = Sources()
    work = []
    for path, compiled in sorted(commands().items()):
        facts = rules + "\n".join(compiled).encode() + sources.digest(path)
        work.append((path, VERDICTS / hashlib.sha256(facts).hexdigest()))
    known = sum(verdict.exists() for _, verdict in work)
    print(f"{len(work)} files, {known} of them as they were when nothing was found", flush=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        said = [text for text in pool.map(lambda job: lint(*job), work) if text]
    print("".join(said), end="")
    for verdict in VERDICTS.iterdir():
        if verdict.stat().st_mtime < time.time() - KEPT_S:
            verdict.unlink(missing_ok=True)
    sys.exit(1 if said else 0)


if __name__ == "__main__":
    main()
