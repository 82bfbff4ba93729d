"""Unit tests of the generator: names, translation of patterns, what it refuses."""

import json
import pathlib
import shutil
import sys
import tempfile
import unittest
import unittest.mock

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.dont_write_bytecode = True
import generate  # noqa: E402
import model  # noqa: E402
import tables  # noqa: E402


class Names(unittest.TestCase):
    def test_snake(self):
        for name, expected in {
            "networkConfiguration": "network_configuration",
            "enableECSManagedTags": "enable_ecs_managed_tags",
            "VpcIds": "vpc_ids",
            "EBSOptimized": "ebs_optimized",
            "Ipv6CidrBlock": "ipv6_cidr_block",
            "IPv6Native": "ipv6_native",
            "containerInstanceARNs": "container_instance_arns",
            "TargetGroupARN": "target_group_arn",
            "CIDRs": "cidrs",
            "MemoryMiB": "memory_mib",
            "ChecksumCRC32C": "checksum_crc32c",
            "S3Bucket": "s3_bucket",
            "SHA256": "sha256",
            "ec2": "ec2",
            "aws:kms": "aws_kms",
            "t3.2xlarge": "t3_2xlarge",
            "ChangeInCapacity": "change_in_capacity",
            "X-Amz-Date": "x_amz_date",
            "": "empty",
            "*": "empty",
        }.items():
            self.assertEqual(model.snake(name), expected, name)

    def test_unique(self):
        taken = set()
        self.assertEqual(model.unique("name", taken), "name")
        self.assertEqual(model.unique("name", taken), "name_")
        self.assertEqual(model.unique("name", taken), "name__")
        self.assertEqual(model.unique("default", taken), "default_")
        self.assertEqual(model.unique("register", taken), "register_")

    def test_tag_is_fnv1a(self):
        self.assertEqual(model.fnv1a(""), 0x811C9DC5)
        self.assertEqual(model.fnv1a("foobar"), 0xBF9CF968)  # a published test vector

    def test_quoted(self):
        self.assertEqual(tables.quoted('a"b\\c'), '"a\\"b\\\\c"')
        self.assertEqual(tables.quoted("é"), '"\\303\\251"')
        self.assertEqual(tables.quoted("??="), '"\\?\\?="')

    def test_regex(self):
        for java, pcre in {
            r"[\u0020-\uD7FF\uD800\uDC00-\uDBFF\uDFFF]": r"[\x{0020}-\x{D7FF}\x{10000}-\x{10FFFF}]",
            r"\p{Print}+": r"[\x20-\x7E]+",
            r"[\w-_]": r"[\w\-_]",
        }.items():
            self.assertEqual(tables.regex(java, None), pcre)
        self.assertEqual(tables.regex("^.{1,100000}$", 100000), "^.{1,}$")


class Models(unittest.TestCase):
    """On a project of their own: a folder with the real models and one of ours in src/."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        root = pathlib.Path(folder.name)
        (root / "src" / "plane").mkdir(parents=True)
        (root / "models").symlink_to(model.ROOT / "models")
        shutil.copy(model.ROOT / "src" / "model" / "model_test.json", root / "src" / "plane")
        for name, value in {"ROOT": root, "API_MODELS": root / "models"}.items():
            patch = unittest.mock.patch.object(model, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def header_of(self, text):
        path = model.ROOT / "src" / "plane" / "r.json"
        path.write_text(json.dumps(text))
        return generate.write_header(model.Model(path))

    def test_uses_shapes_of_apis(self):
        header = self.header_of(
            {
                "metadata": {"id": "r", "uses": ["ecs"]},
                "shapes": {"R": {"type": "structure", "members": {"task": {"shape": "ecs.Task"}}}},
            }
        )
        self.assertIn('#include "model/gen/ecs.h"', header)
        self.assertIn("struct ecs_task *task;", header)

    def test_uses_shapes_of_our_own_models(self):
        header = self.header_of(
            {
                "metadata": {"id": "r", "uses": ["src/plane/model_test.json"]},
                "shapes": {"R": {"type": "structure", "members": {"tree": {"shape": "model_test.Tree"}}}},
            }
        )
        self.assertIn('#include "plane/model_test.h"', header)
        self.assertIn("struct model_test_tree *tree;", header)

    def test_refuses_unknown_shapes(self):
        for shape in ("Missing", "ecs.Missing", "ec2.Vpc"):
            with self.assertRaisesRegex(SystemExit, f"there is no shape {shape}"):
                self.header_of(
                    {
                        "metadata": {"id": "r", "uses": ["ecs"]},
                        "shapes": {"R": {"type": "structure", "members": {"x": {"shape": shape}}}},
                    }
                )

    def test_refuses_what_it_cannot_say(self):
        for shapes, message in (
            ({"N": {"type": "double", "min": 0.5}}, "not a whole number"),
            (
                {"F": {"type": "boolean"}, "R": {"type": "structure", "members": {n: {"shape": "F"} for n in ("has_a", "a")}}},
                "has both a and has_a",
            ),
        ):
            with self.assertRaisesRegex(SystemExit, message):
                path = model.ROOT / "src" / "plane" / "r.json"
                path.write_text(json.dumps({"metadata": {"id": "r"}, "shapes": shapes}))
                tables.write_tables(model.Model(path))

    def test_depends_on_all_it_read(self):
        path = model.ROOT / "src" / "plane" / "r.json"
        path.write_text(json.dumps({"metadata": {"id": "r", "uses": ["ecs"]}, "shapes": {}}))
        names = [file.name for file in model.Model(path).files]
        self.assertEqual(names, ["r.json", "ecs.json", "ecs.paginators.json"])

    def test_clashing_names_get_underscores(self):
        header = self.header_of(
            {
                "metadata": {"id": "r"},
                "shapes": {
                    "Mode": {"type": "string", "enum": ["NONE", "a.b", "a-b"]},
                    "R": {"type": "structure", "members": {"aB": {"shape": "Mode"}, "AB": {"shape": "Mode"}}},
                },
            }
        )
        self.assertIn("R_MODE_NONE = 0,\n    R_MODE_NONE_,\n    R_MODE_A_B,\n    R_MODE_A_B_,", header)
        self.assertIn("enum r_mode a_b;", header)
        self.assertIn("enum r_mode ab;", header)


if __name__ == "__main__":
    unittest.main()
