"""Scenes of ten million cells: what it costs to build, open, look at and stream them; no window and no browser.

Each case is a process of its own, so that its peak memory is its own. Run it on an idle machine:

    python benchmarks/viewer_scene.py                      # all, 10 million cells; writes results/viewer_scene.json
    python benchmarks/viewer_scene.py --cells 100000 --dry # a quick look

Files are made in a temporary folder (``--folder`` to keep them), about 1 GB. Times are wall times, with CPU times
beside them; kernels are compiled before, and the first call's compilation is a case of its own (``cold``).
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

FRAMES_PER_S = 30
DENSITY_PER_um3 = 8e-5
"""Ten million cells fill a cube of 5 mm."""
UP = np.array([0.0, 1.0, 0.0])
Row = dict[str, Any]


@contextmanager
def timed(row: Row, name: str) -> Iterator[None]:
    """Put wall and CPU time of a block into a row."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    row[f"{name}_s"], row[f"{name}_cpu_s"] = time.perf_counter() - wall, time.process_time() - cpu


def peak_GB() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def side_um(cells_n: int) -> float:
    return float((cells_n / DENSITY_PER_um3) ** (1.0 / 3.0))


def places(cells_n: int, dtype: Any = np.float64) -> np.ndarray:
    return np.random.default_rng(1).random((cells_n, 3), dtype) * dtype(side_um(cells_n))


def random_views(cells_n: int, n: int, budget: int = 1_000_000) -> list[Any]:
    """Return cameras at random places among the cells, the first one outside with everything in view."""
    from neurosim.viewer.scene.select import View

    rng, side = np.random.default_rng(2), side_um(cells_n)
    outside = View(np.array([0.5, 0.5, 2.3]) * side, np.array([0.0, 0.0, -1.0]), UP, budget=budget)
    return [outside, *(View(rng.random(3) * side, rng.normal(size=3), UP, budget=budget) for _ in range(n))]


def encoded(scene: Any, picked: Any) -> tuple[int, int]:
    """Return the bytes of a view's cells, and of the templates that its branches need."""
    from neurosim.viewer.wire import cells_bytes, skeleton_bytes, view_frame

    cells = len(view_frame(0.0, picked.nodes, picked.ranks, picked.levels, view=1))
    for node in picked.nodes.tolist():
        cells += len(cells_bytes(node, scene.cells(scene.octree.ranks(node))))
    kinds = scene.cells(np.sort(picked.ranks)).template[np.argsort(np.argsort(picked.ranks))]
    bodies = 0
    for kind, level in np.unique(np.column_stack([kinds, picked.levels]).astype(int), axis=0).tolist():
        body = scene.template(kind)
        bodies += len(skeleton_bytes(kind, level, body.levels[level], body.nodes_n))
    return cells, bodies


def warm(*paths: Path) -> None:
    """Compile kernels, or load them, on a small scene; read files into the page cache."""
    from neurosim.viewer.scene.activity import NodeActivity
    from neurosim.viewer.scene.build_octree import build_octree
    from neurosim.viewer.scene.select import select_view
    from tests.viewer_scenes import many_cells

    for dtype in (np.float32, np.float64):
        build_octree(places(100, dtype))
    scene = many_cells(200, 1)
    select_view(scene, random_views(200, 0)[0])
    activity = NodeActivity(scene.octree)
    for counts in (None, np.ones(1, np.uint32)):
        activity.rates_Hz(np.array([0]), counts, 1.0, np.array([0]))
    for path in paths:
        with path.open("rb") as stream:
            while stream.read(1 << 24):
                pass


# --- cases ----------------------------------------------------------------------------------------------------------


def cold(args: argparse.Namespace) -> Row:
    """Import, and call kernels first: what a process pays before its first view; compiled where no cache has them."""
    row: Row = {}
    with timed(row, "import"):
        from neurosim.viewer.scene import build_octree, select  # noqa: F401
    with timed(row, "first_calls"):
        warm()
    return row


def octree(args: argparse.Namespace) -> Row:
    """Build the octree; peak memory includes the places, as float32 as well as what the build makes of them."""
    from neurosim.viewer.scene.build_octree import build_octree

    warm()
    place = places(args.cells, np.float32)
    row: Row = {"before_GB": peak_GB()}
    with timed(row, "build"):
        tree, _, _ = build_octree(place)
    return row | {"peak_GB": peak_GB(), "nodes": len(tree), "leaves": int((tree.first_child < 0).sum())}


