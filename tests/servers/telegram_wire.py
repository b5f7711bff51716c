"""MTProto as a server speaks it: TCP framing, encryption with a key both sides know, TL objects."""

import asyncio
import os
import struct
import time
from hashlib import sha256
from typing import Any, Final
from zlib import crc32

from telethon.crypto import AES, AuthKey
from telethon.extensions import BinaryReader
from telethon.network.mtprotostate import MTProtoState
from telethon.tl.core import GzipPacked, MessageContainer, TLMessage

_RPC_RESULT: Final = 0xF35C6D01
_VECTOR: Final = 0x1CB5C415
_SALT: Final = 7


class Wire:
    """One client's connection, seen from the server.

    The "full" transport (https://core.telegram.org/mtproto/mtproto-transports#full) and MTProto 2.0
    encryption (https://core.telegram.org/mtproto/description) with telethon's own AES.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, auth_key: AuthKey
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.session_id = 0
        self.wants_updates = False
        self.has_read_all = False  # asked for messages, and there were no more
        self._key = auth_key
        self._sent = 0
        self._last_id = 0

    async def receive(self) -> list[TLMessage]:
        """Read one packet's messages; raises `IncompleteReadError` at the end."""
        head = await self.reader.readexactly(8)
        length, _ = struct.unpack("<ii", head)
        rest = await self.reader.readexactly(length - 8)
        if crc32(head + rest[:-4]) != struct.unpack("<I", rest[-4:])[0]:
            raise ValueError("the packet's checksum is wrong")
        return self._flatten(self._decrypt(rest[:-4]))

    def _decrypt(self, packet: bytes) -> TLMessage:
        key = self._key.key
        if struct.unpack("<Q", packet[:8])[0] != self._key.key_id:
            raise PermissionError("another key")
        message_key = packet[8:24]
        plain = AES.decrypt_ige(packet[24:], *MTProtoState._calc_key(key, message_key, True))
        if sha256(key[88:120] + plain).digest()[8:24] != message_key:
            raise ValueError("the message key is wrong")
        _, self.session_id, message_id, sequence, length = struct.unpack("<qqqii", plain[:32])
        with BinaryReader(plain[32 : 32 + length]) as reader:
            return TLMessage(message_id, sequence, reader.tgread_object())

    def _flatten(self, message: TLMessage) -> list[TLMessage]:
        thing = message.obj
        if isinstance(thing, MessageContainer):
            return [one for inner in thing.messages for one in self._flatten(inner)]
        if isinstance(thing, GzipPacked):
            with BinaryReader(thing.data) as reader:
                message.obj = reader.tgread_object()
        return [message]

    def answer(self, request_id: int, result: Any) -> None:  # noqa: ANN401 - any TL object
        """Answer a request with an object, a list of them, or an `RpcError`."""
        if isinstance(result, list):
            body = struct.pack("<Ii", _VECTOR, len(result)) + b"".join(map(bytes, result))
        else:
            body = bytes(result)
        self.send_bytes(struct.pack("<Iq", _RPC_RESULT, request_id) + body, answers=True)

    def send(self, thing: Any) -> None:  # noqa: ANN401 - any TL object
        """Send an object on the server's own account, such as updates."""
        self.send_bytes(bytes(thing))

    def send_bytes(self, body: bytes, *, answers: bool = False) -> None:
        """Encrypt and send one message's bytes, whatever they are."""
        if self.writer.is_closing():
            return
        key = self._key.key
        padded = body + b"\0" * (-len(body) % 4)
        data = struct.pack("<qqqii", _SALT, self.session_id, self._next_id(answers), 0, len(padded))
        data += padded
        data += os.urandom(-(len(data) + 12) % 16 + 12)
        message_key = sha256(key[96:128] + data).digest()[8:24]
        sealed = AES.encrypt_ige(data, *MTProtoState._calc_key(key, message_key, False))
        self.send_packet(struct.pack("<Q", self._key.key_id) + message_key + sealed)

    def send_packet(self, packet: bytes) -> None:
        """Frame and send a packet, whatever is in it."""
        framed = struct.pack("<ii", len(packet) + 12, self._sent) + packet
        self._sent += 1
        self.writer.write(framed + struct.pack("<I", crc32(framed)))

    def _next_id(self, answers: bool) -> int:
        """Message ids grow, are 1 mod 4 for answers and 3 for the rest."""
        base = int(time.time() * (1 << 32)) & ~3
        self._last_id = max(base, (self._last_id & ~3) + 4)
        return self._last_id | (1 if answers else 3)
