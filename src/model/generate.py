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
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
API_MODELS = ROOT / "models"

# Words that cannot name a member: C's own, macros of the C library and of gnu17, macros of base/.
RESERVED = set(
    """auto break case char const continue default do double else enum extern float for goto if inline int long register
    restrict return short signed sizeof static struct switch typedef union unsigned void volatile while asm typeof
    bool true false linux unix i386 errno stdin stdout stderr assert checked unused""".split()
)

SCALARS = {  # kind -> (SHAPE_ kind, C type); the ones with has_x are in OPTIONAL
    "string": ("STRING", "struct str"),
    "blob": ("BLOB", "struct str"),
    "document": ("DOCUMENT", "struct str"),
    "boolean": ("BOOLEAN", "bool"),
    "integer": ("INTEGER", "int32_t"),
    "long": ("LONG", "int64_t"),
    "float": ("DOUBLE", "double"),
    "double": ("DOUBLE", "double"),
    "timestamp": ("TIMESTAMP", "int64_t"),
}
OPTIONAL = {"boolean", "integer", "long", "float", "double", "timestamp"}
NAMED = {"structure": "STRUCTURE", "list": "LIST", "map": "MAP", "enum": "ENUM"}  # the ones with a C type of their own

PROTOCOLS = {
    "json": "PROTOCOL_JSON",
    "query": "PROTOCOL_QUERY",
    "ec2": "PROTOCOL_EC2",
    "rest-json": "PROTOCOL_REST_JSON",
    "rest-xml": "PROTOCOL_REST_XML",
    "smithy-rpc-v2-cbor": "PROTOCOL_CBOR",
}
LOCATIONS = {
    "header": "LOCATION_HEADER",
    "headers": "LOCATION_HEADERS",
    "uri": "LOCATION_URI",
    "querystring": "LOCATION_QUERY",
    "statusCode": "LOCATION_STATUS",
}
TIMESTAMP_FORMATS = {
    "iso8601": "TIMESTAMP_ISO8601",
    "unixTimestamp": "TIMESTAMP_EPOCH",
    "rfc822": "TIMESTAMP_HTTP",
}


def snake(name):
    """networkConfiguration -> network_configuration, enableECSManagedTags -> enable_ecs_managed_tags."""
    for word in ("IPv", "MiB", "GiB", "CRC32C"):  # one word each, though their capitals say otherwise
        name = name.replace(word, word.capitalize())
    name = re.sub(r"([A-Z]{2,}s)(?=[A-Z]|$)", lambda plural: plural[1].capitalize(), name)  # taskARNs: task_arns
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    name = re.sub(r"([A-Z])([A-Z][a-z])", r"\1_\2", name)
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "empty"


def unique(name, taken):
    """The name, with as many underscores behind it as make it new; it is taken from then on."""
    while name in taken or name in RESERVED:
        name += "_"
    taken.add(name)
    return name


def fnv1a(text):
    value = 0x811C9DC5
    for byte in text.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def quoted(text):
    """A C string literal, or NULL."""
    if text is None:
        return "NULL"
    escaped = "".join(c if 32 <= ord(c) < 127 else "".join(f"\\{b:03o}" for b in c.encode()) for c in escape(text))
    return f'"{escaped}"'


def escape(text):
    # "?" too: trigraphs are on in the strict dialects of C.
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?")


def regex(pattern, length_max):
    """What PCRE2 compiles for a pattern, which is written for Java."""
    if pattern is None:
        return None
    pattern = pattern.replace(r"\uD800\uDC00-\uDBFF\uDFFF", r"\x{10000}-\x{10FFFF}")  # all that needs surrogates
    pattern = re.sub(r"\\u([0-9A-Fa-f]{4})", r"\\x{\1}", pattern)
    pattern = pattern.replace(r"\p{Print}", r"[\x20-\x7E]")  # Java: ASCII only
    pattern = re.sub(r"(\\[wds])-", r"\1\\-", pattern)  # [\w-_]: Java takes the hyphen as it is
    if length_max and length_max > 65535:  # PCRE2 cannot count that far; the length is checked anyway
        pattern = pattern.replace(f",{length_max}}}", ",}")
    return quoted(pattern)


def whole(number):
    if int(number) != number:
        sys.exit(f"a bound that is not a whole number: {number}")
    return f"INT64_C({int(number)})"


