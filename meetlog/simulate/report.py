"""What a player has sent: counts, and on request the exact bytes of each connection."""

from collections.abc import Callable

import msgspec


class Sent(msgspec.Struct):
    """One connection of a player.

    `data` holds the bytes that were handed to the system, None unless asked
    for. `cut` says that the player broke it off in the middle of a message.
    """

    peer: str
    size: int = 0
    reads: int = 0
    cut: bool = False
    data: bytearray | None = None

    def note(self, data: bytes, reads: int = 0) -> None:
        """These bytes, which hold so many whole reads, were sent."""
        self.size += len(data)
        self.reads += reads
        if self.data is not None:
            self.data += data


class Report:
    """A player's account. `say` gets a sentence for each thing that a person wants to know.

    `reads` counts the acts of the script that were played, `copies` those of
    them that were duplicates, `again` what was sent once more after a
    reconnection, `unheard` what was played while nobody was connected.
    """

    def __init__(
        self,
        *,
        keep_bytes: bool = False,
        say: Callable[[str], None] = lambda _text: None,
        progress: Callable[[int], None] = lambda _reads: None,
    ) -> None:
        self.say = say
        self.connections: list[Sent] = []
        self.copies = 0
        self.again = 0
        self.unheard = 0
        self.cuts = 0
        self._reads = 0
        self._keep = keep_bytes
        self._progress = progress

    @property
    def reads(self) -> int:
        """How many reads of the script have been played."""
        return self._reads

    def played(self, reads: int, copies: int) -> None:
        """So many reads of the script were played, duplicates among them."""
        self._reads += reads
        self.copies += copies
        self._progress(self._reads)

    def open(self, peer: str) -> Sent:
        """A connection was made."""
        sent = Sent(peer, data=bytearray() if self._keep else None)
        self.connections.append(sent)
        return sent

    def summary(self) -> str:
        """One line for a person."""
        size = sum(sent.size for sent in self.connections)
        parts = [
            f"{self.reads} reads ({self.copies} of them duplicates)",
            f"{size} bytes in {len(self.connections)} connection(s)",
        ]
        if self.cuts:
            parts.append(f"{self.cuts} cut(s)")
        if self.again:
            parts.append(f"{self.again} sent again")
        if self.unheard:
            parts.append(f"{self.unheard} while nobody was connected")
        return ", ".join(parts)
