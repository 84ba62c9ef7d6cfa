"""Peers are known by their machine: whoever comes back is never begun too late."""

from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.relay_ledger import Ledger, Place
from projections.relays import MOST_PEERS, Peer
from wire.settings import RelaySettings

RELAY = RelaySettings("scoring", "tsv1", "server", 9000)
CLIENT = RelaySettings("scoring", "tsv2", "client", 9000, host="scores.local")
PROGRAMS = ("a", "b", "c")
MOST = 9


class Machine:
    """Programs of one machine, and what each of them has without a gap."""

    def __init__(self) -> None:
        self.noted: dict[str, Peer] = {}
        self.ledger = Ledger(RELAY, {})
        self.has = dict.fromkeys(PROGRAMS, 0)
        self.places: dict[str, Place] = {}
        self.ports = iter(range(1024, 65536))

    def connect(self, program: str) -> None:
        if program in self.places:
            return
        place = self.ledger.enter(f"10.0.0.9:{next(self.ports)}")
        assert place.safe <= self.has[program], "items are missing between what it has and this"
        self.places[program] = place

    def progress(self, program: str, safe: int) -> None:
        if program not in self.places:
            return
        place = self.places[program]
        safe = max(place.safe, safe)
        self.places[program] = place._replace(safe=safe)
        self.has[program] = max(self.has[program], safe)
        self.ledger.note(place.name, safe + 5, safe)
        self.noted[place.name] = Peer(safe + 5, safe)

    def cut(self, program: str) -> None:
        if program in self.places:
            self.ledger.leave(self.places.pop(program).name)

    def restart(self) -> None:
        self.places.clear()
        self.ledger = Ledger(RELAY, self.noted)


_program = st.sampled_from(PROGRAMS)
_deeds = st.one_of(
    *[st.tuples(st.just("connect"), _program)] * 2,
    st.tuples(st.just("progress"), _program, st.integers(0, 50)),
    st.tuples(st.just("cut"), _program),
    st.just(("restart",)),
)


@given(st.lists(_deeds, min_size=10, max_size=40))
@settings(max_examples=150)
def test_nobody_of_a_machine_is_begun_after_what_he_has(deeds: list[tuple[object, ...]]) -> None:
    machine = Machine()
    for program in PROGRAMS:  # all at once, so that it is known how many there are
        machine.connect(program)
        machine.progress(program, 0)
    for name, *args in deeds:
        getattr(machine, str(name))(*args)


def test_the_one_who_comes_back_first_may_be_the_one_behind() -> None:
    ledger = Ledger(RELAY, {"10.0.0.9": Peer(100, 100), "10.0.0.9#2": Peer(1000, 1000)})

    ahead = ledger.enter("10.0.0.9:5001")
    assert ahead == Place("10.0.0.9#2", 100, 1000)
    ledger.note(ahead.name, 1100, 1100)
    assert ledger.enter("10.0.0.9:5002") == Place("10.0.0.9", 100, 100)


def test_a_machine_that_is_new_begins_at_the_beginning() -> None:
    ledger = Ledger(RELAY, {"10.0.0.9": Peer(100, 90), "[fe80::1%eth0]": Peer(70, 60)})

    assert ledger.enter("10.0.0.99:1") == Place("10.0.0.99")
    assert ledger.enter("[fe80::1%eth0]:1") == Place("[fe80::1%eth0]", 60, 70)
    assert ledger.enter("10.0.0.9:1") == Place("10.0.0.9", 90, 100)
    assert ledger.enter("10.0.0.9:2") == Place("10.0.0.9#2"), "while the first is still there"
    ledger.leave("10.0.0.9#2")
    assert ledger.enter("10.0.0.9:3") == Place("10.0.0.9#2"), "it never said that it got anything"


def test_a_client_knows_whom_it_calls_whatever_the_address() -> None:
    ledger = Ledger(CLIENT, {"scores.local:9000": Peer(100, 90)})

    assert ledger.enter("10.0.0.7:9000") == Place("scores.local:9000", 90, 100)


def test_those_not_heard_of_for_longest_are_forgotten_first() -> None:
    ledger = Ledger(RELAY, {})
    for n in range(MOST_PEERS + MOST):
        place = ledger.enter(f"10.0.{n}.9:1")
        ledger.note(place.name, 7, 7)
        if n != 1:
            ledger.leave(place.name)
    assert ledger.enter("10.0.0.9:2").safe == 0
    assert ledger.enter(f"10.0.{MOST + 1}.9:2").safe == 7
    assert ledger.enter("10.0.1.9:2").name == "10.0.1.9#2", "one that is connected is kept"
