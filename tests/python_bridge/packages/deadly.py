"""A module that does what modules do in the worst case: whom it is asked about says what."""

import ctypes
import logging
import os
import pathlib
import re
import signal
import sys
import time
from typing import Any, Dict, Union

from synapse.module_api import NOT_SPAM, ModuleApi, run_as_background_process
from synapse.module_api.errors import Codes, ConfigError


class Deadly:
    def __init__(self, config: Dict[str, Any], api: ModuleApi) -> None:
        self._api = api
        self._config = config
        if config.get("print"):
            print(config["print"], flush=True)
        if config.get("die_once") and not pathlib.Path(config["die_once"]).exists():
            pathlib.Path(config["die_once"]).touch()
            os._exit(7)
        self._die_if_told("at_construction")
        api.register_spam_checker_callbacks(user_may_create_room=self.user_may_create_room)
        marker = config.get("registers_more_when")
        if marker and pathlib.Path(marker).exists():
            api.register_spam_checker_callbacks(user_may_publish_room=self.user_may_publish_room)

    @staticmethod
    def parse_config(config: Dict[str, Any]) -> Dict[str, Any]:
        if "colour" in config and config["colour"] != "green":
            raise ConfigError("must be green", ("colour",))
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
        from modapi_bridge.host import host

        host.channel._socket.send(b"\x00\x00\x00\x05hello")
        return NOT_SPAM
