//! The catalogue over gRPC: [`CatalogServer`] turns messages into calls, [`CatalogClient`] calls into messages.

use std::sync::Arc;

use async_trait::async_trait;
use contracts::{
    ApiError, Call, CatalogApi, Content, ContentId, Directory, ExternalId, IngestOutcome, ListQuery, Permission,
    Result, Season, SourceRecord,
};
use jiff::Timestamp;
use tonic::{Request, Response, Status, transport::Channel};

use crate::{
    convert::{all, answer, id, list, maybe, required, stamp, time, words},
    pb::{self, catalog_service_client::CatalogServiceClient, catalog_service_server::CatalogService},
    peer::Peer,
    server::{MAX_ANSWER_BYTES, MAX_INGEST_BYTES, open, reply},
};

/// Serves a catalogue to other processes.
pub struct CatalogServer(pub Arc<dyn CatalogApi>);

impl CatalogServer {
    async fn one(&self, call: &Call, request: &pb::GetContentRequest) -> Result<pb::GetContentResponse> {
        let id = id("content_id", &request.content_id)?;
        let content = self.0.titles(call, &[id]).await?.pop();
        let content = content
            .ok_or_else(|| ApiError::not_found("unknown_content", format!("the catalogue has no title {id}")))?;
        Ok(pb::GetContentResponse { content: Some(content.into()) })
    }

    async fn batch(&self, call: &Call, request: &pb::BatchGetContentRequest) -> Result<pb::BatchGetContentResponse> {
        let ids = words("content_ids", &request.content_ids, id)?;
        Ok(pb::BatchGetContentResponse { contents: all(self.0.titles(call, &ids).await?) })
    }

    async fn resolved(
        &self,
        call: &Call,
        request: pb::ResolveExternalIdRequest,
    ) -> Result<pb::ResolveExternalIdResponse> {
        let id = required("external_id", request.external_id)?;
        Ok(pb::ResolveExternalIdResponse { content: self.0.resolve(call, &id).await?.map(Into::into) })
    }

    async fn page(&self, call: &Call, request: pb::ListContentRequest) -> Result<pb::ListContentResponse> {
        let query = request.try_into()?;
        Ok(pb::ListContentResponse { contents: all(self.0.list(call, &query).await?) })
    }

    async fn seasons(&self, call: &Call, request: &pb::ListSeasonsRequest) -> Result<pb::ListSeasonsResponse> {
        let id = id("content_id", &request.content_id)?;
        Ok(pb::ListSeasonsResponse { seasons: all(self.0.seasons(call, id).await?) })
    }

    async fn withdrawn(&self, call: &Call, request: pb::WithdrawOffersRequest) -> Result<pb::WithdrawOffersResponse> {
        let before = time("checked_before", request.checked_before)?;
        Ok(pb::WithdrawOffersResponse { titles: self.0.withdraw(call, &request.sources, before).await? })
    }

    async fn ingested(&self, call: &Call, request: pb::IngestRequest) -> Result<pb::IngestResponse> {
        let records = list("records", request.records)?;
        Ok(pb::IngestResponse { outcomes: all(self.0.ingest(call, &records).await?) })
    }
}

#[async_trait]
impl CatalogService for CatalogServer {
    async fn get_content(
        &self,
        request: Request<pb::GetContentRequest>,
    ) -> Result<Response<pb::GetContentResponse>, Status> {
        let (call, request) = open(request)?;
        reply(self.one(&call, &request).await)
    }

    async fn batch_get_content(
        &self,
        request: Request<pb::BatchGetContentRequest>,
    ) -> Result<Response<pb::BatchGetContentResponse>, Status> {
        let (call, request) = open(request)?;
        reply(self.batch(&call, &request).await)
    }

    async fn resolve_external_id(
        &self,
        request: Request<pb::ResolveExternalIdRequest>,
    ) -> Result<Response<pb::ResolveExternalIdResponse>, Status> {
        let (call, request) = open(request)?;
        reply(self.resolved(&call, request).await)
    }

    async fn list_content(
        &self,
        request: Request<pb::ListContentRequest>,
    ) -> Result<Response<pb::ListContentResponse>, Status> {
        let (call, request) = open(request)?;
        reply(self.page(&call, request).await)
    }

