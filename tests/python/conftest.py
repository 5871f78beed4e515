"""Processes that tests of a file share, and ones of a test's own."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from bridge_host import Host  # noqa: E402


@pytest.fixture(scope="module")
def shared():
    """A process for all tests of a file."""
    host = Host()
    yield host
    host.close()


@pytest.fixture
def host():
    """A process for this test alone."""
    host = Host()
    yield host
    host.close()


@pytest.fixture
def package(tmp_path):
    """Writes a package of the test's own; a process that looks there."""
    hosts = []

    def write(name, text, **greeting):
        (tmp_path / (name + ".py")).write_text(text)
        if not hosts:
            hosts.append(Host(path=[str(tmp_path)], **greeting))
        return hosts[0]

    yield write
    for host in hosts:
        host.close()


@pytest.fixture(scope="module")
def evaluate(shared):
    """Evaluates a Python expression in a module, in which `api` is its ModuleApi."""
    from bridge_host import event

    module = shared.load("probe.Probe", {})
    return lambda expression: module.call("add_field_to_unsigned", event(content={"body": expression}))
