"""Every public name that published modules import, by every path that they import it by: it is there, and no placeholder."""

import subprocess

import pytest
from bridge_host import INTERPRETER, PYTHON_HOUSE


# A line for each path; what stands in brackets is the name's use in one expression.
NAMES = """
synapse: module_api types __version__
synapse.module_api: ModuleApi UserID EventBase create_requester SynapseRequest JsonDict NOT_SPAM StateMap run_as_background_process
synapse.module_api: UserProfile parse_json_object_from_request LoggingTransaction run_in_background make_deferred_yieldable
synapse.module_api: Requester DatabasePool RoomID ProfileInfo DirectServeJsonResource cached UserInfo RoomAlias JsonMapping
synapse.module_api: DirectServeHtmlResource LoginResponse respond_with_html errors P T UserPresenceState UserIpAndAgent
synapse.module_api: PRESENCE_ALL_USERS MediaUploadLimit RatelimitOverride RegistrationBehaviour finish_request
synapse.module_api: set_clickjacking_protection_headers
synapse.module_api.errors: ConfigError SynapseError AuthError Codes InvalidClientCredentialsError HttpResponseException StoreError
synapse.module_api.errors: RedirectException LimitExceededError NotFoundError InvalidRuleException RuleNotFoundException
synapse.module_api.errors: MissingClientTokenError CodeMessageException
synapse.api: errors constants room_versions
synapse.api.errors: SynapseError AuthError MissingClientTokenError InvalidClientTokenError InvalidClientCredentialsError Codes
synapse.api.errors: HttpResponseException LimitExceededError RedirectException CodeMessageException StoreError ShadowBanError
synapse.api.errors: RequestTimedOutError NotFoundError UnrecognizedRequestError cs_error
synapse.api.constants: EventTypes Membership JoinRules HistoryVisibility RoomCreationPreset AccountDataTypes LoginType ReceiptTypes
synapse.api.constants: EventContentFields PresenceState RelationTypes GuestAccess RoomTypes UserTypes
synapse.api.room_versions: RoomVersion RoomVersions EventFormatVersions KNOWN_ROOM_VERSIONS
synapse.api.presence: UserPresenceState
synapse.types: UserID create_requester JsonDict JsonMapping StateMap MutableStateMap UserProfile Requester RoomID RoomAlias UserInfo
synapse.types: ProfileInfo get_domain_from_id get_localpart_from_id map_username_to_mxid_localpart EventID
synapse.events: EventBase make_event_from_dict FrozenEventV3
synapse.events.utils: format_event_for_client_v2
synapse.config: ConfigError
synapse.config._base: ConfigError Config
synapse.http: server servlet site client
synapse.http.server: respond_with_json respond_with_html DirectServeJsonResource DirectServeHtmlResource NOT_DONE_YET finish_request
synapse.http.server: set_clickjacking_protection_headers respond_with_redirect
synapse.http.servlet: parse_json_object_from_request parse_string parse_integer parse_boolean parse_strings_from_args
synapse.http.servlet: parse_string_from_args assert_params_in_dict
synapse.http.site: SynapseRequest
synapse.http.client: SimpleHttpClient
synapse.logging.context: run_in_background make_deferred_yieldable defer_to_thread LoggingContext
synapse.metrics.background_process_metrics: run_as_background_process wrap_as_background_process
synapse.spam_checker_api: RegistrationBehaviour
synapse.storage.database: DatabasePool LoggingTransaction
synapse.util: json_decoder json_encoder Clock
synapse.util.metrics: measure_func Measure
synapse.util.stringutils: random_string
synapse.util.caches.descriptors: cached
synapse.media.media_storage: ReadableFileWrapper
synapse.media._base: FileInfo
synapse.rest.media.v1.media_storage: ReadableFileWrapper
synapse.rest.media.v1._base: FileInfo
"""

EMPTY = "class Module:\n    def __init__(self, config, api):\n        pass\n"


def imports():
    for line in NAMES.strip().split("\n"):
        path, _, names = line.partition(": ")
        yield path, names.split()


def test_every_public_name_is_there(package):
    text = "".join("from %s import %s\n" % (path, ", ".join(names)) for path, names in imports())
    described = (
        package("census", text + "import synapse.module_api.errors, synapse.http.server\n" + EMPTY)
        .load("census.Module")
        .described
    )
    assert described["placeholders"] == []


