from __future__ import annotations

from pathlib import Path

import pytest

from neurosim.errors import SonataError
from neurosim.sonata.manifest import builtin_variables, parse_json, read_json, resolve, variables_of

HERE = Path("/circuits/config.json")


def test_variables_may_use_others_in_any_order() -> None:
    found = variables_of({"$A": "$B/a", "$B": "${C}/b", "$C": "/c"}, {}, HERE)
    assert found == {"A": "/c/b/a", "B": "/c/b", "C": "/c"}


def test_builtin_variables_name_folder_and_file() -> None:
    found = builtin_variables(HERE)
    assert found["configdir"] == "/circuits"
    assert found["configfname"] == "/circuits/config.json"
    assert {"workingdir", "date", "time", "datetime"} <= found.keys()


@pytest.mark.parametrize(("text", "expected"), [("${DT}", 0.05), ("$DT", 0.05), ("${ON}", True), ("x${DT}", "x0.05")])
def test_a_string_that_is_one_variable_keeps_its_type(text: str, expected: object) -> None:
    assert resolve({"k": text}, {"DT": 0.05, "ON": True}) == {"k": expected}


def test_variables_are_replaced_inside_lists_and_objects() -> None:
    value = {"manifest": {"$A": "b"}, "a": [{"b": "$A/$A"}, 3, None]}
    assert resolve(value, {"A": "q"}) == {"a": [{"b": "q/q"}, 3, None]}


def test_an_unknown_variable_stays_as_it_is() -> None:
    assert resolve("$NOBODY/x", {"A": "q"}) == "$NOBODY/x"


def test_longer_names_are_not_cut() -> None:
    assert resolve("$AB/$A", {"A": "1", "AB": "2"}) == "2/1"


@pytest.mark.parametrize(
    "manifest", [{"$A": "$B", "$B": "$A"}, {"$A": "x$A"}, {"$A": "$NOBODY/x"}, {"$A": [1]}, {"": "x"}]
)
def test_what_cannot_be_resolved_is_an_error_at_the_variable(manifest: dict[str, object]) -> None:
    with pytest.raises(SonataError) as caught:
        variables_of(manifest, {}, HERE)
    assert (caught.value.key or "").startswith("manifest.")


def test_a_manifest_that_is_no_object_is_an_error() -> None:
    with pytest.raises(SonataError, match="must be an object"):
        variables_of([], {}, HERE)


def test_json_mistakes_name_the_line() -> None:
    with pytest.raises(SonataError) as caught:
        parse_json('{"a": 1,\n "b": }', HERE)
    assert caught.value.line == 2
    assert "config.json line 2" in str(caught.value)


@pytest.mark.parametrize("text", ['{"a": NaN}', '{"a": -Infinity}', '{"a": 1, "a": 2}', "[" * 100_000])
def test_json_that_means_nothing_certain_is_refused(text: str) -> None:
    with pytest.raises(SonataError):
        parse_json(text, HERE)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SonataError, match="UTF-8"):
        read_json(tmp_path / "a.json")
    with pytest.raises(SonataError, match="cannot be read"):
        read_json(tmp_path / "missing.json", key="node_sets_file")


def test_a_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_json(tmp_path / "a.json") == {"a": 1}
