//! The contract of `conjunctivity`, and of predictions from measured kernels.

use std::f64::consts::PI;

use crate::common::{Place, TASK, assert_close, assert_margins_agree, keys, numbers};
use caveat_results::write_matrix;
use serde_json::json;

const ORBITS: [f64; 6] = [2.5, 0.5, 1.1, 1.1, 0.3, 0.2];

/// The kernel of six orbit values on the ordered pairs (0,1), (0,2), …, (1,0), … of n items.
fn matrix(n: usize, [id, flip, first, second, cross, disjoint]: [f64; 6]) -> Vec<f64> {
    let pairs: Vec<(usize, usize)> =
        (0..n).flat_map(|i| (0..n).filter(move |&j| j != i).map(move |j| (i, j))).collect();
    let value = |(i, j), (k, l)| match (i == k, j == l, i == l, j == k) {
        (true, true, ..) => id,
        (_, _, true, true) => flip,
        (true, ..) => first,
        (_, true, ..) => second,
        (_, _, true, _) | (.., true) => cross,
        _ => disjoint,
    };
    pairs.iter().flat_map(|&p| pairs.iter().map(move |&q| value(p, q))).collect()
}

#[test]
fn networks_have_the_conjunctivity_of_their_kernels() {
    let place = Place::new();
    // κ ↦ κ + (√(1 − κ²) − κ arccos κ)/π for one layer of the ReLU, from κ_s = 1/2 and κ_0 = 0.
    let layer = |k: f64| k + ((1.0 - k * k).sqrt() - k * k.acos()) / PI;
    let derivative = |k: f64| 1.0 - k.acos() / PI;
    let alpha = |shared: f64, disjoint: f64| (1.0 + disjoint - 2.0 * shared) / (1.0 - disjoint);
    let nngp = place.json("conjunctivity --network relu --depth 1 --kind nngp");
    assert_close(&nngp["conjunctivity"], 0.147155, 1e-6);
    assert_close(&nngp["conjunctivity"], alpha(layer(0.5), layer(0.0)), 1e-14);
    assert_eq!(numbers(&nngp["kernel"]).len(), 6);
    assert_eq!(keys(&nngp), ["network", "depth", "kind", "conjunctivity", "kernel"]);
    let tangent = |k: f64| (layer(k) + k * derivative(k)) / 2.0;
    let ntk = place.json("conjunctivity --network relu --depth 1 --kind ntk");
    assert_close(&ntk["conjunctivity"], alpha(tangent(0.5), tangent(0.0)), 1e-14);
    // A linear network stays additive; a leaky one of slope 0 is the ReLU; deeper is more conjunctive.
    assert_close(&place.json("conjunctivity --network linear --depth 5")["conjunctivity"], 0.0, 1e-14);
    assert_eq!(place.json("conjunctivity --network leaky:0")["conjunctivity"], nngp["conjunctivity"]);
    let of = |depth: u32| {
        place.json(&format!("conjunctivity --network leaky:-0.5 --depth {depth} --kind ntk"))["conjunctivity"]
            .as_f64()
            .unwrap()
    };
    assert!(of(1) < of(2) && of(2) < of(8));
}

#[test]
fn random_features_scatter_around_the_infinite_network_and_repeat_with_their_seed() {
    let place = Place::new();
    let line = "conjunctivity --random-features relu --width 400 --replicates 16";
    let found = place.json(&format!("{line} --seed 0"));
    let contract =
        ["random_features", "depth", "width", "n_items", "replicates", "seed", "conjunctivity", "standard_error"];
    assert!(contract.iter().all(|key| keys(&found).contains(key)));
    let error = found["standard_error"].as_f64().unwrap();
    assert!(error > 0.0 && error < 0.05, "{found}");
    assert!((found["conjunctivity"].as_f64().unwrap() - 0.147155).abs() < 5.0 * error, "{found}");
    assert_eq!(place.json(&format!("{line} --seed 0")), found);
    assert_ne!(place.json(&format!("{line} --seed 1"))["conjunctivity"], found["conjunctivity"]);
}

#[test]
fn a_measured_kernel_gives_its_conjunctivity_and_the_variance_it_explains() {
    let place = Place::new();
    write_matrix(&place.path("K.npy"), &matrix(6, ORBITS), 30).unwrap();
    let m = place.json("conjunctivity --matrix K.npy");
    assert_close(&m["conjunctivity"], 0.2, 1e-12);
    assert_close(&m["variance_explained"], 1.0, 1e-12);
    assert_eq!((&m["n_items"], &m["is_definite"]), (&json!(6), &json!(true)));
    assert!(numbers(&m["kernel"]).iter().zip(ORBITS).all(|(a, b)| (a - b).abs() < 1e-12));
}

#[test]
fn conjunctivity_is_written_as_one_row_to_files() {
    let place = Place::new();
    for name in ["c.csv", "c.json", "c.parquet"] {
        place.ok(&format!("conjunctivity --network abs -o {name}"));
    }
    let csv = place.text("c.csv");
    let names = "network,depth,kind,conjunctivity,identical,flipped,same_first,same_second,crossed,disjoint";
    assert_eq!(csv.lines().next(), Some(names));
    assert_eq!(csv.lines().count(), 2);
    assert_eq!(place.text("c.json"), place.ok("conjunctivity --network abs --format json"));
    assert_eq!(crate::common::parquet_shape(&place.path("c.parquet")).0.join(","), names);
}

