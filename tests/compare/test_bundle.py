"""Modules of the viewer as the one script of a page that is opened as a file."""

import re
import shutil
import subprocess

import pytest
from athanor.training_core.compare import viewer
from athanor.training_core.compare.bundle import bundle


def write(folder, **modules):
    for name, source in modules.items():
        (folder / f"{name}.js").write_text(source, encoding="utf-8")
    return folder / "main.js"


def test_modules_with_the_same_names_inside_become_one_script(tmp_path):
    entry = write(
        tmp_path,
        main='import { two } from "./two.js";\nimport {\n  one,\n} from "./one.js";\nconst own = 1;\n'
        "export async function main() {\n  return [own, one(), two];\n}\n",
        two='import { one } from "./one.js";\nconst own = 2;\nexport const two = own + one();\n',
        one="const own = 3;\nexport function one() {\n  return own;\n}\n",
    )
    script = bundle(entry)
    assert script.index("module_one = ") < script.index("module_two = ") < script.index("module_main = ")
    assert script.count("module_one = ") == 1 and not re.search(r"^(import|export)\b", script, re.M)
    node = shutil.which("node")
    if node:  # what it computes, where there is something to run it
        run = f"{script}\nmain().then((numbers) => console.log(numbers.join()));"
        assert subprocess.run([node, "-e", run], capture_output=True, text=True).stdout == "1,3,5\n"


@pytest.mark.parametrize(
    ("modules", "error"),
    [
        ({"main": 'import * as one from "./one.js";\n', "one": ""}, "main.js has a form of import"),
        ({"main": "const a = 1;\nexport { a };\n"}, "main.js has a form of import or export"),
        ({"main": 'import { a } from "./one.js";\n', "one": 'import { b } from "./main.js";\n'}, "break the circle"),
    ],
)
def test_what_cannot_be_inlined_is_named(tmp_path, modules, error):
    with pytest.raises(ValueError, match=error):
        bundle(write(tmp_path, **modules))


def test_the_viewer_is_one_script_with_all_its_modules():
    script = bundle(viewer.SOURCE / "viewer.js")
    assert script.rstrip().endswith("const { mount } = module_viewer;")
    for path in viewer.SOURCE.glob("*.js"):
        assert f"const module_{path.stem} = " in script, path.name
