"""Where the types of media files were before."""

from synapse.media._base import FileInfo, ThumbnailInfo  # noqa: F401
from modapi_bridge.not_offered import names_of

__getattr__ = names_of(__name__)
