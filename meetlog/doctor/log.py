"""The meet itself judged: its settings file, its log, and whether a run is at work."""

import msgspec

from meetlog.doctor.findings import Finding, look, ok, wrong
from meetlog.show import count, size
from wire.settings import Settings

SETTINGS, LOG, RUN = "settings", "log", "run"


class LogFact(msgspec.Struct, frozen=True):
    """The log as it can be read: its newest event (0 without any), its bytes, or what is wrong."""

    path: str
    there: bool
    head: int = 0
    bytes: int = 0
    problem: str = ""


def judge_settings(path: str, settings: Settings | None, problem: str) -> Finding:
    """`settings` are those of the file at `path`, None with the `problem` in words."""
    if settings is None:
        return wrong(SETTINGS, problem, "Nothing can be recorded until then.")
    sources = count(len(settings.sources), "source")
    relays = count(len(settings.relays), "relay", "relays")
    told = f"{path} has no mistakes: {sources}, {relays}"
    if not settings.sources:
        return look(
            SETTINGS,
            f"{told}.",
            "Without a [[source]] only the meet folder is recorded. Say in meet.toml what speaks.",
        )
    return ok(SETTINGS, f"{told}, {count(len(settings.points), 'timing point')}.")


def judge_log(fact: LogFact) -> Finding:
    """Whether the log can be read; its chain of hashes is for `verify`, which takes longer."""
    if not fact.there:
        return ok(LOG, f"{fact.path} is not there yet; the first run makes it.")
    if fact.problem:
        return wrong(
            LOG,
            f"{fact.problem}.",
            "Leave it as it is, and go on from a backup: meetlog restore FILE --into PATH.",
        )
    return ok(LOG, f"{fact.path} has {count(fact.head, 'event')} in {size(fact.bytes)}.")


def judge_run(at_work: bool | None) -> Finding:
    """Whether a run has the log; None when that cannot be seen."""
    if at_work is None:
        return look(
            RUN,
            "Whether a run is at work cannot be seen: its lock file cannot be opened.",
            "Was meetlog started as another user before? Look for it, and see rights below.",
        )
    if at_work:
        return ok(RUN, "A run is at work on this log; its ports are its own.")
    return ok(RUN, "No run is at work on this log.")
