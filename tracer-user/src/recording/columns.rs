//! Batches side by side, field by field.
//!
//! Neighbouring times differ by little, functions repeat in patterns, and so do depths and frames:
//! each kind of number apart compresses to a fraction of what the events do as they lie in memory.
//! Nothing is skipped or rounded: what goes in as batches comes out as the same batches
//! ([`super::steps`]), byte for byte, also where their events are damaged.

use std::collections::{BTreeMap, HashMap};

use tracer_common::EventKind;

use super::form::{Columns, Data, Header, Known, KnownUser, MOST_FUNCTIONS, MOST_USERS};
use crate::{
    graph::{AttachedLate, Batch},
    model::{FunctionId, FunctionInfo, FunctionTable, Image, UserPlace},
};

/// Data in the making.
#[derive(Debug, Default)]
pub struct Collector {
    data: Data,
    places: HashMap<u32, u32>,
    root_time_ns: u64,
    base: u32,
}

impl Collector {
    /// Counts functions from `base`, so that a recording does not tell where the kernel lies in
    /// memory.
    pub fn counting_from(base: FunctionId) -> Self {
        Self {
            base: base.0,
            ..Self::default()
        }
    }

    /// Adds a batch.
    pub fn batch(&mut self, batch: &Batch) {
        let header = batch.header();
        self.data.batches.push(Header {
            sequence: header.sequence,
            root_time_step: header
                .root_time_ns
                .wrapping_sub(self.root_time_ns)
                .cast_signed(),
            tid: header.tid,
            tgid: header.tgid,
            cpu: header.cpu,
            count: header.count,
            early: header.early,
            comm: header.comm,
        });
        self.root_time_ns = header.root_time_ns;
        let mut time = header.root_time_ns;
        for event in batch.events() {
            let step = event.time_ns.wrapping_sub(time).cast_signed();
            time = event.time_ns;
            let function = self.place_of(event.function);
            let value = match event.kind() {
                // Of a caller it is the function that was called.
                Some(EventKind::Caller | EventKind::Frame) => {
                    let low = u64::from(u32::MAX);
                    event.value & !low | event.value.wrapping_sub(u64::from(self.base)) & low
                }
                _ => event.value,
            };
            let columns = &mut self.data.events;
            columns.time_steps.push(step);
            columns.values.push(value);
            columns.functions.push(function);
            columns.frames.push(event.frame);
            columns.depths.push(event.depth);
            columns.kinds_and_contexts.push(event.kind_and_context);
        }
    }

    /// Adds a pass over the rings.
    pub fn pass(&mut self) {
        let before = u32::try_from(self.data.batches.len()).unwrap_or(u32::MAX);
        self.data.passes.push(before);
    }

    /// How many events there are.
    pub fn events(&self) -> usize {
        self.data.events.functions.len()
    }

    /// How many batches and passes there are.
    pub fn steps(&self) -> usize {
        self.data.batches.len() + self.data.passes.len()
    }

    /// Gives out what was collected, with what is known of the functions, and begins anew.
    pub fn take(&mut self, functions: &FunctionTable, attached_late: &AttachedLate) -> Data {
        self.places.clear();
        self.root_time_ns = 0;
        let mut data = std::mem::take(&mut self.data);
        for known in &mut data.functions {
            let id = FunctionId(known.id);
            known.info = functions.get(id).cloned();
            known.attached_late_ns = attached_late.since(id).map(|since| since.0);
            if !id.is_mark() {
                known.id = known.id.wrapping_sub(self.base);
            }
        }
        let (known, elsewhere) = places(&data.events, functions);
        data.functions.extend(known);
        data.functions.truncate(MOST_FUNCTIONS);
        data.users = users(&data.events, functions);
        data.users.extend(elsewhere);
        data.users.truncate(MOST_USERS);
        data
    }

    fn place_of(&mut self, id: u32) -> u32 {
        let functions = &mut self.data.functions;
        *self.places.entry(id).or_insert_with(|| {
            functions.push(Known {
                id,
                info: None,
                attached_late_ns: None,
            });
            u32::try_from(functions.len() - 1).unwrap_or(u32::MAX)
        })
    }
}