def row(**fields):
    """A designated initialiser without the fields that are False, None or zero anyway."""
    given = [f".{key} = {'true' if value is True else value}" for key, value in fields.items() if value]
    return "{" + ", ".join(given) + "}"


class Shape:
    """A shape of the model with its names in C."""

    def __init__(self, name, facts):
        self.name = name
        self.facts = facts
        self.kind = facts["type"]
        if facts.get("document"):
            self.kind = "document"
        elif self.kind == "string" and "enum" in facts:
            self.kind = "enum"
        self.c_type = None  # "struct ecs_task"
        self.symbol = None  # "ecs_task_shape"
        self.fields = {}  # structure: member name -> field name
        self.enumerators = []  # enum: NONE first

    @property
    def members(self):
        return self.facts.get("members", {})

    @property
    def item_type(self):
        """As it stands inside a list or map."""
        return self.c_type

    @property
    def member_type(self):
        """As it stands inside a structure."""
        return self.c_type + " *" if self.kind == "structure" else self.c_type + " "


class Model:
    """One model file: its shapes named for C, and the models it uses."""

    def __init__(self, path):
        self.path = path
        text = json.loads(path.read_text())
        self.metadata = text["metadata"]
        self.operations = dict(sorted(text.get("operations", {}).items()))
        self.id = self.metadata.get("id", path.stem)
        self.prefix = self.id.replace("-", "_")
        self.names = self.metadata.get("names", self.prefix + "_")  # in front of every C name
        self.is_api = "apiVersion" in self.metadata
        self.uses = {}
        for use in self.metadata.get("uses", []):
            used = Model(ROOT / use if use.endswith(".json") else API_MODELS / f"{use}.json")
            self.uses[used.id] = used
        self.paginators_path = path.with_suffix(".paginators.json")
        has_paginators = self.paginators_path.exists()
        self.paginators = json.loads(self.paginators_path.read_text())["pagination"] if has_paginators else {}
        self.shapes = {name: Shape(name, text["shapes"][name]) for name in sorted(text["shapes"])}
        self.name_shapes()

    @property
    def header(self):
        """How other folders include it."""
        folder = "model/gen" if self.is_api else self.path.parent.relative_to(ROOT / "src")
        return f"{folder}/{self.prefix}.h"

    @property
    def files(self):
        """All that was read for it."""
        own = [self.path] + ([self.paginators_path] if self.paginators else [])
        return own + [path for used in self.uses.values() for path in used.files]

    def find(self, name):
        model, _, shape = name.rpartition(".")
        shapes = self.uses[model].shapes if model in self.uses else self.shapes if not model else {}
        if shape not in shapes:
            sys.exit(f"{self.path}: there is no shape {name}")
        return shapes[shape]

    def of_kind(self, kind):
        return [shape for shape in self.shapes.values() if shape.kind == kind]

    def name_shapes(self):
        # Shapes with a C type take their names first: a string that spells like a structure must not rename it.
        tags, symbols, constants = set(), set(), set()
        for shape in sorted(self.shapes.values(), key=lambda shape: shape.kind not in NAMED):
            # Shapes without a C type of their own (String, Integer) may be in every model that has no prefix.
            names = self.names if shape.kind in NAMED else self.prefix + "_"
            name = f"{names}{snake(shape.name)}"
            shape.symbol = unique(name + "_shape", symbols)
            if shape.kind not in NAMED:
                shape.c_type = SCALARS[shape.kind][1]
                continue
            tag = unique(name, tags)
            shape.c_type = ("enum " if shape.kind == "enum" else "struct ") + tag
            if shape.kind == "enum":
                values = ["NONE"] + [snake(value) for value in shape.facts["enum"]]
                shape.enumerators = [unique(f"{tag}_{value}".upper(), constants) for value in values]
        for shape in self.of_kind("structure"):
            fields = set()
            shape.fields = {name: unique(snake(name), fields) for name in shape.members}
            for name, member in shape.members.items():
                if self.find(member["shape"]).kind in OPTIONAL and f"has_{shape.fields[name]}" in fields:
                    sys.exit(f"{self.id}: {shape.name} has both {name} and has_{shape.fields[name]}")


