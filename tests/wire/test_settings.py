"""The settings file: every mistake at once, each with its line; durations to the nanosecond."""

import re
import tomllib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meetlog.settings import TEMPLATE
from wire.errors import WireError
from wire.settings import (
    RELAY_ROLES,
    ConsoleSettings,
    CourseSettings,
    FeedSettings,
    FolderSettings,
    LegSettings,
    MeetSettings,
    PointSettings,
    Protocol,
    RelaySettings,
    Send,
    Settings,
    SourceSettings,
    format_duration,
    parse_duration,
)
from wire.settings_file import SettingsError, parse
from wire.stamps import DAY, HOUR, MINUTE, NS
from wire.tomlfile import Path as KeyPath
from wire.tomlfile import key_lines, line_of

SWITCHED_ON = re.sub(r"(?m)^#(?=[^ \n])", "", TEMPLATE)


def mistakes(text: str | bytes) -> list[str]:
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(SettingsError) as caught:
        parse(data)
    assert all(mistake.problem for mistake in caught.value.mistakes)
    return [str(mistake) for mistake in caught.value.mistakes]


def test_nothing_said_is_everything_at_its_default() -> None:
    assert parse(b"") == Settings()
    assert parse(TEMPLATE.encode()) == Settings()


def test_the_template_shows_every_setting_with_its_default() -> None:
    full = parse(SWITCHED_ON.encode())
    assert (full.meet, full.log, full.folder, full.console) == (
        Settings().meet,
        Settings().log,
        Settings().folder,
        Settings().console,
    )
    document = tomllib.loads(SWITCHED_ON)
    shown = {key: set(document[key]) for key in ("meet", "log", "folder", "console")}
    for key in ("source", "relay", "point", "course"):
        shown[key] = {name for table in document[key] for name in table}
    feeds = [
        f for point in document["point"] for f in point.get("feeds", []) if isinstance(f, dict)
    ]
    shown["feeds"] = {name for feed in feeds for name in feed} | {"source"}  # told in words
    shown["legs"] = {name for leg in document["course"][0]["legs"] for name in leg}
    structs: dict[str, type[msgspec.Struct]] = {
        "meet": MeetSettings, "log": type(full.log), "folder": FolderSettings,
        "console": ConsoleSettings,
        "source": SourceSettings, "relay": RelaySettings, "point": PointSettings,
        "course": CourseSettings, "feeds": FeedSettings, "legs": LegSettings,
    }  # fmt: skip
    for key, struct in structs.items():
        assert shown[key] == set(struct.__struct_fields__), key
    server = full.sources[1]
    assert server == SourceSettings(name="start-mat", protocol="ctp01", role="server", port=61611)
    client, served = full.relays
    assert client == RelaySettings("scoring", "ctp01", "client", 61611)
    assert served == RelaySettings("announcer", "tsv1", "server", 10100)
    assert msgspec.structs.replace(full.points[0], name="", feeds=()) == PointSettings("")
    assert msgspec.structs.replace(full.courses[0], legs=()) == CourseSettings(())