/// The places in the kernel's text whose addresses were passed or returned. Values stand in a
/// recording as they are, so these are known by where they lay, which no function is: counted from
/// the beginning of the text each of those is in the lower half. Where the text is not at the end
/// of all addresses, half of one could be a function's, and the places stand by their whole
/// addresses among those of processes.
fn places(events: &Columns, functions: &FunctionTable) -> (Vec<Known>, Vec<KnownUser>) {
    let kinds = events.kinds_and_contexts.iter();
    let mut seen = BTreeMap::new();
    for (kind, value) in kinds.zip(&events.values) {
        let kind = EventKind::from_u8(kind & 0xf);
        if let Some(EventKind::Argument | EventKind::Exit | EventKind::Leaf) = kind
            && let Some(name) = functions.place(*value)
        {
            seen.entry(*value).or_insert_with(|| name.to_owned());
        }
    }
    let (mut known, mut elsewhere) = (Vec::new(), Vec::new());
    for (address, name) in seen {
        match FunctionId::of_place(address) {
            Some(FunctionId(id)) => known.push(Known {
                id,
                info: Some(FunctionInfo::new(name, None)),
                attached_late_ns: None,
            }),
            None => elsewhere.push(KnownUser {
                image: Image::KERNEL.word(),
                address,
                place: UserPlace {
                    function: Some(name),
                    ..UserPlace::default()
                },
            }),
        }
    }
    (known, elsewhere)
}

/// The places in the code of processes that stacks lead through, as far as something is known of
/// them.
fn users(events: &Columns, functions: &FunctionTable) -> Vec<KnownUser> {
    let kinds = events.kinds_and_contexts.iter();
    let (mut image, mut seen) = (Image::of_word(0), BTreeMap::new());
    for ((kind, value), depth) in kinds.zip(&events.values).zip(&events.depths) {
        match (EventKind::from_u8(kind & 0xf), depth) {
            (Some(EventKind::UserFrame), 0) => image = Image::of_word(*value),
            (Some(EventKind::UserFrame), _) => {
                if let Some(place) = functions.user_place(image, *value) {
                    seen.entry((image, *value)).or_insert_with(|| place.clone());
                }
            }
            _ => {}
        }
    }
    let known = |((image, address), place): ((Image, u64), _)| KnownUser {
        image: image.word(),
        address,
        place,
    };
    seen.into_iter().map(known).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tracer_common::{BatchHeader, Event};

    use super::*;
    use crate::model::Describe;

    /// The lower half of where a place is.
    const HALF: u32 = 0x8100_0135;

    /// A kernel of one place.
    struct OnePlace(u64);

    impl Describe for OnePlace {
        fn describe(&self, id: FunctionId) -> Option<FunctionInfo> {
            let is_it = id == FunctionId(HALF);
            is_it.then(|| FunctionInfo::new("sock_sendmsg+0x35".to_owned(), None))
        }

        fn place(&self, value: u64) -> Option<FunctionId> {
            (value == self.0).then_some(FunctionId(HALF))
        }

        fn base(&self) -> Option<FunctionId> {
            Some(FunctionId(0x8100_0000))
        }
    }

    #[test]
    fn places_that_were_passed_are_known_by_a_reader() {
        for upper in [0xffff_ffff, 0xffff_8000] {
            known_by_a_reader(upper << 32 | u64::from(HALF));
        }
    }

    fn known_by_a_reader(place: u64) {
        let live = FunctionTable::of(Arc::new(OnePlace(place)));
        let of_kind = |kind, value| Event {
            value,
            function: 0x8100_0100,
            kind_and_context: Event::pack(kind, 0),
            ..Event::default()
        };
        let events = [
            of_kind(EventKind::Entry, 0),
            of_kind(EventKind::Argument, place),
            of_kind(EventKind::Argument, place + 1),
            of_kind(EventKind::Argument, 7),
        ];
        let header = BatchHeader {
            count: 4,
            ..BatchHeader::default()
        };
        let batch = Batch::of(&header, &events).unwrap();
        let mut collector = Collector::counting_from(live.base());
        collector.batch(&batch);
        let data = collector.take(&live, &AttachedLate::default());
        let known = data.functions.into_iter();
        let known = known.filter_map(|known| Some((FunctionId(known.id), known.info?)));
        let read = FunctionTable::new(known);
        for KnownUser {
            image,
            address,
            place,
        } in data.users
        {
            read.insert_user(Image::of_word(image), address, place);
        }
        assert_eq!(read.place(place), Some("sock_sendmsg+0x35"));
        assert_eq!(read.place(place + 1), None);
        assert_eq!(read.place(7), None);
    }
}
