"""What modules are handed."""

import logging
from typing import Any, Callable, Collection, Dict, Final, Iterable, List, Mapping, Optional, Tuple, TypeVar, Union

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import LoopingCall
from typing_extensions import ParamSpec, TypedDict

from modapi_bridge.calls import run_for
from modapi_bridge.frozen import freeze
from modapi_bridge.host import host
from modapi_bridge.not_offered import names_of
from modapi_bridge.transactions import run_transaction
from modapi_bridge.web import head_of, write_response
from synapse.api.presence import UserPresenceState
from synapse.api.ratelimiting import RatelimitOverride  # noqa: F401
from synapse.config._base import ConfigError
from synapse.events import EventBase
from synapse.http.client import SimpleHttpClient
from synapse.http.server import (  # noqa: F401
    DirectServeHtmlResource,
    DirectServeJsonResource,
    finish_request,
    respond_with_html,
    set_clickjacking_protection_headers,
)
from synapse.http.servlet import parse_json_object_from_request  # noqa: F401
from synapse.http.site import SynapseRequest
from synapse.logging.context import (
    defer_to_thread,
    defer_to_threadpool,
    make_deferred_yieldable,
    run_in_background,
)  # noqa: F401
from synapse.media._base import MediaUploadLimit  # noqa: F401
from synapse.metrics.background_process_metrics import run_as_background_process
from synapse.module_api import errors, templates
from synapse.spam_checker_api import RegistrationBehaviour  # noqa: F401
from synapse.storage.database import DatabasePool, LoggingTransaction  # noqa: F401
from synapse.types import (  # noqa: F401
    JsonDict,
    JsonMapping,
    ProfileInfo,
    Requester,
    RoomAlias,
    RoomID,
    StateMap,
    UserID,
    UserInfo,
    UserIpAndAgent,
    UserProfile,
    create_requester,
)
from synapse.util import Clock
from synapse.util.caches.descriptors import cached as _server_cached

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger(__name__)
reactor: Any = _reactor

NOT_SPAM: Final = "NOT_SPAM"
PRESENCE_ALL_USERS = "ALL"


class LoginResponse(TypedDict, total=False):
    """The answer to a login, which a response callback may change."""

    user_id: str
    access_token: Optional[str]
    home_server: str
    expires_in_ms: Optional[int]
    refresh_token: Optional[str]
    device_id: Optional[str]
    well_known: Optional[Dict[str, Any]]


def cached(
    max_entries: int = 1000, num_args: Optional[int] = None, uncached_args: Optional[Collection[str]] = None
) -> Callable[[Callable[..., Any]], Any]:
    """Decorates a method whose results are kept by its arguments. ModuleApi.invalidate_cache forgets one everywhere."""
    return _server_cached(max_entries, num_args, uncached_args)


