//! Functions by a number in a list of names: a name is on the page once.

use rustc_hash::FxHashMap;
use serde::Serialize;

use crate::{
    model::{FunctionId, FunctionTable},
    values::escape,
};

/// A place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct NameId(usize);

/// The list in the making.
pub struct Names<'a> {
    /// What the functions are.
    pub functions: &'a FunctionTable,
    numbers: FxHashMap<FunctionId, NameId>,
    list: Vec<String>,
}

impl<'a> Names<'a> {
    /// An empty list.
    pub fn new(functions: &'a FunctionTable) -> Self {
        Self {
            functions,
            numbers: FxHashMap::default(),
            list: Vec::new(),
        }
    }

    /// A function's place.
    pub fn number(&mut self, function: FunctionId) -> NameId {
        *self.numbers.entry(function).or_insert_with(|| {
            let name = self.functions.name(function);
            self.list.push(escape::visible(&name).into_owned());
            NameId(self.list.len() - 1)
        })
    }

    /// The names in order.
    pub fn into_list(self) -> Vec<String> {
        self.list
    }
}
