//! The stack above a root as calls around it, for what shows time by paths: flame graphs, traces.
//!
//! Each frame becomes a call with the ends of the root's, the outermost frame of the process first,
//! so time that was spent below the root is shown below all of them, and none of it is their own. A
//! frame is known by its function alone: two places of one function are one path.

use std::{borrow::Cow, io};

use crate::{
    model::{Call, Details, FunctionId, FunctionTable, Node, RootCall, Sink, Trees, Untraced},
    values::{Values, View},
};

/// A root call with the frames above its root as calls; as it is where no stack was recorded.
#[must_use]
pub fn around<'c>(root: &'c RootCall, functions: &FunctionTable) -> Cow<'c, RootCall> {
    let first = root.nodes.iter().position(|node| node.depth() == 0);
    let Some((place, Node::Call(call))) = first.map(|place| (place, &root.nodes[place])) else {
        return Cow::Borrowed(root);
    };
    let above = above(call, functions);
    let Ok(levels) = u32::try_from(above.len()) else {
        return Cow::Borrowed(root);
    };
    if levels == 0 {
        return Cow::Borrowed(root);
    }
    let frame = |(depth, function): (u32, FunctionId)| {
        Node::Call(Call {
            function,
            depth,
            details: Details::default(),
            ..call.clone()
        })
    };
    let mut framed = RootCall {
        nodes: Vec::with_capacity(root.nodes.len() + above.len()),
        off_cpu: root.off_cpu.clone(),
        ..*root
    };
    let (before, rest) = root.nodes.split_at(place);
    framed.nodes.extend_from_slice(before);
    framed.nodes.extend((0..).zip(above).map(frame));
    let deeper = rest.iter().cloned().map(|mut node| {
        match &mut node {
            Node::Call(call) => call.depth += levels,
            Node::Mark(mark) => mark.depth += levels,
            Node::Gap { depth, .. } => *depth += levels,
        }
        node
    });
    framed.nodes.extend(deeper);
    Cow::Owned(framed)
}

/// The functions of the frames above a call, the outermost first.
fn above(call: &Call, functions: &FunctionTable) -> Vec<FunctionId> {
    let view = View::new(functions, call, Values::default());
    let kernel: Vec<_> = view
        .stack()
        .map(|name| function_of(&name).to_owned())
        .collect();
    let user = view.user_stack().unwrap_or_default().into_iter();
    let user: Vec<_> = user
        .map(
            |frame| match frame.place.and_then(|place| place.function.clone()) {
                Some(function) => function,
                None => frame.to_string(),
            },
        )
        .collect();
    let names = user.iter().rev().chain(kernel.iter().rev());
    names.map_while(|name| functions.frame(name)).collect()
}

/// The function of a place such as `do_syscall_64+0x5b`.
fn function_of(place: &str) -> &str {
    place
        .rsplit_once("+0x")
        .map_or(place, |(function, _)| function)
}

/// Gives root calls on with the frames above them.
pub struct Framed<'a, S> {
    inner: S,
    functions: &'a FunctionTable,
}

impl<'a, S: Sink> Framed<'a, S> {
    /// To `inner`.
    pub const fn new(inner: S, functions: &'a FunctionTable) -> Self {
        Self { inner, functions }
    }
}

impl<S: Sink> Sink for Framed<'_, S> {
    fn wants(&self) -> Trees {
        self.inner.wants()
    }

    fn begin(&mut self) -> io::Result<()> {
        self.inner.begin()
    }

    fn root_call(&mut self, call: &RootCall) -> io::Result<()> {
        self.inner.root_call(&around(call, self.functions))
    }

    fn untraced(&mut self, untraced: &Untraced) -> io::Result<()> {
        self.inner.untraced(untraced)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }

    fn end(&mut self) -> io::Result<()> {
        self.inner.end()
    }
}
