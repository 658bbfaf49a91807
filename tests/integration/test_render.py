"""Pictures and movies of known scenes: what is lit, in which colour, how much of it, and ``neurosim render``."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest

from neurosim.broadcast import Broadcast, Frame
from neurosim.cli import main
from neurosim.errors import NeurosimError, OutputError
from neurosim.viewer.gl import pieces
from neurosim.viewer.gl.colours import PALETTE, colour_map, rgb
from neurosim.viewer.gl.drawing import Drawing
from neurosim.viewer.gl.movie import MovieCancelledError, MovieError, movie, times_ms
from neurosim.viewer.gl.painter import Lens
from neurosim.viewer.gl.picture import SizeError
from neurosim.viewer.gl.still import still
from neurosim.viewer.live import LiveSource
from neurosim.viewer.memory_source import MemorySource, Voltages
from neurosim.viewer.scene.memory import MemoryScene
from neurosim.viewer.scene.scene import KindOfCell
from tests.gl_canvas import HEIGHT, VIEW, WIDTH, at, background, decoded, needs_gl, pixels, source_of
from tests.viewer_scenes import many_cells, three_cells

pytestmark = needs_gl


def brightness(picture: np.ndarray, x_um: float, y_um: float) -> float:
    return float(at(picture, x_um, y_um).sum())


def test_a_spike_lights_the_soma_first_then_the_branch_at_the_velocity_and_fades() -> None:
    source = source_of([0], [50.0])
    before, now, half, late, gone = (pixels(source, t, colour="spikes") for t in (49.9, 50.001, 50.5, 52.0, 100.0))
    soma, near, far = (0.0, 0.0), (100.0, 0.0), (250.0, 0.0)
    assert brightness(now, *soma) > 2 * brightness(before, *soma)
    assert brightness(now, *near) == brightness(before, *near)
    # After 0.5 ms at 300 um a ms the wave is at 150 um.
    assert brightness(half, *near) > 2 * brightness(before, *near)
    assert brightness(half, *far) == brightness(before, *far)
    assert brightness(late, *far) > 2 * brightness(before, *far)
    assert brightness(late, *near) < brightness(half, *near)
    assert brightness(gone, *soma) == pytest.approx(brightness(before, *soma), rel=0.05)


def test_a_spike_changes_its_cell_and_no_other() -> None:
    changed = (pixels(source_of([1], [49.0]), colour="spikes") != pixels(source_of(), colour="spikes")).any(axis=2)
    rows, columns = np.nonzero(changed)
    # Cell 1 is at y = 400 um, row 480; its light reaches 3.5 radii of 10 um.
    assert rows.min() >= 480 - 38 and rows.max() <= 480 + 38
    assert columns.min() >= 170 - 38 and columns.max() <= 170 + 305
    assert changed[480, 170:460].all()


def test_a_compartment_has_the_colour_of_its_voltage() -> None:
    values = np.full((2, 31), -65.0, np.float32)
    values[:, 15], values[:, 20] = 0.0, -30.0
    source = source_of(voltage=Voltages(0.0, 100.0, {0: values}))
    near = {"eye": [145.0, 0.0, 60.0], "look": [0, 0, -1], "up": [0, 1, 0], "colour": "voltage"}
    table = 255.0 * colour_map("magma")
    for node, v_mV in ((15, 0.0), (20, -30.0), (10, -65.0)):
        x_um = 10.0 * node - 5.0
        shown = decoded(still(source, near | {"eye": [x_um, 0.0, 60.0]}, 400, 400, 50.0, words=False))
        expected = table[round(255 * (v_mV + 90.0) / 110.0)]
        assert shown[199:201, 199:201].mean(axis=(0, 1)) == pytest.approx(expected, abs=6.0)


def test_a_voltage_that_is_not_known_is_grey() -> None:
    source = source_of(voltage=Voltages(0.0, 100.0, {0: np.zeros((2, 31), np.float32)}))
    grey = at(pixels(source, colour="voltage"), 0.0, 400.0)
    coloured = at(pixels(source, colour="voltage"), 0.0, 0.0)
    assert np.ptp(grey) < 8 and np.ptp(coloured) > 40


def test_populations_have_their_colours() -> None:
    kinds = [KindOfCell("E"), KindOfCell("I")]
    scene = MemoryScene.from_arrays("two", [[0, 0, 0], [0, 400, 0]], kind=[0, 1], kinds=kinds)
    shown = pixels(source_of(scene=scene), colour="population")
    for y_um, number in ((0.0, 0), (400.0, 1)):
        colour, wanted = at(shown, 0.0, y_um), 255.0 * np.array(rgb(PALETTE[number]))
        assert colour / np.linalg.norm(colour) == pytest.approx(wanted / np.linalg.norm(wanted), abs=0.02)
        assert 0.8 * wanted.max() < colour.max() <= wanted.max() + 2


def test_a_clip_plane_cuts_away_what_lies_beyond_it() -> None:
    lit = {
        flip: (pixels(source_of(), clip={"axis": "y", "at": 200.0, "flip": flip}) != background("dark")).any(
            axis=(1, 2)
        )
        for flip in (False, True)
    }
    assert lit[False][880] and not lit[False][480] and not lit[False][80]
    assert not lit[True][880] and lit[True][480] and lit[True][80]
    along = pixels(source_of(), clip={"axis": "x", "at": 150.0, "flip": False})
    assert (at(along, 140.0, 0.0) != background("dark")).any()
    assert (at(along, 160.0, 0.0) == background("dark")).all()


def test_the_light_theme_is_dark_on_white() -> None:
    shown = pixels(source_of([0], [50.0]), 50.5, colour="spikes", theme="light")
    assert shown[400, 400].tolist() == [255, 255, 255]
    assert brightness(shown, 0.0, 0.0) < brightness(shown, 0.0, 400.0) < 3 * 255


def test_as_much_is_covered_as_the_cells_are_large() -> None:
    """One pixel is 1 um: three discs of radius 10 um and three branches, 2 um wide, from there to 300 um, round."""
    alpha = pixels(source_of(), transparent=True)[..., 3] / 255.0
    expected = 3.0 * (np.pi * 10.0**2 + 2.0 * 290.0 + np.pi / 2.0)
    assert alpha.sum() == pytest.approx(expected, rel=0.02)
    # Pixels touched: up to one more along each edge.
    touched = int((pixels(source_of()) != background("dark")).any(axis=2).sum())
    assert expected * 0.95 < touched < expected + 3 * (2 * 300 + 2 * np.pi * 10)


def test_a_transparent_picture_has_colours_without_the_background() -> None:
    shown = pixels(source_of([0], [50.0]), 50.2, transparent=True, colour="spikes")
    opaque = pixels(source_of([0], [50.0]), 50.2, colour="spikes")
    assert shown[400, 400, 3] == 0
    solid = shown[..., 3] == 255
    assert solid.sum() > 1000
    assert np.abs(shown[solid][:, :3] - opaque[solid]).max() <= 2


def test_cells_behind_the_eye_and_branches_through_it_do_no_harm() -> None:
    state = {"eye": [150.0, 400.0, 10.0], "look": [1.0, 0.0, 0.0], "up": [0.0, 1.0, 0.0]}
    shown = decoded(still(source_of(), state, 320, 240, 0.0, words=False))
    away = decoded(still(source_of(), state | {"look": [-0.1, 0.0, 1.0]}, 320, 240, 0.0, words=False))
    assert 0 < (shown != background("dark")).any(axis=2).sum() < 320 * 240 / 4
    assert (away == background("dark")).all()


def test_words_are_written_and_selected_cells_ringed() -> None:
    plain, written, ringed = (
        pixels(source_of(), words=words, selection=chosen) for words, chosen in ((False, []), (True, []), (True, [1]))
    )
    assert (plain[:40, -140:] == background("dark")).all()
    assert (written[:40, -140:] != background("dark")).any()
    changed = np.argwhere((written != ringed).any(axis=2))
    assert len(changed) > 20
    assert np.abs(changed - [480, 170]).max() < 30


def test_drawing_says_nothing(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    for colour in ("spikes", "voltage", "rate", "population"):
        still(source_of([0], [50.0]), {"colour": colour}, 64, 48, 50.0)
    assert caplog.records == [] and capfd.readouterr() == ("", "")


def test_drawing_again_gives_the_same_bytes_from_any_thread() -> None:
    spiking, many = source_of([0, 1], [40.0, 50.0]), source_of(scene=many_cells(60))
    states = [(spiking, {"colour": "spikes"}, 300, 200), (many, {"colour": "population"}, 260, 340)] * 4
    alone = [still(source, state, width, height, 50.0) for source, state, width, height in states]
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(still, source, state, width, height, 50.0) for source, state, width, height in states]
        assert [one.result() for one in asked] == alone
    assert alone[0] == alone[2] != alone[1]


def test_a_picture_needs_no_display(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom tests.gl_canvas import source_of\n"
        "from neurosim.viewer.gl.still import still\n"
        "Path(sys.argv[1]).write_bytes(still(source_of([0], [50.0]), {'colour': 'spikes'}, 320, 240, 50.0))\n"
    )
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "EGL_PLATFORM", "XDG_RUNTIME_DIR")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "a.png")], check=True, env=environment)
    assert decoded((tmp_path / "a.png").read_bytes()).shape == (240, 320, 3)


def test_what_does_not_stay_on_the_card_is_drawn_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    source = source_of([0, 7, 11], [49.0, 45.0, 49.5], scene=many_cells(40))
    state = {"colour": "spikes"}
    whole = still(source, state, 400, 300, 50.0)
    monkeypatch.setattr(pieces, "CHUNK", 700)
    in_chunks = still(source, state, 400, 300, 50.0)
    monkeypatch.setattr(pieces, "RESIDENT", 0)
    assert whole == in_chunks == still(source, state, 400, 300, 50.0)


def test_thin_branches_look_the_same_as_lines_and_as_flat_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    source = source_of(scene=many_cells(40))
    lines = decoded(still(source, {"colour": "population"}, 400, 300, 50.0, words=False))
    divided: list[int] = []

    def all_wide(lens: Lens, drawing: Drawing, least_px: float) -> np.ndarray:
        divided.append(len(drawing.segments))
        return np.zeros(len(drawing.segments), np.bool_)

    monkeypatch.setattr(Lens, "thin", all_wide)
    flat = decoded(still(source, {"colour": "population"}, 400, 300, 50.0, words=False))
    assert divided[0] > 2000
    lit = [int((picture - background("dark")).sum()) for picture in (lines, flat)]
    assert lit[0] == pytest.approx(lit[1], rel=0.12)
    assert np.abs(lines - flat).mean() < 3.0


# --- movies ---------------------------------------------------------------------------------------------------------


def frames_of(path: Path) -> list[np.ndarray]:
    import av

    with av.open(str(path)) as file:
        return [frame.to_ndarray(format="rgb24").astype(int) for frame in file.decode(video=0)]


def test_an_mp4_has_its_frames_and_the_wave_runs_through_them(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    path = movie(
        source_of([0], [50.0]),
        VIEW | {"colour": "spikes"},
        tmp_path / "a.mp4",
        start_ms=49.5,
        stop_ms=51.5,
        fps=20.0,
        rate=5.0,
        width=WIDTH // 2,
        height=HEIGHT // 2,
        progress=lambda done, total: seen.append((done, total)),
    )
    frames = frames_of(path)
    assert len(frames) == 9 and seen == [(k, 9) for k in range(1, 10)]
    assert frames[0].shape == (HEIGHT // 2, WIDTH // 2, 3)
    # Row 440 is y = 0; the soma is at column 85, the end of the branch at 235. A frame is 0.25 ms, 75 um.
    soma = [int(frame[438:443, 83:88].sum()) for frame in frames]
    end = [int(frame[438:443, 225:235].sum()) for frame in frames]
    assert np.argmax(np.diff(soma)) == 1
    assert 4 <= np.argmax(np.diff(end)) <= 6
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]


def test_a_gif_has_its_frames(tmp_path: Path) -> None:
    from PIL import Image

    spiking = source_of([0], [50.0])
    path = movie(
        spiking, None, tmp_path / "a.gif", start_ms=49.0, stop_ms=52.0, fps=10.0, rate=10.0, width=101, height=75
    )
    with Image.open(path) as file:
        assert (file.n_frames, file.size) == (4, (101, 75))


def test_the_camera_turns(tmp_path: Path) -> None:
    path = movie(source_of(), None, tmp_path / "a.mp4", stop_ms=2.0, fps=10.0, rate=10.0, width=160, height=120,
                 turn_deg=90.0, words=False)  # fmt: skip
    first, middle, last = frames_of(path)
    width = [np.ptp(np.nonzero((frame > 22).any(axis=(0, 2)))[0]) for frame in (first, middle, last)]
    assert width[0] > width[1] > width[2]


@pytest.mark.parametrize("kind", [".mp4", ".gif"])
@pytest.mark.parametrize("what", [KeyboardInterrupt, OutputError, MovieCancelledError])
def test_a_movie_that_ends_early_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, what: type[BaseException]
) -> None:
    goal, drawn = tmp_path / f"a{kind}", [0]
    goal.write_text("the one of before")

    def stop(done: int, total: int) -> None:
        drawn[0] = done
        if what is KeyboardInterrupt and done == 2:
            raise KeyboardInterrupt

    def full(film: object, image: object) -> None:
        raise OSError(28, "No space left on device")

    if what is OutputError:
        for film in ("_Mp4", "_Gif"):
            monkeypatch.setattr(f"neurosim.viewer.gl.movie.{film}._write", full)
    with pytest.raises(what):
        movie(source_of(), None, goal, width=64, height=48, stop_ms=10.0, progress=stop,
              cancelled=lambda: what is MovieCancelledError and drawn[0] == 2)  # fmt: skip
    assert list(tmp_path.iterdir()) == [goal]
    assert goal.read_text() == "the one of before"


def test_sizes_names_and_stretches_that_cannot_be_filmed_are_refused(tmp_path: Path) -> None:
    source = source_of()
    with pytest.raises(SizeError, match="such as 102x76"):
        movie(source, None, tmp_path / "a.mp4", width=101, height=75)
    with pytest.raises(MovieError, match=r"\.mp4, \.gif"):
        movie(source, None, tmp_path / "a.avi")
    with pytest.raises(OutputError, match="cannot be written"):
        movie(source, None, tmp_path / "none" / "a.mp4")
    with pytest.raises(MovieError, match="too many for a GIF"):
        movie(source, None, tmp_path / "a.gif", fps=240.0, rate=0.5)
    for wrong in ((5.0, 5.0, 30.0, 20.0), (0.0, 5.0, 0.0, 20.0), (0.0, 5.0, 30.0, -1.0), (0.0, 1e9, 30.0, 1.0)):
        with pytest.raises(MovieError):
            times_ms(*wrong)
    assert list(tmp_path.iterdir()) == []


# --- neurosim render --------------------------------------------------------------------------------------------------


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch) -> MemorySource:
    """Results that ``neurosim render`` opens whatever their name."""
    source = source_of([0], [50.0], scene=three_cells())
    monkeypatch.setattr("neurosim.viewer.opening.source_of", lambda what: source)
    return source


def test_render_draws_what_still_draws(
    results: MemorySource, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    goal = tmp_path / "a.png"
    assert main(["render", "run", "-o", str(goal), "--t-ms", "50.5", "--size", "320x240", "--theme", "light"]) == 0
    assert goal.read_bytes() == still(results, {"theme": "light"}, 320, 240, 50.5)
    assert capsys.readouterr().out.strip() == str(goal)


def test_render_makes_a_movie_and_is_silent_without_a_terminal(
    results: MemorySource, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    goal = tmp_path / "a.mp4"
    words = f"render run -o {goal} --size 64x48 --start-ms 0 --stop-ms 4 --fps 5 --rate 10 --colour spikes --quiet"
    assert main(words.split()) == 0
    assert len(frames_of(goal)) == 3
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("-o a.bmp", "--output"),
        ("-o a.mp4 --t-ms 3", "--t-ms is for pictures"),
        ("-o a.png --fps 3", "--fps is for movies"),
        ("-o a.png --size 9x9", "width=9"),
        ('-o a.png --state {"colur":"rate"}', "colur"),
        ('-o a.png --state {"fov":999}', "state.fov"),
        ("-o a.png --colour layer", "fact:row"),
        ("-o a.png --budget 0", "budget"),
        ("-o none/a.png", "cannot be written"),
    ],
)
def test_render_says_what_is_wrong_with_an_option(
    results: MemorySource,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: str,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["render", "run", *words.split()]) == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_render_refuses_a_size_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["render", "run", "--size", "wide"])
    assert "1920x1080" in capsys.readouterr().err


def test_every_refusal_is_one_of_neurosims_errors() -> None:
    for wrong in (MovieError, MovieCancelledError, SizeError):
        assert issubclass(wrong, NeurosimError)


# --- other sources ----------------------------------------------------------------------------------------------------


def test_a_spike_file_alone_is_drawn(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "spikes.h5", "w") as file:
        group = file.create_group("spikes/cells")
        group["node_ids"] = np.array([0, 5, 3], np.uint64)
        group["timestamps"] = np.array([1.0, 8.0, 9.0])
        group["timestamps"].attrs["units"] = "ms"
    goal = tmp_path / "a.png"
    assert main(["render", str(tmp_path / "spikes.h5"), "-o", str(goal), "--size", "320x240", "--no-words"]) == 0
    shown = decoded(goal.read_bytes())
    assert (shown.max(axis=2) > 150).sum() > 20


def test_a_live_run_is_drawn_with_its_voltage_of_now() -> None:
    broadcast, stop = Broadcast(3), threading.Event()
    source = LiveSource(None, three_cells(), broadcast)

    def run() -> None:
        t_ms = 0.0
        while not stop.wait(0.01):
            cells = broadcast.wishes.voltage_cells
            values = np.full(31 * len(cells), 0.0, np.float32) if cells else None
            none = np.empty(0, np.int64)
            broadcast.put(Frame(t_ms, t_ms + 1.0, none, np.empty(0), voltage_mV=values, voltage_cells=cells))
            t_ms += 1.0

    thread = threading.Thread(target=run)
    thread.start()
    try:
        shown = decoded(still(source, VIEW | {"colour": "voltage"}, WIDTH, HEIGHT, words=False))
    finally:
        stop.set()
        thread.join()
        source.close()
    expected = 255.0 * colour_map("magma")[round(255 * 90 / 110)]
    assert at(shown, 0.0, 400.0) / expected == pytest.approx(np.full(3, 0.93), abs=0.06)
