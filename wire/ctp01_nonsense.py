"""How much a CTP01 timing side takes of a peer that makes no sense."""

import msgspec

from wire.ctp01 import MAX_LINE
from wire.ctp01_messages import COMMANDS, Command, Message, Noise
from wire.errors import Malformed

# Lines in a row. Some servers say a word of their own now and then (PROTOCOLS 1.7); a peer that
# says nothing else speaks another protocol, or answers our answers for ever.
MAX_NONSENSE = 100


class Nonsense(msgspec.Struct):
    """Counts what was not understood since the last line that was."""

    lines: int = 0
    endless: int = 0  # bytes of a line that is too long and does not end

    def hear(self, message: Message | Malformed) -> str:
        """Words for hanging up after this message, or "". Heartbeats count neither way."""
        if isinstance(message, Malformed) or is_strange(message):
            self.lines += 1
        elif not isinstance(message, Noise):
            self.lines = 0
        if self.lines <= MAX_NONSENSE:
            return ""
        return f"{self.lines} lines in a row that are not CTP01"

    def watch(self, received: int, *, skipping: bool) -> str:
        """Words for hanging up on a line that never ends: it becomes one `Malformed` only.

        `skipping`: the bytes received end within a line that is too long.
        """
        self.endless = self.endless + received if skipping else 0
        if self.endless <= MAX_NONSENSE * MAX_LINE:
            return ""
        return f"{self.endless} bytes without the end of a line"


def is_strange(message: Message) -> bool:
    """Whether it has the form of a command, and is none of revision 8."""
    return isinstance(message, Command) and message.name not in COMMANDS
