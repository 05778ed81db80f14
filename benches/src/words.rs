//! The peer of a search by words: SQLite's FTS5 behind one route of axum, over the same documents.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Router, routing::post};
use serde_json::{Value, json};
use stores::{Db, DbConfig, DbError, FromRow, Row, args};
use tokio::net::TcpListener;

/// Answers of a page.
const PAGE: i64 = 20;

/// Writes the documents of an export into a full-text table: Porter's stemmer, diacritics folded.
///
/// # Errors
/// When a line is no document.
pub async fn fill(file: &Path, export: &[u8]) -> Result<usize> {
    let db = Db::open_sqlite(file, &DbConfig::default()).await?;
    let table = "CREATE VIRTUAL TABLE docs USING fts5(title, people, genres, overview, year UNINDEXED,
        tokenize = 'porter unicode61 remove_diacritics 2')";
    db.execute(table, args![]).await?;
    let lines: Vec<&[u8]> = export.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    for part in lines.chunks(1_000) {
        let mut tx = db.begin().await?;
        for line in part {
            let title: Value = serde_json::from_slice(line).context("the export has a line that is no JSON")?;
            let text = |key: &str| title[key].as_str().unwrap_or_default().to_owned();
            let list = |key: &str, of: &str| {
                let items = title[key].as_array().into_iter().flatten();
                let items = items.filter_map(|item| if of.is_empty() { item.as_str() } else { item[of].as_str() });
                items.collect::<Vec<_>>().join(", ")
            };
            let values = args![
                text("title"),
                list("credits", "name"),
                list("genres", ""),
                text("overview"),
                title["release_year"].to_string()
            ];
            let insert = "INSERT INTO docs (title, people, genres, overview, year) VALUES ($1, $2, $3, $4, $5)";
            tx.execute(insert, values).await?;
        }
        tx.commit().await?;
    }
    db.execute("INSERT INTO docs (docs) VALUES ('optimize')", args![]).await?;
    db.close().await;
    Ok(lines.len())
}

struct Hit(Value);

impl FromRow for Hit {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let text = |name: &str| row.get::<String>(name);
        Ok(Self(json!({ "title": text("title")?, "year": text("year")?, "overview": text("overview")? })))
    }
}

/// Serves the table on a free port of loopback and prints the address.
///
/// # Errors
/// When the file is no such table.
pub async fn serve(file: &Path) -> Result<()> {
    let db = Arc::new(Db::open_sqlite(file, &DbConfig::default()).await?);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let router = Router::new().route("/api/v1/search", post(search)).with_state(db);
    axum::serve(listener, router).await?;
    Ok(())
}

/// Any of the words, the best by BM25 first, with the title weighing most.
async fn search(State(db): State<Arc<Db>>, body: Bytes) -> Result<String, StatusCode> {
    let request: Value = serde_json::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
    let query = request["query"].as_str().ok_or(StatusCode::BAD_REQUEST)?;
    let words = query.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let any = words.map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" OR ");
    let sql =
        "SELECT title, year, overview FROM docs WHERE docs MATCH $1 ORDER BY bm25(docs, 5.0, 3.0, 1.0, 1.0) LIMIT $2";
    let hits: Vec<Hit> = db.fetch_all(sql, args![any, PAGE]).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(json!({ "results": hits.into_iter().map(|hit| hit.0).collect::<Vec<_>>() }).to_string())
}
