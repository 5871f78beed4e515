"""Reads what is uploaded, and refuses it if a word is in it."""

from typing import Any, Dict

from synapse.module_api import NOT_SPAM, ModuleApi
from synapse.module_api.errors import Codes


class Inspecting:
    def __init__(self, config: Dict[str, Any], api: ModuleApi) -> None:
        self._word = config["word"].encode()
        api.register_spam_checker_callbacks(check_media_file_for_spam=self.check_media_file_for_spam)

    async def check_media_file_for_spam(self, file: Any, info: Any) -> Any:
        chunks = []
        await file.write_chunks_to(chunks.append)
        return Codes.FORBIDDEN if self._word in b"".join(chunks) else NOT_SPAM
