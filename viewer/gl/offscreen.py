"""Painting without a window: one painter of each kind and its target, held in the thread that draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from neurosim.viewer.gl.painter import Frame, Target
from neurosim.viewer.gl.worker import DRAWING, offscreen_canvas

P = TypeVar("P")

_painters: dict[type, Any] = {}
_targets: dict[type, Target] = {}


def painted(kind: type[P], frame: Frame, paint: Callable[[P], None]) -> NDArray[np.uint8]:
    """Return what a painter draws into the shared context, uint8 (height, width, 4).

    Parameters
    ----------
    kind : type
        Of the painter; made when first asked for, without arguments.
    frame : Frame
        Size of the picture.
    paint : function
        Gets the painter and draws.
    """
    with DRAWING:
        offscreen_canvas().set_current()
        if kind not in _painters:
            _painters[kind] = kind()
        target = _targets.get(kind)
        if target is None or target.frame != frame:
            if target is not None:
                target.close()
            target = _targets[kind] = Target(frame)
        return target.draw(lambda: paint(_painters[kind]))


def with_painter(kind: type[P], act: Callable[[P], None]) -> None:
    """Let a painter that was made do something in the shared context, and wait for it; nothing where there is none."""
    if kind in _painters:
        with DRAWING:
            offscreen_canvas().set_current()
            act(_painters[kind])
            offscreen_canvas().context.flush_commands()
