//! Vectors of a column of float32, many at once. A row's cells one by one would be an allocation for each number.

use parquet::basic::Type as PhysicalType;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::FloatType;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use std::collections::VecDeque;
use std::fs::File;

/// Rows that are read at once: some megabytes of long vectors.
const ROWS_AT_ONCE: usize = 512;

/// The vectors of a file, in the order of its rows.
pub(super) struct Vectors {
    file: SerializedFileReader<File>,
    /// Its place among the columns.
    column: usize,
    /// The definition level of a number that is there.
    defined: i16,
    /// The row group behind the one that is being read.
    next_group: usize,
    reader: Option<ColumnReaderImpl<FloatType>>,
    ahead: VecDeque<Option<Vec<f32>>>,
}

impl Vectors {
    /// Those of the column of that name, if it holds lists of float32.
    pub(super) fn open(file: SerializedFileReader<File>, name: &str) -> Option<Self> {
        let schema = file.metadata().file_metadata().schema_descr_ptr();
        let of_name = |column: &usize| schema.column(*column).path().parts().first().is_some_and(|first| first == name);
        let mut columns = (0..schema.num_columns()).filter(of_name);
        let (column, None) = (columns.next()?, columns.next()) else { return None };
        let described = schema.column(column);
        let is_list = described.physical_type() == PhysicalType::FLOAT && described.max_rep_level() == 1;
        let defined = described.max_def_level();
        is_list.then(|| Self { file, column, defined, next_group: 0, reader: None, ahead: VecDeque::new() })
    }

    /// The next row's: nothing where there is none, or a number is missing. `None` behind the last row.
    pub(super) fn next(&mut self) -> Result<Option<Option<Vec<f32>>>, ParquetError> {
        while self.ahead.is_empty() {
            if self.reader.is_none() {
                if self.next_group == self.file.num_row_groups() {
                    return Ok(None);
                }
                let reader = self.file.get_row_group(self.next_group)?.get_column_reader(self.column)?;
                let ColumnReader::FloatColumnReader(reader) = reader else { return Ok(None) };
                self.reader = Some(reader);
                self.next_group += 1;
            }
            self.read_ahead()?;
        }
        Ok(self.ahead.pop_front())
    }

    fn read_ahead(&mut self) -> Result<(), ParquetError> {
        let Some(reader) = &mut self.reader else { return Ok(()) };
        let (mut definition, mut repetition, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
        let (rows, ..) =
            reader.read_records(ROWS_AT_ONCE, Some(&mut definition), Some(&mut repetition), &mut numbers)?;
        if rows == 0 {
            self.reader = None;
            return Ok(());
        }
        let mut numbers = numbers.as_slice();
        let mut levels = definition.as_slice();
        // A row begins where nothing is repeated.
        let mut begins: Vec<usize> = (0..repetition.len()).filter(|place| repetition[*place] == 0).collect();
        begins.push(repetition.len());
        for ends in begins.windows(2) {
            let (row, behind) = levels.split_at(ends[1] - ends[0]);
            levels = behind;
            let there = row.iter().filter(|level| **level == self.defined).count();
            let (vector, behind) = numbers.split_at(there.min(numbers.len()));
            numbers = behind;
            self.ahead.push_back((there == row.len()).then(|| vector.to_vec()));
        }
        Ok(())
    }
}
