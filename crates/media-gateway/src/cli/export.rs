//! `export`: the catalogue as JSON Lines, in an order and form that can be compared.

use std::io::{Write as _, stdout};

use anyhow::Context as _;
use contracts::{ApiError, Caller};
use futures::StreamExt as _;

use super::Global;
use crate::{
    config::Config,
    folder::Opened,
    owner::OwnerClient,
    roles::Role,
    services::{Services, Wanted},
};

pub async fn run(global: &Global) -> anyhow::Result<()> {
    let config = Config::load(&global.flags())?;
    let mut out = stdout();
    match Services::folder(&config)? {
        Opened::Theirs(owner) => {
            let client = OwnerClient::new(owner, Role::Catalog)?;
            let mut pieces = client.stream("/api/v1/internal/catalog/export").await?.bytes_stream();
            while let Some(piece) = pieces.next().await {
                out.write_all(&piece.context("the node broke off its answer")?)?;
            }
        }
        Opened::Ours(folder) => {
            let services = Services::open(&config, &folder, Wanted::Everything).await?;
            let catalog = services.catalog.as_ref().context("this process has no catalogue")?;
            let mut write = |line: &str| writeln!(out, "{line}").map_err(|error| ApiError::internal(error.to_string()));
            catalog.export(&services.call(Caller::Operator), &mut write).await?;
            services.close().await;
        }
    }
    Ok(())
}
