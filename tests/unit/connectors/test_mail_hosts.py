"""Mail hosts by the names of a domain's mail exchangers."""

from __future__ import annotations

import pytest

from connectors.mail_hosts import MailHost, host_of, mail_hosts


@pytest.mark.parametrize(
    ("exchangers", "name"),
    [
        (["aspmx.l.google.com", "alt1.aspmx.l.google.com", "aspmx2.googlemail.com"], "google_workspace"),
        (["SMTP.Google.com."], "google_workspace"),
        (["shop-example.mail.protection.outlook.com"], "microsoft_365"),
        (["shop-example.a-v1.mx.microsoft"], "microsoft_365"),
        (["hotmail-com.olc.protection.outlook.com"], "microsoft"),
        (["mta5.am0.yahoodns.net", "mta6.am0.yahoodns.net"], "yahoo"),
        (["mx01.mail.icloud.com", "mx02.mail.icloud.com"], "apple"),
        (["mxa-001.gslb.pphosted.com", "mxb-001.gslb.pphosted.com"], "proofpoint"),
        (["eu-smtp-inbound-1.mimecast.com", "eu-smtp-inbound-2.mimecast.com"], "mimecast"),
        (["d1.a.ess.barracudanetworks.com", "d1.b.ess.barracudanetworks.com"], "barracuda"),
        (["mx1.hc1.eu.iphmx.com"], "cisco"),
        (["cluster1.eu.messagelabs.com", "cluster1a.eu.messagelabs.com"], "messagelabs"),
    ],
)
def test_exchangers_of_one_host_name_it(exchangers: list[str], name: str) -> None:
    found = host_of(exchangers)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    "exchangers",
    [
        [],
        [""],
        ["."],
        ["mail.shop.example"],
        ["xpphosted.com"],
        ["pphosted.com.shop.example"],
        ["aspmx.l.google.com", "mail.shop.example"],
        ["aspmx.l.google.com", "shop-example.mail.protection.outlook.com"],
        ["mx1.pphosted.com", "eu-smtp-inbound-1.mimecast.com"],
    ],
)
def test_unknown_or_mixed_exchangers_are_nobodys(exchangers: list[str]) -> None:
    assert host_of(exchangers) is None


def test_filters_say_that_they_are() -> None:
    assert host_of(["mx1.pphosted.com"]) == MailHost("proofpoint", is_gateway=True)
    assert host_of(["smtp.google.com"]) == MailHost("google_workspace", is_gateway=False)


def test_every_suffix_is_lower_case_and_answers_for_itself() -> None:
    for suffix, host in mail_hosts().items():
        assert suffix == suffix.lower()
        assert host_of([f"mx1.{suffix}", suffix]) == host
