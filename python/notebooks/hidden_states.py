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
# # The geometry of a language model's hidden states
#
# The theory says that one number of a representation, its conjunctivity α, decides how rule and exception get along.
# This notebook measures α in the hidden states of a language model, before and after it was taught an exception, and
# compares it with the model's answers.
#
# The states are those of SmolLM2-135M at the end of 72 prompts, one for each ordered pair of nine invented names. They
# were saved by
#
# ```sh
# caveat lm fetch smollm2-135m-q4_1
# caveat lm run smollm2-135m-q4_1 --exception 5 3 --epochs 80 --batch-size 32 --learning-rate 2e-5 --save-similarity
# ```
#
# Any other model, or recordings of any brain, can take their place. All it takes is one similarity for every two ordered
# pairs.

# %%
import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import caveat


def results() -> Path:
    """The project's own runs, in its checkout."""
    for place in (Path.cwd(), *Path.cwd().parents):
        if (found := place / "crates/caveat/results").is_dir():
            return found
    raise FileNotFoundError("run this notebook inside a checkout of caveat, or name a folder of your own runs here")


run = results() / "similarities"
before, after = (np.load(run / f"rep_sim_{phase}.npy") for phase in ("pre", "post"))
before.shape

# %% [markdown]
# ## Similarities
#
# Rows and columns are ordered pairs, (0, 1), (0, 2), …, (1, 0), …: a block has one first item. Before training, two
# prompts are alike if they share an item in the same place. Training sorts them by their answer.

# %%
fig, axes = plt.subplots(1, 2, figsize=(6.6, 3.1), layout="constrained")
for axis, matrix, title in zip(axes, (before, after), ("before training", "after training")):
    centered = matrix - matrix.mean(axis=0) - matrix.mean(axis=1)[:, None] + matrix.mean()
    size = np.abs(centered).max()
    image = axis.imshow(centered, cmap="RdBu_r", vmin=-size, vmax=size)
    ticks = np.arange(9) * 8 + 3.5
    axis.set(
        title=title,
        xticks=ticks,
        yticks=ticks,
        xticklabels=range(9),
        yticklabels=range(9),
        xlabel="first item of the pair",
    )
    fig.colorbar(image, ax=axis, shrink=0.8, label="centered cosine")
axes[0].set_ylabel("first item of the pair")
plt.show()

# %% [markdown]
# ## Conjunctivity
#
# Averaging over all relabelings of the items leaves six numbers, one for each way in which two pairs can share items,
# and α is a quotient of them. `variance_explained` says how much of the matrix they explain.

# %%
kernels = {
    "before": caveat.ExchangeableKernel.from_matrix(before),
    "after": caveat.ExchangeableKernel.from_matrix(after),
}
for name, kernel in kernels.items():
    print(f"{name:7} α = {kernel.conjunctivity:.3f}, variance explained {kernel.info['variance_explained']:.2f}")

# %% [markdown]
# ## From states to answers
#
# What would kernel regression on these states answer? The margins are those of the model, averaged over both orders of
# a pair.

# %%
geometry = json.loads((run / "geometry.json").read_text())
pairs = np.array([(pair["rank_a"], pair["rank_b"]) for pair in geometry["pairs"]])
margins = np.array([pair["margin"] for pair in geometry["pairs"]])
task = caveat.TransitiveTask(9, [(5, 3)])

fit = caveat.fit(task, margins, pairs=pairs)
print(fit)

# %% [markdown]
# The states before training know only how pairs are represented, not the answers. With their α, no regularization, and
# only a gain fitted, the theory's margins can be compared with the model's:

# %%
theory = caveat.solve(task, kernels["before"].symmetrized()).margin(pairs[:, 0], pairs[:, 1])
predicted = theory * (theory @ margins) / (theory @ theory)
print(f"R² = {1 - np.sum((margins - predicted) ** 2) / np.sum(margins**2):.3f}")

# %%
classes = task.pairs()["class"]
colors = {
    "premise": "#0072B2",
    "exception_cycle": "#D55E00",
    "within_section": "#009E73",
    "cross_section": "#CC79A7",
    "cycle_to_section": "#999999",
}
fig, axis = plt.subplots(figsize=(4.0, 3.4), layout="constrained")
for name, color in colors.items():
    axis.plot(
        predicted[classes == name], margins[classes == name], "o", ms=4, color=color, label=name.replace("_", " ")
    )
ends = [min(predicted.min(), margins.min()), max(predicted.max(), margins.max())]
axis.plot(ends, ends, color="black", linewidth=0.6, zorder=0)
axis.set(xlabel="margin by the states before training (logits)", ylabel="margin of the model (logits)")
axis.legend(frameon=False, fontsize=7)
plt.show()

# %% [markdown]
# ## Many runs
#
# The same for all 160 runs of the project: α before training, after it, and fitted to answers alone, and how well it
# predicts margins.

# %%
caveat.figures.hidden_states(results() / "geometry.json")

# %%
table = caveat.run_geometry(results() / "geometry.json").to_pandas()
table[table["kernel"] == "cosine"].groupby(["setting", "phase"])[
    ["conjunctivity", "variance", "r_squared"]
].mean().round(3)

# %% [markdown]
# ## With rsatoolbox
#
# The same matrix can become an RDM, for everything that the toolbox does with RDMs, and be converted back.

# %%
try:
    from caveat.rsa import from_rdm, to_rdm

    rdm = to_rdm(before, measure="cosine")
    again = caveat.ExchangeableKernel.from_matrix(from_rdm(rdm))
    print(rdm.dissimilarities.shape, round(again.conjunctivity, 3))
except ImportError:
    print("rsatoolbox is not installed")

# %%
assert 0 < kernels["before"].conjunctivity < 1 and fit.r_squared > 0.5
