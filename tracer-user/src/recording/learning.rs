//! Functions become known as a recording is read.

use super::{Data, form::KnownUser};
use crate::{
    graph::AttachedLate,
    model::{FunctionId, FunctionTable, Image, Nanoseconds},
};

/// Bytes that are learned of functions: of a kernel with modules it is a hundredth.
const MOST_LEARNED: usize = 256 << 20;

/// What a recording knows of its functions. It goes with the kernel that was traced and not with
/// the length of the recording, so there is an end to it: what is told beyond is not learned, and
/// those functions have no names.
pub struct Learning<'a> {
    table: &'a FunctionTable,
    attached_late: AttachedLate,
    /// Bytes that may still be learned.
    room: usize,
    is_full: bool,
}

impl<'a> Learning<'a> {
    /// Nothing is learned yet.
    pub fn new(table: &'a FunctionTable, attached_late: &AttachedLate) -> Self {
        Self {
            table,
            attached_late: attached_late.clone(),
            room: MOST_LEARNED,
            is_full: false,
        }
    }

    /// Makes known what a stretch of the stream knows of its functions.
    pub fn learn(&mut self, data: &Data) {
        self.learn_users(&data.users);
        for known in &data.functions {
            let id = FunctionId(known.id);
            let info = known.info.as_ref();
            let info = info.filter(|_| self.table.get(id).is_none());
            let joins = known.attached_late_ns.is_some() && self.attached_late.since(id).is_none();
            if info.is_some() || joins {
                let Some(room) = self.room.checked_sub(known.memory()) else {
                    self.tell_full();
                    continue;
                };
                self.room = room;
            }
            if let Some(info) = info {
                self.table.insert(id, info.clone());
            }
            if let Some(since) = known.attached_late_ns {
                self.attached_late.restore(id, Nanoseconds(since));
            }
        }
    }

    /// The same of places in the code of processes. One process may take the number of another that
    /// has ended, so what is told later holds.
    fn learn_users(&mut self, users: &[KnownUser]) {
        for known in users {
            let image = Image::of_word(known.image);
            let Some(room) = self.room.checked_sub(known.place.memory()) else {
                return self.tell_full();
            };
            if self.table.user_place(image, known.address) != Some(&known.place) {
                self.room = room;
                self.table
                    .insert_user(image, known.address, known.place.clone());
            }
        }
    }

    fn tell_full(&mut self) {
        if !std::mem::replace(&mut self.is_full, true) {
            eprintln!(
                "tracer: the recording has more functions than a kernel: not all have names here"
            );
        }
    }
}
