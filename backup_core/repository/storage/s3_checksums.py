"""What goes along with content, so that the store refuses what got damaged on its way."""

import hashlib
import re
import zlib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any


_MD5 = re.compile(r"[0-9a-f]{32}", re.ASCII)


class ChecksumMode(StrEnum):
    """What a store is given to check content against: the newer ones aren't known everywhere."""

    SHA256 = "sha256"
    CRC32 = "crc32"
    MD5 = "md5"
    NONE = "none"

    @property
    def algorithm(self) -> str | None:
        """As the store calls it, where it has to know it before an upload in parts."""
        return self.value.upper() if self in {ChecksumMode.SHA256, ChecksumMode.CRC32} else None

    @property
    def field(self) -> str | None:
        """Of requests and answers that carry the checksum of a part or an object; None where only requests do."""
        return f"Checksum{self.algorithm}" if self.algorithm else None

    def of(self, content: memoryview) -> dict[str, str]:
        """The parameters of a request that sends this."""
        if self is ChecksumMode.SHA256:
            return {"ChecksumSHA256": _base64(hashlib.sha256(content).digest())}
        if self is ChecksumMode.CRC32:
            return {"ChecksumCRC32": _base64(zlib.crc32(content).to_bytes(4, "big"))}
        if self is ChecksumMode.MD5:
            return {"ContentMD5": _base64(hashlib.md5(content, usedforsecurity=False).digest())}
        return {}


def is_same_part(content: memoryview, stored: Mapping[str, Any], mode: ChecksumMode) -> bool:
    """Whether a part that the store lists has this content: by SHA-256, or by the MD5 that its ETag is.

    A CRC is too little to tell two contents apart: it only finds damage.

    Args:
        content: what would be sent.
        stored: the part as ListParts tells of it.
        mode: of the upload.
    """
    if stored["Size"] != len(content):
        return False
    if mode is ChecksumMode.SHA256:
        return bool(stored.get("ChecksumSHA256") == mode.of(content)["ChecksumSHA256"])
    return plain_etag(stored["ETag"]) == hashlib.md5(content, usedforsecurity=False).hexdigest()


def plain_etag(etag: str) -> str:
    """An ETag without its quotation marks."""
    return etag.strip('"')


def whole_etag(part_etags: Sequence[str]) -> str | None:
    """The ETag of an object that was put together from parts, as most stores make it; None if theirs aren't MD5."""
    plain = [plain_etag(etag) for etag in part_etags]
    if not all(_MD5.fullmatch(etag) for etag in plain):
        return None
    digest = hashlib.md5(b"".join(bytes.fromhex(etag) for etag in plain), usedforsecurity=False).hexdigest()
    return f"{digest}-{len(plain)}"


def _base64(digest: bytes) -> str:
    return b64encode(digest).decode("ascii")
