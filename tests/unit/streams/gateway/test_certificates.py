"""Fetching signing certificates: once, bounded, and never again and again after a failure."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from schemas.errors import Transient
from streams.gateway.certificates import HttpCertificates
from tests.unit.streams.gateway.gate import CERTIFICATE, CERTIFICATE_URL

DAY_S = 86_400.0


class Fetches:
    """Answers with `answer`, keeps the URLs, and is the clock."""

    def __init__(self) -> None:
        self.urls: list[str] = []
        self.answer: Callable[[], httpx.Response] = lambda: httpx.Response(200, content=CERTIFICATE)
        self.now_s = 0.0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.urls.append(str(request.url))
        return self.answer()


@pytest.fixture
def fetches() -> Fetches:
    return Fetches()


@pytest.fixture
def certificates(fetches: Fetches) -> Iterator[HttpCertificates]:
    with httpx.Client(transport=httpx.MockTransport(fetches)) as client:
        yield HttpCertificates(client, lambda: fetches.now_s)


def test_a_certificate_is_fetched_again_after_a_day(certificates: HttpCertificates, fetches: Fetches) -> None:
    assert certificates.known(CERTIFICATE_URL) is None
    assert [certificates.get(CERTIFICATE_URL) for _ in range(2)] == [CERTIFICATE] * 2
    assert certificates.known(CERTIFICATE_URL) == CERTIFICATE
    fetches.now_s = DAY_S
    assert certificates.known(CERTIFICATE_URL) is None
    assert certificates.get(CERTIFICATE_URL) == CERTIFICATE
    assert fetches.urls == [CERTIFICATE_URL] * 2


def broken() -> httpx.Response:
    raise httpx.ConnectTimeout("late")


@pytest.mark.parametrize(
    "answer",
    [
        lambda: httpx.Response(404),
        lambda: httpx.Response(302, headers={"Location": "https://elsewhere.example/"}),
        lambda: httpx.Response(200, content=b"<html>"),
        lambda: httpx.Response(200, content=CERTIFICATE + b"x" * 70_000),
        broken,
    ],
)
def test_a_failure_is_remembered_for_half_a_minute(
    answer: Callable[[], httpx.Response], certificates: HttpCertificates, fetches: Fetches
) -> None:
    good, fetches.answer = fetches.answer, answer
    for _ in range(3):
        with pytest.raises(Transient) as caught:
            certificates.get(CERTIFICATE_URL)
    assert caught.value.retry_after_s == 30
    assert certificates.known(CERTIFICATE_URL) is None
    assert len(fetches.urls) == 1
    fetches.now_s, fetches.answer = 30.0, good
    assert certificates.get(CERTIFICATE_URL) == CERTIFICATE


def test_many_addresses_do_not_grow_the_memory(certificates: HttpCertificates, fetches: Fetches) -> None:
    for number in range(100):
        certificates.get(f"{CERTIFICATE_URL}?{number}")
    known = [n for n in range(100) if certificates.known(f"{CERTIFICATE_URL}?{n}")]
    assert known == list(range(36, 100))


def test_addresses_that_lead_nowhere_do_not_push_out_what_is_good(
    certificates: HttpCertificates, fetches: Fetches
) -> None:
    certificates.get(CERTIFICATE_URL)
    fetches.answer = lambda: httpx.Response(404)
    for number in range(100):
        with pytest.raises(Transient):
            certificates.get(f"{CERTIFICATE_URL}?{number}")
    assert certificates.known(CERTIFICATE_URL) == CERTIFICATE


def test_threads_that_ask_at_once_share_one_fetch(certificates: HttpCertificates, fetches: Fetches) -> None:
    start = threading.Barrier(8)

    def ask(_: int) -> bytes:
        start.wait()
        return certificates.get(CERTIFICATE_URL)

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(8))) == [CERTIFICATE] * 8
    assert len(fetches.urls) == 1
