"""Targets: what a person types, what another program prints, and names from anybody."""

import contextlib
from html import unescape

from meetlog.console.access import safe_next
from meetlog.doctor.clock import parse_timedatectl, parse_w32tm
from meetlog.doctor.power import parse_logind, parse_pmset, parse_powercfg
from meetlog.instants import NoSuchInstant, moment_of
from meetlog.output import Rows, readable, visible
from meetlog.pace import parse_speed
from meetlog.pages import _text
from meetlog.play.address import parse_address
from meetlog.refusals import Unsayable
from meetlog.secrets import matches, weakness
from meetlog.typed import MINUSES, is_shift, moment, precision, race_time_cs, shift
from projections.clock import SourceClock
from projections.rounding import format_cs
from store.event import Head
from store.seal import SealError, read_seal, seal_of
from tests.fuzz.target import Target, choices, text_in
from tests.kit.at_once import moments_at_once
from wire import stamps
from wire.ctp01_lines import render_time
from wire.errors import EXCERPT_BYTES, WireError, malformed
from wire.settings import format_duration, parse_duration

_ARRIVAL = stamps.parse_iso("2026-10-25T02:30:00").wall  # in Berlin, the hour that repeats
_ZONES = ("Europe/Berlin", "Pacific/Kiritimati", "America/St_Johns", "UTC")
_CLOCKS = tuple(SourceClock(mode, zone) for mode in ("local", "utc") for zone in _ZONES)
_STAMP_WORDS = ("2026-04-22T10:15:42.1234567Z", "102:12:32.37", "1620458716.43", "43455310",
                "+02:00", "-0330", "\u2011", "\u2212", "Z", "T", ":", ".", ",")  # fmt: skip
_TYPED_WORDS = (
    "1:02.34", "2:09:45", "now", "+1.5s", "-300ms", "10x", "max", "ctp01://", "tsv2+server://",
    "[::1]:", "2026-06-14T14:05:31.25",
)  # fmt: skip
_SYSTEM_WORDS = ("NTPSynchronized=yes", "Leap: 0(", "0x00000000", " sleep 10", 's "suspend"')


def check_stamp(data: bytes) -> None:
    """A stamp is a time or refused in words; written again it is the same time, exactly."""
    text = text_in(data)
    for parse in (stamps.parse_iso, stamps.parse_clock, stamps.parse_unix, stamps.parse_msecs):
        try:
            stamp = parse(text)
        except WireError:
            continue
        assert type(stamp.wall) is int
        assert stamp.wall >= 0
        if stamp.dated:
            assert stamps.parse_iso(stamps.format_iso(stamp.wall, 9)).wall == stamp.wall
        else:
            assert stamps.parse_clock(stamps.format_clock(stamp.wall, 9)).wall == stamp.wall
        assert stamp.offset is None or abs(stamp.offset) <= 18 * 3600
    for form in ("iso", "normal", "unix", "msecs"):
        told = render_time(text, form)
        # Milliseconds of twelve days and more look like seconds since 1970; peers know which.
        assert render_time(told, form) == told or (form == "msecs" and len(told) > 9)
    for clock in _CLOCKS:
        quick = moments_at_once(clock, [text])
        try:
            found = clock._closely(text, _ARRIVAL, 0)
        except WireError:
            assert quick is None
            assert not clock.usual(text)
            continue
        assert quick is None or quick == [found]
        assert clock.usual(text) in {0, found}


def check_seal(data: bytes) -> None:
    """A typed code is a code or refused in words; any hash's code is read as what it is."""
    try:
        seal = read_seal(text_in(data))
    except SealError as error:
        assert "is no seal code" in str(error)
    else:
        assert read_seal(str(seal)) == seal
        assert read_seal(str(seal).replace("-", "").lower()) == seal
    position = int.from_bytes(data[:4], "big")
    hash_ = (data + bytes(32))[:32]
    assert read_seal(seal_of(Head(position, hash_, 0))).fits(hash_)


