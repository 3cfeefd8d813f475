"""./dev: what it says and decides before it installs or starts anything."""

import importlib.machinery
import importlib.util
import os
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
HABITS = "setup run test check matrix migration journeys bench texts lock up down".split()


@pytest.fixture
def dev(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The script as a module, about a project in another folder."""
    loader = importlib.machinery.SourceFileLoader("dev", str(ROOT / "dev"))
    spec = importlib.util.spec_from_loader("dev", loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    monkeypatch.setattr(module, "STAMP", tmp_path / ".venv" / ".stamp")
    for name in (module.PRODUCT, module.EVERYTHING):
        (tmp_path / name).write_text("wheel==1\n")
    return module


@pytest.fixture
def steps(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What it would have made and installed."""
    taken: list[str] = []

    def make() -> None:
        taken.append("venv")
        dev.PYTHON.parent.mkdir(parents=True, exist_ok=True)
        dev.PYTHON.unlink(missing_ok=True)
        dev.PYTHON.symlink_to(sys.executable)
        dev.STAMP.unlink(missing_ok=True)

    monkeypatch.setattr(dev, "make_venv", make)
    monkeypatch.setattr(dev, "install", taken.append)
    return taken


def said(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "dev", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=30,
    )


def test_alone_it_lists_every_habit() -> None:
    shown = said()
    assert shown.returncode == 0
    assert set(HABITS) <= set(re.findall(r"\./dev (\w+)", shown.stdout))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["nothing"], "no habit 'nothing'"), (["migration", "Two words"], "small letters")],
)
def test_what_it_does_not_know(arguments: list[str], words: str) -> None:
    refused = said(*arguments)
    assert refused.returncode == 1
    assert words in refused.stderr


@pytest.mark.parametrize("port", ["abc", "70000", "-1"])
def test_a_port_that_is_none(port: str) -> None:
    refused = said("run", PORT=port)
    assert refused.returncode == 1
    assert "PORT" in refused.stderr


def test_a_taken_port_gives_the_next_one_named(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("PORT", str(port))
        found = dev.free_port()
    assert port < found <= port + 100
    assert f"{port} is taken" in capsys.readouterr().out


def test_it_installs_once_and_again_when_the_lock_changes(dev: ModuleType, steps: list[str]) -> None:
    dev.make_ready(dev.PRODUCT)
    assert steps == ["venv", "requirements.txt"]
    dev.make_ready(dev.PRODUCT)
    assert len(steps) == 2
    (dev.ROOT / dev.PRODUCT).write_text("wheel==2\n")
    dev.make_ready(dev.PRODUCT)
    assert steps[2:] == ["requirements.txt"]


def test_the_development_lock_holds_the_products(dev: ModuleType, steps: list[str]) -> None:
    dev.make_ready(dev.EVERYTHING)
    dev.make_ready(dev.PRODUCT)
    assert steps == ["venv", "requirements-dev.txt"]


def test_a_moved_project_gets_a_new_environment(
    dev: ModuleType, steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    dev.make_ready(dev.PRODUCT)
    dev.STAMP.write_text(dev.STAMP.read_text().replace(str(dev.ROOT), "/elsewhere"))
    dev.make_ready(dev.PRODUCT)
    assert steps == ["venv", "requirements.txt"] * 2


def test_a_broken_environment_is_made_anew(dev: ModuleType, steps: list[str]) -> None:
    dev.make_ready(dev.PRODUCT)
    dev.PYTHON.unlink()
    dev.make_ready(dev.PRODUCT)
    assert steps == ["venv", "requirements.txt"] * 2


def test_two_at_once_install_once(dev: ModuleType, steps: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly(name: str) -> None:
        time.sleep(0.3)
        steps.append(name)

    monkeypatch.setattr(dev, "install", slowly)
    both = [threading.Thread(target=dev.make_ready, args=[dev.PRODUCT]) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert steps == ["venv", "requirements.txt"]


def test_a_python_without_pip_is_told_so(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dev, "make_venv", lambda: dev.VENV.mkdir(exist_ok=True))
    monkeypatch.setattr(dev, "find_installer", lambda: None)
    with pytest.raises(SystemExit, match="python3-venv"):
        dev.make_ready(dev.PRODUCT)
    assert not dev.VENV.exists()  # nothing half-made is left


def test_a_migration_gets_the_next_number(dev: ModuleType) -> None:
    versions = dev.ROOT / "migrations" / "versions"
    versions.mkdir(parents=True)
    (versions / "0007_before.py").touch()
    dev.migration(["return_visits"])
    made = (versions / "0008_return_visits.py").read_text()
    assert 'revision = "0008"' in made
    assert 'down_revision = "0007"' in made
    compile(made, "migration", "exec")


def test_both_locks_pin_the_same_and_with_hashes() -> None:
    pin = re.compile(r"^([a-z0-9.-]+==\S+)(?: ;.*)? \\$", re.MULTILINE)
    product, everything = (
        set(pin.findall((ROOT / name).read_text())) for name in ("requirements.txt", "requirements-dev.txt")
    )
    assert len(product) > 30
    assert product <= everything
    assert "--hash=sha256:" in (ROOT / "requirements.txt").read_text()
