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

/// A new file.
pub fn create(path: &Path) -> Result<File> {
    File::create(path).map_err(|error| {
        let path = path.display();
        Output(format!(
            "`{path}` cannot be written: {error}; give -o another file"
        ))
        .into()
    })
}
