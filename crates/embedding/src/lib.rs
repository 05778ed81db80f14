//! The text embedder: a sentence model in ONNX form, run by an ONNX Runtime library that is loaded at start-up.

mod batch;
mod files;
mod onnx;
mod pool;

pub use files::ModelFiles;
pub use onnx::OnnxEmbedder;
