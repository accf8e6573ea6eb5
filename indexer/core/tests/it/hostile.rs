//! Files that somebody else made: they are refused, or they answer as every segment does.

use crate::choices::Choices;
use crate::forge::{Forge, seal};
use crate::{documents, probe, samples};

/// Opens what the input describes and asks it everything. Returns whether it could be opened.
///
/// The first byte chooses where to start; the rest says what to change.
pub(crate) fn open_and_probe(input: &[u8]) -> bool {
    let mut choices = Choices(input);
    let start = choices.byte();
    let file = if start == u8::MAX { choices.0.to_vec() } else { forged(start, &mut choices) };
    documents::open(&file).inspect(probe::probe).is_some()
}

fn forged(start: u8, choices: &mut Choices<'_>) -> Vec<u8> {
    // One in sixteen is of those that take long.
    let kind = if start >= 240 { samples::walked() } else { samples::small() };
    let mut forge = Forge::of(&kind[usize::from(start) % kind.len()]);
    let style = choices.byte();
    while choices.more() {
        forge.change(choices);
    }
    if style.is_multiple_of(2) {
        forge.fit();
    }
    let mut file = forge.to_bytes();
    match style {
        // The header's fields and the table as they are, whatever the last bytes say.
        250.. => {
            let at = usize::from(style - 250) * 24 + 64;
            file[at] = file[at].wrapping_add(64);
            seal(&mut file);
        }
        // A cut or a tail.
        245..250 => file.resize(file.len() - 1000 + 333 * usize::from(style - 245), 0),
        _ => {}
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::{Documents, open, vector};
    use crate::numbers::Numbers;
    use annuli_core::metric::PreparedQuery;
    use annuli_core::segment::{Allowed, Breadth, Precision, Scratch};
    use annuli_core::{HnswParams, Metric, Quantization};

    /// Numbers of sections, as the format has them.
    const QUANTISER: usize = 1;
    const TERMS: usize = 3;
    const LENGTHS: usize = 8;
    const LOWER_HALVES: usize = 17;
    const UPPER_TERMS: usize = 18;

    fn forge(metric: Metric, component: f32) -> Forge {
        forge_of(Quantization::Int8, metric, component)
    }

    fn forge_of(quantization: Quantization, metric: Metric, component: f32) -> Forge {
        let documents = Documents::new((0..20).map(|row| vec![row as f32 * component + component; 3]).collect());
        Forge::of(&documents.to_bytes(metric, quantization, HnswParams::new(None, None).unwrap()))
    }

    #[track_caller]
    fn refused(mut forge: Forge, section: usize, index: usize, number: u32) {
        assert!(open(&forge.to_bytes()).is_some(), "the file is good before it is changed");
        forge.put(section, index, number.to_le_bytes());
        assert!(open(&forge.to_bytes()).is_none(), "section {section}, number {index}: {number}");
    }

    #[test]
    fn what_is_not_changed_opens_and_answers() {
        for file in samples::small().iter().chain(samples::walked()) {
            assert!(*file == Forge::of(file).to_bytes());
            probe::probe(&open(file).unwrap());
        }
    }

    /// Returns how many of so many inputs made files that could be opened.
    fn opened(inputs: usize, starts: std::ops::Range<u64>, seed: u64) -> usize {
        let mut numbers = Numbers(seed);
        let mut input = || {
            let start = starts.start + numbers.below(starts.end - starts.start);
            let changes = 2 + usize::try_from(numbers.below(28)).unwrap();
            let mut bytes: Vec<u8> = (0..changes).map(|_| numbers.next().to_le_bytes()[0]).collect();
            bytes[0] = u8::try_from(start).unwrap();
            bytes
        };
        (0..inputs).map(|_| input()).filter(|input| open_and_probe(input)).count()
    }

    #[test]
    fn forged_files_are_refused_or_answer() {
        let opened = opened(4_000, 0..240, 1);
        // Were all refused, nothing behind the first check would have been tried.
        assert!(opened > 500, "{opened} of 4,000");
    }

    #[test]
    fn forged_files_that_are_walked_are_refused_or_answer() {
        let opened = opened(60, 240..256, 2);
        assert!(opened > 5, "{opened} of 60");
    }

    /// Steps of 1e-17 were so much shorter than the way to a query of ordinary size that every rank became infinite or
    /// NaN, and a search found nothing at all.
    #[test]
    fn a_query_far_outside_the_range_of_the_rows_finds_them() {
        for metric in Metric::ALL {
            for range in [1e-12, 1e-20, 1e-30, 1e-36] {
                let rows = (0..50).map(|row| vec![range * row as f32, range, 0.0]).collect();
                let mut rows: Vec<Vec<f32>> = rows;
                if metric == Metric::Cosine {
                    rows.iter_mut().for_each(|row| row[1] = 1.0);
                }
                let segment = Documents::new(rows).segment(metric, Quantization::Int8);
                assert_eq!(segment.precision(), Precision::Codes8, "{metric}, rows of {range:e}");
                for far in [1.0, 1e6, 1e15] {
                    let query = PreparedQuery::new(metric, &vector(&[far, -far, far]));
                    let breadth = Breadth { k: 10, ef: 20 };
                    let everything = Allowed { words: None, count: 50 };
                    let hits = segment.search(&query, breadth, everything, &mut Scratch::default());
                    assert_eq!(hits.len(), 10, "{metric}, rows of {range:e}, query {far:e}");
                }
            }
        }
    }

    #[test]
    fn more_hits_than_memory_may_be_asked_for() {
        let segment = open(&forge(Metric::Euclidean, 1.0).to_bytes()).unwrap();
        let query = PreparedQuery::new(Metric::Euclidean, &vector(&[1.0, 2.0, 3.0]));
        let breadth = Breadth { k: usize::MAX, ef: usize::MAX };
        let hits = segment.search(&query, breadth, Allowed { words: None, count: 20 }, &mut Scratch::default());
        assert_eq!(hits.len(), 20);
    }

    /// Codes of a lossless segment stand for the vectors themselves: with another step they are infinite ones.
    #[test]
    fn a_lossless_segment_of_other_than_whole_numbers_is_refused() {
        for step in [2.0, f32::MAX, f32::MIN_POSITIVE, f32::NAN] {
            refused(forge(Metric::Euclidean, 1.0), QUANTISER, 0, step.to_bits());
        }
        for centre in [0.5, 1e7, f32::NAN] {
            refused(forge(Metric::Euclidean, 1.0), QUANTISER, 2, f32::to_bits(centre));
        }
    }

    #[test]
    fn errors_of_codes_that_are_no_distances_are_refused() {
        for error in [-1.0, f32::NAN, f32::INFINITY] {
            refused(forge(Metric::Euclidean, 0.1), QUANTISER, 1, f32::to_bits(error));
        }
    }

    /// Ranks became infinite, and rows of an infinite rank are never found.
    #[test]
    fn terms_that_bring_ranks_out_of_bounds_are_refused() {
        for metric in [Metric::Euclidean, Metric::Cosine] {
            for term in [f32::MAX, -f32::MAX, f32::NAN] {
                refused(forge(metric, 0.1), TERMS, 7, term.to_bits());
            }
        }
    }

    #[test]
    fn terms_of_halves_that_bring_ranks_out_of_bounds_are_refused() {
        for metric in [Metric::Euclidean, Metric::Cosine] {
            for term in [f32::MAX, -f32::MAX, f32::NAN] {
                refused(forge_of(Quantization::Int4, metric, 0.1), UPPER_TERMS, 7, term.to_bits());
            }
        }
    }

    #[test]
    fn lower_halves_for_another_number_of_documents_are_refused() {
        for (section, bytes) in [(LOWER_HALVES, 64), (UPPER_TERMS, 4)] {
            for by in [-bytes, bytes] {
                let mut forged = forge_of(Quantization::Int4, Metric::Euclidean, 1.0);
                assert!(open(&forged.to_bytes()).is_some());
                let section = forged.section(section);
                section.resize(section.len().saturating_add_signed(by), 0);
                assert!(open(&forged.to_bytes()).is_none(), "{by} bytes");
            }
        }
    }

    #[test]
    fn terms_where_nobody_reads_them_are_refused() {
        let mut forged = forge(Metric::InnerProduct, 0.1);
        assert!(open(&forged.to_bytes()).is_some());
        forged.section(TERMS).resize(4 * 20, 0);
        assert!(open(&forged.to_bytes()).is_none());
    }

    #[test]
    fn lengths_that_no_vector_has_are_refused() {
        for length in [0.0, 1e-30, -1.0, f32::INFINITY] {
            refused(forge(Metric::Cosine, 0.1), LENGTHS, 7, f32::to_bits(length));
        }
    }

    #[test]
    fn steps_longer_than_any_range_are_refused() {
        for step in [f32::MAX, -1.0, 0.0, f32::INFINITY] {
            refused(forge(Metric::Euclidean, 0.1), QUANTISER, 0, f32::to_bits(step));
        }
    }
}
