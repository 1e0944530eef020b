# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Fit your own behavioral data
#
# From a file of choices to the conjunctivity α of whoever made them, with an interval and a test of whether α is needed
# at all. The data here are simulated, so that the truth is known; use the name of your own file instead.

# %%
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import caveat

# %% [markdown]
# ## Twelve subjects, seven items
#
# All subjects were taught A > B, …, F > G, and then chose between all pairs, eight times each. In 4 % of the trials they
# respond at random.

# %%
random = np.random.default_rng(2605)
items = list("ABCDEFG")
task = caveat.TransitiveTask(len(items))
truth = caveat.solve(task, caveat.ExchangeableKernel(0.15), c=20.0)

rows = []
for subject in range(12):
    gain = 5.0 * random.lognormal(0.0, 0.2)
    for first in range(7):
        for second in range(7):
            if first != second:
                chance = 0.02 + 0.96 / (1 + np.exp(-gain * truth.margin(first, second)))
                for _ in range(4):
                    winner, loser = (first, second) if random.random() < chance else (second, first)
                    rows.append((f"s{subject:02}", items[winner], items[loser], items[first]))
choices = pd.DataFrame(rows, columns=["subject", "winner", "loser", "first"])
file = Path(tempfile.mkdtemp()) / "choices.csv"
choices.to_csv(file, index=False)
choices.head()

# %% [markdown]
# ## What the choices look like
#
# Apart from trained neighbors, more distant pairs are easier, and so are the ends of the list: the symbolic distance and
# the serial position effect. Dots are data with 95 % intervals, lines the theory with the parameters fitted below.

# %%
caveat.figures.distance(file, items=items, lapse=True)

# %%
caveat.figures.choices(file, items=items, lapse=True)

# %% [markdown]
# ## The fit
#
# Maximum likelihood over α, C, the gain and the lapse rate, with profile intervals and a bootstrap over whole subjects.

# %%
fit = caveat.fit_choice_file(file, items=items, lapse=True, bootstrap=1_000)
fit.table.to_pandas().T

# %% [markdown]
# The same from arrays, for data that are not in a file:

# %%
table = caveat.read_choices(file, items=items)
pairs = np.column_stack([table["first"], table["second"]])
direct = caveat.fit_choices(task, pairs, table["first_chosen"], table["trials"], clusters=table["subject"], lapse=True)
direct, direct.profile_intervals()["conjunctivity"]

# %% [markdown]
# The choices determine α to within a factor of two, but hardly C: its interval has no upper end. Cross-validation, which
# leaves out whole subjects, shows whether they support each parameter at all: `held_out` is the log-likelihood of the
# choices left out, `difference` its distance from the best model.

# %%
compared = caveat.fit_choice_file(file, items=items, lapse=True, compare=True, folds=6)
compared.table.to_pandas()

# %% [markdown]
# ## A better experiment
#
# Which task would tell more? `design` ranks candidates by the information that their judgments are expected to give about
# α, before anyone is trained. Here the question is whether α is small or large.

# %%
candidates = [caveat.TransitiveTask(7), caveat.TransitiveTask(7, [(4, 2)]), caveat.TransitiveTask(7, [(6, 0)])]
design = caveat.design(
    candidates,
    hypotheses=((0.0, 0.05), (0.2, 0.4)),
    gain=(3.0, 8.0),
    lapse=0.04,
    trials=300,
    samples=128,
    max_trials=10_000,
)
design.table.to_pandas()[["task", "information_bits", "decision_accuracy", "trials_for_power"]]

# %%
design.figure()

# %%
low, high = direct.profile_intervals()["conjunctivity"]
assert low <= 0.15 <= high and direct.n_trials == len(choices)
