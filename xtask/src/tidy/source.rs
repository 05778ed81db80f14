//! What a Rust file must look like: a first line that says what it is, short functions, no panics, no made-up callers.

use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Attribute, BinOp, Block, Expr, ExprPath, Macro, Meta};

use super::{File, Finding, tokens};

/// Lines of a file.
const MAX_FILE_LINES: usize = 600;
/// Lines of a function, from `fn` to its closing brace.
const MAX_FUNCTION_LINES: usize = 70;
/// Lines of an HTTP handler: it parses, calls and shapes.
const MAX_HANDLER_LINES: usize = 25;
/// Where a caller is made: from an HTTP request, from gRPC metadata, by the process for itself.
const CALLER_MAKERS: [&str; 4] = [
    "crates/http-api/src/caller.rs",
    "crates/rpc/src/auth.rs",
    "crates/contracts/src/call.rs",
    "crates/media-gateway/src/",
];

/// Checks one file.
pub fn check(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let path = file.path.as_str();
    let first = file.text.lines().next().unwrap_or_default();
    if first.strip_prefix("//!").is_none_or(|rest| rest.trim().is_empty()) {
        findings.push(Finding::new(path, 1, "the file does not say what it is", "open it with one `//! …` line"));
    }
    let lines = file.text.lines().count();
    if lines > MAX_FILE_LINES {
        let wrong = format!("{lines} lines, {MAX_FILE_LINES} are allowed");
        findings.push(Finding::new(path, MAX_FILE_LINES + 1, wrong, "split it by what changes together"));
    }
    match syn::parse_file(&file.text) {
        Ok(tree) => {
            let mut visitor = Visitor { file, test: file.test || is_test_only(&tree.attrs), findings };
            visitor.visit_file(&tree);
            visitor.findings
        }
        Err(error) => {
            findings.push(Finding::new(path, error.span().start().line, "it does not parse", "make it compile"));
            findings
        }
    }
}

/// The paths, without their ending, of the files that this one declares with `#[cfg(test)] mod name;`.
pub fn test_modules(file: &File) -> Vec<String> {
    let Some(stem) = file.path.strip_suffix(".rs") else { return Vec::new() };
    let Ok(tree) = syn::parse_file(&file.text) else { return Vec::new() };
    let (parent, name) = stem.rsplit_once('/').unwrap_or(("", stem));
    let folder = if ["lib", "main", "mod"].contains(&name) { parent } else { stem };
    let modules = tree.items.iter().filter_map(|item| match item {
        syn::Item::Mod(module) if module.content.is_none() && is_test_only(&module.attrs) => Some(&module.ident),
        _ => None,
    });
    modules.map(|name| format!("{folder}/{name}")).collect()
}

struct Visitor<'a> {
    file: &'a File,
    /// Inside something that only tests compile.
    test: bool,
    findings: Vec<Finding>,
}

impl Visitor<'_> {
    fn find(&mut self, line: usize, wrong: impl std::fmt::Display, instead: &str) {
        self.findings.push(Finding::new(&self.file.path, line, wrong, instead));
    }

    /// Looks at something with attributes, which may make it a test.
    fn within(&mut self, attributes: &[Attribute], look: impl FnOnce(&mut Self)) {
        let before = self.test;
        self.test |= is_test_only(attributes);
        look(self);
        self.test = before;
    }

    fn function(&mut self, signature: &syn::Signature, attributes: &[Attribute], body: &Block) {
        let (start, name) = (signature.fn_token.span.start().line, &signature.ident);
        let lines = body.brace_token.span.close().end().line + 1 - start;
        let (kind, most) = match attributes.iter().any(is_route) {
            true => ("handler", MAX_HANDLER_LINES),
            false => ("function", MAX_FUNCTION_LINES),
        };
        if lines > most {
            let wrong = format!("{kind} {name} has {lines} lines, {most} are allowed");
            self.find(start, wrong, "give its parts names and make them functions");
        }
    }

    fn method(&mut self, name: &str, line: usize) {
        if !self.test && ["unwrap", "expect", "unwrap_err", "expect_err"].contains(&name) {
            self.find(
                line,
                format!(".{name}() outside tests"),
                "return an error, or write the case that cannot happen as one",
            );
        }
    }

    fn caller(&mut self, variant: &str, line: usize) {
        let made_here = CALLER_MAKERS.iter().any(|maker| self.file.path.starts_with(maker));
        if !self.test && !made_here && variant.starts_with(char::is_uppercase) {
            let instead = "take it from the call; callers come from the HTTP extractor, gRPC metadata or Call::system";
            self.find(line, format!("Caller::{variant} is made here"), instead);
        }
    }

    fn path(&mut self, path: &syn::Path) {
        let mut last = path.segments.iter().rev();
        if let (Some(variant), Some(of)) = (last.next(), last.next())
            && of.ident == "Caller"
        {
            self.caller(&variant.ident.to_string(), variant.ident.span().start().line);
        }
    }
}

