"""The object behind `ModuleApi`, which some modules reach for: what of it eight more packages need is forwarded to the host.

Whatever else is looked up here fails by name: AttributeError, so that modules which try and go another way can do that.
"""

from typing import Any, Callable, Dict, List, NoReturn, Optional, Tuple, Union

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred

from modapi_bridge.host import host
from modapi_bridge.not_offered import refuse
from synapse.http.client import SimpleHttpClient
from synapse.storage.database import DatabasePool
from synapse.types import Requester, UserID
from synapse.util import Clock

reactor: Any = _reactor

_Ask = Callable[..., "Deferred[Any]"]


def _id_of(user: Union[str, UserID]) -> str:
    """A full id: of an id, a parsed one, or the local part that some functions take."""
    text = user if isinstance(user, str) else user.to_string()
    return text if text.startswith("@") else "@%s:%s" % (text, host.server_name)


class _Part:
    """Something that has a few members, and refuses all others by name."""

    of_server = "HomeServer"

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        refuse("%s.%s" % (self.of_server, name))


class Store(_Part):
    """The database of accounts and rooms."""

    of_server = "HomeServer.get_datastores().main"

    def __init__(self, ask: _Ask, entry: str) -> None:
        self._ask = ask
        self.db_pool = DatabasePool(entry)

    async def _internal(self, member: str, **arguments: Any) -> Any:
        return await self._ask("internal." + member, **arguments)

    async def get_user_id_by_threepid(self, medium: str, address: str) -> Optional[str]:
        """Whose address it is."""
        return await self._internal("get_user_id_by_threepid", medium=medium, address=address)  # type: ignore[no-any-return]

    async def user_get_threepids(self, user_id: str) -> List[Dict[str, Any]]:
        """A user's addresses."""
        return await self._ask("get_threepids_for_user", user_id=user_id)  # type: ignore[no-any-return]

    async def user_add_threepid(self, user_id: str, medium: str, address: str, validated_at: int, added_at: int) -> None:
        """Gives a user an address."""
        await self._internal(
            "user_add_threepid", user_id=user_id, medium=medium, address=address, validated_at=validated_at, added_at=added_at
        )

    async def user_delete_threepid(self, user_id: str, medium: str, address: str) -> None:
        """Takes an address from a user."""
        await self._internal("user_delete_threepid", user_id=user_id, medium=medium, address=address)

    async def set_profile_displayname(self, user_id: Union[str, UserID], new_displayname: Optional[str], *_: Any) -> None:
        """Changes a display name, without telling rooms."""
        await self._internal("set_profile_displayname", user_id=_id_of(user_id), new_displayname=new_displayname)

    async def set_profile_avatar_url(self, user_id: Union[str, UserID], new_avatar_url: Optional[str], *_: Any) -> None:
        """Changes an avatar, without telling rooms."""
        await self._internal("set_profile_avatar_url", user_id=_id_of(user_id), new_avatar_url=new_avatar_url)

    async def get_profile_displayname(self, user_id: Union[str, UserID]) -> Optional[str]:
        """A display name."""
        return (await self.get_profileinfo(user_id)).display_name  # type: ignore[no-any-return]

    async def get_profile_avatar_url(self, user_id: Union[str, UserID]) -> Optional[str]:
        """An avatar."""
        return (await self.get_profileinfo(user_id)).avatar_url  # type: ignore[no-any-return]

    async def get_profileinfo(self, user_id: Union[str, UserID]) -> Any:
        """Both."""
        return await self._ask("get_profile_for_user", localpart=UserID.from_string(_id_of(user_id)).localpart)

    async def get_event(self, event_id: str, *_: Any, allow_none: bool = False, **__: Any) -> Any:
        """An event. Errors: SynapseError 404 if it isn't there, unless that is allowed."""
        return await self._internal("get_event", event_id=event_id, allow_none=allow_none)

    async def get_latest_event_ids_in_room(self, room_id: str) -> List[str]:
        """The events that nothing follows."""
        return list(await self._internal("get_latest_event_ids_in_room", room_id=room_id))

    async def get_rooms_for_user(self, user_id: str) -> "frozenset[str]":
        """The rooms that a user has joined."""
        return frozenset(await self._internal("get_rooms_for_user", user_id=user_id))

    async def get_users_in_room(self, room_id: str) -> List[str]:
        """The users who have joined a room."""
        return list(await self._internal("get_users_in_room", room_id=room_id))

    async def get_user_by_external_id(self, auth_provider: str, external_id: str) -> Optional[str]:
        """Who a user of an identity provider is here."""
        return await self._internal(  # type: ignore[no-any-return]
            "get_user_by_external_id", auth_provider=auth_provider, external_id=external_id
        )

    async def get_external_ids_by_user(self, mxid: str) -> List[Tuple[str, str]]:
        """Who a user is at identity providers: pairs of provider and id there."""
        found = await self._internal("get_external_ids_by_user", user_id=mxid)
        return [(provider, external_id) for provider, external_id in found]

    async def record_user_external_id(self, auth_provider: str, external_id: str, user_id: str) -> None:
        """As ModuleApi's."""
        await self._ask(
            "record_user_external_id",
            auth_provider_id=auth_provider,
            remote_user_id=external_id,
            registered_user_id=user_id,
        )

    async def remove_user_external_id(self, auth_provider: str, external_id: str, user_id: str) -> None:
        """Forgets that."""
        await self._internal("remove_user_external_id", auth_provider=auth_provider, external_id=external_id, user_id=user_id)

    async def get_userinfo_by_id(self, user_id: str) -> Any:
        """As ModuleApi's."""
        return await self._ask("get_userinfo_by_id", user_id=user_id)

    get_user_by_id = get_userinfo_by_id

    async def is_server_admin(self, user: UserID) -> bool:
        """As ModuleApi's is_user_admin."""
        return bool(await self._ask("is_user_admin", user_id=_id_of(user)))


