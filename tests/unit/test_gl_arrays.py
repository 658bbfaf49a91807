"""What is sent to the graphics card, computed without one: ages of spikes, places, voltages, picking, legends."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.errors import ModelError
from neurosim.viewer.gl.bounds import bounds_of, rotation
from neurosim.viewer.gl.camera import camera_of
from neurosim.viewer.gl.colours import colour_map, rgb
from neurosim.viewer.gl.drawing import Drawing, drawing_of
from neurosim.viewer.gl.moment import SPIKES_KEPT, LONG_AGO_ms, ages_ms, colouring, moment_of
from neurosim.viewer.gl.overlay import length_text, round_length, ticks
from neurosim.viewer.gl.picking import pick
from neurosim.viewer.gl.picture import MOST_PIXELS, Size, SizeError, cells_in_view, left_out
from neurosim.viewer.gl.view_state import ViewState, read_state
from neurosim.viewer.gl.voltages import Voltages as Known
from neurosim.viewer.memory_source import Voltages
from neurosim.viewer.scene.scene import Scene
from neurosim.viewer.scene.skeleton import SOMA_ONLY
from tests.gl_canvas import source_of
from tests.viewer_scenes import many_cells, three_cells


def drawn(scene: Scene, level: int = 0) -> Drawing:
    ranks = np.arange(scene.n, dtype=np.uint32)
    return drawing_of(scene, ranks, np.full(scene.n, level, np.uint8), np.zeros(3))


def test_ages_are_those_of_the_last_spikes_before_the_time() -> None:
    rng = np.random.default_rng(0)
    slot, times = rng.integers(0, 20, 300), np.sort(rng.uniform(0.0, 100.0, 300))
    age = ages_ms(slot, times, 25, 60.0)
    for cell in range(25):
        past = sorted(60.0 - t for t in times[(slot == cell) & (times <= 60.0)])[:SPIKES_KEPT]
        expected = past + [LONG_AGO_ms] * (SPIKES_KEPT - len(past))
        assert age[cell] == pytest.approx(expected)


def test_a_rotation_turns_as_its_quaternion_says() -> None:
    half = np.sqrt(0.5) * 32767
    about_z = rotation(np.array([[0, 0, half, half]]).astype(np.int16))[0]
    assert about_z @ [1.0, 0.0, 0.0] == pytest.approx([0.0, 1.0, 0.0], abs=1e-4)


def test_segments_lie_where_the_morphology_is_placed() -> None:
    drawing = drawn(three_cells())
    segments = drawing.segments
    assert len(segments) == 90
    last = np.flatnonzero((segments.slot == 2) & (segments.node == 30))
    assert segments.ends_um[last[0]] == pytest.approx(np.array([[290, 800, 0], [300, 800, 0]]), abs=0.1)
    assert segments.path_um[last[0]].tolist() == [290.0, 300.0]


def test_cells_without_branches_are_balls_only() -> None:
    drawing = drawn(many_cells(50), SOMA_ONLY)
    assert len(drawing.segments) == 0 and not drawing.detailed.any()
    assert drawing.body.sum() == 49


def test_as_many_segments_are_drawn_as_the_selection_counts() -> None:
    source = source_of(scene=many_cells(300))
    camera = camera_of(ViewState(), bounds_of(source.scene), 1.5)
    for budget in (1_000, 5_000, 1_000_000):
        drawing = cells_in_view(source, camera, 900, budget)
        assert len(drawing.ranks) == 300
        assert len(drawing.ranks) + len(drawing.segments) <= budget
    assert len(drawing.segments) > 5_000


def test_the_same_cells_are_not_built_again() -> None:
    source = source_of()
    camera = camera_of(ViewState(), bounds_of(source.scene), 1.5)
    first = cells_in_view(source, camera, 900, 10_000)
    assert cells_in_view(source, camera.turned(10.0), 900, 10_000, first) is first
    assert cells_in_view(source, camera.nearer(0.01).moved(1e4, 0.0), 900, 10_000, first) is not first


def test_voltages_are_laid_out_by_cell_and_compartment() -> None:
    values = {rank: np.tile(rank * 100.0 + np.arange(31), (3, 1)).astype(np.float32) for rank in (0, 2)}
    source = source_of(voltage=Voltages(0.0, 50.0, values))
    drawing = drawn(source.scene)
    known, offset = Known(source, drawing).at(50.0)
    assert known[offset[2] + 30] == 230.0 and known[offset[0] + 7] == 7.0
    assert offset[1] < 0 or np.isnan(known[offset[1]])


def test_voltage_is_shown_where_it_is_known_else_spikes() -> None:
    values = {0: np.zeros((3, 31), np.float32)}
    with_voltage, without = source_of(voltage=Voltages(0.0, 50.0, values)), source_of()
    drawing = drawn(without.scene)
    assert colouring(with_voltage, ViewState(), drawing) == "voltage"
    assert colouring(without, ViewState(), drawing) == "spikes"
    assert colouring(with_voltage, read_state({"colour": "rate"}), drawing) == "rate"


def test_only_spikes_that_can_still_be_seen_count() -> None:
    source = source_of([0, 0, 1], [10.0, 49.0, 51.0])
    moment = moment_of(source, ViewState(), drawn(source.scene), 50.0)
    assert moment.age_ms[0, 0] == pytest.approx(1.0) and moment.age_ms[0, 1] == pytest.approx(40.0)
    assert (moment.age_ms[1] == LONG_AGO_ms).all()


def test_the_rate_is_an_exponential_mean() -> None:
    source = source_of(np.zeros(1000, int), np.arange(1000) * 0.1)
    moment = moment_of(source, read_state({"colour": "rate"}), drawn(source.scene), 100.0)
    assert moment.cell[0] == pytest.approx(colour_map("magma")[-1])
    assert moment.cell[1] == pytest.approx(colour_map("magma")[0])


def test_facts_are_coloured_by_value_and_unknown_ones_are_refused_with_those_there_are() -> None:
    source = source_of()
    moment = moment_of(source, read_state({"colour": "fact:row"}), drawn(source.scene), 0.0)
    assert [name for _, name in moment.key.rows] == ["0", "1", "2"]
    assert moment.cell[1] == pytest.approx(rgb("e69f00"))
    with pytest.raises(ModelError, match="fact:row"):
        moment_of(source, read_state({"colour": "layer"}), drawn(source.scene), 0.0)


def test_picking_finds_the_compartment_under_a_pixel_and_nothing_beside_it() -> None:
    scene, size = three_cells(), Size(640, 960)
    state = read_state({"eye": [150, 400, 1158.8], "look": [0, 0, -1], "up": [0, 1, 0]})
    camera, drawing = camera_of(state, bounds_of(scene), 640 / 960), drawn(scene)
    x, y, _ = camera.pixels(np.array([205.0, 400.0, 0.0]), 640, 960)[0]
    found = pick(drawing, camera, size, x, y)
    assert found is not None and (found.gid, found.node) == (1, 21)
    x, y, _ = camera.pixels(np.array([0.0, 800.0, 0.0]), 640, 960)[0]
    found = pick(drawing, camera, size, x + 5, y + 5)
    assert found is not None and (found.gid, found.node) == (2, 0)
    assert pick(drawing, camera, size, x + 100, y + 100) is None


def test_colour_maps_begin_and_end_as_published() -> None:
    assert colour_map("viridis")[[0, -1]] == pytest.approx(np.array([rgb("440154"), rgb("fde725")]))
    assert colour_map("magma")[128] == pytest.approx(rgb("b73779"), abs=0.01)


def test_scale_bars_and_ticks_are_round() -> None:
    assert [round_length(x) for x in (0.3, 1.0, 7.0, 499.0, 5000.0)] == [0.2, 1.0, 5.0, 200.0, 5000.0]
    assert [length_text(x) for x in (0.2, 50.0, 2000.0)] == ["200 nm", "50 µm", "2 mm"]
    assert ticks(-90.0, 20.0) == [-80.0, -60.0, -40.0, -20.0, 0.0, 20.0]


@pytest.mark.parametrize("size", [(0, 100), (15, 100), (100, 8193), (8192, 8192), (True, 100), (100.0, 100)])
def test_sizes_that_cannot_be_drawn_are_refused(size: tuple[int, int]) -> None:
    assert 8192 * 8192 > MOST_PIXELS
    with pytest.raises(SizeError, match="allowed"):
        Size(*size)


def test_what_is_left_out_is_said() -> None:
    source, size = source_of(scene=many_cells(300)), Size(1200, 800)
    camera = camera_of(ViewState(), bounds_of(source.scene), 1.5)
    assert left_out(cells_in_view(source, camera, 800, 1_000_000), camera, size) == ()
    few = cells_in_view(source, camera, 800, 2_000)
    (note,) = left_out(few, camera, size)
    assert note == f"branches of {few.detailed.sum()} of {few.body.sum()} cells in view"
    points = source_of(scene=many_cells(20_000, 0))
    camera = camera_of(ViewState(), bounds_of(points.scene), 1.5)
    (note,) = left_out(cells_in_view(points, camera, 800, 3_000), camera, size)
    assert note.endswith("cells stand for 20,000")
