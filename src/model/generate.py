#!/usr/bin/env python3
"""Turns one model file into C: <id>.h (plain structs, enums, error names) and <id>.c (the tables of shape.h).

    generate.py MODEL.json OUT_DIR [--depfile FILE]

A model is a JSON file in the form of models/ (an AWS API) or one of our own (records, the host protocol):

    {"metadata": {"id": "ecs_record", "uses": ["ecs", "src/model/host_protocol.json"]},
     "shapes": {"TaskRecord": {"type": "structure", "members": {"task": {"shape": "ecs.Task"}}}}}

"uses" names other models, an API by its id, one of ours by its path from the project's root; their shapes are written
"id.Shape". Meson runs this; what it writes is never committed. README.md beside it says how to add a model.
"""

import argparse
import pathlib
import sys

sys.dont_write_bytecode = True
from model import OPTIONAL, Model, snake, unique  # noqa: E402
from tables import Tables, error_code, quoted, write_tables  # noqa: E402

GENERATOR = [pathlib.Path(__file__).with_name(name) for name in ("generate.py", "model.py", "tables.py")]


def write_header(model):
    out = [
        f"/* Generated from {model.source}: do not edit. model/shape.h says how shapes look in C. */",
        "#pragma once",
        "",
        *[f'#include "{used.header}"' for used in model.uses.values()],
        '#include "model/shape.h"',
        "",
    ]
    for shape in model.of_kind("enum"):
        values = ",\n    ".join([f"{shape.enumerators[0]} = 0"] + shape.enumerators[1:])
        out.append(f"{shape.c_type} {{\n    {values},\n}};")
    out += [f"{shape.c_type};" for shape in model.of_kind("structure")]
    for shape in model.of_kind("list"):
        item = model.find(shape.facts["member"]["shape"])
        out.append(f"{shape.c_type} {{\n    {item.item_type} *items;\n    size_t count;\n}};")
    for shape in model.of_kind("map"):
        out.append(f"{shape.c_type} {{\n    {shape.c_type}_entry *items;\n    size_t count;\n}};")
    for shape in model.of_kind("structure"):
        out.append(structure_text(model, shape))
    for shape in model.of_kind("map"):
        key, value = (model.find(shape.facts[role]["shape"]).item_type for role in ("key", "value"))
        out.append(f"{shape.c_type}_entry {{\n    {key} key;\n    {value} value;\n}};")
    out += Tables(model).declaration()
    out += error_constants(model)
    return "\n".join(out) + "\n"


def structure_text(model, shape):
    required = shape.facts.get("required", [])
    values, flags = [], []
    for name, member in shape.members.items():
        of = model.find(member["shape"])
        field = shape.fields[name]
        remark = " /* required */" if name in required else ""
        values.append(f"    {of.member_type}{field};{remark}")
        if of.kind in OPTIONAL:
            flags.append(f"    bool has_{field};")
    if not values:
        values = ["    char empty; /* C has no empty structs */"]
    return "\n".join([f"{shape.c_type} {{", *values, *flags, "};"])


def error_constants(model):
    taken = set()
    for shape in model.of_kind("structure"):
        if shape.facts.get("exception"):
            name = unique(f"{model.prefix}_error_{snake(shape.name)}".upper(), taken)
            yield f"#define {name} {quoted(error_code(shape))}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--depfile", type=pathlib.Path)
    args = parser.parse_args()

    model = Model(args.model.resolve())
    header, tables = args.out / f"{model.prefix}.h", args.out / f"{model.prefix}.c"
    header.write_text(write_header(model))
    tables.write_text(write_tables(model))
    if args.depfile:
        args.depfile.write_text(f"{header} {tables}: {' '.join(map(str, GENERATOR + model.files))}\n")


if __name__ == "__main__":
    main()
