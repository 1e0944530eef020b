//! Time from trial tables to conditions, the table of ordered pairs and a summary, on the tables named by CAVEAT_PUBLISHED_LM.

use std::path::PathBuf;

use caveat_results::{GroupColumn, Phase, Selection, read_conditions, read_pair_table, summarize};
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
    group.bench_function("pair table", |b| b.iter(|| read_pair_table(&paths, Phase::Post, &|_, _| ()).unwrap()));
    let by = [GroupColumn::Class];
    let selection = Selection::from(Phase::Post);
    group.bench_function("summary", |b| b.iter(|| summarize(&paths, &by, &selection, &|_, _| ()).unwrap()));
    group.finish();
}

criterion_group!(benches, published);
criterion_main!(benches);
