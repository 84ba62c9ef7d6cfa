"""What must fit together in the settings: names, ports, zones, networks, feeds and courses."""

from collections.abc import Iterable

from wire.settings import (
    AUTHENTICATIONS,
    RESERVED_SOURCES,
    ROLES,
    CourseSettings,
    PointSettings,
    Settings,
    SourceSettings,
)
from wire.settings_common import Report, check_networks, check_zone, close_to, each, same_address
from wire.settings_console import check_console
from wire.settings_relays import check_relays
from wire.tomlfile import Path


def check(settings: Settings, report: Report) -> None:
    """Report everything that does not fit together.

    `settings` may come from a file with other mistakes: what was wrong there
    is "", 0, () or, in a list, None, and is passed over here.
    """
    check_zone(settings.meet.zone, ("meet", "zone"), report)
    _check_sources(settings.sources, report)
    check_relays(settings, report)
    check_console(settings, report)
    _check_points(settings, report)
    _check_courses(settings, report)


def _check_sources(sources: Iterable[SourceSettings], report: Report) -> None:
    names: dict[str, int] = {}
    listening: list[tuple[SourceSettings, int]] = []
    for i, source in each(sources):
        path: Path = ("source", i)
        name = source.name
        if name.casefold() in RESERVED_SOURCES:
            remedy = f"reserved: {', '.join(RESERVED_SOURCES)}; choose another"
            report((*path, "name"), f"{name!r} already has a meaning in the log", remedy)
        elif name and (not name.isprintable() or name != name.strip()):
            report((*path, "name"), "it has blanks around it or characters that do not print", "")
        if name and name.casefold() in names:
            first = names[name.casefold()] + 1
            report((*path, "name"), f"{name!r} is also source {first}", "give each its own name")
        names.setdefault(name.casefold(), i)
        if source.zone:
            check_zone(source.zone, (*path, "zone"), report)
        _check_role(source, path, report)
        _check_authentication(source, path, report)
        if source.role == "server" and source.port:
            for other, j in listening:
                if source.port == other.port and same_address(source.host, other.host):
                    problem = f"{source.port} is also the port of source {j + 1}"
                    report((*path, "port"), problem, "give each server its own port")
            listening.append((source, i))


def _check_role(source: SourceSettings, path: Path, report: Report) -> None:
    roles: tuple[str, ...] = ROLES.get(source.protocol, ())
    if roles and source.role in ("client", "server") and source.role not in roles:
        allowed = " or ".join(f'"{role}"' for role in roles)
        problem = f"meetlog cannot be a {source.role} for {source.protocol}"
        report((*path, "role"), problem, f"write {allowed}")
    check_networks(source.allow, source.role, path, report)
    if source.mode == "pull" and source.protocol in ("tsv1", "tsv2"):
        problem = f"a {source.protocol} program cannot be asked for reads: it sends them"
        report((*path, "mode"), problem, "remove this line")


def _check_authentication(source: SourceSettings, path: Path, report: Report) -> None:
    key = (*path, "authentication")
    if source.authentication not in AUTHENTICATIONS:
        remedy = f"allowed: {', '.join(AUTHENTICATIONS)}"
        report(key, f"{source.authentication!r} is no kind of authentication", remedy)
    elif source.authentication != "none":
        if source.protocol in ("tsv1", "tsv2"):
            report(key, f"{source.protocol} has no authentication", "remove this line")
        elif not source.password_file:
            remedy = "add password_file = the name of a file whose first line is the password"
            report(key, "authentication needs a password", remedy)


def _check_points(settings: Settings, report: Report) -> None:
    sources = {source.name for _, source in each(settings.sources)}
    names: dict[str, int] = {}
    claims: dict[str, list[tuple[str, PointSettings]]] = {}
    for i, point in each(settings.points):
        if point.name and point.name in names:
            problem = f"{point.name!r} is also point {names[point.name] + 1}"
            report(("point", i, "name"), problem, "put the feeds of both into one")
        names.setdefault(point.name, i)
        for j, feed in each(point.feeds):
            path: Path = ("point", i, "feeds", j)
            if feed.source and feed.source not in sources:
                remedy = close_to(feed.source, sources, "add a [[source]] with that name")
                report((*path, "source"), f"there is no source {feed.source!r}", remedy)
            taken = claims.setdefault(feed.name, [])
            for source, other in taken:
                if feed.name and (source == feed.source or not source or not feed.source):
                    whose = f"of point {other.name!r}" if other is not point else "of this point"
                    remedy = "a feed has one point; name its source where two sources share a name"
                    report(path, f"{feed.name!r} is already a feed {whose}", remedy)
                    break
            taken.append((feed.source, point))


def _check_courses(settings: Settings, report: Report) -> None:
    points = {point.name for _, point in each(settings.points)}
    events: dict[str, int] = {}
    for i, course in each(settings.courses):
        path: Path = ("course", i)
        for j, event in each(course.events):
            if event in events:
                where = f"course {events[event] + 1}" if events[event] != i else "this course"
                report((*path, "events", j), f"event {event!r} is already in {where}", "remove one")
            events.setdefault(event, i)
        if not course.legs:
            remedy = 'write legs = [{point = "Finish", distance = 50}]'
            report((*path, "legs"), "a course needs at least one leg", remedy)
        if not course.events:
            remedy = 'remove the line for every event, or write events = ["1", "2"]'
            report((*path, "events"), "the course is for no event", remedy)
        _check_legs(course, path, points, report)


def _check_legs(course: CourseSettings, path: Path, points: set[str], report: Report) -> None:
    distance = 0
    passings: dict[str, int] = {}
    for j, leg in each(course.legs):
        at: Path = (*path, "legs", j)
        if leg.point and leg.point not in points:
            remedy = close_to(leg.point, points, "add a [[point]] with that name")
            report((*at, "point"), f"there is no point {leg.point!r}", remedy)
        if leg.distance and leg.distance <= distance:
            remedy = "write the legs in the order they are swum or run"
            report((*at, "distance"), f"{leg.distance} does not come after {distance}", remedy)
        distance = max(distance, leg.distance)
        if leg.passing and leg.passing <= passings.get(leg.point, 0):
            problem = f"passing {leg.passing} of {leg.point!r} was already taken by an earlier leg"
            report((*at, "passing"), problem, "count the passings of a point up along the course")
        passings[leg.point] = max(passings.get(leg.point, 0), leg.passing)
