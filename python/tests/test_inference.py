"""Fits, intervals, predictions and designs against SciPy's optimizers and against simulation."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import scipy.optimize
import scipy.stats

import caveat
from reference import model_margins, upper_pairs

TASK = caveat.TransitiveTask(9, [(5, 3)])
PAIRS = upper_pairs(9)
FIRST, SECOND = np.array(PAIRS).T


def noisy(conjunctivity: float, c: float, gain: float, noise: float, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return gain * model_margins(9, [(5, 3)], conjunctivity, c)[FIRST, SECOND] + noise * random.normal(size=len(PAIRS))


def model(parameters: np.ndarray, exceptions: list = [(5, 3)], pairs: list = PAIRS) -> np.ndarray:
    """Margins by dense regression at (logit α, log C, log gain)."""
    alpha = 1 / (1 + np.exp(-parameters[0]))
    i, j = np.array(pairs).T
    return np.exp(parameters[2]) * model_margins(9, exceptions, alpha, np.exp(parameters[1]))[i, j]


def by_scipy(margins: np.ndarray) -> scipy.optimize.OptimizeResult:
    starts = [[x, y, 0.5] for x in (-3.0, 0.0) for y in (0.0, 3.0)]
    fits = [
        scipy.optimize.least_squares(lambda p: model(p) - margins, s, xtol=1e-14, ftol=1e-14, gtol=1e-14)
        for s in starts
    ]
    return min(fits, key=lambda fit: fit.cost)


@pytest.mark.parametrize("seed", range(3))
def test_a_fit_is_the_least_squares_that_scipy_finds(seed: int) -> None:
    margins = noisy(0.25, 8.0, 3.0, 0.2, seed)
    fit, best = caveat.fit(TASK, margins), by_scipy(margins)
    assert fit.residual_squares <= 2 * best.cost * (1 + 1e-9)
    alpha, c, gain = 1 / (1 + np.exp(-best.x[0])), *np.exp(best.x[1:])
    assert (fit.conjunctivity, fit.c, fit.gain) == pytest.approx((alpha, c, gain), rel=1e-4)
    np.testing.assert_allclose(fit.fitted, model(best.x), atol=1e-5)
    assert fit.r_squared == pytest.approx(1 - 2 * best.cost / np.sum(margins**2), abs=1e-9)
    assert fit.correlation == pytest.approx(np.corrcoef(margins, fit.fitted)[0, 1], abs=1e-12)
    assert fit.limit is None and fit.n_pairs == 36
    assert fit.screening == pytest.approx(2 * (fit.conjunctivity + 1 / fit.c) / (1 - fit.conjunctivity))
    assert fit.memorization == pytest.approx(fit.conjunctivity / (fit.conjunctivity + 1 / fit.c))


def test_margins_may_be_a_matrix_a_list_or_of_some_pairs() -> None:
    margins = noisy(0.25, 8.0, 3.0, 0.2, 0)
    listed = caveat.fit(TASK, margins)
    matrix = np.full((9, 9), np.nan)
    # A bias toward the first position, which the two orders of a pair share.
    matrix[FIRST, SECOND], matrix[SECOND, FIRST] = margins + 0.7, -margins + 0.7
    assert caveat.fit(TASK, matrix).conjunctivity == pytest.approx(listed.conjunctivity, abs=1e-9)
    matrix[2, 7] = np.nan
    some = caveat.fit(TASK, matrix)
    kept = [pair for pair in PAIRS if pair != (2, 7)]
    assert some.pairs.tolist() == [list(pair) for pair in kept]
    again = caveat.fit(TASK, [m for m, pair in zip(margins, PAIRS, strict=True) if pair != (2, 7)], pairs=kept)
    assert again.conjunctivity == pytest.approx(some.conjunctivity, abs=1e-9)
    reversed_pairs = caveat.fit(TASK, -margins, pairs=[(j, i) for i, j in PAIRS])
    assert reversed_pairs.conjunctivity == pytest.approx(listed.conjunctivity, abs=1e-9)


def test_tasks_may_share_their_parameters() -> None:
    plain = caveat.TransitiveTask(9)
    both = [noisy(0.25, 8.0, 3.0, 0.2, 0), 3 * model_margins(9, [], 0.25, 8.0)[FIRST, SECOND]]
    fit = caveat.fit([TASK, plain], both)
    best = scipy.optimize.least_squares(
        lambda p: np.concatenate([model(p) - both[0], model(p, []) - both[1]]), [-1.0, 2.0, 1.0], xtol=1e-14, ftol=1e-14
    )
    assert fit.residual_squares == pytest.approx(2 * best.cost, rel=1e-8)
    assert fit.conjunctivity == pytest.approx(1 / (1 + np.exp(-best.x[0])), rel=1e-4)
    assert fit.n_pairs == 72 and len(fit.fitted) == 72


def test_profile_intervals_end_where_the_best_fit_is_too_bad() -> None:
    margins = noisy(0.25, 8.0, 3.0, 0.3, 1)
    fit = caveat.fit(TASK, margins)
    intervals = fit.profile_intervals()
    quantile = scipy.stats.f.ppf(0.95, 1, len(PAIRS) - 3)
    threshold = fit.residual_squares * (1 + quantile / (len(PAIRS) - 3))
    for end in intervals.conjunctivity:
        logit = np.log(end / (1 - end))
        held = min(
            2
            * scipy.optimize.least_squares(
                lambda p: model(np.array([logit, *p])) - margins, [y, 1.0], xtol=1e-14, ftol=1e-14
            ).cost
            for y in (1.0, 3.0)
        )
        assert held == pytest.approx(threshold, rel=1e-4)
    assert intervals.conjunctivity[0] < fit.conjunctivity < intervals.conjunctivity[1]
    assert intervals.identified == dict.fromkeys(["conjunctivity", "c", "gain", "screening", "memorization"], True)
    assert intervals.bounded["conjunctivity"] and intervals.replicates is None


def test_intervals_over_clusters_are_those_of_student_where_the_model_is_nearly_linear() -> None:
    true = noisy(0.25, 8.0, 3.0, 0.0, 0)
    for count in (2, 3, 8):
        clusters = np.array([noisy(0.25, 8.0, 3.0, 1e-4, 40 + k) for k in range(count)])
        found = caveat.cluster_intervals(TASK, clusters)
        assert found.clusters == count and found.replicates is None
        # With little noise each cluster's own fit is linear in it, and the interval that of the mean of these fits.
        own = [caveat.fit(TASK, cluster) for cluster in clusters]
        for name in ("conjunctivity", "c", "gain", "screening", "memorization"):
            values = np.array([getattr(fit, name) for fit in own])
            half = scipy.stats.t.ppf(0.975, count - 1) * values.std(ddof=1) / np.sqrt(count)
            expected = (values.mean() - half, values.mean() + half)
            assert getattr(found, name) == pytest.approx(expected, abs=0.05 * half), (name, count)
    with pytest.raises(ValueError, match="at least 2"):
        caveat.cluster_intervals(TASK, true[None])


def test_bootstrap_intervals_are_those_of_resampled_means() -> None:
    clusters = np.array([noisy(0.25, 8.0, 3.0, 0.5, 100 + k) for k in range(12)])
    found = caveat.bootstrap(TASK, clusters, replicates=2_000, seed=7)
    random = np.random.default_rng(1)
    # Resampled and refitted here with the package's single fits, which SciPy's agree with above.
    draws = [caveat.fit(TASK, clusters[random.integers(12, size=12)].mean(axis=0)) for _ in range(2_000)]
    tail = scipy.stats.norm.cdf(-scipy.stats.t.ppf(0.975, 11) * np.sqrt(12 / 11))
    for name in ("conjunctivity", "memorization", "gain"):
        values = np.array([getattr(d, name) for d in draws])
        low, high = np.quantile(values, [tail, 1 - tail])
        # Quantiles of 2,000 draws in the tails are known to about a tenth of the interval's width.
        assert getattr(found, name) == pytest.approx((low, high), abs=0.15 * (high - low)), name
    assert found.replicates == 2_000 and found.seed == 7 and found.identified is None
    assert (
        caveat.bootstrap(TASK, clusters, replicates=100, seed=7).c
        == caveat.bootstrap(TASK, clusters, replicates=100, seed=7).c
    )
    matrices = np.zeros((12, 9, 9))
    matrices[:, FIRST, SECOND], matrices[:, SECOND, FIRST] = clusters, -clusters
    again = caveat.bootstrap(TASK, matrices, replicates=2_000, seed=7)
    assert again.conjunctivity == pytest.approx(found.conjunctivity, abs=1e-9)


def test_predictions_are_the_margins_at_the_fitted_parameters() -> None:
    plain = caveat.TransitiveTask(9)
    fit = caveat.fit(plain, 2.0 * model_margins(9, [], 0.3, 5.0))
    predicted = caveat.predict(fit, TASK)
    # (α, C) of a plain chain can be told to a few digits only: its margins hardly depend on them.
    expected = fit.gain * model_margins(9, [(5, 3)], fit.conjunctivity, fit.c)[FIRST, SECOND]
    np.testing.assert_allclose(predicted.predicted, expected, atol=1e-10)
    assert predicted.r_squared is None and predicted.calibration is None
    observed = noisy(0.3, 5.0, 2.0, 0.2, 3)
    compared = caveat.predict(fit, TASK, observed)
    assert compared.r_squared == pytest.approx(1 - np.sum((observed - expected) ** 2) / np.sum(observed**2))
    assert compared.correlation == pytest.approx(np.corrcoef(observed, expected)[0, 1])
    assert compared.sign_agreement == pytest.approx(np.mean(np.sign(observed) == np.sign(expected)))
    line = scipy.stats.linregress(expected, observed)
    error = np.sqrt(np.mean((observed - expected) ** 2))
    assert compared.calibration == pytest.approx(
        {"slope": line.slope, "intercept": line.intercept, "root_mean_square_error": error}
    )
    table = compared.table()
    np.testing.assert_array_equal(table["fails_observed"], (table["label"] * observed < 0).astype(float))
    np.testing.assert_array_equal(table["fails_predicted"], (table["label"] * expected < 0).astype(float))
    some = caveat.predict(fit, TASK, pairs=[(8, 0), (3, 5)])
    at = dict(zip(PAIRS, predicted.predicted, strict=True))
    np.testing.assert_allclose(some.predicted, [-at[0, 8], at[3, 5]], atol=1e-12)


def test_prediction_intervals_hold_what_they_promise_where_the_theory_is_true() -> None:
    plain = caveat.TransitiveTask(9)
    random = np.random.default_rng(5)
    plain_margins, margins = (2 * model_margins(9, e, 0.3, 5.0)[FIRST, SECOND] for e in ([], [(5, 3)]))
    shares = []
    for seed in range(20):
        seeds = plain_margins + 0.6 * random.normal(size=(15, len(PAIRS)))
        observed = margins + 0.6 / np.sqrt(15) * random.normal(size=len(PAIRS))
        found = caveat.prediction_intervals(plain, seeds, TASK, observed, replicates=500, seed=seed)
        table = found.table()
        inside = (table["low"] <= observed) & (observed <= table["high"])
        assert found.coverage == pytest.approx(inside.mean())
        fit = caveat.fit(plain, seeds.mean(axis=0))
        assert found.residual_deviation == pytest.approx(np.sqrt(fit.residual_squares / (len(PAIRS) - 3)))
        assert (table["theory_low"] <= table["theory_high"]).all()
        shares.append(found.coverage)
    # 20 × 36 pairs: a standard error of about 1 %, more as the pairs of one fit go together.
    assert 0.88 < np.mean(shares) < 0.99


@pytest.mark.parametrize("learner", ["ridge", "gradient_flow", "logistic"])
def test_choices_are_fitted_by_maximum_likelihood(learner: str) -> None:
    random = np.random.default_rng(11)
    true = 4 * model_margins(9, [(5, 3)], 0.2, 10.0)
    shown = np.array([*PAIRS, *[(j, i) for i, j in PAIRS]])
    trials = np.full(len(shown), 60)
    chosen = random.binomial(60, 0.04 / 2 + 0.96 / (1 + np.exp(-true[shown[:, 0], shown[:, 1]] - 0.3)))
    fit = caveat.fit_choices(TASK, shown, chosen, trials, learner=learner, lapse=True, position_bias=True)

    def margins(alpha: float, strength: float) -> np.ndarray:
        kernel = caveat.ExchangeableKernel(alpha)
        if learner == "gradient_flow":
            return caveat.gradient_flow(TASK, kernel, time=strength).margins
        return (caveat.solve if learner == "ridge" else caveat.logistic)(TASK, kernel, c=strength).margins

    def loss(p: np.ndarray) -> float:
        f = margins(1 / (1 + np.exp(-p[0])), np.exp(p[1]))[shown[:, 0], shown[:, 1]]
        lapse = 0.5 / (1 + np.exp(-p[3]))
        chance = lapse / 2 + (1 - lapse) / (1 + np.exp(-np.exp(p[2]) * f - p[4]))
        return -np.sum(chosen * np.log(chance) + (trials - chosen) * np.log1p(-chance))

    start = np.array(
        [
            np.log(fit.conjunctivity / (1 - fit.conjunctivity)) + 0.3,
            np.log(fit.strength) - 0.2,
            np.log(fit.gain),
            -3.0,
            0.0,
        ]
    )
    best = scipy.optimize.minimize(
        loss, start, method="Nelder-Mead", options={"maxiter": 8_000, "fatol": 1e-9, "xatol": 1e-7, "adaptive": True}
    )
    assert -fit.log_likelihood <= best.fun + 1e-5
    if best.fun - -fit.log_likelihood < 1e-5:
        assert fit.position_bias == pytest.approx(best.x[4], abs=2e-2)
        assert fit.conjunctivity == pytest.approx(1 / (1 + np.exp(-best.x[0])), abs=2e-2)
    assert fit.n_trials == trials.sum() and fit.n_parameters == 5
    rates = chosen / trials
    saturated = np.sum(scipy.special.xlogy(chosen, rates) + scipy.special.xlogy(trials - chosen, 1 - rates))
    null = -trials.sum() * np.log(2)
    assert fit.deviance_explained == pytest.approx((fit.log_likelihood - null) / (saturated - null))
    assert fit.mcfadden == pytest.approx(1 - fit.log_likelihood / null)
    place = {tuple(pair): p for pair, p in zip(fit.pairs.tolist(), fit.probabilities, strict=True)}
    assert all(0 < p < 1 for p in place.values()) and len(place) == 72


def test_intervals_of_choices_hold_the_estimate_and_end_at_the_likelihoods_threshold() -> None:
    random = np.random.default_rng(2)
    true = 4 * model_margins(9, [(5, 3)], 0.2, 10.0)
    subjects = np.repeat(np.arange(10), len(PAIRS))
    shown = np.array(PAIRS * 10)
    chosen = random.binomial(10, 1 / (1 + np.exp(-true[shown[:, 0], shown[:, 1]])))
    fit = caveat.fit_choices(TASK, shown, chosen, 10, clusters=subjects)
    profile, resampled = fit.profile_intervals(), fit.bootstrap(replicates=500, seed=1)
    over_subjects = fit.cluster_intervals()
    assert list(profile) == list(resampled) == list(over_subjects) == ["conjunctivity", "strength", "gain"]
    for end in profile["conjunctivity"]:
        held = caveat.fit_choices(TASK, shown, chosen, 10, conjunctivity=end)
        fallen = fit.log_likelihood - held.log_likelihood
        assert fallen == pytest.approx(scipy.stats.chi2.ppf(0.95, 1) / 2, rel=1e-3)
    for intervals in (profile, resampled, over_subjects):
        assert intervals["conjunctivity"][0] < fit.conjunctivity < intervals["conjunctivity"][1]
    # Subjects are alike here, so that resampling them tells what the likelihood does, to about a third.
    widths = [np.diff(i["conjunctivity"])[0] for i in (profile, resampled, over_subjects)]
    assert 0.5 < widths[1] / widths[0] < 2.0 and 0.5 < widths[2] / widths[0] < 2.5
    single = np.concatenate([[1] * k + [0] * (10 - k) for k in chosen])
    spelled = caveat.fit_choices(TASK, np.repeat(shown, 10, axis=0), single)
    assert spelled.log_likelihood == pytest.approx(fit.log_likelihood, rel=1e-9)


def test_a_design_tells_the_information_of_a_judgment() -> None:
    # Two hypotheses, known C and gain: the information of one judgment of a pair is that of a binary channel.
    c, gain, lapse, low, high = 20.0, 5.0, 0.1, 0.05, 0.6
    tasks = [caveat.TransitiveTask(5), caveat.TransitiveTask(5, [(3, 1)])]
    found = caveat.design(
        tasks,
        hypotheses=((low, low), (high, high)),
        c=(c, c),
        gain=(gain, gain),
        lapse=lapse,
        trials=20,
        samples=128,
        max_trials=400,
    )
    entropy = lambda p: -(p * np.log2(p) + (1 - p) * np.log2(1 - p))
    table = found.pairs
    for at, task in enumerate(found.tasks):
        margins = [model_margins(5, task.exceptions, alpha, c) for alpha in (low, high)]
        name = found.table["task"][at]
        rows = [k for k in range(len(table)) if table["task"][k] == name]
        assert len(rows) == 10
        for row in rows:
            i, j = (int(table[column][row]) for column in ("first", "second"))
            p, q = (lapse / 2 + (1 - lapse) / (1 + np.exp(-gain * m[i, j])) for m in margins)
            expected = entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2
            assert table["pair_information_bits"][row] == pytest.approx(expected, abs=1e-9)
    bits = found.table["information_bits"]
    assert len(found.tasks) == 2 and bits[0] >= bits[1] and 0 < bits[1] <= 1
    assert found.figure().name == "design"


def test_data_for_the_opposite_order_are_warned_of() -> None:
    margins = noisy(0.2, 10.0, 3.0, 0.05, 0)
    with pytest.warns(UserWarning, match="margins speak for the opposite order"):
        fit = caveat.fit(TASK, -margins, PAIRS)
    assert fit.limit == "no_signal"
    chosen = np.round(100 / (1 + np.exp(-margins)))
    with pytest.warns(UserWarning, match="choices speak for the opposite order"):
        caveat.fit_choices(TASK, PAIRS, 100 - chosen, 100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        caveat.fit(TASK, margins, PAIRS)
        caveat.fit_choices(TASK, PAIRS, chosen, 100)
        random = np.random.default_rng(1)
        for _ in range(20):
            caveat.fit_choices(TASK, PAIRS, random.binomial(10, 0.5, len(PAIRS)), 10)


def test_a_position_bias_needs_both_positions() -> None:
    chosen = np.round(100 / (1 + np.exp(-noisy(0.2, 10.0, 3.0, 0.05, 0))))
    with pytest.raises(ValueError, match="higher item is shown first in every trial"):
        caveat.fit_choices(TASK, PAIRS, chosen, 100, position_bias=True)
    both = [*PAIRS, *[(j, i) for i, j in PAIRS]]
    with pytest.raises(ValueError, match="always the one chosen"):
        caveat.fit_choices(TASK, both, [100] * 72, 100, position_bias=True)
    fit = caveat.fit_choices(TASK, both, [*chosen, *(100 - chosen)], 100, position_bias=True)
    assert fit.position_bias == pytest.approx(0, abs=0.05)


def test_a_population_leaves_nobody_out_and_refuses_what_it_cannot_be_of(tmp_path: Path) -> None:
    rng = np.random.default_rng(2605)
    margins = model_margins(6, [], 0.0, 6.0)
    rows = ["subject,winner,loser,first,count"]
    for subject in range(8):
        for a, b in upper_pairs(6):
            wins = rng.binomial(12, 1 / (1 + np.exp(-3 * margins[a, b])))
            rows += [f"s{subject},{w},{o},{a},{k}" for w, o, k in [(a, b, wins), (b, a, 12 - wins)] if k]
    file = tmp_path / "choices.csv"
    file.write_text("\n".join(rows) + "\n")
    table = caveat.fit_choice_file(file, by=["subject"], bootstrap=0, hierarchical=True).table
    is_alpha = np.asarray(table["parameter"]) == "conjunctivity"
    assert list(np.asarray(table["unit"])[is_alpha]) == [""] + [f"s{k}" for k in range(8)]
    own = np.asarray(table["unshrunken"])[is_alpha][1:]
    assert (own == 0).any() and (own > 0).any()
    assert table["n_units"][0] == 8 and table["n_excluded"][0] == 0 and table["low"][0] == 0.0
    with pytest.raises(ValueError, match="leave one of them out"):
        caveat.fit_choice_file(file, by=["subject"], bootstrap=0, hierarchical=True, lapse=True, position_bias=True)
    file.write_text("\n".join(r for r in rows if r.startswith(("subject", "s0,"))) + "\n")
    with pytest.raises(ValueError, match="at least 2"):
        caveat.fit_choice_file(file, by=["subject"], bootstrap=0, hierarchical=True)


def test_what_the_pairs_do_not_tell_is_no_estimate() -> None:
    task = caveat.TransitiveTask(7, [(4, 2)])
    margins = 3 * caveat.solve(task, caveat.ExchangeableKernel(0.2), c=10.0).margins
    pairs = task.pairs()
    untrained = [
        (i, j) for i, j, is_trained in zip(*(pairs[n] for n in ("first", "second", "trained"))) if not is_trained
    ]
    told = repr(caveat.fit(task, [margins[pair] for pair in untrained], untrained))
    assert told.startswith(
        "<Fit: conjunctivity not identified, c not identified, gain 3.000000, R² 1.000000 over 14"
    ), told
    assert "not identified" not in repr(caveat.fit(task, margins))
    with pytest.warns(UserWarning, match="opposite order"):
        assert repr(caveat.fit(task, -margins)).count("not identified") == 3
    unscreened = caveat.solve(task, caveat.ExchangeableKernel(1.0), c=10.0).margins
    assert "conjunctivity 1.000000, c not identified, gain not identified" in repr(caveat.fit(task, unscreened))
