"""View states and cameras: what is understood, what is refused, and where the eye is."""

from __future__ import annotations

import json
from urllib.parse import quote

import numpy as np
import pytest

from neurosim.viewer.gl.bounds import bounds_of
from neurosim.viewer.gl.camera import camera_of
from neurosim.viewer.gl.view_state import Clip, StateError, ViewState, read_state
from tests.viewer_scenes import many_cells, three_cells

FULL = {
    "eye": [1.0, 2.0, 3.0],
    "look": [0.0, 0.0, -1.0],
    "up": [0.0, 1.0, 0.0],
    "fov": 30,
    "colour": "fact:layer",
    "range": [-80, 40],
    "map": "viridis",
    "clip": {"axis": "y", "at": 12.5, "flip": True},
    "selection": [3, 4],
    "t_ms": 7.5,
    "theme": "light",
    "tau_ms": 5,
    "velocity_um_per_ms": 200,
}


def test_json_a_dict_and_a_pages_address_say_the_same() -> None:
    text = json.dumps(FULL)
    address = f"http://127.0.0.1:8050/#v={quote(text, safe='')}"
    states = [read_state(what) for what in (FULL, text, address, f"#v={quote(text, safe='')}")]
    assert all(state == states[0] for state in states)
    assert states[0].clip == Clip("y", 12.5, True)
    assert states[0].velocity_um_per_ms == 200.0


def test_what_is_missing_or_null_has_its_default() -> None:
    assert read_state({"clip": None, "eye": None}) == read_state("") == read_state(None) == ViewState()


def test_names_of_a_newer_page_are_kept_apart() -> None:
    assert read_state({"panels": ["raster"], "fov": 50}).unknown == ("panels",)


@pytest.mark.parametrize(
    "wrong",
    [
        {"fov": 0},
        {"fov": True},
        {"fov": float("nan")},
        {"eye": [1, 2]},
        {"eye": [1, 2, "x"]},
        {"look": [0, 0, 0]},
        {"look": [0, 1, 0], "up": [0, 2, 0]},
        {"colour": "fact:"},
        {"colour": "red"},
        {"range": [20, -90]},
        {"map": "jet"},
        {"clip": {"axis": "w", "at": 0}},
        {"clip": {"axis": "x"}},
        {"clip": 3},
        {"selection": [-1]},
        {"selection": list(range(1001))},
        {"theme": "blue"},
        {"tau_ms": 0},
        {"t_ms": "now"},
        [1],
        "not a state",
        "#v={",
    ],
)
def test_wrong_values_are_refused_by_name(wrong: object) -> None:
    key = next(iter(wrong)) if isinstance(wrong, dict) else ""
    with pytest.raises(StateError, match=r"^state") as caught:
        read_state(wrong)  # type: ignore[arg-type]
    assert key in str(caught.value) or "up" in str(caught.value)


def test_a_clip_plane_leaves_out_what_lies_above_or_below_it() -> None:
    for flip, above in ((False, False), (True, True)):
        a, b, c, d = Clip("y", 10.0, flip).plane
        assert (a * 0 + b * 11.0 + c * 0 + d >= 0) is above
        assert (a * 0 + b * 9.0 + c * 0 + d >= 0) is not above


@pytest.mark.parametrize("aspect", [0.5, 1.0, 2.5])
def test_without_a_camera_every_cell_is_in_view_seen_along_minus_z(aspect: float) -> None:
    scene = many_cells(200)
    camera = camera_of(ViewState(), bounds_of(scene), aspect)
    cells = scene.cells(np.arange(scene.n, dtype=np.uint32))
    x, y, depth = camera.pixels(scene.positions_um(cells), round(900 * aspect), 900).T
    assert camera.look.tolist() == [0.0, 0.0, -1.0]
    assert depth.min() > 0.0
    assert x.min() >= 0.0 and x.max() <= 900 * aspect
    assert y.min() >= 0.0 and y.max() <= 900.0


def test_the_matrices_put_a_place_where_pixels_says() -> None:
    scene = three_cells()
    state = read_state({"eye": [900, 700, 800], "look": [-1, -0.5, -0.8], "up": [0, 1, 0.2]})
    camera = camera_of(state, bounds_of(scene), 1.5)
    origin = np.array([10.0, 20.0, 30.0])
    place = np.array([100.0, 300.0, -40.0])
    clip = camera.projection() @ camera.view(origin) @ np.append(place - origin, 1.0)
    x, y = (clip[:2] / clip[3] * np.array([0.5, -0.5]) + 0.5) * np.array([1500.0, 1000.0])
    assert camera.pixels(place, 1500, 1000)[0, :2] == pytest.approx([x, y])


def test_turning_keeps_the_distance_and_comes_back_after_a_full_turn() -> None:
    camera = camera_of(ViewState(), bounds_of(three_cells()), 1.5)
    quarter = camera.turned(90.0)
    assert quarter.distance_um == pytest.approx(camera.distance_um)
    assert quarter.look @ camera.look == pytest.approx(0.0, abs=1e-12)
    assert quarter.turned(270.0).eye_um == pytest.approx(camera.eye_um)


def test_the_box_holds_branches() -> None:
    bounds = bounds_of(three_cells())
    assert bounds.low_um == pytest.approx([-10.0, -10.0, -10.0], abs=0.1)
    assert bounds.high_um == pytest.approx([310.0, 810.0, 10.0], abs=0.1)
