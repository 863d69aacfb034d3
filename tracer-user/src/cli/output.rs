//! Where the graph goes: stdout, or a file that is opened before anything is attached.

use std::{
    fs::File,
    io::{self, IsTerminal as _, Write},
    path::Path,
};

use anyhow::{Result, bail};

use super::exit::{Output, Usage};
use crate::pipeline::Shown;

/// For whom an output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// Who reads it, or a program.
    Text,
    /// A program alone.
    File,
}

impl From<Shown> for Medium {
    fn from(shown: Shown) -> Self {
        if shown.is_binary() {
            Self::File
        } else {
            Self::Text
        }
    }
}

/// Opens the output. What nobody can read does not go to a terminal.
pub fn open(path: Option<&Path>, medium: impl Into<Medium>) -> Result<Box<dyn Write + Send>> {
    let Some(path) = path else {
        let out = io::stdout();
        if medium.into() == Medium::File && out.is_terminal() {
            bail!(Usage(
                "this form is not for a terminal; send it into a file, such as with -o FILE"
                    .to_owned()
            ));
        }
        return Ok(Box::new(out));
    };
    Ok(Box::new(create(path)?))
}

/// A new file.
pub fn create(path: &Path) -> Result<File> {
    File::create(path).map_err(|error| unwritable(path, &error))
}

/// Says that a file cannot be written, and what to do.
pub fn unwritable(path: &Path, error: &io::Error) -> anyhow::Error {
    let path = path.display();
    Output(format!(
        "`{path}` cannot be written: {error}; give -o another file"
    ))
    .into()
}
