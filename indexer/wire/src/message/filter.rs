//! Filters in messages: what a tree holds, each combination before its parts.
//!
//! A list and not a tree: to read nested bytes takes stack for every level, and a peer decides how many there are.

use super::invalid::Invalid;
use super::items::Items;
use crate::limits::{FILTER_LEVELS_MAX, FILTER_NODES_MAX};
use annuli_core::filter::{FieldPath, Operand, Scalar, Side, Test};
use annuli_core::limits::{FIELD_PATH_BYTES_MAX, FIELD_PATH_NAMES_MAX, FILTER_TERMS_MAX};
use annuli_core::{Filter, Number};
use bincode::{BorrowDecode, Encode};
use std::sync::Arc;

/// A filter.
#[derive(Debug, Clone, PartialEq, Encode, BorrowDecode)]
pub struct FilterMessage<'a> {
    nodes: Items<Node<'a>>,
}

#[derive(Debug, Clone, PartialEq, Encode, BorrowDecode)]
enum Node<'a> {
    /// All of the next so many.
    All(u32),
    /// Any of the next so many.
    Any(u32),
    /// Not the next.
    Not,
    Field(&'a str, TestMessage<'a>),
}

#[derive(Debug, Clone, PartialEq, Encode, BorrowDecode)]
enum TestMessage<'a> {
    Equal(ScalarMessage<'a>),
    In(Items<ScalarMessage<'a>>),
    Above(OperandMessage<'a>),
    AtLeast(OperandMessage<'a>),
    Below(OperandMessage<'a>),
    AtMost(OperandMessage<'a>),
    Exists(bool),
}

#[derive(Debug, Clone, PartialEq, Encode, BorrowDecode)]
enum ScalarMessage<'a> {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(&'a str),
}

#[derive(Debug, Clone, PartialEq, Encode, BorrowDecode)]
enum OperandMessage<'a> {
    Integer(i128),
    Float(f64),
    Text(&'a str),
}

/// Why a list of nodes is no filter.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvalidFilter {
    /// More or fewer nodes than the combinations say.
    #[error("a filter has more or fewer conditions than it says")]
    Shape,
    /// Nested deeper than evaluation may recurse.
    #[error("a filter is nested deeper than the limit of {FILTER_LEVELS_MAX} levels")]
    TooDeep,
    /// More than a search should test for every document.
    #[error("a filter has more than {FILTER_NODES_MAX} conditions, or a list of more than {FILTER_TERMS_MAX} values")]
    TooLarge,
    /// A path that is too costly to follow.
    #[error("a filter's path has more than {FIELD_PATH_BYTES_MAX} bytes or {FIELD_PATH_NAMES_MAX} names")]
    Path,
    /// A number that JSON cannot say.
    #[error("a filter compares with a number that is not finite or has more than 64 bits")]
    Number,
}

impl<'a> From<&'a Filter> for FilterMessage<'a> {
    fn from(filter: &'a Filter) -> Self {
        let mut nodes = Vec::new();
        flatten(filter, &mut nodes);
        Self { nodes: Items(nodes) }
    }
}

fn flatten<'a>(filter: &'a Filter, nodes: &mut Vec<Node<'a>>) {
    // A filter that has more parts than a u32 counts is refused by whoever reads it.
    let count = |parts: &[Filter]| u32::try_from(parts.len()).unwrap_or(u32::MAX);
    match filter {
        Filter::All(parts) => {
            nodes.push(Node::All(count(parts)));
            parts.iter().for_each(|part| flatten(part, nodes));
        }
        Filter::Any(parts) => {
            nodes.push(Node::Any(count(parts)));
            parts.iter().for_each(|part| flatten(part, nodes));
        }
        Filter::Not(part) => {
            nodes.push(Node::Not);
            flatten(part, nodes);
        }
        Filter::Field(path, test) => nodes.push(Node::Field(path.as_str(), test.into())),
    }
}

impl TryFrom<FilterMessage<'_>> for Filter {
    type Error = Invalid;

    fn try_from(message: FilterMessage<'_>) -> Result<Self, Invalid> {
        if message.nodes.0.len() > FILTER_NODES_MAX {
            return Err(InvalidFilter::TooLarge.into());
        }
        let mut nodes = message.nodes.0.into_iter();
        let filter = grow(&mut nodes, FILTER_LEVELS_MAX)?;
        if nodes.next().is_some() { Err(InvalidFilter::Shape.into()) } else { Ok(filter) }
    }
}

/// A filter that there may be.
pub(super) fn optional(message: Option<FilterMessage<'_>>) -> Result<Option<Arc<Filter>>, Invalid> {
    Ok(message.map(Filter::try_from).transpose()?.map(Arc::new))
}

