//! Files of an operator's own, with a mapping: tables, JSON Lines and Parquet say the same.

use std::sync::Arc;

use ingest::{Mapping, RunOptions, RunRequest};
use parquet::{
    data_type::{ByteArray, ByteArrayType, Int64Type},
    file::writer::SerializedFileWriter,
    schema::parser::parse_message_type,
};

use crate::setup::{Setup, gzip, setup};

const MAPPING: &str =
    "source = \"festival\"\ntype = \"movie\"\n[columns]\nkey = \"id\"\ntitle = \"name\"\nyear = \"year\"\n";

async fn run(s: &Setup, name: &str, bytes: impl AsRef<[u8]>) -> contracts::Result<ingest::Run> {
    let mapping = Some(Mapping::from_toml(MAPPING).unwrap());
    let options = RunOptions { mapping, ..RunOptions::default() };
    s.request(&RunRequest { location: s.file(name, bytes), options }).await
}

/// Two films, one row with an impossible year.
fn parquet() -> Vec<u8> {
    let schema = "message films { required binary id (UTF8); required binary name (UTF8); required int64 year; }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Default::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for texts in [["1", "2", "3"], ["Glass", "Salt", "Old"]] {
        let values: Vec<ByteArray> = texts.iter().map(|text| ByteArray::from(*text)).collect();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&values, None, None).unwrap();
        column.close().unwrap();
    }
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int64Type>().write_batch(&[1999, 2001, 1492], None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.into_inner().unwrap()
}

#[tokio::test]
async fn every_shape_says_the_same() {
    let lines = "{\"id\":1,\"name\":\"Glass\",\"year\":1999}\n{\"id\":2,\"name\":\"Salt\",\"year\":\"2001\"}\n{\"id\":3,\"name\":\"Old\",\"year\":1492}\n";
    let inputs: [(&str, Vec<u8>); 6] = [
        ("films.csv", b"id,name,year\n1,Glass,1999\n2,Salt,2001\n3,Old,1492\n".to_vec()),
        ("films.txt", b"id;name;year\r\n1;Glass;1999\r\n2;\"Salt\";2001\r\n3;Old;1492\r\n".to_vec()),
        ("films.tsv.gz", gzip("year\tid\tname\n1999\t1\tGlass\n2001\t2\tSalt\n1492\t3\tOld\n")),
        ("films.jsonl", lines.as_bytes().to_vec()),
        ("films.json", format!("[{}]", lines.trim_end().replace('\n', ",")).into_bytes()),
        ("films.parquet", parquet()),
    ];
    let mut exports = Vec::new();
    for (name, bytes) in inputs {
        let s = setup().await;
        let done = run(&s, name, bytes).await.unwrap();
        assert_eq!((done.counts.rows_read, done.counts.created, done.counts.rejected), (3, 2, 1), "{name}");
        assert_eq!(s.rejected(&done)[0].reason, "year is 1492, outside 1870 to 2036", "{name}");
        assert!(s.rejected(&done)[0].raw.contains("Old"), "{name}");
        let again = s.request(&RunRequest { location: done.location, options: done.options }).await.unwrap();
        assert_eq!(again.counts.unchanged, 2, "{name}");
        exports.push(s.export().await);
    }
    assert!(exports.iter().all(|export| export == &exports[0] && export.len() == 2));
}

#[tokio::test]
async fn a_damaged_parquet_file_is_refused() {
    let s = setup().await;
    let whole = parquet();
    for cut in [8, 40, whole.len() - 9] {
        let error = run(&s, "films.parquet", &whole[..cut]).await.unwrap_err();
        assert_eq!(error.code, "bad_parquet", "{}", error.detail);
    }
    // Every byte in turn: an error or rows, and never a panic or an end without a word.
    for at in (4..whole.len()).step_by(7) {
        let mut broken = whole.clone();
        broken[at] ^= 0x55;
        if let Err(error) = run(&s, &format!("f{at}.parquet"), &broken).await {
            assert!(["bad_parquet", "unpacks_too_large"].contains(&error.code.as_ref()), "{at}: {}", error.detail);
        }
    }
    let plain = s.run(&s.file("films.parquet", &whole)).await.unwrap_err();
    assert!(plain.detail.contains("--mapping"), "{}", plain.detail);
}

#[tokio::test]
async fn a_mapping_that_does_not_fit_is_refused() {
    let s = setup().await;
    let error = run(&s, "films.csv", "id,title\n1,x\n").await.unwrap_err();
    assert_eq!((error.code.as_ref(), error.detail.contains("missing name")), ("wrong_header", true));
    let mapped = RunOptions { format: Some("mapped".parse().unwrap()), ..RunOptions::default() };
    let error = s.request(&RunRequest { location: "/x".into(), options: mapped }).await.unwrap_err();
    assert_eq!(error.code, "bad_mapping");
}
