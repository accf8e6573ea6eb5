use super::*;
use annuli_api::v1::path;
use std::collections::BTreeSet;

fn described() -> Value {
    describe(&Limits::default(), &Access::Open)
}

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of = |(path, item): (&String, &Value)| {
        let of = |(method, operation): (&String, &Value)| (path.clone(), method.clone(), operation.clone());
        item.as_object().unwrap().iter().map(of).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of).collect()
}

#[test]
fn every_path_is_in_the_document() {
    let document = described();
    let documented: BTreeSet<_> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(documented, path::ALL.into_iter().collect());
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let document = described();
    let operations = operations(&document);
    let names: BTreeSet<_> =
        operations.iter().map(|(.., operation)| operation["operationId"].as_str().unwrap()).collect();
    assert_eq!(names.len(), operations.len());
    assert!(!names.contains(""), "{names:?}");
    assert!(operations.iter().all(|(.., operation)| operation["summary"] != ""));
}

/// Clients are made of the document, and call their functions by these names.
#[test]
fn operations_keep_their_names() {
    let document = described();
    let mut names: Vec<_> = operations(&document)
        .into_iter()
        .map(|(path, method, operation)| format!("{method} {path} {}", operation["operationId"].as_str().unwrap()))
        .collect();
    names.sort();
    assert_eq!(names.join("\n"), include_str!("names.txt").trim_end());
}

#[test]
fn every_reference_leads_somewhere() {
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(object) => {
                found.extend(object.get("$ref").and_then(|to| to.as_str()).map(str::to_owned));
                object.values().for_each(|value| references(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let (document, mut found) = (described(), BTreeSet::new());
    references(&document, &mut found);
    assert!(found.contains("#/components/schemas/WireVector"), "{found:?}");
    for reference in found {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference} leads nowhere");
    }
}

/// Nothing could be an index and the closed body that makes one.
#[test]
fn an_answer_may_be_what_the_document_says() {
    let document = described();
    assert!(!document.to_string().contains("allOf"), "{document}");
    let index = &document["components"]["schemas"]["IndexInfo"];
    assert!(index["properties"]["dim"].is_object() && index["properties"]["uuid"].is_object(), "{index}");
    assert_eq!(index["additionalProperties"], Value::Null);
}

#[test]
fn bounds_are_those_of_the_server() {
    let limits = Limits { k_max: 77, timeout_ms_max: 88, page_documents_max: 99, ..Limits::default() };
    let document = describe(&limits, &Access::Open);
    for place in bounds::places() {
        assert!(document.pointer(&place).is_some_and(Value::is_u64), "{place}");
    }
    let search = &document["components"]["schemas"]["SearchRequest"]["properties"];
    assert_eq!((&search["limit"]["maximum"], &search["timeout_ms"]["maximum"]), (&77.into(), &88.into()));
    let page = document["paths"][path::DOCUMENTS]["get"]["parameters"].as_array().unwrap();
    let limit = page.iter().find(|parameter| parameter["name"] == "limit").unwrap();
    assert_eq!(limit["schema"]["maximum"], 99);
}

#[test]
fn every_code_is_listed_with_its_status() {
    let document = described();
    let about = document["info"]["description"].as_str().unwrap();
    assert!(about.contains("- `dimension_mismatch`: 422\n"), "{about}");
    assert!(about.contains("- `overloaded`: 429\n"), "{about}");
    assert!(!about.contains(": 0\n"), "{about}");
    let code = document["components"]["schemas"]["ErrorCode"]["enum"].as_array().unwrap();
    assert_eq!(code.len(), words::codes().len());
}
