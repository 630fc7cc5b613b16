import os
from pathlib import Path

import pytest

from melody.doctor import system
from melody.doctor.system import FEATURES, processor, read_system, with_tilde

X86 = """\
processor\t: 0
vendor_id\t: GenuineIntel
model name\t: Intel(R)  Xeon(R) Platinum 8481C CPU @ 2.70GHz
flags\t\t: fpu sse2 fma avx avx2 avx512f avx512_vnni amx_bf16 amx_tile amx_int8

processor\t: 1
model name\t: Intel(R)  Xeon(R) Platinum 8481C CPU @ 2.70GHz
flags\t\t: fpu sse2 fma avx avx2 avx512f avx512_vnni amx_bf16 amx_tile amx_int8
"""
ARM = """\
processor\t: 0
BogoMIPS\t: 243.75
Features\t: fp asimd evtstrm aes asimddp sve i8mm bf16
CPU implementer\t: 0x41
"""


@pytest.mark.parametrize(
    ("text", "name", "features"),
    [
        (X86, "Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz", ("AVX2", "FMA", "AVX-512", "AVX-512 VNNI", "AMX")),
        (ARM, "", ("NEON", "NEON dot product", "NEON I8MM", "SVE")),
        ("", "", ()),
        ("flags without a colon\n: \n::\n", "", ()),
    ],
    ids=["x86", "arm", "nothing", "nonsense"],
)
def test_the_processor_by_its_own_words(text, name, features):
    assert processor(text) == (name, features)


def test_numpy_is_asked_where_there_is_no_proc(monkeypatch, tmp_path):
    if not system.CPUINFO.is_file():
        pytest.skip("there is no /proc/cpuinfo to compare with")
    by_proc = read_system()
    monkeypatch.setattr(system, "CPUINFO", tmp_path / "nothing")
    by_numpy = read_system()
    both = {
        name
        for name, (_, numpy_name) in FEATURES.items()
        if numpy_name in dict.fromkeys(system._numpy_features()) or name in by_numpy.features
    }
    assert set(by_numpy.features) == both <= set(by_proc.features)
    assert by_numpy.processor  # the machine's kind at least


def test_what_cannot_be_found_out_is_empty(monkeypatch, tmp_path):
    for name in ("CPUINFO", "MEMINFO", "GROUP_LIMIT"):
        monkeypatch.setattr(system, name, tmp_path / "nothing")
    monkeypatch.setattr(system, "import_module", lambda name: object())
    monkeypatch.delattr(os, "sysconf", raising=False)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    found = read_system()
    assert (found.features, found.memory, found.free_memory) == ((), None, None)
    assert found.cores == found.all_cores >= 1


def test_a_container_has_the_memory_that_it_is_given(monkeypatch, tmp_path):
    monkeypatch.setattr(system, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(system, "GROUP_LIMIT", tmp_path / "limit")
    system.MEMINFO.write_text("MemTotal:       1000 kB\nMemFree:  1 kB\nMemAvailable:    600 kB\n")
    system.GROUP_LIMIT.write_text("max\n")
    assert (read_system().memory, read_system().free_memory) == (1000 * 1024, 600 * 1024)
    system.GROUP_LIMIT.write_text("512000\n")
    assert read_system().memory == 512_000


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/anna", "~"),
        ("/home/anna/music/x.mid", "~/music/x.mid"),
        ("/lib:/home/anna/lib:/home/annabel", "/lib:~/lib:/home/annabel"),
        ("cannot read /home/anna/x.mid (gone)", "cannot read ~/x.mid (gone)"),
        ("/mnt/home/anna/x", "/mnt/home/anna/x"),
    ],
)
def test_the_home_folder_is_not_shown(monkeypatch, text, shown):
    monkeypatch.setenv("HOME", "/home/anna")
    assert with_tilde(text) == shown


def test_a_home_that_is_the_root_hides_nothing(monkeypatch):
    monkeypatch.setenv("HOME", "/")
    assert with_tilde(Path("/usr/lib")) == "/usr/lib"
