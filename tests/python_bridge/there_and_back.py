"""Reads values as the host writes them, one a line, and says what they are in Python and how Python writes them.

A line `{"expression": TEXT}` is evaluated instead. Run with the folder of modapi_bridge as its argument.
"""

import json
import sys

sys.path.insert(0, sys.argv[1])

from modapi_bridge import errors, values  # noqa: E402
from synapse.api.errors import AuthError, Codes, RequestTimedOutError, SynapseError  # noqa: E402, F401
from synapse.api.presence import UserPresenceState  # noqa: E402, F401
from synapse.api.ratelimiting import RatelimitOverride  # noqa: E402, F401
from synapse.config._base import ConfigError  # noqa: E402, F401
from synapse.media._base import MediaUploadLimit  # noqa: E402, F401
from synapse.module_api import NOT_SPAM, PRESENCE_ALL_USERS, ProfileInfo  # noqa: E402, F401
from synapse.spam_checker_api import RegistrationBehaviour  # noqa: E402, F401

for line in sys.stdin:
    asked = json.loads(line)
    if "error" in asked:
        raised = errors.from_wire(asked["error"])
        said = {"type": type(raised).__name__, "text": str(raised), "back": errors.to_wire(raised)}
    elif "raise" in asked:
        said = {"back": errors.to_wire(eval(asked["raise"]))}
    else:
        value = eval(asked["expression"]) if "expression" in asked else values.from_wire(asked["value"])
        said = {"type": type(value).__name__, "text": repr(value), "back": values.to_wire(value)}
    print(json.dumps(said))
