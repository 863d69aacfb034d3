//! The guide's examples print what the guide says.
//!
//! After a change of what tracer prints: `TRYCMD=overwrite cargo test -p tracer-user --test guide`,
//! and look at the difference.

#[test]
fn the_examples_of_the_guide() {
    // Its reader is in the project's directory.
    std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).unwrap();
    trycmd::TestCases::new().case("docs/guide.md").run();
}
