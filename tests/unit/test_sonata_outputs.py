"""Output files without a simulation: growing, read meanwhile, full disks, mappings of synapses, order of spikes."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest

from neurosim.errors import OutputError, SimulationError
from neurosim.model.cell import Cell
from neurosim.model.connections import Connections
from neurosim.results import Trace
from neurosim.sonata import outfile
from neurosim.sonata.outfile import GrowingFile, open_output, partial_of, write_text
from neurosim.sonata.potential import product
from neurosim.sonata.report import ElementReport
from neurosim.sonata.report_entry import Rows
from neurosim.sonata.source import Elements
from neurosim.sonata.space import check_space, check_writable
from neurosim.sonata.spikes import SpikesSpec, SpikeWriter
from neurosim.sonata.synapse_report import SynapseSpec, synapse_columns

POPULATIONS: Any = [
    SimpleNamespace(name="a", first_gid=0, next_gid=10),
    SimpleNamespace(name="b", first_gid=10, next_gid=30),
]


def grown(path: Path, blocks: int = 3) -> GrowingFile:
    """Return a file with blocks of five rows whose values are the number of the block."""
    out = GrowingFile(path)
    data = out.grow("report/a/data", 4, rows=5)
    out.begin()
    for k in range(blocks):
        out.reserve(5 * 4 * 8)
        out.append(data, np.full((5, 4), k + 1.0))
        out.commit(0.5 * (k + 1))
    return out


def test_a_reader_sees_the_file_grow_while_it_is_written(tmp_path: Path) -> None:
    out = grown(tmp_path / "a.h5", blocks=1)
    follow = (
        "import sys; from neurosim.sonata.outfile import open_output\n"
        "with open_output(sys.argv[1]) as file:\n"
        "    data, time = file['report/a/data'], file['progress/t_ms']\n"
        "    for line in sys.stdin:\n"
        "        time.refresh(); data.refresh()\n"
        "        print(time[0], data.shape[0], data[-1, 0], flush=True)\n"
    )
    command = [sys.executable, "-c", follow, str(tmp_path / "a.h5")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as reader:
        assert reader.stdin is not None and reader.stdout is not None
        seen = []
        for k in range(3):
            reader.stdin.write("look\n")
            seen.append(reader.stdout.readline().split())
            out.append(out.file["report/a/data"], np.full((5, 4), k + 2.0))
            out.commit(0.5 * (k + 2))
        reader.stdin.close()
    assert seen == [["0.5", "5", "1.0"], ["1.0", "10", "2.0"], ["1.5", "15", "3.0"]]
    out.finish()


def test_a_finished_file_opens_everywhere_and_holds_no_reserved_space(tmp_path: Path) -> None:
    path = grown(tmp_path / "a.h5").finish()
    assert not partial_of(path).exists()
    with h5py.File(path, "r") as file:
        assert file["progress/t_ms"][0] == 1.5 and file.attrs["magic"] == outfile.MAGIC
        assert file["report/a/data"][:, 0].tolist() == [1.0] * 5 + [2.0] * 5 + [3.0] * 5
        end = file.id.get_filesize()
    assert path.stat().st_size == end < 3 * 5 * 4 * 8 + 2**15 + 2**14


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
def test_what_a_killed_process_left_is_complete_up_to_its_last_block(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from tests.unit.test_sonata_outputs import grown\n"
        "out = grown(Path(sys.argv[1]), blocks=2)\n"
        "out.append(out.file['report/a/data'], out.file['report/a/data'][:] + 10)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.h5")], check=False)
    assert done.returncode == -signal.SIGKILL
    with open_output(tmp_path / "a.h5") as file:
        assert file["progress/t_ms"][0] == 1.0
        assert file["report/a/data"][:10, 0].tolist() == [1.0] * 5 + [2.0] * 5


@pytest.fixture
def small_disk() -> Any:
    """Return a function that limits the size of files of this process, as a full disk would; None lifts it."""
    resource = pytest.importorskip("resource")
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, before if size is None else (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="no reservation on this system")
def test_a_full_disk_stops_between_two_blocks_and_says_what_is_safe(tmp_path: Path, small_disk: Any) -> None:
    out = grown(tmp_path / "a.h5")
    small_disk(200_000)
    with pytest.raises(SimulationError, match=r"a.h5.partial: no room .* t=1.5 ms are safe") as caught:
        out.reserve(1_000_000)
    assert isinstance(caught.value, OutputError) and caught.value.safe_ms == 1.5
    out.abandon()
    with h5py.File(out.partial, "r") as file:
        assert file["report/a/data"].shape == (15, 4), "closed in order: it opens without more ado"


def test_a_write_that_fails_half_way_leaves_the_blocks_before(tmp_path: Path, small_disk: Any) -> None:
    out = grown(tmp_path / "a.h5")
    data = out.file["report/a/data"]
    small_disk(200_000)
    with pytest.raises(OutputError, match=r"cannot be written: .* t=1.5 ms are safe"):
        out.append(data, np.full((50_000, 4), 9.0))
        out.commit(2.0)
    small_disk(None)
    out.abandon()
    with open_output(tmp_path / "a.h5") as file:
        assert file["progress/t_ms"][0] == 1.5
        assert file["report/a/data"][:15, 0].tolist() == [1.0] * 5 + [2.0] * 5 + [3.0] * 5


@pytest.mark.skipif(os.name == "nt", reason="no limit of the size of files")
@pytest.mark.parametrize("rows", [50_000, 6_200])
def test_a_process_survives_a_failed_write(tmp_path: Path, rows: int) -> None:
    code = (
        "import resource, signal, sys; from pathlib import Path; from tests.unit.test_sonata_outputs import grown\n"
        "import numpy as np; from neurosim.errors import OutputError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "out = grown(Path(sys.argv[1]))\n"
        "data = out.file['report/a/data']\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "try:\n"
        "    out.append(data, np.zeros((int(sys.argv[2]), 4))); out.commit(2.0)\n"
        "except OutputError as error:\n"
        "    print(error.safe_ms)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a.h5"), str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1.5\n", "")


def test_an_unwritable_folder_is_said_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file/out: the folder of the outputs cannot be written: Not a directory"):
        check_writable(tmp_path / "file/out", [])
    with pytest.raises(OutputError, match=r"a.h5.partial: cannot be written"):
        GrowingFile(tmp_path / "file/a.h5")
    with pytest.raises(OutputError, match=r"a.txt: cannot be written"):
        write_text(tmp_path / "file/a.txt", "")
    (tmp_path / "a.h5").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        check_writable(tmp_path, [tmp_path / "a.h5"])


def test_trying_the_folder_leaves_nothing_behind(tmp_path: Path) -> None:
    check_writable(tmp_path / "new", [tmp_path / "new/below/a.h5"])
    assert [p.name for p in tmp_path.rglob("*")] == ["new", "below"]


def test_a_full_disk_is_noticed_before_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", refuse)
        with pytest.raises(OutputError, match="No space left"):
            check_writable(tmp_path, [])
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=3_000_000))
    check_space(tmp_path, [("reports.a", 2_000_000), ("reports.b", 999_999)])
    with pytest.raises(OutputError, match=r"need 3.0 MB and 3.0 MB are free; the largest is reports.b with 2.0 MB"):
        check_space(tmp_path, [("reports.a", 1_000_001), ("reports.b", 2_000_000)])


def test_files_of_reports_take_what_the_size_says(tmp_path: Path) -> None:
    class Numbers:
        width = held = 3000

        def take(self, before: int, after: int, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
            values: npt.NDArray[np.float64] = np.add.outer((before + rows) * 10_000.0, np.arange(3000.0))
            return values

    spec: Any = SimpleNamespace(
        path=tmp_path / "a.h5", variable="v", unit="mV", rows=Rows(4, 36, 2), dt_ms=0.2, start_ms=0.4, end_ms=3.6
    )
    elements = Elements([1, 4], [0, 1000, 3000], np.zeros(3000, int), np.full(3000, 0.5))
    report = ElementReport(spec, {"a": (elements, Numbers())}, 0.1)
    report.open(10)
    for before in range(0, 40, 10):
        report.reserve(before, before + 10)
        report.take(before, before + 10)
        with h5py.File(tmp_path / "a.h5.partial", "r") as file:
            assert file["report/a/mapping/time"][1] == pytest.approx(min(0.1 * (before + 10), 3.6))
    paths = report.finish(40)
    with h5py.File(paths[0], "r") as file, h5py.File(paths[1], "r") as view:
        data = file["report/a/data"]
        assert data.shape == (16, 3000) and data[:, 2].tolist() == [10_000.0 * n + 2.0 for n in range(4, 36, 2)]
        assert 8 * data.size == report.disk_bytes(40)
        assert view["report/a/data"].dtype == np.float32 and view["report/a/data"].shape == data.shape
        assert view["report/a/mapping/index_pointer"][:].tolist() == [0, 1000, 3000]


class StandIn:
    """Records synapses as the engine does: the value of a row is its number plus a hundred per step."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, list[int], Trace]] = []

    def record_synapses(self, variable: str, table: int, rows: npt.NDArray[Any]) -> Trace:
        trace = Trace(variable, "", locations=[str(r) for r in rows], columns=True)
        self.asked.append((variable, table, rows.tolist(), trace))
        return trace

    def advance(self, steps: int) -> None:
        for _, table, rows, trace in self.asked:
            values = np.add.outer(100.0 * np.arange(steps), np.array(rows) + 1000.0 * table)
            trace.append(np.arange(steps) * 0.1, values)


