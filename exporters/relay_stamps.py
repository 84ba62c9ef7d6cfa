"""A relay's items as reads with stamps, as the protocols write them."""

from projections.clock import offset_at
from projections.relayed import Item
from wire.reads import RawRead
from wire.settings import RelaySettings, Settings
from wire.stamps import format_iso

DIGITS = 7  # TsConnector's ticks of 100 ns


class Stamps:
    """How a relay writes moments: by which clock (PROTOCOLS 2, "Use UTC time")."""

    def __init__(self, relay: RelaySettings, settings: Settings) -> None:
        self._zone = "UTC" if relay.clock == "utc" else relay.zone or settings.meet.zone

    def wall(self, moment: int) -> int:
        """What that clock shows at a moment (ns UTC), as ns since 1970 of its own."""
        return moment + offset_at(self._zone, moment)

    def local(self, moment: int) -> str:
        """The stamp without an offset, ended by `Z` whatever the clock, as TsConnector's are."""
        return format_iso(self.wall(moment), DIGITS, "Z")

    def read(self, item: Item, number: int) -> RawRead:
        """The item as a read with both stamps; `number` is its sequence."""
        return RawRead(
            chip=item.tag,
            moment=self.local(item.moment),
            timing_point=item.location,
            type=item.kind,
            antenna=item.antenna,
            source=item.reader,
            utc_moment=format_iso(item.moment, DIGITS, "Z"),
            rssi=item.rssi,
            epc=item.epc,
            seq=number,
            lap=item.lap,
        )