#[test]
fn a_kernel_matrix_predicts_as_its_six_orbit_values_do() {
    let place = Place::new();
    write_matrix(&place.path("K.npy"), &matrix(9, ORBITS), 72).unwrap();
    let orbits = place.json(&format!("predict {TASK} --kernel 2.5,0.5,1.1,1.1,0.3,0.2 --c 4"));
    for options in ["", "--project"] {
        let measured = place.json(&format!("predict {TASK} --kernel-matrix K.npy --c 4 {options}"));
        assert_margins_agree(&measured, &orbits, 1e-10);
        assert_close(&measured["conjunctivity"], 0.2, 1e-12);
    }
    let whole = place.json(&format!("predict {TASK} --kernel-matrix K.npy --c 4"));
    assert!(whole["ranks"].is_null() && whole["screening"].is_null());
}

#[test]
fn a_kernel_off_the_exchangeable_ones_predicts_otherwise_than_its_projection() {
    let place = Place::new();
    let mut kernel = matrix(9, ORBITS);
    // Items of rank 0 and 1 look more alike than others: pairs (0, x) and (1, x).
    for other in 2..9 {
        let (a, b) = (other - 1, 8 + other - 1);
        kernel[a * 72 + b] += 0.5;
        kernel[b * 72 + a] += 0.5;
    }
    write_matrix(&place.path("K.npy"), &kernel, 72).unwrap();
    let of = |options: &str| place.json(&format!("predict {TASK} --kernel-matrix K.npy --c 4 {options}"));
    let (whole, projected) = (of(""), of("--project"));
    let difference = whole["margins"][0][8].as_f64().unwrap() - projected["margins"][0][8].as_f64().unwrap();
    assert!(difference.abs() > 1e-3, "{difference}");
    assert!(place.json("conjunctivity --matrix K.npy")["variance_explained"].as_f64().unwrap() < 1.0);
}

/// A matrix as NumPy saves it, of numbers in 2 bytes (half precision), 4 or 8.
fn npy(side: usize, entries: &[f64], bytes: usize) -> Vec<u8> {
    let mut header = format!("{{'descr': '<f{bytes}', 'fortran_order': False, 'shape': ({side}, {side}), }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    file.extend(header.as_bytes());
    for &x in entries {
        match bytes {
            2 => file.extend(half(x).to_le_bytes()),
            4 => file.extend((x as f32).to_le_bytes()),
            _ => file.extend(x.to_le_bytes()),
        }
    }
    file
}

/// A positive number in half precision, rounded to nearest; normal numbers only.
fn half(x: f64) -> u16 {
    if x == 0.0 {
        return 0;
    }
    let exponent = x.log2().floor();
    let digits = (x / exponent.exp2() * 1024.0).round() as u16;
    (((exponent as i32 + 14) << 10) as u16) + digits
}

#[test]
fn an_additive_kernel_is_additive_in_every_precision() {
    let place = Place::new();
    // Sums of item kernels: κ_id = κ_1 + κ_2, and no more than rounding below.
    let additive = matrix(9, [40.506_907, 3.3, 20.453_454, 23.353_453, 3.3, 3.3]);
    let exact = matrix(9, [40.506_907, 3.3, 20.453_453_5, 23.353_453_5, 3.3, 3.3]);
    std::fs::write(place.path("exact.npy"), npy(72, &exact, 8)).unwrap();
    let expected = place.json(&format!("predict {TASK} --kernel-matrix exact.npy --project --c 10"));
    for (name, entries, bytes, precision, tolerance) in [
        ("half.npy", &additive, 2, "float16", f64::NAN),
        ("single.npy", &additive, 4, "float32", 1e-3),
        ("cast.npy", &additive.iter().map(|&x| f64::from(x as f32)).collect(), 8, "float32", 1e-3),
        ("double.npy", &additive, 8, "float64", 1e-3),
    ] {
        std::fs::write(place.path(name), npy(72, entries, bytes)).unwrap();
        let found = place.json(&format!("conjunctivity --matrix {name}"));
        assert_eq!((&found["precision"], &found["is_definite"]), (&json!(precision), &json!(true)), "{found}");
        let alpha = found["conjunctivity"].as_f64().unwrap();
        assert!((0.0..if bytes == 2 { 1e-3 } else { 1e-6 }).contains(&alpha), "{name}: {alpha}");
        for c in ["--c 10", ""] {
            // Without a ridge too, from the whole matrix and from its projection.
            let projected = place.json(&format!("predict {TASK} --kernel-matrix {name} --project {c}"));
            let whole = place.json(&format!("predict {TASK} --kernel-matrix {name} {c}"));
            // An α of 10⁻³ by rounding in half precision is a third of 1/C here, and trained margins feel it.
            if c == "--c 10" && bytes > 2 {
                assert_margins_agree(&projected, &expected, tolerance);
                assert_margins_agree(&whole, &expected, tolerance);
            }
        }
    }
    // More than rounding is a kernel that is none.
    std::fs::write(place.path("bad.npy"), npy(72, &matrix(9, [40.1, 3.3, 20.0, 23.9, 3.3, 3.3]), 4)).unwrap();
    assert_eq!(place.json("conjunctivity --matrix bad.npy")["is_definite"], json!(false));
    place.refused_saying(&format!("predict {TASK} --kernel-matrix bad.npy --project --c 10"), &["indefinite"]);
}
