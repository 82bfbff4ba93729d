"""The models as the generator sees them: read from JSON, every shape named for C. What is refused here cannot be said in C."""

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


class Shape:
    """A shape of the model with its names in C."""

    def __init__(self, model, name, facts):
        self.model = model  # that declares it
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

    def refers_to(self):
        """The shapes of its members, of its items or of its keys and values."""
        roles = {"list": ("member",), "map": ("key", "value")}.get(self.kind, ())
        uses = self.members.values() if self.kind == "structure" else [self.facts[role] for role in roles]
        return [self.model.find(use["shape"]) for use in uses]

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
        self.shapes = {name: Shape(self, name, text["shapes"][name]) for name in sorted(text["shapes"])}
        self.name_shapes()

    @property
    def header(self):
        """How other folders include it."""
        folder = "model/gen" if self.is_api else self.path.parent.relative_to(ROOT / "src")
        return f"{folder}/{self.prefix}.h"

    @property
    def source(self):
        """Where it was read from, for the head of what is generated."""
        return self.path.relative_to(ROOT)

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

    def closure(self):
        """Its shapes, and behind them those of other models that they lead to."""
        found = {shape.symbol: shape for shape in self.shapes.values()}
        waiting = list(found.values())
        while waiting:
            for shape in waiting.pop().refers_to():
                if shape.symbol not in found:
                    found[shape.symbol] = shape
                    waiting.append(shape)
        return list(found.values())

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
