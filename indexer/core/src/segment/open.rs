//! Opening: every byte is checked before anything is believed.

use super::Segment;
use super::format::{Precision, Section, Shape};
use super::mapped::{MapError, Mapped};
use crate::codes::Quantiser;
use crate::column::{Columns, InvalidColumns};
use crate::graph::levels::LEVELS_MAX;
use crate::graph::{GRAPH_ROWS_MAX, NO_LINK};
use crate::limits::{COMPONENT_ABS_MAX, COSINE_LENGTH_MIN, ID_BYTES_MAX};
use crate::lines::Lines;
use crate::metric::Metric;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Why a file cannot be used as a segment. Whatever it is, the segment can be built again from the documents.
#[derive(Debug, thiserror::Error)]
#[error("segment {}: {reason}", path.display())]
pub struct OpenSegmentError {
    path: PathBuf,
    #[source]
    reason: Reason,
}

#[derive(Debug, thiserror::Error)]
enum Reason {
    #[error(transparent)]
    Map(#[from] MapError),
    #[error("not enough memory to hold it")]
    Memory(#[source] io::Error),
    #[error("its section {section:?} has {bytes} bytes, its {rows} documents need another number")]
    Size { section: Section, bytes: usize, rows: u32 },
    #[error("its columns: {0}")]
    Columns(#[source] InvalidColumns),
    #[error("its section {section:?} holds what no writer writes")]
    Content { section: Section },
}

impl Segment {
    /// Opens the file at `path`. Reads all of it once.
    pub fn open(path: &Path) -> Result<Self, OpenSegmentError> {
        let open = || {
            let file = File::open(path).map_err(MapError::Io)?;
            Self::check(Mapped::open(&file)?)
        };
        open().map_err(|reason| OpenSegmentError { path: path.to_owned(), reason })
    }

    fn check(file: Mapped) -> Result<Self, Reason> {
        let shape = file.header.shape;
        if shape.rows as usize > GRAPH_ROWS_MAX {
            return Err(Reason::Content { section: Section::Links });
        }
        check_sizes(&file, shape)?;
        let level_counts = level_counts(&file, shape)?;
        check_links(&file, shape, &level_counts)?;
        check_numbers(&file)?;
        check_documents(&file, shape)?;
        Columns::from_bytes(file.section(Section::Columns), shape.rows).map_err(Reason::Columns)?;
        let quantiser = quantiser(&file, shape)?;
        let open = Self {
            shape,
            quantiser,
            codes: Lines::copied(file.section(Section::Codes)).map_err(Reason::Memory)?,
            terms: terms(&file, Section::Terms, shape),
            upper_terms: terms(&file, Section::UpperTerms, shape),
            links: Lines::copied(file.section(Section::Links)).map_err(Reason::Memory)?,
            upper_links: file.numbers(Section::UpperLinks).to_vec(),
            level_counts,
            file,
        };
        open.file.release();
        Ok(open)
    }
}

/// The terms of codes. Under the inner product there are none, and they add nothing: see `QueryCoder::ask`.
fn terms(file: &Mapped, section: Section, shape: Shape) -> Vec<f32> {
    match shape.precision {
        Precision::Codes8 | Precision::Halves if !shape.stores_terms() => vec![0.0; shape.rows as usize],
        Precision::Codes8 | Precision::Halves | Precision::Full => file.numbers(section).to_vec(),
    }
}

/// Sizes that follow from the shape. Ids and payloads are bounded by their ends, levels by their counts.
fn check_sizes(file: &Mapped, shape: Shape) -> Result<(), Reason> {
    let (dim, m) = (shape.dim.get(), shape.hnsw.m());
    let halves = shape.precision == Precision::Halves;
    let for_each = |section, bytes: usize, present: bool| {
        let want = if present { bytes * shape.rows as usize } else { 0 };
        check_size(file, shape, section, want)
    };
    let quantiser = if shape.precision == Precision::Full { 0 } else { 8 + 4 * dim };
    check_size(file, shape, Section::Quantiser, quantiser)?;
    for_each(Section::Codes, shape.code_stride(), true)?;
    for_each(Section::LowerHalves, shape.code_stride(), halves)?;
    for_each(Section::Terms, 4, shape.stores_terms())?;
    for_each(Section::UpperTerms, 4, shape.stores_upper_terms())?;
    for_each(Section::Links, 8 * m, true)?;
    for_each(Section::Vectors, 4 * dim, shape.stores_vectors())?;
    for_each(Section::Lengths, 4, shape.metric == Metric::Cosine)?;
    for_each(Section::Points, 8, true)?;
    for_each(Section::SlotsByPoint, 4, true)?;
    for_each(Section::Seqs, 8, true)?;
    for_each(Section::IdEnds, 8, true)?;
    for_each(Section::PayloadEnds, 8, true)
}

fn check_size(file: &Mapped, shape: Shape, section: Section, want: usize) -> Result<(), Reason> {
    let bytes = file.section(section).len();
    if bytes == want { Ok(()) } else { Err(Reason::Size { section, bytes, rows: shape.rows }) }
}

fn level_counts(file: &Mapped, shape: Shape) -> Result<Vec<u32>, Reason> {
    let section = Section::LevelCounts;
    let bytes = file.section(section).len();
    if !bytes.is_multiple_of(4) || bytes / 4 > LEVELS_MAX {
        return Err(Reason::Size { section, bytes, rows: shape.rows });
    }
    let counts = file.numbers::<u32>(section).to_vec();
    let below = std::iter::once(&shape.rows).chain(&counts);
    if counts.iter().zip(below).any(|(&count, &below)| count == 0 || count > below) {
        return Err(Reason::Content { section });
    }
    let links: usize = counts.iter().map(|&count| count as usize * shape.hnsw.m()).sum();
    check_size(file, shape, Section::UpperLinks, 4 * links)?;
    Ok(counts)
}

fn check_links(file: &Mapped, shape: Shape, level_counts: &[u32]) -> Result<(), Reason> {
    // Each row from the left, so that its end can be found by halving.
    let lead_inside = |links: &[u32], degree: usize, rows: u32| {
        links.chunks_exact(degree).all(|row| {
            let (links, rest) = row.split_at(row.partition_point(|&link| link != NO_LINK));
            links.iter().all(|&link| link < rows) && rest.iter().all(|&link| link == NO_LINK)
        })
    };
    if !lead_inside(file.numbers(Section::Links), 2 * shape.hnsw.m(), shape.rows) {
        return Err(Reason::Content { section: Section::Links });
    }
    let mut upper = file.numbers::<u32>(Section::UpperLinks);
    for &count in level_counts {
        let (level, above) = upper.split_at(count as usize * shape.hnsw.m());
        if !lead_inside(level, shape.hnsw.m(), count) {
            return Err(Reason::Content { section: Section::UpperLinks });
        }
        upper = above;
    }
    Ok(())
}

/// Far above the terms of any rows, and far below what brings a rank near the end of an f32.
const TERM_ABS_MAX: f32 = 1e30;

/// Numbers with which a rank or a distance could become infinite or NaN are refused.
fn check_numbers(file: &Mapped) -> Result<(), Reason> {
    let within = |section, bound: f32| {
        if file.numbers::<f32>(section).iter().all(|number| number.abs() <= bound) {
            Ok(())
        } else {
            Err(Reason::Content { section })
        }
    };
    within(Section::Terms, TERM_ABS_MAX)?;
    within(Section::UpperTerms, TERM_ABS_MAX)?;
    within(Section::Vectors, COMPONENT_ABS_MAX)?;
    within(Section::Lengths, f32::MAX)?;
    // There is a section of them under cosine only.
    if file.numbers::<f32>(Section::Lengths).iter().any(|&length| length < COSINE_LENGTH_MIN) {
        return Err(Reason::Content { section: Section::Lengths });
    }
    Ok(())
}

fn quantiser(file: &Mapped, shape: Shape) -> Result<Quantiser, Reason> {
    let section = Section::Quantiser;
    let invalid = Err(Reason::Content { section });
    let &[step, error, ref centres @ ..] = file.numbers::<f32>(section) else {
        return if shape.lossless { invalid } else { Ok(Quantiser::from_parts(Vec::new(), 1.0, false, 0.0)) };
    };
    let is_step = step.is_normal() && (0.0..=COMPONENT_ABS_MAX).contains(&step);
    let is_error = (0.0..=f32::MAX).contains(&error);
    let are_centres = centres.iter().all(|centre| centre.abs() <= COMPONENT_ABS_MAX);
    if !is_step || !is_error || !are_centres {
        return invalid;
    }
    let quantiser = Quantiser::from_parts(centres.to_vec(), step, shape.lossless, error);
    if shape.lossless && !quantiser.is_of_whole_numbers() { invalid } else { Ok(quantiser) }
}

fn check_documents(file: &Mapped, shape: Shape) -> Result<(), Reason> {
    let points = file.numbers::<u64>(Section::Points);
    let slots = file.numbers::<u32>(Section::SlotsByPoint);
    // Rising points leave no slot twice, and so none out.
    let in_order = slots.iter().all(|&slot| slot < shape.rows)
        && slots.is_sorted_by(|&a, &b| points[a as usize] < points[b as usize]);
    if !in_order {
        return Err(Reason::Content { section: Section::SlotsByPoint });
    }
    check_ends(file, Section::IdEnds, Section::Ids)?;
    check_ends(file, Section::PayloadEnds, Section::Payloads)?;
    let mut start = 0;
    let ids = file.section(Section::Ids);
    for &end in file.numbers::<u64>(Section::IdEnds) {
        let end = usize::try_from(end).expect("checked against the section");
        let id = &ids[start..end];
        if id.is_empty() || id.len() > ID_BYTES_MAX || std::str::from_utf8(id).is_err() {
            return Err(Reason::Content { section: Section::Ids });
        }
        start = end;
    }
    Ok(())
}

fn check_ends(file: &Mapped, ends_section: Section, section: Section) -> Result<(), Reason> {
    let ends = file.numbers::<u64>(ends_section);
    let last = ends.last().copied().unwrap_or_default();
    if ends.is_sorted() && last == file.section(section).len() as u64 {
        Ok(())
    } else {
        Err(Reason::Content { section: ends_section })
    }
}
