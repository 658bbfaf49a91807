"""``ClosedLoop``: nervous system, muscles, body and environment in one clock.

Every ``control_ms`` of simulated time, in this order: the senses look at the world and the stretch receptors at the
body, and their currents are set; the network advances by ``control_ms`` in steps of ``dt_ms``; the muscles' activations
are read and the body moves by ``control_ms`` in its own steps. Everything is deterministic: the noise of a control step
depends on the seed and its number only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ModelError, SimulationError
from neurosim.model.connections import Couplings
from neurosim.models.worm.body.body import QUADRANTS, ROWS, Body
from neurosim.models.worm.body.medium import Medium
from neurosim.models.worm.environment.arena import Arena
from neurosim.models.worm.environment.environment import UNITS, Environment
from neurosim.models.worm.model import NEURONS, WormModel
from neurosim.models.worm.observation import Observation
from neurosim.models.worm.parameters import Parameters, load
from neurosim.models.worm.senses import Senses
from neurosim.models.worm.spread import spread
from neurosim.models.worm.stretch import Stretch
from neurosim.simulation import Simulation
from neurosim.units import PA_PER_NA

Floats = NDArray[np.float64]


class ClosedLoop:
    """The worm in its world.

    Parameters
    ----------
    seed : int
        Of the starting posture and the noise.
    medium : str, float or Medium
        ``"agar"``, ``"water"``, 0 (water) to 1 (agar), or drag coefficients.
    dt_ms : float
        Step of the network.
    control_ms : float
        How often body and network hear of one another, a multiple of ``dt_ms`` and of the body's step.
    environment : Environment, optional
        Fields, arena, touches; an empty plate when omitted.
    ablate : iterable of str
        What to take away: cells (``"AVAL"``), ``"class:AVB"``, ``"edges:gap"``, ``"transmitter:GABA"``,
        ``"gene:unc-25"``; see ``ablation``.
    model : WormModel, optional
        Another nervous system; the published one with its motor circuit when omitted.
    detail : str
        Compartments: ``"adaptive"``, ``"full"`` or ``"point"``; see ``network``.
    body : str or Body
        ``"chain"``, ``"mujoco"``, or one that is there.
    noise_pA : float, optional
        Standard deviation of the current into every motor neuron, new in every control step; from the parameters when
        omitted.
    threads : int
        Threads of the network; results do not depend on it.

    Examples
    --------
    >>> from neurosim.models import worm
    >>> loop = worm.ClosedLoop(seed=1, medium="agar")
    >>> loop.reset()
    >>> loop.run(10_000.0)
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        medium: Medium | str | float = "agar",
        dt_ms: float = 0.5,
        control_ms: float = 5.0,
        environment: Environment | None = None,
        ablate: Iterable[str] = (),
        model: WormModel | None = None,
        detail: str = "adaptive",
        body: str | Body = "chain",
        noise_pA: float | None = None,
        threads: int = 1,
    ) -> None:
        from neurosim.models.worm.ablation import ablated
        from neurosim.models.worm.network import network_of

        self.seed, self.medium, self.dt_ms, self.control_ms = int(seed), medium, float(dt_ms), float(control_ms)
        self.environment = Environment() if environment is None else environment
        self._touches = tuple(self.environment.touches)
        self.parameters: Parameters = load("loop")
        self.noise_pA = float(self.parameters["noise"] if noise_pA is None else noise_pA)
        whole = published_model() if model is None else model
        self.ablated = self._ablated = (ablate,) if isinstance(ablate, str) else tuple(ablate)
        self.model = ablated(whole, *self.ablated) if self.ablated else whole
        arena = self.environment.arena
        self.body: Body = _body(body, medium, arena) if isinstance(body, str) else body
        arena.check(contact=bool(getattr(self.body, "contact", False)), body=type(self.body).__name__)
        self.network = network_of(self.model, detail=detail)
        self.simulation = Simulation(
            self.network, dt_ms=self.dt_ms, threads=threads, v_init_mV=self.parameters["v_init"], seed=self.seed,
            title="worm",
        )  # fmt: skip
        self.senses, self.stretch = Senses(None, self.model), Stretch(None, self.model)
        cells = range(len(self.model.names))
        self._drive = self.simulation.drive(cells)
        self._spread = spread(self.network, self.stretch.gids)
        self._stretch_drive = self.simulation.drive(self._spread.gids, self._spread.nodes)
        self._conductances = [self.simulation.vary(table, _conductance(table)) for table in self.network.couplings]
        self._voltage = self.simulation.sense("v_mV", cells)
        self._muscles = [k for k in cells if self.model.kind[k] == "muscle"]
        self._muscle_place = np.array([_place(self.model.names[k]) for k in self._muscles])
        self._activation = self.simulation.sense("MuscleForce.a", self._muscles)
        self._noisy = np.array([k for k in cells if self.model.kind[k] == "motor"], np.int64)
        self.stimuli_nA = np.zeros(len(self.model.names))
        self.watchers: list[Callable[[ClosedLoop], None]] = []
        self.scenery: Any = None
        self._steps_made = 0
        self._begin()

    # --- time -------------------------------------------------------------------------------------------------------

    @property
    def time_ms(self) -> float:
        """Time since reset."""
        return self._steps_made * self.control_ms

    def reset(self, seed: int | None = None) -> Observation:
        """Go back to time 0, with another seed if one is given; what was done by hand is forgotten."""
        self.seed = self.seed if seed is None else int(seed)
        self.simulation.reset()
        self.stimuli_nA[:] = 0.0
        self.ablated, self.environment.touches = self._ablated, list(self._touches)
        self._steps_made = 0
        self._begin()
        return self.observation()

    def _begin(self) -> None:
        bend = self.parameters["start.bend"] * _bends(_draw(self.seed, 0, ROWS))
        self.body.reset(curvature_per_mm=bend, heading_rad=0.0)
        self.senses.reset()
        self.stretch.reset()

    def step(self, stimuli_nA: Mapping[str, float] | None = None) -> Observation:
        """Advance by one control step.

        Parameters
        ----------
        stimuli_nA : dict, optional
            Cell -> current into its soma from now on, as ``stimulate``.
        """
        for name, amplitude_nA in (stimuli_nA or {}).items():
            self.stimulate(name, amplitude_nA)
        self._advance()
        return self.observation()

    def run(self, duration_ms: float, *, progress: bool | None = None) -> None:
        """Advance by a number of control steps; a bar is shown when standard error is a terminal.

        Raises
        ------
        KeyboardInterrupt
            After Ctrl-C, once the control step under way is complete.
        """
        from neurosim.interrupts import interrupts
        from neurosim.progress import Progress

        steps = round(duration_ms / self.control_ms)
        if abs(steps * self.control_ms - duration_ms) > 1e-9 * max(1.0, abs(duration_ms)) or steps < 0:
            raise SimulationError(f"run: duration_ms={duration_ms} is no multiple of control_ms={self.control_ms}")
        until_ms = self.time_ms + duration_ms
        bar = Progress(until_ms, label="worm", enabled=progress, start_ms=self.time_ms)
        with bar, interrupts() as stopped:
            for _ in range(steps):
                if stopped:
                    break
                self._advance(stopped)
                bar.update(self.time_ms)
        if stopped:
            raise KeyboardInterrupt

    def _advance(self, stopped: Sequence[bool] = ()) -> None:
        self._drive.set(self._currents_nA())
        body = self.body
        stretch_nA = self.stretch.current_nA(body.curvature_per_mm, body.muscle_strain, self.control_ms)
        self._stretch_drive.set(self._spread.share * stretch_nA[self._spread.row])
        self.simulation.advance(self.control_ms, stopped=stopped)
        self.body.advance(self.activation, self.control_ms)
        self._steps_made += 1
        for watcher in self.watchers:
            watcher(self)

    def _currents_nA(self) -> Floats:
        """Return the currents into all somata for the next control step, float64 (397,)."""
        out = self.stimuli_nA.copy()
        np.add.at(out, self.senses.gids, self.senses.current_nA(self.environment, self.body, self.time_ms))
        if self.noise_pA > 0.0:
            noise = _draw(self.seed, self._steps_made + 1, len(self._noisy))
            out[self._noisy] += self.noise_pA / PA_PER_NA * noise
        return out

    # --- what is seen -----------------------------------------------------------------------------------------------

    @property
    def activation(self) -> Floats:
        """Activation of the muscles now, float64 (4, 24); 0 where there is no muscle."""
        out = np.zeros((len(QUADRANTS), ROWS))
        out[self._muscle_place[:, 0], self._muscle_place[:, 1]] = self._activation.values()
        return out

    @property
    def voltage_mV(self) -> Floats:
        """Voltage of the 302 somata now, float64 (302,)."""
        return self.cell_voltage_mV[:NEURONS]

    @property
    def cell_voltage_mV(self) -> Floats:
        """Voltage of all neurons' somata and of the muscles now, float64 (397,)."""
        return self._voltage.values()

    @property
    def concentration(self) -> dict[str, float]:
        """Each substance of the environment at the nose now, in its unit."""
        world, nose = self.environment, self.body.points_mm[:1]
        return {name: float(world.concentration(nose, self.time_ms, name)[0]) for name in UNITS if name in world.fields}

    def observation(self) -> Observation:
        """Return what there is to see now."""
        body = self.body
        return Observation(
            self.time_ms, np.array(body.points_mm), np.array(body.curvature_per_mm), self.activation, self.voltage_mV,
            self.concentration,
        )  # fmt: skip

    # --- what is done -----------------------------------------------------------------------------------------------

    def stimulate(self, name: str, amplitude_nA: float) -> None:
        """Put a constant current into a soma from the next control step on; 0 ends it.

        Raises
        ------
        ModelError
            No such cell.
        """
        self.stimuli_nA[self._number(name)] = float(amplitude_nA)

    def touch(self, where: str, strength: float = 1.0) -> None:
        """Stroke the animal now; see ``environment.PLACES``."""
        self.environment.touch(where, self.time_ms, strength)

    def ablate_now(self, name: str) -> None:
        """Take a cell out of the running network: nothing goes from it to others any more, nor to it.

        Raises
        ------
        ModelError
            No such cell.
        """
        self._number(name)
        self.ablated = (*self.ablated, name)
        self._cut()

    def _cut(self) -> None:
        """Leave the conductances of the description, but 0 at the cells that were taken out by hand."""
        for conductance in self._conductances:
            gone = np.zeros(len(conductance.table), np.bool_)
            for number in self._ablated_now():
                gone |= conductance.touches(number)
            conductance.set(np.where(gone, 0.0, conductance.start))

    def publish(self, **options: Any) -> Any:
        """Show the loop in a browser while it runs; options and result of ``Simulation.publish``.

        Watchers may touch the animal, ablate cells and put currents into them; what they did is in
        ``simulation.acts``.
        """
        from neurosim.models.worm.scenery import publish

        return publish(self, **options)

    def _number(self, name: str) -> int:
        if name not in self.model.names:
            raise ModelError(f"worm: no cell {name!r}; allowed: the names of WormAtlas, such as AVAL, DB3, MDL05")
        return self.model.number(name)

    # --- keeping ----------------------------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Write all that is needed to go on bitwise the same, as HDF5."""
        from neurosim.models.worm.kept import write

        write(Path(path), self._facts(), self._parts())

    def resume(self, path: str | Path) -> None:
        """Go on from a file of ``save``, in a loop made with the same arguments.

        Raises
        ------
        SimulationError
            The file is of another model, seed, medium or step.
        """
        from neurosim.models.worm.kept import read

        parts = read(Path(path), self._facts())
        self.simulation.set_state(parts["network"])
        self.body.set_state(parts["body"])
        self.senses.set_state(parts["senses"])
        self.stretch.set_state(parts["stretch"])
        self.environment.set_state(parts["environment"])
        self.stimuli_nA[:] = parts["loop"]["stimuli_nA"]
        self._steps_made = int(parts["loop"]["steps_made"][0])
        self.ablated = (*self._ablated, *(self.model.names[k] for k in parts["loop"]["ablated_now"].tolist()))
        self._cut()

    def _ablated_now(self) -> list[int]:
        return [self.model.number(name) for name in self.ablated[len(self._ablated) :]]

    def _facts(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "medium": str(self.medium),
            "dt_ms": self.dt_ms,
            "control_ms": self.control_ms,
            "noise_pA": self.noise_pA,
            "ablated": " ".join(self._ablated),
        }

    def _parts(self) -> dict[str, dict[str, NDArray[Any]]]:
        return {
            "network": dict(self.simulation.state()),
            "body": dict(self.body.state()),
            "senses": self.senses.state(),
            "stretch": self.stretch.state(),
            "environment": self.environment.state(),
            "loop": {
                "stimuli_nA": self.stimuli_nA.copy(),
                "steps_made": np.array([self._steps_made]),
                "ablated_now": np.array(self._ablated_now(), np.int64),
            },
        }

    def __repr__(self) -> str:
        return f"<ClosedLoop in {self.medium}, seed {self.seed}, t = {self.time_ms:g} ms>"


