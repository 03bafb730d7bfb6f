"""Reading values of any quality."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import values

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("given_time", "millis"),
    [
        (1_767_225_600, 1_767_225_600_000),
        (1_767_225_600.1234, 1_767_225_600_123),
        ("1767225600.5", 1_767_225_600_500),
        (1_767_225_600_123, 1_767_225_600_123),
        (0, 0), (-5, 0), (2**70, 0), (float("inf"), 0), (float("nan"), 0), ("soon", 0), (None, 0), (True, 0), ([], 0),
        (-1.797693134862316e305, 0), ("-1e306", 0), (1.797693134862316e305, 0),
    ],
)  # fmt: skip
def test_seconds_become_milliseconds_or_unknown(given_time: Any, millis: int) -> None:
    assert values.from_seconds(given_time) == millis


@pytest.mark.parametrize(
    ("given_time", "millis"),
    [
        ("2026-01-01T00:00:00Z", 1_767_225_600_000),
        ("2026-01-01T00:00:00.123456789Z", 1_767_225_600_123),
        ("2026-01-01T01:00:00+01:00", 1_767_225_600_000),
        ("2026-01-01T00:00:00", 1_767_225_600_000),
        ("1969-12-31T23:59:59Z", 0), ("0001-01-01T00:00:00+23:59", 0), ("2026-13-01T00:00:00Z", 0),
        ("", 0), (5, 0), ("9" * 100, 0),
    ],
)  # fmt: skip
def test_rfc3339_becomes_milliseconds_or_unknown(given_time: Any, millis: int) -> None:
    assert values.from_rfc3339(given_time) == millis


@pytest.mark.parametrize(
    ("given_time", "millis"),
    [
        ("Thu, 01 Jan 2026 00:00:00 GMT", 1_767_225_600_000),
        ("2026-01-01T00:00:00Z", 1_767_225_600_000),
        ("1767225600", 1_767_225_600_000),
        ("Thu, 01 Jan 2026 00:00:00 CET", 0), ("Mon, 01 Jan 0001 00:00:00 GMT", 0), ("GMT", 0), (None, 0),
    ],
)  # fmt: skip
def test_a_signed_time_may_also_be_an_http_date(given_time: Any, millis: int) -> None:
    assert values.from_any_time(given_time) == millis


@given(JSON)
def test_no_reader_raises_and_every_result_fits(value: Any) -> None:
    assert isinstance(values.text(value), str)
    assert all(isinstance(item, str) for item in values.texts(value))
    for number in (values.whole(value), values.from_any_time(value), values.smtp_code(value)):
        assert 0 <= number < 2**63
    assert isinstance(values.mapping(value), dict)
    assert isinstance(values.sequence(value), list)
    values.message_id(value), values.host_domain(value), values.bare_ip(value)


def test_a_lone_surrogate_is_replaced_and_the_rest_is_kept() -> None:
    assert values.decode(b'{"a\\ud800": ["x\\udfff", 1, NaN, 1e999]}') == {"a\ufffd": ["x\ufffd", 1, None, None]}


def test_a_byte_order_mark_and_broken_utf8_are_read() -> None:
    assert values.decode(b'\xef\xbb\xbf["a\xff"]') == ["a\ufffd"]


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"1" * 5_000, b"[1,]"])
def test_what_is_no_json_raises_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any of them will do
        values.decode(body)


@pytest.mark.parametrize(
    ("address", "ip"),
    [
        ("192.0.2.1:25", "192.0.2.1"),
        ("192.0.2.1", "192.0.2.1"),
        ("[2001:db8::1]:25", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("", ""),
        (None, ""),
    ],
)
def test_an_ip_loses_its_port(address: Any, ip: str) -> None:
    assert values.bare_ip(address) == ip


@pytest.mark.parametrize(
    ("field", "own"),
    [
        ({"a": 1}, {"a": 1}),
        ('{"a": 1}', {"a": 1}),
        (' {"a": 1} ', {"a": 1}),
        ("{", {"Custom": "{"}),
        ("{}", {"Custom": "{}"}),
        ('["a"]', {"Custom": '["a"]'}),
        ("order-17", {"Custom": "order-17"}),
        (17, {"Custom": "17"}),
        ("", {}), (None, {}), ([], {}), (True, {}),
    ],
)  # fmt: skip
def test_own_values_are_an_object_or_a_text_by_the_name_of_the_field(field: Any, own: dict[str, Any]) -> None:
    assert values.own_values(field, "Custom") == own


@given(JSON)
def test_own_values_never_raise_and_can_be_written(value: Any) -> None:
    values.json_object(values.own_values(value, "Custom"))


FORM = st.lists(
    st.sampled_from([
        b"%", b"%4", b"%41", b"%3d", b"%26", b"%25", b"%C3%A9", b"%E9", b"%00", b"%0D%0A", b"=", b"=3D", b"=\n",
        b"&", b"+", b"a", b"_", b" ", b"\t", b"\r\n", "\xe9".encode(), b"\x00", b";",
    ])
)  # fmt: skip


@given(FORM.map(b"".join))
def test_a_form_reads_as_urllib_reads_it(body: bytes) -> None:
    assert values.form(body) == parse_qsl(body.decode(), keep_blank_values=True)


def test_a_form_of_more_than_a_thousand_fields_is_none() -> None:
    assert len(values.form(b"&".join([b"a=1"] * 1_000))) == 1_000
    assert values.form(b"&".join([b"a=1"] * 1_001)) == []
