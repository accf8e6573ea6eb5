//! How values that are read by hand look in the OpenAPI document.

use super::metadata::WireMetadata;
use super::vector::WireVector;
use annuli_core::limits::DIM_MAX;
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

impl ToSchema for WireVector {}

impl PartialSchema for WireVector {
    fn schema() -> RefOr<Schema> {
        let component = ObjectBuilder::new()
            .schema_type(Type::Number)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Float)))
            .minimum(Some(-1e15))
            .maximum(Some(1e15));
        let numbers = ArrayBuilder::new()
            .items(component)
            .min_items(Some(1))
            .max_items(Some(DIM_MAX))
            .description(Some("Its components. In an answer they are there as they were sent."));
        let packed = ObjectBuilder::new()
            .schema_type(Type::String)
            .content_encoding("base64")
            .description(Some("Base64 of little-endian 32-bit floats; in MessagePack the bytes themselves (`bin`)."));
        Schema::OneOf(OneOfBuilder::new().item(numbers).item(packed).build()).into()
    }
}

impl ToSchema for WireMetadata {}

impl PartialSchema for WireMetadata {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Object))
            .additional_properties(Some(AdditionalProperties::FreeForm(true)))
            .description(Some("Any JSON object, of 64 KiB as compact JSON at most."));
        Schema::Object(object.build()).into()
    }
}
