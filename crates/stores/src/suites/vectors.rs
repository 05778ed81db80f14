//! What every [`VectorIndex`] must do.

use std::{future::Future, sync::Arc};

use contracts::{ContentId, ModelInfo, Scored, Vector, YearRange};

use crate::vectors::{MAX_TAG_BYTES, MAX_TAGS, MAX_VECTORS, Point, VectorError, VectorFilter, VectorIndex};

/// The dimension of the suite's model.
pub const DIMENSION: usize = 4;

/// The model to open the suite's indexes with.
pub fn model() -> ModelInfo {
    ModelInfo { name: "suite-model".to_owned(), dimension: DIMENSION }
}

/// Runs the whole suite. `open(name)` opens the index of that name with [`model`], empty the first time and with what
/// it held afterwards; the suite drops an index before it opens it again.
///
/// # Errors
/// Whatever the index failed with where it must not.
pub async fn run<F, Fut>(open: F) -> Result<(), VectorError>
where
    F: Fn(&'static str) -> Fut,
    Fut: Future<Output = Result<Arc<dyn VectorIndex>, VectorError>>,
{
    starts_empty(&*open("empty").await?).await?;
    ranks_by_cosine(&*open("rank").await?).await?;
    filters(&*open("filter").await?).await?;
    ranks_by_the_nearest_vector(&*open("several").await?).await?;
    replaces_and_keeps(&*open("replace").await?).await?;
    removes(&*open("remove").await?).await?;
    refuses(&*open("refuse").await?).await?;
    clears(&*open("clear").await?).await?;
    survives(&open).await
}

/// An id made of `n` (below 2⁶²); a greater `n` is a greater id.
pub fn id(n: u128) -> ContentId {
    // The base has the bits of version 7, so that every store takes it for a UUID.
    ContentId(uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | n))
}

/// A point with a vector and the hash `n`.
pub fn point(n: u128, vector: [f32; DIMENSION], tags: &[&str], year: Option<u16>) -> Point {
    let tags = tags.iter().map(|&tag| tag.to_owned()).collect();
    Point { id: id(n), text_hash: n as u64, vectors: vec![vector.to_vec()], tags, year }
}

fn ids(found: &[Scored]) -> Vec<ContentId> {
    found.iter().map(|scored| scored.content_id).collect()
}

fn near(left: f64, right: f64) -> bool {
    (left - right).abs() < 1e-3
}

/// A filter: the point has one of each group's tags.
pub fn any_of(groups: &[&[&str]]) -> VectorFilter {
    let owned = |group: &&[&str]| group.iter().map(|&tag| tag.to_owned()).collect();
    VectorFilter { any_of: groups.iter().map(owned).collect(), years: None }
}

/// An index that never had a point answers everything with nothing.
///
/// # Errors
/// Whatever the index failed with where it must not.
pub async fn starts_empty(index: &dyn VectorIndex) -> Result<(), VectorError> {
    assert_eq!(index.model(), &model());
    assert_eq!(index.len().await?, 0);
    assert!(index.is_empty().await?);
    assert_eq!(index.cursor().await?, None);
    assert_eq!(index.text_hashes(&[id(1), id(2)]).await?, [None, None]);
    assert_eq!(index.vectors(id(1)).await?, Vec::<Vector>::new());
    assert!(index.search(&[1.0, 0.0, 0.0, 0.0], 10, &VectorFilter::default()).await?.is_empty());
    index.remove(&[id(1)]).await?;
    index.upsert(Vec::new(), 7).await?;
    assert_eq!(index.cursor().await?, Some(7), "an upsert of nothing still moves the cursor");
    assert_eq!(index.len().await?, 0);
    Ok(())
}

