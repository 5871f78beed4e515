#!/usr/bin/python3
"""Runs a file of the Python side's tests, or all, checks its types, or its layout; 77 if what that needs isn't there.

usage: check.py tests|test_FILE|types|format [ARGUMENT OF pytest...]
"""

import importlib.util
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
HOUSE = HERE.parents[1] / "libmodapi" / "python"
EXAMPLES = [HERE.parents[1] / "examples" / "python", HERE.parents[1] / "examples" / "command" / "python_project"]
NEEDED = {"twisted": "python3-twisted", "attr": "python3-attr", "jinja2": "python3-jinja2", "pytest": "python3-pytest"}
NEEDED["typing_extensions"] = "python3-typing-extensions"


def skip(packages: str) -> int:
    print("skipped: %s has no %s; as root: apt-get install %s" % (sys.executable, packages, packages))
    return 77


def main(part: str, *arguments: str) -> int:
    if part.startswith("test"):
        missing = [package for module, package in NEEDED.items() if importlib.util.find_spec(module) is None]
        if missing:
            return skip(" ".join(missing))
        tests = HERE if part == "tests" else HERE / (part + ".py")
        command = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests), *arguments]
    elif part == "types":
        if not shutil.which("mypy"):
            return skip("mypy")
        command = ["mypy", "--config-file", "pyproject.toml"]
    else:
        if not shutil.which("black"):
            return skip("black")
        command = ["black", "--config", "pyproject.toml", "--check", "--quiet", "--diff", ".", *map(str, EXAMPLES), str(HERE)]
    return subprocess.run(command, cwd=HOUSE).returncode


sys.exit(main(*sys.argv[1:]))
