"""The same jobs by caveat and by what a user would use instead, in one run on one machine: prints a table of ratios."""

import json
import os
import subprocess
import sys
import tempfile
import time

# One core against one core: set before NumPy loads its threads.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402

ROWS = []


def ours(*arguments, threads=None):
    """Runs our side and parses its JSON."""
    environment = dict(os.environ)
    if threads is not None:
        environment["RAYON_NUM_THREADS"] = str(threads)
    out = subprocess.run([BINARY, *map(str, arguments)], env=environment, check=True, capture_output=True, text=True)
    return json.loads(out.stdout)


def row(job, other, our_time, their_time, unit, note):
    scale = {"s": 1.0, "µs": 1e6}[unit]
    ROWS.append((job, other, f"{our_time * scale:.3g} {unit}", f"{their_time * scale:.3g} {unit}",
                 f"{their_time / our_time:,.1f}×", note))


def phase():
    from sklearn.kernel_ridge import KernelRidge

    n, exception = 9, (5, 3)
    pairs = [(i, j) for i in range(n) for j in range(n) if i != j]
    incidence = np.zeros((len(pairs), n))
    for e, (i, j) in enumerate(pairs):
        incidence[e, i], incidence[e, j] = 1.0, -1.0
    same = np.array([[float(a == b) - float(a == b[::-1]) for b in pairs] for a in pairs])
    additive = incidence @ incidence.T
    trained = [(i, i + 1) for i in range(n - 1)] + [exception]
    trained += [(j, i) for i, j in trained]
    index = [pairs.index(p) for p in trained]
    y = np.array([1.0] * (len(trained) // 2) + [-1.0] * (len(trained) // 2))
    cross = [k for k, (i, j) in enumerate(pairs) if i < 3 and j > 5]
    times, correct = [], []
    rng = np.random.default_rng(0)
    for _ in range(400):
        alpha, inverse_c = rng.uniform(0.0, 1.0), 10 ** rng.uniform(-3, 1)
        # The antisymmetric kernel; both orders are trained, which doubles the ridge of one pair.
        kernel = (1 - alpha) / 2 * additive + alpha * same
        k_train, k_all = kernel[np.ix_(index, index)], kernel[:, index]
        start = time.perf_counter()
        f = KernelRidge(alpha=2 * inverse_c, kernel="precomputed").fit(k_train, y).predict(k_all)
        times.append(time.perf_counter() - start)
        correct.append(np.mean(f[cross] > 0))
    result = ours("phase", threads=1)
    per = result["seconds"] / result["configurations"]
    row("phase grid 400 × 400, (9; 5 3), per configuration, one core", "scikit-learn KernelRidge, precomputed kernel",
        per, float(np.median(times)), "µs", f"mean cross-section accuracy {result['mean_cross_section']:.3f} against "
        f"{np.mean(correct):.3f} on 400 random configurations")


def rank():
    import scipy.sparse as sp
    from scipy.sparse.linalg import cg

    n, m, alpha, c, tolerance = 1_000_000, 5_000_000, 0.1, 10.0, 1e-10
    rng = np.random.default_rng(0)
    pairs = rng.integers(0, n, size=(m, 2), dtype=np.uint32)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    with tempfile.NamedTemporaryFile(suffix=".bin") as file:
        pairs.tofile(file.name)
        one, both = (ours("rank", file.name, n, alpha, c, tolerance, threads=t) for t in (1, None))
    # Presentations of one pair merge to its mean label; weights as in the theory.
    start = time.perf_counter()
    low, high = pairs.min(1).astype(np.int64), pairs.max(1).astype(np.int64)
    keys, where = np.unique(low * n + high, return_inverse=True)
    weight = np.bincount(where).astype(float)
    label = np.bincount(where, np.where(pairs[:, 0] < pairs[:, 1], 1.0, -1.0)) / weight
    first, second = keys // n, keys % n
    d = 1.0 / (alpha + 1.0 / (c * weight))
    largest = d.max()
    w = d / largest
    mu = 2.0 / ((1.0 - alpha) * largest)
    adjacency = sp.csr_matrix((np.r_[w, w], (np.r_[first, second], np.r_[second, first])), shape=(n, n))
    matrix = (sp.diags(np.asarray(adjacency.sum(1)).ravel() + mu) - adjacency).tocsr()
    b = np.bincount(first, w * label, n) - np.bincount(second, w * label, n)
    build = time.perf_counter() - start
    times, count = [], 0
    for _ in range(3):
        count = 0

        def step(_):
            nonlocal count
            count += 1

        start = time.perf_counter()
        x, info = cg(matrix, b, rtol=tolerance, atol=0.0, callback=step)
        times.append(time.perf_counter() - start)
    assert info == 0
    residual = np.linalg.norm(b - matrix @ x) / np.linalg.norm(b)
    assert np.allclose(x[:5], one["ranks"], rtol=1e-7), (x[:5], one["ranks"])
    theirs = float(np.median(times))
    for result, cores in ((both, "all cores"), (one, "one core")):
        row(f"rank 10⁶ items, 5·10⁶ comparisons: solve, {cores}", "SciPy conjugate gradients", result["solve_seconds"],
            theirs, "s", f"residual {result['relative_residual']:.1e} in {result['iterations']} iterations against "
            f"{residual:.1e} in {count}; peak {result['peak_bytes'] / 2**30:.2f} GiB")
    row("the same: assembly and solve, all cores", "NumPy + SciPy", both["build_seconds"] + both["solve_seconds"],
        build + theirs, "s", "from a list of pairs in memory")


def published():
    directory = os.environ.get("CAVEAT_PUBLISHED_LM")
    if not directory:
        print("published: skipped, CAVEAT_PUBLISHED_LM is not set", file=sys.stderr)
        return
    import glob
    import pandas as pd

    columns = ["setting", "model", "task", "hier", "seed", "phase", "rank_a", "rank_b", "is_train", "is_exception",
               "label", "logit_diff", "lora_r", "l2_reg"]
    by = ["setting", "model", "task", "hier", "lora_r", "l2_reg"]

    def means():
        files = sorted(glob.glob(os.path.join(directory, "*", "*.parquet")))
        table = pd.concat([pd.read_parquet(f, columns=columns) for f in files])
        table = table[table.phase == "post"]
        mean = table.groupby([*by, "rank_a", "rank_b"], dropna=False)["logit_diff"].mean().reset_index()
        flipped = mean.rename(columns={"rank_a": "rank_b", "rank_b": "rank_a"})
        both = mean.merge(flipped, on=[*by, "rank_a", "rank_b"], suffixes=("", "_flipped"))
        both = both[both.rank_a < both.rank_b]
        return (both.logit_diff - both.logit_diff_flipped) / 2

    times = []
    for _ in range(3):
        start = time.perf_counter()
        margins = means()
        times.append(time.perf_counter() - start)
    theirs = float(np.median(times))
    for threads, cores in ((None, "all cores"), (1, "one core")):
        result = ours("published", directory, threads=threads)
        assert np.isclose(result["sum_of_absolute_margins"], margins.abs().sum(), rtol=1e-12)
        row(f"mean margins of 6 million trials, {cores}", "pandas + pyarrow, the same columns", result["seconds"], theirs, "s",
            f"{result['conditions']} conditions, equal sums; peak {result['peak_bytes'] / 2**30:.2f} GiB")


def statistics():
    directory = os.environ.get("CAVEAT_PUBLISHED_LM")
    if not directory:
        print("statistics: skipped, CAVEAT_PUBLISHED_LM is not set", file=sys.stderr)
        return
    import glob
    import pandas as pd

    files = sorted(glob.glob(os.path.join(directory, "*", "*.parquet")))
    by = ["setting", "model", "task", "hier", "lora_r", "l2_reg"]

    def read(columns):
        table = pd.concat([pd.read_parquet(f, columns=columns) for f in files])
        return table[table.phase == "post"]

    def pairs():
        table = read([*by, "phase", "rank_a", "rank_b", "is_train", "is_exception", "label", "prob_yes", "correct", "margin"])
        table["yes"] = table.prob_yes > 0.5
        return table.groupby([*by, "rank_a", "rank_b"], dropna=False).agg(
            n=("prob_yes", "size"), n_scored=("correct", "count"), n_correct=("correct", "sum"), n_yes=("yes", "sum"),
            prob_yes=("prob_yes", "mean"), margin=("margin", "mean"), is_train=("is_train", "max"),
            is_exception=("is_exception", "max"), label=("label", "first"))

    def pair_class(hier, a, b):
        cycle = {"exc_mid_n9": (3, 5), "exc_mid_n11": (4, 6)}.get(hier)
        trained = abs(a - b) == 1 or (cycle is not None and (min(a, b), max(a, b)) == cycle)
        if cycle is None:
            return "premise" if trained else "within_section"
        side = lambda r: int(r > cycle[1]) - int(r < cycle[0])  # noqa: E731
        x, y = side(a), side(b)
        if trained:
            return "exception_cycle" if x == y == 0 else "premise"
        return "cycle_to_section" if 0 in (x, y) else "within_section" if x == y else "cross_section"

    def summary():
        table = read(["setting", "hier", "seed", "phase", "rank_a", "rank_b", "correct", "margin"])
        # The classes are given here: one row per ordered pair, joined.
        shown = table[["hier", "rank_a", "rank_b"]].drop_duplicates()
        shown["class"] = [pair_class(*key) for key in shown.itertuples(index=False)]
        table = table.merge(shown, on=["hier", "rank_a", "rank_b"])
        means = table.groupby(["setting", "hier", "class", "seed"])["margin"].mean()
        error = means.groupby(["setting", "hier", "class"]).sem()
        groups = table.groupby(["setting", "hier", "class"]).agg(
            accuracy=("correct", "mean"), n=("correct", "count"), margin=("margin", "mean"))
        return groups.assign(error=error)

    def timed(job):
        times = []
        for _ in range(3):
            start = time.perf_counter()
            result = job()
            times.append(time.perf_counter() - start)
        return float(np.median(times)), result

    pair_time, cells = timed(pairs)
    summary_time, groups = timed(summary)
    for threads, cores in ((None, "all cores"), (1, "one core")):
        result = ours("statistics", directory, threads=threads)
        assert result["cells"] == len(cells) and result["groups"] == len(groups)
        assert result["correct"] == cells.n_correct.sum() and result["yes"] == cells.n_yes.sum()
        for ours_sum, theirs_sum in (("probabilities", cells.prob_yes), ("margins", cells.margin),
                                     ("accuracies", groups.accuracy), ("errors", groups.error)):
            assert np.isclose(result[f"sum_of_{ours_sum}"], theirs_sum.sum(), rtol=1e-11), ours_sum
        peak = f"peak {result['peak_bytes'] / 2**30:.2f} GiB"
        row(f"table of ordered pairs of 6 million trials, {cores}", "pandas + pyarrow, the same columns",
            result["pair_seconds"], pair_time, "s", f"{result['cells']:,} cells, equal sums; {peak}")
        row(f"summary by setting, hierarchy and pair class, {cores}", "pandas + pyarrow, classes given",
            result["summary_seconds"], summary_time, "s", f"{result['groups']} groups, equal sums; {peak}")


if __name__ == "__main__":
    BINARY = sys.argv[1]
    jobs = {"phase": phase, "rank": rank, "published": published, "statistics": statistics}
    for name in sys.argv[2:] or jobs:
        jobs[name]()
    print("| job | instead of | caveat | other | ratio | note |\n|---|---|--:|--:|--:|---|")
    for cells in ROWS:
        print("| " + " | ".join(cells) + " |")
