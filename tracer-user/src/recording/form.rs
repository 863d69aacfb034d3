//! What a recording holds: a head, then data, then an end.
//!
//! These structures go to disk as postcard writes them, which knows neither names nor defaults. So
//! the order of the fields and of the variants, here and in [`FunctionInfo`] and
//! [`crate::model::ValueType`], is the form; a change of it raises [`FORM`], and
//! [`OLDEST_FORM`] unless what was written before is read as it was. The test
//! `the_form_has_not_changed` notices.

mod counted;

use std::{
    fmt::{self, Formatter},
    marker::PhantomData,
};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, SeqAccess, Visitor},
};

use tracer_common::{FIELD_FUNCTIONS, MAX_READS};

use crate::model::{FieldInfo, FunctionInfo, UserPlace, ValueType};
pub use counted::{Counters, Hits, Missed};

/// The number of this form.
pub const FORM: u32 = 3;

/// The oldest that is read: it lacks [`Frame::Missed`], and the second [`Frame::DataWithFields`],
/// [`Frame::DataOfProcesses`],
/// [`ValueType::Record`] and [`tracer_common::EventKind::Leaf`].
pub const OLDEST_FORM: u32 = 1;

/// What an element of a list takes beside its name, bytes.
const ENTRY: usize = 100;

/// Functions of one frame. A frame is written when it has half as many events, and no function is
/// in it that is in no event.
pub const MOST_FUNCTIONS: usize = 1 << 17;

/// Places in the code of processes of one frame.
pub const MOST_USERS: usize = 1 << 17;

/// Functions of one frame that have fields.
const MOST_WITH_FIELDS: usize = FIELD_FUNCTIONS as usize;

/// A part of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Frame {
    /// The first one.
    Head(Head),
    /// Any number of these.
    Data(Data),
    /// The last one; missing if the recording was cut.
    End(End),
    /// The one before the last; missing in form 1, and in a part of a trace that goes on.
    Missed(Missed),
    /// As [`Self::Data`], where functions in it have fields; since form 3. A reader gives out
    /// [`Self::Data`] with the fields in their functions: see [`Self::with_fields`].
    DataWithFields(
        Data,
        #[serde(deserialize_with = "at_most::<MOST_WITH_FIELDS, _, _>")] Vec<KnownFields>,
    ),
    /// As [`Self::DataWithFields`], with what is known of the code of processes: where there are
    /// stacks; since form 3.
    DataOfProcesses(
        Data,
        #[serde(deserialize_with = "at_most::<MOST_WITH_FIELDS, _, _>")] Vec<KnownFields>,
        #[serde(deserialize_with = "at_most::<MOST_USERS, _, _>")] Vec<KnownUser>,
    ),
}

/// The fields of a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownFields {
    /// The place of the function in [`Data::functions`].
    pub function: u32,
    /// Its fields.
    #[serde(deserialize_with = "at_most::<MAX_READS, _, _>")]
    pub fields: Vec<FieldInfo>,
}

impl Frame {
    /// Data, with the fields of its functions and the places in processes beside it where there are
    /// any.
    #[must_use]
    pub fn of_data(mut data: Data) -> Self {
        let users = std::mem::take(&mut data.users);
        let known = (0..).zip(&data.functions);
        let fields: Vec<KnownFields> = known
            .filter_map(|(function, known)| {
                let fields = &known.info.as_ref()?.fields;
                (!fields.is_empty()).then(|| KnownFields {
                    function,
                    fields: fields.clone(),
                })
            })
            .collect();
        match (fields.is_empty(), users.is_empty()) {
            (_, false) => Self::DataOfProcesses(data, fields, users),
            (false, true) => Self::DataWithFields(data, fields),
            (true, true) => Self::Data(data),
        }
    }

    /// The frame with the fields in their functions, and the places in processes in the data.
    #[must_use]
    pub fn with_fields(self) -> Self {
        let (mut data, all) = match self {
            Self::DataWithFields(data, all) => (data, all),
            Self::DataOfProcesses(data, all, users) => (Data { users, ..data }, all),
            _ => return self,
        };
        for KnownFields { function, fields } in all {
            let known = data.functions.get_mut(function as usize);
            if let Some(info) = known.and_then(|known| known.info.as_mut()) {
                info.fields = fields;
            }
        }
        Self::Data(data)
    }
}

/// Where, when and of what the recording was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The version of tracer.
    pub tracer: String,
    /// The kernel's release, such as `6.12.117+deb13-cloud-amd64`.
    pub kernel: String,
    /// The kernel's build id in hex, if it has one.
    pub build_id: Option<String>,
    /// The host's name.
    pub host: String,
    /// CPUs that may ever be there: the highest number plus one.
    pub possible_cpus: u32,
    /// The functions whose calls were traced.
    pub roots: Vec<FunctionInfo>,
    /// The command that was traced, if it was one.
    pub command: Vec<String>,
    /// When the recording began, ns of CLOCK_REALTIME.
    pub began_realtime_ns: u64,
    /// The same moment in ns of CLOCK_MONOTONIC, which the events have.
    pub began_monotonic_ns: u64,
}

