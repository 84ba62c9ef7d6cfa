"""`rebuild`: the read tables as the log gives them."""

from meetlog import show
from meetlog.commands.options import HERE, JsonOption, MeetOption
from meetlog.lock import alone
from meetlog.opening import find
from meetlog.output import Rows, print_json, progress, put, say
from meetlog.reports import RebuildReport
from store.migrate import revision
from store.sqlite import SqliteLog

KEEPS_TABLES = "Stop it first: it keeps the read tables itself."


def rebuild(*, meet: MeetOption = HERE, json: JsonOption = False) -> None:
    """Fill the read tables anew from the whole log.

    They are emptied and filled in one transaction, which changes nothing if
    nothing was wrong. No `run` may be recording meanwhile.
    """
    place = find(meet)
    # Opening for writing would make a log where there is none.
    revision(place.log)
    with alone(place.log, KEEPS_TABLES), progress("Folding the log", plain=not json) as told:
        from meetlog.rebuild import rebuild as refold

        log = SqliteLog(place.log)
        try:
            report = refold(log, told)
        finally:
            log.close()
    if json:
        print_json("rebuild", report.position, [report])
        return
    table = Rows("table", "rows before", "rows now", "content", right=("rows before", "rows now"))
    for each in report.tables:
        table.add(each.table, each.rows_before, each.rows, "same" if each.same else "other")
    put(table)
    say(_told(report))


def _told(report: RebuildReport) -> str:
    done = f"Rebuilt from {show.count(report.position, 'event')}."
    if report.corrected:
        return f"{done} The tables showed the same position, but not the same rows: now they do."
    if report.shown == report.position:
        return f"{done} Every row is as it was."
    if not report.shown:
        return f"{done} The tables were empty, or of another version."
    return f"{done} The tables had shown event {report.shown}."
