"""Reading what a timing system writes: its result files and its status (PROTOCOLS 3.2 to 3.5)."""

import re

from wire.errors import WireError
from wire.textfile import NotWhole, clean, parse_json
from wire.timedrops_documents import ResultFile, ResultLane, ResultName, ResultSplit, Status
from wire.timedrops_names import parse_result_name, same_part
from wire.timedrops_values import (
    MEET_MAESTRO,
    Notes,
    Object,
    count_of,
    flag_of,
    id_of,
    objects_of,
    text_of,
    top_object,
    whole_of,
)

MAX_RESULT = 1024 * 1024  # ten lanes of a 1500 m with every split take 40 KB
MAX_STATUS = 64 * 1024  # nine short fields
MAX_TIME_CS = 100 * 3600 * 100  # a hundred hours; no race takes longer
_STATUS_KEYS = ("currentevent", "currentheat", "currentsessionid", "currentsessionnumber")
_CLOCK = re.compile(r"(\d+:)?\d+:\d\d([.,]\d+)?")


def parse_status(data: bytes) -> Status:
    """The status file, its session id and event as text (SCM writes numbers; PROTOCOLS 3.2).

    Raises `WireError` when the bytes are no JSON, say nothing of a status, or
    are Meet Maestro's `timing_system_configuration.json`.
    """
    body = top_object(parse_json(data, MAX_STATUS).value, "a status file")
    if "timersperlanecount" in body or "numberoflanes" in body:
        raise WireError("this is Meet Maestro's configuration", data, MEET_MAESTRO)
    if "updatedat" not in body and not any(key in body for key in _STATUS_KEYS):
        raise WireError("no status of a timing system", data, "currentEvent and updatedAt are")
    return Status(
        updated_at=text_of(body.get("updatedat")),
        session_id=id_of(body.get("currentsessionid")),
        event=id_of(body.get("currentevent")),
        heat=whole_of(body.get("currentheat")),
        race_number=whole_of(body.get("currentracenumber")),
        program_at=text_of(body.get("lastmeetprogramdate")),
        protocol_version=text_of(body.get("protocolversion")),
        session_number=count_of(body.get("currentsessionnumber")),
        system=text_of(body.get("timingsystemtype")),
        system_version=text_of(body.get("timingsystemversion")),
    )


def parse_result(name: str, data: bytes) -> ResultFile:
    """A result file; what its body does not say is taken from its name (PROTOCOLS 3.3).

    The body outranks the name, and the revision is the name's. A time is a
    whole number of hundredths; 0 is no time, as on the console's lists; one
    below 0 or above 100 hours is left out with a warning. Raises `WireError`
    when the bytes are no JSON even as a last resort, when session, event, heat
    or lanes are in neither place, and when a time is a text or has a fraction:
    its unit is then unknown, so no number in the file can be trusted.
    """
    document = parse_json(data, MAX_RESULT, last_resort=True)
    body = top_object(document.value, "a result file")
    notes = Notes()
    if document.repaired:
        notes.add("not valid JSON: read past comments, typographic quotes or stray commas")
    if not isinstance(body.get("lanes"), list):
        raise WireError("a result file without lanes", data, "have the console write it again")
    named = parse_result_name(name)
    lanes = _lanes(body["lanes"], notes)
    session, event, heat, race = _identity(body, named, name, notes)
    return ResultFile(
        session_id=session,
        event=event,
        heat=heat,
        race_number=race,
        session_number=count_of(body.get("sessionnumber")),
        created_at=text_of(body.get("createdat")),
        start_at=text_of(body.get("starttime")),
        lanes=lanes,
        revision=named.revision if named else 0,
        protocol_version=text_of(body.get("protocolversion")),
        warnings=notes.texts(),
    )


def _identity(
    body: Object, named: ResultName | None, name: str, notes: Notes
) -> tuple[str, str, int, int]:
    """Session, event, heat and race number: the body's, else the name's; both must agree."""
    session = id_of(body.get("sessionid"))
    event = id_of(body.get("eventnumber"))
    heat, race = (_number(body.get(key)) for key in ("heatnumber", "racenumber"))
    if named is not None:
        for what, in_name, in_body, agree in (
            ("session", named.session_id, session, same_part(named.session_id, session)),
            ("event", named.event, event, same_part(named.event, event)),
            ("heat", named.heat, heat, named.heat == heat),
            ("race", named.race_number, race, named.race_number == race),
        ):
            if not agree and in_body not in ("", None):
                notes.add(
                    f"the file's name says {what} {in_name}, its content {what} {in_body}; "
                    "the content counts"
                )
        session, event = session or named.session_id, event or named.event
        heat = named.heat if heat is None else heat
        race = named.race_number if race is None else race
    if not session or not event or heat is None:
        missing = [
            what
            for what, there in (("session", session), ("event", event), ("heat", heat is not None))
            if not there
        ]
        raise WireError(
            f"neither the name nor the content says which {' and '.join(missing)} this is",
            name,
            "the name is Session…_Event_…_Heat…_Race…_….json",
        )
    if race is None:
        notes.add(f"event {event}, heat {heat}: no race number; 0 is used")
    return session, event, heat, race or 0


def _number(value: object) -> int | None:
    number = whole_of(value)
    return None if number is None or number < 0 else number


def _lanes(found: object, notes: Notes) -> tuple[ResultLane, ...]:
    lanes: dict[int, ResultLane] = {}
    for raw in objects_of(found):
        number = _number(raw.get("lane"))
        if number is None:
            notes.add("a lane without a number is left out")
            continue
        lane = _lane(number, raw, notes)
        if lanes.setdefault(number, lane) != lane:
            notes.add(f"lane {number}: given twice and differently; the first is used")
    return tuple(lanes.values())


def _lane(number: int, raw: Object, notes: Notes) -> ResultLane:
    def time(key: str) -> int | None:
        return _time(raw.get(key.casefold()), f"lane {number}, {key}", notes)

    return ResultLane(
        lane=number,
        final_cs=time("finalTime"),
        pad_cs=time("padTime"),
        timers_cs=(time("timer1"), time("timer2"), time("timer3")),
        empty=flag_of(raw.get("isempty")),
        dq=flag_of(raw.get("isdq")),
        splits=tuple(_splits(number, raw, notes)),
    )


def _splits(number: int, raw: Object, notes: Notes) -> list[ResultSplit]:
    splits = []
    for place, split in enumerate(objects_of(raw.get("splits")), 1):
        where = f"lane {number}, split {place}"
        # SCM's reader wants `split` where the document has `time` (PROTOCOLS 3.4).
        value = split.get("time") if split.get("time") is not None else split.get("split")
        time_cs, distance = _time(value, where, notes), _number(split.get("distance"))
        if time_cs is None:
            continue
        if distance is None:
            notes.add(f"{where}: it has no distance and is left out")
            continue
        splits.append(ResultSplit(distance, time_cs))
    return splits


def _time(value: object, where: str, notes: Notes) -> int | None:
    """Hundredths; None for null, "" and 0."""
    time_cs = whole_of(value)
    if time_cs is None:
        if value is None or value == "":
            return None
        said = value.text if isinstance(value, NotWhole) else clean(str(value))
        maestro = isinstance(value, str) and _CLOCK.fullmatch(said)
        raise WireError(
            f"{where}: a time is a whole number of hundredths of a second",
            said,
            MEET_MAESTRO if maestro else "check what wrote the file, and have it written again",
        )
    if not 0 <= time_cs <= MAX_TIME_CS:
        notes.add(f"{where}: {time_cs} hundredths is no time of a race and is left out")
        return None
    return time_cs or None
