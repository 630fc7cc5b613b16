"""A person's walk through the page in Chromium: generate, hear, rewrite, choose, undo, draw, reload, fail, on a phone."""

import json
import shutil
import subprocess

import pytest

from melody.studio.app import PAGE

from .browser import Browser, found, served

pytestmark = pytest.mark.slow
NOTES = "JSON.parse(localStorage.getItem('melody.song')).tracks.flatMap(t => t.notes)"
QUIET = "!document.querySelector('#status').classList.contains('busy')"
SHOWN = "[...document.querySelectorAll('button, select, input')].filter(e => e.offsetParent)"
LEVEL = """
    const connect = AudioNode.prototype.connect;
    AudioNode.prototype.connect = function (to, ...rest) {
        if (to instanceof AudioDestinationNode) { window.ear = this.context.createAnalyser(); connect.call(this, window.ear); }
        return connect.call(this, to, ...rest);
    };
"""
LOUD = "(b => (window.ear?.getFloatTimeDomainData(b), Math.max(...b.map(Math.abs)) > 0.01))(new Float32Array(2048))"


@pytest.fixture(scope="module")
def address():
    if found() is None:
        pytest.skip("Chromium is not installed")
    with served() as made:
        yield made


@pytest.fixture(scope="module")
def browser(address, tmp_path_factory):
    made = Browser(tmp_path_factory.mktemp("profile"))
    made.call("Page.addScriptToEvaluateOnNewDocument", source=LEVEL)
    yield made
    made.close()


@pytest.fixture
def page(browser, address):
    """An empty studio in a window of usual size; nothing may go wrong in it."""
    browser.size(1280, 760)
    browser.open(address)
    browser.run("localStorage.clear()")
    browser.run("document.querySelector('#new').click()")
    browser.faults.clear()
    yield browser
    assert not browser.faults


def kept(page):
    """The notes that the browser keeps, once it has kept those that are shown."""
    page.wait("new Promise(done => setTimeout(() => done(true), 900))")
    return page.run(NOTES)


def generate(page, bars=4, seed=3):
    page.fill("#set-bars", bars)
    page.fill("#set-seed", seed)
    page.click("[data-verb=generate]")
    page.wait("document.querySelector('#parts .part') !== null")
    page.wait(QUIET)


def test_a_piece_is_written_seen_and_heard(page):
    generate(page)
    assert page.run("document.querySelector('#status').textContent") == "Generate: done, seed 3"
    page.wait("document.body.classList.contains('playing')")
    page.wait("document.querySelector('#where').value > '1.2'")
    page.wait(LOUD)
    notes = kept(page)
    assert len(notes) > 10
    rows = page.run("[...document.querySelectorAll('#notes tbody tr')].map(r => r.textContent)")
    assert len(rows) == 4 and "beat 1 " in rows[0]
    page.key(" ")
    page.wait("!document.body.classList.contains('playing')")


def test_bars_are_rewritten_and_candidates_chosen(page):
    generate(page)
    before = kept(page)
    page.click("#fit, #home")
    left, top, _, _ = page.place("#ruler")
    page.drag((left + 60, top + 20), (left + 90, top + 20), (left + 130, top + 20))
    assert page.wait("document.querySelector('#hint').textContent").startswith("Rewrite")
    page.fill("#candidates", 3)
    page.click("[data-verb=infill]")
    page.wait("!document.querySelector('#flip').hidden")
    page.wait(QUIET)
    first = kept(page)
    page.key(">")
    assert page.run("document.querySelector('#which').value") == "2 of 3"
    second = kept(page)
    assert first != second != before
    page.click("#keep")
    page.wait("document.querySelector('#flip').hidden")
    page.key("z", 2)
    assert kept(page) == before
    page.key("y", 2)
    assert kept(page) == first or kept(page) == second


def test_notes_are_drawn_moved_and_deleted_and_all_of_it_undone(page):
    page.key("1")
    left, top, _, _ = page.place("#canvas")
    page.drag((left + 100, top + 100), (left + 140, top + 100), (left + 180, top + 100))
    (drawn,) = kept(page)
    page.key("ArrowUp")
    (moved,) = kept(page)
    assert moved[2] == drawn[2] + 1 and moved[:2] == drawn[:2]
    page.key("Delete")
    assert kept(page) == []
    for _ in range(2):
        page.key("z", 2)
    assert kept(page) == [drawn]


