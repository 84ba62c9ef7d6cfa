"""What the projector does once more for each step must not grow with what was done before."""

from pathlib import Path

import pytest

from projections import revisions
from tests.meetlog.meets import swum
from wire.stamps import NS

BEFORE = 40  # revisions of a long day


def test_a_step_looks_at_the_newest_revisions_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meet = swum(tmp_path / "meet")
    for n in range(BEFORE):
        meet.add(
            "meetlog", "result.published", b"x", session="67", event="4A", heat=1, race_number=1,
            revision=10 + n, name=f"x{n}", sha256="", as_of=1, cause="reads", author="meetlog",
            reason="",
        )  # fmt: skip
    meet.publish()
    viewed = []
    view = revisions._view

    def noted(*told: object) -> object:
        viewed.append(told)
        return view(*told)  # type: ignore[arg-type]  # it is given what it takes

    monkeypatch.setattr(revisions, "_view", noted)
    meet.lost()
    meet.now += NS
    while meet.projector.step()[0]:
        pass
    shown = meet.projector.overview.revisions
    assert [r.position for r in shown] == sorted(r.position for r in shown)
    assert 0 < len(viewed) <= 2 * len(shown) < BEFORE
    meet.end()
