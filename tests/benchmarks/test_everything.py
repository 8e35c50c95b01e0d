"""The list behind ``make benchmarks``: it names what exists, and leaves nothing out."""

import ast
import sys
from pathlib import Path

import everything
import pytest
from everything import BENCHMARKS, Benchmark

ROOT = Path(everything.__file__).resolve().parents[1]


def scripts() -> set[str]:
    """Every benchmark that can be run, by the name of its file."""
    runnable = {path.name for path in (ROOT / "benchmarks").glob("*.py") if "__main__" in path.read_text()}
    return runnable - {"everything.py", "volumes.py"}


def test_every_script_is_in_the_list() -> None:
    assert {benchmark.words.split()[0] for benchmark in BENCHMARKS} == scripts()


@pytest.mark.parametrize("benchmark", BENCHMARKS, ids=lambda benchmark: benchmark.name)
def test_the_options_exist_and_the_page_is_there(benchmark: Benchmark) -> None:
    script, *words = benchmark.words.split()
    tree = ast.parse((ROOT / "benchmarks" / script).read_text())
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert {word for word in words if word.startswith("--")} <= texts
    assert (ROOT / benchmark.page).is_file()


def test_one_that_fails_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "bad.py").write_text("print('half'); raise SystemExit(3)\n")
    (tmp_path / "benchmarks" / "good.py").write_text("print('| a | b |')\n")
    monkeypatch.setattr(everything, "HERE", tmp_path / "benchmarks")
    monkeypatch.setattr(everything, "RESULTS", tmp_path / "results")
    two = (Benchmark("bad", "bad.py", "README.md"), Benchmark("good", "good.py", "README.md"))
    monkeypatch.setattr(everything, "BENCHMARKS", two)
    assert everything.main([]) == 1
    assert capsys.readouterr().err == "failed: bad\n"
    assert not (tmp_path / "results" / "bad.md").exists()
    assert "| a | b |" in (tmp_path / "results" / "good.md").read_text()


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        everything.main(["spede"])
    assert end.value.code == 2
    assert "there is no benchmark spede" in capsys.readouterr().err


def test_the_list_runs_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.modules["subprocess"], "run", lambda *_, **__: pytest.fail("something was run"))
    assert everything.main(["--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(BENCHMARKS)
