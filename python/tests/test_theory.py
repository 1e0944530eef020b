"""Ranks and margins against scikit-learn, SciPy and NumPy, which solve the same problems in other ways."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
import scipy.optimize
import scipy.sparse
import scipy.sparse.linalg
from sklearn.kernel_ridge import KernelRidge

import caveat
from reference import (
    chain_trials,
    model_margins,
    one_hot_kernel,
    orbit_kernel,
    ordered_pairs,
    random_graph,
    square,
    trials_of,
    upper_pairs,
)

TASKS = [(5, []), (9, [(5, 3)]), (9, [(4, 3)]), (11, [(7, 3)]), (12, [(4, 2), (9, 7)])]
ORBITS = [2.0, 0.4, 1.1, 0.9, 0.5, 0.3]


@pytest.mark.parametrize(("n_items", "exceptions"), TASKS)
@pytest.mark.parametrize("conjunctivity", [0.0, 0.15, 0.6, 1.0])
@pytest.mark.parametrize("c", [0.1, 10.0, 1e4])
def test_margins_are_those_of_kernel_ridge(n_items: int, exceptions: list, conjunctivity: float, c: float) -> None:
    trials, labels = chain_trials(n_items, exceptions)
    every = ordered_pairs(n_items)
    ridge = KernelRidge(alpha=1.0 / c, kernel="precomputed").fit(one_hot_kernel(conjunctivity, trials, trials), labels)
    expected = square(n_items, every, ridge.predict(one_hot_kernel(conjunctivity, every, trials)))
    task = caveat.TransitiveTask(n_items, exceptions)
    for route in [None, "chain", "graph", "asymmetric", "dense"]:
        solution = caveat.solve(task, caveat.ExchangeableKernel(conjunctivity), c=c, route=route)
        # scikit-learn's Cholesky loses eps·C of what the labels hold.
        np.testing.assert_allclose(solution.margins, expected, atol=1e-14 * c + 1e-12, err_msg=str(route))
        ranks, untrained = solution.ranks, ~np.eye(n_items, dtype=bool)
        for i, j in trials:
            untrained[i, j] = False
        np.testing.assert_allclose(
            (ranks[:, None] - ranks[None, :])[untrained], expected[untrained], atol=1e-14 * c + 1e-12
        )


@pytest.mark.parametrize("order", ["both", "higher-first", "lower-first", "winner-first"])
def test_any_exchangeable_kernel_and_order_agree_with_kernel_ridge(order: str) -> None:
    task = caveat.TransitiveTask(7, [(4, 2)], weights={(4, 2): 2.5, (0, 1): 0.5}, order=order)
    kernel = caveat.ExchangeableKernel.from_orbits(*ORBITS)
    trials, labels, weights = trials_of(task)
    every = ordered_pairs(7)
    ridge = KernelRidge(alpha=0.2, kernel="precomputed")
    ridge.fit(orbit_kernel(ORBITS, trials, trials), labels, sample_weight=weights)
    expected = square(7, every, ridge.predict(orbit_kernel(ORBITS, every, trials)))
    for route in [None, "dense"]:
        np.testing.assert_allclose(caveat.solve(task, kernel, c=5.0, route=route).margins, expected, atol=1e-12)
    matrix = orbit_kernel(ORBITS, every, every)
    np.testing.assert_allclose(kernel.matrix(7), matrix)
    of_matrix = caveat.solve(task, matrix, c=5.0)
    np.testing.assert_allclose(of_matrix.margins, expected, atol=1e-12)
    assert of_matrix.ranks is None
    assert of_matrix.conjunctivity == pytest.approx(kernel.conjunctivity, abs=1e-14)


def test_a_kernel_that_is_not_exchangeable_is_solved_as_it_is() -> None:
    random = np.random.default_rng(3)
    features = random.normal(size=(20, 30))
    matrix = features @ features.T
    task = caveat.TransitiveTask(5, [(3, 1)])
    trials, labels, _ = trials_of(task)
    every = ordered_pairs(5)
    place = [every.index(pair) for pair in trials]
    ridge = KernelRidge(alpha=0.5, kernel="precomputed").fit(matrix[np.ix_(place, place)], labels)
    expected = square(5, every, ridge.predict(matrix[:, place]))
    np.testing.assert_allclose(caveat.solve(task, matrix, c=2.0).margins, expected, atol=1e-12)


@pytest.mark.parametrize(("conjunctivity", "c"), [(0.0, 3.0), (0.2, 10.0), (0.9, 100.0)])
def test_ranks_on_a_graph_solve_the_screened_laplacian(conjunctivity: float, c: float) -> None:
    n_items, (winners, losers, weights) = 200, random_graph(200, 900, seed=1)
    graph = caveat.ComparisonGraph.from_pairs(winners, losers, weights, n_items=n_items)
    # SciPy: (I + hBᵀDB)r = hBᵀDy with D = 1/(α + 1/(Cw)) from the comparisons summed by pair.
    low, high = np.minimum(winners, losers), np.maximum(winners, losers)
    pair, edge = np.unique(np.column_stack([low, high]), axis=0, return_inverse=True)
    weight = np.bincount(edge.ravel(), weights=weights)
    label = np.bincount(edge.ravel(), weights=weights * np.where(winners < losers, 1.0, -1.0)) / weight
    rows = np.repeat(np.arange(len(pair)), 2)
    incidence = scipy.sparse.csr_array(
        (np.tile([1.0, -1.0], len(pair)), (rows, pair.ravel())), shape=(len(pair), n_items)
    )
    strength, diagonal = (1 - conjunctivity) / 2, conjunctivity + 1 / (c * weight)
    laplacian = incidence.T @ scipy.sparse.diags_array(1 / diagonal) @ incidence
    system = scipy.sparse.eye_array(n_items) + strength * laplacian
    ranks = scipy.sparse.linalg.spsolve(system.tocsc(), strength * (incidence.T @ (label / diagonal)))
    solution = caveat.solve(graph, caveat.ExchangeableKernel(conjunctivity), c=c)
    assert solution.route == "graph"
    np.testing.assert_allclose(solution.ranks, ranks, atol=1e-10 * np.abs(ranks).max())
    memorization = conjunctivity / diagonal
    i, j = pair.T
    trained = memorization * label + (1 - memorization) * (ranks[i] - ranks[j])
    np.testing.assert_allclose(solution.margin(i, j), trained, atol=1e-9)
    np.testing.assert_allclose(graph.edges()["weight"], weight, rtol=1e-12)


@pytest.mark.parametrize("conjunctivity", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("time", [0.01, 1.0, 40.0])
def test_gradient_flow_is_the_matrix_exponential(conjunctivity: float, time: float) -> None:
    task = caveat.TransitiveTask(8, [(5, 2)])
    trials, labels = chain_trials(8, [(5, 2)])
    every = ordered_pairs(8)
    # Both orders of a pair together train the antisymmetric kernel, whose norm is κ_id − κ_flip = 1.
    kernel = one_hot_kernel(conjunctivity, trials, trials)
    growth = scipy.linalg.expm(
        -time * np.block([[np.zeros((1, 1)), np.zeros((1, len(trials)))], [-labels[:, None], kernel]])
    )
    dual = growth[1:, 0]
    expected = square(8, every, one_hot_kernel(conjunctivity, every, trials) @ dual)
    solution = caveat.gradient_flow(task, caveat.ExchangeableKernel(conjunctivity), time=time)
    np.testing.assert_allclose(solution.margins, expected, atol=1e-11)
    assert np.isnan(solution.c) and solution.time == time


@pytest.mark.parametrize(("conjunctivity", "c"), [(0.0, 1.0), (0.25, 10.0), (0.8, 3.0)])
def test_logistic_margins_minimize_the_penalized_likelihood(conjunctivity: float, c: float) -> None:
    winners, losers, weights = random_graph(6, 25, seed=4)
    graph = caveat.ComparisonGraph.from_pairs(winners, losers, weights, n_items=6)
    pairs = [(int(a), int(b)) for a, b in zip(winners, losers, strict=True)]
    both = pairs + [(b, a) for a, b in pairs]
    # Over all ordered trials the antisymmetric part is counted twice, as each order is half of a comparison.
    kernel = one_hot_kernel(conjunctivity, both, both)
    signs, twice = np.repeat([1.0, -1.0], len(pairs)), np.concatenate([weights, weights])

    def objective(dual: np.ndarray) -> float:
        margins = kernel @ dual
        return c * np.sum(twice * np.logaddexp(0, -signs * margins)) + dual @ margins / 2

    def gradient(dual: np.ndarray) -> np.ndarray:
        margins = kernel @ dual
        return kernel @ (dual - c * twice * signs / (1 + np.exp(signs * margins)))

    found = scipy.optimize.minimize(
        objective,
        np.zeros(len(both)),
        jac=gradient,
        method="L-BFGS-B",
        options={"maxiter": 20_000, "ftol": 1e-16, "gtol": 1e-10},
    )
    every = ordered_pairs(6)
    expected = square(6, every, one_hot_kernel(conjunctivity, every, both) @ found.x)
    solution = caveat.logistic(graph, caveat.ExchangeableKernel(conjunctivity), c=c)
    np.testing.assert_allclose(solution.margins, expected, atol=2e-4 * np.abs(expected).max())
    np.testing.assert_allclose(
        solution.probability([0, 3], [1, 2]), 1 / (1 + np.exp(-solution.margin([0, 3], [1, 2]))), rtol=1e-12
    )
    np.testing.assert_allclose(solution.probability(2, 2), 0.5)


def test_accuracy_is_the_share_of_correct_signs_by_class() -> None:
    task = caveat.TransitiveTask(9, [(5, 3)])
    expected = model_margins(9, [(5, 3)], 0.5, 10.0)
    pairs = task.pairs()
    solution = caveat.solve(task, caveat.ExchangeableKernel(0.5), c=10.0)
    for name, share in solution.accuracy().items():
        of = (pairs["class"] == name) & np.isfinite(pairs["label"])
        right = np.sign(expected[pairs["first"][of], pairs["second"][of]]) == pairs["label"][of]
        assert share == pytest.approx(right.mean(), abs=1e-15), name
    table = solution.pairs()
    np.testing.assert_array_equal(table["margin"], [solution.margins[i, j] for i, j in ordered_pairs(9)])
    assert np.isnan(caveat.solve(caveat.TransitiveTask(3), caveat.ExchangeableKernel(0.5)).accuracy()["cross_section"])


def test_classes_follow_from_what_can_be_reached() -> None:
    # The cycle is 3, 4, 5; above and below it lie plain sections.
    pairs = caveat.TransitiveTask(9, [(5, 3)]).pairs()
    for i, j, name, label, trained in zip(*(pairs[c].tolist() for c in pairs.column_names), strict=True):
        in_cycle = [3 <= k <= 5 for k in (i, j)]
        if trained:
            expected = "exception_cycle" if all(in_cycle) else "premise"
        elif any(in_cycle):
            expected = "cycle_to_section"
        else:
            expected = "within_section" if (i < 3) == (j < 3) else "cross_section"
        assert (name, label) == (expected, -1 if (i, j) == (3, 5) else 1)


def test_a_measured_kernel_is_averaged_over_its_orbits() -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(20, 50))
    matrix = features @ features.T
    every = ordered_pairs(5)
    kernel = caveat.ExchangeableKernel.from_matrix(matrix)
    which = orbit_kernel(range(6), every, every)
    averages = [matrix[which == orbit].mean() for orbit in range(6)]
    np.testing.assert_allclose(list(kernel.orbits.values()), averages, rtol=1e-12)
    center = np.eye(20) - 1 / 20
    projected, measured = (center @ m @ center for m in (orbit_kernel(averages, every, every), matrix))
    explained = np.sum(projected**2) / np.sum(measured**2)
    assert kernel.info["variance_explained"] == pytest.approx(explained, rel=1e-12)
    assert kernel.scale == pytest.approx(averages[0] - averages[1])
    shared = averages[2] + averages[3] - 2 * averages[4]
    assert kernel.conjunctivity == pytest.approx(1 - shared / kernel.scale, rel=1e-12)


def test_eigenvalues_are_those_of_the_full_matrix() -> None:
    kernel = caveat.ExchangeableKernel.from_orbits(*ORBITS)
    for n_items in (3, 4, 7):
        table = kernel.eigenvalues(n_items)
        listed = np.sort(np.repeat(table["eigenvalue"], table["multiplicity"]))
        np.testing.assert_allclose(listed, np.linalg.eigvalsh(kernel.matrix(n_items)), atol=1e-12 * n_items**2)
        assert kernel.is_definite(n_items) == (listed[0] >= -1e-12)


@pytest.mark.parametrize("kind", ["nngp", "ntk"])
@pytest.mark.parametrize(("activation", "slope"), [("relu", 0.0), ("abs", -1.0), ("leaky:0.3", 0.3), ("linear", 1.0)])
def test_network_kernels_are_gaussian_averages_of_the_activation(kind: str, activation: str, slope: float) -> None:
    def average(function: object, correlation: float) -> float:
        # E f(u)f(v) in polar coordinates: both are linear along rays, so that the radius integrates to 2 (or to 1 for slopes).
        angle = np.arccos(correlation)
        at = lambda a: function(np.cos(a)) * function(np.cos(a - angle))
        breaks = sorted(b % (2 * np.pi) for b in (np.pi / 2, -np.pi / 2, angle + np.pi / 2, angle - np.pi / 2))
        return scipy.integrate.quad(at, 0, 2 * np.pi, points=breaks, epsabs=1e-13, limit=200)[0] / (2 * np.pi)

    phi = lambda x: np.where(x > 0, x, slope * x)
    derivative = lambda x: np.where(x > 0, 1.0, slope)
    norm = (1 + slope**2) / 2
    shared, disjoint = np.array([0.5, 0.5]), np.array([0.0, 0.0])  # (Σ, Θ)
    for depth in range(4):
        alpha = 1 - (2 * shared - 2 * disjoint) / (1 - disjoint)
        kernel = caveat.ExchangeableKernel.network(kind, depth, activation)
        index = 0 if kind == "nngp" else 1
        assert kernel.conjunctivity == pytest.approx(alpha[index], abs=1e-10)
        assert kernel.orbits["same_first"] == pytest.approx(shared[index], abs=1e-10)
        assert caveat.conjunctivity_by_depth(kind, depth, activation)[depth] == pytest.approx(
            kernel.conjunctivity, abs=1e-14
        )

        def next_layer(at: np.ndarray) -> np.ndarray:
            sigma = 2 * average(phi, at[0]) / norm
            slopes = average(derivative, at[0]) / norm
            # Normalized to 1 on the diagonal, where Θ is the number of layers.
            return np.array([sigma, (sigma + (depth + 1) * at[1] * slopes) / (depth + 2)])

        shared, disjoint = next_layer(shared), next_layer(disjoint)


def test_random_features_estimate_the_infinite_network() -> None:
    kernel = caveat.ExchangeableKernel.random_features(2, "abs", width=400, n_items=5, replicates=24, seed=3)
    infinite = caveat.ExchangeableKernel.network("nngp", 2, "abs").conjunctivity
    # Five standard errors, and a bias of the order 1/width.
    assert abs(kernel.conjunctivity - infinite) < 5 * kernel.info["standard_error"] + 2 / 400
    each = kernel.info["replicate_conjunctivities"]
    assert kernel.conjunctivity == pytest.approx(each.mean())
    assert kernel.info["standard_error"] == pytest.approx(each.std(ddof=1) / np.sqrt(24))
    again = caveat.ExchangeableKernel.random_features(2, "abs", width=400, n_items=5, replicates=24, seed=3)
    assert again.conjunctivity == kernel.conjunctivity


def test_the_window_is_where_the_margins_change_sign() -> None:
    n_items, exceptions, c = 9, [(5, 3)], 20.0
    pairs = caveat.TransitiveTask(n_items, exceptions).pairs()
    window = caveat.balance_window(caveat.TransitiveTask(n_items, exceptions), c=c)

    def worst(name: str, alpha: float) -> float:
        of = pairs["class"] == name
        margins = model_margins(n_items, exceptions, alpha, c)
        return float(np.min(pairs["label"][of] * margins[pairs["first"][of], pairs["second"][of]]))

    generalization = scipy.optimize.brentq(lambda a: worst("cross_section", a), 0.01, 0.99, xtol=1e-13)
    memorization = scipy.optimize.brentq(lambda a: worst("exception_cycle", a), 0.001, 0.99, xtol=1e-13)
    assert window.conjunctivity_generalization == pytest.approx(generalization, abs=1e-9)
    assert window.conjunctivity_memorization == pytest.approx(memorization, abs=1e-9)
    assert window.balances
    assert window.critical is not None and window.critical < c
    flow = caveat.balance_window(caveat.TransitiveTask(n_items, exceptions), time=30.0)
    for name, alpha in [
        ("cross_section", flow.conjunctivity_generalization),
        ("exception_cycle", flow.conjunctivity_memorization),
    ]:
        of = pairs["class"] == name
        for step, sign in [(-1e-6, 1), (1e-6, -1)]:
            sign = sign if name == "cross_section" else -sign
            solution = caveat.gradient_flow(
                caveat.TransitiveTask(n_items, exceptions), caveat.ExchangeableKernel(alpha + step), time=30.0
            )
            least = np.min(pairs["label"][of] * solution.margins[pairs["first"][of], pairs["second"][of]])
            assert np.sign(least) == sign, (name, step)


def test_a_phase_diagram_holds_the_accuracy_of_every_cell() -> None:
    task = caveat.TransitiveTask(9, [(5, 3)])
    alphas, strengths = np.linspace(0, 1, 7), np.array([0.0, 0.01, 0.3, 5.0])
    grid = caveat.phase_diagram(task, alphas, strengths)
    assert list(grid.dims) == ["inverse_c", "conjunctivity"] and grid.attrs["learner"] == "ridge"
    pairs = task.pairs()
    for inverse in strengths[1:]:
        for alpha in alphas[:-1]:
            margins = model_margins(9, [(5, 3)], alpha, 1 / inverse)
            for name in grid.data_vars:
                of = (pairs["class"] == name) & np.isfinite(pairs["label"])
                values = pairs["label"][of] * margins[pairs["first"][of], pairs["second"][of]]
                # Margins that rounding alone decides are ties in one and not in the other.
                if np.abs(values).min() > 1e-9:
                    share = float(grid[name].sel(conjunctivity=alpha, inverse_c=inverse))
                    assert share == pytest.approx(np.mean(values > 0), abs=1e-12), (name, alpha, inverse)
    flow = caveat.phase_diagram(task, [0.2], inverse_time=[0.1, 1.0])
    for time, inverse in [(10.0, 0.1), (1.0, 1.0)]:
        accuracy = caveat.gradient_flow(task, caveat.ExchangeableKernel(0.2), time=time).accuracy()
        assert {n: float(flow[n].sel(inverse_time=inverse)[0]) for n in flow.data_vars} == pytest.approx(
            accuracy, nan_ok=True
        )
    assert caveat.phase_diagram(task, cells=3).sizes == {"inverse_c": 3, "conjunctivity": 3}


def test_relabeling_items_permutes_the_margins() -> None:
    winners, losers, weights = random_graph(12, 40, seed=8)
    order = np.random.default_rng(1).permutation(12)
    kernel = caveat.ExchangeableKernel(0.35)
    plain = caveat.solve(caveat.ComparisonGraph.from_pairs(winners, losers, weights, n_items=12), kernel, c=4.0)
    moved = caveat.solve(
        caveat.ComparisonGraph.from_pairs(order[winners], order[losers], weights, n_items=12), kernel, c=4.0
    )
    np.testing.assert_allclose(moved.margins[np.ix_(order, order)], plain.margins, atol=1e-12)
    np.testing.assert_array_equal(plain.margins, -plain.margins.T)
    assert len(upper_pairs(12)) == 66


def test_results_are_arrays_that_cannot_be_changed() -> None:
    solution = caveat.solve(caveat.TransitiveTask(5), caveat.ExchangeableKernel(0.1))
    assert solution.margins is solution.margins and solution.ranks is solution.ranks
    for array in (solution.margins, solution.ranks):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1.0


def exact_sign(
    n_items: int, exception: tuple[int, int], conjunctivity: Fraction, ridge: Fraction
) -> Callable[[int, int], int]:
    """Signs of margins by solving the antisymmetric problem of one trial per pair in rational numbers."""
    winner, loser = exception
    pairs = [(i, i + 1) for i in range(n_items - 1)] + [(winner, loser)]
    side = (1 - conjunctivity) / 2

    def kernel(a: tuple[int, int], b: tuple[int, int]) -> Fraction:
        items = (a[0] == b[0]) + (a[1] == b[1]) - (a[0] == b[1]) - (a[1] == b[0])
        return side * items + conjunctivity * (a == b)

    rows = [{c: v for c, b in enumerate(pairs) if (v := kernel(a, b) + ridge * (a == b))} for a in pairs]
    values = [Fraction(1)] * len(pairs)
    for c in range(len(pairs)):
        for r in range(c + 1, len(pairs)):
            if share := rows[r].get(c, Fraction(0)) / rows[c][c]:
                for k, v in rows[c].items():
                    rows[r][k] = rows[r].get(k, Fraction(0)) - share * v
                values[r] -= share * values[c]
    for c in reversed(range(len(pairs))):
        rest = sum((v * values[k] for k, v in rows[c].items() if k > c), Fraction(0))
        values[c] = (values[c] - rest) / rows[c][c]
    ranks = [Fraction(0)] * n_items
    own: dict[tuple[int, int], Fraction] = {}
    for (i, j), value in zip(pairs, values, strict=True):
        ranks[i] += value
        ranks[j] -= value
        own[i, j], own[j, i] = value, -value

    def sign(i: int, j: int) -> int:
        margin = side * (ranks[i] - ranks[j]) + conjunctivity * own.get((i, j), Fraction(0))
        return (margin > 0) - (margin < 0)

    return sign


@pytest.mark.parametrize("exception", [(20, 12), (26, 5), (19, 17)])
@pytest.mark.parametrize("conjunctivity", [Fraction(3, 100), Fraction(3, 4)])
@pytest.mark.parametrize("ridge", [Fraction(1, 4), Fraction(10), Fraction(10**5)])
def test_margins_far_from_an_exception_have_the_sign_of_the_exact_solution(
    exception: tuple[int, int], conjunctivity: Fraction, ridge: Fraction
) -> None:
    n_items, (winner, loser) = 31, exception
    sign = exact_sign(n_items, exception, conjunctivity, ridge)
    kernel = caveat.ExchangeableKernel(conjunctivity=float(conjunctivity))
    margins = caveat.solve(caveat.TransitiveTask(n_items, [exception]), kernel, c=float(1 / ridge)).margins
    # Of pairs in the mirror of an item of the exception, or of its middle, the first digits cancel.
    mirrors = {2 * winner, 2 * loser, winner + loser}
    for i, j in upper_pairs(n_items):
        if i + j not in mirrors and sign(i, j) != 0:
            assert np.sign(margins[i, j]) == sign(i, j), (i, j, margins[i, j])
