"""Every line of a followed file is appended, in order, whatever happens to the file or the process."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest

from schemas.errors import Misconfigured, Transient
from streams.follow.follower import Follower
from streams.follow.framing import Lines
from streams.follow.position import PositionFile
from tests.unit.streams.follow.followed import Followed, Step, together


@pytest.fixture
def log(tmp_path: Path) -> Followed:
    return Followed(tmp_path)


def test_lines_are_appended_as_they_are_written_and_never_in_part(log: Followed) -> None:
    log.follow(log.write("one\ntw"), log.write("o\nthree"), log.write("\n"))
    assert [body.data for body in log.bodies] == [b"one\n", b"two\n", b"three\n"]


def test_a_batch_is_whole_lines_of_bounded_size(log: Followed) -> None:
    log.write("".join(f"line {number}\n" for number in range(100)))()
    log.follow(most_bytes=50)
    assert all(len(body.data) <= 50 and body.data.endswith(b"\n") for body in log.bodies)
    assert log.text == log.file.read_text()


def test_a_line_longer_than_a_batch_comes_in_pieces(log: Followed) -> None:
    log.write("x" * 120 + "\nshort\n")()
    log.follow(most_bytes=50)
    assert log.text == "x" * 120 + "\nshort\n"


def test_the_next_process_goes_on_where_the_last_one_was(log: Followed) -> None:
    log.follow(log.write("one\n"))
    log.follow(log.write("two\n"))
    assert [body.data for body in log.bodies] == [b"one\n", b"two\n"]


def test_what_was_appended_but_not_noted_is_repeated_and_nothing_is_lost(log: Followed) -> None:
    log.write("".join(f"line {number}\n" for number in range(20)))()
    log.dies_after = 3
    log.follow(most_bytes=30)
    log.follow(most_bytes=30)
    assert log.bodies[2] == log.bodies[3]
    assert b"".join(body.data for body in log.bodies[:2] + log.bodies[3:]) == log.file.read_bytes()


def test_a_log_that_is_away_is_waited_for(log: Followed) -> None:
    log.failures = 3
    log.follow(log.write("one\n"), *[lambda: None] * 3)
    assert log.text == "one\n"


def test_a_file_rotated_before_anything_of_it_was_noted_is_read_all_the_same(log: Followed) -> None:
    log.write("one\ntwo\n")()
    log.dies_after = 1
    log.follow(most_bytes=4)
    together(log.rename("mail.log.1"), log.write("three\n"))()
    log.follow()
    assert log.text == "one\none\ntwo\nthree\n"


def test_being_told_to_stop_while_the_log_is_away_loses_nothing(log: Followed) -> None:
    log.failures = 100
    log.follow(log.write("one\n"))
    assert log.text == ""
    log.failures = 0
    log.follow()
    assert log.text == "one\n"


# ---------------------------------------------------------------- rotation while following


def test_a_renamed_file_is_read_to_its_end_before_the_new_one(log: Followed) -> None:
    log.follow(
        log.write("one\n"),
        log.rename("mail.log.1"),
        log.file.touch,  # logrotate's `create`, before the writer has turned
        log.write("late\n", "mail.log.1"),
        together(log.write("later, without end", "mail.log.1"), log.write("new\n")),
    )
    assert log.text == "one\nlate\nlater, without endnew\n"


def test_a_writer_that_has_not_turned_to_the_new_file_yet_is_followed_in_the_old_one_after_a_restart(
    log: Followed,
) -> None:
    log.follow(log.write("one\n"))
    log.rename("mail.log.1")()
    log.file.touch()
    log.follow(log.write("two\n", "mail.log.1"), log.write("three\n"))
    assert log.text == "one\ntwo\nthree\n"


def test_a_file_that_is_gone_for_a_while_is_waited_for(log: Followed) -> None:
    log.follow(log.write("one\n"), log.rename("mail.log.1"), lambda: None, lambda: None, log.write("two\n"))
    assert log.text == "one\ntwo\n"


def test_a_file_that_is_not_there_yet_is_waited_for(log: Followed) -> None:
    log.follow(lambda: None, log.write("one\n"))
    assert log.text == "one\n"


@pytest.mark.parametrize("size", [1, 3, 30])
def test_a_file_cut_off_in_place_is_read_from_its_copy_and_then_anew(log: Followed, size: int) -> None:
    after = "".join(f"new {number}\n" for number in range(size))  # shorter than, as long as, longer than before
    log.follow(
        log.write("one\ntwo\nthree\n"),
        together(log.write("unseen\n"), log.copy_and_truncate("mail.log.1"), log.write(after)),
    )
    assert log.text == "one\ntwo\nthree\nunseen\n" + after


def test_several_rotations_between_two_looks_lose_nothing(log: Followed) -> None:
    log.follow(
        log.write("one\n"),
        together(
            log.write("two\n"),
            log.rename("mail.log.2"),
            log.write("three\n"),
            log.rename("mail.log.1"),
            log.write("four\n"),
        ),
    )
    assert log.text == "one\ntwo\nthree\nfour\n"


# ---------------------------------------------------------------- rotation while nobody follows


def test_rotations_during_a_pause_are_caught_up_in_order(log: Followed) -> None:
    log.follow(log.write("one\n"))
    together(
        log.write("two\n"), log.rename("mail.log.1"), log.write("three\n"),
        log.rename("mail.log.0"), log.write("four\n"),
    )()  # fmt: skip
    log.follow()
    assert log.text == "one\ntwo\nthree\nfour\n"


def test_compressed_files_are_caught_up_too(log: Followed) -> None:
    log.follow(log.write("one\n"))
    together(
        log.write("two\n"), log.rename("mail.log.2"), log.compress("mail.log.2"),
        log.write("three\n"), log.rename("mail.log.1"), log.write("four\n"),
    )()  # fmt: skip
    log.follow()
    assert log.text == "one\ntwo\nthree\nfour\n"


def test_files_moved_to_another_folder_are_found_there(tmp_path: Path) -> None:
    log = Followed(tmp_path, "acct.csv")
    done = tmp_path / "done"
    done.mkdir()
    log.follow(log.write("type,rcpt\nd,one\n"), moved_to=done)
    together(log.write("d,two\n"), log.rename("done/acct-2026-01-01-0000.csv"), log.write("type,rcpt\nd,three\n"))()
    log.follow(moved_to=done)
    assert log.text == "type,rcpt\nd,one\nd,two\ntype,rcpt\nd,three\n"


def test_files_of_other_logs_in_the_folder_are_left_alone(log: Followed) -> None:
    log.follow(log.write("one\n"))
    for name in ("mail.err", "mail.log.bak.zst", "mailer.log", "mail-debug.log", "xmail.log.1"):
        (log.folder / name).write_text("not ours\n")
    together(log.rename("mail.log.1"), log.write("two\n"))()
    log.follow()
    assert log.text == "one\ntwo\n"


def test_a_file_that_cannot_be_found_again_is_said_and_the_new_one_read(
    log: Followed, caplog: pytest.LogCaptureFixture
) -> None:
    log.follow(log.write("one\n"))
    together(log.file.unlink, log.write("another\n"))()
    log.follow()
    assert log.text == "one\nanother\n"
    assert "the file that was read up to byte 4 is gone" in caplog.text


def test_any_order_of_writing_rotating_and_dying_loses_no_line_and_swaps_none(tmp_path: Path) -> None:
    for seed in range(50):
        chance = random.Random(seed)
        folder = tmp_path / str(seed)
        folder.mkdir()
        log, written = Followed(folder), 1
        log.follow(log.write("line 000000\n"))
        for _ in range(chance.randint(1, 4)):  # processes
            steps: list[Step] = []
            for _ in range(chance.randint(0, 6)):
                batch = []
                for _ in range(chance.randint(1, 3)):
                    kind = chance.random()
                    name = f"mail.log.{chance.getrandbits(40)}"
                    if kind < 0.6:
                        count = chance.randint(1, 40)
                        batch.append(log.write("".join(f"line {written + more:06}\n" for more in range(count))))
                        written += count
                    elif kind < 0.8:
                        batch += [log.rename(name), log.write(f"line {written:06}\n")]
                        written += 1
                    else:
                        batch += [log.copy_and_truncate(name), log.write(f"line {written:06}\n")]
                        written += 1
                steps.append(together(*batch))
            log.dies_after = chance.choice([None, None, chance.randint(1, 9)])
            log.follow(*steps, most_bytes=chance.choice([64, 1000]))
        log.dies_after = None
        log.follow()
        lines = log.text.splitlines()
        first = list(dict.fromkeys(lines))
        assert first == sorted(first), f"seed {seed}: out of order"
        assert set(first) >= set(existing_lines(log)), f"seed {seed}: lost"


def existing_lines(log: Followed) -> list[str]:
    """Every line that is in the file or in a rotated one."""
    return [line for path in log.folder.glob("mail.log*") for line in path.read_text().splitlines()]


# ---------------------------------------------------------------- --once, mistakes


def test_once_reads_what_there_is_also_a_last_line_without_end(log: Followed) -> None:
    log.write("one\ntwo")()
    log.once()
    log.once()
    assert log.text == "one\ntwo"
    log.write(" more\nthree\n")()
    log.once()
    assert log.text == "one\ntwo more\nthree\n"


def test_once_reads_a_compressed_file(tmp_path: Path) -> None:
    log = Followed(tmp_path, "mail.log.gz")
    (tmp_path / "mail.log").write_text("one\ntwo\n")
    log.compress("mail.log")()
    log.once()
    assert log.text == "one\ntwo\n"


def test_a_compressed_file_that_is_damaged_costs_no_more_than_itself(
    log: Followed, caplog: pytest.LogCaptureFixture
) -> None:
    log.follow(log.write("one\n"))
    together(log.rename("mail.log.2"), log.write("two\n" * 5_000), log.rename("mail.log.1"), log.write("three\n"))()
    log.compress("mail.log.1", missing=12)()
    log.follow()
    assert log.text.startswith("one\n")
    assert log.text.endswith("\nthree\n")
    assert "cannot be unpacked" in caplog.text


def test_once_of_a_file_that_is_not_there_is_a_mistake(log: Followed) -> None:
    with pytest.raises(Misconfigured, match=r"mail\.log: no such file"):
        log.once()


def test_once_gives_up_when_the_log_stays_away(log: Followed) -> None:
    log.write("one\n")()
    log.failures = 10_000
    with PositionFile(log.folder / "data", "own", log.file) as positions:
        follower = Follower(log.file, positions, Lines(), log.append, lambda: 0)
        follower.stop = Impatient()
        with pytest.raises(Transient):
            follower.read_once()
        assert positions.load() is None


class Impatient(threading.Event):
    """An event whose wait takes no time."""

    def wait(self, timeout: float | None = None) -> bool:
        return self.is_set()


def test_a_second_follower_of_the_same_file_is_refused(log: Followed) -> None:
    with (
        PositionFile(log.folder / "data", "own", log.file),
        pytest.raises(Misconfigured, match="another `mailweir follow`"),
    ):
        log.follow()
    log.follow(log.write("one\n"))
    assert log.text == "one\n"


def test_a_damaged_position_is_said_and_not_guessed(log: Followed) -> None:
    log.follow(log.write("one\n"))
    next((log.folder / "data").glob("*.json")).write_text("{")
    with pytest.raises(Misconfigured, match="delete it to read the log from its beginning"):
        log.follow()
