//! Search over gRPC: [`SearchServer`] turns messages into calls, [`SearchClient`] calls into messages.

use std::sync::Arc;

use async_trait::async_trait;
use contracts::{
    Call, Content, ContentId, DiscoverRow, Region, Result, Scored, SearchApi, SearchFilters, SearchRequest,
    SearchResponse, SimilarResponse, Suggestion, VectorQuery,
};
use tonic::{Request, Response, Status, transport::Channel};

use crate::{
    convert::{all, answer, filters, id, limit, list, maybe_region, words},
    pb::{self, search_service_client::SearchServiceClient, search_service_server::SearchService},
    peer::Peer,
    server::{MAX_ANSWER_BYTES, open, reply},
};

/// Serves search to other processes.
pub struct SearchServer(pub Arc<dyn SearchApi>);

impl SearchServer {
    async fn words(&self, call: &Call, request: pb::SearchContentRequest) -> Result<pb::SearchContentResponse> {
        Ok(self.0.search(call, &request.try_into()?).await?.into())
    }

    async fn vector(&self, call: &Call, request: pb::VectorSearchRequest) -> Result<pb::VectorSearchResponse> {
        let results = self.0.vector_search(call, &request.try_into()?).await?;
        Ok(pb::VectorSearchResponse { results: all(results) })
    }

    async fn graph(&self, call: &Call, request: pb::GraphSearchRequest) -> Result<pb::GraphSearchResponse> {
        let seeds = words("seed_ids", &request.seed_ids, id)?;
        let (filters, region) = (filters(request.filters)?, maybe_region(request.region)?);
        let results = self.0.graph_search(call, &seeds, &filters, region, limit(request.limit)).await?;
        Ok(pb::GraphSearchResponse { results: all(results) })
    }

    async fn like(&self, call: &Call, request: pb::SimilarContentRequest) -> Result<pb::SimilarContentResponse> {
        let (seed, region) = (id("content_id", &request.content_id)?, maybe_region(request.region)?);
        Ok(self.0.similar(call, seed, region, limit(request.limit)).await?.into())
    }

    async fn complete(&self, call: &Call, request: pb::AutocompleteRequest) -> Result<pb::AutocompleteResponse> {
        let suggestions = self.0.autocomplete(call, &request.prefix, limit(request.limit)).await?;
        Ok(pb::AutocompleteResponse { suggestions: all(suggestions) })
    }

    async fn rows(&self, call: &Call, request: pb::DiscoverRequest) -> Result<pb::DiscoverResponse> {
        let rows = self.0.discover(call, maybe_region(request.region)?).await?;
        Ok(pb::DiscoverResponse { rows: all(rows) })
    }

    async fn searched_for(&self, call: &Call, request: pb::TrendingRequest) -> Result<pb::TrendingResponse> {
        let titles = self.0.trending(call, maybe_region(request.region)?, limit(request.limit)).await?;
        Ok(pb::TrendingResponse { results: all(titles) })
    }
}

#[async_trait]
impl SearchService for SearchServer {
    async fn search_content(
        &self,
        request: Request<pb::SearchContentRequest>,
    ) -> Result<Response<pb::SearchContentResponse>, Status> {
        let (call, request) = open(request)?;
        reply(self.words(&call, request).await)
    }

    async fn vector_search(
        &self,
        request: Request<pb::VectorSearchRequest>,
    ) -> Result<Response<pb::VectorSearchResponse>, Status> {
        let (call, request) = open(request)?;
        reply(self.vector(&call, request).await)
    }

    async fn graph_search(
        &self,
        request: Request<pb::GraphSearchRequest>,
    ) -> Result<Response<pb::GraphSearchResponse>, Status> {
        let (call, request) = open(request)?;
        reply(self.graph(&call, request).await)
    }

    async fn similar_content(
        &self,
        request: Request<pb::SimilarContentRequest>,
    ) -> Result<Response<pb::SimilarContentResponse>, Status> {
        let (call, request) = open(request)?;
        reply(self.like(&call, request).await)
    }