def test_every_setting_is_read() -> None:
    text = """
        meet = {name = "Cup", zone = "Europe/Berlin", rounding = "up-second", session = "4"}
        log.path = "cup.db"
        [folder]
        publish = "live"
        quiet = "250ms"
        [[source]]
        name = "mat"
        protocol = "tsv2"
        role = "server"
        port = 7000
        host = "::"
        clock = "utc"
        allow = ["192.168.1.0/24", "10.0.0.7", "fd00::/8"]
        idle = "2m"
        [[source]]
        name = "start"
        protocol = "ctp01"
        authentication = "hmac-sha1"
        password_file = "secret.txt"
        [[point]]
        name = "Finish"
        feeds = ["F1", {name = "F2", backup = true, shift = "-1.5s", source = "mat"}]
        rule = "first"
        gap = "5s"
        [[point]]
        name = "Turn"
        [[course]]
        events = ["1", "4A"]
        legs = [{point = "Turn", distance = 25}, {point = "Finish", distance = 50}]
        minimum = "20s"
        [[course]]
        legs = [{point = "Finish", distance = 100, passing = 2}]
    """
    assert parse(text.encode()) == Settings(
        meet=MeetSettings("Cup", "Europe/Berlin", "up-second", "4"),
        log=msgspec.structs.replace(Settings().log, path="cup.db"),
        folder=FolderSettings(publish="live", quiet=NS // 4),
        sources=(
            SourceSettings(
                "mat", "tsv2", "server", 7000, "::", "utc",
                allow=("192.168.1.0/24", "10.0.0.7", "fd00::/8"), idle=2 * MINUTE,
            ),
            SourceSettings(
                "start", "ctp01", "server", 61611,
                authentication="hmac-sha1", password_file="secret.txt",
            ),
        ),
        points=(
            PointSettings(
                "Finish",
                (FeedSettings("F1"), FeedSettings("F2", "mat", backup=True, shift=-3 * NS // 2)),
                "first", 5 * NS,
            ),
            PointSettings("Turn", (FeedSettings("Turn"),)),
        ),
        courses=(
            CourseSettings(
                (LegSettings("Turn", 25), LegSettings("Finish", 50)), ("1", "4A"), 20 * NS
            ),
            CourseSettings((LegSettings("Finish", 100, 2),)),
        ),
    )  # fmt: skip


def test_all_mistakes_at_once_with_their_lines() -> None:
    text = """\
[meet]
zone = "Europe/Berlni"
roundign = "truncate"
gun_window = 10

[[source]]
name = "mat"
protocol = "tsv1"
port = 70000

[[source]]
name = "operator"
protocol = "ctp01"
role = "client"
allow = [
  "10.0.0.0/8",
  "nope",
]

[[point]]
name = "Finish"
feeds = [
  "F1",
  {name="F2", shift="1.5"},
  {name="F3", source="mta"},
]
"""
    assert mistakes(text) == [
        "line 2, meet.zone: 'Europe/Berlni' is no time zone (did you mean \"Europe/Berlin\"?)",
        "line 3, meet.roundign: there is no such setting (did you mean rounding?)",
        'line 4, meet.gun_window: a duration needs its unit, found 10 (write "10s")',
        "line 9, source[1].port: 70000 is out of range (allowed: 1 to 65535)",
        "line 12, source[2].name: 'operator' already has a meaning in the log"
        " (reserved: operator, meetlog, folder, settings; choose another)",
        'line 14, source[2].role: meetlog cannot be a client for ctp01 (write "server")',
        "line 15, source[2].allow: a client has no peers to restrict (remove this line)",
        "line 17, source[2].allow[2]: 'nope' does not appear to be an IPv4 or IPv6 network"
        ' (write a network such as "192.168.1.0/24" or an address)',
        "line 24, point[1].feeds[2].shift: '1.5' is not a duration"
        ' (write a number and ms, s, m or h, such as "1.5s")',
        "line 25, point[1].feeds[3].source: there is no source 'mta' (did you mean \"mat\"?)",
    ]


SOURCE = '[[source]]\nname = "{}"\nprotocol = "tsv2"\nrole = "server"\nport = {}\n'
POINT = '[[point]]\nname = "{}"\nfeeds = [{}]\n'


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("meet = 1", 1, "meet: expected a table, found 1"),
        ("[[meet]]", 1, "meet: there is only one such table (write [meet])"),
        ("\n[source]", 2, "source: there may be several of these (write [[source]])"),
        ("[meet]\nname = true", 2, "meet.name: expected text, found true"),
        ("[meet]\nsession = 4", 2, 'meet.session: expected text, found 4 (write "4")'),
        ("[meet]\nzone = ''", 2, "meet.zone: '' is no time zone"),
        ("[meet]\nzone = 'Europe'", 2, "meet.zone: 'Europe' is no time zone"),
        ("[meet]\nzone = '/etc/passwd'", 2, "meet.zone: '/etc/passwd' is no time zone"),
        ("[meet]\nzone = '../../etc/passwd'", 2, "is no time zone"),
        ("[meet]\nrounding = 'half'", 2, "meet.rounding: it cannot be 'half' (allowed: "),
        ("[log]\npath = ' '", 2, "log.path: it is empty"),
        ("[log]\npath = 2026-04-22", 2, "log.path: expected text, found a date or time"),
        ("[console]\nkey = 'k.pem'", 2, "console.key: it needs a certificate too (add a line cert"),
        ("[console]\nallow = ['all']", 2, "console.allow[1]: 'all' does not appear to be an IPv4"),
        (
            '[console]\nport = 9000\n[[source]]\nname = "a"\nprotocol = "ctp01"\nport = 9000',
            2,
            "console.port: 9000 is also the port of source 1 (give the console another port)",
        ),
        ("[folder]\nrescan = '0s'", 2, "folder.rescan: '0s' is too short (allowed: more than 0s)"),
        ("[folder]\nquiet = '-1s'", 2, "folder.quiet: '-1s' is too short (allowed: 0s or more)"),
        ("[folder]\nquiet = 1.5", 2, 'found 1.5 (write "1.5s")'),
        ("[[source]]\nname = 'a'\nport = 1", 1, "source[1].protocol: this setting is missing"),
        ("[[source]]\nname='a'\nprotocol='x'", 3, "source[1].protocol: it cannot be 'x'"),
        ("[[source]]\nname='a'\nprotocol='tsv1'", 1, "source[1].port: this setting is missing"),
        (SOURCE.format("a", "'1'"), 5, "source[1].port: expected a whole number, found '1'"),
        (SOURCE.format("a", 0), 5, "source[1].port: 0 is out of range"),
        (SOURCE.format("a", 1) + SOURCE.format("A", 2), 7, "'A' is also source 1"),
        (SOURCE.format("a", 1) + SOURCE.format("b", 1), 10, "1 is also the port of source 1"),
        (
            SOURCE.format("a", 1) + SOURCE.format("b", 1) + 'host = "0.0.0.0"', 10,
            "1 is also the port of source 1",
        ),
        (SOURCE.format("a ", 1), 2, "source[1].name: it has blanks around it"),
        (SOURCE.format("Folder", 1), 2, "'Folder' already has a meaning in the log"),
        (SOURCE.format("a", 1) + "authentication = 'plaintext'", 6, "tsv2 has no authentication"),
        (
            "[[source]]\nname='a'\nprotocol='ctp01'\nauthentication='seed-md5'", 4,
            "authentication needs a password (add password_file",
        ),
        (
            "[[source]]\nname='a'\nprotocol='ctp01'\nauthentication='md5'", 4,
            "'md5' is no kind of authentication (allowed: none, plaintext",
        ),
        (SOURCE.format("a", 1) + "zone = 'Mars'", 6, "'Mars' is no time zone"),
        (SOURCE.format("a", 1) + "allow = 'x'", 6, "source[1].allow: expected a list, found 'x'"),
        ("[[point]]\nfeeds = []", 1, "point[1].name: this setting is missing (add a line name"),
        (POINT.format("a", "1"), 3, "point[1].feeds[1]: expected a table, found 1"),
        (POINT.format("a", "'f'") + POINT.format("a", "'g'"), 5, "'a' is also point 1"),
        (POINT.format("a", "'f'") + POINT.format("b", "'f'"), 6, "already a feed of point 'a'"),
        (POINT.format("a", "'f', 'f'"), 3, "'f' is already a feed of this point"),
        (POINT.format("a", "{name='f', backup='yes'}"), 3, "expected true or false, found 'yes'"),
        ("[[course]]\nevents = ['1']", 1, "course[1].legs: this setting is missing"),
        ("[[course]]\nlegs = []", 2, "course[1].legs: a course needs at least one leg"),
        (
            POINT.format("a", "") + "[[course]]\nlegs = [{point='a', distance=0}]", 5,
            "course[1].legs[1].distance: 0 is out of range",
        ),
        (
            POINT.format("a", "") + "[[course]]\nlegs = [{point='b', distance=1}]", 5,
            "course[1].legs[1].point: there is no point 'b'",
        ),
        (
            POINT.format("a", "")
            + "[[course]]\nlegs = [{point='a', distance=50},\n"
            "{point='a', distance=50, passing=2}]",
            6, "course[1].legs[2].distance: 50 does not come after 50",
        ),
        (
            POINT.format("a", "")
            + "[[course]]\nlegs = [{point='a', distance=50},\n{point='a', distance=60}]",
            6, "passing 1 of 'a' was already taken by an earlier leg",
        ),
        (
            POINT.format("a", "") + "[[course]]\nlegs = [{point='a', distance=50}]\n" * 2, 6,
            "course[2].events[1]: event '*' is already in course 1",
        ),
        (
            POINT.format("a", "") + "[[course]]\nevents=[1]\nlegs=[{point='a', distance=50}]", 5,
            'course[1].events[1]: expected text, found 1 (write "1")',
        ),
        ("a.\"b c\".'d' = 1", 1, "a: there is no such setting (known here: meet, log, folder"),
        ('"\\u0007" = 1', 1, "'\\x07': there is no such setting"),
        ("[meet]\nname = \n", 2, "Invalid value (see https://toml.io)"),
        ("[meet]\nname = 'a", 2, ""),
        ("[meet]\n\n[meet]\n", 3, ""),
        ("[meet]\nname = '''\n\n", 4, ""),
    ],
)  # fmt: skip
def test_each_mistake(text: str, line: int, words: str) -> None:
    found = mistakes(text)
    assert any(m.startswith(f"line {line}") and words in m for m in found), found
    assert len(found) == 1 or "protocol" in words, found  # without one, role and port lack too


def test_two_sources_may_use_one_name_for_different_points() -> None:
    text = SOURCE.format("x", 1) + SOURCE.format("y", 2)
    text += POINT.format("a", "{name='f', source='x'}") + POINT.format(
        "b", "{name='f', source='y'}"
    )
    assert len(parse(text.encode()).points) == 2


def test_two_clients_may_call_one_port() -> None:
    text = (SOURCE.format("x", 1) + SOURCE.format("y", 1)).replace("server", "client")
    assert [source.port for source in parse(text.encode()).sources] == [1, 1]


@pytest.mark.parametrize(
    ("protocol", "send", "first_seen"),
    [("tsv1", "reads", True), ("tsv2", "raw", True), ("tsv2", "crossings", False),
     ("ctp01", "reads", False), ("ctp01", "raw", False)],
)  # fmt: skip
def test_first_seen_reads_are_sent_where_they_can_be_told_from_others(
    protocol: Protocol, send: Send, first_seen: bool
) -> None:
    role = RELAY_ROLES[protocol][0]
    relay = RelaySettings("scoring", protocol, role, 9000, send=send)
    assert ("first-seen" in relay.sends) is first_seen
    named = msgspec.structs.replace(relay, kinds=("first-seen",))
    assert named.sends == {"first-seen"}


def test_bytes_that_are_no_text() -> None:
    assert mistakes(b"[meet]\nname = '\xff'") == [
        "line 2: the file is not UTF-8 (save it as UTF-8)"
    ]
    assert parse(b"\xef\xbb\xbf[meet]\r\nname = 'x'\r\n").meet.name == "x"
    assert mistakes("a = " + "[" * 5000) == ["line 1: the file is nested too deeply"]
    assert mistakes(b"#" * (1024 * 1024 + 1)) == ["line 1: the file is larger than 1048576 bytes"]
    assert len(mistakes("[meet]\nname = " + "9" * 5000)) == 1


LOCATED = '''\
# comment [not.a.table]
title = "x # no comment" # comment
multi = """
[no.table]
key = 1 \\""" "
"""
lit = \'\'\'
a = 1
\'\'\'
[a.b] # comment
c.d."e.f" = 1
g = { h = 1, i = { j = [1,
  2, { k = 3 }] } }
"q\\u0041" = 1979-05-27T07:32:00Z
[[t]]
x = 1
[[t.u]]
y = 1
[[t.u]]
y = 2
[t.v]
w = [ # comment ]
  "]", # comment
  [ "a,b", 'c]' ],
]
[[t]]
x = 2
[[t.u]]
y = 3
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2), (("multi",), 3), (("lit",), 7), (("a",), 10), (("a", "b"), 10),
        (("a", "b", "c", "d", "e.f"), 11), (("a", "b", "g", "i", "j", 0), 12),
        (("a", "b", "g", "i", "j", 1), 13), (("a", "b", "g", "i", "j", 2, "k"), 13),
        (("a", "b", "qA"), 14), (("t",), 15), (("t", 0), 15), (("t", 0, "x"), 16),
        (("t", 0, "u", 0, "y"), 18), (("t", 0, "u", 1), 19), (("t", 0, "u", 1, "y"), 20),
        (("t", 0, "v", "w", 0), 23), (("t", 0, "v", "w", 1, 1), 24), (("t", 1), 26),
        (("t", 1, "x"), 27), (("t", 1, "u", 0, "y"), 29),
        (("t", 1, "u", 0, "missing", 3), 28), (("absent",), 1), ((), 1),
    ],
)  # fmt: skip
def test_the_line_of_a_key(path: KeyPath, line: int) -> None:
    tomllib.loads(LOCATED)
    assert line_of(key_lines(LOCATED), path) == line


def paths(value: object, path: KeyPath = ()) -> list[KeyPath]:
    """Every path in a document."""
    if isinstance(value, dict):
        return [path, *(p for key, item in value.items() for p in paths(item, (*path, key)))]
    if isinstance(value, list):
        return [path, *(p for i, item in enumerate(value) for p in paths(item, (*path, i)))]
    return [path]


@pytest.mark.parametrize("text", [LOCATED, SWITCHED_ON, TEMPLATE])
def test_every_key_has_a_line(text: str) -> None:
    lines = key_lines(text)
    assert set(paths(tomllib.loads(text))) - {()} == set(lines)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("10s", 10 * NS), ("1.5s", 1_500_000_000), ("250ms", 250_000_000), ("2m", 2 * MINUTE),
        ("2min", 2 * MINUTE), ("1h", HOUR), ("0s", 0), ("-1.5s", -1_500_000_000), ("10 s", 10 * NS),
        ("0.000000001s", 1), ("1.123456789s", 1_123_456_789), ("1us", 1000), ("7ns", 7),
        ("0.1ms", 100_000), ("1.5h", 90 * MINUTE), ("0.10000000000s", NS // 10),
    ],
)  # fmt: skip
def test_durations(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    "text",
    ["", "10", "s", "1,5s", "1.s", ".5s", "+1s", "--1s", "1e3s", "1_0s", "\u0661s", "1S", "1 d",
     "0.0000000001s", "0.1ns", "9999999h", "1s ", " 1s", "1s1s", "inf", "1\n s"],
)  # fmt: skip
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(WireError):
        parse_duration(text)


@given(st.integers(-400 * DAY, 400 * DAY) | st.integers(-400, 400).map(lambda n: n * NS // 2))
@settings(max_examples=200)
def test_a_duration_survives(nanoseconds: int) -> None:
    assert parse_duration(format_duration(nanoseconds)) == nanoseconds


def test_a_duration_is_written_as_people_would() -> None:
    written = {
        0: "0s", 10 * NS: "10s", NS // 4: "250ms", 3 * NS // 2: "1.5s", -3 * NS // 2: "-1.5s",
        90 * NS: "90s", 2 * MINUTE: "2m", 3 * HOUR: "3h", 1: "1ns", 1500: "1.5us",
    }  # fmt: skip
    assert {n: format_duration(n) for n in written} == written


VALUES = st.recursive(
    st.sampled_from(["1", "''", "'a'", "true", "1.5", "'1s'", "'tsv1'", "07:32:00", "nan",
                     '"""\n"""']),
    lambda inner: st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]")
    | st.builds("{{{} = {}}}".format, st.sampled_from(["name", "point", "x"]), inner),
    max_leaves=6,
)  # fmt: skip
LINES = st.one_of(
    st.builds(
        "{} = {}".format,
        st.sampled_from(["name", "zone", "port", "feeds", "legs", "allow", "meet.zone", "events",
                         "protocol", "role", "gap", "'q r'"]),
        VALUES,
    ),
    st.sampled_from(["[meet]", "[[source]]", "[[point]]", "[[course]]", "[folder.x]", "[[meet]]",
                     ""]),
    st.text(max_size=6),
)  # fmt: skip


@given(st.lists(LINES, max_size=8).map("\n".join))
@settings(max_examples=300, deadline=None)
def test_any_text_is_settings_or_mistakes_with_lines(text: str) -> None:
    data = text.encode()
    try:
        parse(data)
    except SettingsError as error:
        found = error.mistakes
    else:
        return
    assert found
    assert all(1 <= mistake.line <= text.count("\n") + 1 for mistake in found)


@given(st.binary(max_size=40))
@settings(max_examples=100)
def test_any_bytes_are_settings_or_mistakes(data: bytes) -> None:
    try:
        result = parse(data)
    except SettingsError:
        return
    assert isinstance(result, Settings)