def test_a_synapse_report_says_where_and_between_whom(tmp_path: Path) -> None:
    from neurosim.mechanisms import library

    cell = Cell.cylinder(length_um=100.0, diam_um=2.0).set(nseg=3)
    exp, node = library.get("ExpSyn"), cell.nodes("all")
    ints = {name: np.array(v, np.int32) for name, v in {
        "source": [1, 9, 2, 1], "target": [11, 2, 2, 11], "node": [node[0], node[1], node[2], node[2]],
    }.items()}  # fmt: skip
    table = Connections(exp, ints["source"], ints["target"], ints["node"], np.ones(4), np.ones(4))
    one = [np.array([k], np.int32) for k in (99, 2, int(node[0]))]
    other = Connections(exp, one[0], one[1], one[2], np.ones(1), np.ones(1))
    target = np.array([2, 2, 2, 11, 11])
    spec = SynapseSpec(
        "reports.syn", tmp_path / "syn.h5", "g", "uS", target, np.array([0, 0, 1, 0, 0]), np.array([1, 2, 0, 0, 3]),
        Rows(0, 8, 1), 0.1, 0.0, 0.8,
    )  # fmt: skip
    sim = StandIn()
    parts = synapse_columns(spec, [table, other], [cell] * 12, np.arange(12), POPULATIONS, sim)
    assert [(v, t, rows) for v, t, rows, _ in sim.asked] == [("g", 0, [1, 2]), ("g", 1, [0]), ("g", 0, [0, 3])]
    report = ElementReport(spec, parts, 0.1)
    report.open(8)
    sim.advance(8)
    report.take(0, 8)
    path = report.finish(8)[0]
    with h5py.File(path, "r") as file:
        a, b = file["report/a"], file["report/b"]
        assert a["mapping/node_ids"][:].tolist() == [2] and b["mapping/node_ids"][:].tolist() == [1]
        assert a["mapping/src_ids"][:].tolist() == [9, 2, -1] and a["mapping/trg_ids"][:].tolist() == [2, 2, 2]
        assert b["mapping/src_ids"][:].tolist() == [1, 1] and b["mapping/index_pointer"][:].tolist() == [0, 2]
        assert a["mapping/element_pos"][:].tolist() == pytest.approx([0.5, 5 / 6, 1 / 6])
        assert a["data"][3].tolist() == [301.0, 302.0, 1300.0] and b["data"][7].tolist() == [700.0, 703.0]
        assert file["report/a/data"].attrs["units"] == "uS"


