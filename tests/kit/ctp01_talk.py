"""A CTP01 client with its lines in memory: each call drains what is due, as a simulator does."""

import msgspec

from wire.ctp01_buffer import LineBuffer, due_lines
from wire.ctp01_client import ClientSession
from wire.ctp01_messages import DataLine, Reply


def happen(client: ClientSession, buffer: LineBuffer, line: DataLine) -> bytes:
    """A line happens: what the client says at once."""
    buffer.add(line)
    said = client.announce(line) if line.is_newlocation else b""
    return said + b"".join(due_lines(client, buffer))


def hear(client: ClientSession, buffer: LineBuffer, data: bytes) -> Reply:
    """The server says something: what the client answers, the lines that are due then included."""
    reply = client.receive(data)
    lines = b"".join(due_lines(client, buffer))
    return msgspec.structs.replace(reply, send=reply.send + lines)
