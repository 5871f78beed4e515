#!/usr/bin/env python3
"""What libmodapi/abi/record writes, and what it refuses; and whether the build's version is that of another interface's
release.

usage: record_test.py PROJECT BUILD
"""
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

BUILD = pathlib.Path(sys.argv.pop()).resolve()
ABI = pathlib.Path(sys.argv.pop()).resolve() / "libmodapi/abi"
VERSION = re.search(r'MODAPI_VERSION "(.*)"', (BUILD / "include/modapi/version.h").read_text()).group(1)
OTHER = "0123456789abcdef"


class Record(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = pathlib.Path(folder.name) / "interfaces.txt"
        self.file.write_text("# releases\n0.0.9 %s\n" % OTHER)

    def record(self, *options):
        return subprocess.run([ABI / "record", BUILD, "--file", self.file, *options], capture_output=True, text=True)

    def test_writes_version_and_mark_once(self):
        for _ in range(2):
            self.assertEqual(self.record().stderr, "")
        self.assertRegex(self.file.read_text(), r"\A# releases\n0\.0\.9 %s\n%s [0-9a-f]{16}\n\Z" % (OTHER, re.escape(VERSION)))

    def test_refuses_a_version_that_has_another_interface(self):
        self.file.write_text("%s %s\n" % (VERSION, OTHER))
        for options in (), ("--check",):
            refused = self.record(*options)
            self.assertEqual(refused.returncode, 1)
            self.assertRegex(refused.stderr, r"\A[^\n]*is recorded with another interface[^\n]*raise the version[^\n]*\n\Z")

    def test_refuses_a_version_that_is_older_than_the_last(self):
        self.file.write_text("99.0.0 %s\n" % OTHER)
        self.assertIn("is older than what is recorded last", self.record().stderr)

    def test_names_the_line_that_is_none(self):
        self.file.write_text("# releases\n1.0 none\n")
        self.assertIn("interfaces.txt:2: must be a version and a mark", self.record().stderr)

    def test_only_looks_if_that_is_asked(self):
        before = self.file.read_text()
        self.assertEqual(self.record("--check").returncode, 0)
        self.assertEqual(self.file.read_text(), before)


class Tree(unittest.TestCase):
    def test_has_a_number_of_its_own_if_its_headers_are_no_releases(self):
        checked = subprocess.run([ABI / "record", BUILD, "--check"], capture_output=True, text=True)
        self.assertEqual(checked.stderr, "")


unittest.main()
