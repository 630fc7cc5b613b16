"""Values for the random command lines of calls.py: likely, wrong and hostile ones."""

# ruff: noqa: SIM905  # as lists, with a value a line, these would be pages
import os

ODD_NUMBERS = ("", " 4 ", "4\n", "9" * 5000, "\u0661\u0662", "\u00bd", "1_000", "0x10", "1,5", "+3")  # among them Arabic digits, and a half
NUMBERS = (
    *"0 1 2 3 -1 -0 1.5 -1.5 0.5 1e3 1e999 -1e999 nan -nan inf -inf 1e-320 1e308 4294967296 2147483648 9223372036854775807".split(),
    *"9223372036854775808 99999999999999999999 -99999999999999999999".split(),
    *ODD_NUMBERS,
)
CONTROLS = ("\n", "\t", "\r\n", "\x1b[31mred", "\x07", "\u202egnp", "\u2028", "\ufeff", os.fsdecode(b"\xff\xfe"))
TEXTS = (
    *CONTROLS,
    *" | |a b|A minor|{0!r}|[1, 2]|{'bars': 1}|import os|\u00fcn\u00ef \u97f3 \U0001f3b5".split("|"),
    *"%s%n{0}{x.__class__} [red]x[/red] $(id) `id` ' \" \\ - -- --- -x --help --json -o = --bars= --bars=3 --=".split(),
    *"@tune.mid * -h --version".split(),
    *"~ ~nobody/x . .. ../.. {} 1,2,3 , a=b --music.bars true None null C 3/4 0/0 4/3 99/4 piano,bass,drums drums onnx torch".split(),
    *"test valid tiny base state heads bf16 fp32 one two".split(),
    "a" * 10_000,
)
PLACES = (  # what calls.Folder makes, what it does not, and what is no file
    *"tune.mid out.mid out out.html out.png out.svg out.wav missing.mid missing/x.mid folder folder.mid pipe.mid loop.mid".split(),
    *"dangling.mid again empty.mid text.mid cut.mid taken.mid tune.mid/x.mid corpus corpus/index.json model model/bundle.json".split(),
    *"broken lies bomb.zip good.zip songs recipe.toml bad.toml -dash.mid ./-dash.mid .hidden style.msgpack x.style".split(),
    *"/dev/zero /dev/null /dev/full /dev/stdin /proc/self/mem /proc/self/environ /proc/self/fd /nowhere/x.mid /sys/kernel".split(),
    *("x" * 300 + ".mid", "y" * 250 + ".mid", os.fsdecode(b"bytes\xff.mid"), "new\nline.mid", "\x1b[31m.mid"),
)
LIKELY = {  # what makes a call go deep, by the name of a flag or an argument
    name: tuple(values.split())
    for name, values in {
        "TUNE": "tune.mid",
        "PIECE": "tune.mid",
        "FILE": "tune.mid",
        "PATH": "tune.mid corpus model good.zip broken",
        "CORPUS": "corpus songs",
        "BUNDLE": "model",
        "MODEL": "model",
        "FOLDER": ". run",
        "FOLDERS": "songs good.zip",
        "NAME": "groove",
        "--model": "model",
        "--from": "model",
        "--old": "corpus",
        "--corpus": "corpus",
        "--surprise": "tune.mid",
        "--recipe": "tiny",
        "--steps": "1 2",
        "--bars": "1 2",
        "--from-bar": "1 2",
        "--to-bar": "2 3",
        "--samples": "0 1",
        "--sample-bars": "0 1",
        "-n": "1 2",
        "--output": "out.mid out out.html new",
        "--style": "one two",
        "--split": "train valid test",
        "--threads": "1",
        "--workers": "1",
        "--engine": "onnx torch",
        "--seed": "1 2",
        "--notes": "10",
        "--batch": "1 2",
        "--seconds": "1",
        "--minutes": "0.01",
    }.items()
}
