#!/usr/bin/env python3
"""Whether installing the project's packages starts no service: what libasync/cmake/build.sh tells Debian's packages meanwhile.

usage: packages_test.py PROJECT
"""
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

PROJECT = pathlib.Path(sys.argv.pop(1)).resolve()


class Installation(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.policy = pathlib.Path(self.folder.name) / "policy-rc.d"

    def installs(self, command):
        """Runs the command in an installation's place."""
        script = "source libasync/cmake/build.sh; POLICY_RC_D=%s; without_services %s" % (self.policy, command)
        return subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=PROJECT, capture_output=True, text=True)

    def test_says_meanwhile_that_no_service_may_start(self):
        self.assertEqual(self.installs("bash -c '%s prometheus start || echo $?'" % self.policy).stdout, "101\n")

    def test_leaves_nothing_behind(self):
        self.assertEqual(self.installs("true").returncode, 0)
        self.assertFalse(self.policy.exists())

    def test_leaves_nothing_behind_when_it_fails(self):
        self.assertEqual(self.installs("bash -c 'exit 3'").returncode, 3)
        self.assertFalse(self.policy.exists())

    def test_leaves_nothing_behind_when_it_is_stopped(self):
        self.assertNotEqual(self.installs("bash -c 'kill -%d $PPID'" % signal.SIGTERM).returncode, 0)
        self.assertFalse(self.policy.exists())

    def test_leaves_the_administrators_rule_as_it_is(self):
        self.policy.write_text("#!/bin/sh\nexit 0\n")
        self.assertEqual(self.installs("true").returncode, 0)
        self.assertEqual(self.policy.read_text(), "#!/bin/sh\nexit 0\n")


unittest.main()
