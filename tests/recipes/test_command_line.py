"""Commands as people pass them on: shells of three systems, notebooks, logs; their words, and the variables that the text sets."""

import pytest
from athanor.training_core.recipes.forms import shell_variables
from athanor.training_core.recipes.forms.command_line import commands, options, split

TAIL = ("--rank=8", "--folder", r"C:\my pictures\cats")


@pytest.mark.parametrize(
    "text",
    [
        'python train.py --rank=8 \\\n  --folder "C:\\my pictures\\cats"',
        'python train.py --rank=8 ^\r\n  --folder "C:\\my pictures\\cats"',
        '& python "D:\\x y\\train.py" `\n  --rank=8 `\n  --folder "C:\\my pictures\\cats"',
        '!python train.py --rank=8 --folder "C:\\my pictures\\cats"',
        'python train.py \\\n  # a comment\n  --rank=8 \\\n  --folder "C:\\my pictures\\cats" > log.txt',
        '> python train.py --rank=8 --folder "C:\\my pictures\\cats"\n>\n> thanks',
        "python train.py --rank=8 --folder “C:\\my pictures\\cats” 2>&1 | tee log.txt",
        "Command '['python', 'train.py', '--rank=8', '--folder', 'C:\\\\my pictures\\\\cats']' returned 1",
        'set "F=C:\\my pictures\\cats"\npython train.py --rank=8 --folder "%F%"',
        'export F="C:\\my pictures\\cats"  # mine\npython train.py --rank=8 --folder "$F"',
        '$F = "C:\\my pictures\\cats"\npython train.py --rank=8 --folder "$F"',
        'F = "C:\\my pictures\\cats"\n!python train.py --rank=8 --folder "{F}"',
        'python train.py --rank=${R:-8} --folder "C:\\my pictures\\cats" && echo done',
    ],
)
def test_words_are_the_same_in_every_shell(text):
    (found,) = commands(text.replace("\r\n", "\n"))
    assert found.words == TAIL
    assert found.script.endswith("train.py")


def test_a_command_that_a_terminal_has_cut_inside_of_words_is_put_together():
    head = 'accelerate launch train.py --folder="C:/pictures/' + "x" * 60
    second = f'yz" --rank=8 --out="{"y" * 60}" -'
    (found,) = commands(f"{head}\n{second}\n-alpha=4 --name=a\nSteps: 100")
    assert found.words == (
        f"--folder=C:/pictures/{'x' * 60}yz",
        "--rank=8",
        f"--out={'y' * 60}",
        "--alpha=4",
        "--name=a",
    )


def test_what_stands_before_the_script_is_the_launchers():
    (found,) = commands("accelerate launch --multi_gpu --num_processes=2 sd/train_network.py --rank 8")
    assert (found.launcher, found.script) == (("--multi_gpu", "--num_processes=2"), "sd/train_network.py")


def test_a_backslash_before_a_space_or_a_quote_is_an_escape_only_where_it_is_no_windows_path():
    assert split(r"--folder my\ pictures --other C:\dir\ --rank 8") == [
        "--folder",
        "my pictures",
        "--other",
        "C:\\dir\\",
        "--rank",
        "8",
    ]
    assert split('--folder "C:\\dir\\" --rank 8') == ["--folder", "C:\\dir\\", "--rank", "8"]


def test_variables_that_are_not_set_or_computed_stay_as_they_are_written():
    known = shell_variables.assigned("A=1\nset /A B=%A%/2\nC=$(date)\nD=$A-$E")
    assert shell_variables.filled("$A $B $C $D", known) == ["1 $B $C 1-$E"]


def test_a_variable_with_several_arguments_becomes_several_words():
    assert shell_variables.filled("$ARGS", {"ARGS": "--a=1 --b=2"}) == ["--a=1", "--b=2"]
    assert shell_variables.filled("$NAME", {"NAME": "my lora"}) == ["my lora"]


def test_variables_that_name_themselves_end():
    assert len(shell_variables.filled("$A", {"A": "$A$A$A$A"})[0]) <= 20_000


def test_options_take_what_they_take():
    found, strays = options(
        ("--on", "stray", "--list", "a=1", "b=-2", "--one", "-0.5", "left", "--dash-name=x"),
        frozenset({"on"}),
        frozenset({"list"}),
    )
    assert [(each.name, each.values) for each in found] == [
        ("on", ()),
        ("list", ("a=1", "b=-2")),
        ("one", ("-0.5",)),
        ("dash_name", ("x",)),
    ]
    assert strays == ["stray", "left"]
