"""The command modapi of a build, used as its users do."""
import os
import pathlib
import subprocess
import sys

PROJECT = pathlib.Path(sys.argv.pop(1)).resolve()
BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
MODAPI = BUILD / "bin/modapi"
MODULES = BUILD / "modules"

sys.path.insert(0, str(PROJECT / "tests"))
sys.dont_write_bytecode = True


def modapi(*arguments, folder=None):
    """What came of it."""
    return subprocess.run([MODAPI, *map(str, arguments)], cwd=folder, capture_output=True, text=True, timeout=60)


def output(*arguments, folder=None):
    done = modapi(*arguments, folder=folder)
    assert done.returncode == 0 and not done.stderr, (arguments, done)
    return done.stdout


def complaint(*arguments, folder=None):
    """The one line that a failure is."""
    done = modapi(*arguments, folder=folder)
    assert done.returncode == 1 and done.stderr.count("\n") == 1, (arguments, done)
    return done.stderr.rstrip("\n")


def path_with_modapi():
    return f"{MODAPI.parent}:{os.environ['PATH']}"
