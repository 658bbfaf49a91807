"""Mechanisms from equations: ``Channel`` and ``Synapse``.

    Kv3 = Channel("Kv3", '''
        m' = (minf - m)/mtau
        minf = 1/(1 + exp(-(v - 18.7)/9.7))
        mtau = 4/(1 + exp(-(v + 46.56)/44.14))
        ik = gbar*m*(v - ek)
        ''', gbar=1e-5)

Equations only: which ions are used, how each state is integrated and where it starts follows from them. The result is
the same ``Mechanism`` that a .mod file gives. Units are NMODL's (mV, ms, mA/cm2 or nA, mM, um, degC).
"""

from __future__ import annotations

from collections.abc import Mapping

from neurosim.mechanisms.compose import compose
from neurosim.mechanisms.mechanism import Kind, Mechanism


def Channel(
    name: str, equations: str, *, initial: str | None = None, method: str | None = None, **parameters: float
) -> Mechanism:
    """Make a density mechanism (channel, pump or pool) from equations.

    Parameters
    ----------
    name : str
        Its name.
    equations : str
        Lines ``x = ...`` (in any order), ``x' = ...``, ``A <-> B (forward, backward)``, conservation laws
        ``A + B = 1``; ``: unit`` after a line is checked (after ``x' = ...`` it is the unit of x). A left side ``ik``
        or ``cai`` writes that ion variable, the use of ``ek`` or ``ica`` reads it; ``i`` is the current of no ion, in
        mA/cm2.
    initial : str, optional
        Lines ``state = ...``. States not named start at their steady state if their equation is linear, else at 0.
    method : str, optional
        ``cnexp``, ``derivimplicit``, ``euler``, ``runge`` or ``sparse`` for all equations. By default ``cnexp`` if
        each is linear in its own state, else ``derivimplicit`` for all; reactions get ``sparse``.
    **parameters : float
        Names and defaults, in the units of the equations.

    Returns
    -------
    Mechanism
        Immutable; ``.variant(...)`` derives others.

    Raises
    ------
    MechanismError
        A line is wrong or a name unknown; the line is given, from 1.
    """
    return compose(name, Kind.DENSITY, equations, parameters, initial=initial, method=method)


def Synapse(
    name: str,
    equations: str,
    *,
    event: str | None = None,
    connection: Mapping[str, float] | None = None,
    initial: str | None = None,
    method: str | None = None,
    **parameters: float,
) -> Mechanism:
    """Make a point process from equations; ``i`` is its current in nA.

    Parameters
    ----------
    name, equations, initial, method, **parameters
        As for ``Channel``.
    event : str, optional
        Lines executed in order when an event arrives; ``w`` is the weight. ``x = ...`` and ``x += ...`` (``-= *= /=``)
        set states and variables of the connection; other names are temporary.
    connection : mapping, optional
        Variables that each connection has for itself, with their first values.

    Returns
    -------
    Mechanism
        Immutable; ``.variant(...)`` derives others.
    """
    return compose(
        name, Kind.POINT, equations, parameters, initial=initial, method=method, event=event, connection=connection
    )
