"""read_templates: jinja2's, found in the contract's order."""

import os
import time

import pytest
from bridge_host import Host, Refused, event


@pytest.fixture(scope="module")
def templates(tmp_path_factory):
    folders = {name: tmp_path_factory.mktemp(name) for name in ("operator", "module", "host")}
    for name, folder in folders.items():
        (folder / ("only_%s.html" % name)).write_text("of the %s" % name)
    for name in ("operator", "module"):
        (folders[name] / "both.html").write_text("%s's" % name)
    (folders["module"] / "page.html").write_text("{{ text }} {{ ts | format_ts('%Y') }} {{ nothing }}")
    (folders["module"] / "mail.txt").write_text("{{ text }}{% for one in list %} {{ one.name }}{% endfor %}")
    (folders["module"] / "picture.html").write_text("{{ uri | mxc_to_http(32, 24) | safe }}")
    host = Host(templates={"operator": str(folders["operator"]), "host": [str(folders["host"])]})
    module = host.load("probe.Probe", {})
    yield lambda text: module.call("add_field_to_unsigned", event(content={"body": text % folders["module"]}))
    host.close()


def rendered(templates, name, arguments=""):
    return templates("api.read_templates([%r], '%%s')[0].render(%s)" % (name, arguments))


@pytest.mark.parametrize(
    "name, text",
    [
        ("only_operator.html", "of the operator"),
        ("only_module.html", "of the module"),
        ("only_host.html", "of the host"),
        ("both.html", "operator's"),
    ],
)
def test_the_first_folder_wins(templates, name, text):
    assert rendered(templates, name) == text


def test_html_is_escaped_and_text_is_not(templates):
    year = time.strftime("%Y", time.localtime(0))
    assert rendered(templates, "page.html", "text='<b>', ts=0") == "&lt;b&gt; %s " % year
    assert rendered(templates, "mail.txt", "text='<b>', list=[{'name': 'x'}]") == "<b> x"


def test_pictures(templates):
    url = "https://example.org/_matrix/media/v1/thumbnail/example.org/abc?width=32&height=24&method=crop"
    assert rendered(templates, "picture.html", "uri='mxc://example.org/abc'") == url
    assert rendered(templates, "picture.html", "uri='https://x'") == ""


def test_what_isnt_there(templates):
    with pytest.raises(Refused) as refused:
        templates("api.read_templates(['none.html'], '%s')")
    assert refused.value.error["class"] == "TemplateNotFound"
    with pytest.raises(Refused) as refused:
        templates("api.read_templates(['page.html'], '%s/none')")
    assert refused.value.error["kind"] == "config" and refused.value.error["text"].endswith(os.sep + "none")


def test_several_at_once(templates):
    assert templates("[one.name for one in api.read_templates(['page.html', 'mail.txt'], '%s')]") == ["page.html", "mail.txt"]
