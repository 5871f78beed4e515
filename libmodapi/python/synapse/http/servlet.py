"""Reading what a request says. Errors of all: SynapseError 400, with the code that says what is wrong."""

import json
from typing import Any, Collection, Dict, Iterable, List, Mapping, Optional, Sequence

from modapi_bridge.not_offered import names_of
from synapse.api.errors import Codes, SynapseError
from synapse.util import json_decoder

Args = Mapping[bytes, Sequence[bytes]]


def parse_integer(request: Any, name: str, default: Optional[int] = None, required: bool = False, negative: bool = True) -> Any:
    """A query parameter."""
    return parse_integer_from_args(request.args, name, default, required, negative)


def parse_integer_from_args(
    args: Args, name: str, default: Optional[int] = None, required: bool = False, negative: bool = True
) -> Any:
    """A query parameter among others."""
    held = args.get(name.encode())
    if not held:
        return _missing(name, required, default)
    try:
        value = int(held[0])
    except ValueError:
        raise SynapseError(400, "Query parameter %s must be an integer" % name, Codes.INVALID_PARAM) from None
    if value < 0 and not negative:
        raise SynapseError(400, "Query parameter %s must be a positive integer." % name, Codes.INVALID_PARAM)
    return value


def parse_boolean(request: Any, name: str, default: Optional[bool] = None, required: bool = False) -> Any:
    """A query parameter, true or false."""
    return parse_boolean_from_args(request.args, name, default, required)


def parse_boolean_from_args(args: Args, name: str, default: Optional[bool] = None, required: bool = False) -> Any:
    """A query parameter among others, true or false."""
    held = args.get(name.encode())
    if not held:
        return _missing(name, required, default)
    try:
        return {b"true": True, b"false": False}[held[0]]
    except KeyError:
        text = "Boolean query parameter %s must be one of ['true', 'false']" % name
        raise SynapseError(400, text, Codes.INVALID_PARAM) from None


def parse_string(
    request: Any,
    name: str,
    default: Optional[str] = None,
    required: bool = False,
    allowed_values: Optional[Iterable[str]] = None,
    encoding: str = "ascii",
) -> Any:
    """A query parameter."""
    return parse_string_from_args(request.args, name, default, required, allowed_values, encoding)


def parse_string_from_args(
    args: Args,
    name: str,
    default: Optional[str] = None,
    required: bool = False,
    allowed_values: Optional[Iterable[str]] = None,
    encoding: str = "ascii",
) -> Any:
    """A query parameter among others."""
    found = parse_strings_from_args(args, name, None, required, allowed_values, encoding)
    return default if found is None else found[0]


def parse_strings_from_args(
    args: Args,
    name: str,
    default: Optional[List[str]] = None,
    required: bool = False,
    allowed_values: Optional[Iterable[str]] = None,
    encoding: str = "ascii",
) -> Optional[List[str]]:
    """A query parameter that may be there several times."""
    held = args.get(name.encode())
    if not held:
        return _missing(name, required, default)  # type: ignore[no-any-return]
    return [_text(one, name, allowed_values, encoding) for one in held]


def parse_bytes_from_args(args: Args, name: str, default: Optional[bytes] = None, required: bool = False) -> Any:
    """A query parameter among others, as it is."""
    held = args.get(name.encode())
    return held[0] if held else _missing(name, required, default)


def _text(value: bytes, name: str, allowed_values: Optional[Iterable[str]], encoding: str) -> str:
    try:
        text = value.decode(encoding)
    except ValueError:
        raise SynapseError(400, "Query parameter %r must be %s" % (name, encoding), Codes.INVALID_PARAM) from None
    if allowed_values is not None and text not in allowed_values:
        allowed = ", ".join(repr(one) for one in allowed_values)
        raise SynapseError(400, "Query parameter %r must be one of [%s]" % (name, allowed), Codes.INVALID_PARAM)
    return text


def _missing(name: str, required: bool, default: Any) -> Any:
    if required:
        raise SynapseError(400, "Missing required query parameter '%s'" % name, Codes.MISSING_PARAM)
    return default


def parse_json_value_from_request(request: Any, allow_empty_body: bool = False) -> Any:
    """The body; M_NOT_JSON if it is none."""
    content = request.content.read()
    if not content and allow_empty_body:
        return None
    try:
        return json_decoder.decode(content.decode())
    except (ValueError, RecursionError):
        raise SynapseError(400, "Content not JSON.", Codes.NOT_JSON) from None


def parse_json_object_from_request(request: Any, allow_empty_body: bool = False) -> Dict[str, Any]:
    """The body; M_BAD_JSON if it is no object."""
    content = parse_json_value_from_request(request, allow_empty_body)
    if allow_empty_body and content is None:
        return {}
    if not isinstance(content, dict):
        raise SynapseError(400, "Content must be a JSON object.", Codes.BAD_JSON)
    return content


def assert_params_in_dict(body: Mapping[str, Any], required: Collection[str]) -> None:
    """M_MISSING_PARAM if some keys aren't there."""
    absent = [one for one in required if one not in body]
    if absent:
        raise SynapseError(400, "Missing params: %s" % json.dumps(absent), Codes.MISSING_PARAM)


__getattr__ = names_of(__name__)
