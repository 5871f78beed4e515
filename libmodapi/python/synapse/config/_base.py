"""Errors in a configuration, and the units of its values."""

from typing import Any, Iterable, List, Optional, Union

from modapi_bridge.not_offered import names_of


class ConfigError(Exception):
    """Something in the configuration can't be; `path` leads to it."""

    def __init__(self, msg: str, path: Optional[Iterable[str]] = None) -> None:
        super().__init__(msg)
        self.msg = msg
        self.path: Optional[List[str]] = None if path is None else [str(part) for part in path]


class Config:
    """Reads values with units."""

    section = ""

    @staticmethod
    def parse_size(value: Union[str, int]) -> int:
        """Bytes of a number, or a text with K or M behind it."""
        if type(value) is int:
            return value
        if isinstance(value, str):
            size = {"K": 1024, "M": 1024 * 1024, "G": 1024**3}.get(value[-1:])
            return int(value) if size is None else int(value[:-1]) * size
        raise TypeError("Bad byte size %r" % (value,))

    @staticmethod
    def parse_duration(value: Union[str, int]) -> int:
        """Milliseconds of a number, or a text with s, m, h, d, w or y behind it."""
        if type(value) is int:
            return value
        if isinstance(value, str):
            second = 1000
            hour = 3600 * second
            day = 24 * hour
            units = {"s": second, "m": 60 * second, "h": hour, "d": day, "w": 7 * day, "y": 365 * day}
            unit = units.get(value[-1:])
            return int(value) if unit is None else int(value[:-1]) * unit
        raise TypeError("Bad duration %r" % (value,))

    @staticmethod
    def read_file(file_path: Any, config_name: str) -> str:
        """The text of a file. Errors: ConfigError."""
        try:
            with open(file_path, encoding="utf-8") as file:
                return file.read()
        except (OSError, TypeError) as error:
            raise ConfigError("Error accessing file %r in %s: %s" % (file_path, config_name, error)) from None


__getattr__ = names_of(__name__)
