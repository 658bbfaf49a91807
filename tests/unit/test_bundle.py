"""The page's modules joined into one text. Node, where it is there, runs the result."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from neurosim.viewer.web.bundle import BundleError, assets, bundle

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed")

PLAIN = {
    "sums": "const secret = 2;\nexport const twice = (x) => secret * x;\nexport function unused() {}\n",
    "words": "// import nothing\nconst secret = 'a';\nexport class Word {\n  say() { return secret; }\n}\n",
    "main": 'import { twice } from "./sums.mjs";\nimport {\n  Word,\n} from "./words.mjs";\n\n'
    "export const four = twice(2);\nexport async function late() { return new Word().say(); }\n",
}


def run_js(folder: Path, text: str, program: str) -> str:
    """Write a module and return what a program that imports it as ``m`` prints."""
    (folder / "joined.mjs").write_text(text, "utf-8")
    (folder / "program.mjs").write_text(f'import * as m from "./joined.mjs";\n{program}\n', "utf-8")
    done = subprocess.run([str(NODE), "program.mjs"], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@needs_node
def test_a_bundle_has_the_exports_of_its_entry_and_they_work(tmp_path: Path) -> None:
    text = bundle("main", PLAIN)
    assert run_js(tmp_path, text, "console.log(Object.keys(m).sort().join(), m.four, await m.late());") == (
        "four,late 4 a"
    )


@needs_node
def test_a_default_export_can_use_the_entrys_names(tmp_path: Path) -> None:
    text = bundle("main", PLAIN, default="{ render: late }")
    assert run_js(tmp_path, text, "console.log(typeof m.default.render);") == "function"


@needs_node
@pytest.mark.parametrize("name", sorted(assets()))
def test_every_module_of_the_page_can_be_joined(name: str, tmp_path: Path) -> None:
    (tmp_path / "joined.mjs").write_text(bundle(name), "utf-8")
    done = subprocess.run([str(NODE), "--check", "joined.mjs"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_module_is_taken_once() -> None:
    diamond = {
        "a": 'import { b } from "./b.mjs";\nimport { c } from "./c.mjs";\nexport const a = b + c;\n',
        "b": 'import { d } from "./d.mjs";\nexport const b = d;\n',
        "c": 'import { d } from "./d.mjs";\nexport const c = d;\n',
        "d": "export const d = 'only here';\n",
    }
    assert bundle("a", diamond).count("only here") == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('import x from "./other.mjs";', "cannot be joined"),
        ('import * as x from "./other.mjs";', "cannot be joined"),
        ('import "./other.mjs";', "cannot be joined"),
        ('import { a } from "https://example.org/a.mjs";', "cannot be joined"),
        ('import { a as b } from "./other.mjs";', "without 'as'"),
        ('const x = await import("./other.mjs");', "cannot be joined"),
        ("const x = import.meta.url;", "cannot be joined"),
        ("export default 3;", "cannot be joined"),
        ("const x = 1;\nexport { x };", "cannot be joined"),
        ("export let x = 1;", "cannot be joined"),
        ("export const { x } = {};", "without a name"),
        ('import { missing } from "./other.mjs";', "does not export missing"),
        ('import { a } from "./nowhere.mjs";', "there is no module nowhere.mjs"),
        ('import { back } from "./circle.mjs";', "imports itself through main -> circle"),
    ],
)
def test_other_forms_are_refused_with_the_module_and_the_reason(text: str, reason: str) -> None:
    modules = {
        "main": text + "\nexport const own = 1;\n",
        "other": "export const a = 1;\n",
        "circle": 'import { own } from "./main.mjs";\nexport const back = own;\n',
    }
    with pytest.raises(BundleError, match=reason):
        bundle("main", modules)
