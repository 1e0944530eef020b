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
# # Predict the exception from plain transitive inference
#
# Three numbers, fitted to a language model that was fine-tuned on the plain order, say how the same model will judge
# all pairs once it is taught an exception: what it will remember, and where it will err. The runs are SmolLM2-135M on
# invented names, 10 seeds × 2 orders.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import caveat


def trial_table() -> Path:
    """The project's own runs, in its checkout."""
    for place in (Path.cwd(), *Path.cwd().parents):
        if (found := place / "crates/caveat/results/trials.parquet").is_file():
            return found
    raise FileNotFoundError("run this notebook inside a checkout of caveat, or name your own trial tables here")


file = trial_table()

# %% [markdown]
# ## The data
#
# A trial table has a row for every prompt: which two items, which answer, how strongly. `read_conditions` turns the rows
# into margins.

# %%
conditions = {
    c.key["hier"]: c for c in caveat.read_conditions([file]) if c.key["setting"] == "full" and c.key["task"] == "fake"
}
plain, exception = conditions["ti_n9"], conditions["exc_mid_n9"]
plain, exception, exception.exceptions

# %% [markdown]
# ## Fit without exception
#
# α, C and the gain by least squares over 36 pairs; intervals by resampling whole runs.

# %%
fit = caveat.fit(plain.task, plain.margins)
intervals = caveat.bootstrap(plain.task, plain.seed_margins, replicates=2_000)
print(fit)
print("α in", np.round(intervals.conjunctivity, 3))

# %% [markdown]
# ## Predict with exception
#
# The same three numbers and another task; nothing is refitted.

# %%
prediction = caveat.predict(fit, exception.task, exception.margins)
prediction, prediction.calibration

# %%
table = prediction.table().to_pandas()
bars = caveat.prediction_intervals(
    plain.task, plain.seed_margins, exception.task, exception.margins, replicates=1_000
).table()
colors = {
    "premise": "#0072B2",
    "exception_cycle": "#D55E00",
    "within_section": "#009E73",
    "cross_section": "#CC79A7",
    "cycle_to_section": "#999999",
}
fig, axis = plt.subplots(figsize=(4.0, 3.6), layout="constrained")
half = (bars["high"] - bars["low"]) / 2
for name, of in table.groupby("class"):
    at = of.index
    axis.errorbar(
        of["predicted"],
        of["observed"],
        xerr=half[at],
        fmt="o",
        ms=4,
        lw=0.6,
        color=colors[name],
        label=name.replace("_", " "),
    )
ends = [table[["predicted", "observed"]].min().min(), table[["predicted", "observed"]].max().max()]
axis.plot(ends, ends, color="black", linewidth=0.6, zorder=0)
axis.axhline(0, color="gray", linewidth=0.4)
axis.set(xlabel="predicted margin (logits)", ylabel="observed margin (logits)")
axis.legend(frameon=False, fontsize=7)
plt.show()

# %% [markdown]
# ## Errors told in advance
#
# The theory names pairs across the exception whose order will come out wrong although nobody taught that.

# %%
told = table[table["fails_predicted"] == 1]
told[["first", "second", "class", "predicted", "observed", "fails_observed"]]

# %% [markdown]
# ## Everything at once
#
# `fit_trials` does the same for all models, settings and stimuli of a folder of trial tables, and the figures draw it.

# %%
everything = caveat.fit_trials(file, train=["ti_n9"], test=["exc_mid_n9"], bootstrap=0)
print("\n".join(everything.notes))
everything.table.to_pandas()[["setting", "task", "conjunctivity", "r_squared", "correlation", "sign_agreement"]].round(
    3
)

# %%
caveat.figures.predicted_margins(file)

# %%
assert prediction.r_squared > 0.9 and (told["fails_observed"] == 1).mean() > 0.5