class ProfileHandler(_Part):
    """Profiles."""

    of_server = "HomeServer.get_profile_handler()"

    def __init__(self, ask: _Ask, store: Store) -> None:
        self._ask = ask
        self.store = store

    async def set_displayname(
        self, target_user: UserID, requester: Requester, new_displayname: str, by_admin: bool = False, *_: Any, **__: Any
    ) -> None:
        """Changes a display name, and tells rooms."""
        await self._ask("set_displayname", user_id=target_user, new_displayname=new_displayname, deactivation=False)

    async def set_avatar_url(
        self, target_user: UserID, requester: Requester, new_avatar_url: str, by_admin: bool = False, *_: Any, **__: Any
    ) -> None:
        """Changes an avatar, and tells rooms."""
        await self._ask("internal.set_avatar_url", user_id=target_user, new_avatar_url=new_avatar_url)

    async def get_displayname(self, target_user: UserID) -> Optional[str]:
        """A display name."""
        return await self.store.get_profile_displayname(target_user)

    async def get_avatar_url(self, target_user: UserID) -> Optional[str]:
        """An avatar."""
        return await self.store.get_profile_avatar_url(target_user)


class Auth(_Part):
    """Who asks."""

    of_server = "HomeServer.get_auth()"

    def __init__(self, ask: _Ask) -> None:
        self._ask = ask

    async def get_user_by_req(
        self, request: Any, allow_guest: bool = False, allow_expired: bool = False, **_: Any
    ) -> Requester:
        """As ModuleApi's."""
        from modapi_bridge.web import head_of

        return await self._ask(  # type: ignore[no-any-return]
            "get_user_by_req", request=head_of(request), allow_guest=allow_guest, allow_expired=allow_expired
        )

    async def is_server_admin(self, requester: Union[Requester, UserID]) -> bool:
        """As ModuleApi's is_user_admin."""
        user = requester.user if isinstance(requester, Requester) else requester
        return bool(await self._ask("is_user_admin", user_id=user.to_string()))


