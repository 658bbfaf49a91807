"""Checks of what users give, with messages of one form: place, name and value, what is allowed."""

from __future__ import annotations

import math

import numpy as np

from neurosim.errors import ModelError


def finite(where: str, **given: object) -> None:
    """Refuse what is no finite number."""
    for name, value in given.items():
        if not isinstance(value, int | float | np.integer | np.floating) or not math.isfinite(value):
            raise ModelError(f"{where}: {name}={value!r} is not allowed; give a finite number")


def above_zero(where: str, **given: float) -> None:
    """Refuse what is no finite number above 0."""
    finite(where, **given)
    for name, value in given.items():
        if value <= 0.0:
            raise ModelError(f"{where}: {name}={value} is not allowed; it must be above 0")


def not_negative(where: str, **given: float) -> None:
    """Refuse what is no finite number of at least 0."""
    finite(where, **given)
    for name, value in given.items():
        if value < 0.0:
            raise ModelError(f"{where}: {name}={value} is not allowed; it must be 0 or more")


def probability(where: str, **given: float) -> None:
    """Refuse what is not from 0 to 1."""
    finite(where, **given)
    for name, value in given.items():
        if not 0.0 <= value <= 1.0:
            raise ModelError(f"{where}: {name}={value} is not allowed; a probability is 0 to 1")


def whole(where: str, *, least: int | None = 0, **given: object) -> None:
    """Refuse what is no whole number of at least ``least``."""
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise ModelError(f"{where}: {name}={value!r} is not allowed; give a whole number")
        if least is not None and value < least:
            raise ModelError(f"{where}: {name}={value} is not allowed; it must be {least} or more")


def text(where: str, **given: object) -> None:
    """Refuse what is no text or an empty one."""
    for name, value in given.items():
        if not isinstance(value, str) or not value:
            raise ModelError(f"{where}: {name}={value!r} is not allowed; give a text")