def write(args: argparse.Namespace) -> Row:
    """Write the two scene files of the other cases: points, and cells by templates."""
    from neurosim.viewer.scene.build_octree import build_octree
    from neurosim.viewer.scene.scene import NO_TEMPLATE, TURN, KindOfCell
    from neurosim.viewer.scene.write_scene import SceneWriter
    from tests.viewer_scenes import branching_template

    warm()
    row: Row = {}
    rng = np.random.default_rng(3)
    n = args.cells
    tree, order, position = build_octree(places(n, np.float32))
    gid, order = order.astype(np.uint32), order[:0]
    kind = rng.integers(0, 8, n).astype(np.uint16)
    kinds = [KindOfCell(f"P{k // 4}", {"layer": str(k % 4)}) for k in range(8)]
    for name, count in (("points", 0), ("cells", args.templates)):
        template = rng.integers(0, count, n).astype(np.uint16) if count else np.full(n, NO_TEMPLATE, np.uint16)
        turn = rng.normal(size=(n, 4)).astype(np.float32)
        turn /= np.linalg.norm(turn, axis=1, keepdims=True)
        whole = np.rint(turn * TURN).astype(np.int16) if count else np.tile(np.int16([0, 0, 0, TURN]), (n, 1))
        path = args.folder / f"{name}.scene.h5"
        with timed(row, f"write_{name}"), SceneWriter(path, tree) as writer:
            names = writer.templates((branching_template(k, args.points), ()) for k in range(count))
            columns = {"pos": position, "gid": gid, "type": kind, "template": template, "quat": whole}
            for column, values in columns.items():
                writer.column(column, lambda ranks, values=values: values[ranks])
            writer.finish(name, kinds, names, {}, index_n=n)
        row[f"{name}_GB"] = path.stat().st_size / 1e9
    return row | {"file_GB": row["cells_GB"], "peak_GB_write": peak_GB()}


def somata(args: argparse.Namespace) -> Row:
    """Open the file of points, answer the first view, then fifty; stream activity for the largest."""
    from neurosim.viewer.scene.activity import NodeActivity
    from neurosim.viewer.scene.scene_file import FileScene
    from neurosim.viewer.scene.select import select_view
    from neurosim.viewer.wire import nodes_frame

    path = args.folder / "points.scene.h5"
    warm(path)
    row: Row = {}
    views = random_views(args.cells, args.views)
    with timed(row, "open"):
        scene = FileScene(path)
    with timed(row, "answer"):
        first = encoded(scene, select_view(scene, views[0]))
    row["first_view_s"], row["first_view_cpu_s"] = (row[f"open{k}_s"] + row[f"answer{k}_s"] for k in ("", "_cpu"))
    row["first_view_MB"] = sum(first) / 1e6
    picked = [select_view(scene, view) for view in views]
    row |= spread("query_ms", [1e3 * best(lambda view=view: select_view(scene, view)) for view in views])
    row |= spread("query_cpu_ms", [1e3 * cpu_of(lambda view=view: select_view(scene, view)) for view in views])
    row |= spread("view_MB", [sum(encoded(scene, each)) / 1e6 for each in picked])
    row["view_nodes_most"] = max(len(each.nodes) for each in picked)
    nodes = max((each.nodes for each in picked), key=len)
    activity, rng = NodeActivity(scene.octree), np.random.default_rng(5)
    worst, span_ms = 0.0, 1e3 / FRAMES_PER_S
    for rate in (1, 10, 100):
        spikes_n = int(args.cells * rate / FRAMES_PER_S)
        ranks = np.sort(rng.integers(0, args.cells, spikes_n, dtype=np.uint32))
        frame = nodes_frame(0.0, activity.rates_Hz(ranks, None, span_ms, nodes), view=1)
        row[f"activity_ms_{rate}_Hz"] = 1e3 * best(lambda r=ranks: activity.rates_Hz(r, None, span_ms, nodes))
        row[f"activity_MB_per_s_{rate}_Hz"] = len(frame) * FRAMES_PER_S / 1e6
        worst = max(worst, row[f"activity_MB_per_s_{rate}_Hz"])
    everything = nodes_frame(0.0, np.zeros(len(scene.octree)), view=1)
    row["activity_MB_per_s_all_nodes"] = len(everything) * FRAMES_PER_S / 1e6
    return row | {"activity_MB_per_s_worst": worst, "peak_GB_view": peak_GB()}


