"""The two global scales of the functional atlas: ``python -m neurosim.models.worm.fit.atlas``.

Every combination of a few factors of all chemical and all electrical conductances between neurons is simulated with the
neurons of the first half stimulated; the best rank correlation with dFF over their pairs with q < 0.05 is taken. The
second half is not looked at. The network is that of the published data, without the circuit fitted for crawling.
Nothing is random: the split has the seed ``report.atlas.SPLIT_SEED``. Budget: as many simulations as combinations,
some ten CPU seconds each. What it prints goes into ``params/atlas.toml``.
"""

from __future__ import annotations

import itertools

import numpy as np

from neurosim.models.worm.build import published
from neurosim.models.worm.model import NEURONS, WormModel
from neurosim.models.worm.report import atlas
from neurosim.models.worm.report.comparison import how_fitted
from neurosim.models.worm.report.responses import responses, scaled

CHEMICAL = (0.1, 0.3, 1.0, 3.0)
GAP = (0.5, 1.0, 2.0, 4.0)


def fitted(model: WormModel) -> list[tuple[float, float, float]]:
    """Return rank correlation, factor of chemical and of electrical conductances, the best first."""
    names, classes = model.names[:NEURONS], model.cell_class[:NEURONS]
    measured = atlas.measured_pairs(atlas.read(), names)
    first = measured.taken(atlas.first_half(measured, classes))
    clear = first.taken(first.q < atlas.SIGNIFICANT_Q)
    stimulated = np.unique(clear.stimulated).tolist()
    found = []
    for chemical, gap in itertools.product(CHEMICAL, GAP):
        made = responses(scaled(model, chemical=chemical, gap=gap), stimulated, how_fitted())
        found.append((atlas.correlation(made, clear), chemical, gap))
        print(f"chemical {chemical:5.2f}  gap {gap:5.2f}  rank correlation {found[-1][0]:.4f}", flush=True)
    return sorted(found, reverse=True)


if __name__ == "__main__":
    best = fitted(published())[0]
    print(f"best: rank correlation {best[0]:.4f} with scale.chemical = {best[1]:g}, scale.gap = {best[2]:g}")
