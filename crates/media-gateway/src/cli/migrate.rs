//! `migrate`: brings the database to this release's schema, and says which it is.

use contracts::{ApiError, ErrorKind};

use super::Global;
use crate::{
    backends,
    config::Config,
    folder::Opened,
    services::{Services, Wanted},
};

pub async fn run(global: &Global) -> anyhow::Result<()> {
    let config = Config::load(&global.flags())?;
    match Services::folder(&config)? {
        Opened::Theirs(owner) => {
            let detail = format!("process {} runs on this folder, and migrated it when it started", owner.pid);
            Err(ApiError::new(ErrorKind::Conflict, "folder_in_use", detail).into())
        }
        Opened::Ours(folder) => {
            backends::database(&config, folder.path(), Wanted::Roles).await?;
            eprintln!("the database has this release's schema");
            Ok(())
        }
    }
}