def write_header(model):
    out = [
        f"/* Generated from {model.path.relative_to(ROOT)}: do not edit. model/shape.h says how shapes look in C. */",
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
    out += [f"extern const struct shape {shape.symbol};" for shape in model.shapes.values()]
    if model.operations:
        out.append(f"extern const struct operation {model.prefix}_operations[{len(model.operations)}];")
    for index, name in enumerate(model.operations):
        out.append(f"#define {model.prefix}_{snake(name)}_operation {model.prefix}_operations[{index}]")
    out.append(f"extern const struct service {model.prefix}_service;")
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


def error_code(shape):
    return shape.facts.get("error", {}).get("code", shape.name)


def write_tables(model):
    out = [
        f"/* Generated from {model.path.relative_to(ROOT)}: do not edit. */",
        f'#include "{model.header}"',
        "",
    ]
    for shape in model.shapes.values():
        out += shape_text(model, shape)
    rows = []
    for name, facts in model.operations.items():
        errors, operation = operation_row(model, name, facts)
        out += errors
        rows.append(operation)
    if rows:
        out += [f"const struct operation {model.prefix}_operations[] = {{", *rows, "};"]
    out += service_text(model)
    return "\n".join(out) + "\n"


def shape_text(model, shape):
    """The tables of a shape and its row."""
    facts = shape.facts
    kind = NAMED[shape.kind] if shape.kind in NAMED else SCALARS[shape.kind][0]
    fields = {"name": quoted(shape.name), "kind": f"SHAPE_{kind}", "size": f"sizeof({shape.c_type})"}
    out = []
    if shape.kind == "structure":
        out, more = structure_fields(model, shape)
        fields |= more
    elif shape.kind == "list":
        fields |= {
            "element": "&" + model.find(facts["member"]["shape"]).symbol,
            "element_name": literal(facts["member"].get("locationName")),
        }
    elif shape.kind == "map":
        entry = f"{shape.c_type}_entry"
        fields |= {
            "element": "&" + model.find(facts["value"]["shape"]).symbol,
            "key": "&" + model.find(facts["key"]["shape"]).symbol,
            "key_name": literal(facts["key"].get("locationName")),
            "value_name": literal(facts["value"].get("locationName")),
            "value_offset": f"offsetof({entry}, value)",
            "entry_size": f"sizeof({entry})",
        }
    elif shape.kind == "enum":
        names = facts["enum"]
        order = sorted(range(len(names)), key=lambda index: names[index].encode())
        out = [
            f"static const char *const {shape.symbol}_names[] = {{{', '.join(map(quoted, names))}}};",
            f"static const uint16_t {shape.symbol}_order[] = {{{', '.join(map(str, order))}}};",
        ]
        fields |= {
            "enum_names": f"{shape.symbol}_names",
            "enum_order": f"{shape.symbol}_order",
            "enum_count": len(names),
        }
    if "pattern" in facts:
        out = [f"static struct compiled_pattern {shape.symbol}_compiled;"]
        fields["compiled"] = f"&{shape.symbol}_compiled"
    fields |= constraint_fields(facts)
    return out + [f"const struct shape {shape.symbol} = {row(**fields)};"]


def literal(text):
    """A C string literal, or nothing at all."""
    return None if text is None else quoted(text)


def constraint_fields(facts):
    return {
        "has_min": "min" in facts,
        "has_max": "max" in facts,
        "min": whole(facts["min"]) if facts.get("min") else None,
        "max": whole(facts["max"]) if facts.get("max") else None,
        "pattern": literal(facts.get("pattern")),
        "regex": regex(facts.get("pattern"), facts.get("max")),
        "sensitive": facts.get("sensitive", False),
        "flattened": facts.get("flattened", False),
        "timestamp_format": TIMESTAMP_FORMATS.get(facts.get("timestampFormat")),
    }


def structure_fields(model, shape):
    facts = shape.facts
    error = facts.get("error", {})
    fields = {
        "is_union": facts.get("union", False),
        "is_event_stream": facts.get("eventstream", False),
    }
    if facts.get("exception"):
        fields |= {
            "is_exception": True,
            "is_fault": facts.get("fault", not error.get("senderFault", True)),
            "error_code": quoted(error_code(shape)),
            "error_status": error.get("httpStatusCode"),
        }
    if not shape.members:
        return [], fields
    tags = {fnv1a(name) for name in shape.members}
    if len(tags) != len(shape.members) or 0 in tags:
        sys.exit(f"{model.id}: members of {shape.name} have the same tag, or tag 0: rename one")
    rows = [member_text(model, shape, name, member) for name, member in shape.members.items()]
    table = f"{shape.symbol}_members"
    out = [f"static const struct member {table}[] = {{", *rows, "};"]
    return out, fields | {"members": table, "member_count": len(rows)}


def member_text(model, shape, name, member):
    of = model.find(member["shape"])
    field = shape.fields[name]
    return "    " + row(
        name=quoted(name),
        location_name=literal(member.get("locationName")),
        query_name=literal(member.get("queryName")),
        xml_namespace=literal(member.get("xmlNamespace", {}).get("uri")),
        shape="&" + of.symbol,
        kind=f"SHAPE_{NAMED[of.kind] if of.kind in NAMED else SCALARS[of.kind][0]}",
        tag=f"0x{fnv1a(name):08x}",
        offset=f"offsetof({shape.c_type}, {field})",
        has_offset=f"offsetof({shape.c_type}, has_{field})" if of.kind in OPTIONAL else None,
        location=LOCATIONS[member["location"]] if "location" in member else None,
        timestamp_format=TIMESTAMP_FORMATS.get(member.get("timestampFormat")),
        required=name in shape.facts.get("required", []),
        idempotency_token=member.get("idempotencyToken", False),
        flattened=member.get("flattened", False),
        sensitive=member.get("sensitive", False) or of.facts.get("sensitive", False),
        payload=shape.facts.get("payload") == name,
        streaming=member.get("streaming", False),
        xml_attribute=member.get("xmlAttribute", False),
    ) + ","


def operation_row(model, name, facts):
    """The table of its errors, and its row."""
    table, out = f"{model.prefix}_{snake(name)}_errors", []
    errors = sorted({model.find(error["shape"]).symbol for error in facts.get("errors", [])})
    if errors:
        out = [f"static const struct shape *const {table}[] = {{{', '.join('&' + e for e in errors)}}};"]

    def end(role):
        return "&" + model.find(facts[role]["shape"]).symbol if role in facts else "&nothing_shape"

    http = facts.get("http", {})
    fields = {
        "name": quoted(name),
        "service": f"&{model.prefix}_service",
        "http_method": quoted(http.get("method", "POST")),
        "uri": quoted(http.get("requestUri", "/")),
        "success_status": http.get("responseCode"),
        "input": end("input"),
        "output": end("output"),
        "result_wrapper": literal(facts.get("output", {}).get("resultWrapper")),
        "errors": table if errors else None,
        "error_count": len(errors),
        "unsigned_allowed": facts.get("authtype") == "none",
        "pagination": pagination_text(model.paginators.get(name)),
    }
    return out, f"    {row(**fields)},"


def pagination_text(facts):
    """The first of several tokens or results: the others follow it."""
    if facts is None:
        return None
    first = {key: value[0] if isinstance(value, list) else value for key, value in facts.items()}
    return row(**{key: literal(first.get(key)) for key in ("input_token", "output_token", "limit_key", "result_key")})


def service_text(model):
    facts = model.metadata
    prefix = model.prefix
    protocols = [PROTOCOLS[name] for name in facts.get("protocols", [])]
    fields = {
        "id": quoted(model.id),
        "signing_name": literal(facts.get("signingName", facts.get("endpointPrefix"))),
        "api_version": literal(facts.get("apiVersion")),
        "target_prefix": literal(facts.get("targetPrefix")),
        "json_version": literal(facts.get("jsonVersion")),
        "xml_namespace": literal(facts.get("xmlNamespace")),
        # The protocol of requests that do not tell: of several, the one before CBOR.
        "protocol": next((protocol for protocol in protocols if protocol != "PROTOCOL_CBOR"), None),
        "protocols": " | ".join(f"1U << {protocol}" for protocol in protocols),
        "query_compatible": "awsQueryCompatible" in facts,
        "shapes": f"{prefix}_shapes",
        "shape_count": len(model.shapes),
    }
    out = []
    if model.operations:
        fields |= {"operations": f"{prefix}_operations", "operation_count": len(model.operations)}
    rows = ",\n    ".join("&" + model.shapes[name].symbol for name in model.shapes)
    out.append(f"static const struct shape *const {prefix}_shapes[] = {{\n    {rows},\n}};")
    return out + [f"const struct service {prefix}_service = {row(**fields)};"]


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
        args.depfile.write_text(f"{header} {tables}: {' '.join(map(str, model.files))}\n")


if __name__ == "__main__":
    main()
