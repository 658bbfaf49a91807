"""``Network``: populations of cells and what connects them, drawn from a seed.

A network is a description: cells by gid and columns of connections. ``Simulation`` runs it, ``neurosim.sonata`` stores
it. What is drawn depends on the seed, the names of the two populations, the number of the call between them and the
target cell only, not on other populations nor on how the rows are divided into blocks or ranks.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from neurosim.errors import MechanismError, ModelError
from neurosim.mechanisms.mechanism import Mechanism
from neurosim.model import summary
from neurosim.model.checks import whole
from neurosim.model.connections import Connections, Couplings
from neurosim.model.pairs import Pair, Rule
from neurosim.model.picture import draw_cell
from neurosim.model.places import Place, places_on
from neurosim.model.point import SpikeTrain
from neurosim.model.population import AnyCell, Population, members_of, new_population
from neurosim.model.projection import Junctions, Projection
from neurosim.model.random import Poisson, key_of
from neurosim.model.receiver import checked_rule, columns_of, only_branching, process_of, receiver
from neurosim.model.rules import FromDataFrame
from neurosim.model.values import Value

DELAY_MS = 1.0
"""Delay of a connection where none is given, as NEURON's NetCon."""


class Network:
    """Populations and their connections.

    Parameters
    ----------
    seed : int
        Key of all that is drawn.
    draw : bool
        True: every ``connect`` draws its rows at once. False: it checks the description only, and
        ``connections_for`` draws the rows of the targets asked for (for networks of which a process keeps a part).

    Attributes
    ----------
    cells : list of Cell, PointCell and SpikeTrain
        gid is the index; one object may stand for many.
    populations : dict
        Name -> Population.
    projections, junctions : dict
        Name -> Projection, Junctions: one for each call of ``connect`` and ``couple``.

    Examples
    --------
    >>> import neurosim as ns
    >>> net = ns.Network(seed=1)
    >>> cell = ns.Cell.cylinder(length_um=20.0, diam_um=20.0).insert(ns.mechanisms.HH())
    >>> cells = net.add("cells", 100, cell)
    >>> drive = net.add_spikes("drive", ns.random.Poisson(20.0, stop_ms=500.0), n=100)
    >>> synapse = ns.mechanisms.ExpSyn(tau=2.0)
    >>> net.connect(drive, cells, synapse, rule=ns.rules.OneToOne(), weight=0.02, at="soma(0.5)")
    <Projection drive->cells: ExpSyn; OneToOne(); 100 connections>
    >>> rule = ns.rules.FixedInDegree(10)
    >>> recurrent = net.connect(cells, cells, synapse, rule=rule, weight=0.002, at="soma(0.5)")
    >>> net
    <Network 200 cells in 2 populations; 1100 connections; seed 1>
    """

    def __init__(self, seed: int = 0, *, draw: bool = True) -> None:
        whole("Network", least=None, seed=seed)
        self.seed = int(seed)
        self.draws = draw
        self.cells: list[AnyCell] = []
        self.populations: dict[str, Population] = {}
        self.projections: dict[str, Projection] = {}
        self.junctions: dict[str, Junctions] = {}
        self._connections: list[Connections] = []
        self._couplings: list[Couplings] = []
        self._calls: Counter[tuple[str, str, str]] = Counter()

    # --- cells ------------------------------------------------------------------------------------------------------

    def add(
        self,
        name: str,
        n: int,
        cell: AnyCell | Sequence[AnyCell] | Callable[[int], AnyCell],
        positions_um: ArrayLike | None = None,
        **attributes: Any,
    ) -> Population:
        """Add a population; its gids follow those that are there.

        Parameters
        ----------
        name : str
            Its name, once a network.
        n : int
            Number of cells.
        cell : Cell, PointCell, SpikeTrain, sequence of n of them, or function
            One object for all, one for each, or a function that makes the cell of index 0 to n - 1.
        positions_um : float (n, 3), optional
            Places of the cells.
        **attributes
            Columns: one value, or one for each cell.
        """
        if name in self.populations:
            raise ModelError(f"add: population {name!r} is there already; names must differ")
        members = members_of(name, n, cell)
        population = new_population(name, len(self.cells), members, positions_um, attributes)
        self.cells += members
        self.populations[name] = population
        return population

    def add_spikes(
        self,
        name: str,
        spikes: Mapping[int, ArrayLike] | Sequence[ArrayLike] | Poisson,
        *,
        n: int | None = None,
        positions_um: ArrayLike | None = None,
        **attributes: Any,
    ) -> Population:
        """Add a population of virtual cells that play given spikes.

        Parameters
        ----------
        name : str
            Its name.
        spikes : dict, sequence or Poisson
            Index -> times in ms (others are silent), times of each cell, or ``ns.random.Poisson(rate_Hz, stop_ms)``.
        n : int, optional
            Number of cells; needed with ``Poisson``, otherwise as many as there are times.
        positions_um, **attributes
            As in ``add``.
        """
        times: Sequence[ArrayLike] | Mapping[int, ArrayLike]
        if isinstance(spikes, Poisson):
            if n is None:
                raise ModelError(f"add_spikes {name!r}: Poisson trains need n, the number of cells")
            whole(f"add_spikes {name!r}", n=n)
            index = np.arange(n, dtype=np.int32)
            times = spikes.draw(key_of(self.seed, "spikes", name), index)
        else:
            times = spikes
        given = dict(times) if isinstance(times, Mapping) else dict(enumerate(times))
        for key in given:
            whole(f"add_spikes {name!r}", index=key)
        size = max(given, default=-1) + 1 if n is None else n
        wrong = [key for key in given if key >= size]
        if wrong:
            raise ModelError(f"add_spikes {name!r}: no cell {wrong[0]!r}; allowed: 0 to {size - 1}")
        silent = SpikeTrain()
        with _saying(f"add_spikes {name!r}"):
            trains = [SpikeTrain(given[i]) if i in given else silent for i in range(size)]
        return self.add(name, size, trains, positions_um, **attributes)

    def __getitem__(self, name: str) -> Population:
        """Return the population of that name."""
        return self._population("network", name)

    # --- connections ------------------------------------------------------------------------------------------------

    def connect(
        self,
        source: Population | str,
        target: Population | str,
        synapse: Mechanism | str | None = None,
        *,
        rule: Rule,
        weight: Value | None = None,
        delay_ms: Value | None = None,
        at: Place | None = None,
        name: str | None = None,
        **values: Value,
    ) -> Projection:
        """Connect two populations.

        Parameters
        ----------
        source, target : Population or str
            Populations or parts of them.
        synapse : Mechanism or str, optional
            Point process put into the target, one a connection. Left out where targets are point cells, which receive
            the events themselves.
        rule : Rule
            Who is connected: one of ``ns.rules``.
        weight : Value
            In the unit of the synapse (conductances: uS).
        delay_ms : Value
            1 ms when omitted.
        at : str, list of str or ns.places.Region
            Where on the target: ``"dend[3](0.5)"``, a region to draw from, ``"dend"``, or one place for each row of
            given connections.
        name : str, optional
            Of the projection.
        **values : Value
            Parameters of the synapse.

        Notes
        -----
        A ``Value`` is a number, an array, a distribution of ``ns.random`` or a function of the distance in um; see
        ``neurosim.model.values``.
        """
        pair, title, key = self._begin("connect", source, target, name)
        with _saying(f"connect {title}"):
            checked_rule(rule).check(pair)
            given: dict[str, Value] = dict(rule.columns) if isinstance(rule, FromDataFrame) else {}
            framed: Any = given.pop("at", None)
            where = framed if at is None else at
            mechanism, places = receiver(pair.target, synapse, where, values, rule.rows_n(pair))
            given |= values
            given |= {k: v for k, v in (("weight", weight), ("delay_ms", delay_ms)) if v is not None}
            if "weight" not in given:
                raise ModelError("weight is missing; give weight=..., in uS for conductances")
            given.setdefault("delay_ms", DELAY_MS)
            columns = columns_of(mechanism, given, {"weight": -np.inf, "delay_ms": 0.0}, pair, rule)
            projection = Projection(title, pair, rule, mechanism, columns, places, key)
            if self.draws:
                self._connections.append(projection.connections)
        self._calls["connect", pair.source.name, pair.target.name] += 1
        self.projections[title] = projection
        return projection

    def couple(
        self,
        source: Population | str,
        target: Population | str,
        mechanism: Mechanism | str = "Gap",
        *,
        rule: Rule,
        at: Place,
        source_at: Place | None = None,
        mutual: bool = True,
        name: str | None = None,
        **values: Value,
    ) -> Junctions:
        """Couple cells by voltage: gap junctions, or graded synapses with ``mutual=False``.

        Parameters
        ----------
        source, target : Population or str
            Populations of cells with branches, or parts of them.
        mechanism : Mechanism or str
            Point process with one POINTER to the other side's voltage; the library's gap junction by default.
        rule : Rule
            Which pairs. ``AllToAll``, ``Bernoulli`` and ``DistanceDependent`` look at each two cells of one population
            once.
        at, source_at : str, list of str or ns.places.Region
            Where on the target and on the source (as on the target when omitted).
        mutual : bool
            Two rows a junction, one a side; False: the target alone feels the source.
        name : str, optional
            Of the junctions.
        **values : Value
            Parameters of the mechanism, for instance ``g=0.0005`` (uS), the same on both sides.
        """
        pair, title, key = self._begin("couple", source, target, name)
        with _saying(f"couple {title}"):
            checked_rule(rule).check(pair)
            process = process_of(mechanism)
            if len(process.pointers) != 1:
                raise MechanismError(
                    f"{process.name} has {len(process.pointers)} POINTERs; a coupling needs one, the other side's v"
                )
            columns = columns_of(process, values, {}, pair, rule)
            for side in (pair.source, pair.target):
                only_branching(side)
            rows_n = rule.rows_n(pair)
            here = places_on(pair.target, at, rows_n)
            there = places_on(pair.source, at if source_at is None else source_at, rows_n)
            junctions = Junctions(title, pair, rule, process, columns, here, there, mutual, key)
            if self.draws:
                self._couplings.append(junctions.couplings)
        self._calls["couple", pair.source.name, pair.target.name] += 1
        self.junctions[title] = junctions
        return junctions

    def _begin(
        self, verb: str, source: Population | str, target: Population | str, name: str | None
    ) -> tuple[Pair, str, np.uint64]:
        pair = Pair(self._population(verb, source), self._population(verb, target))
        call = self._calls[verb, pair.source.name, pair.target.name]
        taken = self.projections if verb == "connect" else self.junctions
        plain = f"{pair.source.label}->{pair.target.label}"
        numbered = itertools.chain([plain], (f"{plain} #{k}" for k in itertools.count(2)))
        title = next(text for text in numbered if text not in taken) if name is None else name
        if title in taken:
            raise ModelError(f"{verb}: the name {title!r} is there already; names must differ")
        return pair, title, key_of(self.seed, verb, pair.source.name, pair.target.name, call)

    def _population(self, verb: str, given: Population | str) -> Population:
        name: object = given.name if isinstance(given, Population) else given
        known = self.populations.get(str(name))
        if known is None or (isinstance(given, Population) and given.members is not known.members):
            raise ModelError(
                f"{verb}: {given!r} is no population of this network; it has {', '.join(self.populations) or 'none'}"
            )
        return given if isinstance(given, Population) else known

    @property
    def connections(self) -> list[Connections]:
        """The rows of every ``connect``, in order; others (read from files) may be appended."""
        self._check_drawn("connections")
        return self._connections

    @connections.setter
    def connections(self, rows: list[Connections]) -> None:
        self._connections = rows

    @property
    def couplings(self) -> list[Couplings]:
        """The rows of every ``couple``, in order; others (read from files) may be appended."""
        self._check_drawn("couplings")
        return self._couplings

    @couplings.setter
    def couplings(self, rows: list[Couplings]) -> None:
        self._couplings = rows

    def connections_for(self, gids: ArrayLike) -> list[Connections]:
        """Draw the connections that end on some cells, the same rows as in the whole network.

        Parameters
        ----------
        gids : int (n,)
            Targets. Time and memory are those of their rows, except for ``FixedOutDegree`` and ``FixedTotal``, which
            draw every row to see where it goes.
        """
        self._check_trees()
        asked = np.asarray(gids, int)
        if asked.size and not 0 <= asked.min() <= asked.max() < len(self.cells):
            raise ModelError(
                f"connections_for: gids must be 0 to {len(self.cells) - 1}, got {asked.min()} to {asked.max()}"
            )
        wanted = np.zeros(len(self.cells), np.bool_)
        wanted[asked] = True
        out = []
        for projection in self.projections.values():
            targets = np.flatnonzero(wanted[projection.pair.target.gids]).astype(np.int32)
            out.append(projection.draw(targets))
        return out

    def _check_drawn(self, what: str) -> None:
        if not self.draws:
            raise ModelError(f"this network was made with draw=False and has no {what}; use connections_for(gids)")
        self._check_trees()

    def _check_trees(self) -> None:
        """Nodes are those of the trees at the time of ``connect``."""
        tables = [p.places for p in self.projections.values() if p.places is not None]
        tables += [places for j in self.junctions.values() for places in (j.places, j.source_places)]
        for cell, tree in (pair for table in tables for pair in table.trees):
            if cell.tree is not tree:
                raise ModelError(
                    f"the compartments of {cell.name!r} changed after a place of it was connected; set nseg and "
                    "ra_ohm_cm before connect() and couple()"
                )

    # --- words and pictures -----------------------------------------------------------------------------------------

    def plot_cell(self, gid: int, ax: Any = None) -> Any:
        """Draw the branches of a cell and its synapses; returns the matplotlib axes."""
        return draw_cell(self, gid, ax)

    def summary(self) -> str:
        """Return tables of the populations and projections as text."""
        return summary.text(self)

    def __repr__(self) -> str:
        return summary.line(self)

    def _repr_html_(self) -> str:
        return summary.html(self)


@contextmanager
def _saying(where: str) -> Iterator[None]:
    """Put the place before the message of an error."""
    try:
        yield
    except ModelError as error:
        error.args = (f"{where}: {error}",)
        raise
