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
# # The theory in ten minutes
#
# A learner is taught neighbors in an order, A > B, B > C, …, and one pair that contradicts it. It then judges pairs
# that it never saw. Does it follow the rule? Does it remember the exception? Both? This notebook shows what kernel
# ridge regression does, exactly.

# %%
import matplotlib.pyplot as plt
import numpy as np

import caveat

# %% [markdown]
# ## The task
#
# Nine items, rank 0 the highest. Every item is trained to beat its lower neighbor; as an exception, the item of rank 5
# beats that of rank 3. A notebook displays a task as the chain with its exception and the class of every pair.

# %%
task = caveat.TransitiveTask(9, exceptions=[(5, 3)])
task

# %% [markdown]
# The classes decide what counts as success. *Premise* pairs and the *exception cycle* were trained: they test memory.
# *Within-section* and *cross-section* pairs were not: they test the rule, the latter across the exception.

# %%
pairs = task.pairs().to_pandas()
pairs.groupby("class").size()

# %% [markdown]
# ## The representation
#
# If a representation of pairs treats all items alike, only its *conjunctivity* α matters: how much of a pair's
# representation belongs to the pair itself rather than to its two items. α = 0 is additive, α = 1 knows only whole
# pairs.

# %%
additive, mixed, conjunctive = (caveat.ExchangeableKernel(alpha) for alpha in (0.0, 0.2, 1.0))
mixed.orbits

# %% [markdown]
# ## What it learns
#
# `solve` is kernel ridge regression with inverse regularization C. A margin is positive if the model says that the first
# item wins.

# %%
for kernel in (additive, mixed, conjunctive):
    solution = caveat.solve(task, kernel, c=10.0)
    accuracy = {name: round(share, 2) for name, share in solution.accuracy().items()}
    print(f"α = {kernel.conjunctivity:.1f}", accuracy)

# %% [markdown]
# The additive learner follows the rule and cannot remember the exception. The conjunctive one remembers every trained
# pair and guesses all others. In between both succeed, but not without error: the pairs that reach one item further than
# the exception come out wrong.

# %%
solution = caveat.solve(task, mixed, c=10.0)
wrong = [(i, j) for i in range(9) for j in range(i + 1, 9) if (i, j) != (3, 5) and solution.margin(i, j) < 0]
print("judged against the rule:", wrong)

# %% [markdown]
# ## Why
#
# Untrained margins are differences of ranks, f(i, j) = r(i) − r(j). The ranks are a sum of two fields: that of the
# rule, which falls along the chain, and that of the exception, which pulls rank 5 above rank 3 and, through the chain,
# their neighbors with them. How far it reaches is the screening μ = 2(α + 1/C)/(1 − α).

# %%
caveat.figures.mechanism(task)

# %% [markdown]
# ## Where rule and exception are both learned
#
# There is a window: below one conjunctivity the exception is lost, above another the rule fails across the exception.

# %%
window = caveat.balance_window(task, c=10.0)
window

# %%
caveat.figures.phase(task, cells=160)

# %% [markdown]
# The same numbers as a dataset, for your own plots:

# %%
grid = caveat.phase_diagram(task, cells=160)
fig, axis = plt.subplots(figsize=(4.2, 3.0), layout="constrained")
both = np.minimum(grid["cross_section"], grid["exception_cycle"])
both.plot(
    x="conjunctivity",
    y="c",
    yscale="log",
    cmap="cividis",
    cbar_kwargs={"label": "worse of the two accuracies"},
    ax=axis,
)
axis.set(xlabel="conjunctivity α", ylabel="inverse regularization C")
ends = [window.conjunctivity_memorization, window.conjunctivity_generalization]
axis.plot(ends, [10, 10], "o-", color="black", markersize=3, linewidth=1)
axis.text(0.36, 10, "the window at C = 10", va="center", fontsize=8)
plt.show()

# %% [markdown]
# ## Where conjunctivity comes from
#
# Wide networks on one-hot items: every nonlinear layer makes representations more conjunctive. Random networks of
# finite width agree.

# %%
kernels = [caveat.ExchangeableKernel.random_features(depth, width=1_000, replicates=8) for depth in (1, 2, 3)]
caveat.figures.conjunctivity(["relu", "leaky:0.3"], max_depth=10, random_features=kernels)

# %% [markdown]
# ## Training in time
#
# Without a ridge, early stopping regularizes. At first learning is local: the exception is learned like any neighbors, and
# the pair that spans it, 2 over 6, comes out wrong. The rule needs time to spread along the chain.

# %%
times = np.geomspace(0.05, 100, 60)
flows = [caveat.gradient_flow(task, caveat.ExchangeableKernel(0.1), time=time) for time in times]
fig, axis = plt.subplots(figsize=(4.2, 2.8), layout="constrained")
axis.semilogx(times, [flow.margin(5, 3) for flow in flows], color="#D55E00", label="5 over 3, the exception")
axis.semilogx(times, [flow.margin(2, 6) for flow in flows], color="#0072B2", label="2 over 6, the rule across it")
axis.axhline(0, color="black", linewidth=0.5)
axis.set(xlabel="training time", ylabel="margin", ylim=(-0.2, 1.25))
axis.legend(frameon=False, loc="upper left")
plt.show()

# %% [markdown]
# ## Beyond chains
#
# Nothing above needs a chain: any comparisons of any items will do, with any weights.

# %%
results = {
    "winner": ["Ann", "Ben", "Ann", "Cat", "Cat"],
    "loser": ["Ben", "Cat", "Cat", "Dan", "Ann"],
    "weight": [5, 4, 3, 6, 1],
}
league = caveat.ComparisonGraph(results)
ranking = caveat.solve(league, caveat.ExchangeableKernel(0.1), c=10.0)
dict(zip(ranking.items.tolist(), ranking.ranks.round(3).tolist()))

# %%
assert solution.margin(5, 3) > 0 and solution.accuracy()["cross_section"] == 1.0
assert window.balances and round(float(caveat.balance_window(task).screening_star), 9) == 1.0
