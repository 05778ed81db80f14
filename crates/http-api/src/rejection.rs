//! From what serde and axum refuse to errors with stable codes and the names of the fields.

use std::error::Error;

use contracts::ApiError;

/// What `uuid` puts before its own words, which speak of a prefix that nobody writes.
const NO_UUID: &str = "UUID parsing failed: ";

/// Turns a deserialiser's `message` about the value at `path` into an error that names the field.
///
/// `fallback` is the code for a value that is just wrong. A value of `contracts` that refuses itself (an unknown region,
/// say) arrives here as the text of its [`ApiError`]: its code is read back from it.
pub(crate) fn field_error(path: &str, message: &str, fallback: &'static str) -> ApiError {
    let path = if path == "." { "" } else { path };
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    let named = message.split('`').nth(1).unwrap_or_default();
    if message.starts_with("unknown field") {
        let field = if last(path) == named { path.to_owned() } else { join(path, named) };
        return ApiError::invalid("unknown_field", format!("there is no field called `{field}`")).field(field, message);
    }
    if message.starts_with("missing field") {
        let field = join(path, named);
        return ApiError::invalid("missing_field", format!("the field `{field}` is missing"))
            .field(field, "is required");
    }
    if message.starts_with("duplicate field") {
        let field = if last(path) == named { path.to_owned() } else { join(path, named) };
        return ApiError::invalid("duplicate_field", format!("`{field}` is given twice")).field(field, message);
    }
    let field = if path.is_empty() { "body" } else { path };
    if message.contains(NO_UUID) {
        return ApiError::invalid(fallback, format!("`{field}` is not a UUID")).field(field, "must be a UUID");
    }
    match embedded(message) {
        Some((detail, code, _)) => {
            let mut error = ApiError::invalid(fallback, detail).field(field, detail);
            error.code = code.to_owned().into();
            error
        }
        None => ApiError::invalid(fallback, format!("`{field}` has a value that can't be read")).field(field, message),
    }
}

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or_default()
}

fn join(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}

/// Splits the text of an [`ApiError`], `detail (code)` or `detail (code); field …`, into its parts.
fn embedded(message: &str) -> Option<(&str, &str, &str)> {
    let (head, fields) = match message.find("); ") {
        Some(end) => (&message[..=end], &message[end + 3..]),
        None => (message, ""),
    };
    let (detail, code) = head.strip_suffix(')')?.rsplit_once(" (")?;
    let is_code = !code.is_empty() && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    is_code.then_some((detail, code, fields))
}

/// The first cause of `error` that is an `E`.
pub fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn what_is_no_uuid_is_told_in_our_words() {
        for wrong in ["no id", "", "01936f5e-0000-7000-8000-00000000000", "{01936f5e", "é"] {
            let refused = serde_json::from_value::<contracts::ContentId>(wrong.into()).unwrap_err();
            let error = field_error("items[2].id", &refused.to_string(), "invalid_field");
            assert_eq!((&*error.code, &*error.detail), ("invalid_field", "`items[2].id` is not a UUID"), "{wrong:?}");
            assert_eq!((&*error.fields[0].field, &*error.fields[0].message), ("items[2].id", "must be a UUID"));
        }
    }

    #[rstest]
    #[case("a.nope", "unknown field `nope`, expected `x` at line 1 column 9", "unknown_field", "a.nope")]
    #[case(".", "unknown field `nope`, there are no fields", "unknown_field", "nope")]
    #[case(".", "missing field `query` at line 1 column 2", "missing_field", "query")]
    #[case("filters", "missing field `from`", "missing_field", "filters.from")]
    #[case("q", "duplicate field `q`", "duplicate_field", "q")]
    #[case("page", "invalid type: string \"x\", expected u32 at line 1 column 3", "invalid_field", "page")]
    #[case("region", "no region is called \"XX\" (unknown_region); region must be …", "unknown_region", "region")]
    #[case("region", "no region is called \"(\" (unknown_region)", "unknown_region", "region")]
    fn serde_messages_get_codes(#[case] path: &str, #[case] message: &str, #[case] code: &str, #[case] field: &str) {
        let error = field_error(path, message, "invalid_field");
        assert_eq!(error.code, code);
        assert_eq!(error.fields[0].field, field);
        assert!(!error.fields[0].message.contains("at line"), "{error}");
    }
}
