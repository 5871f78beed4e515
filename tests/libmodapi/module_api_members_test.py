#!/usr/bin/env python3
"""Holds the list of what ModuleApi's members change to its header: a new member has to be classified.

usage: module_api_members_test.py PROJECT

The list is in libmodapi/module_api/src/shadow_runs.cpp. That each member of it that changes something is refused in shadow mode is
tested by shadow_mode_test.cpp, which goes through the list.
"""
import pathlib
import re
import sys

HEADERS = pathlib.Path(sys.argv[1]) / "libmodapi/module_api/include/modapi"
LIST = pathlib.Path(sys.argv[1]) / "libmodapi/module_api/src/shadow_runs.cpp"


def public_functions(header, name):
    """The names of the public member functions of a class, in their order, each once; no constructors and operators."""
    text = re.sub(r"//[^\n]*", "", (HEADERS / header).read_text())
    text = re.sub(r'"(\\.|[^"\\])*"', '""', text)
    body = text.partition("\nclass %s " % name)[2].partition("{")[2].partition("\nprivate:")[0].partition("public:")[2]
    outside, depth = "", 0  # of bodies, parameters and attributes
    for character in body:
        if character in "({[":
            outside += character if depth == 0 else ""
            depth += 1
        elif character in ")}]":
            depth -= 1
        elif depth == 0:
            outside += character
    outside = re.sub(r":\s[^{;]*\{", "{", outside)  # what a constructor initializes
    names = [found for found in re.findall(r"([A-Za-z_]\w*)\(", outside) if found not in (name, "operator", "decltype")]
    return list(dict.fromkeys(names))


def main():
    declared = public_functions("module_api.h", "ModuleApi")
    for member, header, name in (("account_data_manager", "account_data_manager.h", "AccountDataManager"),
                                 ("public_room_list_manager", "public_room_list_manager.h", "PublicRoomListManager")):
        declared += [member + "." + function for function in public_functions(header, name)]
    listed = re.findall(r'ModuleApiMember\{"([\w.]+)", (?:true|false)\}', LIST.read_text())
    assert len(declared) > 70, "the headers aren't read: " + ", ".join(declared)
    if listed == declared:
        print("%d members are classified" % len(listed))
        return 0
    print("libmodapi/module_api/src/shadow_runs.cpp doesn't list what the headers declare, in their order:")
    print("\n".join(["not listed: " + name for name in declared if name not in listed] +
                    ["not declared: " + name for name in listed if name not in declared]))
    return 1


sys.exit(main())
