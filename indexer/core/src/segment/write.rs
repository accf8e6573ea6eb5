//! Making a segment: documents in, one file out.

use super::format::{ALIGNMENT, Extent, HEADER_BYTES, Header, Precision, Section, Shape};
use super::rows::Rows;
use super::suffice::{codes_suffice, sample};
use crate::codes::{Quantiser, Ranges};
use crate::column::ColumnsBuilder;
use crate::graph::GRAPH_ROWS_MAX;
use crate::graph::build::{BuildOptions, Cancelled, Growing, build};
use crate::graph::frozen::freeze;
use crate::graph::levels::Levels;
use crate::graph::order::breadth_first;
use crate::graph::repair::reach_all;
use crate::kernel::code::CodeRows;
use crate::lines::Lines;
use crate::metric::Metric;
use crate::space::{BetweenRows, CodeSpace, FullLift, FullSpace, Space, term};
use crate::vector::{Dim, length_of};
use std::io::{self, Seek, SeekFrom, Write};
use twox_hash::XxHash3_64;

/// What a segment is to be.
#[derive(Debug, Clone, Copy)]
pub struct SegmentOptions<'a> {
    /// The dimension of every vector.
    pub dim: Dim,
    /// How vectors are compared.
    pub metric: Metric,
    /// How the graph is walked. Where codes would lose neighbours it is [`Precision::Full`] in any case.
    pub precision: Precision,
    /// How the graph is built.
    pub build: BuildOptions<'a>,
}

/// Why no segment was made. What was written so far is of no use.
#[derive(Debug, thiserror::Error)]
pub enum WriteSegmentError {
    /// As was asked.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The file took no more, or there is no memory.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Builds the graph of `rows` and writes everything to `file`, from its start. The caller syncs it.
///
/// # Panics
/// When there are more than [`GRAPH_ROWS_MAX`](super::GRAPH_ROWS_MAX) rows.
pub fn write_segment<F: Write + Seek>(
    rows: &impl Rows,
    options: SegmentOptions<'_>,
    file: &mut F,
) -> Result<(), WriteSegmentError> {
    assert!(rows.len() <= GRAPH_ROWS_MAX, "{} rows are no segment: it has {GRAPH_ROWS_MAX} at most", rows.len());
    let count = u32::try_from(rows.len()).expect("below the bound");
    let m = u32::try_from(options.build.hnsw.m()).ok().and_then(std::num::NonZero::new).expect("checked by its type");
    let levels = Levels::draw(count, m, options.build.seed);
    let vectors = Vectors { rows, metric: options.metric, dim: options.dim };
    if options.precision == Precision::Codes8
        && let Some(coded) = Coded::new(&vectors, &levels)?
    {
        let between = BetweenRows::new(options.metric, &coded.quantiser, coded.rows());
        let mut space = coded.space(options.metric);
        space.between = Some(&between);
        let graph = Graph::build(&space, &levels, options.build)?;
        let codes = Some((&coded.quantiser, coded.rows()));
        return Sections { rows, options, levels: &levels, graph: &graph, codes }.write(file);
    }
    let (full, lengths) = vectors.full(levels.order.iter().map(|&row| row as usize));
    let lift = (options.metric == Metric::InnerProduct).then(|| FullLift::new(options.dim.get(), &full));
    let mut space = FullSpace::new(options.metric, options.dim.get(), &full, &lengths);
    space.lift = lift.as_ref();
    let graph = Graph::build(&space, &levels, options.build)?;
    let options = SegmentOptions { precision: Precision::Full, ..options };
    Sections { rows, options, levels: &levels, graph: &graph, codes: None }.write(file)
}

/// Codes of all rows, in the order of the levels.
struct Coded {
    quantiser: Quantiser,
    codes: Lines,
    terms: Vec<f32>,
}

impl Coded {
    /// `None` where codes do not suffice.
    fn new(vectors: &Vectors<'_, impl Rows>, levels: &Levels) -> io::Result<Option<Self>> {
        let (dim, metric) = (vectors.dim.get(), vectors.metric);
        let mut quantiser = vectors.quantiser();
        let codes = vectors.codes(&mut quantiser, &levels.order)?;
        let terms = codes
            .bytes()
            .chunks_exact(Quantiser::stride(dim))
            .map(|row| term(metric, &quantiser, &row[..dim]))
            .collect();
        let coded = Self { quantiser, codes, terms };
        if coded.quantiser.is_lossless() {
            return Ok(Some(coded));
        }
        let places = sample(levels.order.len());
        let (full, lengths) = vectors.full(places.clone().map(|place| levels.order[place] as usize));
        let places: Vec<_> = places.map(|place| u32::try_from(place).expect("rows are numbered in 32 bits")).collect();
        let no_terms;
        let rows = if metric == Metric::InnerProduct {
            no_terms = vec![0.0; levels.order.len()];
            CodeRows::new(coded.codes.bytes(), Quantiser::stride(dim), &no_terms)
        } else {
            coded.rows()
        };
        let as_searched = CodeSpace::new(metric, &coded.quantiser, rows);
        let suffice = codes_suffice(&as_searched, &FullSpace::new(metric, dim, &full, &lengths), &places);
        Ok(suffice.then_some(coded))
    }

