//! Where the graph goes: stdout, or a file that is opened before anything is attached.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

use anyhow::Result;

use super::exit::Output;

/// Opens the output.
pub fn open(path: Option<&Path>) -> Result<Box<dyn Write>> {
    let Some(path) = path else {
        return Ok(Box::new(io::stdout()));
    };
    Ok(Box::new(create(path)?))
}

/// A file that is to be overwritten, but not before there is something to write: what it holds may be worth more than a trace that
/// cannot begin.
pub fn reserve(path: &Path) -> Result<File> {
    let mut options = File::options();
    let file = options.write(true).create(true).truncate(false).open(path);
    file.map_err(|error| unwritable(path, &error))
}

/// A new file.
pub fn create(path: &Path) -> Result<File> {
    File::create(path).map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &io::Error) -> anyhow::Error {
    let path = path.display();
    Output(format!(
        "`{path}` cannot be written: {error}; give -o another file"
    ))
    .into()
}
