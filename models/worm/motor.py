"""``equipped``: the published nervous system with a motor circuit that can crawl.

Who is connected to whom stays as in Cook et al. 2019. What nobody has measured, the sizes, is set here: membranes of
the motor neurons, and the conductances of their synapses and of those on muscles, as multiples of the leak of the cell
that receives. Numbers are in ``params/motor.toml`` and ``params/muscle.toml``; most are fitted by ``fit/``. A few
contacts inhibit although their cell excites elsewhere: the exceptions of ``params/motor.toml``, each with its receptor.

AVA and AVB inhibit one another, and one of them is active. RIB, active in forward movement, inhibits AVE, which excites
AVA; a touch of the head excites AVD and with it AVA; a touch of the tail inhibits both. Nothing ends a reversal by
itself.

| role | cells | part |
|---|---|---|
| B | DB, VB | forward: driven by AVB through gap junctions, and by stretch in front of them |
| A | DA, VA | backward: driven by AVA through gap junctions, and by stretch behind them |
| D | DD, VD | inhibit the muscles of the side that is not driven |
| head | SMD, RMD, SMB (dorsal and ventral ones) | swing the head |
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from neurosim.models.worm import parameters
from neurosim.models.worm.body.body import ROWS
from neurosim.models.worm.model import Contacts, WormModel
from neurosim.models.worm.parameters import Parameters
from neurosim.models.worm.polarity import exceptions_of

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

DORSAL, VENTRAL = 1, -1
CORD = {
    "DB": ("B", DORSAL), "VB": ("B", VENTRAL), "DA": ("A", DORSAL), "VA": ("A", VENTRAL),
    "DD": ("D", DORSAL), "VD": ("D", VENTRAL),
}  # fmt: skip
HEAD = ("SMD", "RMD", "SMB")
DRIVERS = {"B": "AVB", "A": "AVA"}
"""Command neurons that drive the cord's cells through gap junctions."""
SUMS = {
    ("AVA", "from_AVD"): ("AVD",), ("AVA", "from_AVE"): ("AVE",), ("AVA", "from_tail"): ("PLM",),
    ("AVB", "from_command"): ("PVC",), ("AVD", "from_touch"): ("ALM", "AVM"), ("AVD", "from_tail"): ("PLM",),
    ("AVE", "from_RIB"): ("RIB",),
}  # fmt: skip
"""Neurons and parameter, the sum of their contacts over the leak -> from whom."""
_S_PER_CM2_UM2_TO_US = 1e-2


def roles(model: WormModel) -> dict[int, tuple[str, int]]:
    """Return number -> (role, side) of the cells of the motor circuit; the side is that of the muscles they reach."""
    found: dict[int, tuple[str, int]] = {}
    for cell, (name, cell_class) in enumerate(zip(model.names, model.cell_class, strict=True)):
        if cell_class in CORD:
            found[cell] = CORD[cell_class]
        elif cell_class in HEAD and len(name) == 5:
            found[cell] = ("head", DORSAL if name[3] == "D" else VENTRAL)
    return found


def area_um2(model: WormModel) -> Floats:
    """Return the membrane of each cell, float64 (397,)."""
    return np.array([sum(np.pi * s.length_um * s.diam_um for s in shape.sections) for shape in model.morphologies])


def leak_uS(model: WormModel) -> Floats:
    """Return the leak conductance of each whole cell, that of the soma alone included, float64 (397,)."""
    everywhere = model.densities["pas"]["g"] * area_um2(model)
    soma = model.densities["leak"]["gbar"] * soma_um2(model) if "leak" in model.densities else 0.0
    return np.asarray(_S_PER_CM2_UM2_TO_US * (everywhere + soma))


def soma_um2(model: WormModel) -> Floats:
    """Return the membrane of each soma, float64 (397,)."""
    somata = [shape.sections[0] for shape in model.morphologies]
    return np.array([np.pi * soma.length_um * soma.diam_um for soma in somata])


def own_muscles(model: WormModel, cell: int) -> Floats:
    """Return the conductance of a motor neuron's contacts on each row of its own side, float64 (24,)."""
    contacts = model.neuromuscular
    side = roles(model)[cell][1]
    rows, sides = _muscle_places(model)
    mine = (contacts.pre == cell) & (sides[contacts.post] == side)
    return np.asarray(np.bincount(rows[contacts.post[mine]], contacts.conductance_uS[mine], ROWS), np.float64)


