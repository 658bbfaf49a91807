"""From a mechanism to its programs: what each computes, and what must be stored between them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from neurosim.mechanisms.lower.additive import additive, jumps
from neurosim.mechanisms.lower.derive import NotDifferentiableError, derivative, slope_in
from neurosim.mechanisms.lower.effects import Effects
from neurosim.mechanisms.lower.emit import Constants, Printer
from neurosim.mechanisms.lower.execute import Context, Executor, Values
from neurosim.mechanisms.lower.hoist import hoist, replaced
from neurosim.mechanisms.lower.ir import Graph, Node, reachable
from neurosim.mechanisms.lower.names import Names, names_of, symbol
from neurosim.mechanisms.lower.optimise import optimise
from neurosim.mechanisms.lower.solve import run, skip, solve, solves
from neurosim.mechanisms.lower.tables import Tables
from neurosim.mechanisms.mechanism import Kind, Mechanism
from neurosim.mechanisms.program import Additive, Lowered, Program, TableSpec
from neurosim.mechanisms.syntax import Body, NetReceive

V_STEP = 1e-3  # mV, of NEURON's difference quotient
TOTALS = ("i", "g")


@dataclass
class Plan:
    """A program before printing: what it always returns, and what else it assigns.

    ``literal`` programs are printed as they were written, without rearrangement and ``fma``: they run once an event,
    and the times they return are compared with the grid of steps.
    """

    name: str
    always: list[tuple[str, Node]] = field(default_factory=list)
    values: Values = field(default_factory=dict)
    literal: bool = False


@dataclass
class Assembly:
    """All programs of one mechanism."""

    names: Names
    context: Context
    tables: Tables
    keep: frozenset[str]
    real: str
    watch_flags: tuple[float, ...] = ()

    @property
    def graph(self) -> Graph:
        """The graph of all programs."""
        return self.context.graph

    @property
    def flows(self) -> bool:
        """Whether the mechanism has a current; else NEURON runs BREAKPOINT once a step, after its SOLVEs."""
        mech = self.names.mech
        return bool(mech.nonspecific or mech.electrode or any(f"i{use.ion}" in use.writes for use in mech.ions))

    # ---- the three programs

    def initial(self) -> Plan:
        """Execute INITIAL; states that it does not set start at their ``start``."""
        mech = self.names.mech
        ex = Executor(self.context, handler=run, effects=Effects(frozenset({"send"})))
        for name in self.names.hidden[1:]:
            ex.values[name] = self.graph.num(0.0)
        ex.run(mech.code.constructor)
        for state in self.names.states.values():
            if state.name in self.names.ion_names:
                continue
            start = state.start
            node = self.graph.num(start) if isinstance(start, float | int) else ex.read(start)
            for key in self.names.elements(state.name):
                ex.values[key] = node
        for when in ("BEFORE INITIAL", "", "AFTER INITIAL"):
            ex.run(self._hook(when) if when else mech.code.initial)
        if self._hook("BEFORE STEP"):
            ex.handler = skip
            body = mech.code.breakpoint if self.flows else ()
            ex.run((*self._hook("BEFORE BREAKPOINT"), *body, *self._hook("BEFORE STEP")))
        plan = Plan("initial", values=ex.values)
        for state in self.names.states.values():
            if state.name not in self.names.ion_names:
                plan.always += [(symbol(k), ex.read(k)) for k in self.names.elements(state.name)]
        plan.always += self._written_ions(ex)
        assert ex.effects is not None
        plan.always += ex.effects.outputs(ex.values)
        return plan

    def _hook(self, when: str) -> Body:
        return tuple(s for hook in self.names.mech.code.hooks if hook.when == when for s in hook.body)

    def _written_ions(self, ex: Executor) -> list[tuple[str, Node]]:
        """Return the concentrations and reversal potentials a program writes."""
        currents = {f"i{use.ion}" for use in self.names.mech.ions}
        return [(n, ex.values[n]) for n in self.names.ion_writes if n not in currents and n in ex.values]

    def current(self) -> Plan:
        """Execute the body of BREAKPOINT without its SOLVEs, for current and conductance at v."""
        mech, graph = self.names.mech, self.graph
        ions = [f"i{use.ion}" for use in mech.ions if f"i{use.ion}" in use.writes]
        v = graph.name("v")
        before = Executor(self.context)
        before.run(self._hook("BEFORE BREAKPOINT"))
        if not self.flows:
            return Plan("current", self._written_ions(before), before.values)
        once, (total, _) = self._evaluate(v, before.values)
        shifted_values, (shifted, _) = self._evaluate(graph.add(v, graph.num(V_STEP)), before.values)
        again, (total_again, _) = self._evaluate(v, shifted_values)
        plan = Plan("current", values={k: n for k, n in again.items() if k != "v"})
        ex = Executor(self.context, values=plan.values)
        stateless = total is total_again and all(again.get(k) is n for k, n in once.items())
        plan.always = [("i", total_again), ("g", self._conductance(total_again, shifted, stateless))]
        plan.always += [(n, ex.read(n)) for n in dict.fromkeys(ions)]
        plan.always += self._written_ions(ex)
        return plan

    def _evaluate(self, v: Node, values: Values) -> tuple[Values, tuple[Node, None]]:
        mech, graph = self.names.mech, self.graph
        ex = Executor(self.context, values={**values, "v": v}, handler=skip)
        ex.run(mech.code.breakpoint)
        ions = [f"i{use.ion}" for use in mech.ions if f"i{use.ion}" in use.writes]
        total: Node | None = None
        for name in dict.fromkeys((*mech.nonspecific, *ions, *mech.electrode)):
            total = ex.read(name) if total is None else graph.add(total, ex.read(name))
        if mech.electrode and total is not None:
            # As NEURON's translator: one ELECTRODE_CURRENT turns the sign of all currents of its mechanism.
            total = graph.neg(total)
        return ex.values, (total if total is not None else graph.num(0.0), None)

    def _conductance(self, total: Node, shifted: Node, stateless: bool) -> Node:
        """Return di/dv: exact where the current is linear in v, else NEURON's difference quotient."""
        graph = self.graph
        if stateless:
            slope = slope_in(graph, total, graph.name("v"))
            if slope is not None:
                return slope
            if self.real == "float32":
                try:
                    return derivative(graph, total, graph.name("v")) or graph.num(0.0)
                except NotDifferentiableError:
                    pass
        return graph.mul(graph.num(1.0 / V_STEP), graph.sub(shifted, total))

    def advance(self) -> Plan:
        """Execute the SOLVEs of BREAKPOINT over one step."""
        ex = Executor(self.context)
        for s in solves(self.names.mech.code.breakpoint):
            solve(ex, s)
        if not self.flows:
            ex.handler = skip
            ex.run(self.names.mech.code.breakpoint)
            ex.handler = None
        ex.run((*self._hook("AFTER SOLVE"), *self._hook("BEFORE STEP")))
        return Plan("advance", self._written_ions(ex), ex.values)

    def events(self) -> list[Plan]:
        """Execute NET_RECEIVE, its INITIAL, the conditions of WATCH and the bodies of FOR_NETCONS.

        Arguments are ``arg0`` (the weight), ``arg1`` and so on, those of another connection ``other0``, ``other1`` …
        """
        block = self.names.mech.code.net_receive
        if block is None:
            return []
        flag = self.graph.name("flag")
        receive = Effects(frozenset({"send", "event", "move", "watch", "netcons"}))
        plans = [self._event("receive", block, block.body, flag, receive)]
        if block.initial is not None:
            plans.append(self._event("connect", block, block.initial, self.graph.num(0.0), None))
        if receive.watches:
            self.watch_flags = tuple(flag for _, flag in receive.watches)
            conditions = [(f"watch{k}", node) for k, (node, _) in enumerate(receive.watches)]
            plans.append(Plan("watch", conditions, literal=True))
        plans += [Plan(f"netcons{k}", one.changed, literal=True) for k, one in enumerate(receive.netcons)]
        return plans

    def _event(self, name: str, block: NetReceive, body: Body, flag: Node, effects: Effects | None) -> Plan:
        ex = Executor(self.context, effects=effects, line=block.line)
        inputs = [self.graph.name(f"arg{k}") for k in range(len(block.parameters))]
        after = ex.routine((*block.parameters, "flag"), [*inputs, flag], body)
        changed = [(str(a.data), b) for a, b in zip(inputs, after, strict=False) if a is not b]
        written = self._written_ions(ex)
        if written:
            ex.refuse(
                "ion variables in NET_RECEIVE",
                f"{written[0][0]} is assigned in NET_RECEIVE; events cannot change an ion, change a state instead.",
            )
        effects_out = [] if effects is None else effects.outputs(ex.values)
        return Plan(name, changed + effects_out, ex.values, literal=True)

    # ---- what is stored

    def outputs(self, plans: list[Plan], rows: list[Node], keep: frozenset[str]) -> list[list[tuple[str, Node]]]:
        """Return the outputs of each plan.

        A variable assigned somewhere is returned if it is a state, kept, or read before it is written in some program;
        asking for one may make others needed, hence the repetition.
        """
        needed = {e for n in keep for e in self.names.elements(n)} | keep
        needed |= {e for n in self.names.states for e in self.names.elements(n)}
        while True:
            outs = [self._with(plan, needed) for plan in plans]
            read = self._inputs([n for out in outs for _, n in out] + rows)
            more = {k for k in self._assignable(plans) if symbol(k) in read} - needed
            if not more:
                return outs
            needed |= more

    def _assignable(self, plans: list[Plan]) -> list[str]:
        return [k for k in dict.fromkeys(k for p in plans for k in p.values) if self.names.stored(k)]

    def _with(self, plan: Plan, needed: set[str]) -> list[tuple[str, Node]]:
        out = list(plan.always)
        have = {name for name, _ in out if name not in TOTALS}
        for key, node in plan.values.items():
            name = symbol(key)
            unchanged = node.op == "in" and node.data == name
            if key in needed and self.names.stored(key) and name not in have and not unchanged:
                out.append((name, node))
        return out

    def _inputs(self, roots: list[Node]) -> set[str]:
        return {str(n.data) for n in reachable(roots, self.graph) if n.op == "in"}


