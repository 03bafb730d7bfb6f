"""`mailweir`: one command, one sentence when something is wrong, exit code 0 fine, 1 failed, 2 misused.

Declares the commands and nothing else; what they need is imported when they run, so that the offline
ones (`parse`, `classify`) start in a fraction of a second.
"""
# ruff: noqa: PLC0415 - imports inside commands are the point of this module

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from schemas.errors import MailweirError, Misconfigured
from streams.commands.console_options import app as console
from streams.commands.decision_options import app as decisions
from streams.commands.ending import end
from streams.commands.journeys_options import app as journeys
from streams.commands.policy_options import app as policy
from streams.commands.replay_options import replay
from streams.commands.reputation_options import app as reputation
from streams.commands.segments_options import app as segments
from streams.commands.service import service
from streams.commands.suppression_options import app as suppression
from streams.commands.terminal_options import report, top
from streams.commands.warmup_options import app as warmup

app = typer.Typer(
    name="mailweir",
    help="Measures the stream of mail events and closes the gate before your reputation pays for it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
topics = typer.Typer(help="Kafka topics.", no_args_is_help=True)
tables = typer.Typer(help="ClickHouse tables.", no_args_is_help=True)
app.add_typer(suppression, name="suppression")
app.add_typer(topics, name="topics")
app.add_typer(console, name="console")
app.add_typer(policy, name="policy")
app.add_typer(tables, name="tables")
app.add_typer(decisions, name="decisions")
app.add_typer(reputation, name="reputation")
app.add_typer(warmup, name="warmup")
app.add_typer(segments, name="segments")
app.add_typer(journeys, name="journeys")
app.command()(report)
app.command()(top)
app.command()(replay)

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, do nothing.")]
Seed = Annotated[int, typer.Option(help="Same seed, same messages.")]
Json = Annotated[Path | None, typer.Option("--json", help="Also write the figures to this file.")]


@app.command()
def demo(
    for_: Annotated[str, typer.Option("--for", help="How long, e.g. 60s or 2m; without it, until Ctrl-C.")] = "",
    rate: Annotated[float, typer.Option(help="Events per second.")] = 500.0,
    seed: Seed = 7,
    scenario: Annotated[str, typer.Option(help="healthy, bad-list, blocked-ip or flaky.")] = "bad-list",
    headless: Annotated[bool, typer.Option("--headless", help="Plain lines instead of a live display.")] = False,
    json: Json = None,
) -> None:
    """The whole pipeline on this machine, with simulated senders."""
    from streams.commands import demo as command

    end(
        lambda: command.run(
            for_=for_, rate=rate, seed=seed, scenario=scenario, headless=headless, json_path=json, environ=os.environ
        )
    )


@app.command()
def up(
    data: Annotated[Path, typer.Option(help="Folder for the store and the logs.")] = Path("data"),
) -> None:
    """The whole pipeline on this machine, for real webhooks."""
    from streams.commands import up as command

    end(lambda: command.run(data=data, environ=os.environ))


@app.command()
def gateway() -> None:
    """Receive webhooks over HTTP."""
    service("run_gateway")


@app.command()
def inbox() -> None:
    """Read bounces, complaints and reports from mailboxes."""
    service("run_inbox")


@app.command()
def poll() -> None:
    """Ask Postmaster Tools and SNDS for their figures, once a day."""
    service("run_poll")


@app.command()
def normalise() -> None:
    """Turn raw webhooks into canonical events."""
    service("run_normalise")


@app.command()
def remediation() -> None:
    """Decide on scores, act on the senders' APIs."""
    service("run_remediation")


@app.command()
def follow(
    source: Annotated[str, typer.Argument(help="A source of mailweir.yaml.")],
    file: Annotated[Path, typer.Argument(help="The log file.")],
    once: Annotated[bool, typer.Option("--once", help="Read what the file has and end.")] = False,
    zone: Annotated[str, typer.Option(help="Zone of times without one, e.g. Europe/Berlin; else this machine's.")] = "",
    moved_to: Annotated[Path | None, typer.Option(help="Another folder in which rotated files end.")] = None,
) -> None:
    """Send the lines of a log file on as they are written."""
    from streams import environment, wiring

    end(lambda: wiring.run_follow(environment.settings(), source, file, once=once, zone=zone, moved_to=moved_to))


@app.command()
def sink() -> None:
    """Write every topic to ClickHouse."""
    service("run_sink")


@app.command()
def store(
    data: Annotated[Path | None, typer.Option(help="Folder of the store (default: MAILWEIR_DATA).")] = None,
    port: Annotated[int | None, typer.Option(help="Port (default: MAILWEIR_STORE_PORT).")] = None,
) -> None:
    """Serve a chDB folder over ClickHouse's HTTP protocol."""
    from streams import environment, wiring

    end(lambda: wiring.run_store(environment.settings(), data, port))


@topics.command("apply")
def topics_apply(dry_run: DryRun = False) -> None:
    """Create the topics that are missing; safe to repeat."""
    from streams import environment, wiring

    end(lambda: wiring.apply_topics(environment.settings(), dry_run=dry_run))


@tables.command("apply")
def tables_apply(dry_run: DryRun = False) -> None:
    """Create or migrate the tables; safe to repeat."""
    from streams import environment, wiring

    end(lambda: wiring.apply_tables(environment.settings(), dry_run=dry_run))


@app.command()
def parse(
    provider: Annotated[str, typer.Argument(help="e.g. sendgrid; not needed with --batch.")] = "",
    headers: Annotated[Path | None, typer.Option(help="JSON object or `Name: value` lines.")] = None,
    url: Annotated[str, typer.Option(help="The URL the provider posted to.")] = "",
    secret: Annotated[str | None, typer.Option(help="Verify the signature with this secret or public key.")] = None,
    batch: Annotated[bool, typer.Option("--batch", help="Read requests as JSON lines, answer each.")] = False,
    anymail: Annotated[bool, typer.Option("--anymail", help="Name everything as django-anymail does.")] = False,
) -> None:
    """One request's canonical events as JSON lines; needs no service."""
    from streams.clock import clock_ms
    from streams.commands import parse as command

    if batch:
        end(lambda: command.run_batch(sys.stdin.buffer, sys.stdout, clock_ms()))
    if not provider:
        end(lambda: _raise(Misconfigured("name a provider, e.g. `mailweir parse sendgrid < BODY`, or use --batch")))
    write = command.as_anymail if anymail else command.as_dict
    end(
        lambda: command.run(
            provider, headers, url, secret, sys.stdin.buffer, sys.stdout, sys.stderr, clock_ms(), write=write
        )
    )


@app.command("unsubscribe-link")
def unsubscribe_link(
    recipient: Annotated[str, typer.Argument(help="The recipient's address.")],
    tenant: Annotated[str, typer.Option(help="Whose mail it is.")] = "default",
    stream: Annotated[str, typer.Option(help="What is unsubscribed from, e.g. newsletter.")] = "",
    campaign: Annotated[str, typer.Option(help="The campaign of this mail.")] = "",
    mailto: Annotated[str, typer.Option(help="An address for opting out by mail, beside the link.")] = "",
) -> None:
    """The two List-Unsubscribe headers (RFC 8058) for one mail."""
    from connectors.oneclick import Link
    from streams import environment
    from streams.commands import unsubscribe_link as command

    link = Link(tenant, recipient, stream, campaign)
    end(lambda: command.run(environment.config(environment.settings()), link, mailto, sys.stdout))


@app.command()
def classify(
    dsn: Annotated[list[Path] | None, typer.Option("--dsn", help="Bounce mails (RFC 3464) instead of lines.")] = None,
    json: Annotated[bool, typer.Option("--json", help="JSON lines (the default but for --score).")] = False,
    check: Annotated[bool, typer.Option("--check", help="Does every rule read its own examples?")] = False,
    score: Annotated[Path | None, typer.Option(help="Labelled replies; prints how many are read as labelled.")] = None,
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="REPLY", help="Else from stdin, one a line. After --dsn: more mails.")
    ] = None,
) -> None:
    """SMTP replies or bounce mails to bounce classes, as JSON lines."""
    from streams.commands import bounce_rules
    from streams.commands import classify as command

    if check:
        end(lambda: bounce_rules.run_check(sys.stdout))
    if score:
        end(lambda: bounce_rules.run_score(score, sys.stdout, as_json=json))

    if dsn:
        end(lambda: command.run_dsn([*dsn, *map(Path, texts or [])], sys.stdout, sys.stderr))
    end(lambda: command.run(texts or sys.stdin, sys.stdout, as_json=json))


@app.command()
def mailboxes(
    file: Annotated[Path, typer.Argument(help="Written anew, in one step.")],
    nameserver: Annotated[str, typer.Option(help="IP or IP:port to ask instead of the system's.")] = "",
) -> None:
    """Who takes the mail of the domains on stdin, by their MX records, kept in a file for the normaliser."""
    from streams.clock import clock_ms
    from streams.commands import mailboxes as command

    end(lambda: command.run(file, sys.stdin, sys.stderr, nameserver=nameserver, now_s=clock_ms() // 1000))


def _raise(error: MailweirError) -> int:
    raise error


def main() -> None:
    """The console script."""
    app()


if __name__ == "__main__":
    main()
