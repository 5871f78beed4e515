#!/usr/bin/env python3
"""Does with examples/template what its README says, far from the checkout: installs the framework, builds the copied project
against it, runs its tests, starts the installed server with its module and sees it act.

usage: template_project_test.py PROJECT BUILD
"""
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request

from documents_test import dead_links
from newcomer import Document, request, run, see_a_message_refused, start

PROJECT = pathlib.Path(sys.argv[1]).resolve()
BUILD = pathlib.Path(sys.argv[2]).resolve()
PYTHON = "/usr/bin/python3"  # the usual interpreter of modules


def installed_names(path):
    """What the dynamic linker finds for a program or library, without help from the environment."""
    lines = subprocess.run(["ldd", path], check=True, capture_output=True, text=True).stdout.splitlines()
    return [line.split("=>")[1].split()[0] for line in lines if "libmodapi" in line]


def see_a_python_module_found(prefix, folder):
    """By the side of the bridge that was installed, and not by the checkout's."""
    needs = [PYTHON, "-c", "import twisted, attr, typing_extensions"]
    if subprocess.run(needs, stderr=subprocess.DEVNULL).returncode != 0:
        print("no Python module was tried: that takes python3-twisted, python3-attr and python3-typing-extensions")
        return
    (prefix / "share/modapi/python/modapi_bridge/only_here.py").write_text("")
    packages = folder / "packages"
    shutil.copytree(prefix / "share/doc/modapi/examples/python", packages)
    module = packages / "evil_users.py"
    module.write_text(module.read_text() + "\nimport modapi_bridge.only_here\n")
    configuration = folder / "python.yaml"
    configuration.write_text("server_name: hs\npython: {enabled: true, path: [packages]}\nmodules: [{module: evil_users.ListSpamChecker}]\n")
    found = subprocess.run([prefix / "bin/homeserver", "--config", configuration, "--check-config"], capture_output=True, text=True)
    assert f"module: evil_users.ListSpamChecker ({module})" in found.stdout, found.stdout + found.stderr


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        built_for = folder / "built for"
        subprocess.run(["cmake", "--install", BUILD, "--prefix", built_for], check=True, stdout=subprocess.DEVNULL)
        prefix = folder / "moved"  # into any prefix: also into one that nobody knew of at the installation
        built_for.rename(prefix)
        needed = installed_names(prefix / "bin/homeserver") + installed_names(prefix / "lib/modapi/modules/my_module.so")
        assert len(needed) == 8, needed
        assert all(pathlib.Path(library).resolve().is_relative_to(prefix.resolve()) for library in needed), needed

        documents = prefix / "share/doc/modapi"
        dead = [f"{document}: {link}" for document in documents.rglob("*.md") for link in dead_links(document)]
        assert not dead, dead

        project = folder / "project"
        shutil.copytree(documents / "examples/template", project)
        readme = Document(project / "README.md")
        run(readme.block("With modapi installed", "sh"), project, PREFIX=str(prefix), CCACHE_BASEDIR=str(folder))
        assert readme.block("Then start the server", "sh") == "$PREFIX/bin/homeserver --config homeserver.yaml\n"
        readme.require_all_used()

        configuration = project / "homeserver.yaml"
        configuration.write_text(configuration.read_text().replace("port: 8008", "port: 0").replace(
            "module_path: build/modules", f"module_path: [build/modules, {prefix}/lib/modapi/modules]"))
        with open(configuration, "a") as more:
            more.write("  - module: list_spam_checker.ListSpamChecker\n")
        server, base, complaint = start(prefix / "bin/homeserver", "homeserver.yaml", project)
        assert base, complaint
        try:
            see_a_message_refused(base, "hello", "lovely Spam")
            assert request(base, "GET", "/_synapse/client/forbidden_words") == (200, {"refused": 1})
            with urllib.request.urlopen(base + "/_synapse/admin/modules") as page:  # its files were installed, and moved, too
                assert b"inspector.js" in page.read()
        finally:
            server.send_signal(signal.SIGTERM)
            assert server.wait(timeout=10) == 0, server.stderr.read()

        plain = folder / "plain.yaml"
        plain.write_text("server_name: hs\nmodules: [{module: my_module.MyModule}]\n")
        found = subprocess.run([prefix / "bin/homeserver", "--config", plain, "--check-config"], capture_output=True, text=True)
        own = f"module: my_module.MyModule ({prefix.resolve()}/lib/modapi/modules/my_module.so)"
        assert own in found.stdout, found.stdout + found.stderr

        see_a_python_module_found(prefix, folder)
    print("a module project builds and runs against the installed framework")


main()