def assemble(mech: Mechanism, keep: Collection[str], real: str) -> Lowered:
    """Lower ``mech``; see ``neurosim.mechanisms.lower.lower``."""
    names, tables = names_of(mech), Tables()
    context = Context(names, Graph(_lane(names)), real, tables.lookup)
    parts = Assembly(names, context, tables, frozenset(k for k in keep if names.stored(k)), real)
    plans = [parts.initial(), parts.current(), parts.advance(), *parts.events()]
    rows = [n for t in tables.made for n in (*t.row, *t.bounds)]
    unwatched = parts.outputs(plans, rows, frozenset())
    # Of what is recorded only, what an event changes counts as well: summed events do not run NET_RECEIVE.
    received = [
        out if plan.name in ("receive", "connect") else alone
        for plan, out, alone in zip(plans, parts.outputs(plans, rows, parts.keep), unwatched, strict=True)
    ]
    added, hidden = _additive(parts, plans, received)
    hidden += _hoisted(parts, plans, unwatched)
    plans[0].always += hidden
    unwatched = parts.outputs(plans, rows, frozenset())
    outs = parts.outputs(plans, rows, parts.keep)
    constants = Constants()
    programs = [
        _print(parts, plan, out, {o for o, _ in alone}, constants)
        for plan, out, alone in zip(plans, outs, unwatched, strict=True)
    ]
    specs = [_table(parts, k) for k in range(len(tables.made))]
    every = [*programs, *(p for s in specs for p in (s.bounds, s.row))]
    used = {i for p in every for i in p.inputs} | {o for p in programs for o in p.outputs if o not in TOTALS}
    fields = _fields(names, used, frozenset(keep)) + tuple(name for name, _ in hidden)
    events = {p.name: p for p in programs[3:]}
    return Lowered(
        fields=fields,
        defaults=_defaults(mech, names, fields),
        initial=programs[0],
        current=programs[1],
        advance=programs[2],
        tables=tuple(specs),
        ion_reads=tuple(n for n in _ions(names) if any(n in p.inputs for p in every)),
        ion_writes=tuple(n for n in _ions(names) if any(n in p.outputs for p in programs)),
        constants=_constants(parts, constants),
        receive=events.get("receive"),
        connect=events.get("connect"),
        arguments_n=0 if mech.code.net_receive is None else len(mech.code.net_receive.parameters),
        watch=events.get("watch"),
        watch_flags=parts.watch_flags,
        netcons=tuple(p for name, p in events.items() if name.startswith("netcons")),
        pointers=tuple(p for p in mech.pointers if p in fields),
        additive=added,
    )