/// Results come by cosine similarity whatever the lengths, equals by id, as many as asked for.
///
/// # Errors
/// Whatever the index failed with where it must not.
pub async fn ranks_by_cosine(index: &dyn VectorIndex) -> Result<(), VectorError> {
    let points = vec![
        point(5, [-3.0, 0.0, 0.0, 0.0], &[], None),
        point(4, [0.0, 9.0, 0.0, 0.0], &[], None),
        point(3, [1.0, 1.0, 0.0, 0.0], &[], None),
        point(2, [0.1, 0.0, 0.0, 0.0], &[], None),
        point(1, [50.0, 0.0, 0.0, 0.0], &[], None),
        point(6, [0.0, 0.0, 0.0, 0.0], &[], None),
    ];
    index.upsert(points, 1).await?;
    let all = VectorFilter::default();
    let found = index.search(&[2.0, 0.0, 0.0, 0.0], 10, &all).await?;
    assert_eq!(ids(&found), [1, 2, 3, 4, 6, 5].map(id));
    let cosines = [1.0, 1.0, 0.5_f64.sqrt(), 0.0, 0.0, -1.0];
    for (scored, cosine) in found.iter().zip(cosines) {
        assert!(near(scored.score, cosine), "{scored:?} should have {cosine}");
    }
    assert_eq!(ids(&index.search(&[2.0, 0.0, 0.0, 0.0], 3, &all).await?), [1, 2, 3].map(id));
    assert!(index.search(&[2.0, 0.0, 0.0, 0.0], 0, &all).await?.is_empty());
    let opposite = index.search(&[-1.0, 0.0, 0.0, 0.0], 1, &all).await?;
    assert_eq!(ids(&opposite), [id(5)]);
    let kept = index.vectors(id(3)).await?.concat();
    let length = kept.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
    assert!(kept.len() == DIMENSION && near(length, 1.0) && near(kept[0].into(), kept[1].into()), "{kept:?}");
    Ok(())
}

/// A title with several vectors is there once, with the score of the nearest; a replacement may have more or fewer.
///
/// # Errors
/// Whatever the index failed with where it must not.
pub async fn ranks_by_the_nearest_vector(index: &dyn VectorIndex) -> Result<(), VectorError> {
    let axis = |n: usize| (0..DIMENSION).map(|at| f32::from(u8::from(at == n))).collect::<Vector>();
    let several = |n: u128, axes: &[usize], tags: &[&str]| Point {
        vectors: axes.iter().map(|&n| axis(n)).collect(),
        ..point(n, [0.0; DIMENSION], tags, None)
    };
    let points = vec![
        several(1, &[1, 0, 2], &["a"]),
        point(2, [1.0, 0.5, 0.0, 0.0], &["b"], None),
        several(3, &[3, 3], &["b"]),
        several(4, &[0; MAX_VECTORS], &["b"]),
    ];
    index.upsert(points, 1).await?;
    let all = VectorFilter::default();
    assert_eq!(index.len().await?, 4, "titles are counted, not vectors");
    assert_eq!(index.vectors(id(1)).await?, [axis(1), axis(0), axis(2)]);
    assert_eq!(index.text_hashes(&[id(1)]).await?, [Some(1)]);
    let found = index.search(&axis(0), 9, &all).await?;
    assert_eq!(ids(&found), [1, 4, 2, 3].map(id), "each once");
    assert!(near(found[0].score, 1.0) && near(found[3].score, 0.0), "{found:?}");
    assert_eq!(ids(&index.search(&axis(0), 2, &all).await?), [1, 4].map(id), "a limit counts titles");
    assert_eq!(ids(&index.search(&axis(0), 9, &any_of(&[&["b"]])).await?), [4, 2, 3].map(id));

    index.upsert(vec![several(1, &[3], &["a"]), several(3, &[0, 1, 2, 3], &["b"])], 2).await?;
    let retagged = Point { vectors: Vec::new(), ..point(4, [0.0; DIMENSION], &["a"], None) };
    index.upsert(vec![retagged], 3).await?;
    assert_eq!(index.vectors(id(1)).await?, [axis(3)], "the old vectors are gone");
    assert_eq!(index.vectors(id(4)).await?, vec![axis(0); MAX_VECTORS], "all vectors stay");
    assert_eq!(ids(&index.search(&axis(0), 9, &all).await?), [3, 4, 2, 1].map(id));
    assert_eq!(ids(&index.search(&axis(0), 9, &any_of(&[&["a"]])).await?), [4, 1].map(id));
    index.remove(&[id(3)]).await?;
    assert_eq!(ids(&index.search(&axis(1), 9, &all).await?), [2, 1, 4].map(id));
    Ok(())
}

