//! Making a segment: documents in, one file out.

use super::coded::{Coded, Vectors};
use super::format::{Precision, Section, Shape};
use super::rows::Rows;
use super::section_writer::SectionWriter;
use crate::codes::{Quantiser, halves, halves::Halves};
use crate::column::ColumnsBuilder;
use crate::graph::GRAPH_ROWS_MAX;
use crate::graph::build::{BuildOptions, Cancelled, Growing, build};
use crate::graph::frozen::freeze;
use crate::graph::levels::Levels;
use crate::graph::order::breadth_first;
use crate::graph::repair::reach_all;
use crate::kernel::code::CodeRows;
use crate::metric::Metric;
use crate::schema::Quantization;
use crate::space::{BetweenRows, FullLift, FullSpace, RowSpace};
use crate::vector::{Dim, length_of};
use std::io::{self, Seek, Write};

/// What a segment is to be.
#[derive(Debug, Clone, Copy)]
pub struct SegmentOptions<'a> {
    /// The dimension of every vector.
    pub dim: Dim,
    /// How vectors are compared.
    pub metric: Metric,
    /// By what the graph is walked. Where codes would lose neighbours it is by vectors in any case.
    pub quantization: Quantization,
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
    if options.quantization != Quantization::None
        && let Some(coded) = Coded::new(&vectors, &levels)?
    {
        let between = BetweenRows::new(options.metric, &coded.quantiser, coded.rows());
        let mut space = coded.space();
        space.between = Some(&between);
        let graph = Graph::build(&space, &levels, options.build)?;
        let precision = coded.precision(&vectors, &levels, options.quantization);
        let codes = Some((&coded.quantiser, coded.rows()));
        return Sections { rows, options, precision, levels: &levels, graph: &graph, codes }.write(file);
    }
    let (full, lengths) = vectors.full(levels.order.iter().map(|&row| row as usize));
    let lift = (options.metric == Metric::InnerProduct).then(|| FullLift::new(options.dim.get(), &full));
    let mut space = FullSpace::new(options.metric, options.dim.get(), &full, &lengths);
    space.lift = lift.as_ref();
    let graph = Graph::build(&space, &levels, options.build)?;
    Sections { rows, options, precision: Precision::Full, levels: &levels, graph: &graph, codes: None }.write(file)
}

/// A finished graph, and the order that its rows shall have in the file.
struct Graph {
    growing: Growing,
    order: Vec<u32>,
}

impl Graph {
    fn build(space: &impl RowSpace, levels: &Levels, options: BuildOptions<'_>) -> Result<Self, Cancelled> {
        let growing = build(space, levels, options)?;
        reach_all(space, &growing.layers[0], options.hnsw.ef_construction());
        let order = breadth_first(&growing.layers[0], &levels.counts);
        Ok(Self { growing, order })
    }
}

/// Everything that goes into the file.
struct Sections<'a, R> {
    rows: &'a R,
    options: SegmentOptions<'a>,
    precision: Precision,
    levels: &'a Levels,
    graph: &'a Graph,
    codes: Option<(&'a Quantiser, CodeRows<'a>)>,
}

impl<R: Rows> Sections<'_, R> {
    fn write<F: Write + Seek>(&self, file: &mut F) -> Result<(), WriteSegmentError> {
        let SegmentOptions { dim, metric, build, .. } = self.options;
        let precision = self.precision;
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
        self.write_lower_halves(shape, &mut writer)?;
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
        if shape.precision == Precision::Halves {
            self.write_halves(writer, |halves| &halves.upper)?;
        } else {
            self.graph.order.iter().try_for_each(|&place| writer.write(codes.row(place)))?;
        }
        writer.begin(Section::Terms)?;
        let terms = if shape.stores_terms() { self.graph.order.as_slice() } else { &[] };
        terms.iter().try_for_each(|&place| writer.write(&codes.term(place).to_le_bytes()))
    }

    /// The lower halves, and the terms of the upper ones, where codes are walked by halves.
    fn write_lower_halves<F: Write + Seek>(&self, shape: Shape, writer: &mut SectionWriter<'_, F>) -> io::Result<()> {
        writer.begin(Section::LowerHalves)?;
        if shape.precision == Precision::Halves {
            self.write_halves(writer, |halves| &halves.lower)?;
        }
        writer.begin(Section::UpperTerms)?;
        let Some((_, codes)) = self.codes.filter(|_| shape.stores_upper_terms()) else { return Ok(()) };
        let dim = shape.dim.get();
        let mut terms = self.graph.order.iter().map(|&place| halves::upper_squares(&codes.row(place)[..dim]));
        terms.try_for_each(|term| writer.write(&term.to_le_bytes()))
    }

    fn write_halves<F: Write + Seek>(
        &self,
        writer: &mut SectionWriter<'_, F>,
        half: impl Fn(&Halves) -> &[u8],
    ) -> io::Result<()> {
        let Some((_, codes)) = self.codes else { return Ok(()) };
        let dim = self.options.dim.get();
        let mut halves = Halves::new(dim);
        self.graph.order.iter().try_for_each(|&place| {
            halves.cut(&codes.row(place)[..dim]);
            writer.write(half(&halves))
        })
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
