"""The console judged: its port, and the certificate and key with which it speaks TLS."""

import stat
from typing import Literal

import msgspec

from meetlog.doctor.findings import Finding, look, ok, wrong
from meetlog.doctor.network import PortFact
from wire.stamps import DAY

CONSOLE = "console"
SOON = 7 * DAY  # a meet is a weekend, and this is asked some days before
CertificateState = Literal["good", "missing", "unusable", "expired", "not yet"]


class CertificateFact(msgspec.Struct, frozen=True):
    """The certificate and its key, as the console would use them.

    `reason` is what the system said, `left` the ns until it expires, None where that is not
    known. `key_mode` are the key's permission bits, None on Windows and where there is none;
    `recorded`: the key is in the meet folder, whose files are recorded in the log.
    """

    certificate: str
    key: str
    state: CertificateState
    reason: str = ""
    left: int | None = None
    key_mode: int | None = None
    recorded: bool = False


def judge_console(
    port: PortFact | None, certificate: CertificateFact | None, run_at_work: bool
) -> list[Finding]:
    """What there is to say; without a port the console is switched off.

    Only what would give a key away is wrong: a run records without its console too.
    """
    if port is None:
        return [ok(CONSOLE, "The console is switched off.")]
    found = [_judge_port(port, run_at_work)]
    if certificate is not None:
        found += _judge_certificate(certificate)
    return found


def _judge_port(fact: PortFact, run_at_work: bool) -> Finding:
    where = f"{fact.host} port {fact.port} for the console"
    if fact.state == "free":
        if run_at_work:
            return look(
                CONSOLE,
                f"{where} is free although a run is at work.",
                "It starts its console again by itself within seconds; if this stays so, its "
                "notices say why.",
            )
        return ok(CONSOLE, f"{where} is free.")
    if fact.state == "taken":
        by = f" by {fact.holder}" if fact.holder else ""
        if run_at_work:
            return ok(CONSOLE, f"{where} is taken{by}, as it is while a run is at work.")
        return look(
            CONSOLE,
            f"{where} is taken{by}.",
            "If that is a meetlog console, end it before a run is to have one. Else give this "
            "one another port in meet.toml, [console].",
        )
    reasons = {
        "forbidden": f"{where} may not be listened on by this user.",
        "no address": f"This computer has no address {fact.host}, where the console is to be.",
    }
    return look(
        CONSOLE,
        reasons.get(fact.state, f"{where} cannot be had: {fact.reason}."),
        "Check host and port in meet.toml, [console]: a port above 1023, and an address of this "
        'computer, such as "127.0.0.1".',
    )


def _judge_certificate(fact: CertificateFact) -> list[Finding]:
    found = [_judge_validity(fact)]
    if fact.recorded:
        found.append(
            wrong(
                CONSOLE,
                f"The console's key {fact.key} is in the meet folder, so a run records it in the "
                "log.",
                "Move it beside meet.toml, and make a new certificate if it was recorded.",
            )
        )
    if fact.key_mode is not None and fact.key_mode & (stat.S_IRGRP | stat.S_IROTH):
        found.append(
            look(
                CONSOLE,
                f"Other users of this computer may read the console's key {fact.key}.",
                f'chmod 600 "{fact.key}"',
            )
        )
    return found


def _judge_validity(fact: CertificateFact) -> Finding:
    what = f"The console's certificate {fact.certificate}"
    made = "Make a new one, or remove certificate and key from meet.toml to do without TLS."
    match fact.state:
        case "missing":
            return look(
                CONSOLE,
                f"{what} or its key {fact.key} cannot be read: {fact.reason}. The console does "
                "not start with it.",
                "Check the two names in meet.toml, [console], and that this user may read them.",
            )
        case "unusable":
            return look(
                CONSOLE,
                f"{what} and its key {fact.key} cannot be used: {fact.reason}. The console does "
                "not start with them.",
                "Both are PEM files, the key belongs to the certificate and has no password.",
            )
        case "expired":
            return look(CONSOLE, f"{what} has expired: browsers refuse it.", made)
        case "not yet":
            return look(
                CONSOLE,
                f"{what} is not valid yet: browsers refuse it.",
                "Is this computer's clock right?",
            )
    days = None if fact.left is None else fact.left // DAY
    if fact.left is not None and fact.left < SOON:
        return look(CONSOLE, f"{what} expires in {days} days: browsers refuse it then.", made)
    until = "" if days is None else f" and holds for {days} days"
    return ok(CONSOLE, f"{what} and its key belong together{until}.")