/// Alternatives within a group, all groups together, years with both ends included.
///
/// # Errors
/// Whatever the index failed with where it must not.
pub async fn filters(index: &dyn VectorIndex) -> Result<(), VectorError> {
    let points = vec![
        point(1, [1.0, 0.0, 0.0, 0.0], &["type:movie", "genre:drama"], Some(1990)),
        point(2, [0.9, 0.1, 0.0, 0.0], &["type:movie", "genre:comedy"], Some(2000)),
        point(3, [0.8, 0.2, 0.0, 0.0], &["type:tv_show", "genre:drama", "genre:comedy"], Some(2010)),
        point(4, [0.7, 0.3, 0.0, 0.0], &["type:movie", "type:movie"], None),
        point(5, [0.6, 0.4, 0.0, 0.0], &[], Some(2000)),
    ];
    index.upsert(points, 1).await?;
    let years = |from, to| VectorFilter { any_of: Vec::new(), years: Some(YearRange { from, to }) };
    let cases: [(VectorFilter, &[u128]); 13] = [
        (VectorFilter::default(), &[1, 2, 3, 4, 5]),
        (any_of(&[&["type:movie"]]), &[1, 2, 4]),
        (any_of(&[&["genre:drama", "genre:comedy"]]), &[1, 2, 3]),
        (any_of(&[&["genre:drama", "genre:comedy"], &["type:movie"]]), &[1, 2]),
        (any_of(&[&["genre:drama"], &["genre:comedy"]]), &[3]),
        (any_of(&[&["genre:unheard_of"]]), &[]),
        (any_of(&[&["genre:unheard_of", "genre:drama"]]), &[1, 3]),
        (any_of(&[&[], &["type:tv_show"]]), &[3]),
        (years(Some(1990), Some(2000)), &[1, 2, 5]),
        (years(Some(2001), None), &[3]),
        (years(None, Some(1990)), &[1]),
        (years(None, None), &[1, 2, 3, 4, 5]),
        (VectorFilter { years: Some(YearRange { from: Some(2000), to: None }), ..any_of(&[&["type:movie"]]) }, &[2]),
    ];
    for (filter, expected) in cases {
        let found = index.search(&[1.0, 0.0, 0.0, 0.0], 10, &filter).await?;
        let expected: Vec<_> = expected.iter().map(|&n| id(n)).collect();
        assert_eq!(ids(&found), expected, "{filter:?}");
    }
    Ok(())
}

