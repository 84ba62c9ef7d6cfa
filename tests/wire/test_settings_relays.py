"""The relays in the settings file: what does not fit is told with its line and a remedy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.settings import RELAY_ROLES, RelaySettings, Settings
from wire.settings_file import SettingsError, parse
from wire.settings_relays import chip_range, heat_parts
from wire.stamps import MINUTE, NS

SOURCE = '[[source]]\nname = "mat"\nprotocol = "tsv2"\nrole = "server"\nport = 7000\n'
POINT = '[[point]]\nname = "Finish"\nfeeds = ["F1", "F2"]\n'
CTP01 = '[[relay]]\nname = "scoring"\nprotocol = "ctp01"\n'
SERVER = '[[relay]]\nname = "{}"\nprotocol = "tsv1"\nport = {}\n'
CLIENT = '[[relay]]\nname = "{}"\nprotocol = "tsv2"\nrole = "client"\nport = {}\n'


def mistakes(text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse(text.encode())
    return [str(mistake) for mistake in caught.value.mistakes]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[relay]", 1, "relay: there may be several of these (write [[relay]])"),
        ("[[relay]]\nname='a'\nport=1", 1, "relay[1].protocol: this setting is missing"),
        ("[[relay]]\nname='a'\nprotocol='tsv1'", 1, "relay[1].port: this setting is missing"),
        ("[[relay]]\nname='a'\nprotocol='tsv2'\nport=1", 1, "relay[1].role: this setting is"),
        (CTP01 + "nmae = 'x'", 4, "relay[1].nmae: there is no such setting (did you mean name?)"),
        (CTP01 + "role = 'server'", 4, 'a relay cannot be a server for ctp01 (write "client")'),
        (SERVER.format("a", 1) + "role = 'client'", 5, 'cannot be a client for tsv1 (write'),
        (SERVER.format("operator", 1), 2, "'operator' already has a meaning in the log"),
        (SERVER.format("a ", 1), 2, "relay[1].name: it has blanks around it"),
        (SOURCE + SERVER.format("Mat", 1), 7, "'Mat' is also a source (give each source and relay"),
        (SERVER.format("a", 1) + SERVER.format("A", 2), 6, "relay[2].name: 'A' is also relay 1"),
        (CTP01 + "zone = 'Mars'", 4, "relay[1].zone: 'Mars' is no time zone"),
        (SOURCE + SERVER.format("a", 7000), 9, "7000 is also the port of source 'mat'"),
        (SERVER.format("a", 1) + SERVER.format("b", 1), 8, "1 is also the port of relay 'a'"),
        (
            SERVER.format("a", 1) + SERVER.format("b", 1) + "host = '0.0.0.0'", 8,
            "1 is also the port of relay 'a' (give each server its own port)",
        ),
        (CTP01 + "allow = ['10.0.0.0/8']", 4, "relay[1].allow: a client has no peers to restrict"),
        (SERVER.format("a", 1) + "allow = ['x']", 5, "relay[1].allow[1]: 'x' does not appear to"),
        (CTP01 + "catch_up = 'all'", 4, "a CTP01 program asks by itself for what it has not got"),
        (SERVER.format("a", 1) + "user = 'x'", 5, "relay[1].user: tsv1 has no authentication"),
        (
            CLIENT.format("a", 1) + "password_file = 'x'", 6,
            "relay[1].password_file: tsv2 has no authentication (remove this line)",
        ),
        (CTP01 + "program = 'a~b'", 4, "relay[1].program: CTP01 cannot send ~ within a field"),
        (CTP01 + "version = '~'", 4, "relay[1].version: CTP01 cannot send ~ within a field"),
        (CTP01 + "version = ' '", 4, "relay[1].version: it is empty"),
        (CTP01 + "send = 'all'", 4, 'allowed: "reads", "raw", "crossings"'),
        (CTP01 + "kinds = ['gun', 'last']", 4, "relay[1].kinds[2]: it cannot be 'last' (allowed"),
        (CTP01 + "tag = 'name'", 4, "relay[1].tag: it cannot be 'name'"),
        (CTP01 + "hold = '-1s'", 4, "relay[1].hold: '-1s' is too short"),
        (SERVER.format("a", 1) + "overlap = '59s'", 5, "'59s' is too short (allowed: 1m or more)"),
        (SOURCE + CTP01 + "sources = ['mta']", 9, "no source 'mta' (did you mean \"mat\"?)"),
        (CTP01 + "sources = ['mat']", 4, "there is no source 'mat' (add a [[source]] with"),
        (POINT + CTP01 + "points = ['Finsh']", 7, "no point 'Finsh' (did you mean \"Finish\"?)"),
        (CTP01 + "chips = ['7', ' ']", 4, "relay[1].chips[2]: it is empty (write a chip, or a"),
        (CTP01 + "chips = ['9-7']", 4, "'9-7' ends before it begins (swap its ends)"),
        (CTP01 + "heats = ['1/4A/x']", 4, "relay[1].heats[1]: '1/4A/x' names no heat (write"),
        (CTP01 + "heats = ['4A/2']", 4, "'4A/2' names no heat"),
    ],
)  # fmt: skip
def test_each_mistake(text: str, line: int, words: str) -> None:
    found = mistakes(text)
    assert any(m.startswith(f"line {line},") and words in m for m in found), found
    assert len(found) == 1 or "protocol: this" in words, found  # without one, the role lacks too


def test_every_setting_is_read() -> None:
    text = """
        [[source]]
        name = "mat"
        protocol = "tsv2"
        role = "server"
        port = 7000
        [[point]]
        name = "Finish"
        feeds = ["F1", "F2"]
        [[relay]]
        name = "scoring"
        protocol = "ctp01"
        send = "crossings"
        kinds = ["gun", "best-seen"]
        points = ["Finish", "F2"]
        sources = ["mat"]
        chips = ["7", "100-199"]
        heats = ["4/4A/2", "*/5/*"]
        tag = "bib"
        hold = "10s"
        clock = "utc"
        zone = "Europe/Oslo"
        program = "TsConnector"
        version = "2"
        user = "timer"
        password_file = "other.txt"
        [[relay]]
        name = "announcer"
        protocol = "tsv2"
        role = "server"
        port = 7100
        host = "::"
        allow = ["10.0.0.0/8"]
        max_connections = 2
        send = "raw"
        catch_up = "new"
        overlap = "2m"
    """
    assert parse(text.encode()).relays == (
        RelaySettings(
            "scoring", "ctp01", "client", 61611, send="crossings", kinds=("gun", "best-seen"),
            points=("Finish", "F2"), sources=("mat",), chips=("7", "100-199"),
            heats=("4/4A/2", "*/5/*"), tag="bib", hold=10 * NS, clock="utc",
            zone="Europe/Oslo", program="TsConnector", version="2", user="timer",
            password_file="other.txt",
        ),
        RelaySettings(
            "announcer", "tsv2", "server", 7100, "::", send="raw", catch_up="new",
            overlap=2 * MINUTE, allow=("10.0.0.0/8",), max_connections=2,
        ),
    )  # fmt: skip


def test_what_fits() -> None:
    """Feeds are points; without points the hardware's own names count; clients share ports."""
    text = SOURCE + POINT + CTP01 + "points = ['Finish', 'F2']\nsources = ['mat']\n"
    text += CLIENT.format("a", 7000) + CLIENT.format("b", 7000) + SERVER.format("c", 7001)
    assert [r.port for r in parse(text.encode()).relays] == [61611, 7000, 7000, 7001]
    (relay,) = parse((CTP01 + "points = ['Anything']").encode()).relays
    assert (relay.role, relay.port, relay.points) == ("client", 61611, ("Anything",))
    (server,) = parse(SERVER.format("a", 1).encode()).relays
    assert server.role == "server"
    assert parse((SERVER.format("a", 61611) + CTP01).encode()).relays[1].port == 61611


