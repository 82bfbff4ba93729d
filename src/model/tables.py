"""The tables of a model: the rows of shape.h, in one object that holds no pointer, and where each of them stands in it."""

import re
import sys

from model import NAMED, OPTIONAL, SCALARS, Shape, fnv1a, snake

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


def quoted(text):
    """A C string literal."""
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
    return pattern


def whole(number):
    if int(number) != number:
        sys.exit(f"a bound that is not a whole number: {number}")
    return f"INT64_C({int(number)})"


def row(**fields):
    """A designated initialiser without the fields that are False, None or zero anyway."""
    given = [f".{key} = {'true' if value is True else value}" for key, value in fields.items() if value]
    return "{" + ", ".join(given) + "}"


def error_code(shape):
    return shape.facts.get("error", {}).get("code", shape.name)


def kind_of(shape):
    return f"SHAPE_{NAMED[shape.kind] if shape.kind in NAMED else SCALARS[shape.kind][0]}"


def first(value):
    """Of several tokens or results of a paginator the first: the others follow it."""
    return value[0] if isinstance(value, list) else value


class Tables:
    """All rows of a model's object, as C. A shape of another model that its shapes lead to stands in it once more: a row
    cannot lead out of its object."""

    def __init__(self, model):
        self.model = model
        self.name = f"{model.prefix}_tables"
        self.text = {}  # each text once -> where it stands
        self.text_size = 0
        self.lists = []
        self.orders = []
        self.members = []
        shapes = model.closure()
        nothing = Shape(model, "Nothing", {"type": "structure"})
        nothing.symbol, nothing.c_type = "nothing", "struct nothing"
        if any(role not in facts for facts in model.operations.values() for role in ("input", "output")):
            shapes.append(nothing)
        self.place = {shape.symbol: f"shapes[{index}]" for index, shape in enumerate(shapes)}
        self.shapes = [self.shape_row(shape) for shape in shapes]
        self.operations = [self.operation_row(f"operations[{index}]", *operation)
                           for index, operation in enumerate(model.operations.items())]
        self.service = self.service_row()

    def away(self, row, target):
        """How far the target is from the row."""
        return f"AWAY({row}, {target})"

    def away_text(self, row, text):
        if text is None:
            return None
        if text not in self.text:
            self.text[text] = self.text_size
            self.text_size += len(text.encode()) + 1
        return self.away(row, f"text[{self.text[text]}]")

    def away_list(self, row, distances):
        """A list of distances from the row."""
        at = len(self.lists)
        self.lists += distances
        return self.away(row, f"lists[{at}]")

    def shape_row(self, shape):
        facts = shape.facts
        at = self.place[shape.symbol]
        fields = {"name": self.away_text(at, shape.name), "kind": kind_of(shape), "size": f"sizeof({shape.c_type})"}
        if shape.kind == "structure":
            fields |= self.structure_fields(at, shape)
        elif shape.kind == "list":
            fields |= {
                "element": self.away_shape(at, shape, facts["member"]),
                "element_name": self.away_text(at, facts["member"].get("locationName")),
            }
        elif shape.kind == "map":
            fields |= {
                "element": self.away_shape(at, shape, facts["value"]),
                "key": self.away_shape(at, shape, facts["key"]),
                "key_name": self.away_text(at, facts["key"].get("locationName")),
                "value_name": self.away_text(at, facts["value"].get("locationName")),
                "value_offset": f"offsetof({shape.c_type}_entry, value)",
                "entry_size": f"sizeof({shape.c_type}_entry)",
            }
        elif shape.kind == "enum":
            fields |= self.enum_fields(at, facts["enum"])
        return row(**fields, **self.constraint_fields(at, facts))

    def away_shape(self, row, shape, use):
        return self.away(row, self.place[shape.model.find(use["shape"]).symbol])

    def enum_fields(self, at, names):
        order = len(self.orders)
        self.orders += sorted(range(len(names)), key=lambda index: names[index].encode())
        return {
            "enum_names": self.away_list(at, [self.away_text(at, name) for name in names]),
            "enum_order": self.away(at, f"orders[{order}]"),
            "enum_count": len(names),
        }

    def constraint_fields(self, at, facts):
        return {
            "has_min": "min" in facts,
            "has_max": "max" in facts,
            "min": whole(facts["min"]) if facts.get("min") else None,
            "max": whole(facts["max"]) if facts.get("max") else None,
            "pattern": self.away_text(at, facts.get("pattern")),
            "regex": self.away_text(at, regex(facts.get("pattern"), facts.get("max"))),
            "sensitive": facts.get("sensitive", False),
            "flattened": facts.get("flattened", False),
            "timestamp_format": TIMESTAMP_FORMATS.get(facts.get("timestampFormat")),
        }

    def structure_fields(self, at, shape):
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
                "error_code": self.away_text(at, error_code(shape)),
                "error_status": error.get("httpStatusCode"),
            }
        if not shape.members:
            return fields
        tags = {fnv1a(name) for name in shape.members}
        if len(tags) != len(shape.members) or 0 in tags:
            sys.exit(f"{self.model.id}: members of {shape.name} have the same tag, or tag 0: rename one")
        fields |= {"members": self.away(at, f"members[{len(self.members)}]"), "member_count": len(shape.members)}
        for name, member in shape.members.items():
            self.members.append(self.member_row(f"members[{len(self.members)}]", shape, name, member))
        return fields

    def member_row(self, at, shape, name, member):
        of = shape.model.find(member["shape"])
        field = shape.fields[name]
        return row(
            name=self.away_text(at, name),
            shape=self.away_shape(at, shape, member),
            location_name=self.away_text(at, member.get("locationName")),
            query_name=self.away_text(at, member.get("queryName")),
            xml_namespace=self.away_text(at, member.get("xmlNamespace", {}).get("uri")),
            tag=f"0x{fnv1a(name):08x}",
            offset=f"offsetof({shape.c_type}, {field})",
            has_offset=f"offsetof({shape.c_type}, has_{field})" if of.kind in OPTIONAL else None,
            kind=kind_of(of),
            location=LOCATIONS[member["location"]] if "location" in member else None,
            timestamp_format=TIMESTAMP_FORMATS.get(member.get("timestampFormat")),
            required=name in shape.facts.get("required", []),
            idempotency_token=member.get("idempotencyToken", False),
            flattened=member.get("flattened", False),
            sensitive=member.get("sensitive", False) or of.facts.get("sensitive", False),
            payload=shape.facts.get("payload") == name,
            streaming=member.get("streaming", False),
            xml_attribute=member.get("xmlAttribute", False),
        )

    def operation_row(self, at, name, facts):
        errors = sorted({self.model.find(error["shape"]).symbol for error in facts.get("errors", [])})
        http = facts.get("http", {})

        def end(role):
            return self.away(at, self.place[self.model.find(facts[role]["shape"]).symbol if role in facts else "nothing"])

        return row(
            name=self.away_text(at, name),
            service=self.away(at, "service"),
            http_method=self.away_text(at, http.get("method", "POST")),
            uri=self.away_text(at, http.get("requestUri", "/")),
            success_status=http.get("responseCode"),
            input=end("input"),
            output=end("output"),
            result_wrapper=self.away_text(at, facts.get("output", {}).get("resultWrapper")),
            errors=self.away_list(at, [self.away(at, self.place[error]) for error in errors]) if errors else None,
            error_count=len(errors),
            unsigned_allowed=facts.get("authtype") == "none",
            pagination=self.pagination_row(f"{at}.pagination", self.model.paginators.get(name, {})),
        )

    def pagination_row(self, at, facts):
        keys = ("input_token", "output_token", "limit_key", "result_key")
        return row(**{key: self.away_text(at, first(facts[key])) for key in keys if key in facts}) if facts else None

    def service_row(self):
        facts = self.model.metadata
        protocols = [PROTOCOLS[name] for name in facts.get("protocols", [])]
        texts = {
            "id": self.model.id,
            "signing_name": facts.get("signingName", facts.get("endpointPrefix")),
            "api_version": facts.get("apiVersion"),
            "target_prefix": facts.get("targetPrefix"),
            "json_version": facts.get("jsonVersion"),
            "xml_namespace": facts.get("xmlNamespace"),
        }
        return row(
            **{key: self.away_text("service", text) for key, text in texts.items()},
            # The protocol of requests that do not tell: of several, the one before CBOR.
            protocol=next((protocol for protocol in protocols if protocol != "PROTOCOL_CBOR"), None),
            protocols=" | ".join(f"1U << {protocol}" for protocol in protocols),
            query_compatible="awsQueryCompatible" in facts,
            shapes=self.away("service", "shapes"),
            shape_count=len(self.model.shapes),
            operations=self.away("service", "operations") if self.operations else None,
            operation_count=len(self.operations),
        )

    def arrays(self):
        """Type, name, count and rows of all that the object consists of behind the service's row."""
        return [
            (type_, name, len(rows), rows)
            for type_, name, rows in (
                ("struct operation", "operations", self.operations),
                ("struct shape", "shapes", self.shapes),
                ("struct member", "members", self.members),
                ("int32_t", "lists", self.lists),
                ("uint16_t", "orders", [str(index) for index in self.orders]),
            )
            if rows
        ] + [("char", "text", self.text_size + 1, [quoted(text + "\0") for text in self.text])]

    def declaration(self):
        """The object and the names of its rows, for the header."""
        model = self.model
        shapes = {shape.symbol: self.place[shape.symbol] for shape in model.shapes.values()}
        operations = {f"{model.prefix}_{snake(name)}_operation": f"operations[{index}]"
                      for index, name in enumerate(model.operations)}
        return [
            f"extern const struct {self.name} {{",
            "    struct service service;",
            *[f"    {type_} {name}[{count}];" for type_, name, count, _ in self.arrays()],
            f"}} {self.name};",
            *[f"#define {name} {self.name}.{place}" for name, place in (shapes | operations).items()],
        ]

    def definition(self):
        """The object, for the C file."""
        out = [
            f"#define AWAY(row, to) (int32_t)(offsetof(struct {self.name}, to) - offsetof(struct {self.name}, row))",
            "",
            f"const struct {self.name} {self.name} = {{",
            f"    .service = {self.service},",
        ]
        for _, name, _, rows in self.arrays():
            joint = "\n        " if name == "text" else ",\n        "
            begin, end = ("", "") if name == "text" else ("{", "}")
            out.append(f"    .{name} = {begin}\n        {joint.join(rows)}{end},")
        return out + ["};"]


def write_tables(model):
    out = [
        f"/* Generated from {model.source}: do not edit. */",
        f'#include "{model.header}"',
        "",
        *Tables(model).definition(),
    ]
    return "\n".join(out) + "\n"
