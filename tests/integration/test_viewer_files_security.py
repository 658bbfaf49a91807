"""Attacks by files: folders and HDF5 files that somebody else made, opened with ``neurosim view``. Items 8 and 9."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from neurosim import cli
from neurosim.errors import ModelError
from neurosim.viewer.opening import source_of
from neurosim.viewer.source import Source

SECRET_ms = 77.25


def spikes(path: Path, time_ms: float = 1.0) -> Path:
    """Write a spikes file of one spike."""
    with h5py.File(path, "w") as file:
        group = file.create_group("spikes/cells")
        group["node_ids"] = np.array([0], np.uint64)
        group["timestamps"] = np.array([time_ms])
        group["timestamps"].attrs["units"] = "ms"
    return path


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """Return a file outside the folder that is opened."""
    (tmp_path / "outside").mkdir()
    return spikes(tmp_path / "outside" / "secret.h5", SECRET_ms)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder that is opened."""
    (tmp_path / "given").mkdir()
    return tmp_path / "given"


def seen_ms(source: Source) -> list[float]:
    """Return all times that a source tells, and close it."""
    try:
        status = source.status()
        return [float(t) for t in source.spikes(status.start_ms, max(status.stop_ms, 1e6))[1]]
    finally:
        source.close()


def refused_or_silent(path: Path) -> None:
    """Open a path: either it is refused, or nothing of the secret is in it."""
    try:
        told = seen_ms(source_of(path))
    except ModelError:
        return
    assert SECRET_ms not in told


# --- 8. folders -----------------------------------------------------------------------------------------------------


def test_8_a_plain_file_is_shown(folder: Path) -> None:
    assert seen_ms(source_of(spikes(folder / "spikes.h5"))) == [1.0]


def test_8_a_link_out_of_the_folder_is_not_followed(folder: Path, secret: Path) -> None:
    spikes(folder / "own.h5")
    (folder / "spikes.h5").symlink_to(secret)
    refused_or_silent(folder)
    with pytest.raises(ModelError, match="outside"):
        seen_ms(source_of(folder / "spikes.h5"))


def test_8_a_folder_that_is_a_link_within_the_folder_is_not_followed_out(folder: Path, secret: Path) -> None:
    spikes(folder / "spikes.h5")
    (folder / "output").symlink_to(secret.parent)
    config(folder, output_dir="output", spikes_file="secret.h5")
    refused_or_silent(folder / "config.json")


def config(folder: Path, *, output_dir: str = ".", spikes_file: str = "spikes.h5", **more: object) -> Path:
    """Write a configuration with an empty network."""
    values = {
        "version": 2,
        "run": {"tstop": 100.0, "dt": 0.1},
        "networks": {"nodes": [], "edges": []},
        "output": {"output_dir": output_dir, "spikes_file": spikes_file},
        **more,
    }
    path = folder / "config.json"
    path.write_text(json.dumps(values))
    return path


@pytest.mark.parametrize("out", ["../outside", "{absolute}", "given/../../outside", "./../outside/."])
def test_8_a_configuration_leads_to_no_file_outside(folder: Path, secret: Path, out: str) -> None:
    path = config(folder, output_dir=out.format(absolute=secret.parent), spikes_file="secret.h5")
    refused_or_silent(path)
    refused_or_silent(folder)


def test_8_the_networks_of_a_configuration_are_not_read_outside(folder: Path, secret: Path) -> None:
    spikes(folder / "spikes.h5")
    nodes = [{"nodes_file": "../outside/secret.h5", "node_types_file": None}]
    config(folder, networks={"nodes": nodes, "edges": []})
    with pytest.MonkeyPatch.context() as patch:
        opened: list[str] = []
        whole = h5py.File

        def noted(name: object, *args: object, **kwargs: object) -> h5py.File:
            opened.append(str(name))
            return whole(name, *args, **kwargs)

        patch.setattr("h5py.File", noted)
        refused_or_silent(folder)
    assert not [name for name in opened if "secret" in name]


@pytest.mark.parametrize("text", ["$HOME", "${HOME}", "$PATH/x", "~", "~root"])
def test_8_variables_of_the_environment_are_not_filled_in(folder: Path, secret: Path, text: str,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setenv("HOME", str(secret.parent))
    path = config(folder, output_dir=text, spikes_file="secret.h5")
    refused_or_silent(path)


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 100_000, '{"networks": ' + "9" * 5000 + "}", "\x00", "nul"])
def test_9_json_that_is_too_deep_or_none_does_no_harm(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text)
    with pytest.raises(ModelError):
        seen_ms(source_of(folder / "config.json"))
    spikes(folder / "spikes.h5")
    assert seen_ms(source_of(folder)) == [1.0]


