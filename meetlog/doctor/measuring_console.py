"""The console measured: its certificate and key are used once, between two ends in memory."""

import ssl
import sys
import time
from pathlib import Path

from meetlog.doctor.console import CertificateFact, CertificateState
from wire.settings import ConsoleSettings
from wire.stamps import NS

# OpenSSL's own numbers of what is wrong with a certificate (X509_V_ERR_...).
_NOT_YET, _EXPIRED = 9, 10
_STEPS = 10  # a handshake takes each side three


def measure_certificate(
    folder: Path, settings: ConsoleSettings, meet_folder: Path
) -> CertificateFact | None:
    """How certificate and key of `[console]` do; None where it speaks no TLS."""
    if not settings.certificate:
        return None
    certificate, key = folder / settings.certificate, folder / settings.key
    state, reason, left = _try(certificate, key)
    return CertificateFact(
        certificate=str(certificate),
        key=str(key),
        state=state,
        reason=reason,
        left=left,
        key_mode=_mode(key),
        recorded=key.resolve().parent == meet_folder.resolve(),
    )


def _mode(path: Path) -> int | None:
    try:
        return None if sys.platform == "win32" else path.stat().st_mode & 0o777
    except OSError:
        return None


def _try(certificate: Path, key: Path) -> tuple[CertificateState, str, int | None]:
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    visiting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    visiting.check_hostname = False
    # Whether its issuer is trusted is a matter of each browser; here it is its own.
    visiting.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        # Whoever has a password on the key is not asked for it in the middle of this.
        serving.load_cert_chain(certificate, key, password="")
        visiting.load_verify_locations(certificate)
        expires = _handshake(serving, visiting)
    except ssl.SSLCertVerificationError as error:
        states: dict[int, CertificateState] = {_NOT_YET: "not yet", _EXPIRED: "expired"}
        found = states.get(error.verify_code)
        # Any other objection is to how it was made, and browsers have their own rules for that.
        return (found, "", None) if found else ("good", error.verify_message, None)
    except ssl.SSLError as error:
        return "unusable", error.reason or str(error), None
    except OSError as error:
        return "missing", error.strerror or str(error), None
    return "good", "", None if expires is None else expires - time.time_ns()


def _handshake(serving: ssl.SSLContext, visiting: ssl.SSLContext) -> int | None:
    """When the certificate expires, ns UTC. Raises `ssl.SSLError`."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = visiting.wrap_bio(to_client, to_server)
    server = serving.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(_STEPS):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    told = client.getpeercert() or {}
    expires = told.get("notAfter")
    return round(ssl.cert_time_to_seconds(expires)) * NS if isinstance(expires, str) else None
