//! The running kernel as it is now: modules come and go while a trace goes on.
//!
//! All that is known of the kernel is read at once and does not change after, so what has changed
//! is read anew as a whole, and who asks gets the latest. The functions of a module that has gone
//! keep their names: root calls that they were part of may still be on their way.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{function_id, function_info};
use crate::{
    kernel::{Kernel, symbols::Function},
    model::{Describe, FunctionId, FunctionInfo},
};

/// The running kernel as it is now.
pub struct Current {
    state: Mutex<State>,
}

struct State {
    kernel: Arc<Kernel>,
    /// Functions of modules that have gone.
    gone: HashMap<FunctionId, FunctionInfo>,
}

impl Current {
    /// As it is when the trace begins.
    #[must_use]
    pub fn new(kernel: Arc<Kernel>) -> Self {
        Self {
            state: Mutex::new(State {
                kernel,
                gone: HashMap::new(),
            }),
        }
    }

    /// As it was read last.
    pub fn kernel(&self) -> Arc<Kernel> {
        Arc::clone(&self.state().kernel)
    }

    /// It was read anew; `gone` says whether a module that was there is not there any more.
    pub fn replace(&self, kernel: Arc<Kernel>, gone: impl Fn(&str) -> bool) {
        let before = self.kernel();
        let is_gone = |function: &Function<'_>| function.module.is_some_and(&gone);
        let functions = before.symbols.functions().filter(is_gone);
        let infos: Vec<_> = functions
            .map(|function| {
                let info = function_info(&before, &function);
                (function_id(function.start), info)
            })
            .collect();
        let mut state = self.state();
        state.gone.extend(infos);
        state.kernel = kernel;
    }

    /// Whether another function stood where this one is, so that its name is taken.
    pub fn is_taken(&self, function: &Function<'_>) -> bool {
        let state = self.state();
        let gone = state.gone.get(&function_id(function.start));
        gone.is_some_and(|gone| gone.name != function.shown())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in it can be left half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Describe for Current {
    fn describe(&self, id: FunctionId) -> Option<FunctionInfo> {
        let state = self.state();
        if let Some(gone) = state.gone.get(&id) {
            return Some(gone.clone());
        }
        let kernel = Arc::clone(&state.kernel);
        drop(state);
        kernel.describe(id)
    }

    fn place(&self, value: u64) -> Option<FunctionId> {
        let kernel = self.kernel();
        let place = kernel.place(value);
        let id = function_id(crate::kernel::Address(value));
        let is_gone = || self.state().gone.contains_key(&id);
        place.or_else(|| (kernel.whole(id.0).0 == value && is_gone()).then_some(id))
    }

    fn base(&self) -> Option<FunctionId> {
        self.kernel().base()
    }
}
