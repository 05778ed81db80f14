//! `export`: the catalogue as JSON Lines, in an order and form that can be compared.

use anyhow::Context as _;
use contracts::Caller;
use futures::StreamExt as _;

use super::{Global, out};
use crate::{
    config::Config,
    folder::Opened,
    owner::OwnerClient,
    roles::Role,
    services::{Services, Wanted},
};

pub async fn run(global: &Global) -> anyhow::Result<()> {
    let config = Config::load(&global.flags())?;
    match Services::existing_folder(&config)? {
        Opened::Theirs(owner) => {
            let client = OwnerClient::new(owner, Role::Catalog)?;
            let mut pieces = client.stream("/api/v1/internal/catalog/export").await?.bytes_stream();
            while let Some(piece) = pieces.next().await {
                out::write(&piece.context("the node broke off its answer")?)?;
            }
        }
        Opened::Ours(folder) => {
            let services = Services::open(&config, &folder, Wanted::Everything).await?;
            let catalog = services.catalog.as_ref().context("this process has no catalogue")?;
            let mut write = |line: &str| out::line(line);
            let exported = catalog.export(&services.call(Caller::Operator), &mut write).await;
            services.close().await;
            exported?;
        }
    }
    Ok(())
}
