//! What every operation's documentation shares.

use std::collections::BTreeMap;

use contracts::FieldError;
use utoipa::{
    IntoParams, IntoResponses, PartialSchema, ToSchema,
    openapi::{
        Components, Content, Object, ObjectBuilder, OpenApi, Ref, RefOr, Required, Response, ResponseBuilder, Type,
        path::{Parameter, ParameterBuilder, ParameterIn},
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use crate::{PROBLEM_JSON, ProblemBody};

/// The failures of any operation, for `#[utoipa::path(responses(…, Problems))]`; [`complete`] adds them where missing.
pub struct Problems;

impl IntoResponses for Problems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let failures = [("4XX", "The request can't be answered."), ("5XX", "The server can't answer.")];
        failures.into_iter().map(|(status, text)| (status.to_owned(), problem_response(text).into())).collect()
    }
}

/// The failures of an operation that answers people: a page, or a problem where the request never came so far.
pub struct PageProblems;

impl IntoResponses for PageProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let page = |(status, text): (&str, &str)| {
            let mut response = problem_response(text);
            response.content.insert("text/html".to_owned(), Content::new(Some(Object::with_type(Type::String))).into());
            (status.to_owned(), response.into())
        };
        [("4XX", "The request can't be answered."), ("5XX", "The server can't answer.")].into_iter().map(page).collect()
    }
}

/// The header of a write that makes something each time it is sent, for `#[utoipa::path(params(…, IdempotencyKey))]`. The
/// gateway sees to every write that documents it.
pub struct IdempotencyKey;

impl IntoParams for IdempotencyKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let text = "Makes it safe to send the request again within a day: it is done once, and answered the same. Sent \
            again with another token of the same client, it is not done again, but its answer is not given (409 \
            `idempotency_answer_not_kept`). 1 to 255 visible characters.";
        let key = ParameterBuilder::new().name("Idempotency-Key").parameter_in(ParameterIn::Header);
        let schema = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(255));
        vec![key.required(Required::False).description(Some(text)).schema(Some(schema)).build()]
    }
}

/// A response that carries a problem.
pub fn problem_response(description: &str) -> Response {
    let schema = Ref::from_schema_name(ProblemBody::name());
    ResponseBuilder::new().description(description).content(PROBLEM_JSON, Content::new(Some(schema))).build()
}

/// Completes a document: the schema of problems, the failures of every operation, and the operator's bearer token.
pub fn complete(document: &mut OpenApi) {
    let components = document.components.get_or_insert_with(Components::new);
    components.schemas.insert(ProblemBody::name().into_owned(), ProblemBody::schema());
    components.schemas.insert(FieldError::name().into_owned(), FieldError::schema());
    let operator = "The operator's token; or a token or key with the scope `admin:full`: of an administrator, or of \
        somebody whose role has the permission that is named.";
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(operator)).build();
    components.add_security_scheme("operator", SecurityScheme::Http(bearer));
    let token = "An access token (of type `at+jwt`) or an API key; `/.well-known/oauth-authorization-server` tells how to get one.";
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").description(Some(token)).build();
    components.add_security_scheme("oauth", SecurityScheme::Http(token));
    for item in document.paths.paths.values_mut() {
        let operations = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.delete,
            &mut item.options,
            &mut item.head,
            &mut item.patch,
            &mut item.trace,
        ];
        for operation in operations.into_iter().flatten() {
            for (status, response) in Problems::responses() {
                operation.responses.responses.entry(status).or_insert(response);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use utoipa::openapi::{OpenApiBuilder, PathItem, PathsBuilder, path::OperationBuilder};

    use super::*;

    #[test]
    fn every_operation_names_its_failures() {
        let get = PathItem::new(utoipa::openapi::HttpMethod::Get, OperationBuilder::new().build());
        let mut document = OpenApiBuilder::new().paths(PathsBuilder::new().path("/a", get).build()).build();
        complete(&mut document);
        let json = serde_json::to_value(&document).unwrap();
        let problem = &json["paths"]["/a"]["get"]["responses"]["4XX"]["content"][PROBLEM_JSON]["schema"]["$ref"];
        assert_eq!(problem, "#/components/schemas/Problem");
        assert!(json["components"]["schemas"]["Problem"]["properties"]["trace_id"].is_object());
        assert_eq!(json["components"]["securitySchemes"]["operator"]["scheme"], "bearer");
        assert!(json["openapi"].as_str().unwrap().starts_with("3.1"));
    }
}
