"""Small files that want to be large, deep or dear: each is refused or read in no time."""

import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from wire import chips, ctp01, settings_file, timedrops, tsv1, tsv2
from wire.errors import WireError
from wire.timedrops import result_name

NAME = result_name("1", "1", 1, 1, 1)
DEEP = 200_000
JSON_BOMBS = {
    "arrays": "[" * DEEP,
    "closed arrays": "[" * DEEP + "]" * DEEP,
    "objects": '{"a":' * DEEP,
    "a huge number": "9" * 300_000,
    "a huge negative": "-" + "9" * 300_000,
    "a huge exponent": "1e999999999",
    "a small exponent": "1e-999999999",
    "a long fraction": "0." + "1" * 300_000,
    "no number": "NaN",
    "infinity": "-Infinity",
    "many keys": "{" + ",".join(f'"k{n}":{n}' for n in range(20_000)) + "}",
    "equal keys": "{" + ",".join('"k":1' for _ in range(50_000)) + "}",
    "escapes": '"' + "\\u0041" * 50_000 + '"',
    "half of a pair": '"\\ud800"',
}
READERS: dict[str, Callable[[bytes], object]] = {
    "program": timedrops.parse_program,
    "result": lambda data: timedrops.parse_result(NAME, data),
    "status": timedrops.parse_status,
    "chips": lambda data: chips.parse("chips.json", data),
    "tsv1": lambda data: tsv1.Decoder().feed(data + b"\r"),
    "tsv2": lambda data: tsv2.Decoder().feed(data + b"\r"),
    "ctp01": lambda data: ctp01.ClientDecoder().feed(data + b"\r\n"),
}
WRAPPED = {
    "program": '{"meetSessions":[{"id":"1","number":%s}],"x":%s}',
    "result": '{"sessionId":"1","eventNumber":"1","heatNumber":%s,"raceNumber":1,"lanes":[%s]}',
    "status": '{"currentEvent":"1","currentHeat":%s,"currentSessionId":%s}',
    "chips": '{"1":%s,"2":%s}',
    "tsv1": '[{"Chip":%s,"Moment":%s,"TimingPoint":"F","Type":2}]',
    "tsv2": '[{"Chip":%s,"Moment":%s,"TimingPoint":"F","Type":2}]',
    "ctp01": "CT01_33~1~%s~%s",
}
TOML_BOMBS = {
    "arrays": "x = " + "[" * DEEP,
    "closed arrays": "x = " + "[" * DEEP + "]" * DEEP,
    "tables": "x = " + "{a=" * DEEP,
    "dotted": ".".join("a" * 1 for _ in range(DEEP // 2)) + " = 1",
    "quoted dots": ".".join('"a"' for _ in range(DEEP // 2)) + " = 1",
    "headers": "[" + ".".join("a" for _ in range(DEEP // 2)) + "]",
    "a huge number": "[console]\nport = " + "9" * 300_000,
    "a huge hexadecimal": "[console]\nport = 0x" + "f" * 300_000,
    "a huge exponent": "[console]\nport = 1e999999999",
    "infinity": "[console]\nport = inf",
    "a long duration": '[folder]\nquiet = "' + "9" * 300_000 + 's"',
    "many tables": "".join(f"[a{n}]\n" for n in range(5_000)),
    "many sources": "[[source]]\n" * 5_000,
}
MOST_SECONDS = 10  # of this processor; all but a few take a hundredth


def try_it(read: Callable[[bytes], object], data: bytes) -> None:
    began = time.process_time()
    with suppress(WireError):  # in words, as for any other file that is wrong
        read(data)
    assert time.process_time() - began < MOST_SECONDS


@pytest.mark.parametrize("bomb", JSON_BOMBS)
@pytest.mark.parametrize("name", READERS)
def test_json(name: str, bomb: str) -> None:
    text = JSON_BOMBS[bomb]
    for data in (text, WRAPPED[name] % (text, "1"), WRAPPED[name] % ("1", text)):
        try_it(READERS[name], data.encode())


@pytest.mark.parametrize("bomb", TOML_BOMBS)
def test_toml(bomb: str) -> None:
    try_it(settings_file.parse, TOML_BOMBS[bomb].encode())
