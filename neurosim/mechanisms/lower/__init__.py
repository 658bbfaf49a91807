"""The compiler's middle: from a ``Mechanism`` (code as syntax) to ``Lowered`` (pure functions as Python source).

own          currents that are the mechanism's own part
names        what a name stands for, how it is spelled
execute      symbolic execution: inlining, unrolling, both branches of ``if``
effects      net_send and its like as outputs
draws        random numbers
functions    FUNCTION_TABLE
loops        WHILE
ir           values without duplicates
derive       linear forms, derivatives
solve        SOLVE -> exponential (cnexp), newton, explicit, kinetic, linear
tables       TABLE
optimise     merged exponentials, shared reciprocals
emit         source, one operation a line
additive     synapses whose events only add
assemble     the programs and what is stored between them
"""

from __future__ import annotations

from collections.abc import Collection

from neurosim.errors import MechanismError
from neurosim.mechanisms.lower.assemble import assemble
from neurosim.mechanisms.lower.names import symbol
from neurosim.mechanisms.lower.own import own_currents
from neurosim.mechanisms.mechanism import Mechanism
from neurosim.mechanisms.nmodl.include import at_its_place
from neurosim.mechanisms.program import Lowered

__all__ = ["lower", "symbol"]


def lower(mech: Mechanism, *, keep: Collection[str] = (), real: str = "float64") -> Lowered:
    """Return the programs of a mechanism.

    Parameters
    ----------
    mech : Mechanism
        From either front end.
    keep : collection of str
        Assigned variables that must be stored because somebody records them; others are stored only if some program
        reads them before writing.
    real : str
        ``"float64"``, or ``"float32"``: literals become ``float32(...)`` and conductances derivatives, not differences.

    Raises
    ------
    MechanismError
        Wrong code: undeclared names, wrong indices, missing blocks.
    UnsupportedConstructError
        Code that is understood and not supported.
    """
    try:
        return assemble(own_currents(mech), keep, real)
    except MechanismError as error:
        raise at_its_place(error, mech.included) from None
