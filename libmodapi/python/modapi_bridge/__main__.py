"""Starts the process: `python3 -I -B FOLDER/modapi_bridge DESCRIPTOR`. The descriptor, 3 if none is named, is one end of a pair."""

import os
import sys

# The folder that this package lies in comes first, in place of the package's own: the name `synapse` means what lies there.
sys.path[:] = [os.path.dirname(os.path.dirname(os.path.abspath(__file__)))] + [
    folder for folder in sys.path if folder and os.path.abspath(folder) != os.path.dirname(os.path.abspath(__file__))
]

descriptor = int(sys.argv[1]) if len(sys.argv) > 1 else 3
try:
    from modapi_bridge.process import main  # noqa: E402
except ModuleNotFoundError as error:
    from modapi_bridge.debian_packages import package_with
    from modapi_bridge.frames import DEFAULT_LIMIT, encode_frame

    missing = error.name or ""
    text = "%s has no %s; Debian has it as %s" % (sys.executable, missing, package_with(missing) or "no package that is known")
    os.write(descriptor, encode_frame({"do": "unfit", "text": text}, DEFAULT_LIMIT))
    sys.exit(1)

main(descriptor)