    async fn autocomplete(
        &self,
        request: Request<pb::AutocompleteRequest>,
    ) -> Result<Response<pb::AutocompleteResponse>, Status> {
        let (call, request) = open(request)?;
        reply(self.complete(&call, request).await)
    }

    async fn discover(&self, request: Request<pb::DiscoverRequest>) -> Result<Response<pb::DiscoverResponse>, Status> {
        let (call, request) = open(request)?;
        reply(self.rows(&call, request).await)
    }

    async fn trending(&self, request: Request<pb::TrendingRequest>) -> Result<Response<pb::TrendingResponse>, Status> {
        let (call, request) = open(request)?;
        reply(self.searched_for(&call, request).await)
    }
}

/// The search of another process.
#[derive(Clone, Debug)]
pub struct SearchClient(Peer);

impl SearchClient {
    /// The search at `peer`.
    pub fn new(peer: Peer) -> Self {
        Self(peer)
    }

    fn client(&self) -> SearchServiceClient<Channel> {
        SearchServiceClient::new(self.0.channel()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    fn scored(&self, results: Vec<pb::ScoredContent>) -> Result<Vec<Scored>> {
        answer(self.0.role(), list("results", results))
    }
}

#[async_trait]
impl SearchApi for SearchClient {
    async fn search(&self, call: &Call, request: &SearchRequest) -> Result<SearchResponse> {
        let message = pb::SearchContentRequest::from(request.clone());
        let send = |request| async { self.client().search_content(request).await };
        answer(self.0.role(), self.0.read(call, message, send).await?.try_into())
    }

    async fn vector_search(&self, call: &Call, query: &VectorQuery) -> Result<Vec<Scored>> {
        let message = pb::VectorSearchRequest::from(query.clone());
        let send = |request| async { self.client().vector_search(request).await };
        self.scored(self.0.read(call, message, send).await?.results)
    }

    async fn graph_search(
        &self,
        call: &Call,
        seeds: &[ContentId],
        filters: &SearchFilters,
        region: Option<Region>,
        limit: usize,
    ) -> Result<Vec<Scored>> {
        let message = pb::GraphSearchRequest {
            seed_ids: seeds.iter().map(ContentId::to_string).collect(),
            filters: Some(filters.clone().into()),
            region: region.map(Into::into),
            limit: limit as u64,
        };
        let send = |request| async { self.client().graph_search(request).await };
        self.scored(self.0.read(call, message, send).await?.results)
    }

    async fn similar(
        &self,
        call: &Call,
        id: ContentId,
        region: Option<Region>,
        limit: usize,
    ) -> Result<SimilarResponse> {
        let message = pb::SimilarContentRequest {
            content_id: id.to_string(),
            region: region.map(Into::into),
            limit: limit as u64,
        };
        let send = |request| async { self.client().similar_content(request).await };
        answer(self.0.role(), self.0.read(call, message, send).await?.try_into())
    }

    async fn autocomplete(&self, call: &Call, prefix: &str, limit: usize) -> Result<Vec<Suggestion>> {
        let message = pb::AutocompleteRequest { prefix: prefix.to_owned(), limit: limit as u64 };
        let send = |request| async { self.client().autocomplete(request).await };
        answer(self.0.role(), list("suggestions", self.0.read(call, message, send).await?.suggestions))
    }

    async fn discover(&self, call: &Call, region: Option<Region>) -> Result<Vec<DiscoverRow>> {
        let message = pb::DiscoverRequest { region: region.map(Into::into) };
        let send = |request| async { self.client().discover(request).await };
        answer(self.0.role(), list("rows", self.0.read(call, message, send).await?.rows))
    }

    async fn trending(&self, call: &Call, region: Option<Region>, limit: usize) -> Result<Vec<Content>> {
        let message = pb::TrendingRequest { region: region.map(Into::into), limit: limit as u64 };
        let send = |request| async { self.client().trending(request).await };
        answer(self.0.role(), list("results", self.0.read(call, message, send).await?.results))
    }
}