# --- 9. HDF5 --------------------------------------------------------------------------------------------------------


def external_link(file: h5py.File, secret: Path) -> None:
    file["spikes"] = h5py.ExternalLink(str(secret), "/spikes")


def external_link_deep(file: h5py.File, secret: Path) -> None:
    group = file.create_group("spikes/cells")
    group["node_ids"] = np.array([0], np.uint64)
    group["timestamps"] = h5py.ExternalLink(str(secret), "/spikes/cells/timestamps")


def soft_link_to_external(file: h5py.File, secret: Path) -> None:
    file["hidden"] = h5py.ExternalLink(str(secret), "/")
    file["spikes"] = h5py.SoftLink("/hidden/spikes")


def soft_link_in_a_circle(file: h5py.File, secret: Path) -> None:
    file["spikes"] = h5py.SoftLink("/other")
    file["other"] = h5py.SoftLink("/spikes")


def virtual_data(file: h5py.File, secret: Path) -> None:
    group = file.create_group("spikes/cells")
    group["node_ids"] = np.array([0], np.uint64)
    whole = h5py.VirtualLayout(shape=(1,), dtype="f8")
    whole[:] = h5py.VirtualSource(str(secret), "spikes/cells/timestamps", shape=(1,))
    group.create_virtual_dataset("timestamps", whole)


def external_storage(file: h5py.File, secret: Path) -> None:
    group = file.create_group("spikes/cells")
    group["node_ids"] = np.array([0], np.uint64)
    group.create_dataset("timestamps", shape=(1,), dtype="f8", external=[(str(secret), 0, 8)])


def oversized_shape(file: h5py.File, secret: Path) -> None:
    group = file.create_group("spikes/cells")
    group.create_dataset("node_ids", shape=(10**13,), dtype="u8", chunks=(1024,))
    group.create_dataset("timestamps", shape=(10**13,), dtype="f8", chunks=(1024,))


def oversized_chunk(file: h5py.File, secret: Path) -> None:
    group = file.create_group("spikes/cells")
    group["node_ids"] = np.zeros(1, np.uint64)
    group.create_dataset("timestamps", shape=(1,), maxshape=(None,), dtype="f8", chunks=(1 << 28,))


def strange_types(file: h5py.File, secret: Path) -> None:
    group = file.create_group("spikes/cells")
    group["node_ids"] = np.array(["a", "b"], dtype="S1")
    group["timestamps"] = np.array([[1.0], [2.0]])


def references(file: h5py.File, secret: Path) -> None:
    group = file.create_group("spikes/cells")
    group["node_ids"] = np.zeros(1, np.uint64)
    group.create_dataset("timestamps", data=np.array([file.ref], dtype=h5py.ref_dtype))


ATTACKS: list[Callable[[h5py.File, Path], None]] = [
    external_link, external_link_deep, soft_link_to_external, soft_link_in_a_circle, virtual_data, external_storage,
    oversized_shape, oversized_chunk, strange_types, references,
]  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
@pytest.mark.timeout(60)
def test_9_a_file_that_leads_elsewhere_or_fills_the_memory_is_refused(
    attack: Callable[[h5py.File, Path], None], folder: Path, secret: Path
) -> None:
    with h5py.File(folder / "spikes.h5", "w") as file:
        attack(file, secret)
    refused_or_silent(folder / "spikes.h5")
    refused_or_silent(folder)


@pytest.mark.parametrize("attack", [external_link_deep, virtual_data, external_storage, oversized_shape])
def test_9_the_command_refuses_such_a_file_in_one_line(
    attack: Callable[[h5py.File, Path], None], folder: Path, secret: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with h5py.File(folder / "spikes.h5", "w") as file:
        attack(file, secret)
    assert cli.main(["view", str(folder / "spikes.h5"), "--no-browser"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("neurosim: spikes.h5: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize("cut", [0, 1, 8, 100, 1000])
def test_9_a_damaged_file_is_refused(folder: Path, cut: int) -> None:
    whole = spikes(folder / "whole.h5").read_bytes()
    (folder / "whole.h5").unlink()
    (folder / "spikes.h5").write_bytes(whole[:cut])
    with pytest.raises(ModelError):
        seen_ms(source_of(folder / "spikes.h5"))


@pytest.mark.parametrize("name", ["a.py", "a.so", "a.npy", "a.pkl", "a.yaml", "a.hoc", "a.mod", "a.xml", "a.zip"])
def test_7_other_kinds_of_files_are_not_opened_and_nothing_in_them_runs(folder: Path, name: str) -> None:
    (folder / name).write_text("raise SystemExit(99)")
    with pytest.raises(ModelError):
        seen_ms(source_of(folder / name))
