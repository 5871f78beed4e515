"""Templates that modules read: jinja2's, from the operator's folder, the module's and the homeserver's, in this order."""

import os
import time
import urllib.parse
from typing import Any, List, Optional, Sequence

from modapi_bridge.host import host
from modapi_bridge.not_offered import names_of, refuse
from synapse.config._base import ConfigError


def _format_ts(value: int, format: str) -> str:
    return time.strftime(format, time.localtime(value / 1000))


def _mxc_to_http(value: str, width: int, height: int, resize_method: str = "crop") -> str:
    if not value.startswith("mxc://"):
        return ""
    path, _, fragment = value[6:].partition("#")
    query = urllib.parse.urlencode({"width": width, "height": height, "method": resize_method})
    return "%s_matrix/media/v1/thumbnail/%s?%s%s" % (host.public_baseurl, path, query, "#" + fragment if fragment else "")


def read_templates(filenames: Sequence[str], custom_template_directory: Optional[str]) -> List[Any]:
    """One template for each name. Errors: ConfigError for a folder that isn't there; jinja2's TemplateNotFound."""
    try:
        import jinja2
    except ImportError:
        refuse("read_templates (without jinja2; Debian has it as python3-jinja2)")
    folders = [folder for folder in (host.operator_templates, custom_template_directory) if folder]
    for folder in folders:
        if not os.path.isdir(folder):
            raise ConfigError("Configured template directory does not exist: %s" % folder)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folders + host.host_templates), autoescape=jinja2.select_autoescape()
    )
    environment.filters.update({"format_ts": _format_ts, "mxc_to_http": _mxc_to_http})
    return [environment.get_template(name) for name in filenames]


__getattr__ = names_of(__name__)
