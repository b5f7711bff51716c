import json
from pathlib import Path

import pytest
import zstandard

from core.contracts.errors import Rejected
from crawlers.item import RefusalReason
from crawlers.sources.reddit import dumps
from crawlers.sources.reddit.dumps import Dump, Piece
from tests.servers.reddit import submission


def line(number: int, subreddit: str = "Bitcoin", text: str = "") -> bytes:
    data = submission(f"t3_{number}", f"title {number}", subreddit=subreddit, selftext=text)["data"]
    return json.dumps({**data, "created_utc": 1_700_000_000 + number}).encode() + b"\n"


def packed(text: bytes, window_log: int = 31) -> bytes:
    """Pack as the archives are: a window of 2 GiB, though tables small enough for a test."""
    parameters = zstandard.ZstdCompressionParameters(
        window_log=window_log, enable_ldm=True, compression_level=1, hash_log=15, chain_log=15
    )
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return packer.compress(text) + packer.flush()


def read_all(dump: Dump) -> list[Piece]:
    pieces = [dump.piece()]
    while pieces[-1].next is not None:
        pieces.append(dump.piece())
    return pieces


def ids(pieces: list[Piece]) -> list[str]:
    return [post.fullname for piece in pieces for post in piece.posts]


TEXT = b"".join(line(number, "Bitcoin" if number % 2 else "cats") for number in range(40_000))
ODD = [f"t3_{number}" for number in range(1, 40_000, 2)]


@pytest.fixture(params=["RS.ndjson", "RS.zst"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    file: Path = tmp_path / request.param
    file.write_bytes(packed(TEXT) if request.param.endswith("zst") else TEXT)
    return file


def test_lines_of_the_subreddit_are_read_in_pieces(path: Path) -> None:
    dump = Dump(path, '"bitcoin"')
    pieces = read_all(dump)
    dump.close()
    assert ids(pieces) == ODD
    assert len(pieces) > 1
    assert pieces[-1].reached_s == 1_700_039_999
    assert not any(piece.refusals for piece in pieces)


def test_reading_goes_on_at_any_piece(path: Path) -> None:
    dump = Dump(path, '"bitcoin"')
    first = dump.piece()
    dump.close()
    assert first.next is not None
    again = Dump(path, '"bitcoin"')
    while not again.skip(first.next):
        pass
    rest = read_all(again)
    assert ids([first]) + ids(rest) == ODD
    while not again.skip(0):  # and back
        pass
    assert again.piece() == first
    again.close()


def test_file_of_several_frames_is_read_through(tmp_path: Path) -> None:
    file = tmp_path / "RS.zst"
    file.write_bytes(packed(line(1) + line(2)[:10], 20) + packed(line(2)[10:] + line(3), 20))
    dump = Dump(file, "")
    assert ids(read_all(dump)) == ["t3_1", "t3_2", "t3_3"]
    dump.close()


def test_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "RS.zst"
    file.write_bytes(packed(TEXT)[:-1_000])
    dump = Dump(file, "")
    with pytest.raises(Rejected, match="cut off: fetch it again"):
        read_all(dump)
    dump.close()


def test_damaged_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "RS.zst"
    file.write_bytes(packed(line(1))[:20] + b"\xff" * 100)
    dump = Dump(file, "")
    with pytest.raises(Rejected, match=r"is damaged|cut off"):
        read_all(dump)
    dump.close()


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="No such file"):
        Dump(tmp_path / "RS.zst", "").piece()


def test_place_beyond_the_end_is_another_files(tmp_path: Path) -> None:
    file = tmp_path / "RS.ndjson"
    file.write_bytes(line(1))
    dump = Dump(file, "")
    with pytest.raises(Rejected, match="not the file it was"):
        dump.skip(1_000_000)
    dump.close()


def test_broken_line_is_a_refusal_and_the_others_are_read(tmp_path: Path) -> None:
    file = tmp_path / "RS.ndjson"
    file.write_bytes(line(1) + b'{"subreddit": "Bitcoin", "id\n\n' + line(2) + line(3)[:-40])
    dump = Dump(file, '"bitcoin"')
    pieces = read_all(dump)
    dump.close()
    assert ids(pieces) == ["t3_1", "t3_2"]
    refusals = [refusal.reason for piece in pieces for refusal in piece.refusals]
    assert refusals == [RefusalReason.BAD_JSON, RefusalReason.BAD_JSON]


def test_line_without_end_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dumps, "LONGEST_LINE", 200_000)
    monkeypatch.setattr(dumps, "PIECE_BYTES", 100_000)
    monkeypatch.setattr(dumps, "_PLAIN_READ_BYTES", 10_000)
    file = tmp_path / "RS.ndjson"
    file.write_bytes(line(1) + line(2, text="x" * 1_000_000) + line(3))
    dump = Dump(file, "")
    pieces = read_all(dump)
    dump.close()
    assert ids(pieces) == ["t3_1", "t3_3"]
    assert [r.reason for piece in pieces for r in piece.refusals] == [RefusalReason.TOO_LARGE]
