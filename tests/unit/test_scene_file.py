"""Scene files: what is written is read, and what is damaged, linked or half written is refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from neurosim.errors import ModelError, OutputError
from neurosim.viewer.scene import provenance, write_scene
from neurosim.viewer.scene.memory import MemoryScene
from neurosim.viewer.scene.recent import Recent
from neurosim.viewer.scene.scene import NO_TEMPLATE, KindOfCell, Scene
from neurosim.viewer.scene.scene_file import FileScene, SceneFileError
from neurosim.viewer.scene.select import View, select_view, sizes_of
from neurosim.viewer.scene.write_scene import SceneWriter
from tests.shuffled_scenes import everything, random_scene, template

CELLS_N = 20_000


@pytest.fixture(scope="module")
def memory() -> MemoryScene:
    return random_scene(CELLS_N, node_sets={"third": np.arange(0, CELLS_N, 3), "none": np.empty(0, np.int64)})


@pytest.fixture(scope="module")
def made(memory: MemoryScene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    memory.notices.append("said <before>")
    return write_scene.write_scene(tmp_path_factory.mktemp("made") / "circuit.scene.h5", memory)


@pytest.fixture(scope="module")
def scene(made: Path) -> FileScene:
    return FileScene(made)


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    path = tmp_path / "copy.scene.h5"
    path.write_bytes(made.read_bytes())
    return path


def same(a: Scene, b: Scene, ranks: Any) -> None:
    """Assert that two scenes have the same cells at these ranks."""
    mine, other = a.cells(ranks), b.cells(ranks)
    for name in ("rank", "position", "gid", "kind", "template", "turn"):
        x, y = getattr(mine, name), getattr(other, name)
        assert x.dtype == y.dtype
        assert np.array_equal(x, y), name


# --- what is written is read ----------------------------------------------------------------------------------------


def test_what_is_not_about_single_cells_comes_back(memory: MemoryScene, scene: FileScene) -> None:
    assert (scene.title, scene.n, scene.kinds) == (memory.title, memory.n, memory.kinds)
    assert (scene.node_sets, scene.notices) == (memory.node_sets, memory.notices)
    for name in ("level", "start", "end", "first_child", "child_n", "prefix", "sample", "sample_off", "box_um"):
        x, y = getattr(scene.octree, name), getattr(memory.octree, name)
        assert x.dtype == y.dtype and np.array_equal(x, y), name


def test_cells_of_every_node_come_back(memory: MemoryScene, scene: FileScene) -> None:
    assert (memory.octree.first_child >= 0).sum() > 1
    for node in range(len(memory.octree)):
        same(scene, memory, memory.octree.ranks(node))


@pytest.mark.parametrize("n", [0, 1, 2, 500, CELLS_N])
def test_cells_come_back_in_any_order(memory: MemoryScene, scene: FileScene, n: int) -> None:
    rng = np.random.default_rng(n)
    same(scene, memory, rng.permutation(CELLS_N)[:n].astype(np.uint32))
    same(scene, memory, np.sort(rng.integers(0, CELLS_N, n)).astype(np.uint32))


def test_numbers_in_the_simulation_come_back(memory: MemoryScene, scene: FileScene) -> None:
    assert np.array_equal(scene.index_of_rank, memory.index_of_rank)
    assert np.array_equal(scene.rank_of_index, memory.rank_of_index)


def test_node_sets_and_queries_give_the_same_cells(memory: MemoryScene, scene: FileScene) -> None:
    for name in memory.node_sets:
        assert np.array_equal(scene.members(name), memory.members(name))
    queries: list[dict[str, Any]] = [
        {}, {"population": "E"}, {"layer": ["4", "5"]}, {"population": "I", "layer": 5}, {"gid": [8, 9, 10**6]},
        {"gid": 100, "layer": "4"},
    ]  # fmt: skip
    for query in queries:
        assert np.array_equal(scene.select(query), memory.select(query)), query


def test_templates_come_back_within_a_step(memory: MemoryScene, scene: FileScene) -> None:
    assert scene.templates_n == memory.templates_n
    for index in range(memory.templates_n):
        mine, other = scene.template(index), memory.template(index)
        assert (mine.name, mine.nodes_n) == (other.name, other.nodes_n)
        assert np.isclose(mine.reach_um, other.reach_um) and np.isclose(mine.soma_radius_um, other.soma_radius_um)
        for a, b in zip(mine.levels, other.levels, strict=True):
            for name in ("parent", "node", "region"):
                assert np.array_equal(getattr(a, name), getattr(b, name))
            assert np.abs(a.position_um - b.position_um).max() <= other.reach_um / 65535
            assert np.abs(a.path_um - b.path_um).max() <= b.path_um.max() / 65535
            assert np.abs(a.radius_um - b.radius_um).max() <= b.radius_um.max() / 65535


def test_a_view_picks_the_same_of_a_file_as_of_memory(memory: MemoryScene, scene: FileScene) -> None:
    assert np.array_equal(sizes_of(scene).segments, sizes_of(memory).segments)
    for seed in range(5):
        rng = np.random.default_rng(seed)
        view = View(rng.random(3) * 1000.0, rng.normal(size=3), np.array([0.0, 1, 0]), budget=40_000)
        a, b = select_view(scene, view), select_view(memory, view)
        assert a.primitives == b.primitives
        assert all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ("nodes", "ranks", "levels"))


def test_a_scene_of_points_without_templates_comes_back(tmp_path: Path) -> None:
    bare = MemoryScene.from_arrays("one", np.zeros((1, 3)), index=[3], cells_n=5)
    read = FileScene(write_scene.write_scene(tmp_path / "one.scene.h5", bare))
    same(read, bare, everything(bare))
    assert read.templates_n == 0 and read.rank_of_index.tolist() == [-1, -1, -1, 0, -1]
    assert read.cells(everything(bare)).template.tolist() == [NO_TEMPLATE]


def test_several_threads_read_the_same(memory: MemoryScene, made: Path) -> None:
    read, failed = FileScene(made), list[BaseException]()

    def look(seed: int) -> None:
        try:
            rng = np.random.default_rng(seed)
            for _ in range(20):
                same(read, memory, rng.integers(0, CELLS_N, 300).astype(np.uint32))
                read.template(int(rng.integers(0, read.templates_n)))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=look, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def test_what_was_read_lately_is_kept_up_to_its_bytes() -> None:
    kept, read = Recent[bytes](100, len), list[int]()

    def reading(key: int, size: int) -> bytes:
        def make() -> bytes:
            read.append(key)
            return bytes(size)

        return kept.get(key, make)

    for key, size in ((1, 40), (2, 40), (1, 40), (3, 40), (1, 40), (2, 40), (4, 500)):
        reading(key, size)
    assert read == [1, 2, 3, 2, 4]
    assert len(kept) == 1 and kept.bytes == 500


def test_the_file_is_plain_hdf5_with_deflate_and_shuffle(made: Path) -> None:
    found = set()
    with h5py.File(made, "r") as file:
        file.visititems(lambda name, item: found.add((item.compression, item.shuffle)) if hasattr(item, "dtype") else 0)
        assert file["soma/pos"].shape == (CELLS_N, 3)
    assert found <= {("gzip", True), (None, False)}


# --- what is wrong is refused ---------------------------------------------------------------------------------------


def replaced(path: Path, name: str, **given: Any) -> None:
    """Put another data set in the place of one."""
    with h5py.File(path, "r+") as file:
        del file[name]
        file.create_dataset(name, **given)


def assigned(path: Path, name: str, where: Any, value: Any) -> None:
    with h5py.File(path, "r+") as file:
        file[name][where] = value


def told(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change what /meta/about says."""
    with h5py.File(path, "r+") as file:
        about = json.loads(file["meta/about"][()].tobytes())
        change(about)
        del file["meta/about"]
        file["meta/about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)


def numbered(path: Path, name: str, value: Any) -> None:
    with h5py.File(path, "r+") as file:
        file["meta"].attrs[name] = value


def everything_read(path: Path) -> None:
    scene = FileScene(path)
    try:
        scene.cells(everything(scene))
        for node in range(len(scene.octree)):
            scene.cells(scene.octree.ranks(node))
        for index in range(scene.templates_n):
            scene.template(index)
        for name in scene.node_sets:
            scene.members(name)
        assert len(scene.rank_of_index) >= scene.n
        scene.select({"population": "E", "gid": [8]})
    finally:
        scene.close()


def linked(path: Path, name: str, link: Any) -> None:
    with h5py.File(path, "r+") as file:
        if isinstance(link, h5py.SoftLink):
            file.move(name, "elsewhere")
        else:
            del file[name]
        file[name] = link


@pytest.mark.parametrize("name", ["meta", "soma", "soma/pos", "soma/gid", "node/start", "template/point", "set/0"])
@pytest.mark.parametrize("kind", ["soft", "external"])
def test_links_are_refused(copy: Path, made: Path, name: str, kind: str) -> None:
    link = h5py.SoftLink("/elsewhere") if kind == "soft" else h5py.ExternalLink(str(made), f"/{name}")
    linked(copy, name, link)
    with pytest.raises(SceneFileError, match="is a link, which is not followed"):
        everything_read(copy)


def test_a_virtual_data_set_is_refused(copy: Path, made: Path) -> None:
    layout = h5py.VirtualLayout((CELLS_N,), np.uint32)
    layout[:] = h5py.VirtualSource(made, "soma/gid", (CELLS_N,))
    with h5py.File(copy, "r+") as file:
        del file["soma/gid"]
        file.create_virtual_dataset("soma/gid", layout)
    with pytest.raises(SceneFileError, match="lies in another file"):
        FileScene(copy)


def test_external_storage_is_refused(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(4 * CELLS_N))
    outside = [(str(tmp_path / "secret"), 0, 4 * CELLS_N)]
    replaced(copy, "soma/gid", shape=(CELLS_N,), dtype="<u4", external=outside)
    with pytest.raises(SceneFileError, match="lies in another file"):
        FileScene(copy)


@pytest.mark.parametrize("options", [{"compression": "lzf"}, {"fletcher32": True}, {"scaleoffset": 0}])
def test_other_filters_are_refused(copy: Path, options: dict[str, Any]) -> None:
    replaced(copy, "soma/gid", data=np.zeros(CELLS_N, np.uint32), chunks=(4096,), **options)
    with pytest.raises(SceneFileError, match="allowed: deflate and shuffle"):
        FileScene(copy)


WRONG: dict[str, tuple[Callable[[Path], None], str]] = {
    "type": (lambda p: replaced(p, "soma/gid", data=np.zeros(CELLS_N)), "of type float64"),
    "object": (lambda p: replaced(p, "meta/about", data=["x"], dtype=h5py.string_dtype()), "of type object"),
    "length": (lambda p: replaced(p, "soma/gid", data=np.zeros(5, "<u4")), "shape"),
    "width": (lambda p: replaced(p, "soma/pos", data=np.zeros((CELLS_N, 2), "<u2")), "shape"),
    "huge chunk": (
        lambda p: replaced(p, "soma/gid", shape=(CELLS_N,), maxshape=(None,), chunks=(2**26,), dtype="<u4"), "chunks"
    ),
    "claim": (lambda p: replaced(p, "node/sample", shape=(2**31,), chunks=(2048,), dtype="<u4"), "claims"),
    "more cells": (lambda p: numbered(p, "n", np.uint64(10**6)), "damaged"),
    "no number": (lambda p: numbered(p, "n", "many"), "whole number"),
    "version": (lambda p: numbered(p, "version", np.uint64(2)), "version 2; this program reads version 1"),
    "format": (lambda p: numbered(p, "format", np.bytes_(b"other")), "no scene file"),
    "index": (lambda p: assigned(p, "soma/index", 0, 2**31), "above"),
    "kind": (lambda p: assigned(p, "soma/type", 9, 3), "is not there"),
    "template": (lambda p: assigned(p, "soma/template", 9, 2), "is not there"),
    "sampled": (lambda p: assigned(p, "node/sample_template", 9, 2), "is not there"),
    "loop": (lambda p: assigned(p, "node/first_child", 0, 0), "damaged"),
    "child": (lambda p: assigned(p, "node/child_n", 0, 200), "damaged"),
    "sample": (lambda p: assigned(p, "node/sample", 3, CELLS_N), "damaged"),
    "box": (lambda p: assigned(p, "meta/bbox", (0, 0), np.nan), "no box"),
    "set order": (lambda p: assigned(p, "set/0", 0, CELLS_N - 1), "ascend"),
    "set rank": (lambda p: assigned(p, "set/0", -1, CELLS_N), "ascend"),
    "offsets": (lambda p: assigned(p, "template/off", 1, 2**40), "damaged"),
    "labels": (lambda p: replaced(p, "template/label", data=np.zeros(5, np.uint8)), "label_off does not cover"),
    "reach": (lambda p: assigned(p, "template/reach", 0, np.inf), "no length"),
    "segments": (lambda p: assigned(p, "template/segments", (0, 0), 2**31), "more than there are"),
    "json": (lambda p: replaced(p, "meta/about", data=np.frombuffer(b"{nonsense", np.uint8)), "not what it should be"),
    "deep json": (
        lambda p: replaced(p, "meta/about", data=np.frombuffer(b"[" * 10**5, np.uint8)), "not what it should be"
    ),
    "no title": (lambda p: told(p, lambda about: about.pop("title")), "not what it should be"),
    "names": (lambda p: told(p, lambda about: about["templates"].append("c")), "shape"),
    "facts": (lambda p: told(p, lambda about: about["kinds"][0].update(facts=7)), "not what it should be"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_file_that_is_not_what_it_should_be_is_refused(copy: Path, case: str) -> None:
    change, message = WRONG[case]
    change(copy)
    with pytest.raises(SceneFileError, match=message):
        everything_read(copy)


@pytest.mark.parametrize("field", ["back", "node"])
def test_points_that_lead_nowhere_are_refused(copy: Path, field: str) -> None:
    with h5py.File(copy, "r+") as file:
        points = file["template/point"][()]
        points[field][1] = 77
        file["template/point"][...] = points
    with pytest.raises(SceneFileError, match="parent or compartment"):
        FileScene(copy).template(0)


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.99])
def test_a_file_that_was_cut_is_refused(copy: Path, part: float) -> None:
    with copy.open("r+b") as stream:
        stream.truncate(int(part * copy.stat().st_size))
    with pytest.raises(SceneFileError):
        everything_read(copy)


@pytest.mark.parametrize("seed", range(60))
def test_damaged_bytes_give_an_error_of_ours_or_other_values_but_never_a_crash(copy: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    data = bytearray(copy.read_bytes())
    begin = rng.choice([0, len(data) // 2, max(0, len(data) - 20_000)])
    for at in rng.integers(begin, min(len(data), begin + 20_000), 20):
        data[at] = rng.integers(0, 256)
    copy.write_bytes(bytes(data))
    with suppress(ModelError):
        everything_read(copy)


def test_no_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(SceneFileError, match="neurosim scene"):
        FileScene(tmp_path / "missing.scene.h5")


def test_what_is_not_there_is_named(scene: FileScene) -> None:
    with pytest.raises(ModelError, match="rank 20000 is not there"):
        scene.cells(np.array([CELLS_N], np.uint32))
    with pytest.raises(ModelError, match="template 2 is not there"):
        scene.template(2)
    with pytest.raises(ModelError, match="no node set 'x'"):
        scene.members("x")
    with pytest.raises(ModelError, match="no cell has a fact"):
        scene.select({"colour": "red"})


def test_a_closed_file_says_so(made: Path) -> None:
    scene = FileScene(made)
    scene.close()
    with pytest.raises(SceneFileError, match="is closed"):
        scene.cells(np.array([0], np.uint32))


# --- half a file is never there -------------------------------------------------------------------------------------


def test_an_error_while_writing_leaves_the_former_file(tmp_path: Path, memory: MemoryScene) -> None:
    path = tmp_path / "x.scene.h5"
    path.write_bytes(b"former")

    def take(ranks: NDArray[np.int64]) -> NDArray[np.int64]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), SceneWriter(path, memory.octree) as writer:
        writer.column("gid", take)
    assert path.read_bytes() == b"former"
    assert os.listdir(tmp_path) == ["x.scene.h5"]


KILLED = """
import sys, time
from pathlib import Path
from neurosim.viewer.scene.write_scene import SceneWriter
from tests.shuffled_scenes import random_scene

def take(ranks):
    print("writing", flush=True)
    time.sleep(60)
    return ranks

scene = random_scene(5000)
with SceneWriter(Path(sys.argv[1]), scene.octree) as writer:
    writer.column("gid", take)
"""


def test_a_kill_while_writing_leaves_the_former_file_and_the_next_run_works(
    root: Path, tmp_path: Path, memory: MemoryScene
) -> None:
    path = tmp_path / "x.scene.h5"
    path.write_bytes(b"former")
    with subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, cwd=root) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"writing\n"
        process.send_signal(signal.SIGKILL)
    assert path.read_bytes() == b"former"
    write_scene.write_scene(path, memory)
    assert FileScene(path).n == CELLS_N
    assert os.listdir(tmp_path) == ["x.scene.h5"]


def test_too_little_disk_is_said_with_the_figure(
    tmp_path: Path, memory: MemoryScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_scene, "ROOM_BYTES", 10**15)
    with pytest.raises(OutputError, match=r"needs up to 1000000\.\d+ GB of disk"):
        write_scene.write_scene(tmp_path / "x.scene.h5", memory)
    assert os.listdir(tmp_path) == []


FULL = """
import resource, sys
from pathlib import Path
from neurosim.errors import OutputError
from neurosim.viewer.scene.write_scene import write_scene
from tests.shuffled_scenes import random_scene

scene = random_scene(50_000)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
try:
    write_scene(Path(sys.argv[1]), scene)
except OutputError as error:
    print("said:", error)
"""


def test_a_full_disk_is_an_error_and_leaves_nothing(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.scene.h5"
    done = subprocess.run([sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, cwd=root)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"said: {path}: cannot be written")
    assert os.listdir(tmp_path) == []


def test_a_template_that_cannot_be_drawn_is_not_written(tmp_path: Path, memory: MemoryScene) -> None:
    bad = template()
    bad.levels[0].parent[3] = 9
    with pytest.raises(ModelError, match="comes after"), SceneWriter(tmp_path / "x.scene.h5", memory.octree) as writer:
        writer.templates([(bad, [])])
    assert os.listdir(tmp_path) == []


# --- what it was made of --------------------------------------------------------------------------------------------


def test_changed_files_are_noticed_below_the_folder_only(tmp_path: Path) -> None:
    folder, other = tmp_path / "circuit", tmp_path / "other"
    folder.mkdir()
    other.mkdir()
    files = [folder / "config.json", folder / "nodes.h5", other / "types.csv"]
    for file in files:
        file.write_text("before")
    source = provenance.described(files, folder)
    assert [entry["file"] for entry in source] == ["config.json", "nodes.h5", "../other/types.csv"]
    assert provenance.changed(source, folder) == []
    os.utime(files[0], (1.0, 1.0))
    assert provenance.changed(source, folder) == []
    files[1].write_text("after!")
    assert provenance.changed(source, folder) == ["nodes.h5"]
    assert provenance.changed(source, folder, quick=True) == []
    files[2].write_text("longer than before")
    assert provenance.changed(source, folder, anywhere=True) == ["nodes.h5", "../other/types.csv"]
    files[1].unlink()
    assert provenance.changed(source, folder) == []
    assert provenance.changed(source, folder, anywhere=True) == ["nodes.h5", "../other/types.csv"]


@pytest.mark.parametrize("source", [None, 7, {}, [1], [{"file": 3}], [{"file": "a\0b"}], [{"file": "/etc/passwd"}]])
def test_nonsense_about_the_source_is_nothing(tmp_path: Path, source: Any) -> None:
    assert provenance.changed(source, tmp_path) == []


def test_a_scene_older_than_its_circuit_says_so(tmp_path: Path, memory: MemoryScene) -> None:
    nodes = tmp_path / "nodes.h5"
    nodes.write_text("before")
    path = write_scene.write_scene(tmp_path / "x.scene.h5", memory, source=provenance.described([nodes], tmp_path))
    before = FileScene(path).notices
    nodes.write_text("and after")
    after = FileScene(path).notices
    assert len(after) == len(before) + 1
    assert "older than its circuit (nodes.h5 changed)" in after[-1]


def test_kinds_keep_their_words(tmp_path: Path) -> None:
    kinds = (KindOfCell("Ä <b>", {"x": "ü\n"}), KindOfCell("", {}))
    odd = MemoryScene.from_arrays("t", np.eye(3), kinds=kinds, kind=[0, 1, 1])
    assert FileScene(write_scene.write_scene(tmp_path / "x.scene.h5", odd)).kinds == kinds
