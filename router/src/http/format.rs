//! Which format a client wants its answer in.

use annuli_api::Format;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT;

/// The format that the client likes best of those that we write, as its header `accept` says; of several that it likes
/// the same, the first. JSON where it says nothing that we know.
pub(super) fn accepted(headers: &HeaderMap) -> Format {
    let mut best = (Format::Json, 0.0);
    for value in headers.get_all(ACCEPT) {
        for part in value.to_str().unwrap_or_default().split(',') {
            let (essence, weight) = weighted(part);
            if let Some(format) = format_of(essence).filter(|_| weight > best.1) {
                best = (format, weight);
            }
        }
    }
    best.0
}

fn format_of(essence: &str) -> Option<Format> {
    match essence {
        "*/*" | "application/*" => Some(Format::Json),
        _ => Format::of_content_type(essence),
    }
}

/// A media type and its weight.
fn weighted(part: &str) -> (&str, f32) {
    let mut parameters = part.split(';').map(str::trim);
    let essence = parameters.next().unwrap_or_default();
    let weight = parameters.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        if name.trim_end().eq_ignore_ascii_case("q") { value.trim_start().parse::<f32>().ok() } else { None }
    });
    (essence, weight.unwrap_or(1.0).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(accept: &str, format: Format) {
        let headers = HeaderMap::from_iter([(ACCEPT, accept.parse().unwrap())]);
        assert_eq!(accepted(&headers), format, "{accept}");
    }

    #[test]
    fn the_format_that_is_liked_best_is_taken() {
        assert_eq!(accepted(&HeaderMap::new()), Format::Json);
        check("*/*", Format::Json);
        check("text/html", Format::Json);
        check("application/json", Format::Json);
        check("application/msgpack", Format::MessagePack);
        check("Application/X-MsgPack", Format::MessagePack);
        check("application/vnd.msgpack;q=0.5", Format::MessagePack);
        check("application/msgpack, application/json", Format::MessagePack);
        check("application/json, application/msgpack", Format::Json);
        check("application/json;q=0.5, application/msgpack", Format::MessagePack);
        check("application/json; q=0.9, application/msgpack; q=0.8", Format::Json);
        check("text/html, application/msgpack;q=0.9, */*;q=0.1", Format::MessagePack);
        check("application/msgpack;q=0, */*;q=0.1", Format::Json);
        check("application/msgpack;Q=0", Format::Json);
        check("application/json;q=0.5, application/msgpack;Q=0.4", Format::Json);
        check("application/json, application/msgpack;q=7", Format::Json);
        check("application/msgpack;q=-1", Format::Json);
    }
}
