"""Files in and out: nothing half-written, nothing read that is not a bounded regular file, every fault one line."""

import fcntl
import hashlib
import os

import pytest

from melody.errors import CallError, MelodyError
from melody.files import claim, read_bytes, reason, replace_file, replace_folder, sha256, shown, write_bytes

LONG = "x" * 300  # longer than a file system allows


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_shown_is_printable_and_short():
    assert shown("a\nb\x1b[31m") == "a\\nb\\x1b[31m"
    assert shown("bad\udcff") == "bad\\udcff"
    assert len(shown("y" * 5000)) < 310


def test_reason_is_one_line():
    assert reason(OSError(28, "No space left on device", "/some/path")) == "No space left on device"
    assert reason(RuntimeError("Error(s):\n\tfirst\n\tsecond")) == "Error(s): first second"
    assert reason(ValueError()) == "ValueError"


def test_read(tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"12345")
    assert read_bytes(file, 5) == b"12345"
    with pytest.raises(MelodyError, match="more than the limit of 4"):
        read_bytes(file, 4)


@pytest.mark.parametrize(
    ("name", "words"),
    [("none", "no such file"), (".", "is a folder"), ("pipe", "not a regular file"), ("nul\0", "cannot be read"), (LONG, "cannot be read")],
)
def test_what_is_no_file_is_refused_unopened(tmp_path, name, words):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(MelodyError, match=words) as fault:
        read_bytes(tmp_path / name, 10)
    assert "\n" not in str(fault.value) and "\0" not in str(fault.value)


def test_a_digest_is_bounded_as_a_read_is(tmp_path):
    (tmp_path / "a").write_bytes(b"12345")
    assert sha256(tmp_path / "a", 5) == hashlib.sha256(b"12345").hexdigest()
    for name, words in (("a", "more than the limit"), ("none", "no such file"), (".", "is a folder")):
        with pytest.raises(MelodyError, match=words):
            sha256(tmp_path / name, 4)


def test_claim(tmp_path):
    free, taken = tmp_path / "free", tmp_path / "taken"
    taken.write_text("old")
    assert claim(free, False) == free
    assert claim(taken, True) == taken
    with pytest.raises(CallError, match="pass force=True"):
        claim(taken, False)
    with pytest.raises(MelodyError, match="no such folder"):
        claim(tmp_path / "none" / "x", False)
    with pytest.raises(MelodyError, match="no such folder"):
        claim(tmp_path / LONG / "x", False)
    with pytest.raises(CallError, match="device"):
        claim("/dev/null", True)


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(MelodyError, match="cannot be written"):
        claim(tmp_path / "x", False)


def test_write_replaces_whole_files(tmp_path):
    file = tmp_path / "a"
    write_bytes(file, b"one")
    write_bytes(file, b"two")
    assert file.read_bytes() == b"two" and names(tmp_path) == ["a"]
    assert file.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), KeyboardInterrupt(), ValueError("other")])
def test_a_write_that_fails_leaves_the_old_file(tmp_path, fault):
    file = tmp_path / "a"
    file.write_bytes(b"old")

    def fail():
        with replace_file(file) as temporary:
            temporary.write_bytes(b"half")
            raise fault

    with pytest.raises(MelodyError if isinstance(fault, OSError) else type(fault)):
        fail()
    assert file.read_bytes() == b"old" and names(tmp_path) == ["a"]


@pytest.mark.parametrize("name", [LONG, "none/x", "nul\0"])
def test_a_name_that_cannot_be_written(tmp_path, name):
    with pytest.raises(MelodyError, match="cannot be written"):
        write_bytes(tmp_path / name, b"")
    with pytest.raises(MelodyError, match="cannot be written"), replace_folder(tmp_path / name):
        pass
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["z" * 255, "\N{MUSICAL KEYBOARD}" * 63])
def test_the_longest_names_can_be_written(tmp_path, name):
    write_bytes(tmp_path / name, b"x")
    assert names(tmp_path) == [name]


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    target = tmp_path / "d"
    for content in ("one", "two"):
        with replace_folder(target) as folder:
            (folder / content).write_text(content)
    assert names(target) == ["two"] and names(tmp_path) == ["d"]


def test_a_folder_takes_the_place_of_a_file(tmp_path):
    (tmp_path / "d").write_text("a file")
    with replace_folder(tmp_path / "d") as folder:
        (folder / "in").write_text("x")
    assert names(tmp_path / "d") == ["in"] and names(tmp_path) == ["d"]


def test_a_folder_that_cannot_be_put_in_place_gives_the_old_one_back(tmp_path, monkeypatch):
    target = tmp_path / "d"
    target.mkdir()
    (target / "old").write_text("x")
    real = os.replace

    def replace(source, goal):
        if str(source).endswith(".part"):
            raise OSError(28, "No space left on device")
        real(source, goal)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(MelodyError, match="No space"), replace_folder(target) as folder:
        (folder / "new").write_text("x")
    assert names(target) == ["old"] and names(tmp_path) == ["d"]


def left_by_a_kill(folder, name):
    (folder / name).mkdir()
    (folder / name / "in").write_text(name)


def test_what_a_killed_process_left_goes_away(tmp_path):
    for name in (".d.abcd_123.part", ".d.old.77", ".d.mine", ".e.abcd_123.part", ".d.ABCD_123.part"):
        left_by_a_kill(tmp_path, name)
    with replace_folder(tmp_path / "d") as folder:
        assert names(tmp_path / "d") == ["in"]  # the kill came between the two renames: the old folder is back at once
        (folder / "new").write_text("x")
    assert names(tmp_path / "d") == ["new"]
    assert names(tmp_path) == sorted([".d.mine", ".e.abcd_123.part", ".d.ABCD_123.part", "d"])


def test_an_old_folder_does_not_come_back_over_a_new_one(tmp_path):
    for name in (".d.old.77", "d"):
        left_by_a_kill(tmp_path, name)
    with pytest.raises(ValueError, match="other"), replace_folder(tmp_path / "d"):
        raise ValueError("other")
    assert names(tmp_path) == ["d"] and (tmp_path / "d" / "in").read_text() == "d"


def test_what_a_living_process_works_on_stays(tmp_path):
    left_by_a_kill(tmp_path, ".d.abcd_123.part")
    handle = os.open(tmp_path / ".d.abcd_123.part", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with replace_folder(tmp_path / "d") as mine, replace_folder(tmp_path / "d") as other:
        assert mine.is_dir() and other.is_dir()
    os.close(handle)
    assert names(tmp_path) == [".d.abcd_123.part", "d"]


def test_of_names_that_are_cut_nothing_is_put_back(tmp_path):
    long, other = "x" * 40 + "1", "x" * 40 + "2"
    left_by_a_kill(tmp_path, f".{long[:40]}.old.77")
    with replace_folder(tmp_path / other):
        assert not (tmp_path / other).exists()