/// The filter that the next nodes are, of at most so many levels.
fn grow<'a>(nodes: &mut impl Iterator<Item = Node<'a>>, levels: usize) -> Result<Filter, InvalidFilter> {
    let below = levels.checked_sub(1).ok_or(InvalidFilter::TooDeep)?;
    // Parts are pushed as they come: how many a combination announces takes no memory.
    Ok(match nodes.next().ok_or(InvalidFilter::Shape)? {
        Node::All(count) => Filter::All((0..count).map(|_| grow(nodes, below)).collect::<Result<_, _>>()?),
        Node::Any(count) => Filter::Any((0..count).map(|_| grow(nodes, below)).collect::<Result<_, _>>()?),
        Node::Not => Filter::Not(Box::new(grow(nodes, below)?)),
        Node::Field(path, test) => {
            if path.len() > FIELD_PATH_BYTES_MAX || path.split('.').count() > FIELD_PATH_NAMES_MAX {
                return Err(InvalidFilter::Path);
            }
            Filter::Field(FieldPath::new(path), test.try_into()?)
        }
    })
}

impl<'a> From<&'a Test> for TestMessage<'a> {
    fn from(test: &'a Test) -> Self {
        match test {
            Test::Equal(scalar) => Self::Equal(scalar.into()),
            Test::In(scalars) => Self::In(scalars.iter().map(Into::into).collect()),
            Test::Order(Side::Above, operand) => Self::Above(operand.into()),
            Test::Order(Side::AtLeast, operand) => Self::AtLeast(operand.into()),
            Test::Order(Side::Below, operand) => Self::Below(operand.into()),
            Test::Order(Side::AtMost, operand) => Self::AtMost(operand.into()),
            Test::Exists(wanted) => Self::Exists(*wanted),
        }
    }
}

impl TryFrom<TestMessage<'_>> for Test {
    type Error = InvalidFilter;

    fn try_from(message: TestMessage<'_>) -> Result<Self, InvalidFilter> {
        Ok(match message {
            TestMessage::Equal(scalar) => Self::Equal(scalar.try_into()?),
            TestMessage::In(scalars) if scalars.0.len() > FILTER_TERMS_MAX => return Err(InvalidFilter::TooLarge),
            TestMessage::In(scalars) => Self::In(scalars.try_convert(Scalar::try_from)?),
            TestMessage::Above(operand) => Self::Order(Side::Above, operand.try_into()?),
            TestMessage::AtLeast(operand) => Self::Order(Side::AtLeast, operand.try_into()?),
            TestMessage::Below(operand) => Self::Order(Side::Below, operand.try_into()?),
            TestMessage::AtMost(operand) => Self::Order(Side::AtMost, operand.try_into()?),
            TestMessage::Exists(wanted) => Self::Exists(wanted),
        })
    }
}

impl<'a> From<&'a Scalar> for ScalarMessage<'a> {
    fn from(scalar: &'a Scalar) -> Self {
        match scalar {
            Scalar::Null => Self::Null,
            Scalar::Bool(value) => Self::Bool(*value),
            Scalar::Number(Number::Integer(integer)) => Self::Integer(*integer),
            Scalar::Number(Number::Float(float)) => Self::Float(*float),
            Scalar::Text(text) => Self::Text(text),
        }
    }
}

impl TryFrom<ScalarMessage<'_>> for Scalar {
    type Error = InvalidFilter;

    fn try_from(message: ScalarMessage<'_>) -> Result<Self, InvalidFilter> {
        Ok(match message {
            ScalarMessage::Null => Self::Null,
            ScalarMessage::Bool(value) => Self::Bool(value),
            ScalarMessage::Integer(integer) => Self::Number(whole(integer)?),
            ScalarMessage::Float(float) => Self::Number(fraction(float)?),
            ScalarMessage::Text(text) => Self::Text(text.into()),
        })
    }
}

impl<'a> From<&'a Operand> for OperandMessage<'a> {
    fn from(operand: &'a Operand) -> Self {
        match operand {
            Operand::Number(Number::Integer(integer)) => Self::Integer(*integer),
            Operand::Number(Number::Float(float)) => Self::Float(*float),
            Operand::Text(text) => Self::Text(text),
        }
    }
}

impl TryFrom<OperandMessage<'_>> for Operand {
    type Error = InvalidFilter;

    fn try_from(message: OperandMessage<'_>) -> Result<Self, InvalidFilter> {
        Ok(match message {
            OperandMessage::Integer(integer) => Self::Number(whole(integer)?),
            OperandMessage::Float(float) => Self::Number(fraction(float)?),
            OperandMessage::Text(text) => Self::Text(text.into()),
        })
    }
}

fn whole(integer: i128) -> Result<Number, InvalidFilter> {
    let range = i128::from(i64::MIN)..=i128::from(u64::MAX);
    if range.contains(&integer) { Ok(Number::Integer(integer)) } else { Err(InvalidFilter::Number) }
}

fn fraction(float: f64) -> Result<Number, InvalidFilter> {
    if float.is_finite() { Ok(Number::from_float(float)) } else { Err(InvalidFilter::Number) }
}