def test_every_role_of_the_protocols_is_taken() -> None:
    for protocol, roles in RELAY_ROLES.items():
        for role in roles:
            text = f"[[relay]]\nname='a'\nprotocol='{protocol}'\nrole='{role}'\nport=1"
            assert parse(text.encode()).relays[0].role == role
    assert Settings().relays == ()


@given(st.integers(0, 10**18 - 1), st.integers(0, 10**18 - 1))
def test_a_range_is_its_bounds(one: int, two: int) -> None:
    assert chip_range(f"{one}-{two}") == chip_range(f" {one} - {two} ") == (one, two)


@pytest.mark.parametrize("text", ["7", "A-9", "1-", "-9", "1-2-3", "", "9" * 19 + "-1"])
def test_what_is_no_range_is_a_chip(text: str) -> None:
    assert chip_range(text) is None


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("1/4A/2", ("1", "4A", "2")), ("*/*/*", ("*", "*", "*")), ("a/b/4A/*", ("a/b", "4A", "*")),
        (" 1 / 4A / 2 ", ("1", "4A", "2")), ("4A/2", None), ("1//2", None), ("1/4A/²", None),
        ("1/4A/-1", None), ("", None),
    ],
)  # fmt: skip
def test_a_heat_is_named_by_its_parts(text: str, parts: tuple[str, str, str] | None) -> None:
    assert heat_parts(text) == parts
