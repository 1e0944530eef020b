"""Rules and their exceptions: exact theory, inference and figures for transitive inference with exceptions.

A model learns A > B, B > C, … from neighboring pairs, and one pair that contradicts the order; how does it judge pairs
that it never saw? Kernel ridge regression on exchangeable representations can be solved exactly there, and this package
does, fast:

>>> import caveat
>>> task = caveat.TransitiveTask(9, exceptions=[(5, 3)])
>>> kernel = caveat.ExchangeableKernel(conjunctivity=0.2)
>>> caveat.solve(task, kernel, c=10.0).accuracy()["cross_section"]
1.0

Also here: `caveat.figures`, `caveat.sklearn` (with scikit-learn) and `caveat.rsa` (with rsatoolbox).
"""

from importlib.metadata import version as _version

from caveat import figures
from caveat._files import (
    FileFit,
    check_trials,
    fit_choice_file,
    fit_trials,
    placements,
    run_geometry,
    summarize_trials,
)
from caveat._lib import (
    BalanceWindow,
    ChoiceFit,
    ComparisonGraph,
    Condition,
    Design,
    ExchangeableKernel,
    Figure,
    Fit,
    Intervals,
    LogisticSolution,
    Prediction,
    PredictionIntervals,
    Solution,
    Table,
    TransitiveTask,
    balance_window,
    bootstrap,
    cluster_intervals,
    conjunctivity_by_depth,
    design,
    fit,
    fit_choices,
    gradient_flow,
    logistic,
    predict,
    prediction_intervals,
    read_choices,
    read_conditions,
    read_trials,
    solve,
)
from caveat._phase import phase_diagram

__version__ = _version("caveat")

__all__ = [
    "BalanceWindow",
    "ChoiceFit",
    "ComparisonGraph",
    "Condition",
    "Design",
    "ExchangeableKernel",
    "Figure",
    "FileFit",
    "Fit",
    "Intervals",
    "LogisticSolution",
    "Prediction",
    "PredictionIntervals",
    "Solution",
    "Table",
    "TransitiveTask",
    "balance_window",
    "bootstrap",
    "check_trials",
    "cluster_intervals",
    "conjunctivity_by_depth",
    "design",
    "figures",
    "fit",
    "fit_choice_file",
    "fit_choices",
    "fit_trials",
    "gradient_flow",
    "logistic",
    "phase_diagram",
    "placements",
    "predict",
    "prediction_intervals",
    "read_choices",
    "read_conditions",
    "read_trials",
    "run_geometry",
    "solve",
    "summarize_trials",
]
