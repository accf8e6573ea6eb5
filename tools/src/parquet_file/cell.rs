//! What stands in a row's column, as an id, a vector or a value of metadata.

use annuli_core::value::Object;
use annuli_core::{Number, Value};
use parquet::record::{Field, Row};

/// A cell that cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CellFault {
    /// An id of another type.
    #[error("is neither a text nor a whole number")]
    NoId,
    /// A vector of another type.
    #[error("is no list of numbers")]
    NoVector,
    /// A number that JSON cannot say.
    #[error("is not a finite number")]
    NotFinite,
    /// A type that metadata cannot hold.
    #[error("holds {0}, which metadata cannot: choose columns with --fields")]
    Unsupported(&'static str),
    /// Names that are no texts.
    #[error("has keys that are no texts")]
    Keys,
    /// The column with metadata in one text.
    #[error("is no JSON object: {0}")]
    NoObject(String),
}

/// An id: a text, or a whole number as its decimal text.
pub(super) fn id(field: Field) -> Result<String, CellFault> {
    if let Field::Str(text) = field {
        return Ok(text);
    }
    whole(&field).map(|number| number.to_string()).ok_or(CellFault::NoId)
}

/// A vector: a list of numbers.
pub(super) fn vector(field: &Field) -> Result<Vec<f32>, CellFault> {
    let Field::ListInternal(list) = field else { return Err(CellFault::NoVector) };
    list.elements().iter().map(component).collect()
}

#[allow(clippy::wildcard_enum_match_arm, reason = "a type that Parquet gets later is one more that is not read here")]
fn component(field: &Field) -> Result<f32, CellFault> {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "vectors are kept in 32 bits; what is too large is infinite and refused"
    )]
    #[allow(clippy::cast_precision_loss, reason = "vectors are kept in 32 bits")]
    match field {
        Field::Float(float) => Ok(*float),
        Field::Double(float) => Ok(*float as f32),
        Field::Float16(float) => Ok(float.to_f32()),
        other => whole(other).map(|number| number as f32).ok_or(CellFault::NoVector),
    }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "a type that Parquet gets later is one more that is not read here")]
fn whole(field: &Field) -> Option<i128> {
    Some(match field {
        Field::Byte(number) => i128::from(*number),
        Field::Short(number) => i128::from(*number),
        Field::Int(number) => i128::from(*number),
        Field::Long(number) => i128::from(*number),
        Field::UByte(number) => i128::from(*number),
        Field::UShort(number) => i128::from(*number),
        Field::UInt(number) => i128::from(*number),
        Field::ULong(number) => i128::from(*number),
        _ => return None,
    })
}

/// A value of metadata; nothing where there is nothing.
#[allow(clippy::wildcard_enum_match_arm, reason = "a type that Parquet gets later is one more that is not read here")]
pub(super) fn value(field: Field) -> Result<Option<Value>, CellFault> {
    let float = |float: f64| {
        if float.is_finite() { Ok(Value::Number(Number::Float(float))) } else { Err(CellFault::NotFinite) }
    };
    let value = match field {
        Field::Null => return Ok(None),
        Field::Bool(bool) => Value::Bool(bool),
        Field::Str(text) => Value::Text(text.into()),
        Field::Float(number) => float(f64::from(number))?,
        Field::Double(number) => float(number)?,
        Field::Float16(number) => float(number.to_f64())?,
        Field::Group(row) => Value::Object(object(row)?),
        Field::ListInternal(list) => {
            let elements = list.elements().iter().cloned();
            Value::Array(elements.map(|element| Ok(value(element)?.unwrap_or(Value::Null))).collect::<Result<_, _>>()?)
        }
        Field::MapInternal(map) => Value::Object(entries(map.entries())?),
        Field::Decimal(_) => return Err(CellFault::Unsupported("decimal fractions")),
        Field::Bytes(_) => return Err(CellFault::Unsupported("bytes")),
        Field::Date(_) => return Err(CellFault::Unsupported("dates")),
        Field::TimeMillis(_) | Field::TimeMicros(_) | Field::TimestampMillis(_) | Field::TimestampMicros(_) => {
            return Err(CellFault::Unsupported("times"));
        }
        number => Value::Number(Number::Integer(whole(&number).ok_or(CellFault::Unsupported("something else"))?)),
    };
    Ok(Some(value))
}

fn object(row: Row) -> Result<Object, CellFault> {
    let fields = row.into_columns().into_iter();
    fields.filter_map(|(name, field)| Some((name.into(), value(field).transpose()?))).map(named).collect()
}

fn entries(entries: &[(Field, Field)]) -> Result<Object, CellFault> {
    let entry = |(key, field): &(Field, Field)| {
        let Field::Str(key) = key else { return Some(Err(CellFault::Keys)) };
        Some(value(field.clone()).transpose()?.map(|value| (key.as_str().into(), value)))
    };
    entries.iter().filter_map(entry).collect()
}

fn named((name, value): (Box<str>, Result<Value, CellFault>)) -> Result<(Box<str>, Value), CellFault> {
    Ok((name, value?))
}
