"""Telling what has connected to a CTP01 port and does not talk as a timing system does."""

from typing import Literal

from wire.ctp01_messages import Ack, Command, Err, Message
from wire.errors import Malformed

Stage = Literal["greeting", "authorize", "asking", "running", "stopped", "closed"]
_METHODS = (b"GET ", b"POST ", b"HEAD ", b"PUT ", b"OPTIONS ", b"CONNECT ", b"DELETE ")


def stranger(first: bytes) -> str:
    """Why a peer whose first bytes are these is hung up on, with a hint; "" for all others."""
    if first.startswith(b"\x16\x03"):
        return "the peer speaks TLS, and CTP01 is plain TCP; turn encryption off at the peer"
    if first.startswith(_METHODS):
        return "the peer speaks HTTP; this port is for CTP01 timing systems, not for a browser"
    if first.startswith(b"SSH-"):
        return "the peer speaks SSH; this port is for CTP01 timing systems"
    if first.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"[", b"{"):
        return (
            "the peer sends JSON, which looks like TsV1 or TsV2; "
            "give it a source of that protocol, on another port"
        )
    return ""


def no_greeting(message: Message | Malformed) -> str:
    """Why a peer that begins with this message instead of a greeting is hung up on."""
    if isinstance(message, Command):
        return (
            f"the peer began with the command {message.name}, which is the scoring side's part; "
            "it seems to be a scoring program, or a dialect where the timing side listens"
        )
    if isinstance(message, Malformed) and "=" in message.excerpt:
        return (
            f"the peer began with what looks like a setting ({message.excerpt}), which is the "
            "scoring side's part; it seems to be a dialect where the roles are reversed"
        )
    if isinstance(message, Malformed):
        return f"no CTP01 greeting ({message.reason}: {message.excerpt}); is it a timing system?"
    said = message.command if isinstance(message, Ack | Err) else type(message).__name__.lower()
    return f"the peer began with an answer ({said}) instead of a greeting; let it reconnect"


def silent(stage: Stage, unanswered: int) -> str:
    """Why a peer is hung up on that said nothing at this stage, for so many pings."""
    if stage == "greeting":
        return (
            "the peer connected but sent no greeting; a CTP01 timing system speaks first, "
            "and in a dialect where the server greets first it waits for us for ever"
        )
    if stage == "authorize":
        return "the peer did not authorize; set its user and password"
    return f"no answer to {unanswered} pings"
