//! A new build of the app is a new crate: its files have new names, which the compiler can't know of.

fn main() {
    println!("cargo:rerun-if-changed=../../web/dist");
}
