"""Where a log is played to: what people write, and what each form means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meetlog.play.address import Address, parse_address
from wire.settings import CTP01_PORT, RELAY_ROLES, Protocol, Role


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ctp01://192.168.1.30", Address("ctp01", "client", "192.168.1.30", CTP01_PORT)),
        ("ctp01://scoring:3000/", Address("ctp01", "client", "scoring", 3000)),
        ("CTP01+client://scoring", Address("ctp01", "client", "scoring", CTP01_PORT)),
        ("tsv1://127.0.0.1:10000", Address("tsv1", "server", "127.0.0.1", 10000)),
        ("tsv1+server://127.0.0.1:1", Address("tsv1", "server", "127.0.0.1", 1)),
        ("tsv2://10.0.0.7:10000", Address("tsv2", "client", "10.0.0.7", 10000)),
        (" tsv2+server://[::]:10000 ", Address("tsv2", "server", "::", 10000)),
        ("tsv2+client://[fd00::7]:10000", Address("tsv2", "client", "fd00::7", 10000)),
    ],
)
def test_what_is_meant(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no address"), ("192.168.1.30:61611", "is no address"),
        ("ctp01:192.168.1.30", "is no address"), ("tsv3://a:1", "is no address"),
        ("ctp01+server://a", "write ctp01+client"), ("tsv1+client://a:1", "write tsv1+server"),
        ("tsv2+both://a:1", "cannot be a both there; write tsv2+server or tsv2+client"),
        ("tsv1://127.0.0.1", "lacks a port"), ("tsv2://a:0", "lacks a port"),
        ("ctp01://:61611", "lacks a host"), ("ctp01://a:61611/x", "more than a host and a port"),
        ("ctp01://timer:secret@a", "more than a host"), ("ctp01://a?x=1", "more than a host"),
        ("ctp01://a:65536", "is no address"), ("ctp01://a:b", "is no address"),
        ("ctp01://[::1", "is no address"),
    ],
)  # fmt: skip
def test_what_is_none(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=r"address|port|host|there") as caught:
        parse_address(text)
    assert words in str(caught.value)


@given(
    st.sampled_from([(p, r) for p, roles in RELAY_ROLES.items() for r in roles]),
    st.one_of(
        st.from_regex(r"[a-z][a-z0-9-]{0,20}(\.[a-z0-9]{1,5}){0,3}", fullmatch=True),
        st.ip_addresses().map(str),
    ),
    st.integers(1, 65535),
)
def test_an_address_is_written_as_it_is_read(
    what: tuple[Protocol, Role], host: str, port: int
) -> None:
    address = Address(*what, host, port)
    assert parse_address(str(address)) == address


@given(st.text(max_size=40))
def test_anything_else_is_refused_in_words(text: str) -> None:
    try:
        parse_address(text)
    except ValueError as e:
        assert "write" in str(e)  # noqa: PT017 - some texts are addresses
