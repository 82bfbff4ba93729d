"""Unit tests of the generator: names, translation of patterns, what it refuses."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.dont_write_bytecode = True
import generate  # noqa: E402


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
            self.assertEqual(generate.snake(name), expected, name)

    def test_unique(self):
        taken = set()
        self.assertEqual(generate.unique("name", taken), "name")
        self.assertEqual(generate.unique("name", taken), "name_")
        self.assertEqual(generate.unique("name", taken), "name__")
        self.assertEqual(generate.unique("default", taken), "default_")
        self.assertEqual(generate.unique("register", taken), "register_")

    def test_tag_is_fnv1a(self):
        self.assertEqual(generate.fnv1a(""), 0x811C9DC5)
        self.assertEqual(generate.fnv1a("foobar"), 0xBF9CF968)  # a published test vector

    def test_quoted(self):
        self.assertEqual(generate.quoted('a"b\\c'), '"a\\"b\\\\c"')
        self.assertEqual(generate.quoted("é"), '"\\303\\251"')
        self.assertEqual(generate.quoted("??="), '"\\?\\?="')

    def test_regex(self):
        for java, pcre in {
            r"[\u0020-\uD7FF\uD800\uDC00-\uDBFF\uDFFF]": r"[\x{0020}-\x{D7FF}\x{10000}-\x{10FFFF}]",
            r"\p{Print}+": r"[\x20-\x7E]+",
            r"[\w-_]": r"[\w\-_]",
        }.items():
            self.assertEqual(generate.regex(java, None), generate.quoted(pcre))
        self.assertEqual(generate.regex("^.{1,100000}$", 100000), '"^.{1,}$"')


class Models(unittest.TestCase):
    def run_on(self, model):
        with tempfile.TemporaryDirectory(dir=generate.ROOT / "src" / "model") as folder:
            path = pathlib.Path(folder) / "records.json"
            path.write_text(json.dumps(model))
            command = [sys.executable, generate.__file__, path, folder]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            header = pathlib.Path(folder) / f"{model['metadata']['id']}.h"
            return done.returncode, done.stderr, header.read_text() if header.exists() else ""

    def test_uses_shapes_of_apis(self):
        _, _, header = self.run_on(
            {
                "metadata": {"id": "r", "uses": ["ecs"]},
                "shapes": {"R": {"type": "structure", "members": {"task": {"shape": "ecs.Task"}}}},
            }
        )
        self.assertIn('#include "model/gen/ecs.h"', header)
        self.assertIn("struct ecs_task *task;", header)

    def test_uses_shapes_of_our_own_models(self):
        _, _, header = self.run_on(
            {
                "metadata": {"id": "r", "uses": ["src/model/model_test.json"]},
                "shapes": {"R": {"type": "structure", "members": {"tree": {"shape": "model_test.Tree"}}}},
            }
        )
        self.assertIn('#include "model/model_test.h"', header)
        self.assertIn("struct model_test_tree *tree;", header)

    def test_refuses_unknown_shapes(self):
        for shape in ("Missing", "ecs.Missing", "ec2.Vpc"):
            code, error, _ = self.run_on(
                {
                    "metadata": {"id": "r", "uses": ["ecs"]},
                    "shapes": {"R": {"type": "structure", "members": {"x": {"shape": shape}}}},
                }
            )
            self.assertNotEqual(code, 0)
            self.assertIn(f"there is no shape {shape}", error)

    def test_clashing_names_get_underscores(self):
        _, _, header = self.run_on(
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
