"""What is known of a file of the media repository."""

from typing import Any, Dict, Optional

import attr

from modapi_bridge.not_offered import names_of


@attr.s(slots=True, frozen=True, auto_attribs=True)
class ThumbnailInfo:
    """A smaller picture of a file."""

    width: int
    height: int
    method: str
    type: str
    length: int = 0


@attr.s(slots=True, frozen=True, auto_attribs=True)
class FileInfo:
    """Which file it is; `server_name` is None for one that was uploaded here."""

    server_name: Optional[str]
    file_id: str
    url_cache: bool = False
    thumbnail: Optional[ThumbnailInfo] = None

    @property
    def thumbnail_width(self) -> Optional[int]:
        """None for a file that is no thumbnail."""
        return None if self.thumbnail is None else self.thumbnail.width

    @property
    def thumbnail_height(self) -> Optional[int]:
        """None for a file that is no thumbnail."""
        return None if self.thumbnail is None else self.thumbnail.height

    @property
    def thumbnail_method(self) -> Optional[str]:
        """None for a file that is no thumbnail."""
        return None if self.thumbnail is None else self.thumbnail.method

    @property
    def thumbnail_type(self) -> Optional[str]:
        """None for a file that is no thumbnail."""
        return None if self.thumbnail is None else self.thumbnail.type

    @property
    def thumbnail_length(self) -> Optional[int]:
        """None for a file that is no thumbnail."""
        return None if self.thumbnail is None else self.thumbnail.length

    @classmethod
    def from_wire(cls, held: Dict[str, Any]) -> "FileInfo":
        """Of a message of the host's."""
        thumbnail = held.get("thumbnail")
        return cls(
            server_name=held.get("server_name"),
            file_id=held["file_id"],
            url_cache=bool(held.get("url_cache")),
            thumbnail=None if thumbnail is None else ThumbnailInfo(**thumbnail),
        )


@attr.s(slots=True, frozen=True, auto_attribs=True)
class MediaUploadLimit:
    """How many bytes a user may upload in a time."""

    max_bytes: int
    time_period_ms: int


__getattr__ = names_of(__name__)
