#!/usr/bin/env python3
"""The rules of bench/run that need no measuring: how many more instructions are too many, where its tables go.

usage: bench_test.py PROJECT
"""
import contextlib
import io
import json
import pathlib
import sys
import tempfile
import unittest

PROJECT = pathlib.Path(sys.argv.pop(1)).resolve()
sys.path.insert(0, str(PROJECT / "bench"))

import instructions
import measure
import report


def worse(counted, baseline):
    with contextlib.redirect_stdout(io.StringIO()):
        return instructions.compare(counted, baseline)


class InstructionsTest(unittest.TestCase):
    def test_one_percent_more_is_tolerated_and_nothing_beyond(self):
        self.assertEqual(worse({"direct/3": 1010.0}, {"direct/3": 1000.0}), [])
        self.assertEqual(worse({"direct/3": 1010.2}, {"direct/3": 1000.0}), ["direct/3"])
        self.assertEqual(worse({"direct/3": 900.0}, {"direct/3": 1000.0}), [])

    def test_rounding_alone_breaks_nothing(self):
        self.assertEqual(worse({"accounting": 8.2}, {"accounting": 8.1}), [])
        self.assertEqual(worse({"accounting": 9.1}, {"accounting": 8.1}), ["accounting"])

    def test_a_scenario_without_a_baseline_is_told(self):
        self.assertEqual(worse({"new": 1.0}, {}), ["new"])

    def test_every_counted_scenario_has_a_baseline(self):
        baseline = json.loads((PROJECT / "bench/baseline.json").read_text())
        self.assertEqual(set(report.INSTRUCTIONS), set(baseline))


class TablesTest(unittest.TestCase):
    def test_a_table_replaces_what_stands_between_the_marks_and_nothing_else(self):
        with tempfile.TemporaryDirectory() as folder:
            document = pathlib.Path(folder) / "README.md"
            document.write_text("before\n<!-- bench/run -->\n| old |\n<!-- /bench/run -->\nbehind\n")
            measure.into_document(document, "| new |\n")
            self.assertEqual(document.read_text(), "before\n<!-- bench/run -->\n| new |\n<!-- /bench/run -->\nbehind\n")

    def test_a_document_without_the_marks_is_told(self):
        with tempfile.TemporaryDirectory() as folder:
            document = pathlib.Path(folder) / "README.md"
            document.write_text("no place for a table\n")
            with self.assertRaisesRegex(SystemExit, "README.md has no place"):
                measure.into_document(document, "| new |\n")

    def test_the_documents_say_what_was_recorded(self):
        figures = json.loads((PROJECT / "bench/measured.json").read_text())
        self.assertIn("-->\n" + report.selection(figures) + "<!-- /", (PROJECT / "README.md").read_text())
        everything = (PROJECT / "bench/README.md").read_text()
        for row in figures["rows"]:
            self.assertIn("| %s | %.1f | %.1f |" % (row["what"], row["ns"], row["allocations"]), everything)
        for goal in figures["goals"]:
            self.assertIn("| %s | %.2f |" % (goal["goal"], goal["measured"]), everything)


unittest.main()
