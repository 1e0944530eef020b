//! Time from trial tables to the mean margin of every pair and condition, on the tables named by CAVEAT_PUBLISHED_LM.

use std::path::PathBuf;

use caveat_results::{Phase, read_conditions};
use criterion::{Criterion, criterion_group, criterion_main};

fn published(criterion: &mut Criterion) {
    let Ok(directory) = std::env::var("CAVEAT_PUBLISHED_LM") else {
        eprintln!("skipped: CAVEAT_PUBLISHED_LM is not set");
        return;
    };
    let paths = [PathBuf::from(directory)];
    let mut group = criterion.benchmark_group("published");
    group.sample_size(10);
    group.bench_function("conditions", |b| b.iter(|| read_conditions(&paths, Phase::Post, &|_, _| ()).unwrap()));
    group.finish();
}

criterion_group!(benches, published);
criterion_main!(benches);
