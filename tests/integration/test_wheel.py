"""What is installed from a wheel works: the linked folders are real in sdist and wheel, and a cell runs."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

FOLDERS = (
    "models/demo/params/cells.toml",
    "models/__init__.py",
    "hpc/__init__.py",
    "viewer/scene/__init__.py",
    "viewer/web/assets/viewer.mjs",
    "viewer/web/assets/widget.css",
)


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run([str(c) for c in command], cwd=cwd, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the sdist, and the wheel made from that sdist (not from the working tree)."""
    folder = tmp_path_factory.mktemp("dist")
    # A copy of the files git knows, links kept: building in the working tree would leave build/ and egg-info behind.
    source = folder / "source"
    for name in run("git", "ls-files", "-z", "-co", "--exclude-standard", cwd=root).split("\0"):
        if name and (root / name).exists():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, source / name, follow_symlinks=False)
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, source, cwd=folder)
    return folder


def test_git_keeps_the_links_as_links(root: Path) -> None:
    kept = run("git", "ls-files", "--stage", "neurosim/models", "neurosim/hpc", "neurosim/viewer", cwd=root)
    assert [line.split()[0] for line in kept.splitlines()] == ["120000"] * 3


def test_the_sdist_holds_folders_instead_of_links(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        members = {m.name.partition("/")[2]: m for m in archive.getmembers()}
    for name in FOLDERS:
        assert members[f"neurosim/{name}"].isfile()
    assert not any(m.issym() or m.islnk() for m in members.values())


def test_the_wheel_holds_code_data_and_licence(built: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as archive:
        names = set(archive.namelist())
    assert {f"neurosim/{name}" for name in FOLDERS} <= names
    assert {"neurosim/py.typed", "neurosim/mechanisms/library/hh.mod"} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"neurosim"}


CELL = """
import neurosim as ns, neurosim.models.demo, pathlib, sys
assert pathlib.Path(ns.__file__).is_relative_to(sys.prefix), ns.__file__
cell = ns.Cell.cylinder(length_um=20.0, diam_um=20.0).insert(ns.mechanisms.HH())
sim = ns.Simulation(cell, dt_ms=0.025)
sim.stimulate("soma(0.5)", ns.Step(start_ms=5.0, duration_ms=20.0, amplitude_nA=0.3))
v = sim.record("soma(0.5)", "v_mV")
sim.run(until_ms=50.0)
print(f"highest {v.values.max():.1f}")
"""


def test_a_cell_runs_from_the_wheel_in_a_clean_environment(built: Path) -> None:
    place = built / "clean"
    venv.create(place, symlinks=True, with_pip=False)
    python = place / "bin" / "python"
    packages = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=built).strip())
    # Offline: the wheel is unpacked as an installer does, and the dependencies come from this environment, but not
    # its own neurosim: that is an editable install, whose .pth file is not read through another .pth file.
    run(
        sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps", "--no-index",
        "--target", packages, next(built.glob("*.whl")), cwd=built,
    )  # fmt: skip
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    out = run(python, "-I", "-c", CELL, cwd=built)
    highest_mV = float(out.split()[-1])
    assert 20.0 < highest_mV < 60.0, "one action potential at least"
