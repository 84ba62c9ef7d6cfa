"""What must fit together in `[console]`: its networks, its certificate, its port."""

from wire.settings import Settings
from wire.settings_common import Report, check_networks, each, same_address


def check_console(settings: Settings, report: Report) -> None:
    """Report what does not fit together in `[console]`, as `wire.settings_checks.check` does."""
    console = settings.console
    check_networks(console.allow, "server", ("console",), report)
    for name, other in (("certificate", "key"), ("key", "certificate")):
        if getattr(console, name) and not getattr(console, other):
            report(("console", name), f"it needs a {other} too", f"add a line {other} = …")
    if not console.enabled:
        return
    for i, source in each(settings.sources):
        taken = source.role == "server" and source.port == console.port
        if taken and same_address(source.host, console.host):
            problem = f"{console.port} is also the port of source {i + 1}"
            report(("console", "port"), problem, "give the console another port")
