//! Opens and searches whatever the fuzzer comes up with: raw files, and forged ones whose checksums are right. What it
//! does with an input is what the tests of forged files do, so what it finds can be written down there.
#![no_main]
#![allow(dead_code, reason = "the tests of these modules use more of them")]

#[path = "../../tests/it/choices.rs"]
mod choices;
#[path = "../../tests/it/documents.rs"]
mod documents;
#[path = "../../tests/it/forge.rs"]
mod forge;
#[path = "../../tests/it/hostile.rs"]
mod hostile;
#[path = "../../tests/it/numbers.rs"]
mod numbers;
#[path = "../../tests/it/probe.rs"]
mod probe;
#[path = "../../tests/it/samples.rs"]
mod samples;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    hostile::open_and_probe(input);
});