/// A stretch of the stream, with all that is needed to understand it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Data {
    /// The functions that occur in it, at most [`MOST_FUNCTIONS`].
    #[serde(deserialize_with = "at_most::<MOST_FUNCTIONS, _, _>")]
    pub functions: Vec<Known>,
    /// The batches in the order in which they came.
    pub batches: Vec<Header>,
    /// Passes over the rings: how many batches stood before each. Never falls.
    pub passes: Vec<u32>,
    /// The batches' events.
    pub events: Columns,
    /// The places in the code of processes that occur in it. They stand beside it in
    /// [`Frame::DataOfProcesses`].
    #[serde(skip)]
    pub users: Vec<KnownUser>,
}

/// A place in the code of a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownUser {
    /// Whose it is, see [`crate::model::Image::word`].
    pub image: u64,
    /// Its address there.
    pub address: u64,
    /// What is there.
    pub place: UserPlace,
}

/// The events of several batches. All lists have the same length.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Columns {
    /// Less the time of the event before it, of the first one in a batch less that of the root
    /// call; wraps. In ns.
    pub time_steps: Vec<i64>,
    /// Return registers.
    pub values: Vec<u64>,
    /// Places in [`Data::functions`].
    pub functions: Vec<u32>,
    /// See [`Event::frame`].
    pub frames: Vec<u16>,
    /// See [`Event::depth`].
    #[serde(with = "serde_bytes")]
    pub depths: Vec<u8>,
    /// See [`Event::kind_and_context`].
    #[serde(with = "serde_bytes")]
    pub kinds_and_contexts: Vec<u8>,
}

/// Reads a list as it would be read, but for its length: in memory an element takes far more than
/// the few bytes by which it can be said.
fn at_most<'de, const MOST: usize, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Vec<T>, D::Error> {
    struct Elements<T, const MOST: usize>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for Elements<T, MOST> {
        type Value = Vec<T>;

        fn expecting(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
            write!(formatter, "at most {MOST} elements")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut elements = Vec::new();
            while let Some(element) = list.next_element()? {
                if elements.len() == MOST {
                    return Err(A::Error::invalid_length(MOST + 1, &self));
                }
                elements.push(element);
            }
            Ok(elements)
        }
    }

    from.deserialize_seq(Elements::<T, MOST>(PhantomData))
}

/// A function that occurs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// How events name it.
    pub id: u32,
    /// Its name and type, if the kernel knew it.
    pub info: Option<FunctionInfo>,
    /// Since when its entries are seen, ns of CLOCK_MONOTONIC, if it got its probes while the trace
    /// went on: see [`crate::graph::AttachedLate`].
    pub attached_late_ns: Option<u64>,
}

impl Known {
    /// What it takes in memory, bytes, about.
    #[must_use]
    pub fn memory(&self) -> usize {
        let of_type = |value: &ValueType| match value {
            ValueType::Enum { names, .. } => {
                let names = names.iter();
                names.map(|(_, name)| ENTRY + name.len()).sum()
            }
            ValueType::Record(record) => {
                let fields = record.fields.iter().map(|field| ENTRY + field.name.len());
                ENTRY + record.print.len() + fields.sum::<usize>()
            }
            _ => 0,
        };
        let of_info = |info: &FunctionInfo| {
            let parameters = info.parameters.iter();
            let parameters = parameters.map(|it| ENTRY + it.name.len() + of_type(&it.value));
            let fields = info.fields.iter().map(|it| ENTRY + it.name.len());
            let fields: usize = fields.sum();
            fields
                + info.name.len()
                + info.returns.as_ref().map_or(0, of_type)
                + parameters.sum::<usize>()
        };
        2 * ENTRY + self.info.as_ref().map_or(0, of_info)
    }
}

/// The header of a batch: [`tracer_common::BatchHeader`], but with a smaller time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The number of the first event within its root call.
    pub sequence: u64,
    /// The time of the root call less that of the header before it, of the first one less 0; wraps.
    /// In ns.
    pub root_time_step: i64,
    /// The task.
    pub tid: u32,
    /// The process.
    pub tgid: u32,
    /// The CPU.
    pub cpu: u32,
    /// Events in the batch.
    pub count: u16,
    /// See [`tracer_common::Arrival`].
    pub early: u16,
    /// The task's command name, padded with zeros.
    pub comm: [u8; 16],
}

/// How it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Why.
    pub ending: Ending,
    /// The kernel side's counters.
    pub counters: Counters,
}

/// Why a recording ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// The trace ended; calls that were open then were cut off.
    #[default]
    Stopped,
    /// There were as many root calls as were asked for; what was open then is of no interest.
    Enough,
    /// The file was as large as it may be.
    Full,
}