def check_typed(data: bytes) -> None:
    """Times, moments, shifts, speeds and addresses are exact, or refused in words."""
    text = text_in(data)
    try:
        found = race_time_cs(text)
    except Unsayable:
        pass
    else:
        assert found > 0
        if found < 360_000:
            assert race_time_cs(format_cs(found)) == found
    for zone in ("Europe/Berlin", "America/St_Johns"):
        try:
            at = moment(text, zone, _ARRIVAL, _ARRIVAL)
        except Unsayable:
            pass
        else:
            assert 0 <= at <= _ARRIVAL + stamps.DAY
        with contextlib.suppress(NoSuchInstant):
            moment_of(text, zone, _ARRIVAL)
    assert precision(text) > 0
    try:
        by = shift(text)
    except Unsayable:
        pass
    else:
        assert 0 < abs(by) <= stamps.DAY
        assert shift(format_duration(by)) == by
        assert is_shift(text) or text.translate(MINUSES).strip()[0] not in "+-" or text[0].isspace()
    try:
        duration = parse_duration(text)
    except WireError:
        pass
    else:
        assert parse_duration(format_duration(duration)) == duration
    try:
        speed = parse_speed(text)
    except ValueError as error:
        assert "is no speed" in str(error)
    else:
        assert speed is None or speed > 0
    try:
        address = parse_address(text)
    except ValueError as error:
        assert repr(text) in str(error)
    else:
        assert parse_address(str(address)) == address


def check_system(data: bytes) -> None:
    """What other programs print is understood or it is not; nothing else happens."""
    text = text_in(data)
    parse_timedatectl(text)
    parse_w32tm(text)
    parse_powercfg(text)
    parse_pmset(text)
    parse_logind(text)


def check_secret(data: bytes) -> None:
    """Whatever hash stands in a log, trying a secret against it is right or wrong."""
    kept = text_in(data)
    weakness(kept)
    parts = kept.split("$")[1:4]
    with contextlib.suppress(ValueError):
        log_n, r, p = (int(part) for part in parts)
        if 1 << 16 < r * p << max(0, min(log_n, 20)) < 1 << 26:
            return  # dear, or refused for that; both have tests of their own
    assert matches("correct horse battery", kept) in (True, False)


def check_shown(data: bytes) -> None:
    """A name is only ever text: it steers no terminal, closes no tag, breaks no table."""
    text = text_in(data)
    shown = visible(text).plain
    assert all(c.isprintable() or c == "\n" for c in shown)
    html = _text(text)
    assert not set("<>\"'") & set(html)
    assert unescape(html) == shown
    rows = Rows("name", "chip", right=("chip",))
    rows.add(text, text)
    lines = list(rows.plain())
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)
    problem = malformed("a reason", data)
    assert problem.excerpt.isprintable()
    assert len(problem.excerpt) <= 10 * (EXCERPT_BYTES + 1)
    assert malformed("a reason", text).excerpt.isprintable()
    found = readable(data)
    assert found is None or found.encode() == data


def check_next(data: bytes) -> None:
    """After signing in one stays here, wherever one asked to go."""
    (_,), rest = choices(data, 1)
    to = safe_next(text_in(rest))
    assert to.startswith("/")
    assert not to.startswith("//")
    assert to.isprintable()
    assert "\\" not in to


TARGETS = {
    "stamp": Target(check_stamp, _STAMP_WORDS, 64),
    "seal": Target(check_seal, ("363-7H2K-9QRS", "-", "O", "l"), 64),
    "typed": Target(check_typed, _TYPED_WORDS, 64),
    "system": Target(check_system, _SYSTEM_WORDS, 512),
    "secret": Target(check_secret, ("scrypt$", "$8$3$", "$1$", "$16$", "AAAA"), 128),
    "shown": Target(check_shown, ("<script>", "&", "\x1b[", "\u202e", "[bold]", "=1+1"), 256),
    "next": Target(check_next, ("//", "/\\", "javascript:"), 64),
}
