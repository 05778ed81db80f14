//! Closed sets of words: an enum, how each value is written, and back.

/// An enum written as a word in JSON, SQL and on the command line. An unknown word is an `InvalidArgument` with the code
/// `unknown_` and what the set is called.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$vdoc:meta])* $variant:ident = $word:tt,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant,)+ }

        impl $name {
            /// Every value.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::ApiError;

            fn from_str(text: &str) -> Result<Self, crate::ApiError> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text).ok_or_else(|| {
                    let known = Self::ALL.iter().map(|value| value.as_str()).collect::<Vec<_>>().join(", ");
                    crate::ApiError::invalid(concat!("unknown_", $what), format!("{text:?} is not one of {known}"))
                        .field($what, format!("must be one of {known}"))
                })
            }
        }
    };
}
pub(crate) use words;

#[cfg(test)]
mod tests {
    use crate::{Purpose, Scope, SortOrder};

    #[test]
    fn a_word_is_one_in_text_and_in_json() {
        for scope in Scope::ALL {
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.as_str());
            assert_eq!(serde_json::from_value::<Scope>(scope.as_str().into()).unwrap(), *scope);
            assert_eq!(scope.to_string().parse::<Scope>().unwrap(), *scope);
        }
        assert_eq!(SortOrder::RecentlyAdded.as_str(), "recently_added");
    }

    #[test]
    fn an_unknown_word_says_which_there_are() {
        let error = "nonsense".parse::<Purpose>().unwrap_err();
        assert_eq!((&*error.code, error.fields[0].field.as_str()), ("unknown_purpose", "purpose"));
        assert_eq!(error.fields[0].message, "must be one of viewing_history, personalization, sharing");
    }
}
