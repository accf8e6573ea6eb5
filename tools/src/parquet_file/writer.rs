//! Writes documents into a Parquet file.

use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, FloatType};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;
use std::fs::File;
use std::io::BufWriter;
use std::mem;
use std::sync::Arc;

/// What a row is. A document without metadata has none here.
const SCHEMA: &str = "
message document {
    required binary id (string);
    required group vector (list) {
        repeated group list {
            required float element;
        }
    }
    optional binary metadata (json);
}";

/// Most components in one row group: 16 MiB, so that a reader holds as much.
const GROUP_COMPONENTS_MAX: usize = 4 * 1024 * 1024;

/// Most rows in one row group, for short vectors.
const GROUP_ROWS_MAX: usize = 100_000;

/// Most bytes of metadata in one row group.
const GROUP_METADATA_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A file of documents that is being written.
pub struct ParquetWriter {
    writer: SerializedFileWriter<BufWriter<File>>,
    group: Group,
}

/// Rows that wait until there are enough of them.
#[derive(Default)]
struct Group {
    ids: Vec<ByteArray>,
    components: Vec<f32>,
    /// For each component 0 where it is the first of its row, else 1.
    repetition: Vec<i16>,
    metadata: Vec<ByteArray>,
    metadata_bytes: usize,
    /// For each row whether it has metadata.
    defined: Vec<i16>,
}

impl ParquetWriter {
    /// Begins a file.
    pub fn new(file: File) -> Result<Self, ParquetError> {
        let schema = Arc::new(parse_message_type(SCHEMA)?);
        // Of floats nothing comes twice, and nothing becomes smaller.
        let vector = ColumnPath::new(["vector", "list", "element"].map(str::to_owned).to_vec());
        let properties = WriterProperties::builder()
            .set_created_by(concat!("annuli ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_column_compression(vector.clone(), Compression::UNCOMPRESSED)
            .set_column_dictionary_enabled(vector, false)
            .build();
        let writer = SerializedFileWriter::new(BufWriter::new(file), schema, Arc::new(properties))?;
        Ok(Self { writer, group: Group::default() })
    }

    /// Adds a document, whose metadata is JSON.
    pub fn add(&mut self, id: String, vector: &[f32], metadata: Option<String>) -> Result<(), ParquetError> {
        let Group { ids, components, repetition, metadata: texts, metadata_bytes, defined } = &mut self.group;
        ids.push(ByteArray::from(id.into_bytes()));
        components.extend_from_slice(vector);
        repetition.extend((0..vector.len()).map(|place| i16::from(place > 0)));
        defined.push(i16::from(metadata.is_some()));
        if let Some(metadata) = metadata {
            *metadata_bytes += metadata.len();
            texts.push(ByteArray::from(metadata.into_bytes()));
        }
        let is_full = ids.len() >= GROUP_ROWS_MAX
            || components.len() >= GROUP_COMPONENTS_MAX
            || *metadata_bytes >= GROUP_METADATA_BYTES_MAX;
        if is_full { self.write_group() } else { Ok(()) }
    }

    /// Ends the file, and gives it back.
    pub fn finish(mut self) -> Result<File, ParquetError> {
        if !self.group.ids.is_empty() {
            self.write_group()?;
        }
        let file = self.writer.into_inner()?;
        file.into_inner().map_err(|error| ParquetError::from(error.into_error()))
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        let Group { ids, components, repetition, metadata, defined, .. } = mem::take(&mut self.group);
        let mut group = self.writer.next_row_group()?;
        write::<ByteArrayType>(&mut group, &ids, None, None)?;
        write::<FloatType>(&mut group, &components, Some(&vec![1; components.len()]), Some(&repetition))?;
        write::<ByteArrayType>(&mut group, &metadata, Some(&defined), None)?;
        group.close()?;
        Ok(())
    }
}

/// Writes the next column.
fn write<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, BufWriter<File>>,
    values: &[T::T],
    definition: Option<&[i16]>,
    repetition: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let mut column = group.next_column()?.expect("the schema has as many columns as are written");
    column.typed::<T>().write_batch(values, definition, repetition)?;
    column.close()
}
