//! The stores under every service: `Db` and `Tx` over SQLite and PostgreSQL, the event log, and the ports to
//! external stores with their conformance suites. Driver types never leave this crate.

pub mod cache;
pub mod db;
mod deeds;
mod dialect;
mod error;
pub mod events;
pub mod foreign;
pub mod limits;
mod migrate;
pub mod personal;
mod postgres;
mod row;
pub mod sql;
mod sqlite;
pub mod suites;
pub mod users;
mod value;
pub mod vectors;

pub use db::{Db, DbConfig, Rows, Tx};
pub use deeds::{Deed, Deeds};
pub use error::DbError;
pub use foreign::Foreign;
pub use postgres::{PasswordFile, Transport};
pub use row::{Cell, FromCell, FromRow, Row};
pub use sql::Sql;
pub use value::Value;
