//! What root calls are asked for when they are entered: a condition that was typed, and short forms
//! of conditions, which mean something else for each root.

use super::FieldError;
use crate::{
    expr::{About, Where},
    kernel::Kernel,
    plan::Planned,
};

/// What root calls are asked for when they are entered; all of it must hold.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// What was typed as a condition.
    pub condition: Option<Where>,
    /// What was typed as short forms.
    pub about: Vec<About>,
}

impl Asked {
    /// Whether they are asked for nothing.
    pub fn is_empty(&self) -> bool {
        self.condition.is_none() && self.about.is_empty()
    }

    /// What the calls of a root are asked for; none if nothing.
    pub(super) fn of(&self, kernel: &Kernel, root: &Planned) -> Result<Option<Where>, FieldError> {
        let mut whole = self.condition.clone();
        if self.about.is_empty() {
            return Ok(whole);
        }
        let function = kernel.symbols.function_at(root.address);
        let prototype = function.and_then(|function| kernel.prototype(&function));
        let parameters = prototype.map(|it| it.parameters).unwrap_or_default();
        let arguments: Vec<_> = parameters
            .into_iter()
            .map(|it| (it.name, it.type_name))
            .collect();
        for about in &self.about {
            let (needs, example) = about.needs();
            let written = about.condition(&arguments);
            let written = written.ok_or_else(|| FieldError::NotAbout {
                option: about.option(),
                needs,
                root: root.name.clone(),
                example,
            })?;
            let one = Where::parse(&written)?;
            whole = Some(match whole {
                Some(whole) => whole.and(one),
                None => one,
            });
        }
        Ok(whole)
    }
}
