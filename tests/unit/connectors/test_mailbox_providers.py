"""Mailbox providers by recipient domain."""

from __future__ import annotations

import pytest

from connectors.mailbox_providers import provider_map, provider_of


@pytest.mark.parametrize(
    ("domain", "provider"),
    [
        ("gmail.com", "gmail"),
        ("googlemail.com", "gmail"),
        ("Outlook.com", "microsoft"),
        ("hotmail.co.uk", "microsoft"),
        ("live.fr", "microsoft"),
        ("yahoo.com", "yahoo"),
        ("yahoo.com.br", "yahoo"),
        ("yahoo.co.jp", "yahoo_japan"),
        ("aol.com", "yahoo"),
        ("icloud.com.", "apple"),
        ("web.de", "gmx"),
        ("gmx.at", "gmx"),
        ("wanadoo.fr", "orange"),
        ("comcast.net", "comcast"),
        ("bk.ru", "mailru"),
        ("yandex.kz", "yandex"),
        ("pm.me", "proton"),
        ("zoho.eu", "zoho"),
        ("foxmail.com", "qq"),
        ("126.com", "netease"),
        ("shop.example", "other"),
        ("yahoo.shop.example", "other"),
        ("notgmail.com", "other"),
        ("mail.gmail.com", "other"),
        ("", "other"),
        ("yahoo.", "other"),
    ],
)
def test_a_domain_belongs_to_its_provider(domain: str, provider: str) -> None:
    assert provider_of(domain) == provider


def test_the_map_is_lower_case_and_every_entry_answers_for_itself() -> None:
    for domain, provider in provider_map().domains.items():
        assert domain == domain.lower()
        assert provider_of(domain) == provider
