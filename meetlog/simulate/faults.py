"""What goes wrong on the way: duplicates, late reads and cuts, put into a script by a seed."""

import random
from collections.abc import Sequence

import msgspec

from meetlog.simulate.script import Act, Cut
from wire.stamps import NS

LATEST = 6 * NS  # real lines came up to 6.12 s out of order (PROTOCOLS 1.4)
LATEST_COPY = 3 * NS


class Faults(msgspec.Struct, frozen=True):
    """How often things go wrong, as chances of each read, 0 to 1.

    `cut_after` breaks the connection in the middle of the read after the
    n-th, for each n given; `cuts` does it by chance.
    """

    duplicates: float = 0
    late: float = 0
    cuts: float = 0
    cut_after: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Refuse chances that are none."""
        for name in ("duplicates", "late", "cuts"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a chance from 0 to 1, not {getattr(self, name)}")
        if any(n < 0 for n in self.cut_after):
            raise ValueError("a cut comes after a number of reads from 0 on")


def disturb(acts: Sequence[Act], faults: Faults, seed: int) -> list[Act]:
    """The script with its faults, in order of time. The set of distinct reads stays the same.

    What is no read stays where it is.
    """
    rng = random.Random(seed)  # noqa: S311 - a seeded rehearsal is not cryptography
    out: list[Act] = []
    for act in acts:
        moved = act
        if act.is_read and rng.random() < faults.late:
            moved = msgspec.structs.replace(act, at=act.at + rng.randrange(LATEST))
        out.append(moved)
        if act.is_read and rng.random() < faults.duplicates:
            out.append(Act(moved.at + rng.randrange(LATEST_COPY), act.what, copy=True))
    out.sort(key=lambda act: act.at)
    return _with_cuts(out, faults, rng)


def _with_cuts(acts: list[Act], faults: Faults, rng: random.Random) -> list[Act]:
    after = set(faults.cut_after)
    out: list[Act] = []
    reads = 0
    for act in acts:
        if act.is_read:
            if reads in after or rng.random() < faults.cuts:
                out.append(Act(act.at, Cut()))
            reads += 1
        out.append(act)
    return out
