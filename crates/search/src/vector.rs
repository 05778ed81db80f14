//! Meaning: the embeddings of titles and of queries.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use contracts::{ApiError, ContentId, Embedder, Vector};
use sha2::{Digest, Sha256};
use stores::{cache::Cache, vectors::VectorIndex};

use crate::{SearchError, keyword::TitleDoc};

/// How long a query's embedding is kept.
const QUERY_TTL: Duration = Duration::from_secs(7 * 24 * 3600);
/// How much of the question's own meaning is mixed with the examples that it names ("like The Matrix but funny").
const QUESTION_SHARE: f32 = 0.35;

/// The first 64 bits of the SHA-256 of the passages, each on its own line: the same in every release, so that unchanged
/// texts are not embedded again.
pub(crate) fn text_hash(passages: &[String]) -> u64 {
    let digest = Sha256::digest(passages.join("\n").as_bytes());
    digest.iter().take(8).fold(0, |hash, byte| hash << 8 | u64::from(*byte))
}

/// The vector index with the model that fills it and asks it.
#[derive(Clone)]
pub(crate) struct Meaning {
    pub index: Arc<dyn VectorIndex>,
    pub embedder: Arc<dyn Embedder>,
    pub cache: Arc<dyn Cache>,
}

impl Meaning {
    /// The point to look around: the question's, or the mean of the examples' with a share of the question's. `None`
    /// when there is neither.
    pub(crate) async fn point(&self, text: Option<&str>, like: &[TitleDoc]) -> Result<Option<Vector>, SearchError> {
        let question = match text {
            Some(text) => Some(self.embed_query(text).await?),
            None => None,
        };
        let mut examples: Vec<Vector> = Vec::new();
        for title in like {
            examples.extend(self.example(title.id).await?);
        }
        let Some(mean) = mean(&examples) else { return Ok(question) };
        Ok(Some(match question {
            Some(question) => mix(&mean, &question, QUESTION_SHARE),
            None => mean,
        }))
    }

    async fn example(&self, id: ContentId) -> Result<Option<Vector>, SearchError> {
        Ok(mean(&self.index.vectors(id).await?))
    }

    /// The embedding of a question, from the cache when someone asked it before.
    async fn embed_query(&self, text: &str) -> Result<Vector, SearchError> {
        let model = self.embedder.model();
        let digest = Sha256::digest(format!("{}\n{text}", model.name).as_bytes());
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let load = Box::pin(async {
            let vectors = self.embedder.embed(&[text.to_owned()]).await;
            let vectors = vectors.map_err(|error| ApiError::unavailable("embedding_failed", error.to_string()))?;
            Ok(vectors.first().map(|vector| to_bytes(vector)))
        });
        let bytes = self.cache.get_or_load(&format!("embedding:{hex}"), QUERY_TTL, load).await?;
        let vector = bytes.and_then(|bytes| from_bytes(&bytes)).filter(|vector| vector.len() == model.dimension);
        vector.ok_or_else(|| contracts::EmbedError("it gave no vector of its dimension".to_owned()).into())
    }
}

fn to_bytes(vector: &[f32]) -> Bytes {
    vector.iter().flat_map(|component| component.to_le_bytes()).collect()
}

fn from_bytes(bytes: &[u8]) -> Option<Vector> {
    let (chunks, rest) = bytes.as_chunks::<4>();
    rest.is_empty().then(|| chunks.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect())
}

fn mean(vectors: &[Vector]) -> Option<Vector> {
    let mut sum = vectors.first()?.clone();
    for vector in &vectors[1..] {
        for (total, component) in sum.iter_mut().zip(vector) {
            *total += component;
        }
    }
    Some(normalised(sum))
}

fn mix(a: &[f32], b: &[f32], share_of_b: f32) -> Vector {
    normalised(a.iter().zip(b).map(|(a, b)| a * (1.0 - share_of_b) + b * share_of_b).collect())
}

fn normalised(mut vector: Vector) -> Vector {
    let length = vector.iter().map(|component| component * component).sum::<f32>().sqrt();
    if length > 0.0 {
        for component in &mut vector {
            *component /= length;
        }
    }
    vector
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use async_trait::async_trait;
    use contracts::{EmbedError, ModelInfo};
    use stores_embedded::ExactVectors;
    use tempfile::TempDir;
    use testkit::{Told, Watched};

    use super::*;

    /// A model to which all texts mean the same, and how many it was given.
    struct Counting {
        info: ModelInfo,
        texts: AtomicU64,
    }

    #[async_trait]
    impl Embedder for Counting {
        fn model(&self) -> &ModelInfo {
            &self.info
        }

        async fn embed(&self, texts: &[String]) -> Result<Vec<Vector>, EmbedError> {
            self.texts.fetch_add(texts.len() as u64, Ordering::SeqCst);
            Ok(vec![vec![0.5, 0.25]; texts.len()])
        }
    }

    #[tokio::test]
    async fn a_question_is_embedded_once_in_seven_days() {
        let folder = TempDir::new().unwrap();
        let info = ModelInfo { name: "counting-test".to_owned(), dimension: 2 };
        let index = ExactVectors::open(&folder.path().join("vectors"), info.clone()).unwrap();
        let embedder = Arc::new(Counting { info, texts: AtomicU64::new(0) });
        let cache = Watched::around(testkit::cache(), Told::default());
        let meaning = Meaning { index: Arc::new(index), embedder: embedder.clone(), cache: cache.clone() };
        for question in ["a clown haunts a town", "a clown haunts a town", "a town"] {
            let point = meaning.point(Some(question), &[]).await.unwrap();
            assert_eq!(point, Some(vec![0.5, 0.25]), "{question}");
        }
        assert_eq!(embedder.texts.load(Ordering::SeqCst), 2, "two questions, one of them asked twice");
        let asked = cache.watcher.lock().unwrap();
        assert!(asked[0].0 == asked[1].0 && asked[1].0 != asked[2].0, "{asked:?}");
        assert!(asked.iter().all(|(_, ttl)| *ttl == Duration::from_secs(604_800)), "{asked:?}");
    }

    #[test]
    fn vectors_survive_the_cache() {
        let vector = vec![0.25, -1.0, f32::MIN_POSITIVE];
        assert_eq!(from_bytes(&to_bytes(&vector)), Some(vector));
        assert_eq!(from_bytes(&[1, 2, 3]), None);
    }

    #[test]
    fn a_question_turns_the_mean_of_its_examples() {
        let mean = mean(&[vec![1.0, 0.0], vec![0.0, 1.0]]).unwrap();
        assert!((mean[0] - mean[1]).abs() < 1e-6);
        let turned = mix(&mean, &[1.0, 0.0], QUESTION_SHARE);
        assert!(turned[0] > turned[1] && turned[1] > 0.0);
        assert_eq!(super::mean(&[]), None);
    }

    #[test]
    fn a_hash_is_the_same_in_every_release() {
        let hash = |texts: &[&str]| text_hash(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        assert_eq!(hash(&["The Matrix"]), 0x3fd2_6c2e_6d67_5083);
        assert_ne!(hash(&["The Matrix"]), hash(&["The Matrix "]));
        assert_ne!(hash(&["The", "Matrix"]), hash(&["The Matrix"]));
    }
}
