//! The text of a statement, and the few helpers that build one.

use std::{borrow::Cow, fmt::Write, sync::Arc};

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

/// Up to this many arguments SQLite finds the name of each fast enough.
const NAMED: usize = 16;

/// The text of one statement, with `$1`, `$2` … for its arguments. Values never go into the text.
#[derive(Clone, Debug)]
pub struct Sql {
    text: Text,
    /// Whether the connection keeps the prepared statement.
    pub(crate) keep: bool,
}

#[derive(Clone, Debug)]
enum Text {
    Fixed(&'static str),
    Built(Arc<str>),
}

impl Sql {
    /// The same text, prepared for one use: for texts that hardly ever come again.
    #[must_use]
    pub fn once(mut self) -> Self {
        self.keep = false;
        self
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        match &self.text {
            Text::Fixed(text) => text,
            Text::Built(text) => text,
        }
    }

    /// Whether it only reads: SQLite's readers don't wait for its writer.
    pub(crate) fn reads(&self) -> bool {
        let text = self.as_str().trim_start();
        let word = text.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        ["SELECT", "WITH", "VALUES", "EXPLAIN"].iter().any(|read| word.eq_ignore_ascii_case(read))
    }

    /// The same statement for SQLite, which takes `$7` for a name: the driver asks for the name of every argument it
    /// binds, SQLite looks through all names for it, and of an insert of 500 rows that is most of the time. So where many
    /// arguments stand in their order, each once, they become `?`, which has no name.
    pub(crate) fn unnamed(&self, arguments: usize) -> Cow<'_, Self> {
        let text = if arguments > NAMED { unnamed(self.as_str(), arguments) } else { None };
        text.map_or(Cow::Borrowed(self), |text| Cow::Owned(Self { text: Text::Built(text.into()), keep: self.keep }))
    }

    /// For the driver. Built texts are asserted safe: they are put together from our own fragments only.
    pub(crate) fn driver(&self) -> SqlStr {
        match &self.text {
            Text::Fixed(text) => text.into_sql_str(),
            Text::Built(text) => AssertSqlSafe(Arc::clone(text)).into_sql_str(),
        }
    }
}

impl From<&'static str> for Sql {
    fn from(text: &'static str) -> Self {
        Self { text: Text::Fixed(text), keep: true }
    }
}

impl From<String> for Sql {
    fn from(text: String) -> Self {
        Self { text: Text::Built(text.into()), keep: true }
    }
}

/// `?` for each of `$1` … in order; `None` where they stand in another order, more than once, or are not `count`.
fn unnamed(text: &str, count: usize) -> Option<String> {
    let (mut out, mut rest, mut next) = (String::with_capacity(text.len()), text, 1);
    while let Some(at) = rest.find(['$', '\'', '"']) {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        // What is in quotes stays as it is; a doubled quote ends one and begins the next.
        let quote = &after[..1];
        let end = if quote == "$" {
            let digits = after[1..].bytes().take_while(u8::is_ascii_digit).count();
            if after[1..=digits].parse() != Ok(next) {
                return None;
            }
            out.push('?');
            next += 1;
            digits + 1
        } else {
            let end = after[1..].find(quote)? + 2;
            out.push_str(&after[..end]);
            end
        };
        rest = &after[end..];
    }
    out.push_str(rest);
    (next == count + 1).then_some(out)
}

/// `($3, $4, $5)` for `placeholders(3, 3)`: the list of an `IN`. Empty lists match nothing in both engines: `(NULL)`.
pub fn placeholders(first: usize, count: usize) -> String {
    if count == 0 {
        return "(NULL)".to_owned();
    }
    let mut list = String::with_capacity(count * 5 + 2);
    for index in 0..count {
        // Writing to a String can't fail.
        let _ = write!(list, "{}${}", if index == 0 { "(" } else { ", " }, first + index);
    }
    list.push(')');
    list
}

/// A name in double quotes, whatever it holds: for names that a foreign file brings along.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `head VALUES ($1, $2), ($3, $4) … tail` for `rows` rows of `columns` values.
pub(crate) fn insert(head: &str, tail: &str, rows: usize, columns: usize) -> String {
    let mut text = String::with_capacity(head.len() + tail.len() + rows * (columns * 6 + 4) + 8);
    text.push_str(head);
    text.push_str(" VALUES ");
    for row in 0..rows {
        if row > 0 {
            text.push_str(", ");
        }
        text.push_str(&placeholders(row * columns + 1, columns));
    }
    text.push(' ');
    text.push_str(tail);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_count_from_the_first() {
        assert_eq!(placeholders(1, 1), "($1)");
        assert_eq!(placeholders(3, 3), "($3, $4, $5)");
        assert_eq!(placeholders(1, 0), "(NULL)");
    }

    #[test]
    fn a_quote_stays_inside_a_name() {
        assert_eq!(identifier("films"), "\"films\"");
        assert_eq!(identifier("a\" FROM b--"), "\"a\"\" FROM b--\"");
    }

    #[test]
    fn an_insert_numbers_its_values_through() {
        assert_eq!(
            insert("INSERT INTO t (a, b)", "ON CONFLICT DO NOTHING", 2, 2),
            "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4) ON CONFLICT DO NOTHING"
        );
    }

    #[test]
    fn arguments_in_order_need_no_names() {
        for (text, count, expected) in [
            ("a = $1 AND b IN ($2, $3)", 3, Some("a = ? AND b IN (?, ?)")),
            ("a = '$9''$8' AND \"b$7\" = $1", 1, Some("a = '$9''$8' AND \"b$7\" = ?")),
            ("a = $1 OR b = $1", 1, None),
            ("a = $2 OR b = $1", 2, None),
            ("a = $1", 2, None),
            ("a = '$1", 1, None),
            ("a = $", 0, None),
        ] {
            assert_eq!(unnamed(text, count).as_deref(), expected, "{text}");
        }
        let (many, few) = (Sql::from(format!("SELECT {}", placeholders(1, 17))), Sql::from("SELECT $1"));
        assert!(!many.unnamed(17).as_str().contains('$'));
        assert_eq!(few.unnamed(1).as_str(), "SELECT $1");
    }

    #[test]
    fn reads_are_told_from_writes() {
        for (text, reads) in [
            ("SELECT 1", true),
            ("\n  select\n1", true),
            ("WITH a AS (SELECT 1) SELECT * FROM a", true),
            ("INSERT INTO t VALUES (1) RETURNING a", false),
            ("UPDATE t SET a = 1", false),
            ("SELECTED", false),
        ] {
            assert_eq!(Sql::from(text).reads(), reads, "{text}");
        }
    }
}
