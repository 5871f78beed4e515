"""The interface of password providers from before there were callbacks, as callbacks of today's."""

import inspect
from typing import Any, Callable, Dict, Optional, Tuple

_METHODS = ("check_auth", "check_password", "check_3pid_auth", "on_logged_out", "get_supported_login_types")


def is_password_provider(made_of: Any) -> bool:
    """Whether a class is one, by its constructor: that of the older interface names its second argument `account_handler`."""
    try:
        return "account_handler" in inspect.signature(made_of).parameters
    except (TypeError, ValueError):
        return False


def offers_something(provider: Any) -> bool:
    """Whether an object has a method of the older interface."""
    return any(callable(getattr(provider, name, None)) for name in _METHODS)


async def _answer_of(answer: Any) -> Any:
    """Older functions may give a value, a coroutine or a Deferred."""
    return await answer if inspect.isawaitable(answer) else answer


def _as_pair(answer: Any) -> Any:
    """A bare user id means that there is no response callback; a callback may be a plain function, as it may today."""
    if isinstance(answer, str):
        return answer, None
    if isinstance(answer, list):
        return tuple(answer)
    return answer or None


def _checker(function: Callable[..., Any]) -> Callable[..., Any]:
    async def check(*arguments: Any) -> Any:
        return _as_pair(await _answer_of(function(*arguments)))

    return check


def _password_checker(function: Callable[..., Any], api: Any) -> Callable[..., Any]:
    async def check_password(user: str, login_type: str, login: Dict[str, Any]) -> Optional[Tuple[str, None]]:
        password = login.get("password")
        if not isinstance(password, str):
            return None
        user_id = api.get_qualified_user_id(user)
        return (user_id, None) if await _answer_of(function(user_id, password)) else None

    return check_password


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    async def tell(*arguments: Any) -> Any:
        return await _answer_of(function(*arguments))

    return tell


def register(provider: Any, api: Any) -> None:
    """Registers what a provider has. Errors: RuntimeError for login types whose fields aren't names."""
    checkers: Dict[Tuple[str, Tuple[str, ...]], Callable[..., Any]] = {}
    check_password = getattr(provider, "check_password", None)
    if callable(check_password):
        checkers[("m.login.password", ("password",))] = _password_checker(check_password, api)
    check_auth = getattr(provider, "check_auth", None)
    if callable(check_auth) and callable(getattr(provider, "get_supported_login_types", None)):
        for login_type, fields in dict(provider.get_supported_login_types()).items():
            if isinstance(fields, str):
                fields = (fields,)
            key = (login_type, tuple(fields))
            if key not in checkers:  # a provider's check_password comes first for passwords
                checkers[key] = _checker(check_auth)
    check_3pid_auth = getattr(provider, "check_3pid_auth", None)
    on_logged_out = getattr(provider, "on_logged_out", None)
    api.register_password_auth_provider_callbacks(
        auth_checkers=checkers or None,
        check_3pid_auth=_checker(check_3pid_auth) if callable(check_3pid_auth) else None,
        on_logged_out=_plain(on_logged_out) if callable(on_logged_out) else None,
    )
