"""Reads archived dumps, JSON lines plain or in zstd, piece by piece and from any place on."""

import re
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import zstandard

from core.contracts.errors import Rejected
from crawlers.item import Refusal, RefusalReason
from crawlers.sources.reddit.parse import read_line
from crawlers.sources.reddit.posts import Post

LONGEST_LINE: Final = 16_000_000
PIECE_BYTES: Final = 8_000_000  # of text, in one call

# A few bytes of zstd may hold very much text: so little is unpacked at once.
_READ_BYTES: Final = 8_192
_PLAIN_READ_BYTES: Final = 1_000_000
_WINDOW_BYTES: Final = 2**31  # what the archives of Reddit are packed with (zstd --long=31)
_ZSTD: Final = (b"\x28\xb5\x2f\xfd", *(bytes([0x50 + n, 0x2A, 0x4D, 0x18]) for n in range(16)))
_CREATED: Final = re.compile(rb'"created_utc":\s*"?(\d{1,11})')


class Piece(NamedTuple):
    """What a few megabytes of a dump hold.

    Attributes:
        posts: those whose line has the word that was asked for.
        refusals: lines that can't be read.
        next: where the next piece begins, in bytes of unpacked text; None at the end.
        reached_s: the time of the last line, whoever's it is; None where it does not tell.
    """

    posts: list[Post]
    refusals: list[Refusal]
    next: int | None
    reached_s: int | None


class Dump:
    """One file. Not for several threads at once; every call may take a second.

    Packed files can only be read from their beginning: going on elsewhere unpacks what lies
    before. Reading on from where the last call ended does not. Memory: the file's own zstd
    window (up to 2 GiB in the archives), one piece and one line.

    Args:
        path: of the file.
        word: only lines that hold it are read, in letters of any case; empty reads all.
    """

    def __init__(self, path: Path, word: str) -> None:
        self._path = path
        self._word = word.lower().encode()
        self._file: BinaryIO | None = None
        self._unpack: zstandard.ZstdDecompressionObj | None = None
        self._fed = False  # the present frame has begun
        self._buffer = b""
        self._at = 0  # of the buffer's first byte, in unpacked text

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        if self._file is not None:
            self._file.close()
        self._file = self._unpack = None
        self._buffer, self._at, self._fed = b"", 0, False

    def skip(self, to: int) -> bool:
        """Go on towards a place, at most some hundred pieces; False while it is not reached.

        Raises:
            Rejected: as `piece`; also where the file ends before it.
        """
        if self._file is None or self._at > to:
            self._open()
        for _ in range(100):
            if self._at + len(self._buffer) >= to:
                self._buffer = self._buffer[to - self._at :]
                self._at = to
                return True
            self._at += len(self._buffer)
            self._buffer = self._more()
            if not self._buffer:
                raise Rejected(f"{self._path} ends before byte {to}: it is not the file it was")
        return False

    def piece(self) -> Piece:
        """Read on.

        Raises:
            Rejected: the file is not there, cut off, or no such file; what to do about it.
        """
        posts: list[Post] = []
        refusals: list[Refusal] = []
        text, ended = self._lines()
        for line in text.splitlines():
            is_whole = line.rstrip().endswith(b"}")  # what is broken off is told, whoever's it is
            if not line.strip() or (is_whole and self._word not in line.lower()):
                continue
            read = read_line(line)
            if isinstance(read, Post):
                posts.append(read)
            else:
                refusals.append(read)
        if not text and not ended:
            refusals.append(self._skip_line())
        times = _CREATED.findall(text, max(0, text.rfind(b"\n", 0, len(text) - 1)))
        reached_s = int(times[-1]) if times else None
        return Piece(posts, refusals, None if ended else self._at, reached_s)

    def _lines(self) -> tuple[bytes, bool]:
        """Take whole lines off the file, and say whether that was all; none where one is too long.

        The buffer then begins with that line.
        """
        if self._file is None:
            self._open()
        parts = [self._buffer]
        size = len(self._buffer)
        ended = False
        while size < PIECE_BYTES or (size < LONGEST_LINE and not any(b"\n" in p for p in parts)):
            more = self._more()
            if not more:
                ended = True
                break
            parts.append(more)
            size += len(more)
        text = b"".join(parts)
        end = len(text) if ended else text.rfind(b"\n") + 1
        self._buffer = text[end:]
        self._at += end
        return text[:end], ended

    def _skip_line(self) -> Refusal:
        """Pass over a line that is too long to be kept."""
        begin = self._at
        while (end := self._buffer.find(b"\n")) < 0:
            self._at += len(self._buffer)
            self._buffer = self._more()
            if not self._buffer:
                break
        self._at += end + 1
        self._buffer = self._buffer[end + 1 :]
        detail = f"the line at byte {begin} of {self._path.name} is longer than {LONGEST_LINE}"
        return Refusal(RefusalReason.TOO_LARGE, detail)

    def _open(self) -> None:
        self.close()
        try:
            self._file = self._path.open("rb")
            magic = self._file.read(4)
            self._file.seek(0)
        except OSError as error:
            raise Rejected(
                f"{self._path} can't be read: {error.strerror}; check the channel's dumps"
            ) from error
        if magic in _ZSTD:
            self._unpack = _decompressor()

    def _more(self) -> bytes:
        """Give the next bytes of text; none at the end.

        Raises:
            Rejected: the file is damaged or cut off.
        """
        if self._file is None:
            raise Rejected(f"{self._path} was closed while it was being read: run this again")
        try:
            if self._unpack is None:
                return self._file.read(_PLAIN_READ_BYTES)
            while packed := self._file.read(_READ_BYTES):
                if text := self._unpacked(packed):
                    return text
        except (OSError, zstandard.ZstdError) as error:
            raise Rejected(f"{self._path} is damaged: {error}; fetch it again") from error
        if self._fed:
            raise Rejected(f"{self._path} is cut off: fetch it again, in full")
        return b""

    def _unpacked(self, packed: bytes) -> bytes:
        """Unpack some bytes, over as many frames as they belong to."""
        parts = []
        while packed and self._unpack is not None:
            parts.append(self._unpack.decompress(packed))
            packed = b""
            self._fed = not self._unpack.eof
            if self._unpack.eof:
                packed = self._unpack.unused_data
                self._unpack = _decompressor()
        return b"".join(parts)


def _decompressor() -> "zstandard.ZstdDecompressionObj":
    return zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES).decompressobj()
