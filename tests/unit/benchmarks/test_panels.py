"""The stage `panels` asks everything that boards and alerts ask, with their own spans."""

from __future__ import annotations

from benchmarks.panels import ONE, questions
from dashboards.grafana.alerts import ALERTS
from dashboards.grafana.boards import DASHBOARDS

END_MS = 1_774_569_600_000


def test_every_panel_variable_and_mark_is_asked_for_all_and_for_one_choice_and_every_alert_once() -> None:
    found = list(questions(END_MS))
    assert len(found) == 2 * sum(len(board.asking) for board in DASHBOARDS) + len(ALERTS)
    assert len({question.name for question in found}) == len(found)
    assert {variable.name for board in DASHBOARDS for variable in board.variables} <= set(ONE)


def test_a_board_is_asked_over_the_span_it_opens_with_in_steps_that_fill_a_chart() -> None:
    sql = {question.name: question.sql for question in questions(END_MS)}
    flow = sql["mailweir-overview, all: Mail flow (event_rates)"]
    assert f"toDateTime({END_MS // 1000 - 900})" in flow
    assert "toIntervalSecond(5)" in flow
    rates = sql["mailweir-campaign, one: Bad addresses, refusals, deferrals, complaints (campaign_rates)"]
    assert f"toDateTime({END_MS // 1000 - 86_400})" in rates
    assert "greatest(300, 60)" in rates
    assert "key = 'campaign-87'" in rates
