//! (pure) What people call languages, as the tags of the catalogue.

use contracts::Language;

use crate::text::fold;

/// The tag of a language, by its tag or English name; else what it is called, folded, which is no tag of any title.
pub(crate) fn code(word: &str) -> String {
    known(word).map_or_else(|| fold(word), str::to_owned)
}

/// The tag of a language that we know by this tag or English name.
pub(crate) fn known(word: &str) -> Option<&'static str> {
    Language::of(word).map(Language::as_str)
}

/// What a person calls the language of a tag; the tag itself where we don't know it.
pub(crate) fn name(tag: &str) -> String {
    Language::of(tag).map_or_else(|| tag.to_owned(), |language| language.name().to_owned())
}
