use caveat_theory::TransitiveTask;
use caveat_theory::inference::*;
use std::time::Instant;
#[test]
#[ignore]
fn probe() {
    let path = std::env::var("HS").unwrap();
    let lapse = std::env::var("LAPSE").is_ok();
    let bias = std::env::var("BIAS").is_ok();
    let mut people: Vec<(String, Vec<Vec<ChoiceCount>>)> = vec![];
    for line in std::fs::read_to_string(path).unwrap().lines().skip(1) {
        let f: Vec<&str> = line.split(',').collect();
        if people.last().is_none_or(|p| p.0 != f[0]) {
            people.push((f[0].into(), vec![vec![]]));
        }
        let (h, l, a, n): (usize, usize, f64, f64) =
            (f[1].parse().unwrap(), f[2].parse().unwrap(), f[3].parse().unwrap(), f[4].parse().unwrap());
        people.last_mut().unwrap().1[0].push(ChoiceCount {
            first: h,
            second: l,
            first_chosen: (a * n).round(),
            trials: n,
        });
    }
    let task = TransitiveTask::new(7, &[]).unwrap();
    let mut spec = ModelSpec::new(Family::Ridge);
    spec.lapse = lapse;
    spec.position_bias = bias;
    let units: Vec<_> = people.iter().map(|p| UnitChoices { graph: task.graph(), clusters: &p.1 }).collect();
    let t = Instant::now();
    let h = Hierarchy::of_choices(&spec, &units, &|| {}).unwrap();
    println!("tabulated {:?}  {}", t.elapsed(), h.describe());
    let t = Instant::now();
    println!("alpha {:?} {:?}", h.interval(ChoiceParameter::Conjunctivity), t.elapsed());
    println!("{}", h.describe());
    let t = Instant::now();
    let fit = h.fit(&|| {});
    println!("fit {:?} ll {}", t.elapsed(), fit.log_likelihood);
    println!("{}", h.describe());
    for p in &fit.parameters {
        println!(
            "{:?} {:.4} [{:.4}, {:.4}] sd {:.3} [{:.3} {:.3}] new [{:.4} {:.4}]",
            p.parameter,
            p.median,
            p.interval.low,
            p.interval.high,
            p.between,
            p.between_interval.low,
            p.between_interval.high,
            p.new_unit.low,
            p.new_unit.high
        );
        for u in p.units.iter().take(3) {
            println!("    {:.4} [{:.4} {:.4}]", u.estimate, u.interval.low, u.interval.high);
        }
    }
}