class ModuleApi:
    """What a module does with the homeserver. Each module has one of its own.

    What is asynchronous is asked of the host and raises the errors that the host names; `NotOffered` for what it doesn't have.
    """

    def __init__(self, hs: Any, auth_handler: Any = None) -> None:
        self._hs = hs
        self.hs = hs
        self._entry: Any = getattr(hs, "entry", None)
        self._http_client = SimpleHttpClient(hs)
        self._public_room_list_manager = PublicRoomListManager(hs)
        self._account_data_manager = AccountDataManager(hs)
        self._clock = Clock(reactor)
        self._auth_handler = auth_handler or getattr(hs, "auth_handler", None)
        self._server_name = host.server_name
        self.custom_template_dir = host.operator_templates
        self.msc3861_oauth_delegation_enabled = False

    @property
    def _store(self) -> Any:
        return self._hs.get_datastores().main

    @property
    def _auth(self) -> Any:
        return self._hs.get_auth()

    @property
    def _storage_controllers(self) -> Any:
        return self._hs.get_storage_controllers()

    def _ask(self, member: str, **arguments: Any) -> "Deferred[Any]":
        return host.operation(self._entry_name(), member, arguments)

    def _entry_name(self) -> Optional[str]:
        name = getattr(self._entry, "name", None)
        return name if isinstance(name, str) else None

    # ------------------------------------------------------------------------------------------------------ registration

    def _register(self, category: str, callbacks: Dict[str, Any]) -> None:
        self._entry.register(category, callbacks)

    def register_spam_checker_callbacks(
        self,
        *,
        check_event_for_spam: Any = None,
        should_drop_federated_event: Any = None,
        user_may_join_room: Any = None,
        user_may_invite: Any = None,
        user_may_send_3pid_invite: Any = None,
        user_may_create_room: Any = None,
        user_may_create_room_alias: Any = None,
        user_may_publish_room: Any = None,
        check_username_for_spam: Any = None,
        check_registration_for_spam: Any = None,
        check_media_file_for_spam: Any = None,
        check_login_for_spam: Any = None,
        user_may_send_state_event: Any = None,
        federated_user_may_invite: Any = None,
        **later: Any,
    ) -> None:
        """Of the category spam_checker. Names that the host doesn't know are ignored, and named at load; so in all of these."""
        self._register("spam_checker", _given(locals()))

    def register_account_validity_callbacks(
        self,
        *,
        is_user_expired: Any = None,
        on_user_registration: Any = None,
        on_user_login: Any = None,
        on_legacy_send_mail: Any = None,
        on_legacy_renew: Any = None,
        on_legacy_admin_request: Any = None,
        **later: Any,
    ) -> None:
        """Of the category account_validity. The three of old are never called."""
        self._register("account_validity", _given(locals()))

    def register_third_party_rules_callbacks(
        self,
        *,
        check_event_allowed: Any = None,
        on_create_room: Any = None,
        check_threepid_can_be_invited: Any = None,
        check_visibility_can_be_modified: Any = None,
        on_new_event: Any = None,
        check_can_shutdown_room: Any = None,
        check_can_deactivate_user: Any = None,
        on_profile_update: Any = None,
        on_user_deactivation_status_changed: Any = None,
        on_threepid_bind: Any = None,
        on_add_user_third_party_identifier: Any = None,
        on_remove_user_third_party_identifier: Any = None,
        **later: Any,
    ) -> None:
        """Of the category third_party_rules."""
        self._register("third_party_rules", _given(locals()))

    def register_presence_router_callbacks(
        self, *, get_users_for_states: Any = None, get_interested_users: Any = None, **later: Any
    ) -> None:
        """Of the category presence_router. Errors: RuntimeError for one without the other."""
        if (get_users_for_states is None) != (get_interested_users is None):
            raise RuntimeError(
                "A module tried to register only one of get_users_for_states and get_interested_users: they belong together"
            )
        self._register("presence_router", _given(locals()))

    def register_password_auth_provider_callbacks(
        self,
        *,
        check_3pid_auth: Any = None,
        on_logged_out: Any = None,
        auth_checkers: Optional[Mapping[Tuple[str, Tuple[str, ...]], Any]] = None,
        is_3pid_allowed: Any = None,
        get_username_for_registration: Any = None,
        get_displayname_for_registration: Any = None,
        **later: Any,
    ) -> None:
        """Of the category password_auth_provider."""
        self._register("password_auth_provider", _given(locals()))

    def register_background_update_controller_callbacks(
        self, *, on_update: Any, default_batch_size: Any = None, min_batch_size: Any = None, **later: Any
    ) -> None:
        """Of the category background_update_controller; on_update is a plain function that gives a context manager."""
        self._register("background_update_controller", _given(locals()))

    def register_account_data_callbacks(self, *, on_account_data_updated: Any = None, **later: Any) -> None:
        """Of the category account_data."""
        self._register("account_data", _given(locals()))

    def register_add_extra_fields_to_unsigned_client_event_callbacks(
        self, *, add_field_to_unsigned_callback: Any = None, **later: Any
    ) -> None:
        """Of the category unsigned_section."""
        self._register("unsigned_section", {"add_field_to_unsigned": add_field_to_unsigned_callback, **later})

    def register_media_repository_callbacks(
        self,
        *,
        get_media_config_for_user: Any = None,
        is_user_allowed_to_upload_media_of_size: Any = None,
        get_media_upload_limits_for_user: Any = None,
        on_media_upload_limit_exceeded: Any = None,
        **later: Any,
    ) -> None:
        """Of the category media_repository."""
        self._register("media_repository", _given(locals()))

    def register_ratelimit_callbacks(self, *, get_ratelimit_override_for_user: Any = None, **later: Any) -> None:
        """Of the category ratelimit."""
        self._register("ratelimit", _given(locals()))

    def register_web_resource(self, path: str, resource: Any) -> None:
        """Serves a resource of Twisted's at a path. Only during construction; whoever comes first keeps a path."""
        self._entry.register_web_resource(path, resource)

    def register_cached_function(self, cached_func: Any) -> None:
        """Lets invalidations of other workers reach a cached function."""
        self._entry.register_cached_function(cached_func)

    # -------------------------------------------------------------------------------------------------------- properties

    @property
    def http_client(self) -> SimpleHttpClient:
        """Asks other servers."""
        return self._http_client

    @property
    def public_room_list_manager(self) -> "PublicRoomListManager":
        """The list of public rooms."""
        return self._public_room_list_manager

    @property
    def account_data_manager(self) -> "AccountDataManager":
        """Users' account data."""
        return self._account_data_manager

    @property
    def public_baseurl(self) -> str:
        """Where clients reach the homeserver; ends with a slash."""
        return host.public_baseurl  # type: ignore[return-value]

    @property
    def email_app_name(self) -> str:
        """What the server is called in mails."""
        return host.email_app_name

    @property
    def server_name(self) -> str:
        """The homeserver's name."""
        return host.server_name

    @property
    def worker_name(self) -> Optional[str]:
        """This worker's name, None on the main one."""
        return host.worker_name

    @property
    def worker_app(self) -> Optional[str]:
        """This worker's kind, None on the main one."""
        return host.worker_app

    # ------------------------------------------------------------------------------------------------------------- users

    async def get_userinfo_by_id(self, user_id: str) -> Optional[UserInfo]:
        """An account, or None."""
        return await self._ask("get_userinfo_by_id", user_id=user_id)  # type: ignore[no-any-return]

    async def get_user_by_req(self, req: Any, allow_guest: bool = False, allow_expired: bool = False) -> Requester:
        """Whose request it is. Errors: MissingClientTokenError, InvalidClientTokenError, AuthError."""
        return await self._ask(  # type: ignore[no-any-return]
            "get_user_by_req", request=head_of(req), allow_guest=allow_guest, allow_expired=allow_expired
        )

    async def is_user_admin(self, user_id: str) -> bool:
        """False for unknown users."""
        return bool(await self._ask("is_user_admin", user_id=user_id))

    async def set_user_admin(self, user_id: str, admin: bool) -> None:
        """Makes an administrator, or none."""
        await self._ask("set_user_admin", user_id=user_id, admin=admin)

    def get_qualified_user_id(self, username: str) -> str:
        """A user's full id, of a local part or itself."""
        if username.startswith("@"):
            return username
        return UserID(username, host.server_name).to_string()

    async def get_profile_for_user(self, localpart: str) -> ProfileInfo:
        """Of a local user; both None for unknown ones."""
        return await self._ask("get_profile_for_user", localpart=localpart)  # type: ignore[no-any-return]

    async def get_threepids_for_user(self, user_id: str) -> List[Dict[str, Any]]:
        """Addresses: medium, address, validated_at, added_at."""
        return await self._ask("get_threepids_for_user", user_id=user_id)  # type: ignore[no-any-return]

    def check_user_exists(self, user_id: str) -> "Deferred[Optional[str]]":
        """The user's id as it is written there, or None."""
        return self._ask("check_user_exists", user_id=user_id)

    def register(
        self, localpart: str, displayname: Optional[str] = None, emails: Optional[List[str]] = None
    ) -> "Deferred[Tuple[str, str]]":
        """register_user and register_device in one, as it once was: user id and access token."""
        logger.warning("Using deprecated ModuleApi.register which creates a dummy user device.")

        async def both() -> Tuple[str, str]:
            user_id = await self.register_user(localpart, displayname, emails)
            _, token, _, _ = await self.register_device(user_id)
            return user_id, token

        return ensureDeferred(both())

    def register_user(
        self, localpart: str, displayname: Optional[str] = None, emails: Optional[List[str]] = None, admin: bool = False
    ) -> "Deferred[str]":
        """Makes an account without a password; its id."""
        return self._ask("register_user", localpart=localpart, displayname=displayname, emails=emails or [], admin=admin)

    def register_device(
        self, user_id: str, device_id: Optional[str] = None, initial_display_name: Optional[str] = None
    ) -> "Deferred[Tuple[str, str, Optional[int], Optional[str]]]":
        """Makes a device: its id, an access token, when that ends, and no refresh token."""
        asked = self._ask("register_device", user_id=user_id, device_id=device_id, initial_display_name=initial_display_name)
        as_tuple: Callable[[Any], Any] = tuple
        return asked.addCallback(as_tuple)

    def record_user_external_id(self, auth_provider_id: str, remote_user_id: str, registered_user_id: str) -> "Deferred[None]":
        """Remembers that a user of an identity provider is a user here."""
        return self._ask(
            "record_user_external_id",
            auth_provider_id=auth_provider_id,
            remote_user_id=remote_user_id,
            registered_user_id=registered_user_id,
        )

    async def create_login_token(
        self,
        user_id: str,
        duration_in_ms: int = 120000,
        auth_provider_id: Optional[str] = None,
        auth_provider_session_id: Optional[str] = None,
    ) -> str:
        """A token for one m.login.token."""
        return await self._ask(  # type: ignore[no-any-return]
            "create_login_token",
            user_id=user_id,
            duration_in_ms=duration_in_ms,
            auth_provider_id=auth_provider_id,
            auth_provider_session_id=auth_provider_session_id,
        )

    def generate_short_term_login_token(
        self, user_id: str, duration_in_ms: int = 120000, auth_provider_id: str = "", auth_provider_session_id: Any = None
    ) -> str:
        """Not offered: it gave a token at once; await create_login_token."""
        from modapi_bridge.not_offered import refuse

        refuse("ModuleApi.generate_short_term_login_token (await create_login_token)")

    def invalidate_access_token(self, access_token: str) -> "Deferred[None]":
        """Ends a token and its device."""
        return self._ask("invalidate_access_token", access_token=access_token)

    async def complete_sso_login_async(
        self,
        registered_user_id: str,
        request: SynapseRequest,
        client_redirect_url: str,
        new_user: bool = False,
        auth_provider_id: str = "<unknown>",
    ) -> None:
        """Writes the answer to a login at an identity provider."""
        response = await self._ask(
            "complete_sso_login_async",
            registered_user_id=registered_user_id,
            request=head_of(request),
            client_redirect_url=client_redirect_url,
            new_user=new_user,
            auth_provider_id=auth_provider_id,
        )
        write_response(request, response)

    def complete_sso_login(self, registered_user_id: str, request: SynapseRequest, client_redirect_url: str) -> None:
        """complete_sso_login_async in the background, as it once was."""
        run_as_background_process(
            "complete_sso_login", self.complete_sso_login_async, registered_user_id, request, client_redirect_url
        )

    async def check_username(self, username: str) -> None:
        """Raises if no account can be made by that name."""
        await self._ask("check_username", username=username)

    async def set_displayname(self, user_id: UserID, new_displayname: str, deactivation: bool = False) -> None:
        """Changes a display name, as an administrator."""
        await self._ask("set_displayname", user_id=user_id, new_displayname=new_displayname, deactivation=deactivation)

    async def get_user_ip_and_agents(self, user_id: str, since_ts: int = 0) -> List[UserIpAndAgent]:
        """Where a local user was seen since a time in milliseconds."""
        return await self._ask("get_user_ip_and_agents", user_id=user_id, since_ts=since_ts)  # type: ignore[no-any-return]

    async def get_monthly_active_users_by_service(
        self, start_timestamp: Optional[int] = None, end_timestamp: Optional[int] = None
    ) -> List[Tuple[str, str]]:
        """Pairs of an application service, or "native", and a user. Milliseconds."""
        found = await self._ask(
            "get_monthly_active_users_by_service", start_timestamp=start_timestamp, end_timestamp=end_timestamp
        )
        return [(service, user) for service, user in found]

    async def store_remote_3pid_association(self, user_id: str, medium: str, address: str, id_server: str) -> None:
        """Remembers that an identity server has an address."""
        await self._ask("store_remote_3pid_association", user_id=user_id, medium=medium, address=address, id_server=id_server)

    # -------------------------------------------------------------------------------------------------- rooms and events

    def get_state_events_in_room(
        self, room_id: str, types: Iterable[Tuple[str, Optional[str]]]
    ) -> "Deferred[Iterable[EventBase]]":
        """The room's state of these types; a state key of None means any."""
        return self._ask("get_state_events_in_room", room_id=room_id, types=[list(one) for one in types])

    async def get_room_state(
        self, room_id: str, event_filter: Optional[Iterable[Tuple[str, Optional[str]]]] = None
    ) -> StateMap[EventBase]:
        """The room's state, or what of it a filter names."""
        chosen = None if event_filter is None else [list(one) for one in event_filter]
        return await self._ask("get_room_state", room_id=room_id, event_filter=chosen)  # type: ignore[no-any-return]

    async def update_room_membership(
        self,
        sender: str,
        target: str,
        room_id: str,
        new_membership: str,
        content: Optional[JsonDict] = None,
        remote_room_hosts: Optional[List[str]] = None,
    ) -> EventBase:
        """Changes a membership on behalf of a local user."""
        return await self._ask(  # type: ignore[no-any-return]
            "update_room_membership",
            sender=sender,
            target=target,
            room_id=room_id,
            new_membership=new_membership,
            content=content,
            remote_room_hosts=remote_room_hosts,
        )

    async def create_and_send_event_into_room(self, event_dict: JsonDict) -> EventBase:
        """Sends an event: type, room_id, sender, content, and state_key if it is state."""
        return await self._ask("create_and_send_event_into_room", event_dict=event_dict)  # type: ignore[no-any-return]

    async def create_room(
        self, user_id: str, config: JsonDict, ratelimit: bool = True, creator_join_profile: Optional[JsonDict] = None
    ) -> Tuple[str, Optional[str]]:
        """Makes a room, as a client's request would: its id, and its alias if it has one."""
        made = await self._ask(
            "create_room", user_id=user_id, config=config, ratelimit=ratelimit, creator_join_profile=creator_join_profile
        )
        return made[0], made[1]

    async def delete_room(self, room_id: str) -> None:
        """Has a room shut down and deleted."""
        await self._ask("delete_room", room_id=room_id)

    async def get_canonical_room_alias(self, room_id: RoomID) -> Optional[RoomAlias]:
        """The room's alias, or None."""
        return await self._ask("get_canonical_room_alias", room_id=room_id)  # type: ignore[no-any-return]

    async def lookup_room_alias(self, room_alias: str) -> Tuple[str, List[str]]:
        """The room of an alias, and servers that are in it."""
        found = await self._ask("lookup_room_alias", room_alias=room_alias)
        return found[0], list(found[1])

    def is_mine(self, id: Any) -> bool:
        """Whether something is of this server."""
        if isinstance(id, str):
            return id.partition(":")[2] == host.server_name
        return bool(id.domain == host.server_name)

    # ---------------------------------------------------------------------------------------------------------- presence

    async def send_local_online_presence_to(self, users: Iterable[str]) -> None:
        """Sends the presence of all online users to these."""
        await self._ask("send_local_online_presence_to", users=list(users))

    async def set_presence_for_users(self, users: Mapping[str, Tuple[str, Optional[str]]]) -> None:
        """Sets presence: for each user a state and a message."""
        await self._ask("set_presence_for_users", users={user: list(state) for user, state in users.items()})

    # ---------------------------------------------------------------------------------------------------- running things

    def run_db_interaction(self, desc: str, func: Callable[..., T], *args: Any, **kwargs: Any) -> "Deferred[T]":
        """Runs `func(transaction, ...)` in a transaction, on a thread for database work."""
        return run_transaction(self._entry_name(), desc, func, *args, **kwargs)

    def looping_background_call(
        self,
        f: Callable[..., Any],
        msec: float,
        *args: Any,
        desc: Optional[str] = None,
        run_on_all_instances: bool = False,
        **kwargs: Any,
    ) -> None:
        """Calls a function every so often, on the process for background tasks or on all. What it raises is logged."""
        name: str = desc or getattr(f, "__name__", None) or "looping call"
        if not (run_on_all_instances or host.runs_background_tasks):
            logger.warning("Not running looping call %s: this isn't the process for background tasks", f)
            return

        def run() -> Any:
            return run_as_background_process(name, f, *args, **kwargs)

        call = LoopingCall(run_for, self._entry_name(), run)
        call.start(msec / 1000.0, now=False)
        self._entry.background.append(call)

    def delayed_background_call(
        self, msec: float, callback: Callable[..., Any], *args: Any, desc: Optional[str] = None, **kwargs: Any
    ) -> Any:
        """Calls a function once, later; what it gives can be cancelled."""
        name: str = desc or getattr(callback, "__name__", None) or "delayed call"

        def run() -> Any:
            return run_as_background_process(name, callback, *args, **kwargs)

        call = reactor.callLater(msec / 1000.0, run_for, self._entry_name(), run)
        self._entry.background[:] = [one for one in self._entry.background if _goes_on(one)]
        self._entry.background.append(call)
        return call

    def should_run_background_tasks(self) -> bool:
        """Whether this is the process that does the work that only one does."""
        return host.runs_background_tasks

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await self._clock.sleep(seconds)

    async def defer_to_thread(self, f: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Runs a function on another thread."""
        return await defer_to_thread(reactor, f, *args, **kwargs)

    async def defer_to_threadpool(self, threadpool: Any, f: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Runs a function on a thread of a pool of the module's own."""
        return await defer_to_threadpool(reactor, threadpool, f, *args, **kwargs)

    async def invalidate_cache(self, cached_func: Any, keys: Tuple[Any, ...]) -> None:
        """Forgets a value of a registered cached function, here at once and on all other workers.

        Errors: ValueError for a function that isn't registered, and for a key with another number of parts than it has.
        """
        name = getattr(cached_func, "name_for_invalidation", None)
        if name is None or self._entry.cached_functions.get(name) is not cached_func:
            raise ValueError(
                "invalidate_cache: %s isn't registered with register_cached_function" % (name or repr(cached_func))
            )
        if not cached_func.key_fits(keys):
            raise ValueError(
                "invalidate_cache: the key of %s is a tuple of %d parts, not %r" % (name, cached_func.number_of_key_parts, keys)
            )
        cached_func.invalidate(keys)
        await self._ask("invalidate_cache", function=name, key=list(keys))

    def run_as_background_process(
        self, desc: str, func: Callable[..., Any], *args: Any, bg_start_span: bool = True, **kwargs: Any
    ) -> "Deferred[Any]":
        """Starts a function that nobody waits for."""
        return run_as_background_process(desc, func, *args, bg_start_span=bg_start_span, **kwargs)

    def get_current_time_msec(self) -> int:
        """Milliseconds since 1970."""
        return self._clock.time_msec()

    # ----------------------------------------------------------------------------------------------------- push and mail

    async def send_http_push_notification(
        self,
        user_id: str,
        device_id: Optional[str],
        content: JsonDict,
        tweaks: Optional[JsonMapping] = None,
        default_payload: Optional[JsonMapping] = None,
    ) -> Dict[str, bool]:
        """Pushes to a user's devices, or one: for each whether it was accepted."""
        return await self._ask(  # type: ignore[no-any-return]
            "send_http_push_notification",
            user_id=user_id,
            device_id=device_id,
            content=content,
            tweaks=tweaks,
            default_payload=default_payload,
        )

    def check_push_rule_actions(self, actions: List[Union[str, Dict[str, str]]]) -> None:
        """Errors: InvalidRuleException."""
        if not isinstance(actions, list):
            raise errors.InvalidRuleException("Actions are a list, not %s" % type(actions).__name__)
        for action in actions:
            if action in ("notify", "dont_notify", "coalesce"):
                continue
            if not (isinstance(action, dict) and "set_tweak" in action):
                raise errors.InvalidRuleException("Unrecognised action %s" % (action,))

    async def set_push_rule_action(
        self, user_id: str, scope: str, kind: str, rule_id: str, actions: List[Union[str, Dict[str, str]]]
    ) -> None:
        """Changes an existing rule. Errors: RuleNotFoundException, InvalidRuleException, RuntimeError for another scope than global."""
        if scope != "global":
            raise RuntimeError('set_push_rule_action: the only scope is "global", not %r' % (scope,))
        self.check_push_rule_actions(actions)
        await self._ask("set_push_rule_action", user_id=user_id, scope=scope, kind=kind, rule_id=rule_id, actions=actions)

    async def send_mail(self, recipient: str, subject: str, html: str, text: str) -> None:
        """Sends a mail."""
        await self._ask("send_mail", recipient=recipient, subject=subject, html=html, text=text)

    def read_templates(self, filenames: List[str], custom_template_directory: Optional[str] = None) -> List[Any]:
        """Templates of jinja2's. Errors: ConfigError for a folder that isn't there."""
        return templates.read_templates(filenames, custom_template_directory)


class PublicRoomListManager:
    """The list of public rooms."""

    def __init__(self, hs: Any) -> None:
        self._hs = hs

    async def room_is_in_public_room_list(self, room_id: str) -> bool:
        """False for unknown rooms."""
        return bool(await self._hs.ask_host("public_room_list_manager.room_is_in_public_room_list", room_id=room_id))

    async def add_room_to_public_room_list(self, room_id: str) -> None:
        """Publishes a room."""
        await self._hs.ask_host("public_room_list_manager.add_room_to_public_room_list", room_id=room_id)

    async def remove_room_from_public_room_list(self, room_id: str) -> None:
        """Takes a room out of the list."""
        await self._hs.ask_host("public_room_list_manager.remove_room_from_public_room_list", room_id=room_id)


class AccountDataManager:
    """Users' global account data."""

    def __init__(self, hs: Any) -> None:
        self._hs = hs

    async def get_global(self, user_id: str, data_type: str) -> Optional[JsonMapping]:
        """What can't be changed, or None."""
        found = await self._hs.ask_host("account_data_manager.get_global", user_id=user_id, data_type=data_type)
        return None if found is None else freeze(found)

    async def put_global(self, user_id: str, data_type: str, new_data: JsonDict) -> None:
        """Replaces it. Errors: TypeError for a type that is no text and data that is no dictionary; ValueError for foreign users."""
        if not isinstance(data_type, str):
            raise TypeError("data_type must be a str; got %s" % type(data_type).__name__)
        if not isinstance(new_data, dict):
            raise TypeError("new_data must be a dict; got %s" % type(new_data).__name__)
        await self._hs.ask_host("account_data_manager.put_global", user_id=user_id, data_type=data_type, new_data=new_data)


def _given(names: Dict[str, Any]) -> Dict[str, Any]:
    """The keyword arguments of a method, from its locals()."""
    later = names.pop("later")
    names.pop("self")
    return {**names, **later}


def _goes_on(call: Any) -> bool:
    return bool(getattr(call, "running", False) or (hasattr(call, "active") and call.active()))


__all__ = [
    "ConfigError",
    "DatabasePool",
    "DirectServeHtmlResource",
    "DirectServeJsonResource",
    "EventBase",
    "JsonDict",
    "JsonMapping",
    "LoggingTransaction",
    "LoginResponse",
    "ModuleApi",
    "NOT_SPAM",
    "PRESENCE_ALL_USERS",
    "ProfileInfo",
    "RoomAlias",
    "StateMap",
    "UserID",
    "UserPresenceState",
    "UserProfile",
    "cached",
    "errors",
    "make_deferred_yieldable",
    "parse_json_object_from_request",
    "respond_with_html",
    "run_as_background_process",
    "run_in_background",
]
__getattr__ = names_of(__name__)