def _additive(
    parts: Assembly, plans: list[Plan], outs: list[list[tuple[str, Node]]]
) -> tuple[Additive | None, list[tuple[str, Node]]]:
    by_name = {plan.name: out for plan, out in zip(plans, outs, strict=True)}
    start = dict(plans[0].values)
    return additive(parts.graph, parts.names, jumps(parts.graph, parts.names, by_name, start), start)


def _hoisted(parts: Assembly, plans: list[Plan], outs: list[list[tuple[str, Node]]]) -> list[tuple[str, Node]]:
    """Take what stays the same out of ``current`` and ``advance``; return the hidden fields."""
    roots = [n for out in outs[1:3] for _, n in out]
    places, hidden = hoist(parts.graph, parts.names, outs, roots, dict(plans[0].values))
    for plan in plans[1:3]:
        always = replaced(parts.graph, [n for _, n in plan.always], places)
        plan.always = [(name, n) for (name, _), n in zip(plan.always, always, strict=True)]
        plan.values = dict(zip(plan.values, replaced(parts.graph, list(plan.values.values()), places), strict=True))
    return hidden


def _lane(names: Names) -> str:
    """Return an input that differs between instances: v, or a field of an artificial cell."""
    if names.mech.kind is not Kind.ARTIFICIAL:
        return "v"
    own = [*sorted(names.parameters), *names.states, *sorted(names.assigned)]
    return symbol(names.elements(own[0])[0]) if own else "t"


