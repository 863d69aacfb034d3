//! Where the graph goes: stdout, or a file that is opened before anything is attached. So is the
//! port for metrics.

use std::{
    fs::File,
    io::{self, IsTerminal as _, Write},
    net::TcpListener,
    path::Path,
};

use anyhow::{Result, bail};

use super::exit::{Output, Usage};
use crate::{pipeline::Shown, recording::file, watch::Address};

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

/// A recording that is to be overwritten, but not before there is something to write: what it holds
/// may be worth more than a trace that cannot begin.
pub fn reserve(path: &Path) -> Result<File> {
    file::reserve(path).map_err(|error| unwritable(path, &error))
}

/// A new file.
pub fn create(path: &Path) -> Result<File> {
    File::create(path).map_err(|error| unwritable(path, &error))
}

/// Takes a port for the metrics, and says where they are.
pub fn listen(address: Address) -> Result<TcpListener> {
    let listener = address.listen();
    let listener = listener.and_then(|it| Ok((it.local_addr()?, it)));
    let (at, listener) = listener.map_err(|error| {
        let address = address.0;
        Output(format!(
            "metrics cannot be served at {address}: {error}; give --prometheus another port"
        ))
    })?;
    eprintln!("tracer: metrics at http://{at}/metrics");
    Ok(listener)
}

fn unwritable(path: &Path, error: &io::Error) -> anyhow::Error {
    let path = path.display();
    Output(format!(
        "`{path}` cannot be written: {error}; give -o another file"
    ))
    .into()
}
