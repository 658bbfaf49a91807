"""Units as text: the factor and dimension of ``mA/cm2``, ``k-mole`` or ``10000 coulomb``.

NMODL's notation: factors stand side by side or are joined by ``-``, ``*`` or ``.``; everything after the first ``/``
divides; a trailing number is a power (``cm2``, ``cm^2``, ``s^-1``); ``1-3`` is 1e-3; prefixes are written out
(``milli``) and may stand alone as numbers; a plural ``s`` is allowed. As in NEURON, ``mole`` is a plain number and
degrees are kelvins.

Constants are CODATA 2018 (exact since the SI of 2019): e, k, N_A.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

Dimension = tuple[int, int, int, int, int, int]
_NONE: Dimension = (0, 0, 0, 0, 0, 0)

ELEMENTARY_CHARGE_C = 1.602176634e-19
BOLTZMANN_J_PER_K = 1.380649e-23
AVOGADRO_PER_MOL = 6.02214076e23
FARADAY_C_PER_MOL = ELEMENTARY_CHARGE_C * AVOGADRO_PER_MOL
GAS_CONSTANT_J_PER_K_MOL = BOLTZMANN_J_PER_K * AVOGADRO_PER_MOL


@dataclass(frozen=True, slots=True)
class Measure:
    """``factor`` in SI base units and ``dimension``: powers of m, kg, s, C, K, cd."""

    factor: float
    dimension: Dimension = _NONE

    def times(self, other: Measure, power: int) -> Measure:
        """Return ``self * other**power``."""
        factor = self.factor * other.factor**power if power > 0 else self.factor / other.factor**-power
        a, b = self.dimension, other.dimension
        joined = tuple(x + power * y for x, y in zip(a, b, strict=True))
        return Measure(factor, (joined[0], joined[1], joined[2], joined[3], joined[4], joined[5]))


class UnknownUnitError(ValueError):
    """A word that is no unit; ``word`` is it."""

    def __init__(self, word: str) -> None:
        self.word = word
        super().__init__(word)


_PREFIXES = {
    "yotta": 1e24,
    "zetta": 1e21,
    "exa": 1e18,
    "peta": 1e15,
    "tera": 1e12,
    "giga": 1e9,
    "mega": 1e6,
    "kilo": 1e3,
    "hecto": 1e2,
    "deka": 1e1,
    "deci": 1e-1,
    "centi": 1e-2,
    "milli": 1e-3,
    "micro": 1e-6,
    "nano": 1e-9,
    "pico": 1e-12,
    "femto": 1e-15,
    "atto": 1e-18,
    "zepto": 1e-21,
    "yocto": 1e-24,
}


def _base() -> dict[str, Measure]:
    table = {
        "m": Measure(1.0, (1, 0, 0, 0, 0, 0)),
        "kg": Measure(1.0, (0, 1, 0, 0, 0, 0)),
        "sec": Measure(1.0, (0, 0, 1, 0, 0, 0)),
        "coul": Measure(1.0, (0, 0, 0, 1, 0, 0)),
        "K": Measure(1.0, (0, 0, 0, 0, 1, 0)),
        "candela": Measure(1.0, (0, 0, 0, 0, 0, 1)),
        "pi": Measure(3.14159265358979323846),
        "mole": Measure(AVOGADRO_PER_MOL),
        "fuzz": Measure(1.0),
    }
    for line in _DERIVED.strip().splitlines():
        words, text = line.split("=")
        value = measure(text, table)
        for word in words.split():
            table[word] = value
    return table


_DERIVED = """
e = 1.602176634-19 coul
boltzmann k = 1.380649-23 m2-kg/sec2-K
faraday = e-mole
gasconstant R = k-mole
planck = 6.62607015-34 m2-kg/sec
c = 2.99792458+8 m/sec
g = 9.80665 m/sec2
radian = .5 / pi
degree = .0055555555555555556 pi-radian
steradian sr = radian2
two = 2
second s = sec
minute min = 60 sec
hour hr = 3600 sec
day = 86400 sec
ms = 1-3 sec
us = 1-6 sec
hertz Hz hz = /sec
khz kHz = 1+3 /sec
mhz = 1+6 /sec
gram gm = 1-3 kg
mg = 1-6 kg
meter = m
cm = 1-2 m
mm = 1-3 m
micron = 1-6 m
nm = 1-9 m
km = 1+3 m
angstrom = 1-10 m
cc = cm3
liter = 1+3 cm3
ml = cm3
newton nt N = kg-m/sec2
dyne = 1-5 newton
joule = newton-m
erg = 1-7 joule
cal calorie = 4.1868 joule
kcal = 4186.8 joule
coulomb C = coul
ampere amp = coul/sec
watt = joule/sec
volt = watt/amp
ohm = volt/amp
megohm = 1+6 ohm
mho siemens = /ohm
farad = coul/volt
henry = sec2/farad
weber = volt-sec
tesla = weber/m2
gauss = 1-4 tesla
pascal = newton/m2
atmosphere atm = 1.01325+5 pascal
bar = 1+5 pascal
ev electronvolt = e-volt
dalton amu = 1.66044-27 kg
degC kelvin = K
degF = .55555555555555556 K
percent % = 1-2
"""

_FACTOR = re.compile(
    r"\s*(?:(?P<slash>/)|(?P<join>[-*.](?![\d.]))"
    r"|(?P<number>(?:\d+\.?\d*|\.\d+)(?:[+-]\d+|[eE][+-]?\d+)?(?:\|\d+)?)|(?P<word>[A-Za-z_%$]+)(?P<power>\^?-?\d+)?)"
)


def measure(text: str, table: dict[str, Measure]) -> Measure:
    """Return the measure of a unit text, using ``table`` for its words.

    Raises
    ------
    UnknownUnitError
        A word is in neither ``table`` nor its prefixed or plural forms.
    """
    result, divides, at = Measure(1.0), False, 0
    text = text.strip()
    while at < len(text):
        match = _FACTOR.match(text, at)
        if match is None:
            raise UnknownUnitError(text[at:])
        at = match.end()
        if match["slash"]:
            divides = True
        elif match["number"]:
            result = result.times(Measure(_number(match["number"])), -1 if divides else 1)
        elif match["word"]:
            power = int((match["power"] or "1").lstrip("^"))
            result = result.times(_word(match["word"], table), -power if divides else power)
    return result


def _number(text: str) -> float:
    top, _, bottom = text.partition("|")
    top = re.sub(r"(?<=[\d.])([+-]\d+)$", r"e\1", top)
    return float(top) / (float(bottom) if bottom else 1.0)


def _word(word: str, table: dict[str, Measure]) -> Measure:
    singular = word[:-1] if word.endswith("s") and len(word) > 1 else word
    for form in dict.fromkeys((word, singular)):
        if form in table:
            return table[form]
        for prefix, factor in _PREFIXES.items():
            if form == prefix:
                return Measure(factor)
            if form.startswith(prefix):
                rest = form.removeprefix(prefix)
                if rest in table:
                    return Measure(factor).times(table[rest], 1)
    raise UnknownUnitError(word)


BASE: dict[str, Measure] = _base()

NATIVE: dict[str, str] = {
    "mV": "millivolt",
    "mA": "milliamp",
    "nA": "nanoamp",
    "pA": "picoamp",
    "uA": "microamp",
    "A": "amp",
    "V": "volt",
    "S": "siemens",
    "mS": "millisiemens",
    "uS": "microsiemens",
    "nS": "nanosiemens",
    "pS": "picosiemens",
    "uF": "microfarad",
    "nF": "nanofarad",
    "pF": "picofarad",
    "um": "micron",
    "M": "mole/liter",
    "mM": "millimole/liter",
    "uM": "micromole/liter",
    "nM": "nanomole/liter",
    "mol": "mole",
    "MOhm": "megohm",
    "Ohm": "ohm",
    "J": "joule",
}


@dataclass
class UnitTable:
    """Unit words known to one file: the built-in ones and its own aliases."""

    words: dict[str, Measure] = field(default_factory=lambda: dict(BASE))

    def alias(self, name: str, text: str) -> None:
        """Define ``(name) = (text)``."""
        self.words[name] = measure(text, self.words)

    def factor(self, text: str, into: str) -> tuple[float, bool]:
        """Return how many ``into`` are in one ``text``, and whether the dimensions agree."""
        a, b = measure(text, self.words), measure(into, self.words)
        return a.factor / b.factor, a.dimension == b.dimension


def native_table() -> UnitTable:
    """Return a table that knows the short names NMODL files define by habit (``mV``, ``mA``, ``S``, ``mM``, ...)."""
    table = UnitTable()
    for name, text in NATIVE.items():
        table.alias(name, text)
    return table
