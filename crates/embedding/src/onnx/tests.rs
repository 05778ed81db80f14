//! The embedder with the real model, and with files that are broken.

use std::{fs, path::PathBuf};

use super::*;

/// The folder that `make test` prepares.
fn files() -> ModelFiles {
    let dir = std::env::var("MEDIA_GATEWAY_TEST_MODEL").unwrap_or_else(|_| {
        panic!(
            "MEDIA_GATEWAY_TEST_MODEL must name a folder with an ONNX Runtime library, model.onnx and tokenizer.json"
        )
    });
    ModelFiles::find(Path::new(&dir)).unwrap()
}

fn embedder() -> OnnxEmbedder {
    OnnxEmbedder::load(&files()).unwrap()
}

fn cosine(left: &[f32], right: &[f32]) -> f32 {
    left.iter().zip(right).map(|(a, b)| a * b).sum()
}

/// Texts of 1 to 40 words, so that batches are padded.
fn texts(count: usize) -> Vec<String> {
    let words = ["film", "drama", "war", "love", "robot", "space", "detective", "1994", "français", "secret", "island"];
    let text = |n: usize| (0..=n * 7 % 40).map(|k| words[(n * 5 + k * k) % words.len()]).collect::<Vec<_>>().join(" ");
    (0..count).map(text).collect()
}

#[tokio::test]
async fn similar_sentences_are_nearer_than_others() {
    let embedder = embedder();
    assert_eq!(embedder.model().dimension, 384);
    assert!(embedder.model().name.starts_with("onnx-"), "{:?}", embedder.model());
    let sentences = [
        "A spaceship crew fights an alien creature",
        "Astronauts battle a monster from outer space",
        "A romantic comedy about a wedding in Paris",
        "Two people fall in love while planning a marriage in France",
        "A chess champion prepares for the match of his life",
    ];
    let vectors = embedder.embed(&sentences.map(str::to_owned)).await.unwrap();
    for vector in &vectors {
        assert_eq!(vector.len(), 384);
        assert!((cosine(vector, vector) - 1.0).abs() < 1e-5, "the length is 1");
    }
    for (one, twin) in [(0, 1), (2, 3)] {
        let near = cosine(&vectors[one], &vectors[twin]);
        let others = (0..vectors.len()).filter(|&other| other != one && other != twin);
        for other in others {
            let far = cosine(&vectors[one], &vectors[other]);
            assert!(near > far + 0.2, "{:?}: {near} to its twin, {far} to {:?}", sentences[one], sentences[other]);
        }
    }
}

/// With the int8 model of the tests, a text's vector did not depend on its neighbours in a single bit. Other exports
/// quantise their activations over the whole batch, padding too, and may differ by about a thousandth.
#[tokio::test]
async fn a_text_has_the_same_vector_alone_and_in_any_batch() {
    let embedder = embedder();
    let texts = texts(70);
    let together = embedder.embed(&texts).await.unwrap();
    assert_eq!(together.len(), texts.len());
    assert_eq!(embedder.embed(&texts).await.unwrap(), together, "the same call gives the same vectors");
    for (text, vector) in texts.iter().zip(&together) {
        let alone = embedder.embed(std::slice::from_ref(text)).await.unwrap();
        let apart = alone[0].iter().zip(vector).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(apart < 1e-3, "{text:?} is {apart} apart");
    }
}

#[tokio::test]
async fn any_text_has_a_vector() {
    let embedder = embedder();
    assert!(embedder.embed(&[]).await.unwrap().is_empty());
    let long = "word ".repeat(100_000);
    let odd = ["", " ", "\0", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 🎬", &"x".repeat(1 << 20), &long, &"word ".repeat(1_000)];
    let vectors = embedder.embed(&odd.map(str::to_owned)).await.unwrap();
    for (text, vector) in odd.iter().zip(&vectors) {
        let text = head(text, 20);
        assert!(vector.iter().all(|x| x.is_finite()), "{text:?}");
        assert!((cosine(vector, vector) - 1.0).abs() < 1e-5, "{text:?}");
    }
    assert_eq!(vectors[5], vectors[6], "what lies beyond the window is cut");
}

#[tokio::test]
async fn many_callers_share_the_sessions() {
    let embedder = embedder();
    let texts = texts(8);
    let expected = embedder.embed(&texts).await.unwrap();
    let calls = (0..20).map(|_| embedder.embed(&texts));
    for found in futures::future::join_all(calls).await {
        assert_eq!(found.unwrap(), expected);
    }
    let full = thread::available_parallelism().map_or(1, usize::from).min(MAX_SESSIONS);
    assert_eq!(embedder.0.sessions.lock().unwrap().len(), full, "every session was given back");
}

#[tokio::test]
async fn callers_that_leave_take_no_session_along() {
    let embedder = embedder();
    let texts = texts(64);
    for wait in 0..10 {
        let patience = std::time::Duration::from_millis(wait);
        // A machine that is done so soon only leaves less to see here.
        let _ = tokio::time::timeout(patience, embedder.embed(&texts)).await;
        assert_eq!(embedder.embed(&texts[..1]).await.unwrap().len(), 1);
    }
}

#[test]
fn a_broken_file_is_named_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| -> PathBuf {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let good = files();
    let half = fs::read(&good.model).unwrap();
    let broken = [
        ModelFiles { library: folder.path().join("nowhere.so"), ..good.clone() },
        ModelFiles { library: write("library.so", b"not a library"), ..good.clone() },
        ModelFiles { tokenizer: write("tokenizer.json", b"{}"), ..good.clone() },
        ModelFiles { tokenizer: folder.path().join("nowhere.json"), ..good.clone() },
        ModelFiles { model: write("garbage.onnx", b"not a model"), ..good.clone() },
        ModelFiles { model: write("empty.onnx", b""), ..good.clone() },
        ModelFiles { model: write("half.onnx", &half[..half.len() / 2]), ..good.clone() },
        ModelFiles { model: folder.path().join("nowhere.onnx"), ..good.clone() },
    ];
    for files in broken {
        let sentence = OnnxEmbedder::load(&files).err().map(|error| error.to_string()).unwrap_or_default();
        let folder = folder.path().display().to_string();
        assert!(sentence.contains(&folder), "{files:?} gives {sentence:?}, which does not name the file");
    }
    OnnxEmbedder::load(&good).unwrap();
}