class AuthHandler(_Part):
    """Accounts' addresses, and whether there are accounts."""

    of_server = "HomeServer.get_auth_handler()"

    def __init__(self, ask: _Ask) -> None:
        self._ask = ask

    async def add_threepid(self, user_id: str, medium: str, address: str, validated_at: int) -> None:
        """Gives a user an address; callbacks are asked and told as when a client does it."""
        await self._ask("internal.add_threepid", user_id=user_id, medium=medium, address=address, validated_at=validated_at)

    async def delete_local_threepid(self, user_id: str, medium: str, address: str) -> None:
        """Takes an address from a user; callbacks are told."""
        await self._ask("internal.delete_threepid", user_id=user_id, medium=medium, address=address)

    async def check_user_exists(self, user_id: str) -> Optional[str]:
        """As ModuleApi's."""
        return await self._ask("check_user_exists", user_id=user_id)  # type: ignore[no-any-return]


class RegistrationHandler(_Part):
    """Making accounts."""

    of_server = "HomeServer.get_registration_handler()"

    def __init__(self, ask: _Ask) -> None:
        self._ask = ask

    async def check_username(self, localpart: str, *_: Any, **__: Any) -> None:
        """As ModuleApi's."""
        await self._ask("check_username", username=localpart)

    async def register_user(
        self,
        localpart: str,
        password_hash: Any = None,
        *_: Any,
        default_display_name: Optional[str] = None,
        admin: bool = False,
        bind_emails: Any = (),
        **__: Any,
    ) -> str:
        """As ModuleApi's; a hash of a password is refused."""
        if password_hash is not None:
            refuse("HomeServer.get_registration_handler().register_user(password_hash=)")
        return await self._ask(  # type: ignore[no-any-return]
            "register_user", localpart=localpart, displayname=default_display_name, emails=list(bind_emails), admin=admin
        )


class RoomMemberHandler(_Part):
    """Memberships."""

    of_server = "HomeServer.get_room_member_handler()"

    def __init__(self, ask: _Ask) -> None:
        self._ask = ask

    async def update_membership(
        self, requester: Requester, target: UserID, room_id: str, action: str, *_: Any, content: Any = None, **__: Any
    ) -> Tuple[str, int]:
        """As ModuleApi's update_room_membership; the event's id, and 0 where the server had a place in a stream."""
        event = await self._ask(
            "update_room_membership",
            sender=requester.user.to_string(),
            target=target.to_string(),
            room_id=room_id,
            new_membership=action,
            content=content,
            remote_room_hosts=None,
        )
        return event.event_id, 0


class EventCreationHandler(_Part):
    """Sending events."""

    of_server = "HomeServer.get_event_creation_handler()"

    def __init__(self, ask: _Ask) -> None:
        self._ask = ask

    async def create_and_send_nonmember_event(
        self, requester: Requester, event_dict: Dict[str, Any], *_: Any, **__: Any
    ) -> Tuple[Any, int]:
        """As ModuleApi's create_and_send_event_into_room; the event, and 0 where the server had a place in a stream."""
        event = dict(event_dict)
        event.setdefault("sender", requester.user.to_string())
        return await self._ask("create_and_send_event_into_room", event_dict=event), 0


class DeactivateAccountHandler(_Part):
    """Ending accounts."""

    of_server = "HomeServer.get_deactivate_account_handler()"

    def __init__(self, ask: _Ask) -> None:
        self._ask = ask

    async def deactivate_account(self, user_id: str, erase_data: bool, requester: Any = None, *_: Any, **__: Any) -> bool:
        """Ends an account; whether addresses were unbound at identity servers."""
        return bool(await self._ask("internal.deactivate_account", user_id=user_id, erase=erase_data))


class _StateStorage(_Part):
    of_server = "HomeServer.get_storage_controllers().state"

    def __init__(self, ask: _Ask) -> None:
        self._ask = ask

    async def get_current_state(self, room_id: str, *_: Any, **__: Any) -> Any:
        """As ModuleApi's get_room_state."""
        return await self._ask("get_room_state", room_id=room_id, event_filter=None)

    async def get_current_state_event(self, room_id: str, event_type: str, state_key: str) -> Any:
        """One event of the state, or None."""
        found = await self._ask("get_room_state", room_id=room_id, event_filter=[[event_type, state_key]])
        return found.get((event_type, state_key))


