//! The embedder on ONNX Runtime: a few sessions, each busy with one batch at a time.

use std::{
    error::Error,
    panic::catch_unwind,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use async_trait::async_trait;
use contracts::{EmbedError, Embedder, ModelInfo, Vector};
use futures::future::try_join_all;
use ort::{
    environment::Environment,
    session::{Session, SessionInputValue, builder::GraphOptimizationLevel},
    value::Tensor,
};
use tokenizers::{Tokenizer, TruncationParams};
use tokio::{sync::Semaphore, task::spawn_blocking};

use crate::{
    batch::{Padded, Tokens, head, pad, plan},
    files::{ModelFiles, failed},
    pool::{mean, normalised},
};

/// The window of the sentence models, in tokens: what lies beyond is cut.
const MAX_TOKENS: usize = 256;
/// Texts are cut to this before they are tokenised, so that a huge one costs no more than a long one.
const MAX_TEXT_BYTES: usize = 16 << 10;
/// The most sessions. Each holds the model's weights and its own working memory: some 150 MB for MiniLM, whose int8
/// weights the runtime unfolds. Where there are more cores, they are shared out among the sessions.
const MAX_SESSIONS: usize = 4;

/// An [`Embedder`] that runs a sentence model in ONNX form. Cheap to clone; clones share the model.
#[derive(Clone)]
pub struct OnnxEmbedder(Arc<Model>);

struct Model {
    info: ModelInfo,
    tokenizer: Tokenizer,
    /// Those that are idle; `run` needs one for itself.
    sessions: Mutex<Vec<Session>>,
    idle: Arc<Semaphore>,
}

impl OnnxEmbedder {
    /// Loads the library, the tokenizer and the model, and embeds one text to see that they fit together. Blocks.
    ///
    /// A process has one ONNX Runtime: once one is loaded, no other library can be.
    ///
    /// # Errors
    /// [`EmbedError`] says in a sentence which file is at fault and why.
    pub fn load(files: &ModelFiles) -> Result<Self, EmbedError> {
        let environment = environment(&files.library)?;
        let tokenizer = tokenizer(&files.tokenizer)?;
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let count = cores.min(MAX_SESSIONS);
        let open = |_| session(&environment, &files.model, cores / count);
        let mut sessions = (0..count).map(open).collect::<Result<Vec<_>, _>>()?;
        let probe = tokens(&tokenizer, "a text").and_then(|tokens| run(&mut sessions[0], &pad(&[&tokens])));
        let probe = probe.map_err(|error| failed("the model does not embed a text", &files.model, &error.0))?;
        let dimension = probe.first().map_or(0, Vec::len);
        let info = ModelInfo { name: files.vectors_name()?, dimension };
        tracing::info!(model = info.name, dimension, sessions = count, "the embedding model is loaded");
        Ok(Self(Arc::new(Model {
            info,
            tokenizer,
            sessions: Mutex::new(sessions),
            idle: Arc::new(Semaphore::new(count)),
        })))
    }

    /// Runs `work` where it may keep a core busy.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Model) -> Result<T, EmbedError> + Send + 'static,
    ) -> Result<T, EmbedError> {
        let model = Arc::clone(&self.0);
        let done = spawn_blocking(move || work(&model)).await;
        done.unwrap_or_else(|error| Err(EmbedError(format!("the task was lost: {error}"))))
    }

    async fn embed_batch(&self, batch: Padded) -> Result<Vec<Vector>, EmbedError> {
        let lost = || EmbedError("no session of the model is left".to_owned());
        let turn = Arc::clone(&self.0.idle).acquire_owned().await.map_err(|_| lost())?;
        self.blocking(move |model| {
            let mut session = model.take_session().ok_or_else(lost)?;
            let vectors = run(&mut session, &batch);
            model.give_back(session);
            // Only now is the session idle, even when the caller left long ago.
            drop(turn);
            vectors
        })
        .await
    }
}

impl Model {
    fn take_session(&self) -> Option<Session> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn give_back(&self, session: Session) {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).push(session);
    }
}