    async fn get_directory(
        &self,
        request: Request<pb::GetDirectoryRequest>,
    ) -> Result<Response<pb::GetDirectoryResponse>, Status> {
        let (call, _) = open(request)?;
        reply(self.0.directory(&call).await.map(Into::into))
    }

    async fn list_seasons(
        &self,
        request: Request<pb::ListSeasonsRequest>,
    ) -> Result<Response<pb::ListSeasonsResponse>, Status> {
        let (call, request) = open(request)?;
        reply(self.seasons(&call, &request).await)
    }

    async fn ingest(&self, request: Request<pb::IngestRequest>) -> Result<Response<pb::IngestResponse>, Status> {
        let (call, request) = open(request)?;
        may_write(&call)?;
        reply(self.ingested(&call, request).await)
    }

    async fn withdraw_offers(
        &self,
        request: Request<pb::WithdrawOffersRequest>,
    ) -> Result<Response<pb::WithdrawOffersResponse>, Status> {
        let (call, request) = open(request)?;
        may_write(&call)?;
        reply(self.withdrawn(&call, request).await)
    }
}

/// Refuses whoever may not write, before anything of what they sent is read: a stranger's 16 MiB cost nothing more.
fn may_write(call: &Call) -> Result<(), Status> {
    call.require_permission(&Permission::WRITE_CONTENT).map_err(|error| crate::to_status(&error))
}

/// The catalogue of another process.
#[derive(Clone, Debug)]
pub struct CatalogClient(Peer);

impl CatalogClient {
    /// The catalogue at `peer`.
    pub fn new(peer: Peer) -> Self {
        Self(peer)
    }

    fn client(&self) -> CatalogServiceClient<Channel> {
        CatalogServiceClient::new(self.0.channel()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    fn contents(&self, contents: Vec<pb::Content>) -> Result<Vec<Content>> {
        answer(self.0.role(), list("contents", contents))
    }
}

#[async_trait]
impl CatalogApi for CatalogClient {
    async fn titles(&self, call: &Call, ids: &[ContentId]) -> Result<Vec<Content>> {
        let message = pb::BatchGetContentRequest { content_ids: ids.iter().map(ContentId::to_string).collect() };
        let send = |request| async { self.client().batch_get_content(request).await };
        self.contents(self.0.read(call, message, send).await?.contents)
    }

    async fn resolve(&self, call: &Call, id: &ExternalId) -> Result<Option<Content>> {
        let message = pb::ResolveExternalIdRequest { external_id: Some(id.clone().into()) };
        let send = |request| async { self.client().resolve_external_id(request).await };
        let content = self.0.read(call, message, send).await?.content;
        answer(self.0.role(), maybe("content", content))
    }

    async fn list(&self, call: &Call, query: &ListQuery) -> Result<Vec<Content>> {
        let send = |request| async { self.client().list_content(request).await };
        self.contents(self.0.read(call, pb::ListContentRequest::from(query), send).await?.contents)
    }

    async fn directory(&self, call: &Call) -> Result<Directory> {
        let send = |request| async { self.client().get_directory(request).await };
        Ok(self.0.read(call, pb::GetDirectoryRequest {}, send).await?.into())
    }

    async fn seasons(&self, call: &Call, id: ContentId) -> Result<Vec<Season>> {
        let message = pb::ListSeasonsRequest { content_id: id.to_string() };
        let send = |request| async { self.client().list_seasons(request).await };
        answer(self.0.role(), list("seasons", self.0.read(call, message, send).await?.seasons))
    }

    async fn ingest(&self, call: &Call, records: &[SourceRecord]) -> Result<Vec<IngestOutcome>> {
        let message = pb::IngestRequest { records: all(records.to_vec()) };
        let send = |request| async { self.client().ingest(request).await };
        let outcomes = self.0.send(call, message, MAX_INGEST_BYTES, send).await?.outcomes;
        answer(self.0.role(), list("outcomes", outcomes))
    }

    async fn withdraw(&self, call: &Call, sources: &[String], checked_before: Timestamp) -> Result<u64> {
        let checked_before = Some(stamp(checked_before));
        let message = pb::WithdrawOffersRequest { sources: sources.to_vec(), checked_before };
        let send = |request| async { self.client().withdraw_offers(request).await };
        Ok(self.0.send(call, message, MAX_INGEST_BYTES, send).await?.titles)
    }
}
