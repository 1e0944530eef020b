//! tmp
use std::path::PathBuf;
use std::time::Instant;
fn main() {
    let mode = std::env::args().nth(1).unwrap();
    let path = PathBuf::from(std::env::args().nth(2).unwrap());
    if mode == "cond" {
        for _ in 0..5 {
            let t = Instant::now();
            let c = caveat_results::read_conditions(&[path.clone()], Default::default(), &|_, _| {}).unwrap();
            println!("{} conditions {:?}", c.len(), t.elapsed());
        }
        let c = caveat_results::read_conditions(&[path.clone()], Default::default(), &|_, _| {}).unwrap();
        let mut out = String::new();
        for c in &c { let k = c.key();
            let sm = c.seed_margins();
            for (i, m) in c.margins().iter().enumerate() {
                let sd = sm.iter().map(|s| s[i] * s[i]).sum::<f64>();
                out += &format!("{},{},{},{},{},{},{},{},{:?},{},{},{},{:?},{},{}\n", k.setting,k.model,k.task,k.hier,k.lora_r.unwrap_or(-1.0),k.l2_reg.unwrap_or(-1.0),m.first,m.second,m.margin,m.n_rows,m.is_train as u8,m.is_exception as u8,sd,c.task().is_some(),c.exceptions().iter().map(|e| format!("{}>{}",e.0,e.1)).collect::<String>());
            } }
        std::fs::write("/tmp/ours.csv", out).unwrap();
    } else {
        let t = Instant::now();
        let c = caveat_results::read_comparisons(&path).unwrap();
        println!("{} labels {} edges {:?}", c.labels.len(), c.graph.edges().len(), t.elapsed());
        let s = std::fs::read_to_string("/proc/self/status").unwrap();
        println!("{}", s.lines().find(|l| l.starts_with("VmHWM")).unwrap());
        let t = Instant::now();
        let r: Vec<f64> = (0..c.labels.len()).map(|k| (k as f64).sin()).collect();
        caveat_results::write_ranks("/tmp/ranks_out.csv".as_ref(), &c.labels, &r).unwrap();
        println!("write {:?}", t.elapsed());
    }
}