    fn rows(&self) -> CodeRows<'_> {
        CodeRows::new(self.codes.bytes(), Quantiser::stride(self.quantiser.centres().len()), &self.terms)
    }

    fn space(&self, metric: Metric) -> CodeSpace<'_> {
        CodeSpace::new(metric, &self.quantiser, self.rows())
    }
}

/// A finished graph, and the order that its rows shall have in the file.
struct Graph {
    growing: Growing,
    order: Vec<u32>,
}

impl Graph {
    fn build(space: &impl Space, levels: &Levels, options: BuildOptions<'_>) -> Result<Self, Cancelled> {
        let growing = build(space, levels, options)?;
        reach_all(space, &growing.layers[0], options.hnsw.ef_construction());
        let order = breadth_first(&growing.layers[0], &levels.counts);
        Ok(Self { growing, order })
    }
}

/// The vectors of rows as the graph wants them.
struct Vectors<'a, R> {
    rows: &'a R,
    metric: Metric,
    dim: Dim,
}

impl<R: Rows> Vectors<'_, R> {
    /// Reads a vector, and brings it to length 1 under cosine.
    fn read(&self, row: usize, vector: &mut Vec<f32>) {
        self.rows.read_vector(row, vector);
        if self.metric == Metric::Cosine {
            let inverse = 1.0 / length_of(vector);
            vector.iter_mut().for_each(|component| *component *= inverse);
        }
    }

    fn quantiser(&self) -> Quantiser {
        let mut ranges = Ranges::new(self.dim.get());
        let mut vector = Vec::new();
        for row in 0..self.rows.len() {
            self.read(row, &mut vector);
            ranges.include(&vector);
        }
        ranges.quantiser()
    }

    fn codes(&self, quantiser: &mut Quantiser, order: &[u32]) -> io::Result<Lines> {
        let stride = Quantiser::stride(self.dim.get());
        let mut codes = Lines::zeroed(stride * order.len())?;
        let mut vector = Vec::new();
        for (codes, &row) in codes.bytes_mut().chunks_exact_mut(stride).zip(order) {
            self.read(row as usize, &mut vector);
            quantiser.encode_row(&vector, codes);
        }
        Ok(codes)
    }

    /// The vectors of some rows as they are, and under cosine their lengths.
    fn full(&self, rows: impl Iterator<Item = usize>) -> (Vec<f32>, Vec<f32>) {
        let mut full = Vec::with_capacity(rows.size_hint().0 * self.dim.get());
        let mut lengths = Vec::new();
        let mut vector = Vec::new();
        for row in rows {
            self.rows.read_vector(row, &mut vector);
            if self.metric == Metric::Cosine {
                lengths.push(length_of(&vector));
            }
            full.extend_from_slice(&vector);
        }
        (full, lengths)
    }
}

