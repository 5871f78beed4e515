"""A module that does what modules do in the worst case: whom it is asked about says what."""

import ctypes
import logging
import os
import pathlib
import re
import signal
import sys
import threading
import time
from typing import Any, Dict, Union

from modapi_bridge.calls import Running, current
from modapi_bridge.host import host
from synapse.http.site import SynapseRequest
from synapse.module_api import NOT_SPAM, DirectServeJsonResource, ModuleApi, run_as_background_process
from synapse.module_api.errors import Codes, ConfigError
from twisted.internet.defer import ensureDeferred

logger = logging.getLogger("deadly")


class Weird(Exception):
    """A class that nobody else knows."""


class EmptyPage(DirectServeJsonResource):
    async def _async_render_GET(self, request: Any) -> Any:
        return 200, {}


class DeadlyPage(DirectServeJsonResource):
    def __init__(self, module: "Deadly") -> None:
        super().__init__()
        self._module = module

    async def _async_render_GET(self, request: SynapseRequest) -> Any:
        return 200, self._module.do_loop() if b"hangs" in (request.args or {}) else {"colour": self._module.colour}


class Deadly:
    def __init__(self, config: Dict[str, Any], api: ModuleApi) -> None:
        self._api = api
        self._config = config
        self.colour = config.get("colour", "none")
        if config.get("print"):
            print(config["print"], flush=True)
        if config.get("die_once") and not pathlib.Path(config["die_once"]).exists():
            pathlib.Path(config["die_once"]).touch()
            os._exit(7)
        self._die_if_told("at_construction")
        while config.get("waits_for") and not pathlib.Path(config["waits_for"]).exists():
            time.sleep(0.01)
        if config.get("empty_page"):
            api.register_web_resource("/_synapse/client/deadly", EmptyPage())
        marker = config.get("holds_a_transaction_when")
        if marker and pathlib.Path(marker).exists():
            self._hold_a_transaction()
        api.register_spam_checker_callbacks(user_may_create_room=self.user_may_create_room)
        if config.get("page"):
            api.register_web_resource(config["page"], DeadlyPage(self))
        marker = config.get("registers_more_when")
        if marker and pathlib.Path(marker).exists():
            api.register_spam_checker_callbacks(user_may_publish_room=self.user_may_publish_room)

    @staticmethod
    def parse_config(config: Dict[str, Any]) -> Dict[str, Any]:
        if "colour" in config and config["colour"] != "green":
            raise ConfigError("must be green", ("colour",))
        if config.get("wrong_when") and pathlib.Path(config["wrong_when"]).exists():
            raise ConfigError("must not be there", ("wrong_when",))
        if config.get("raises_at_parse"):
            raise ValueError("a text\nof two lines")
        if config.get("hangs_at_parse"):
            while True:
                pass
        if config.get("dies_at_parse"):
            os._exit(9)
        return config

    def _die_if_told(self, key: str) -> None:
        what = self._config.get(key)
        if what is not None:
            getattr(self, "do_" + what)()

    async def user_may_create_room(self, user: str) -> Union[str, Codes, Any]:
        what = user[1:].partition(":")[0]
        return await self._do(what) if what in ("slow", "sends", "logs") else getattr(self, "do_" + what)()

    async def user_may_publish_room(self, user: str, room: str) -> Any:
        return NOT_SPAM

    async def _do(self, what: str) -> Any:
        if what == "slow":
            await self._api.sleep(0.05)
        elif what == "sends":
            await self._api.create_and_send_event_into_room(
                {"type": "m.room.message", "room_id": "!room:example.org", "sender": "@alice:example.org", "content": {}}
            )
        elif what == "logs":
            await self._api.sleep(0)
            logging.getLogger("deadly").warning("careful with %s", what)
        return NOT_SPAM

    def _hold_a_transaction(self) -> None:
        """One that goes on when the constructor has ended, and is said to be for the host's third question, which is that."""
        running = current.get()
        began = threading.Event()

        def hold(txn: Any) -> None:
            began.set()
            time.sleep(0.5)

        async def run() -> None:
            await self._api.run_db_interaction("held", hold)
            logger.warning("the transaction that was held has ended")

        token = current.set(Running(running.entry if running is not None else None, 3))
        ensureDeferred(run())
        current.reset(token)
        assert began.wait(10)

    def do_nothing(self) -> Any:
        return NOT_SPAM

    def do_leaves(self) -> Any:
        run_as_background_process("leaves", self._go_on)
        return NOT_SPAM

    async def _go_on(self) -> None:
        await self._api.sleep(0.05)
        await self._do("sends")

    def do_chatter(self) -> Any:
        print("chatter\n" * 1000 + "at last", flush=True)
        return NOT_SPAM

    def do_floods(self) -> Any:
        for number in range(20_000):
            logger.warning("a flood, %d", number)
        return NOT_SPAM

    def do_floods_by_itself(self) -> Any:
        entry = current.get()
        for _ in range(5_000):
            notice = {"do": "log", "level": "WARNING", "logger": "deadly", "text": "a flood", "entry": entry and entry.entry}
            host.channel.send(notice)
        return NOT_SPAM

    def do_tells_where(self) -> Any:
        logger.warning("lies in %s.", os.environ["TMPDIR"])
        return NOT_SPAM

    def do_fork(self) -> Any:
        if os.fork() == 0:
            time.sleep(60)  # with the connection in its hands
        os._exit(3)

    def do_bomb(self) -> Any:
        while True:
            try:
                os.fork()
            except OSError:
                time.sleep(0.05)

    def do_weird(self) -> Any:
        raise Weird("what a day")

    def do_latin(self) -> Any:
        host.channel._socket.send(b'\x00\x00\x00\x0b{"do":"\xe4\xf6"}')
        return NOT_SPAM

    def do_refuse(self) -> Any:
        return Codes.FORBIDDEN

    def do_kill(self) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(10)

    def do_exit(self) -> Any:
        os._exit(3)

    def do_segfault(self) -> Any:
        ctypes.string_at(0)

    def do_loop(self) -> Any:
        while True:
            pass

    def do_backtrack(self) -> Any:
        return re.match(r"(a+)+$", "a" * 64 + "b")

    def do_sysexit(self) -> Any:
        sys.exit(1)

    def do_raise(self) -> Any:
        raise ValueError("what a day")

    def do_allocate(self) -> Any:
        return len(bytearray(2 * 1024 * 1024 * 1024))

    def do_grow(self) -> Any:
        self._kept = bytearray(b"x") * (200 * 1024 * 1024)
        return NOT_SPAM

    def do_cyclic(self) -> Any:
        answer: Dict[str, Any] = {}
        answer["itself"] = answer
        return (Codes.FORBIDDEN, answer)

    def do_enormous(self) -> Any:
        return (Codes.FORBIDDEN, {"text": "x" * (40 * 1024 * 1024)})

    def do_surrogate(self) -> Any:
        return (Codes.FORBIDDEN, {"text": "\ud800"})

    def do_wrong(self) -> Any:
        return 17

    def do_unframe(self) -> Any:
        host.channel._socket.send(b"\x00\x00\x00\x05hello")
        return NOT_SPAM
