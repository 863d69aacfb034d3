//! What tracer and its sampling process say to each other: a length of four bytes, then postcard.
//!
//! Both are the same program, so the form has no version.

use std::{
    io::{self, Read, Write},
    time::Duration,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tracer_common::Context;

use super::FunctionHit;
use crate::kernel::Address;

/// Longer than anything that is said: the buffers of all CPUs hold fewer hits.
const MOST_BYTES: u32 = 1 << 30;

/// What the sampling process is to do, one thing at a time.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Request {
    /// See `FunctionTracer::callers_of`.
    CallersOf { names: Vec<String>, time: Duration },
    /// See `FunctionTracer::begin`.
    Begin { tids: Vec<u32> },
    /// See `FunctionTracer::collect`.
    Collect,
    /// See `FunctionTracer::rest`.
    Rest,
}

/// What came of it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Reply {
    Callers(Vec<u32>),
    Begun,
    Hits(Vec<Hit>),
    Resting,
    /// The reason.
    Failed(String),
}

/// A [`FunctionHit`]: CPU, task, time in ns, context, function, caller.
pub(super) type Hit = (u32, u32, u64, u8, u64, u64);

impl From<FunctionHit> for Hit {
    fn from(hit: FunctionHit) -> Self {
        let FunctionHit {
            cpu,
            tid,
            time_ns,
            context,
            function,
            parent,
        } = hit;
        (cpu, tid, time_ns, context as u8, function.0, parent.0)
    }
}

impl FunctionHit {
    /// The hit that was sent; none if its context is unknown.
    pub(super) fn received((cpu, tid, time_ns, context, function, parent): Hit) -> Option<Self> {
        Some(Self {
            cpu,
            tid,
            time_ns,
            context: Context::from_u8(context)?,
            function: Address(function),
            parent: Address(parent),
        })
    }
}

/// Sends a message.
pub(super) fn send(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let mut bytes = vec![0; 4];
    bytes = postcard::to_extend(message, bytes).map_err(io::Error::other)?;
    let length = u32::try_from(bytes.len() - 4).map_err(io::Error::other)?;
    bytes[..4].copy_from_slice(&length.to_ne_bytes());
    to.write_all(&bytes)
}

/// Waits for a message.
pub(super) fn receive<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<T> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_ne_bytes(length);
    if length > MOST_BYTES {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = Vec::new();
    from.take(u64::from(length)).read_to_end(&mut bytes)?;
    postcard::from_bytes(&bytes).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn a_hit() -> impl Strategy<Value = FunctionHit> {
        (any::<(u32, u32, u64, u64, u64)>(), 0..4u8).prop_map(
            |((cpu, tid, time_ns, function, parent), context)| FunctionHit {
                cpu,
                tid,
                time_ns,
                context: Context::from_u8(context).unwrap(),
                function: Address(function),
                parent: Address(parent),
            },
        )
    }

    proptest! {
        #[test]
        fn hits_arrive_as_they_were_sent(hits in prop::collection::vec(a_hit(), 0..50)) {
            let mut wire = Vec::new();
            send(&mut wire, &Reply::Hits(hits.iter().copied().map(Hit::from).collect())).unwrap();
            send(&mut wire, &Reply::Resting).unwrap();
            let mut wire = wire.as_slice();
            let Reply::Hits(received) = receive(&mut wire).unwrap() else {
                panic!("no hits");
            };
            let received: Option<Vec<_>> = received.into_iter().map(FunctionHit::received).collect();
            prop_assert_eq!(received, Some(hits));
            prop_assert_eq!(receive::<Reply>(&mut wire).unwrap(), Reply::Resting);
        }

        #[test]
        fn whatever_comes_is_a_message_or_an_error(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let _ = receive::<Request>(&mut bytes.as_slice());
            let _ = receive::<Reply>(&mut bytes.as_slice());
        }
    }
}
