//! What every HTTP route shares: problems, extractors, the caller, pages, entity tags and the server itself.

mod caller;
mod cursor;
mod deprecation;
mod entity;
mod extract;
mod fallback;
mod frame;
mod language;
mod openapi;
mod problem;
mod rejection;
pub mod server;

pub use caller::{BEARER, CallOf, CuratorOf, OperatorOf, RunnerOf, StandingCall, asks_for_socket, identify};
pub use cursor::{Cursors, Page, page_limit};
pub use deprecation::Deprecation;
pub use entity::{entity, if_match, json_entity, none_match, own_entity};
pub use extract::{ApiBytes, ApiJson, ApiPath, ApiQuery, BodyTooLarge, NoQuery};
pub use fallback::{method_not_allowed, no_such_route, with_fallbacks};
pub use frame::{Budget, Client, Entered, Frame, FrameLayer, FrameService, Peer, frame_layer};
pub use language::preferred_of;
pub use openapi::{IdempotencyKey, PageProblems, Problems, complete, problem_response};
pub use problem::{HttpResult, PROBLEM_JSON, Problem, ProblemBody};
pub use rejection::cause;
