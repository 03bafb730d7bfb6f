"""How a campaign went, in words: the first sentence of its report, and the reasons behind refusals. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from dashboards.campaigns.figures import Maturity, Part, Refusal, Report, Score
from dashboards.decisions import STATES
from schemas.aggregates import Level
from schemas.rulings import State

Row = Mapping[str, Any]

WELL, TROUBLED, BADLY = range(3)
_VERDICTS = ("went well", "had some trouble", "went badly")
_OF_LEVEL = {Level.HEALTHY: WELL, Level.RECOVERING: TROUBLED, Level.WATCH: TROUBLED}
# From which share on a figure is trouble, and bad: the lines of docs/reputation.md, and for what it has none,
# what nobody calls usual.
_LINES = {
    "bounced": (0.04, 0.08, "bounced"),
    "complained": (0.001, 0.003, "complained"),
    "deferred": (0.2, 0.5, "were put off at least once"),
    "rejected": (0.05, 0.2, "were not sent by the service"),
}
REASONS: Mapping[str, str] = {
    "invalid_recipient": "the mailbox does not exist",
    "inactive_mailbox": "the mailbox is no longer in use",
    "mailbox_full": "the mailbox is full",
    "invalid_domain": "the domain does not exist or takes no mail",
    "relay_denied": "the server does not take mail for the address",
    "blocked_ip": "the sending IP is blocked",
    "blocked_domain": "the sending domain is blocked",
    "spam_content": "it was taken for spam",
    "policy": "a rule of the receiver forbids it",
    "auth_failure": "SPF, DKIM or DMARC failed",
    "rate_limited": "it came too fast",
    "greylisted": "the receiver asks for a second attempt",
    "message_too_large": "the message is too large",
    "content_rejected": "the content was refused",
    "dns_failure": "the domain could not be looked up",
    "network_failure": "the server could not be reached",
    "expired": "it could not be delivered in time",
    "protocol_error": "the servers did not understand each other",
    "system_error": "the receiver's server is broken",
    "auto_reply": "an automatic reply came back",
    "suppressed": "the address is on a suppression list",
    "unknown": "the reply does not say why",
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
OUTCOMES = {"bounced": "Bounced", "rejected": "Not sent", "deferred": "Put off"}
_PAUSED = {
    State.DONE: "mailweir paused it on {at}",
    State.DRY_RUN: "mailweir would have paused it on {at} (dry run)",
    State.WAITING: "mailweir asks to pause it since {at}",
    State.SUGGESTED: "mailweir advised to pause it on {at}",
    State.FAILED: "mailweir could not pause it on {at}",
    State.UNSUPPORTED: "mailweir would have paused it on {at}, which its sender cannot do",
}


def sentence(
    campaign: str,
    total: Part,
    maturity: Maturity,
    refusals: Sequence[Refusal],
    scores: Sequence[Score],
    decisions: Sequence[Row],
) -> str:
    """How it went, with the figures that say so."""
    if not total.messages:
        return f"Of {campaign} only what happened after the sending is stored, so nothing can be said of its delivery."
    troubles, paused = _troubles(total, refusals), _paused(decisions)
    worst = _worst(total, scores, decisions)
    delivered = total.figures["delivered"]
    told = [f"{delivered.count:,} of {total.messages:,} messages were delivered ({percent(delivered.share)})"]
    told += [words for _, words in troubles] or _good(total, maturity)
    ending = f"; {paused}" if paused else ""
    return f"{campaign} {_VERDICTS[worst]}: {_listed(told)}{ending}."


def verdict(report: Report) -> int:
    """WELL, TROUBLED or BADLY: as the first sentence says it."""
    return _worst(report.total, report.scores, report.decisions)


def action(decision: Row) -> str:
    """`Pause campaign spring-sale`."""
    text = f"{decision['action'].replace('_', ' ')} {decision['key'].replace('|', ' at ')}"
    return f"{text[:1].upper()}{text[1:]}"


def state(decision: Row) -> str:
    """Where it stands, in words."""
    known = decision["state"]
    return STATES[State(known)] if known in set(State) else str(known).replace("_", " ")


def clean(text: str) -> str:
    """A stranger's text without what would steer a terminal."""
    return _CONTROL.sub("�", text)


def percent(share: float | None) -> str:
    """A share in [0, 1] with the digits that matter at its size; a dash where there is none."""
    if share is None:
        return "-"
    digits = 0 if share in {0.0, 1.0} else 2 if share < 0.01 else 1
    return f"{100 * share:.{digits}f} %"


def reason(name: str) -> str:
    """A bounce reason in words."""
    return REASONS.get(name) or name.replace("_", " ") or REASONS["unknown"]


def moment(at_ms: int) -> str:
    """`2026-11-22 20:46 UTC`; a dash for 0."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC" if at_ms else "-"


def maturity_words(maturity: Maturity) -> str:
    """How complete the complaints are, in a sentence."""
    if maturity.due is None:
        return "Nothing was delivered, so no complaints are due."
    said = f"By the age of the mail about {percent(maturity.due)} of the complaints to be expected are in"
    if maturity.rate is None or not maturity.complained:
        return f"{said}."
    return f"{said}; if the rest comes like these, it will be {percent(maturity.rate)} of delivered mail."


def _worst(total: Part, scores: Sequence[Score], decisions: Sequence[Row]) -> int:
    """The worst of what its score says, what its figures say, and whether it was paused."""
    figures = [worth for worth, _ in _troubles(total, ())]
    return max([_of_score(scores), *figures, TROUBLED if _paused(decisions) else WELL])


def _of_score(scores: Sequence[Score]) -> int:
    own = next((score for score in scores if not score.provider), None)
    return WELL if own is None else _OF_LEVEL.get(Level(own.level), BADLY) if own.level in set(Level) else WELL


def _troubles(total: Part, refusals: Sequence[Refusal]) -> list[tuple[int, str]]:
    """What is above its lines, with how bad that is, worst first."""
    found = []
    for name, (trouble, bad, words) in _LINES.items():
        figure = total.figures[name]
        if figure.share is not None and figure.share >= trouble:
            why = next((f", mostly because {reason(each.reason)}" for each in refusals if each.outcome == name), "")
            found.append((BADLY if figure.share >= bad else TROUBLED, f"{percent(figure.share)} {words}{why}"))
    return sorted(found, key=lambda each: -each[0])


def _good(total: Part, maturity: Maturity) -> list[str]:
    """What there is to say where nothing is wrong."""
    opened, bounced, complained = (total.figures[name] for name in ("opened_human", "bounced", "complained"))
    said = [f"{percent(bounced.share)} bounced"]
    if opened.count:
        said.append(f"people opened {percent(opened.share)} of those delivered")
    if complained.share is not None:
        early = f" (about {percent(maturity.due)} of what is to come)" if (maturity.due or 1) < 0.9 else ""
        said.append(f"{percent(complained.share)} complained{early}")
    return said


def _paused(decisions: Sequence[Row]) -> str:
    """Whether it was paused, by the newest decision about that; "" if not, or if it was resumed."""
    about = (row for row in decisions if row["action"] in {"pause_campaign", "resume_campaign"})
    newest = next(about, None)
    if newest is None or newest["action"] != "pause_campaign" or newest["state"] not in set(State):
        return ""
    return _PAUSED.get(State(newest["state"]), "").format(at=moment(newest["decided_at"]))


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