#[async_trait]
impl Embedder for OnnxEmbedder {
    fn model(&self) -> &ModelInfo {
        &self.0.info
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Vector>, EmbedError> {
        let heads: Vec<String> = texts.iter().map(|text| head(text, MAX_TEXT_BYTES).to_owned()).collect();
        let tokenise = move |model: &Model| heads.iter().map(|text| tokens(&model.tokenizer, text)).collect();
        let tokens: Vec<Tokens> = self.blocking(tokenise).await?;
        let plan = plan(&tokens.iter().map(|tokens| tokens.ids.len()).collect::<Vec<_>>());
        let batches = plan.iter().map(|batch| {
            let batch: Vec<_> = batch.iter().map(|&text| &tokens[text]).collect();
            self.embed_batch(pad(&batch))
        });
        let mut vectors = vec![Vector::new(); texts.len()];
        for (batch, found) in plan.iter().zip(try_join_all(batches).await?) {
            batch.iter().zip(found).for_each(|(&text, vector)| vectors[text] = vector);
        }
        Ok(vectors)
    }
}

/// The process's ONNX Runtime, loaded from `library` unless it is already.
fn environment(library: &Path) -> Result<Environment, EmbedError> {
    // `ort` allows one environment a process, ever, so it is kept; a failure is not, so that another file can be tried.
    static LOADED: Mutex<Option<(PathBuf, Environment)>> = Mutex::new(None);
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    let unusable = |error: &dyn std::fmt::Display| failed("the ONNX Runtime library can't be used", library, error);
    match &*loaded {
        Some((path, environment)) if path == library => return Ok(environment.clone()),
        Some((path, _)) => return Err(unusable(&format!("this process already runs {}", path.display()))),
        None => {}
    }
    // A library that is no ONNX Runtime but has a function of that name is met with an assertion.
    let builder = catch_unwind(|| ort::init_from(library))
        .map_err(|_| unusable(&"it is not an ONNX Runtime"))?
        .map_err(|error| unusable(&reason(&error)))?;
    let environment = builder.with_name("media-gateway").with_telemetry(false).build();
    let environment = environment.map_err(|error| unusable(&error))?;
    *loaded = Some((library.to_owned(), environment.clone()));
    Ok(environment)
}

/// What the system said, where it was the system that refused to load the library.
fn reason(error: &ort::LoadDynamicError) -> String {
    match error {
        ort::LoadDynamicError::Dlopen { error, .. } => error.source().unwrap_or(error).to_string(),
        other => other.to_string(),
    }
}

fn tokenizer(path: &Path) -> Result<Tokenizer, EmbedError> {
    let unusable = |error: &dyn std::fmt::Display| failed("the tokenizer can't be used", path, error);
    let mut tokenizer = Tokenizer::from_file(path).map_err(|error| unusable(&error))?;
    let truncation = TruncationParams { max_length: MAX_TOKENS, ..TruncationParams::default() };
    tokenizer.with_truncation(Some(truncation)).map_err(|error| unusable(&error))?;
    tokenizer.with_padding(None);
    Ok(tokenizer)
}

fn session(environment: &Environment, path: &Path, threads: usize) -> Result<Session, EmbedError> {
    let unusable = |error: &dyn std::fmt::Display| failed("the model can't be loaded", path, error);
    let session = Session::builder(environment)
        .and_then(|builder| Ok(builder.with_optimization_level(GraphOptimizationLevel::All)?))
        // Batches run side by side, which scales better than many threads on one small batch.
        .and_then(|builder| Ok(builder.with_intra_threads(threads)?))
        .and_then(|mut builder| builder.commit_from_file(path))
        .map_err(|error| unusable(&error))?;
    let known = ["input_ids", "attention_mask", "token_type_ids"];
    match session.inputs().iter().find(|input| !known.contains(&input.name())) {
        Some(input) => {
            Err(unusable(&format!("it wants the input {:?}, which sentence models don't have", input.name())))
        }
        None => Ok(session),
    }
}

fn tokens(tokenizer: &Tokenizer, text: &str) -> Result<Tokens, EmbedError> {
    let encoding = tokenizer.encode_fast(text, true).map_err(|error| EmbedError(error.to_string()))?;
    Ok(Tokens { ids: encoding.get_ids().to_vec(), types: encoding.get_type_ids().to_vec() })
}

/// One vector a text of `batch`.
fn run(session: &mut Session, batch: &Padded) -> Result<Vec<Vector>, EmbedError> {
    let sentence = |error: ort::Error| EmbedError(error.to_string());
    let shape = [batch.texts, batch.width];
    let mut inputs = Vec::new();
    for input in session.inputs() {
        let numbers = match input.name() {
            "input_ids" => &batch.ids,
            "attention_mask" => &batch.mask,
            _ => &batch.types,
        };
        let tensor = Tensor::from_array((shape, numbers.clone())).map_err(sentence)?;
        inputs.push((input.name().to_owned(), SessionInputValue::from(tensor)));
    }
    let outputs = session.run(inputs).map_err(sentence)?;
    let (shape, numbers) = outputs[0].try_extract_tensor::<f32>().map_err(sentence)?;
    match shape[..] {
        [texts, width, dimension] if [texts, width] == [batch.texts as i64, batch.width as i64] && dimension > 0 => {
            Ok(mean(numbers, &batch.mask, batch.width, dimension as usize))
        }
        // Some exports pool inside the model.
        [texts, dimension] if texts == batch.texts as i64 && dimension > 0 => {
            Ok(numbers.chunks_exact(dimension as usize).map(|vector| normalised(vector.to_vec())).collect())
        }
        _ => Err(EmbedError(format!("the model's output has the shape {shape:?}, not texts × tokens × dimension"))),
    }
}

#[cfg(test)]
mod tests;
