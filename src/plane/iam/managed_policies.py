#!/usr/bin/env python3
"""Turns managed_policies/*.json into the C table that aws_managed_policy.h declares: managed_policies.py OUT.c FILES...

A file has what IAM answers to GetPolicy and GetPolicyVersion: arn, versionId, createDate, updateDate and document (facts
of AWS; AWS managed policy reference guide). Ids are ours: made from the ARN, the same in every installation.
"""

import base64
import datetime
import hashlib
import json
import pathlib
import sys


def milliseconds(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def literal(text, width=100):
    """A C string in pieces that a compiler takes."""
    return "\n        ".join(json.dumps(text[at:at + width]) for at in range(0, len(text), width))


def row(path):
    policy = json.loads(pathlib.Path(path).read_text())
    arn = policy["arn"]
    tail = arn.removeprefix("arn:aws:iam::aws:policy")
    policy_id = "ANPA" + base64.b32encode(hashlib.sha256(arn.encode()).digest()).decode()[:17]
    version = int(policy["versionId"].removeprefix("v"))
    fields = [policy_id, arn, tail[: tail.rindex("/") + 1], tail[tail.rindex("/") + 1:]]
    strs = "".join(f"STR_INIT({json.dumps(field)}), " for field in fields)
    text = json.dumps(policy["document"], separators=(",", ":"))
    return (f"    {{{strs}{version}, INT64_C({milliseconds(policy['createDate'])}),\n"
            f"     INT64_C({milliseconds(policy['updateDate'])}), STR_INIT(\n        {literal(text)})}},\n")


def main():
    out, *paths = sys.argv[1:]
    rows = "".join(row(path) for path in paths)
    pathlib.Path(out).write_text(
        '#include "plane/iam/aws_managed_policy.h"\n\n'
        f"const struct aws_managed_policy aws_managed_policies[] = {{\n{rows}}};\n"
        f"const size_t aws_managed_policy_count = {len(paths)};\n")


main()