def published_model() -> WormModel:
    """Return the published nervous system with its motor and steering circuits; what the packages hold is read once."""
    from neurosim.models.worm.build import published
    from neurosim.models.worm.motor import equipped
    from neurosim.models.worm.steering import steered

    return steered(equipped(published()))


def _conductance(table: Couplings) -> str:
    """Return the parameter that is 0 where a coupling is cut."""
    return next(name for name in ("weight", "gmax", "g") if name in table.values)


def _body(name: str, medium: Medium | str | float, arena: Arena) -> Body:
    if name == "chain":
        from neurosim.models.worm.body.chain import Chain

        return Chain(medium)
    if name == "mujoco":
        from neurosim.models.worm.body.mujoco_body import MujocoBody

        return MujocoBody(medium, arena=arena)
    raise ModelError(f"worm: no body {name!r}; allowed: 'chain', 'mujoco' or a Body")


def _place(muscle: str) -> tuple[int, int]:
    """Return quadrant and row of a muscle, (0, 4) for MDL05."""
    return QUADRANTS.index(muscle[:3]), int(muscle[3:]) - 1


def _draw(seed: int, number: int, n: int) -> Floats:
    """Return normal numbers that depend on the seed and the number of the control step only."""
    return np.random.Generator(np.random.Philox(key=np.array([seed, number], np.uint64))).standard_normal(n)


def _bends(values: Floats) -> Floats:
    """Return a smooth random bend of the body: a running mean over a sixth of its length, of spread 1."""
    width = ROWS // 6
    return np.convolve(values, np.full(width, 1.0 / np.sqrt(width)), mode="same")