KEYBOARD = """
    window.keyboard = {};
    const access = { inputs: new Map([["one", window.keyboard]]), addEventListener() {} };
    navigator.requestMIDIAccess = async () => access;
"""


def test_a_midi_keyboard_is_recorded(page):
    page.run(f"(() => {{ {KEYBOARD} }})()")
    page.key("r")
    page.wait("document.querySelector('#record').ariaPressed === 'true' && document.body.classList.contains('playing')")
    page.run("keyboard.onmidimessage({data: new Uint8Array([0x90, 64, 77])})")
    page.wait("document.querySelector('#where').value >= '1.2'")
    page.run("keyboard.onmidimessage({data: new Uint8Array([0x80, 64, 0])})")
    page.key(" ")
    page.wait("document.querySelector('#record').ariaPressed === 'false'")
    ((onset, duration, pitch, velocity),) = kept(page)
    assert (pitch, velocity) == (64, 77) and onset < 480 and duration > 100


def test_without_a_midi_keyboard_it_is_a_line(page):
    page.run("navigator.requestMIDIAccess = async () => ({ inputs: new Map(), addEventListener() {} })")
    page.key("r")
    page.wait("document.querySelector('#status.wrong')?.textContent === 'no MIDI keyboard is connected'")


def test_a_reload_keeps_the_piece(page, address):
    generate(page)
    before = kept(page)
    page.open(address)
    page.wait("document.querySelector('#parts .part') !== null")
    assert kept(page) == before and len(before) > 10


def test_a_file_is_opened_and_one_that_is_none_is_a_line(page, tmp_path, scale):
    scale.save(tmp_path / "scale.mid")
    page.choose_file("#file", tmp_path / "scale.mid")
    page.wait("document.querySelector('#status').textContent === 'scale.mid: 16 notes, 1 part'")
    (tmp_path / "bad.mid").write_bytes(b"no music")
    page.choose_file("#file", tmp_path / "bad.mid")
    page.wait("document.querySelector('#status.wrong')?.textContent.startsWith('bad.mid: not a MIDI file')")
    page.faults = [f for f in page.faults if "422" not in f]  # the browser notes the answer
    assert len(kept(page)) == 16


def test_escape_cancels_and_the_piece_is_what_it_was(page):
    generate(page)
    before = kept(page)
    page.fill("#set-bars", 2000)
    page.click("[data-verb=continue]")
    page.wait(f"!({QUIET})")
    page.key("Escape")
    page.wait(QUIET)
    assert page.run("document.querySelector('#status').textContent") == "cancelled"
    assert kept(page) == before


def test_nothing_sticks_out_at_any_size_and_every_control_has_a_name(page):
    generate(page)
    for width, height, dark in [(360, 740, False), (360, 740, True), (768, 1024, False), (1280, 760, True), (3840, 2160, False)]:
        page.size(width, height, dark)
        page.wait(f"innerWidth === {width} && document.documentElement.scrollWidth <= innerWidth")
        assert (
            page.run(f"{SHOWN}.filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('#parts')).map(e => e.id)") == []
        )
    assert page.run(f"{SHOWN}.filter(e => !(e.ariaLabel || e.textContent.trim() || e.labels?.length)).map(e => e.id)") == []


def test_one_tab_stop_a_group(page):
    generate(page)
    groups = page.run("[...document.querySelectorAll('[role=toolbar]')].filter(g => g.offsetParent).map(g => g.ariaLabel)")
    stops = page.run(
        f"{SHOWN}.filter(e => !e.disabled && e.tabIndex === 0).map(e => e.closest('[role=toolbar]')?.ariaLabel).filter(Boolean)"
    )
    assert sorted(stops) == sorted(groups) and len(groups) >= 5


def test_the_modules_are_of_the_types_that_they_say():
    compiler = shutil.which("tsc")
    if compiler is None:
        pytest.skip("the TypeScript compiler is not installed; .ci/page fetches it where there is node")
    done = subprocess.run([compiler, "--noEmit", "-p", str(PAGE / "jsconfig.json")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_modules_are_short_enough_to_read():
    lengths = {path.name: len(path.read_text("utf-8").splitlines()) for path in PAGE.glob("*.js")}
    assert len(lengths) > 10 and max(lengths.values()) <= 300, json.dumps(lengths)
