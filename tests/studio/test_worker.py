"""The sampling thread: tabs take turns, what nobody waits for ends, a fault is a line."""

import threading

import pytest

from melody.errors import MelodyError
from melody.studio import limits
from melody.studio.form import requests_of
from melody.studio.worker import Worker


class Tab:
    """Who waits for a job; ``done`` when it has ended."""

    def __init__(self, order=None, name=""):
        self.messages, self.done, self.order, self.name, self.note = [], threading.Event(), order, name, threading.Event()

    def __call__(self, message):
        self.messages.append(message)
        if message["is"] == "note":
            self.note.set()
        if self.order is not None and message["is"] == "song":
            self.order.append(self.name)
        if message["is"] == "end":
            self.done.set()

    def kinds(self):
        return [m["is"] for m in self.messages]


@pytest.fixture
def worker(shipped):
    made = Worker(shipped)
    yield made
    made.close()


def tasks(shipped, bars=1, candidates=1, seed=1):
    # All at once: the form of 5,000 bars takes half a minute before the first note.
    asked = {"verb": "generate", "settings": {"bars": bars, "seed": seed, "passes": False}, "candidates": candidates}
    return [one.task(shipped.bundle) for one in requests_of(asked)]


def test_a_tab_that_asks_for_much_does_not_hold_up_one_that_asks_for_little(shipped, worker, monkeypatch):
    monkeypatch.setattr(limits, "ROWS", 2)
    order = []
    much, little = Tab(order, "much"), Tab(order, "little")
    with worker.changed:  # both are there before the first turn
        threads = [
            threading.Thread(target=worker.submit, args=("a", tasks(shipped, 4, 8), much)),
            threading.Thread(target=worker.submit, args=("b", tasks(shipped, 1), little)),
        ]
        for thread in threads:
            thread.start()
    assert much.done.wait(60) and little.done.wait(60)
    assert order.index("little") <= 2 and order.count("much") == 8


def test_a_tab_has_one_job_and_a_new_one_takes_its_place(shipped, worker):
    first, second = Tab(), Tab()
    worker.submit("a", tasks(shipped, 5000), first)
    assert first.note.wait(60)
    worker.submit("a", tasks(shipped, 1), second)
    assert first.done.wait(60) and second.done.wait(60)
    assert "song" not in first.kinds() and second.kinds()[-2:] == ["song", "end"]


def test_what_nobody_waits_for_ends(shipped, worker):
    tab = Tab()
    job = worker.submit("a", tasks(shipped, 5000, 3), tab)
    assert tab.note.wait(60)
    worker.cancel(job)
    assert tab.done.wait(60) and "song" not in tab.kinds()
    assert not worker.rows and not worker.jobs


def test_after_its_time_a_piece_ends_where_it_is(shipped):
    now = [0.0]
    worker, tab = Worker(shipped, lambda: now[0]), Tab()
    try:
        worker.submit("a", tasks(shipped, 5000), tab)
        assert tab.note.wait(60)
        now[0] = limits.WRITING_SECONDS + 1
        assert tab.done.wait(60)
        assert tab.kinds()[-2:] == ["song", "end"]
    finally:
        worker.close()


def test_too_many_that_wait_is_a_line(shipped, worker, monkeypatch):
    monkeypatch.setattr(limits, "WAITING", 2)
    with pytest.raises(MelodyError, match="busy"):
        worker.submit("a", tasks(shipped, 1, 3), Tab())


def test_a_fault_of_the_engine_is_a_line_and_the_next_request_works(shipped, worker, monkeypatch):
    tab, after = Tab(), Tab()
    with monkeypatch.context() as patched:
        patched.setattr(type(shipped.engine), "advance", lambda *_: 1 / 0)
        worker.submit("a", tasks(shipped), tab)
        assert tab.done.wait(60)
    assert tab.kinds()[-2:] == ["fault", "end"] and "ZeroDivisionError" in tab.messages[-2]["line"]
    worker.submit("a", tasks(shipped), after)
    assert after.done.wait(60) and after.kinds()[-2:] == ["song", "end"]


def test_what_is_written_does_not_depend_on_who_else_is_there(shipped, worker):
    alone, crowd = Tab(), [Tab() for _ in range(4)]
    worker.submit("a", tasks(shipped, 2, seed=7), alone)
    assert alone.done.wait(60)
    for number, tab in enumerate(crowd):
        worker.submit(str(number), tasks(shipped, 2, seed=7 + number), tab)
    assert all(tab.done.wait(60) for tab in crowd)
    assert crowd[0].messages[-2]["song"] == alone.messages[-2]["song"]
