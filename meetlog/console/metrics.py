"""Metrics for Prometheus, of one snapshot; nothing is counted here that the log does not know."""

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from meetlog.console.snapshots import Snapshot
from meetlog.console.troubles import troubles
from projections.views import RelayHealth, SourceHealth
from wire.stamps import NS

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def metrics(snapshot: Snapshot, now: int) -> bytes:
    """The text that Prometheus reads; `now` is ns UTC."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(snapshot, now))
    return generate_latest(registry)


class _Collector(Collector):
    def __init__(self, snapshot: Snapshot, now: int) -> None:
        self._snapshot = snapshot
        self._now = now

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        snapshot, place = self._snapshot, self._snapshot.place
        yield _one("meetlog_log_position", "The newest event in the log.", place.position)
        age = max(0, self._now - place.recorded_at) / NS if place.position else 0.0
        yield _one("meetlog_log_age_seconds", "Since the newest event was recorded.", age)
        yield _one("meetlog_recording", "1 while a run records.", int(place.recording))
        if place.disk_free is not None:
            yield _one("meetlog_disk_free_bytes", "Left on the log's disk.", place.disk_free)
        if place.lag is not None:
            yield _one("meetlog_projection_lag_events", "Recorded, not folded yet.", place.lag)
        yield _one("meetlog_revisions", "Result files published or seen.", len(snapshot.revisions))
        yield _one(
            "meetlog_quarantined", "Pieces that could not be used.",
            sum(entry.count for entry in snapshot.quarantine),
        )  # fmt: skip
        yield from self._by_source()
        yield from self._by_relay()
        yield self._troubles()

    def _by_source(self) -> Iterable[Metric]:
        told = {
            "bytes": "Bytes received.",
            "received": "Reads received.",
            "known": "Reads that were copies of earlier ones.",
            "new": "Reads that were not.",
            "quarantined": "Pieces that could not be decoded.",
        }
        sources = {source.source: source for source in self._snapshot.sources}
        yield from _of_each("source", sources, told)
        silent = GaugeMetricFamily(
            "meetlog_source_silent_seconds", "Since its last byte.", labels=["source"]
        )
        for name, source in sources.items():
            if source.last_byte_ns is not None:
                silent.add_metric([name], (self._now - source.last_byte_ns) / NS)
        yield silent

    def _by_relay(self) -> Iterable[Metric]:
        told = {
            "queued": "Items to be sent.",
            "sent": "Items handed to the peer that got furthest.",
            "waiting": "Items that nobody was handed yet.",
            "again": "Items sent more than once.",
            "withdrawn": "Crossings and guns that were queued and do not hold now.",
        }
        relays = {relay.relay: relay for relay in self._snapshot.relays}
        yield from _of_each("relay", relays, told)

    def _troubles(self) -> Metric:
        family = GaugeMetricFamily("meetlog_troubles", "What to look at.", labels=["grade"])
        found = [t for t in troubles(self._snapshot, self._now) if not t.acknowledged]
        for grade in ("alarm", "warning", "note"):
            family.add_metric([grade], sum(t.grade == grade for t in found))
        return family


def _one(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(name, about, value=value)


def _of_each(
    what: str, views: Mapping[str, SourceHealth | RelayHealth], told: Mapping[str, str]
) -> Iterator[Metric]:
    """A family for each field in `told`, and one for which of these are connected."""
    for field, about in told.items():
        family = GaugeMetricFamily(f"meetlog_{what}_{field}", about, labels=[what])
        for name, view in views.items():
            family.add_metric([name], getattr(view, field))
        yield family
    connected = GaugeMetricFamily(
        f"meetlog_{what}_connected", "1 while it is connected.", labels=[what]
    )
    for name, view in views.items():
        connected.add_metric([name], int(view.state == "connected"))
    yield connected
