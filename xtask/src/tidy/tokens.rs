//! Walks raw tokens, for what is inside macros, where the parser sees nothing else.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Calls `see` with each run of up to four neighbours, innermost groups included.
pub fn windows(tokens: TokenStream, see: &mut dyn FnMut(&[TokenTree])) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for start in 0..tokens.len() {
        see(&tokens[start..tokens.len().min(start + 4)]);
        if let TokenTree::Group(group) = &tokens[start] {
            windows(group.stream(), see);
        }
    }
}

/// The method called by `. name (`, with its line.
pub fn method_call(window: &[TokenTree]) -> Option<(String, usize)> {
    match window {
        [TokenTree::Punct(dot), TokenTree::Ident(name), TokenTree::Group(args), ..]
            if dot.as_char() == '.' && args.delimiter() == Delimiter::Parenthesis =>
        {
            Some((name.to_string(), name.span().start().line))
        }
        _ => None,
    }
}

/// The variant in `Type :: Variant`, with its line.
pub fn variant_of(window: &[TokenTree], of: &str) -> Option<(String, usize)> {
    match window {
        [TokenTree::Ident(ty), TokenTree::Punct(a), TokenTree::Punct(b), TokenTree::Ident(variant), ..]
            if ty == of && a.as_char() == ':' && b.as_char() == ':' =>
        {
            Some((variant.to_string(), variant.span().start().line))
        }
        _ => None,
    }
}