def centre_row(model: WormModel, cell: int) -> float:
    """Return the mean row of a motor neuron's own muscles, 0 at the head; NaN where it reaches none."""
    rows = own_muscles(model, cell)
    return float(np.average(np.arange(ROWS), weights=rows)) if rows.any() else float("nan")


def in_tail(model: WormModel, cell: int, motor: Parameters) -> bool:
    """Return whether a cell is one of the last A cells, where the wave backward begins."""
    return roles(model)[cell][0] == "A" and centre_row(model, cell) > motor["tail.from"]


def equipped(model: WormModel, motor: Parameters | None = None, muscle: Parameters | None = None) -> WormModel:
    """Return the model with the membranes and conductances of its motor circuit.

    Parameters
    ----------
    model : WormModel
        As ``build.published`` makes it.
    motor, muscle : Parameters, optional
        Of ``params/motor.toml`` and ``params/muscle.toml``.
    """
    motor = motor or parameters.load("motor")
    muscle = muscle or parameters.load("muscle")
    model = _with_membranes(model, motor, muscle)
    model = replace(model, electrical=_electrical(model, motor))
    model = _with_drivers(model, motor)
    return replace(
        model,
        chemical=_chemical(model, motor),
        neuromuscular=_neuromuscular(model, motor, muscle),
        muscular=_muscular(model, muscle),
    )


# --- membranes ------------------------------------------------------------------------------------------------------


def _with_membranes(model: WormModel, motor: Parameters, muscle: Parameters) -> WormModel:
    """Put passive membranes and plateaus into the motor neurons, and the channels of muscle into the muscles."""
    densities = {
        name: {key: column.copy() for key, column in values.items()} for name, values in model.densities.items()
    }
    cable = {key: column.copy() for key, column in model.cable.items()}
    n = len(model.names)
    plateau = {key: np.zeros(n) for key in ("gbar", "e", "vh", "slope", "tau")}
    role_of = roles(model)
    for cell, (role, _side) in role_of.items():
        part = "tail" if in_tail(model, cell, motor) else role
        _clear(densities, cell)
        densities["pas"]["g"][cell] = motor["membrane.g"]
        densities["pas"]["e"][cell] = motor[f"{part}.rest"]
        cable["cm_uF_per_cm2"][cell] = motor["membrane.cm"]
        if role != "D":
            plateau["gbar"][cell] = motor[f"{part}.plateau"] * motor["membrane.g"]
            for key in ("e", "vh", "slope", "tau"):
                plateau[key][cell] = motor[f"plateau.{key}"]
    muscles = np.array([kind == "muscle" for kind in model.kind])
    densities["pas"]["g"][muscles], densities["pas"]["e"][muscles] = muscle["leak.g"], muscle["leak.e"]
    densities["plateau"] = plateau
    for name, keys in {
        "egl19": ("gbar",), "shk1": ("gbar",), "MuscleCa": ("depth", "share", "rest", "tau"),
        "MuscleForce": ("half", "hill", "rest", "tau"),
    }.items():  # fmt: skip
        columns = densities.setdefault(name, {})
        for key in keys:
            columns.setdefault(key, np.zeros(n))[muscles] = muscle[f"{name}.{key}"]
    return replace(model, densities=densities, cable=cable)


def _clear(densities: dict[str, dict[str, Floats]], cell: int) -> None:
    for name, values in densities.items():
        for column in values.values():
            column[cell] = column[cell] if name == "pas" else 0.0


