#!/usr/bin/env python3
"""Preprocesses what a module author includes: nothing of the writer is in it, and no category brings in the processor's intrinsics.

usage: includes_test.py COMPILER PROJECT FOLDER...

FOLDERs are where headers are looked for. Every header of the contract is included; with <modapi/module_api.h> beside them intrinsics
come from libraries only: no header of the project asks for them.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

WRITER = re.compile(r"/callbacks/client_events/")
INTRINSICS = re.compile(r"/[a-z]mmintrin\.h$|/immintrin\.h$")


def included(compiler, folders, source):
    """The files that become part of the source."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "module.cpp"
        file.write_text(source)
        flags = ["-std=c++20", *["-I" + path for path in folders if path]]
        done = subprocess.run([compiler, *flags, "-E", file], check=True, capture_output=True, text=True)
    return {str(pathlib.Path(path)) for path in re.findall(r'^# \d+ "([^"]+)"', done.stdout, re.M)}


def main():
    compiler, project, *folders = sys.argv[1:]
    headers = [header.name for header in sorted((pathlib.Path(project) / "callbacks/contract/include/callbacks").glob("*.h"))]
    contract = "".join("#include <callbacks/%s>\n" % header for header in headers)
    of_contract = included(compiler, folders, contract)
    missing = [header for header in headers if not any(path.endswith("/callbacks/" + header) for path in of_contract)]
    assert len(headers) > 8 and not missing, missing
    of_module = included(compiler, folders, contract + "#include <modapi/module_api.h>\n")
    assert any(path.endswith("/modapi/module_api.h") for path in of_module)

    wrong = sorted(path for path in of_contract if INTRINSICS.search(path))
    wrong += sorted(path for path in of_module if WRITER.search(path))
    wrong += sorted(path for path in of_module if path.startswith(project) and "mmintrin" in pathlib.Path(path).read_text())
    for path in wrong:
        print("comes in, and may not: " + path)

    # What is looked for is found where it is.
    writer = included(compiler, folders, "#include <callbacks/client_event.h>\n")
    assert any(WRITER.search(path) for path in writer), writer
    return 1 if wrong else 0


sys.exit(main())