def neighbourhood(args: argparse.Namespace) -> Row:
    """Answer a view at each of fifty places from a file just opened: select, read and encode cells and templates."""
    from neurosim.viewer.scene.recent import Recent
    from neurosim.viewer.scene.scene_file import FileScene
    from neurosim.viewer.scene.select import select_view

    path = args.folder / "cells.scene.h5"
    warm(path)
    scene = FileScene(path)
    select_view(scene, random_views(args.cells, 0)[0])
    tables: Any = scene.__dict__["_select_tables"]
    seconds, cpu, whole, detailed, megabytes, again_ms = [], [], [], [], [], []
    for view in random_views(args.cells, args.views)[1:]:
        fresh = FileScene(path)
        fresh.__dict__["_select_tables"] = replace(tables, leaves=Recent(tables.leaves.most_bytes, lambda leaf: 0))
        spent: Row = {}
        with timed(spent, "place"):
            picked = select_view(fresh, view)
            sizes = encoded(fresh, picked)
        seconds.append(spent["place_s"])
        cpu.append(spent["place_cpu_s"])
        again_ms.append(1e3 * best(lambda fresh=fresh, view=view: select_view(fresh, view), times=1))
        whole.append(int((picked.levels == 0).sum()))
        detailed.append(len(picked.ranks))
        megabytes.append(sum(sizes) / 1e6)
        fresh.close()
    row = spread("place_s", seconds) | spread("place_cpu_s", cpu)
    row |= spread("select_again_ms", again_ms) | spread("place_MB", megabytes)
    return row | {"whole_cells_least": min(whole), "detailed_cells_median": int(np.median(detailed))}


def detailed(args: argparse.Namespace) -> Row:
    """Select and encode each of fifty views of a hundred thousand branching cells in memory."""
    from neurosim.viewer.scene.select import select_view
    from tests.viewer_scenes import many_cells

    warm()
    n = min(args.cells, 100_000)
    row: Row = {"detailed_n": n}
    with timed(row, "scene"):
        scene = many_cells(n, 100, points_n=args.points)
    row["segments_least"] = min(scene.template(k).levels[0].segments_n for k in range(scene.templates_n))
    low, high = scene.octree.box_um
    from neurosim.viewer.scene.select import View

    rng = np.random.default_rng(6)
    looks = [View((low + high) / 2 + [0, 0, 1.5 * (high - low).max()], np.array([0.0, 0, -1]), UP)]
    looks += [View(rng.uniform(low, high), rng.normal(size=3), UP) for _ in range(args.views)]
    picked = [select_view(scene, view) for view in looks]
    row |= spread("select_ms", [1e3 * best(lambda view=view: select_view(scene, view)) for view in looks])
    row |= spread("select_cpu_ms", [1e3 * cpu_of(lambda view=view: select_view(scene, view)) for view in looks])
    row |= spread("encode_ms", [1e3 * best(lambda each=each: encoded(scene, each), times=1) for each in picked])
    row |= spread("encode_cpu_ms", [1e3 * cpu_of(lambda each=each: encoded(scene, each)) for each in picked])
    row |= spread("detailed_view_MB", [sum(encoded(scene, each)) / 1e6 for each in picked])
    return row | {"primitives_most": max(each.primitives for each in picked), "peak_GB_detailed": peak_GB()}


def conversion(args: argparse.Namespace) -> Row:
    """Make a scene file from a SONATA nodes file of ten million cells of ten morphologies."""
    from neurosim.viewer.scene.convert import convert
    from tests.sonata_circuit import SWC

    warm()
    folder, n, rng = args.folder / "sonata", args.cells, np.random.default_rng(7)
    folder.mkdir(exist_ok=True)
    config = sonata_nodes(folder, SWC, n, rng)
    row: Row = {"nodes_GB": (folder / "nodes.h5").stat().st_size / 1e9, "before_GB": peak_GB()}
    with timed(row, "convert"):
        out = convert(config)
    return row | {"convert_peak_GB": peak_GB(), "converted_GB": out.stat().st_size / 1e9}