def _with_drivers(model: WormModel, motor: Parameters) -> WormModel:
    """Give AVB and AVA a leak that outweighs the cord's junctions; AVB's is the standing drive of the forward state.

    The leak is in the soma, and so are their contacts, on both sides: a neurite of such a membrane would be many length
    constants long, and the two could not hold the cord nor one another. Their neurites are there and follow.
    """
    densities = {
        name: {key: column.copy() for key, column in values.items()} for name, values in model.densities.items()
    }
    loads = _gap_load_uS(model)
    area, soma = area_um2(model), soma_um2(model)
    leak = {key: np.zeros(len(model.names)) for key in ("gbar", "eleak")}
    drives = np.isin(model.cell_class, list(DRIVERS.values()))
    for cell in np.flatnonzero(drives).tolist():
        name = model.cell_class[cell]
        _clear(densities, cell)
        whole = motor[f"{name}.leak"] * loads[cell] / _S_PER_CM2_UM2_TO_US - motor["membrane.g"] * area[cell]
        leak["gbar"][cell], leak["eleak"][cell] = whole / soma[cell], motor[f"{name}.rest"]
        densities["pas"]["g"][cell], densities["pas"]["e"][cell] = motor["membrane.g"], motor[f"{name}.rest"]
    densities["leak"] = leak
    return replace(
        model,
        densities=densities,
        chemical=_at_soma(model.chemical, drives),
        electrical=_at_soma(model.electrical, drives),
        neuromuscular=_at_soma(model.neuromuscular, drives),
    )


def _at_soma(contacts: Contacts, cells: Bools) -> Contacts:
    """Return the contacts with the sides of some cells moved to the soma."""
    pre, post = cells[contacts.pre], cells[contacts.post]
    return replace(
        contacts,
        pre_section=np.where(pre, 0, contacts.pre_section).astype(np.int32),
        pre_x=np.where(pre, 0.5, contacts.pre_x),
        post_section=np.where(post, 0, contacts.post_section).astype(np.int32),
        post_x=np.where(post, 0.5, contacts.post_x),
    )


def _gap_load_uS(model: WormModel) -> Floats:
    joined = model.electrical
    n = len(model.names)
    load = np.bincount(joined.pre, joined.conductance_uS, n) + np.bincount(joined.post, joined.conductance_uS, n)
    return np.asarray(load, np.float64)


# --- contacts -------------------------------------------------------------------------------------------------------


def _chemical(model: WormModel, motor: Parameters) -> Contacts:
    """Return the contacts between neurons, those onto the motor circuit with fitted sums."""
    contacts = model.chemical
    role, side = _columns(model)
    leak = leak_uS(model)
    conductance, reversal = contacts.conductance_uS.copy(), contacts.reversal_mV.copy()
    transmitter = contacts.transmitter.copy()
    pre_role, post_role = role[contacts.pre], role[contacts.post]
    across = side[contacts.pre] != side[contacts.post]
    classes = np.array(model.cell_class)
    same_class = classes[contacts.pre] == classes[contacts.post]
    done = np.zeros(len(contacts), bool)
    groups: list[tuple[Bools, float]] = [
        ((pre_role == "B") & (post_role == "D") & across, motor["D.from_B"]),
        ((pre_role == "A") & (post_role == "D") & across, motor["D.from_A"]),
        ((pre_role == "head") & (post_role == "head") & across & same_class, motor["head.reciprocal"]),
        ((classes[contacts.pre] == "RIM") & (post_role == "head"), motor["head.from_RIM"]),
        ((pre_role == "D") & (post_role == "B") & ~across, motor["B.from_D"]),
        ((pre_role == "D") & (post_role == "A") & ~across, motor["A.from_D"]),
    ]
    for rows, sum_over_leak in groups:
        normalise(conductance, contacts.post, rows, sum_over_leak * leak)
        done |= rows
    for pre, post in (("AVA", "AVB"), ("AVB", "AVA")):
        rows = (classes[contacts.pre] == pre) & (classes[contacts.post] == post)
        normalise(conductance, contacts.post, rows, motor[f"{post}.from_{pre}"] * leak)
        done |= rows
    for (post, name), drivers in SUMS.items():
        rows = np.isin(classes[contacts.pre], drivers) & (classes[contacts.post] == post)
        normalise(conductance, contacts.post, rows, motor[f"{post}.{name}"] * leak)
    for name in ("B", "A", "D", "head"):
        _cap(conductance, contacts.post, (post_role == name) & ~done, motor[f"{name}.other"] * leak)
    for (pre, post), (sent, _sign) in exceptions_of(motor).items():
        rows = (classes[contacts.pre] == pre) & (classes[contacts.post] == post)
        if pre == post:
            rows &= (pre_role == "head") & (post_role == "head") & across
        transmitter[rows], reversal[rows] = sent, motor["inhibitory_mV"]
    return replace(contacts, conductance_uS=conductance, reversal_mV=reversal, transmitter=transmitter)