class _StorageControllers(_Part):
    of_server = "HomeServer.get_storage_controllers()"

    def __init__(self, ask: _Ask) -> None:
        self.state = _StateStorage(ask)


class _Datastores(_Part):
    of_server = "HomeServer.get_datastores()"

    def __init__(self, store: Store) -> None:
        self.main = store
        self.databases = [store.db_pool]


class _Section(_Part):
    def __init__(self, name: str, **values: Any) -> None:
        self.of_server = "HomeServer.config.%s" % name
        self.__dict__.update(values)


class _Config(_Part):
    of_server = "HomeServer.config"

    def __init__(self) -> None:
        self.server = _Section(
            "server",
            server_name=host.server_name,
            public_baseurl=host.public_baseurl,
            worker_app=host.worker_app,
        )
        self.email = _Section("email", email_app_name=host.email_app_name)
        self.worker = _Section(
            "worker",
            worker_name=host.worker_name,
            worker_app=host.worker_app,
            run_background_tasks=host.runs_background_tasks,
        )
        self.workers = self.worker
        # Before the sections had names of their own, their values were the configuration's.
        self.server_name = host.server_name
        self.public_baseurl = host.public_baseurl
        self.email_app_name = host.email_app_name
        self.worker_name = host.worker_name


class HomeServer(_Part):
    """One for each module, so that it is known who asks."""

    def __init__(self, entry: Any) -> None:
        self.entry = entry
        self.hostname = host.server_name
        self.config = _Config()
        self._store = Store(self.ask_host, entry.name)
        self.auth_handler = AuthHandler(self.ask_host)
        self._clock = Clock(reactor)

    def ask_host(self, member: str, **arguments: Any) -> "Deferred[Any]":
        """An operation of the host's, for this module."""
        return host.operation(self.entry.name, member, arguments)

    def get_clock(self) -> Clock:
        """The time."""
        return self._clock

    def get_reactor(self) -> Any:
        """Twisted's."""
        return reactor

    def get_instance_name(self) -> str:
        """The worker's name, "master" for the main one."""
        return host.worker_name or "master"

    def is_mine(self, domain_specific_string: Any) -> bool:
        """Whether an identifier is of this server."""
        return bool(domain_specific_string.domain == host.server_name)

    def is_mine_id(self, string: str) -> bool:
        """Whether an identifier is of this server."""
        return string.partition(":")[2] == host.server_name

    def is_mine_server_name(self, server_name: str) -> bool:
        """Whether it is this server's name."""
        return server_name == host.server_name

    def get_datastores(self) -> _Datastores:
        """The database."""
        return _Datastores(self._store)

    def get_datastore(self) -> Store:
        """The database, by the name of old."""
        return self._store

    def get_profile_handler(self) -> ProfileHandler:
        """Profiles."""
        return ProfileHandler(self.ask_host, self._store)

    def get_auth(self) -> Auth:
        """Who asks."""
        return Auth(self.ask_host)

    def get_auth_handler(self) -> AuthHandler:
        """Accounts' addresses."""
        return self.auth_handler

    def get_registration_handler(self) -> RegistrationHandler:
        """Making accounts."""
        return RegistrationHandler(self.ask_host)

    def get_room_member_handler(self) -> RoomMemberHandler:
        """Memberships."""
        return RoomMemberHandler(self.ask_host)

    def get_event_creation_handler(self) -> EventCreationHandler:
        """Sending events."""
        return EventCreationHandler(self.ask_host)

    def get_deactivate_account_handler(self) -> DeactivateAccountHandler:
        """Ending accounts."""
        return DeactivateAccountHandler(self.ask_host)

    def get_storage_controllers(self) -> _StorageControllers:
        """Rooms' state."""
        return _StorageControllers(self.ask_host)

    def get_simple_http_client(self) -> SimpleHttpClient:
        """The HTTP client of ModuleApi."""
        return SimpleHttpClient(self)

    get_proxied_http_client = get_simple_http_client
    get_proxied_blacklisted_http_client = get_simple_http_client
    get_proxied_blocklisted_http_client = get_simple_http_client
