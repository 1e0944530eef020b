//! Time of the sparse solve on random comparison graphs.

use caveat_theory::margins::graph;
use caveat_theory::{Comparison, ComparisonGraph, RidgeModel};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn rank(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rank");
    group.sample_size(10);
    let model = RidgeModel::new(0.1, 10.0).unwrap();
    for n in [1_000, 100_000] {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let comparisons = (0..5 * n).filter_map(|_| {
            let (winner, loser) = (rng.random_range(0..n), rng.random_range(0..n));
            (winner != loser).then(|| Comparison::new(winner, loser))
        });
        let graph = ComparisonGraph::new(n, comparisons.collect::<Vec<_>>()).unwrap();
        group.bench_function(BenchmarkId::from_parameter(n), |b| b.iter(|| graph::solve(&graph, &model).unwrap()));
    }
    group.finish();
}

criterion_group!(benches, rank);
criterion_main!(benches);
