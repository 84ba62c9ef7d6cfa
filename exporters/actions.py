"""Actions: the files that were decided on and are still to be written, and which files are ours."""

import threading

import msgspec

from exporters.errors import Collision, ExportError
from exporters.sink import Sink
from projections.views import Alarm
from wire.stamps import NS

# A share that is gone may take seconds to say so, and nothing is folded
# meanwhile; a person who brings it back will not mind one more second.
RETRY_EVERY = NS


class Own:
    """The contents that we decided to publish, by name. Safe to use from several threads.

    Windows gives names back in any case, so names are compared without it.
    """

    def __init__(self) -> None:
        self._hashes: dict[str, set[str]] = {}
        self._lock = threading.Lock()

    def add(self, name: str, sha256: str) -> None:
        """From now on a file of this name and content is ours."""
        with self._lock:
            self._hashes.setdefault(name.casefold(), set()).add(sha256)

    def has(self, name: str, sha256: str) -> bool:
        """Whether a file of this name and content is ours."""
        with self._lock:
            return sha256 in self._hashes.get(name.casefold(), ())

    def of(self, name: str) -> frozenset[str]:
        """The contents (SHA-256, hex) that we decided on under `name`."""
        with self._lock:
            return frozenset(self._hashes.get(name.casefold(), ()))


class Action(msgspec.Struct, frozen=True):
    """A file to be written. The decision is the event at `position`, whose body is `data`."""

    name: str
    data: bytes
    position: int


class Actions:
    """Files waiting to be written, in the order of their decisions; one per name, the newest."""

    def __init__(self, sink: Sink, own: Own) -> None:
        self._sink = sink
        self._own = own
        self._waiting: dict[str, Action] = {}
        self._retry_at: dict[str, int] = {}
        self._collisions: dict[str, Alarm] = {}
        self._trouble: Alarm | None = None

    def put(self, action: Action) -> None:
        """Have the file written at the next `act`. Its content must be one of ours already."""
        self.drop(action.name)
        self._waiting[action.name] = action

    def drop(self, name: str) -> None:
        """Write no file of this name after all."""
        self._waiting.pop(name, None)
        self._retry_at.pop(name, None)
        self._collisions.pop(name, None)

    def clear(self) -> None:
        """Write nothing after all."""
        for name in list(self._waiting):
            self.drop(name)
        self._trouble = None

    def act(self, now: int) -> int | None:
        """Write what is due; returns when to call again, None when nothing is left to be written.

        Never raises `ExportError`: what fails stays, with an alarm, and is tried again.
        """
        for action in list(self._waiting.values()):
            if self._retry_at.get(action.name, now) > now:
                continue
            try:
                self._sink.write(action.name, action.data, expect=self._own.of(action.name))
            except Collision as e:
                self._retry_at[action.name] = now + RETRY_EVERY
                self._collisions[action.name] = Alarm(
                    f"collision {action.name}",
                    f"{action.name} in the meet folder is not the file that was published, "
                    "and was left alone.",
                    f"{e.hint} Once it is gone, the published one is written.",
                    action.position,
                )
            except ExportError as e:
                self._fail(action, e, now)
                break
            else:
                self.drop(action.name)
                self._trouble = None
        if not self._waiting.keys() - self._collisions.keys():
            self._trouble = None
        return min((self._retry_at.get(name, now) for name in self._waiting), default=None)

    def _fail(self, failed: Action, error: ExportError, now: int) -> None:
        """Put all off, not to wait for a share that is gone once per file, and `failed` last."""
        self._waiting[failed.name] = self._waiting.pop(failed.name)
        for name in self._waiting:
            self._retry_at[name] = max(self._retry_at.get(name, 0), now + RETRY_EVERY)
        count = len(self._waiting)
        files = "A published file waits" if count == 1 else f"{count} published files wait"
        self._trouble = Alarm(
            "publishing",
            f"{files} to be written: {error}.",
            f"{error.hint} Trying again by itself; nothing is lost.",
            failed.position,
        )

    def alarms(self) -> list[Alarm]:
        """What could not be written, and what stands in its place."""
        trouble = [self._trouble] if self._trouble else []
        return trouble + list(self._collisions.values())
