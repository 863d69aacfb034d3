//! The functions of a trace.
//!
//! A function is looked up when it is first asked for, and kept. So the table knows every function
//! that has probes, also those that get them while the trace goes on. Who knows functions is for
//! [`Describe`] to say: the running kernel in a live trace, nobody when a recording is read, which
//! brings its own.

use std::{borrow::Cow, cell::Cell, sync::Arc};

use elsa::FrozenMap;
use rustc_hash::FxBuildHasher;

use super::{FunctionId, FunctionInfo, Image, UserPlace, ValueType};

/// Functions of stacks that are known by name, at most.
const MOST_FRAMES: u32 = 1 << 18;

/// Knows functions.
pub trait Describe: Send + Sync {
    /// What is known of a function, or of a place within one, of which no more is known than how it
    /// is called.
    fn describe(&self, id: FunctionId) -> Option<FunctionInfo>;

    /// The place in the kernel's text that a value is the address of, named as a function is; none
    /// if it may be something else.
    fn place(&self, value: u64) -> Option<FunctionId>;

    /// Where the kernel's text begins, named as a function is; none if that is not known.
    fn base(&self) -> Option<FunctionId>;
}

/// All functions of a trace.
#[derive(Default)]
pub struct FunctionTable {
    describes: Option<Arc<dyn Describe>>,
    known: FrozenMap<FunctionId, Box<FunctionInfo>, FxBuildHasher>,
    users: FrozenMap<(Image, u64), Box<UserPlace>, FxBuildHasher>,
    frames: FrozenMap<String, Box<FunctionId>, FxBuildHasher>,
    /// How many [`Self::frames`] there are.
    frame_count: Cell<u32>,
}

impl FunctionTable {
    /// The functions that `describes` knows.
    #[must_use]
    pub fn of(describes: Arc<impl Describe + 'static>) -> Self {
        Self {
            describes: Some(describes),
            ..Self::default()
        }
    }

    /// A table of these functions and no others.
    pub fn new(functions: impl Iterator<Item = (FunctionId, FunctionInfo)>) -> Self {
        let table = Self::default();
        for (id, info) in functions {
            table.known.insert(id, Box::new(info));
        }
        table
    }

    /// Makes a function known that was not.
    pub fn insert(&self, id: FunctionId, info: FunctionInfo) {
        self.known.insert(id, Box::new(info));
    }

    /// Makes a place in a process's code known that was not.
    pub fn insert_user(&self, image: Image, address: u64, place: UserPlace) {
        self.users.insert((image, address), Box::new(place));
    }

    /// What is known of a place in a process's code.
    pub fn user_place(&self, image: Image, address: u64) -> Option<&UserPlace> {
        self.users.get(&(image, address))
    }

    /// A function of a stack, known by its name alone, as one of the table; none where there are
    /// more than any stacks have.
    pub fn frame(&self, name: &str) -> Option<FunctionId> {
        if let Some(known) = self.frames.get(name) {
            return Some(*known);
        }
        let number = self.frame_count.get();
        if number == MOST_FRAMES {
            return None;
        }
        self.frame_count.set(number + 1);
        let id = FunctionId(FunctionId::FRAMES + number);
        let info = FunctionInfo::new(name.to_owned(), Some(ValueType::Void));
        self.known.insert(id, Box::new(info));
        Some(*self.frames.insert(name.to_owned(), Box::new(id)))
    }

    /// A function's name; one of an unknown function says where it is.
    pub fn name(&self, id: FunctionId) -> Cow<'_, str> {
        name(id, self.get(id))
    }

    /// What a function returns, if that is known.
    pub fn returns(&self, id: FunctionId) -> Option<&ValueType> {
        self.get(id).and_then(|info| info.returns.as_ref())
    }

    /// Where the kernel's text begins, named as a function is. 0 where no kernel is known.
    pub fn base(&self) -> FunctionId {
        let describes = self.describes.as_ref();
        let base = describes.and_then(|describes| describes.base());
        base.unwrap_or(FunctionId(0))
    }

    /// The name of the place in the kernel's text that a value is the address of, such as
    /// `lock_sock_nested+0x35`. A recording brings those that occur in it: see
    /// [`crate::recording::columns`].
    pub fn place(&self, value: u64) -> Option<&str> {
        if let Some(id) = self.place_id(value) {
            return self.get(id).map(|info| info.name.as_str());
        }
        self.user_place(Image::KERNEL, value)?.function.as_deref()
    }

    /// How a place in the kernel's text that a value is the address of is named; none if that is
    /// not known.
    fn place_id(&self, value: u64) -> Option<FunctionId> {
        match &self.describes {
            Some(describes) => describes.place(value),
            None => FunctionId::of_place(value).filter(|id| self.known.get(id).is_some()),
        }
    }

    /// What is known of a function, or of a place within one, of which no more is known than how it
    /// is called.
    pub fn get(&self, id: FunctionId) -> Option<&FunctionInfo> {
        if let Some(info) = self.known.get(&id) {
            return Some(info);
        }
        let info = self.describes.as_ref()?.describe(id)?;
        Some(self.known.insert(id, Box::new(info)))
    }
}

/// The name of a function of which this is known.
pub fn name(id: FunctionId, info: Option<&FunctionInfo>) -> Cow<'_, str> {
    match info {
        Some(info) => Cow::Borrowed(&info.name),
        None => Cow::Owned(format!("unknown+{:#x}", id.0)),
    }
}
