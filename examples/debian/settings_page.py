#!/usr/bin/env python3
"""Makes the manual page homeserver.yaml(5) from the table of settings in the reference homeserver's README, which is their only
list.

usage: settings_page.py README VERSION PAGE
"""
import pathlib
import re
import sys

HEAD = r""".\" Made from examples/homeserver/README.md by examples/debian/settings_page.py.
.TH HOMESERVER.YAML 5 "" "modapi %s" "File Formats"
.SH NAME
homeserver.yaml \- configuration of the reference homeserver
.SH DESCRIPTION
The file that
.BR homeserver (1)
reads: YAML 1.1, a mapping of the keys below. Relative paths are relative to the file that they stand in. An unknown key is
warned about with its line; a mistake is one line with file, line and key, and the server doesn't start.
.SH SETTINGS
"""
FOOT = r""".SH FILES
.TP
.I /etc/modapi/homeserver.yaml
The configuration of modapi\-homeserver.service.
.SH SEE ALSO
.BR homeserver (1),
.I /usr/share/doc/modapi
"""


def roff(text):
    """A cell's text: code is bold, a link is its text."""
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text).replace(r"\|", "|")
    text = text.replace("\\", r"\e").replace("-", r"\-")
    text = re.sub(r"`([^`]*)`", r"\\fB\1\\fR", text)
    return re.sub(r"^(['.])", r"\\&\1", text)


def settings(readme):
    """Rows of the first table whose head is key and value."""
    lines = iter(readme.splitlines())
    for line in lines:
        if line.startswith("| key | value"):
            break
    next(lines)
    for line in lines:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def main():
    readme, version, page = sys.argv[1:]
    rows = list(settings(pathlib.Path(readme).read_text()))
    if not rows or any(len(row) != 2 for row in rows):
        sys.exit(f"{readme}: the table of settings isn't rows of a key and a value")
    text = HEAD % version
    for key, value in rows:
        text += f".TP\n{roff(key)}\n{roff(value)}\n"
    pathlib.Path(page).write_text(text + FOOT)


main()
