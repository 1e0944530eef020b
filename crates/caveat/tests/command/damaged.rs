//! Parquet files with single damaged bytes: the reader's panics reach the user as one line, like any other error.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::Place;
use crate::common::trials::{self, PLAIN, Simulated};
use caveat_results::{Phase, panic_is_caught, read_conditions};

/// How many files that make the reader panic are enough.
const ENOUGH: usize = 4;

static CAUGHT: AtomicUsize = AtomicUsize::new(0);
static UNCAUGHT: Mutex<Vec<String>> = Mutex::new(Vec::new());

#[test]
fn damage_that_makes_the_parquet_reader_panic_is_one_line_of_complaint() {
    let place = Place::new();
    trials::write(&place, "good.parquet", &[Simulated { n_items: 3, ..PLAIN }]);
    let good = place.bytes("good.parquet");
    std::panic::set_hook(Box::new(|panic| {
        if panic_is_caught() {
            CAUGHT.fetch_add(1, Ordering::Relaxed);
        } else {
            UNCAUGHT.lock().unwrap().push(panic.to_string());
        }
    }));
    let mut panicking = Vec::new();
    // From the end, where the footer describes the rest.
    for at in (0..good.len()).rev() {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        place.write("damaged.parquet", &bytes);
        let before = CAUGHT.load(Ordering::Relaxed);
        let outcome = read_conditions(&[place.path("damaged.parquet")], Phase::Post, &|_, _| {});
        if CAUGHT.load(Ordering::Relaxed) > before {
            assert!(outcome.is_err(), "byte {at}");
            panicking.push(bytes);
        }
        if panicking.len() == ENOUGH {
            break;
        }
    }
    drop(std::panic::take_hook());
    assert_eq!(*UNCAUGHT.lock().unwrap(), [""; 0]);
    assert!(!panicking.is_empty(), "the reader has become sound: this test and what it tests can go");
    for bytes in &panicking {
        place.write("damaged.parquet", bytes);
        place.refused_saying("fit damaged.parquet -o out.csv", &["damaged.parquet"]);
    }
}