/// A point replaces the one there; without a vector it keeps the vector and its hash; the last of a batch wins.
///
/// # Errors
/// Whatever the index failed with where it must not.
pub async fn replaces_and_keeps(index: &dyn VectorIndex) -> Result<(), VectorError> {
    index.upsert(vec![point(1, [1.0, 0.0, 0.0, 0.0], &["a"], Some(1990))], 1).await?;
    let retagged = Point { vectors: Vec::new(), text_hash: 99, ..point(1, [0.0; 4], &["b"], Some(2020)) };
    let unknown = Point { vectors: Vec::new(), ..point(2, [0.0; 4], &["b"], None) };
    index.upsert(vec![retagged, unknown], 2).await?;
    assert_eq!(index.len().await?, 1, "a point without a vector that is not there is passed over");
    assert_eq!(index.text_hashes(&[id(2), id(1)]).await?, [None, Some(1)], "the hash stays with its vectors");
    assert_eq!(index.vectors(id(1)).await?, [[1.0, 0.0, 0.0, 0.0]]);
    let query = [1.0, 0.0, 0.0, 0.0];
    assert!(index.search(&query, 9, &any_of(&[&["a"]])).await?.is_empty(), "the old tags are gone");
    assert_eq!(ids(&index.search(&query, 9, &any_of(&[&["b"]])).await?), [id(1)]);
    let years = VectorFilter { years: Some(YearRange { from: Some(2020), to: Some(2020) }), ..VectorFilter::default() };
    assert_eq!(ids(&index.search(&query, 9, &years).await?), [id(1)]);

    let first = point(3, [0.0, 1.0, 0.0, 0.0], &["a"], None);
    let last = Point { text_hash: 33, ..point(3, [0.0, 0.0, 1.0, 0.0], &["c"], None) };
    let tags = Point { vectors: Vec::new(), ..point(3, [0.0; 4], &["d"], None) };
    index.upsert(vec![first, last, tags], 3).await?;
    assert_eq!(index.len().await?, 2);
    assert_eq!(index.vectors(id(3)).await?, [[0.0, 0.0, 1.0, 0.0]]);
    assert_eq!(index.text_hashes(&[id(3)]).await?, [Some(33)]);
    assert_eq!(ids(&index.search(&query, 9, &any_of(&[&["d"]])).await?), [id(3)]);
    assert_eq!(index.cursor().await?, Some(3));
    Ok(())
}

/// What was removed is gone, what takes its place has nothing of it, and the cursor stays.
///
/// # Errors
/// Whatever the index failed with where it must not.
pub async fn removes(index: &dyn VectorIndex) -> Result<(), VectorError> {
    let axis = [1.0, 0.0, 0.0, 0.0];
    let points = (1..=3).map(|n| point(n, axis, &["old"], Some(1999))).collect();
    index.upsert(points, 5).await?;
    index.remove(&[id(2), id(7), id(2)]).await?;
    assert_eq!(index.len().await?, 2);
    assert_eq!(index.cursor().await?, Some(5));
    assert!(index.vectors(id(2)).await?.is_empty());
    assert_eq!(index.text_hashes(&[id(2)]).await?, [None]);
    assert_eq!(ids(&index.search(&axis, 9, &VectorFilter::default()).await?), [1, 3].map(id));

    index.upsert(vec![point(4, [0.0, 1.0, 0.0, 0.0], &["new"], None)], 6).await?;
    assert_eq!(ids(&index.search(&axis, 9, &any_of(&[&["old"]])).await?), [1, 3].map(id));
    assert_eq!(ids(&index.search(&axis, 9, &any_of(&[&["new"]])).await?), [id(4)]);
    index.upsert(vec![point(2, axis, &["back"], None)], 7).await?;
    assert_eq!(ids(&index.search(&axis, 9, &any_of(&[&["back"]])).await?), [id(2)]);
    Ok(())
}