def _electrical(model: WormModel, motor: Parameters) -> Contacts:
    """Return the gap junctions: AVB with B and AVA with A of fitted sum, others at most a share of the leak."""
    joined = model.electrical
    role, _side = _columns(model)
    leak = leak_uS(model)
    classes = np.array(model.cell_class)
    conductance = joined.conductance_uS.copy()
    done = np.zeros(len(joined), bool)
    for name, driver in (*DRIVERS.items(), ("RIM", "AVA")):
        for mine, other in ((joined.pre, joined.post), (joined.post, joined.pre)):
            rows = ((role[mine] == name) | (classes[mine] == name)) & (classes[other] == driver)
            normalise(conductance, mine, rows, motor[f"{name}.from_{driver}"] * leak)
            done |= rows
    n = len(model.names)
    inside = role != ""
    rest = np.where(done, 0.0, conductance)
    load = np.bincount(joined.pre, rest, n) + np.bincount(joined.post, rest, n)
    factor = np.where(inside & (load > 0.0), np.minimum(1.0, motor["gap.other"] * leak / np.maximum(load, 1e-30)), 1.0)
    conductance = np.where(done, conductance, conductance * np.minimum(factor[joined.pre], factor[joined.post]))
    return replace(joined, conductance_uS=conductance)


def _neuromuscular(model: WormModel, motor: Parameters, muscle: Parameters) -> Contacts:
    """Return the contacts on muscles: of each role on its own side a fitted sum per muscle, others at most a share."""
    contacts = model.neuromuscular
    role, side = _columns(model)
    rows, sides = _muscle_places(model)
    leak = leak_uS(model)
    conductance = contacts.conductance_uS.copy()
    own = side[contacts.pre] == sides[contacts.post]
    done = np.zeros(len(contacts), bool)
    for name in ("B", "A", "D", "head"):
        mine = own & (role[contacts.pre] == name)
        total = motor[f"{name}.muscle"] * leak
        if name == "head":
            total = total * np.exp(-np.maximum(rows - motor["head.last_row"], 0.0) / motor["head.reach"])
        normalise(conductance, contacts.post, mine, total)
        done |= mine
    _cap(conductance, contacts.post, ~done, muscle["other"] * leak)
    return replace(contacts, conductance_uS=conductance)


def _muscular(model: WormModel, muscle: Parameters) -> Contacts:
    """Return the junctions between muscles, at most a share of the leak each muscle."""
    joined = model.muscular
    n = len(model.names)
    load = np.bincount(joined.pre, joined.conductance_uS, n) + np.bincount(joined.post, joined.conductance_uS, n)
    factor = np.minimum(1.0, muscle["gap"] * leak_uS(model) / np.maximum(load, 1e-30))
    return replace(joined, conductance_uS=joined.conductance_uS * np.minimum(factor[joined.pre], factor[joined.post]))


def normalise(conductance: Floats, post: NDArray[np.int32], rows: Bools, total_uS: Floats) -> None:
    """Scale the conductances of some contacts so that their sum at each receiving cell is as given."""
    have = np.bincount(post[rows], conductance[rows], len(total_uS))
    conductance[rows] *= (total_uS / np.where(have > 0.0, have, 1.0))[post[rows]]


def _cap(conductance: Floats, post: NDArray[np.int32], rows: Bools, most_uS: Floats) -> None:
    """Scale down the conductances of some contacts where their sum at a receiving cell is above a limit."""
    have = np.bincount(post[rows], conductance[rows], len(most_uS))
    conductance[rows] *= np.minimum(1.0, most_uS / np.where(have > 0.0, have, 1.0))[post[rows]]


def _columns(model: WormModel) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
    """Return role ("" outside of the circuit) and side (0 outside) of every cell."""
    role, side = np.full(len(model.names), "", "U4"), np.zeros(len(model.names), np.int64)
    for cell, (name, its_side) in roles(model).items():
        role[cell], side[cell] = name, its_side
    return role, side


def _muscle_places(model: WormModel) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return row (0 to 23) and side of every muscle; 0 and 0 for neurons."""
    row, side = np.zeros(len(model.names), np.int64), np.zeros(len(model.names), np.int64)
    for cell, (name, kind) in enumerate(zip(model.names, model.kind, strict=True)):
        if kind == "muscle":
            row[cell], side[cell] = int(name[3:]) - 1, DORSAL if name[1] == "D" else VENTRAL
    return row, side
