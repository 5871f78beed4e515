#!/usr/bin/env python3
"""Holds the documents to the tree: what they link to, name and quote is there, and no source cites a document that isn't.

usage: documents_test.py PROJECT [--self-test]

- A relative link leads to a file or folder, and its `#place` to a heading.
- Code between backticks that begins with a path names something of the project: from its root, from the document's folder, or as
  a header is included. What builds and installations make is left out.
- An `#include` of the project's own headers finds one.
- A C++ listing below `<!-- from PATH -->` stands in that file as it is; a line `...` leaves something out. Any other C++ listing is
  one that a test builds: those of the documents in TRIED.
- A document that a source names exists, and no source cites chapters of one (`semantics 2.8`).
"""
import os
import pathlib
import re
import sys
import tempfile
import textwrap

TRIED = {"README.md", "libasync/README.md"}  # by the tests of these documents, which leave nothing of them out
MADE_FOLDERS = {"build", "bin", "lib", "share", "modules"}
MADE_DOCUMENTS = {"measured.md"}
SUFFIXES = (".h", ".cpp", ".py", ".md", ".cmake", ".txt", ".json", ".yaml", ".sh")
SOURCES = (".h", ".cpp", ".py", ".cmake", ".txt", ".sh", ".js", ".in")
LIBRARIES = ("async", "callbacks", "modapi")
CHAPTER = re.compile(r"\bsemantics \d[\d.]*")

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.S | re.M)
LINK = re.compile(r"\]\(([^()\s]+)\)")
PATH = re.compile(r"[A-Za-z.][\w.*-]*(/[\w.*-]+)+/?")
HEADER = re.compile(r"<((?:%s)/[\w./]+)>" % "|".join(LIBRARIES))


def files_of(project, wanted):
    for folder, folders, names in os.walk(project):
        folders[:] = sorted(name for name in folders if not name.startswith("build") and name not in (".git", "node_modules"))
        for name in sorted(names):
            if wanted(name):
                yield pathlib.Path(folder) / name


def without_code(text):
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", text))