/// What it can't take is refused as a whole, and nothing changes.
///
/// # Errors
/// Whatever the index failed with where it must not.
pub async fn refuses(index: &dyn VectorIndex) -> Result<(), VectorError> {
    let good = point(1, [1.0, 0.0, 0.0, 0.0], &["a"], None);
    let axis = [1.0, 0.0, 0.0, 0.0];
    index.upsert(vec![good.clone()], 1).await?;
    let bad = [
        Point { vectors: vec![vec![1.0; DIMENSION - 1]], ..good.clone() },
        Point { vectors: vec![axis.to_vec(), vec![1.0; DIMENSION + 1]], ..good.clone() },
        Point { vectors: vec![axis.to_vec(); MAX_VECTORS + 1], ..good.clone() },
        Point { vectors: vec![axis.to_vec(), vec![1.0, f32::NAN, 0.0, 0.0]], ..good.clone() },
        Point { vectors: vec![vec![1.0, f32::INFINITY, 0.0, 0.0]], ..good.clone() },
        Point { tags: vec![String::new()], ..good.clone() },
        Point { tags: vec!["x".repeat(MAX_TAG_BYTES + 1)], ..good.clone() },
        Point { tags: (0..=MAX_TAGS).map(|n| format!("t:{n}")).collect(), ..good.clone() },
    ];
    for point_ in bad {
        let outcome = index.upsert(vec![point(2, axis, &[], None), point_], 9).await;
        assert!(matches!(outcome, Err(VectorError::Invalid(_))), "{outcome:?}");
    }
    assert_eq!((index.len().await?, index.cursor().await?), (1, Some(1)), "a refused batch leaves nothing behind");
    for query in [&[1.0][..], &[1.0; DIMENSION + 1], &[f32::NAN, 0.0, 0.0, 0.0]] {
        let outcome = index.search(query, 1, &VectorFilter::default()).await;
        assert!(matches!(outcome, Err(VectorError::Invalid(_))), "{outcome:?}");
    }
    let widest = Point { tags: vec!["x".repeat(MAX_TAG_BYTES)], ..good };
    index.upsert(vec![widest], 2).await?;
    assert_eq!(index.search(&axis, 9, &any_of(&[&[&*"x".repeat(MAX_TAG_BYTES)]])).await?.len(), 1);
    Ok(())
}

/// A cleared index is as one that never had a point, and can be filled again.
///
/// # Errors
/// Whatever the index failed with where it must not.
pub async fn clears(index: &dyn VectorIndex) -> Result<(), VectorError> {
    let axis = [1.0, 0.0, 0.0, 0.0];
    index.upsert((1..=20).map(|n| point(n, axis, &["a"], None)).collect(), 4).await?;
    index.clear().await?;
    assert_eq!((index.len().await?, index.cursor().await?), (0, None));
    assert!(index.search(&axis, 9, &VectorFilter::default()).await?.is_empty());
    index.upsert(vec![point(1, axis, &["b"], None)], 1).await?;
    assert_eq!((index.len().await?, index.cursor().await?), (1, Some(1)));
    assert!(index.search(&axis, 9, &any_of(&[&["a"]])).await?.is_empty());
    Ok(())
}

/// Everything is there after the index was closed and opened again.
///
/// # Errors
/// Whatever the index failed with where it must not.
pub async fn survives<F, Fut>(open: &F) -> Result<(), VectorError>
where
    F: Fn(&'static str) -> Fut,
    Fut: Future<Output = Result<Arc<dyn VectorIndex>, VectorError>>,
{
    let index = open("survive").await?;
    let points = (1..=10).map(|n| point(n, [n as f32, 1.0, 0.5, 0.25], &["a", "b"], Some(1990))).collect();
    index.upsert(points, 41).await?;
    let retagged = Point { vectors: Vec::new(), ..point(7, [0.0; 4], &["c"], Some(2020)) };
    index.upsert(vec![retagged], 42).await?;
    index.remove(&[id(3)]).await?;
    let query = [1.0, 0.2, 0.1, 0.0];
    let before = index.search(&query, 99, &VectorFilter::default()).await?;
    drop(index);

    let index = open("survive").await?;
    assert_eq!((index.len().await?, index.cursor().await?), (9, Some(42)));
    assert_eq!(index.search(&query, 99, &VectorFilter::default()).await?, before);
    assert_eq!(ids(&index.search(&query, 99, &any_of(&[&["c"]])).await?), [id(7)]);
    assert_eq!(index.text_hashes(&[id(7), id(3)]).await?, [Some(7), None]);
    index.clear().await?;
    drop(index);
    let index = open("survive").await?;
    assert_eq!((index.len().await?, index.cursor().await?), (0, None), "a clearing lasts too");
    Ok(())
}
