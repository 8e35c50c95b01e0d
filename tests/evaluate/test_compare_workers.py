"""Processes that work: all tasks get an answer, in parallel, whatever happens to a process."""

import os
import signal
import subprocess
import sys
import time

import pytest

from quietmr.evaluate.compare.workers import DiedError, in_processes

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


def work(task):
    if task == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if task == "leave":
        os._exit(3)
    if task == "wait":
        time.sleep(30)
    return task, os.getpid(), os.environ["OMP_NUM_THREADS"]


def test_every_task_is_answered_and_a_death_takes_one_with_it():
    tasks = ["a", "die", "b", "c", "leave", "d"]
    answers = dict(in_processes(work, tasks, workers=2, threads=3))
    assert set(answers) == set(tasks)
    assert "SIGKILL" in str(answers["die"])
    assert "code 3" in str(answers["leave"])
    assert isinstance(answers["die"], DiedError)
    alive = [answers[task] for task in "abcd"]
    assert [answer[0] for answer in alive] == list("abcd")
    assert {answer[2] for answer in alive} == {"3"}
    assert os.getpid() not in {answer[1] for answer in alive}


def test_environment_is_as_before(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    assert len(list(in_processes(work, ["a"], workers=1, threads=1))) == 1
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


def test_who_stops_asking_ends_the_processes():
    answers = in_processes(work, ["a", "wait"], workers=2, threads=1)
    (_, pid, _) = next(answers)[1]
    start = time.monotonic()
    answers.close()
    assert time.monotonic() - start < 10
    alive = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    assert alive.strip() in {"", "Z"}


def test_no_task_needs_no_process():
    assert list(in_processes(work, [], workers=2, threads=1)) == []