def places_of(document):
    headings = re.findall(r"^#+ +(.*)$", FENCE.sub("", document.read_text()), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(document):
    dead = []
    for link in LINK.findall(without_code(document.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, place = link.partition("#")
        target = document.parent / path if path else document
        if not target.exists() or (place and place not in places_of(target)):
            dead.append(link)
    return dead


def is_there(folder, path):
    return any(folder.glob(path.rstrip("/"))) if "*" in path else (folder / path).exists()


def includable(project, header):
    return any((folder / header).exists() for folder in project.glob("*/*/include"))


def dead_paths(project, document):
    dead = []
    for code in re.findall(r"`([^`\n]+)`", FENCE.sub("", document.read_text())):
        dead += ["<%s>" % header for header in HEADER.findall(code) if not header.endswith("/...") and not includable(project, header)]
        path = code.split()[0]
        first = path.split("/")[0]
        if not PATH.fullmatch(path) or first in MADE_FOLDERS or path.endswith("/..."):
            continue
        if is_there(project, path) or is_there(document.parent, path) or includable(project, path):
            continue
        # What looks like no path of the project is something else that has a slash, as a media type.
        if (project / first).exists() or (document.parent / first).exists() or path.endswith(SUFFIXES):
            dead.append(path)
    return dead


def dead_includes(project, document):
    listings = "\n".join(content for language, content in FENCE.findall(document.read_text()) if language == "cpp")
    return ["#include <%s>" % header for header in HEADER.findall("\n".join(re.findall(r"^#include .*$", listings, re.M)))
            if not includable(project, header)]


def stands_in(part, source):
    """Whether the lines stand there, one behind the other, whatever the indentation of all of them."""
    wanted = textwrap.dedent(part).strip("\n").split("\n")
    lines = source.split("\n")
    return any(textwrap.dedent("\n".join(lines[at:at + len(wanted)])) == "\n".join(wanted) for at in range(len(lines)))


def wrong_listings(project, document):
    text = document.read_text()
    wrong = []
    for found in FENCE.finditer(text):
        if found.group(1) != "cpp":
            continue
        begin = found.group(2).strip().split("\n")[0]
        source = re.search(r"<!-- from (\S+) -->\n$", text[:found.start()])
        if source is None:
            if document.relative_to(project).as_posix() not in TRIED:
                wrong.append("says not where it is from: " + begin)
            continue
        path = project / source.group(1)
        if not path.exists():
            wrong.append("no such file: " + source.group(1))
        elif not all(stands_in(part, path.read_text()) for part in re.split(r"^\.\.\.\n", found.group(2), flags=re.M)):
            wrong.append("isn't in %s: %s" % (source.group(1), begin))
    return wrong


def cited_documents(project):
    known = {document.name for document in files_of(project, lambda name: name.endswith(".md"))} | MADE_DOCUMENTS
    for source in files_of(project, lambda name: name.endswith(SOURCES) or "." not in name):
        if source.resolve() == pathlib.Path(__file__).resolve():
            continue  # its self-test makes some up
        text = source.read_text(errors="replace")
        for name in re.findall(r"\b[\w-]+\.md\b", text):
            if name not in known:
                yield "%s cites %s" % (source.relative_to(project), name)
        for chapter in CHAPTER.findall(text):
            yield "%s cites %s" % (source.relative_to(project), chapter)


def left_conflicts(document):
    return re.findall(r"^(?:<{7}|>{7}) .*$", document.read_text(), flags=re.M)


def complaints(project):
    found = list(cited_documents(project))
    for document in files_of(project, lambda name: name.endswith(".md")):
        of = str(document.relative_to(project)) + ": "
        found += [of + "dead link " + link for link in dead_links(document)]
        found += [of + "no such path " + path for path in dead_paths(project, document)]
        found += [of + "no such header " + include for include in dead_includes(project, document)]
        found += [of + "what a merge left: " + line for line in left_conflicts(document)]
        found += [of + "listing " + complaint for complaint in wrong_listings(project, document)]
    return found


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        project = pathlib.Path(folder)
        for path, text in {
            "room/part/include/modapi/there.h": "/// Says nothing. See rules.md, or semantics 2.8 of it.\n",
            "room/part/two.cpp": "namespace {\n    int one();\n    int two();\n    int three();\n}\n",
            "room/README.md": textwrap.dedent("""\
                # A heading, with `code`

                [fine](part/two.cpp) [fine](#a-heading-with-code) [fine](https://example.org/x) `[no](link)` ![gone](gone.svg)
                [no such place](#elsewhere) `room/part/two.cpp` `part/*.cpp` `part/gone.cpp --flag` `rom/part/two.cpp` `text/plain`
                >>>>>>> elsewhere
                `build/gone.h` `/room/gone` `<modapi/there.h>` `modapi/there.h` `<modapi/gone.h>` `<modapi/...>`

                <!-- from room/part/two.cpp -->
                ```cpp
                int one();
                ...
                int three();
                ```

                <!-- from room/part/two.cpp -->
                ```cpp
                int one();
                int three();
                ```

                <!-- from room/gone.cpp -->
                ```cpp
                int gone();
                ```

                ```cpp
                #include <modapi/there.h>
                #include <modapi/lost.h>
                ```
                """),
        }.items():
            (project / path).parent.mkdir(parents=True, exist_ok=True)
            (project / path).write_text(text)
        expected = [
            "room/part/include/modapi/there.h cites rules.md",
            "room/part/include/modapi/there.h cites semantics 2.8",
            "room/README.md: dead link gone.svg",
            "room/README.md: dead link #elsewhere",
            "room/README.md: no such path part/gone.cpp",
            "room/README.md: no such path rom/part/two.cpp",
            "room/README.md: no such path <modapi/gone.h>",
            "room/README.md: no such header #include <modapi/lost.h>",
            "room/README.md: what a merge left: >>>>>>> elsewhere",
            "room/README.md: listing isn't in room/part/two.cpp: int one();",
            "room/README.md: listing no such file: room/gone.cpp",
            "room/README.md: listing says not where it is from: #include <modapi/there.h>",
        ]
        found = complaints(project)
        assert found == expected, "\n".join(found)
    print("each kind of fault is found, and nothing else")


def main():
    if "--self-test" in sys.argv:
        self_test()
        return 0
    found = complaints(pathlib.Path(sys.argv[1]).resolve())
    print("\n".join(found) if found else "the documents lead where they say")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
