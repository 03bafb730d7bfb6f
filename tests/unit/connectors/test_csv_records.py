"""CSV with header lines: the standard library is right about what is well formed, and one bad line costs one record."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.csv_records import CsvRecord, csv_records

VALUES = st.text(st.sampled_from('ab,"\n \u2028\x0b'), max_size=6)


@given(st.lists(st.lists(VALUES, min_size=2, max_size=2), max_size=6))
def test_what_a_writer_has_written_is_read_as_it_was(rows: list[list[str]]) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["type", "rcpt", "reply"])
    writer.writerows(["d", *row] for row in rows)
    found = list(csv_records(out.getvalue(), "type"))
    assert [record.wrong for record in found] == [""] * len(rows)
    assert [[record.values["rcpt"], record.values["reply"]] for record in found] == rows


def read(text: str) -> list[CsvRecord]:
    return list(csv_records("type,rcpt,reply\n" + text, "type"))


def test_a_quote_that_is_never_closed_costs_its_own_line_only() -> None:
    found = read('d,one,ok\nd,"two,ok\nd,three,"a, b"\nd,"four,ok\nd,five,ok')
    assert [record.values.get("rcpt") for record in found] == ["one", None, "three", None, "five"]
    assert [record.number for record in found] == [0, 1, 2, 3, 4]
    assert found[1].text == 'd,"two,ok'


@pytest.mark.parametrize("line", ["d", "d,one", "d,one,ok,more", 'd,"one"x,ok'])
def test_a_line_that_does_not_fit_the_columns_is_unreadable(line: str) -> None:
    found = read(f"{line}\nd,two,ok")
    assert [bool(record.wrong) for record in found] == [True, False]


def test_a_header_line_further_on_names_the_columns_from_there() -> None:
    found = read("d,one,ok\nTYPE,jobId\nd,sale\n\n  \n")
    assert found[1].values == {"type": "d", "jobid": "sale"}


@pytest.mark.parametrize("text", ["d,one,ok", "\x00", "rcpt,type\none,d"])
def test_without_a_header_line_nothing_is_guessed(text: str) -> None:
    with pytest.raises(ValueError, match="no header line"):
        list(csv_records(text, "type"))


@pytest.mark.parametrize("text", ["", "\n\n", "\ufefftype,rcpt\n"])
def test_no_records_are_no_mistake(text: str) -> None:
    assert list(csv_records(text, "type")) == []