def test_each_path_can_be_imported_first():
    code = """
import os, sys
sys.path.insert(0, %r)
for path in %r:
    child = os.fork()
    if child == 0:
        __import__(path)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, path
"""
    paths = sorted({path for path, _ in imports()})
    done = subprocess.run([INTERPRETER, "-I", "-B", "-c", code % (str(PYTHON_HOUSE), paths)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_paths_that_must_be_packages(package):
    text = "import synapse.types.handlers, synapse.types.state, synapse.types.rest, synapse.http.proxyagent\n"
    described = package("nested", text + EMPTY).load("nested.Module").described
    assert described["placeholders"] == [
        "synapse.http.proxyagent",
        "synapse.types.handlers",
        "synapse.types.rest",
        "synapse.types.state",
    ]


USES = [
    ("tuple(map(int, synapse.__version__.split('.')[:2])) >= (1, 46)", True),
    ("UserID.from_string('@alice:example.org:8448').domain", "example.org:8448"),
    ("[UserID.is_valid(one) for one in ('@a:x', 'a:x', '@a', '@a:', 3)]", [True, False, False, False, False]),
    ("{UserID('a', 'x'): 1}[UserID.from_string('@a:x')]", 1),
    ("str(RoomAlias('a', 'x')), RoomID.from_string('!r:x').localpart", {"$tuple": ["#a:x", "r"]}),
    ("synapse.types.get_domain_from_id('@a:x:1'), synapse.types.get_localpart_from_id('@a:x')", {"$tuple": ["x:1", "a"]}),
    ("[synapse.types.map_username_to_mxid_localpart(one) for one in ('Äb C', '_a', 'a=b')]", ["=c3=84b=20c", "=5fa", "a=3db"]),
    ("synapse.types.map_username_to_mxid_localpart('AbC_', case_sensitive=True)", "=5fab_c__"),
    (
        "create_requester('@a:x').user.localpart, create_requester(UserID('b', 'x')).authenticated_entity",
        {"$tuple": ["a", "@b:x"]},
    ),
    ("UserProfile(user_id='@a:x', display_name=None, avatar_url=None)['user_id']", "@a:x"),
    ("ProfileInfo(avatar_url=None, display_name='A').display_name", "A"),
    ("LoginResponse(user_id='@a:x')", {"user_id": "@a:x"}),
    (
        "[EventTypes.Member, EventTypes.Message, EventTypes.PowerLevels, Membership.JOIN, JoinRules.PUBLIC]",
        ["m.room.member", "m.room.message", "m.room.power_levels", "join", "public"],
    ),
    (
        "[HistoryVisibility.SHARED, RoomCreationPreset.TRUSTED_PRIVATE_CHAT, AccountDataTypes.DIRECT, LoginType.PASSWORD]",
        ["shared", "trusted_private_chat", "m.direct", "m.login.password"],
    ),
    (
        "[ReceiptTypes.READ, EventContentFields.ROOM_TYPE, Membership.LIST == {'invite', 'join', 'knock', 'leave', 'ban'}]",
        ["m.read", "type", True],
    ),
    ("RegistrationBehaviour('deny').name", "DENY"),
    ("[Codes.FORBIDDEN == 'M_FORBIDDEN', isinstance(Codes.FORBIDDEN, str), Codes['UNKNOWN'].value]", [True, True, "M_UNKNOWN"]),
    ("len(__import__('synapse.util.stringutils').util.stringutils.random_string(8))", 8),
    ("__import__('synapse.util').util.json_encoder.encode({'a': [1]})", '{"a":[1]}'),
    ("__import__('synapse.util').util.json_decoder.decode('[1]')", [1]),
    ("__import__('synapse.config._base').config._base.Config.parse_duration('5d')", 432000000),
    (
        "[__import__('synapse.config._base').config._base.Config.parse_duration(one) for one in (7, '7', '2s', '1y')]",
        [7, 7, 2000, 31536000000],
    ),
    ("__import__('synapse.config._base').config._base.Config.parse_size('10M')", 10485760),
    ("__import__('synapse.api.room_versions').api.room_versions.RoomVersions.V9.identifier", "9"),
    ("__import__('synapse.api.room_versions').api.room_versions.KNOWN_ROOM_VERSIONS['1'].event_format", 1),
    (
        "make_event_from_dict({'type': 't', 'sender': '@a:x', 'room_id': '!r:x', 'content': {}, 'event_id': '$e'}).event_id",
        "$e",
    ),
    ("FrozenEventV3({'type': 't', 'content': {'l': [1]}}, event.room_version).content['l'] == (1,)", True),
    ("await __import__('synapse.util.metrics').util.metrics.measure_func('n')(api.sleep)(0)", None),
    ("[StoreError(404, 'x').code, HttpResponseException(500, 'm', b'r').response.decode()]", [404, "r"]),
    ("SynapseError(400, 'x', Codes.BAD_JSON, {'a': 1}).error_dict(None)", {"error": "x", "errcode": "M_BAD_JSON", "a": 1}),
    ("[isinstance(AuthError(403, 'x'), SynapseError), isinstance(SynapseError(1, ''), CodeMessageException)]", [True, True]),
    ("[LimitExceededError(limiter_name='x', retry_after_ms=1500).error_dict(None)['retry_after_ms']]", [1500]),
    ("UserPresenceState.default('@a:x').copy_and_replace(state='online').as_dict()['state']", "online"),
    ("hash(UserPresenceState.default('@a:x')) == hash(UserPresenceState.default('@a:x'))", True),
    ("issubclass(ShadowBanError, Exception) and RedirectException('https://x', 301).code", 301),
    ("JsonDict is not None and StateMap[EventBase] is not None and JsonMapping is not None", True),
]


@pytest.mark.parametrize("expression, value", USES, ids=[one[0][:70] for one in USES])
def test_what_names_do(evaluate, expression, value):
    assert evaluate(expression) == value


def test_identifiers_that_are_none(evaluate):
    for expression in ("UserID.from_string('alice')", "UserID.from_string('@alice')", "RoomAlias.from_string('!a:x')"):
        try:
            evaluate(expression)
            raise AssertionError(expression)
        except Exception as refused:
            assert refused.error["errcode"] == "M_INVALID_PARAM" and "Expected" in refused.error["error"]


def test_a_package_that_says_which_server_it_needs(package):
    """Modules compare the server's version, read their own, and take their folder's templates with pkg_resources or importlib."""
    text = """
import synapse
try:
    from importlib.metadata import version
    __version__ = version("no-such-distribution")
except Exception:
    __version__ = "unknown"
if tuple(int(part) for part in synapse.__version__.split(".")[:2]) < (1, 74):
    raise RuntimeError("too old")
"""
    host = package("comparing", text + EMPTY)
    assert host.load("comparing.Module").described["placeholders"] == []