/// Everything that goes into the file.
struct Sections<'a, R> {
    rows: &'a R,
    options: SegmentOptions<'a>,
    levels: &'a Levels,
    graph: &'a Graph,
    codes: Option<(&'a Quantiser, CodeRows<'a>)>,
}

impl<R: Rows> Sections<'_, R> {
    fn write<F: Write + Seek>(&self, file: &mut F) -> Result<(), WriteSegmentError> {
        let SegmentOptions { dim, metric, precision, build } = self.options;
        let lossless = self.codes.is_some_and(|(quantiser, _)| quantiser.is_lossless());
        let rows = u32::try_from(self.rows.len()).expect("checked when the build began");
        let shape = Shape { rows, dim, metric, precision, lossless, hnsw: build.hnsw };
        let mut writer = SectionWriter::new(file)?;
        self.write_codes(shape, &mut writer)?;
        self.write_graph(&mut writer)?;
        self.write_vectors(shape, &mut writer)?;
        self.write_documents(&mut writer)?;
        let mut columns = ColumnsBuilder::new(rows);
        (0..).zip(self.row_of_slot()).for_each(|(slot, row)| columns.add(slot, &self.rows.metadata(row)));
        writer.begin(Section::Columns)?;
        writer.write(&columns.finish())?;
        writer.finish(shape)?;
        Ok(())
    }

    /// The row that each slot holds.
    fn row_of_slot(&self) -> impl Iterator<Item = usize> {
        self.graph.order.iter().map(|&place| self.levels.order[place as usize] as usize)
    }

    fn write_codes<F: Write + Seek>(&self, shape: Shape, writer: &mut SectionWriter<'_, F>) -> io::Result<()> {
        let Some((quantiser, codes)) = self.codes else {
            return [Section::Quantiser, Section::Codes, Section::Terms]
                .into_iter()
                .try_for_each(|absent| writer.begin(absent));
        };
        writer.begin(Section::Quantiser)?;
        writer.write(&quantiser.step().to_le_bytes())?;
        writer.write(&quantiser.error().to_le_bytes())?;
        writer.write(bytemuck::cast_slice(quantiser.centres()))?;
        writer.begin(Section::Codes)?;
        self.graph.order.iter().try_for_each(|&place| writer.write(codes.row(place)))?;
        writer.begin(Section::Terms)?;
        let terms = if shape.stores_terms() { self.graph.order.as_slice() } else { &[] };
        terms.iter().try_for_each(|&place| writer.write(&codes.term(place).to_le_bytes()))
    }

    fn write_graph<F: Write + Seek>(&self, writer: &mut SectionWriter<'_, F>) -> io::Result<()> {
        let Graph { growing, order } = self.graph;
        writer.begin(Section::Links)?;
        writer.write(bytemuck::cast_slice(&freeze(growing, 0, order)))?;
        writer.begin(Section::LevelCounts)?;
        writer.write(bytemuck::cast_slice(&self.levels.counts))?;
        writer.begin(Section::UpperLinks)?;
        (1..growing.layers.len())
            .try_for_each(|level| writer.write(bytemuck::cast_slice(&freeze(growing, level, order))))
    }

    fn write_vectors<F: Write + Seek>(&self, shape: Shape, writer: &mut SectionWriter<'_, F>) -> io::Result<()> {
        let mut vector = Vec::new();
        let mut lengths = Vec::new();
        writer.begin(Section::Vectors)?;
        for row in self.row_of_slot() {
            self.rows.read_vector(row, &mut vector);
            if shape.stores_vectors() {
                writer.write(bytemuck::cast_slice(&vector))?;
            }
            if shape.metric == Metric::Cosine {
                lengths.push(length_of(&vector));
            }
        }
        writer.begin(Section::Lengths)?;
        writer.write(bytemuck::cast_slice(&lengths))
    }

    fn write_documents<F: Write + Seek>(&self, writer: &mut SectionWriter<'_, F>) -> io::Result<()> {
        writer.begin(Section::Points)?;
        self.row_of_slot().try_for_each(|row| writer.write(&self.rows.point(row).0.to_le_bytes()))?;
        let mut slots = vec![0_u32; self.rows.len()];
        for (slot, row) in (0..).zip(self.row_of_slot()) {
            slots[row] = slot;
        }
        writer.begin(Section::SlotsByPoint)?;
        writer.write(bytemuck::cast_slice(&slots))?;
        writer.begin(Section::Seqs)?;
        self.row_of_slot().try_for_each(|row| writer.write(&self.rows.seq(row).0.to_le_bytes()))?;

        let mut ends = Ends::default();
        self.row_of_slot().for_each(|row| ends.push(self.rows.id(row).len()));
        writer.begin(Section::IdEnds)?;
        writer.write(bytemuck::cast_slice(&ends.0))?;
        writer.begin(Section::Ids)?;
        self.row_of_slot().try_for_each(|row| writer.write(self.rows.id(row).as_bytes()))?;

        // Read twice: their ends come first in the file, and all of them may be more than there is memory.
        let mut payload = Vec::new();
        let mut ends = Ends::default();
        for row in self.row_of_slot() {
            self.rows.read_payload(row, &mut payload);
            ends.push(payload.len());
        }
        writer.begin(Section::PayloadEnds)?;
        writer.write(bytemuck::cast_slice(&ends.0))?;
        writer.begin(Section::Payloads)?;
        for row in self.row_of_slot() {
            self.rows.read_payload(row, &mut payload);
            writer.write(&payload)?;
        }
        Ok(())
    }
}

