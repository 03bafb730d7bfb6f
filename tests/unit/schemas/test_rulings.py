"""What may be said to a decision, by where it stands."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from schemas.remediation import Action, Mode, Verb
from schemas.rulings import MAX_WHY, WHEN, RefusedError, Standing, State, objection, possible, rule, undoing

NOW = 1_760_000_000_000
WAITING = Standing(
    decision_id="d1",
    tenant="acme",
    key="spring",
    action=Action.PAUSE_CAMPAIGN,
    mode=Mode.APPROVE,
    state=State.WAITING,
    expires_at=NOW + 1000,
)
DONE = replace(WAITING, state=State.DONE)


def test_a_ruling_says_who_when_and_why() -> None:
    ruling = rule(WAITING, Verb.APPROVE, "  dana\n li ", " It is\nright. ", NOW)
    assert (ruling.who, ruling.why, ruling.ruled_at) == ("dana li", "It is\nright.", NOW)
    assert (ruling.tenant, ruling.decision_id, ruling.verb) == ("acme", "d1", "approve")


def test_the_same_call_twice_is_the_same_ruling_and_another_call_another() -> None:
    ids = {rule(WAITING, Verb.APPROVE, "dana", "x", NOW + n, "key").ruling_id for n in range(3)}
    assert len(ids) == 1
    others = {
        rule(WAITING, Verb.APPROVE, "dana", "x", NOW, "other").ruling_id,
        rule(WAITING, Verb.REJECT, "dana", "x", NOW, "key").ruling_id,
        rule(replace(WAITING, decision_id="d2"), Verb.APPROVE, "dana", "x", NOW, "key").ruling_id,
    }
    assert len(others | ids) == 4


@pytest.mark.parametrize(
    ("who", "why", "sentence"),
    [
        ("dana", " \n", "the field why is empty; say the reason"),
        (" ", "x", "the field who is empty; say your name"),
        ("dana", "x" * (MAX_WHY + 1), "the field why has 2001 characters; at most 2000 are kept"),
        ("d" * 201, "x", "the field who has 201 characters; at most 200 are kept"),
    ],
)
def test_a_word_without_name_or_reason_is_refused(who: str, why: str, sentence: str) -> None:
    with pytest.raises(RefusedError, match=re.escape(sentence)) as refused:
        rule(WAITING, Verb.APPROVE, who, why, NOW)
    assert refused.value.status == 422


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("verb", Verb)
def test_a_verb_is_taken_in_its_states_and_refused_with_a_reason_in_all_others(verb: Verb, state: State) -> None:
    found = objection(replace(WAITING, state=state, who="dana"), verb, NOW)
    if state in WHEN[verb]:
        assert found == ""
    else:
        assert re.fullmatch(r"the decision [^{}]+; only one that .+", found)


def test_the_refusal_names_who_spoke_before() -> None:
    spoken = replace(WAITING, state=State.REVERTING, who="lee")
    with pytest.raises(RefusedError, match="is being reverted by lee; only one that was carried out") as refused:
        rule(spoken, Verb.REVERT, "dana", "x", NOW)
    assert refused.value.status == 409


def test_nothing_is_approved_after_its_time_but_it_may_be_rejected() -> None:
    late = WAITING.expires_at + 1
    assert objection(WAITING, Verb.APPROVE, late) == "the time to approve the decision ended at 2025-10-09 08:53:21 UTC"
    assert possible(WAITING, late) == [Verb.REJECT]
    assert possible(replace(WAITING, expires_at=0), late) == [Verb.APPROVE, Verb.REJECT]


def test_what_changed_nothing_cannot_be_reverted() -> None:
    assert "nothing to revert" in objection(replace(DONE, action=Action.ALERT), Verb.REVERT, NOW)
    observed = replace(DONE, state=State.DRY_RUN, mode=Mode.OBSERVE)
    assert "only observes" in objection(observed, Verb.REVERT, NOW)
    assert objection(replace(observed, mode=Mode.ACT), Verb.REVERT, NOW) == ""


@pytest.mark.parametrize("action", Action)
def test_every_action_but_an_alert_says_what_a_revert_would_do(action: Action) -> None:
    assert ("spring" in undoing(replace(DONE, action=action))) is (action is not Action.ALERT)
