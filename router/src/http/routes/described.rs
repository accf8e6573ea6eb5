//! What a handler takes and answers, read off its types: the document cannot say anything else.

use super::super::address::{Path, Query};
use super::super::answer::{Answer, HttpFailure};
use super::super::body::{Content, OptionalContent};
use super::super::docs::{Page, PageFile};
use super::super::metrics::Exposition;
use super::super::openapi::Document;
use annuli_api::Format;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Sse;
use std::future::Future;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::{Content as MediaType, ObjectBuilder, Ref, RefOr, Required, Schema, Type};
use utoipa::{IntoParams, ToSchema};

/// Media types of a body, each with what it holds.
pub(in crate::http) type Contents = Vec<(&'static str, MediaType)>;

/// What a handler takes and answers.
#[derive(Default)]
pub(in crate::http) struct Words {
    /// What may stand in the query.
    pub(in crate::http) parameters: Vec<Parameter>,
    /// The body that it reads, and whether that must be there.
    pub(in crate::http) body: Option<(Required, Contents)>,
    /// What it answers, if anything.
    pub(in crate::http) reply: Option<Contents>,
    /// What the above refer to.
    pub(in crate::http) schemas: Vec<(String, RefOr<Schema>)>,
}

impl Words {
    /// A value of `T`, in both formats.
    fn value<T: ToSchema>(&mut self) -> Contents {
        self.schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(&mut self.schemas);
        let content = || MediaType::new(Some(Ref::from_schema_name(T::name())));
        [Format::Json, Format::MessagePack].map(|format| (format.content_type(), content())).into()
    }
}

/// A text of that media type.
fn text(media_type: &'static str) -> Contents {
    vec![(media_type, MediaType::new(Some(ObjectBuilder::new().schema_type(Type::String))))]
}

/// A handler. `Arguments` are its arguments.
pub(in crate::http) trait Described<Arguments> {
    /// What it takes and answers.
    fn words() -> Words;
}

macro_rules! described {
    ($($argument:ident),*) => {
        impl<H, Answering, Reply, $($argument),*> Described<($($argument,)*)> for H
        where
            H: Fn($($argument),*) -> Answering,
            Answering: Future<Output = Reply>,
            Reply: Told,
            $($argument: Asked,)*
        {
            fn words() -> Words {
                #[allow(unused_mut, reason = "a handler without arguments says nothing of them")]
                let mut words = Words::default();
                $($argument::ask(&mut words);)*
                words.reply = Reply::tell(&mut words);
                words
            }
        }
    };
}

described!();
described!(A);
described!(A, B);
described!(A, B, C);

/// An argument of a handler.
pub(in crate::http) trait Asked {
    /// Says what it takes of the request.
    fn ask(words: &mut Words);
}

impl<S> Asked for State<S> {
    fn ask(_: &mut Words) {}
}

impl Asked for HeaderMap {
    fn ask(_: &mut Words) {}
}

/// What it takes stands in the path itself.
impl<T> Asked for Path<T> {
    fn ask(_: &mut Words) {}
}

impl<T: IntoParams> Asked for Query<T> {
    fn ask(words: &mut Words) {
        words.parameters.extend(T::into_params(|| Some(ParameterIn::Query)));
    }
}

impl<T: ToSchema> Asked for Content<T> {
    fn ask(words: &mut Words) {
        words.body = Some((Required::True, words.value::<T>()));
    }
}

impl<T: ToSchema> Asked for OptionalContent<T> {
    fn ask(words: &mut Words) {
        words.body = Some((Required::False, words.value::<T>()));
    }
}

/// What a handler answers.
pub(in crate::http) trait Told {
    /// Says what that is, if it is anything.
    fn tell(words: &mut Words) -> Option<Contents>;
}

impl<T: Told> Told for Result<T, HttpFailure> {
    fn tell(words: &mut Words) -> Option<Contents> {
        T::tell(words)
    }
}

impl<T: ToSchema> Told for Answer<T> {
    fn tell(words: &mut Words) -> Option<Contents> {
        Some(words.value::<T>())
    }
}

impl Told for StatusCode {
    fn tell(_: &mut Words) -> Option<Contents> {
        None
    }
}

impl Told for &'static str {
    fn tell(_: &mut Words) -> Option<Contents> {
        Some(text("text/plain"))
    }
}

impl Told for (StatusCode, String) {
    fn tell(_: &mut Words) -> Option<Contents> {
        Some(text("text/plain"))
    }
}

impl Told for Exposition {
    fn tell(_: &mut Words) -> Option<Contents> {
        Some(text("text/plain"))
    }
}

impl<S> Told for Sse<S> {
    fn tell(_: &mut Words) -> Option<Contents> {
        Some(text("text/event-stream"))
    }
}

impl Told for Document {
    fn tell(_: &mut Words) -> Option<Contents> {
        let object = ObjectBuilder::new().schema_type(Type::Object);
        Some(vec![(Format::Json.content_type(), MediaType::new(Some(object)))])
    }
}

impl Told for Page {
    fn tell(_: &mut Words) -> Option<Contents> {
        Some(text("text/html"))
    }
}

impl Told for PageFile {
    fn tell(_: &mut Words) -> Option<Contents> {
        Some([text("text/css"), text("text/javascript")].concat())
    }
}