/// Where pieces end that are written one after the other.
#[derive(Default)]
struct Ends(Vec<u64>);

impl Ends {
    fn push(&mut self, len: usize) {
        self.0.push(self.0.last().copied().unwrap_or_default() + len as u64);
    }
}

/// Writes sections one after the other, and the header at last.
struct SectionWriter<'a, F: Write> {
    file: io::BufWriter<&'a mut F>,
    at: u64,
    extents: [Extent; Section::ALL.len()],
    current: Option<(Section, XxHash3_64)>,
}

impl<'a, F: Write + Seek> SectionWriter<'a, F> {
    fn new(file: &'a mut F) -> io::Result<Self> {
        let mut file = io::BufWriter::with_capacity(1024 * 1024, file);
        file.write_all(&[0; HEADER_BYTES])?;
        Ok(Self { file, at: HEADER_BYTES as u64, extents: Default::default(), current: None })
    }

    /// Ends the section before, and begins this one. Sections come in the order of their kinds.
    fn begin(&mut self, section: Section) -> io::Result<()> {
        self.end();
        self.current = Some((section, XxHash3_64::new()));
        let start = self.at.next_multiple_of(ALIGNMENT as u64);
        let padding = [0; ALIGNMENT];
        self.file.write_all(&padding[..usize::try_from(start - self.at).expect("less than the alignment")])?;
        self.at = start;
        self.extents[section.place()].offset = start;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (_, hash) = self.current.as_mut().expect("a section has begun");
        std::hash::Hasher::write(hash, bytes);
        self.at += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    fn end(&mut self) {
        if let Some((section, hash)) = self.current.take() {
            let extent = &mut self.extents[section.place()];
            extent.len = self.at - extent.offset;
            extent.checksum = std::hash::Hasher::finish(&hash);
        }
    }

    fn finish(mut self, shape: Shape) -> io::Result<()> {
        self.end();
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&Header { shape, extents: self.extents }.to_bytes())?;
        self.file.flush()
    }
}