@pytest.mark.parametrize(("order", "expected"), [
    ("by_time", [(0.5, 3), (1.0, 1), (1.0, 2), (2.5, 1)]),
    ("by_id", [(1.0, 1), (2.5, 1), (1.0, 2), (0.5, 3)]),
    ("none", [(0.5, 3), (1.0, 1), (1.0, 2), (2.5, 1)]),
])  # fmt: skip
def test_spikes_are_sorted_as_asked_in_both_files(
    tmp_path: Path, order: str, expected: list[tuple[float, int]]
) -> None:
    writer = SpikeWriter(SpikesSpec(tmp_path / "s.h5", order, tmp_path / "s.csv"), POPULATIONS)
    writer.reserve(3)
    writer.add(np.array([2, 1, 13, 3]), np.array([1.0, 1.0, 1.5, 0.5]), 2.0)
    with open_output(tmp_path / "s.h5") as file:
        assert file["spikes/a/timestamps"][:].tolist() == [0.5, 1.0, 1.0], "in order of time while the run goes on"
        assert file["progress/t_ms"][0] == 2.0
    assert len((tmp_path / "s.csv.partial").read_text().splitlines()) == 5
    writer.add(np.array([1]), np.array([2.5]), 4.0)
    assert writer.finish() == [tmp_path / "s.h5", tmp_path / "s.csv"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s.csv", "s.h5"]
    with h5py.File(tmp_path / "s.h5") as file:
        pairs = zip(file["spikes/a/timestamps"][:].tolist(), file["spikes/a/node_ids"][:].tolist(), strict=True)
        assert list(pairs) == expected
        assert file["spikes/a"].attrs["sorting"] == {"none": 0, "by_id": 1, "by_time": 2}[order]
        assert file["spikes/b/node_ids"][:].tolist() == [3]
    lines = (tmp_path / "s.csv").read_text().splitlines()
    assert lines[0] == "timestamps population node_ids"
    assert [(float(t), int(n)) for t, p, n in map(str.split, lines[1:]) if p == "a"] == expected


def test_spikes_that_come_out_of_order_are_sorted_in_the_end(tmp_path: Path) -> None:
    writer = SpikeWriter(SpikesSpec(tmp_path / "s.h5", "by_time", None), POPULATIONS)
    writer.add(np.array([1]), np.array([3.0]), 2.0)
    writer.add(np.array([2]), np.array([1.0]), 4.0)
    writer.finish()
    with h5py.File(tmp_path / "s.h5") as file:
        assert file["spikes/a/timestamps"][:].tolist() == [1.0, 3.0]


def test_a_table_that_cannot_grow_keeps_whole_lines(tmp_path: Path, small_disk: Any) -> None:
    writer = SpikeWriter(SpikesSpec(tmp_path / "s.h5", "by_time", tmp_path / "s.csv"), POPULATIONS)
    writer.add(np.array([1]), np.array([3.0]), 4.0)
    small_disk(60_000)
    with pytest.raises(OutputError, match=r"s.csv.partial: cannot be written: File too large. .* t=4 ms are safe"):
        writer.add(np.full(30_000, 2), np.linspace(4.0, 5.0, 30_000), 5.0)
    small_disk(None)
    writer.abandon()
    assert (tmp_path / "s.csv.partial").read_text() == "timestamps population node_ids\n3.0 a 1\n"
    with open_output(tmp_path / "s.h5") as file:
        assert len(file["spikes/a/timestamps"]) == 1


def test_libsonata_opens_synapse_reports(tmp_path: Path) -> None:
    libsonata = pytest.importorskip("libsonata")
    test_a_synapse_report_says_where_and_between_whom(tmp_path)
    report = libsonata.ElementReportReader(str(tmp_path / "libsonata/syn.h5"))["a"]
    assert report.get().data[3].tolist() == [301.0, 302.0, 1300.0]


def test_a_potential_does_not_depend_on_how_many_steps_are_taken_at_once() -> None:
    random = np.random.default_rng(5)
    values, matrix = random.normal(size=(300, 133)), random.normal(size=(133, 17))
    whole = product(values, matrix)
    for size in (1, 7, 64, 100):
        parts = [product(values[k : k + size], matrix) for k in range(0, 300, size)]
        assert np.array_equal(np.vstack(parts), whole)
    assert np.allclose(whole, values @ matrix, rtol=1e-12, atol=1e-12)
