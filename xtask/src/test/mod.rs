//! stub
use anyhow::Result;
#[derive(clap::Args)]
pub struct TestArgs {}
pub fn main(_args: &TestArgs) -> Result<u8> { Ok(0) }