def _ions(names: Names) -> list[str]:
    return list(dict.fromkeys((*names.ion_reads, *names.ion_writes)))


def _print(parts: Assembly, plan: Plan, out: list[tuple[str, Node]], alone: set[str], constants: Constants) -> Program:
    """Print a program; outputs not in ``alone`` are only watched and must not change the others' arithmetic."""
    graph, name = parts.graph, plan.name
    if plan.literal:
        return Printer(graph, parts.real, constants, fuses=False).write(name, out)
    atoms = {"v"} | {symbol(e) for p in parts.names.parameters for e in parts.names.elements(p)}

    def bounded(n: Node) -> bool:
        return n.op == "in" and n.data in atoms

    def improved(some: list[tuple[str, Node]]) -> list[tuple[str, Node]]:
        nodes = optimise(graph, [n for _, n in some], bounded, parts.real)
        return [(o, n) for (o, _), n in zip(some, nodes, strict=True)]

    if any(n.op == "out" for n in reachable([n for _, n in out], graph)):
        return Printer(graph, parts.real, constants).write(name, improved(out))
    core = improved([pair for pair in out if pair[0] in alone])
    watched = improved([pair for pair in out if pair[0] not in alone])
    return Printer(graph, parts.real, constants).write(name, core, watched=watched)


def _table(parts: Assembly, k: int) -> TableSpec:
    made = parts.tables.made[k]
    bounds = Printer(parts.graph, "float64", None).write(
        f"bounds{k}", [("low", made.bounds[0]), ("high", made.bounds[1])]
    )
    columns = [(symbol(c), n) for c, n in zip(made.columns, made.row, strict=True)]
    return TableSpec(
        made.count, made.columns, bounds, Printer(parts.graph, "float64", None).write(f"row{k}", columns, ("x",))
    )


def _constants(parts: Assembly, constants: Constants) -> Program | None:
    if not constants.nodes:
        return None
    outputs = [(f"k{j}", n) for j, n in enumerate(constants.nodes)]
    return Printer(parts.graph, "float64", None).write("constants", outputs, ("celsius", "dt"))


def _fields(names: Names, used: set[str], keep: frozenset[str]) -> tuple[str, ...]:
    """Return all parameters and states, and those assigned variables that programs pass on or that are kept."""
    mech = names.mech
    fields = [e for p in mech.parameters if p.name in names.parameters for e in names.elements(p.name)]
    fields += [e for s in names.states if s not in names.ion_names for e in names.elements(s)]
    declared = dict.fromkeys((*(a.name for a in mech.assigned), *mech.nonspecific, *mech.electrode))
    for name in declared:
        if name in names.assigned:
            wanted = name in keep
            fields += [e for e in names.elements(name) if symbol(e) in used or wanted or e in keep]
    fields += [name for name in names.hidden if name in used]
    return tuple(fields)


def _defaults(mech: Mechanism, names: Names, fields: tuple[str, ...]) -> dict[str, float]:
    values = {e: p.default for p in mech.parameters for e in names.elements(p.name)}
    return {f: values.get(f, 0.0) for f in fields}
