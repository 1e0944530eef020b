//! Time of a phase grid per configuration, and of the closed-form route.

use std::hint::black_box;

use caveat_theory::margins::chain;
use caveat_theory::{Margins, PhaseAxes, RidgeModel, TransitiveTask, phase_grid};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn phase(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("phase_grid");
    for (n, exceptions) in [(9, vec![(5, 3)]), (11, vec![(6, 4)]), (30, vec![(12, 10), (20, 17)])] {
        let task = TransitiveTask::new(n, &exceptions).unwrap();
        let axes = PhaseAxes::cell_centers(100, 100, (0.0, 1.0), (1e-3, 1e1)).unwrap();
        group.throughput(Throughput::Elements(10_000));
        group.bench_function(BenchmarkId::new("configurations", format!("n{n}x{}", exceptions.len())), |b| {
            b.iter(|| phase_grid(black_box(&task), &axes, &|_| ()).unwrap());
        });
    }
    group.finish();
    let task = TransitiveTask::new(9, &[(5, 3)]).unwrap();
    criterion.bench_function("chain_margins_n9", |b| {
        b.iter(|| {
            let model = RidgeModel::new(black_box(0.2), black_box(10.0)).unwrap();
            chain::solve(&task, &model).unwrap().matrix()
        });
    });
}

criterion_group!(benches, phase);
criterion_main!(benches);
