"""What the lowering hands to the engine: pure functions as Python source, with the names of what goes in and out.

A *program* is one function without side effects. It is written in a small dialect so that the same text compiles for
float64, for SIMD lanes (``neurosim.kernels.simd``), for CUDA and runs as plain Python (``neurosim.kernels.plain``):

- values are floats or vectors of lanes; literals are Python floats (``float32(...)`` in a single-precision build);
- ``+ - * /``, unary minus, comparisons, and the dialect's functions:
  ``fma(a, b, c) where(mask, a, b) both(m, n) either(m, n) negate(m) every(m) no_lane(x)``,
  ``exp log log10 pow_ sqrt sin cos tan asin acos atan atan2 sinh cosh tanh fabs floor ceil fmod_ minimum maximum``,
  ``lookup(table, column, columns, x, low, per_step, count)``,
  ``uniform gaussian gaussian_draws(random_key, stream, draws)`` (``neurosim.kernels.random``);
- straight-line code, or a ``for`` with ``if every(done): break`` around it (Newton, WHILE); no other control flow.

Names in ``inputs``/``outputs``: ``v t dt celsius area diam``, the mechanism's fields, ion variables (``ena ina cai``),
``table0``, ``table1``, … (addresses of tables) with ``table0_low`` and ``table0_per_step`` (count/(high - low)),
``k0``, ``k1``, … (constants of the run), and for outputs also ``i`` and ``g`` (total current, outwards, and di/dv).
A field is spelled ``neurosim.mechanisms.lower.symbol(field)`` there: ``name[3]`` as ``name__3``, and a field whose name
means something else in programs (``i``, ``g``, ``x``, Python's words, the dialect's functions) with ``__`` at its end.

``v``, fields, ion variables, ``area`` and ``diam`` are lanes; ``t dt celsius k… table…`` are scalars. Outputs and
intermediate values may be scalars too (a current of 0.0), so storing and every operation must accept both.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Program:
    """One pure function: ``def <name>(<inputs>): … return (<outputs>,)``.

    ``source`` is the whole ``def``. ``inputs`` and ``outputs`` are in the order of the signature and of the tuple.
    An empty ``outputs`` means the function does nothing and need not be called.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    source: str


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A TABLE: ``low``, ``high`` are computed by ``bounds``, the columns by ``row(x, …)`` at ``count + 1`` places."""

    count: int
    columns: tuple[str, ...]
    bounds: Program
    row: Program


@dataclass(frozen=True, slots=True)
class Additive:
    """NET_RECEIVE does nothing but ``state += arg0*coefficient`` for each of ``states``.

    ``coefficients`` are 1.0 or names of fields, which no program but ``initial`` changes. ``joinable``: besides, states
    start at 0, ``advance`` multiplies them by factors that depend on parameters (and dt, celsius) only, and currents
    and conductance are sums of these states times something of v, parameters and ions. Then the sums of the states of
    several instances with equal parameters in one compartment are the states of one instance.
    """

    states: tuple[str, ...]
    coefficients: tuple[str | float, ...]
    joinable: bool


@dataclass(frozen=True, slots=True)
class Lowered:
    """A mechanism ready for the engine.

    Parameters
    ----------
    fields : tuple of str
        Everything stored per instance: parameters (RANGE and GLOBAL), states that are not ion variables, assigned
        variables that are read before they are written or that were asked for by ``keep``. Arrays are flattened to
        ``name[0]`` … in ``fields`` and ``name__0`` … in the programs' inputs and outputs.
    defaults : dict
        Field -> value at the start (parameter default, 0 for assigned; states are set by ``initial``).
    initial : Program
        NEURON's INITIAL. Outputs states, kept fields, and written concentrations.
    current : Program
        One current evaluation at v. Outputs ``i``, ``g``, each written ion current, then kept fields and concentrations
        it assigns. Density: mA/cm2 and S/cm2. Point: nA and uS. Electrode currents are already counted negative.
    advance : Program
        All SOLVEs of BREAKPOINT for one step, with v and t after the step.
    tables : tuple of TableSpec
        ``table<k>`` in the inputs is the address of the k-th.
    ion_reads, ion_writes : tuple of str
        Ion variables among inputs and outputs of any program.
    constants : Program or None
        Values that depend on ``celsius`` and ``dt`` only, computed once per run with the plain dialect in float64. Its
        outputs ``k0``, ``k1`` … are inputs (scalars) of the other programs. None if there are none.
    receive, connect : Program or None
        NET_RECEIVE's body and its INITIAL. Inputs are also the connection's values ``arg0`` (the weight), ``arg1`` …,
        and ``flag`` (0 for an event from a connection); outputs those of them that change, fields, and *effects*. In
        ``receive`` t is the exact time of the event. Without ``connect`` a connection starts with all values but the
        weight at 0; with one that has no outputs they stay as the user set them.
    arguments_n : int
        Number of NET_RECEIVE's arguments, the weight included (0: the mechanism receives nothing).
    watch : Program or None
        Values of the WATCH conditions: output ``watch<k>`` is above 0 where the k-th WATCH statement holds (for
        ``a > b`` it is a - b, for ``a < b`` it is b - a). Inputs like those of ``current``.
    watch_flags : tuple of float
        Flag that the k-th WATCH sends.
    netcons : tuple of Program
        Bodies of FOR_NETCONS. Inputs are those of ``receive`` (with the values before the event) and ``other0``,
        ``other1`` … of one connection; outputs those of them that change.
    pointers : tuple of str
        Fields that the engine fills with another cell's voltage.
    additive : Additive or None
        What an event adds, where it does nothing else.

    Notes
    -----
    Effects of ``receive`` (and ``initial``) are outputs in order of execution. Each stands for one statement (after
    inlining and unrolling), k counts from 0 per kind; ``_on`` is 1.0 where it was executed and 0.0 where it was not:

    ``send<k>_on send<k>_t send<k>_flag``  net_send: a self-event at the absolute time ``_t``;
    ``event<k>_on event<k>_t``             net_event: the instance fires at ``_t``;
    ``move<k>_on move<k>_t``               net_move: the pending self-event moves to ``_t``;
    ``watch<k>_on``                        WATCH: condition k becomes active; where any WATCH is executed, those not
                                           executed in the same call become inactive;
    ``netcons<k>_on``                      FOR_NETCONS: run ``netcons[k]`` for every connection of the instance.

    ``_t`` and ``_flag`` mean nothing where ``_on`` is 0. Values of the connection that received the event are stored
    before FOR_NETCONS runs, and only those among the outputs.

    Random numbers are calls of the dialect's pure functions ``uniform(random_key, stream, draws)`` in (0, 1) and
    ``gaussian(random_key, stream, draws)``, which uses ``gaussian_draws`` of the uniform numbers from ``draws`` on.
    They are NEURON's for a stream whose id1 and id2 are the low and high words of ``stream``, id3 the low word of
    ``random_key`` and the global index its high word. ``random_key`` is a scalar input; ``stream`` is a hidden field
    (one whole number an instance, constant) that the engine fills; ``draws`` is a hidden field that counts what was
    drawn, starts at 0 and is written by the programs like any assigned variable.
    """

    fields: tuple[str, ...]
    defaults: dict[str, float]
    initial: Program
    current: Program
    advance: Program
    tables: tuple[TableSpec, ...] = ()
    ion_reads: tuple[str, ...] = ()
    ion_writes: tuple[str, ...] = ()
    constants: Program | None = None
    receive: Program | None = None
    connect: Program | None = None
    arguments_n: int = 0
    watch: Program | None = None
    watch_flags: tuple[float, ...] = ()
    netcons: tuple[Program, ...] = ()
    pointers: tuple[str, ...] = ()
    additive: Additive | None = None