def sonata_nodes(folder: Path, swc: str, n: int, rng: Any) -> Path:
    """Write a circuit of nodes only, a piece at a time, and return its configuration."""
    import h5py

    (folder / "cell.swc").write_text(swc)
    lines = [f"{k} biophysical ctdb:Biophys1.hoc cell.swc {k % 4}" for k in range(10)]
    (folder / "types.csv").write_text("\n".join(["node_type_id model_type model_template morphology layer", *lines]))
    with h5py.File(folder / "nodes.h5", "w") as file:
        group = file.create_group("nodes/cells")
        group["node_id"], group["node_group_index"] = np.arange(n), np.arange(n)
        group["node_type_id"] = rng.integers(0, 10, n)
        group["node_group_id"] = np.zeros(n, np.uint8)
        for axis in "xyz":
            group[f"0/{axis}"] = rng.random(n) * side_um(n)
        group["0/rotation_angle_yaxis"] = rng.uniform(0.0, 6.28, n)
    config = {
        "components": {"morphologies_dir": "."}, "run": {"tstop": 1.0, "dt": 0.1},
        "conditions": {"celsius": 34.0, "v_init": -80.0},
        "networks": {"nodes": [{"nodes_file": "nodes.h5", "node_types_file": "types.csv"}]},
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    return folder / "config.json"


CASES: dict[str, Callable[[argparse.Namespace], Row]] = {
    "cold": cold, "octree": octree, "write": write, "somata": somata, "neighbourhood": neighbourhood,
    "detailed": detailed, "conversion": conversion,
}  # fmt: skip


def best(call: Callable[[], Any], times: int = 3) -> float:
    """Return the shortest wall time of a call in s."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return min(found)


def cpu_of(call: Callable[[], Any]) -> float:
    """Return the CPU time of a call in s."""
    start = time.process_time()
    call()
    return time.process_time() - start


def spread(name: str, values: list[float]) -> Row:
    return {f"{name}_median": float(np.median(values)), f"{name}_worst": float(np.max(values))}


# --- all of them ----------------------------------------------------------------------------------------------------


def run_case(case: str, args: argparse.Namespace) -> Row:
    """Run a case in a process of its own, by way of a shell, which keeps our memory out of its peak."""
    given = [x for name in ("cells", "templates", "points", "views") for x in (f"--{name}", str(getattr(args, name)))]
    command = [sys.executable, __file__, "--case", case, "--folder", str(args.folder), *given]
    done = subprocess.run(["sh", "-c", '"$@"; exit $?', "sh", *command], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{case} failed:\n{done.stderr[-3000:]}")
    row: Row = json.loads(done.stdout.splitlines()[-1])
    return {"case": case, "load1": os.getloadavg()[0]} | row


def main() -> None:
    """Read the command line; run one case here, or all and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=10_000_000)
    parser.add_argument("--templates", type=int, default=1000)
    parser.add_argument("--points", type=int, default=100, help="points of an invented cell")
    parser.add_argument("--views", type=int, default=50, help="camera places")
    parser.add_argument("--only", nargs="*", default=[], help=f"cases: {' '.join(CASES)}")
    parser.add_argument("--folder", type=Path, help="where the files go, and stay")
    parser.add_argument("--case", choices=list(CASES), help="run it in this process and print a JSON line")
    parser.add_argument("--dry", action="store_true", help="do not write the result file")
    args = parser.parse_args()
    if args.case:
        print(json.dumps(CASES[args.case](args)))
        return
    from common import commit
    from scene_report import report

    from neurosim.cli.info import facts

    load, name = os.getloadavg()[0], commit()
    with tempfile.TemporaryDirectory() as folder:
        args.folder = args.folder or Path(folder)
        args.folder.mkdir(parents=True, exist_ok=True)
        rows = []
        for case in args.only or CASES:
            rows.append(run_case(case, args))
            print(json.dumps(rows[-1]), flush=True)
    print("\n" + report(rows))
    if not args.dry:
        machine = {key: value for key, value in facts().items() if key not in ("cache", "cache_MB")}
        result = {
            "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
            "commit": name,
            "cells": args.cells,
            "templates": args.templates,
            "load_before": load,
            "machine": machine,
            "versions": {package: version(package) for package in ("neurosim", "numpy", "numba", "h5py")},
            "lines": rows,
        }
        (ROOT / "benchmarks" / "results" / "viewer_scene.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
