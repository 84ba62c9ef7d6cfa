"""The people, events and pools of a program: one object of the file each, both directions.

Keys are those declared in the format's specification (docs/timedrops.md).
"""

from wire.timedrops_documents import Pool, ProgramEvent, Swimmer, Team
from wire.timedrops_values import Object, count_of, flag_of, id_of, text_of


def read_event(number: str, raw: Object) -> ProgramEvent:
    """An event; of its three titles the first that says something is its name."""
    keys = ("eventdescription", "eventfulllabel", "eventshortlabel")
    titles = (text_of(raw.get(key)) for key in keys)
    return ProgramEvent(
        number=number,
        name=next(filter(None, titles), ""),
        distance=count_of(raw.get("eventdistance")),
        stroke=text_of(raw.get("eventstroke")),
        gender=text_of(raw.get("eventgender")),
        relay=flag_of(raw.get("eventisrelay")),
        stroke_code=count_of(raw.get("eventstrokecode")),
        legs=count_of(raw.get("eventrelaylegs")),
        min_age=count_of(raw.get("eventminage")),
        max_age=count_of(raw.get("eventmaxage")),
    )


def read_team(team: str, raw: Object) -> Team:
    """A team, by its full name where it has one."""
    return Team(
        id=team,
        name=text_of(raw.get("teamfullname")) or text_of(raw.get("teamshortname")),
        abbreviation=text_of(raw.get("teamabbreviation")),
    )


def read_swimmer(swimmer: str, raw: Object) -> Swimmer:
    """A swimmer; SCM spells the team's key `swimmerTeamID`, which case-folding makes the same."""
    first, last = _split_name(text_of(raw.get("swimmername")), swimmer)
    return Swimmer(
        id=swimmer,
        first_name=first,
        last_name=last,
        team_id=id_of(raw.get("swimmerteamid")),
        age=count_of(raw.get("swimmerage")),
        gender=text_of(raw.get("swimmergender")),
    )


def _split_name(name: str, swimmer: str) -> tuple[str, str]:
    """`Last, First` or `First Last`, as the file prefers; BIA appends the id: `Name (7409)`."""
    name = name.removesuffix(f"({swimmer})").strip()
    if "," in name:
        last, _, first = name.partition(",")
        return first.strip(), last.strip()
    first, _, last = name.partition(" ")
    return (first, last.strip()) if last else ("", first)


def read_pool(raw: Object) -> Pool:
    """A session's pool; the first lane is 1 unless the file says 0 or another."""
    return Pool(
        lanes=count_of(raw.get("poolnumberoflanes")),
        course=text_of(raw.get("poolcourse")),
        first_lane=count_of(raw.get("poolfirstlanenumber"), 1),
    )


def write_event(event: ProgramEvent) -> Object:
    """The declared object; there are no records and standards in it, which may be empty."""
    return {
        "eventNumber": event.number,
        "eventStrokeCode": event.stroke_code,
        "eventStroke": event.stroke or None,
        "eventIsRelay": event.relay,
        "eventRelaylegs": event.legs or None,
        "eventDistance": event.distance,
        "eventGender": event.gender,
        "eventMinAge": event.min_age,
        "eventMaxAge": event.max_age,
        "eventDescription": event.name or None,
        "eventShortLabel": None,
        "eventFullLabel": None,
        "eventRecords": [],
        "eventStandards": [],
    }


def write_team(team: Team) -> Object:
    """The declared object."""
    return {
        "teamId": team.id,
        "teamAbbreviation": team.abbreviation,
        "teamShortName": team.name,
        "teamFullName": team.name or None,
        "teamMascot": None,
    }


def write_swimmer(swimmer: Swimmer) -> Object:
    """The declared object, the name as `Last, First`, which splits without doubt."""
    names = [n for n in (swimmer.last_name, swimmer.first_name) if n]
    return {
        "swimmerId": swimmer.id,
        "swimmerName": ", ".join(names) or None,
        "swimmerGender": swimmer.gender or None,
        "swimmerAge": swimmer.age or None,
        "swimmerTeamId": swimmer.team_id or None,
    }


def write_pool(pool: Pool) -> Object:
    """The declared object."""
    return {
        "poolNumberOfLanes": pool.lanes,
        "poolCourse": pool.course,
        "poolFirstLaneNumber": pool.first_lane,
    }