impl<'ast> Visit<'ast> for Visitor<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        self.within(attributes_of(item), |this| visit::visit_item(this, item));
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, &item.attrs, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.within(&item.attrs, |this| {
            this.function(&item.sig, &item.attrs, &item.block);
            visit::visit_impl_item_fn(this, item);
        });
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.function(&item.sig, &item.attrs, body);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if attribute.path().is_ident("ignore") {
            self.find(attribute.span().start().line, "an ignored test", "make it pass, make it smaller, or delete it");
        }
        visit::visit_attribute(self, attribute);
    }

    fn visit_expr(&mut self, expr: &'ast Expr) {
        match expr {
            Expr::MethodCall(call) => self.method(&call.method.to_string(), call.method.span().start().line),
            // A variant with fields is made by calling its path, so this sees it too; a pattern is no expression.
            Expr::Path(ExprPath { path, .. }) => self.path(path),
            Expr::Struct(made) => self.path(&made.path),
            // Comparing with a caller is not making one.
            Expr::Binary(compared) if matches!(compared.op, BinOp::Eq(_) | BinOp::Ne(_)) => {
                for side in
                    [&compared.left, &compared.right].into_iter().filter(|side| !matches!(***side, Expr::Path(_)))
                {
                    self.visit_expr(side);
                }
                return;
            }
            _ => {}
        }
        visit::visit_expr(self, expr);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        let name = call.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
        let line = call.span().start().line;
        if ["todo", "unimplemented"].contains(&name.as_str()) {
            self.find(line, format!("{name}!"), "write it, or leave out what needs it");
        }
        // `matches!` holds a pattern: comparing with a caller is not making one.
        let pattern = name.ends_with("matches");
        tokens::windows(call.tokens.clone(), &mut |window| {
            if let Some((method, line)) = tokens::method_call(window) {
                self.method(&method, line);
            }
            if let Some((variant, line)) = tokens::variant_of(window, "Caller").filter(|_| !pattern) {
                self.caller(&variant, line);
            }
        });
        visit::visit_macro(self, call);
    }
}

/// `#[utoipa::path(…)]`.
fn is_route(attribute: &Attribute) -> bool {
    let words: Vec<_> = attribute.path().segments.iter().map(|segment| segment.ident.to_string()).collect();
    words == ["utoipa", "path"]
}

/// `#[test]`, `#[tokio::test]`, `#[rstest]`, `#[cfg(test)]` and the like.
pub fn is_test_only(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let name = attribute.path().segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
        match &attribute.meta {
            Meta::List(list) if name == "cfg" => {
                let words = list.tokens.to_string();
                words == "test" || words.replace(' ', "").starts_with("all(test")
            }
            _ => ["test", "rstest", "proptest"].contains(&name.as_str()),
        }
    })
}

pub fn attributes_of(item: &syn::Item) -> &[Attribute] {
    match item {
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

#[cfg(test)]
mod tests;
