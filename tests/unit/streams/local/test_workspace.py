"""The folder of a stack: locked, cleaned up, never mistaken for another's."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from schemas.errors import Misconfigured
from streams.local.workspace import Workspace, sweep


def age(folder: Path) -> None:
    an_hour_ago = time.time() - 3600
    os.utime(folder / ".lock", (an_hour_ago, an_hour_ago))


def test_a_temporary_workspace_disappears_at_the_end() -> None:
    with Workspace() as workspace:
        (workspace.subfolder("logs") / "gateway.log").write_text("x")
        assert workspace.folder.is_dir()
    assert not workspace.folder.exists()


def test_a_kept_workspace_stays_and_is_not_swept(tmp_path: Path) -> None:
    with Workspace(tmp_path / "mailweir-kept") as workspace:
        pass
    age(workspace.folder)
    assert sweep(tmp_path) == []
    assert workspace.folder.is_dir()


def test_a_temporary_workspace_can_be_kept_for_its_logs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Workspace() as workspace:
        workspace.keep()
    age(workspace.folder)
    Workspace().close()
    assert workspace.folder.parent == tmp_path
    assert workspace.folder.is_dir()


def test_a_folder_in_use_is_refused_with_the_process_that_holds_it(tmp_path: Path) -> None:
    with Workspace(tmp_path), pytest.raises(Misconfigured, match=f"in use by another .*process {os.getpid()}"):
        Workspace(tmp_path)


def test_a_folder_is_free_again_after_its_owner_was_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time, pathlib; from streams.local.workspace import Workspace\n"
        "w = Workspace(pathlib.Path(sys.argv[1])); print('locked', flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"locked\n"
        with pytest.raises(Misconfigured):
            Workspace(tmp_path)
        owner.kill()
    Workspace(tmp_path).close()


def test_the_leftover_of_a_killed_run_is_removed_and_a_running_one_is_not(tmp_path: Path) -> None:
    leftover, running, young = (tmp_path / f"mailweir-{name}" for name in ("leftover", "running", "young"))
    for folder in (leftover, young):
        folder.mkdir()
        (folder / ".lock").write_text("temporary, process 1\n")
    age(leftover)
    with Workspace(running):
        (running / ".lock").write_text("temporary, process 1\n")
        age(running)
        assert sweep(tmp_path) == [leftover]
    assert not leftover.exists()
    assert running.is_dir()
    assert young.is_dir()


def test_a_file_in_place_of_the_folder_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(Misconfigured, match="is not a folder; choose another one for --data"):
        Workspace(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_write_permission_is_refused_with_a_sentence(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(Misconfigured, match="cannot be written"):
        Workspace(tmp_path / "data")


def test_a_folder_on_a_read_only_file_system_is_refused_with_a_sentence() -> None:
    with pytest.raises(Misconfigured, match=r"cannot be written|is not a folder"):
        Workspace(Path("/proc/mailweir"))
