//! Links that take many functions or none: one that the kernel does not accept is found by halves.
//!
//! The kernel says only that something is wrong. Of n functions with k bad ones some k log n links
//! are tried, and what comes out are at most k + 1 times as many links as there need be.

use std::io;

/// Links to all of `items` that the kernel accepts, each with the items it took; `refused` hears of
/// the others. An error of `refused` ends it, and so does one that is `of_all`: what the kernel
/// would answer for any item says nothing of one.
pub fn link<'a, T, L, E>(
    items: &'a [T],
    link: &mut impl FnMut(&[T]) -> io::Result<L>,
    of_all: impl Fn(&io::Error) -> bool,
    refused: &mut impl FnMut(&T, io::Error) -> Result<(), E>,
) -> Result<Vec<(L, &'a [T])>, E> {
    let mut links = Vec::new();
    let mut waiting = vec![items];
    while let Some(items) = waiting.pop() {
        match (items, link_some(items, link)) {
            (_, None) => {}
            (_, Some(Ok(done))) => links.push((done, items)),
            ([one], Some(Err(error))) => refused(one, error)?,
            ([one, ..], Some(Err(error))) if of_all(&error) => {
                refused(one, error)?;
                break;
            }
            (_, Some(Err(_))) => {
                let (first, second) = items.split_at(items.len() / 2);
                waiting.extend([second, first]);
            }
        }
    }
    Ok(links)
}

fn link_some<T, L>(
    items: &[T],
    link: &mut impl FnMut(&[T]) -> io::Result<L>,
) -> Option<io::Result<L>> {
    (!items.is_empty()).then(|| link(items))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, convert::Infallible};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_items_fault_is_tried_once() {
        let mut tries = 0;
        let links: Result<Vec<((), &[u32])>, i32> = link(
            &[1, 2, 3, 4],
            &mut |_| {
                tries += 1;
                Err(io::Error::from_raw_os_error(libc::ENOMEM))
            },
            |error| error.raw_os_error() == Some(libc::ENOMEM),
            &mut |_, error| Err(error.raw_os_error().unwrap_or_default()),
        );
        assert_eq!((links, tries), (Err(libc::ENOMEM), 1));
    }

    proptest! {
        #[test]
        fn what_is_good_is_linked_once_and_what_is_bad_is_told(
            items in proptest::collection::btree_set(0_u32..1000, 0..200),
            bad in proptest::collection::btree_set(0_u32..1000, 0..20),
        ) {
            let items: Vec<u32> = items.into_iter().collect();
            let mut told = BTreeSet::new();
            let mut tries = 0;
            let links = link(
                &items,
                &mut |some| {
                    tries += 1;
                    if some.iter().any(|item| bad.contains(item)) {
                        Err(io::Error::from_raw_os_error(libc::EINVAL))
                    } else {
                        Ok(())
                    }
                },
                |_| false,
                &mut |item, _| -> Result<(), Infallible> {
                    told.insert(*item);
                    Ok(())
                },
            );
            let Ok(links) = links;
            let mut linked: Vec<u32> = links.iter().flat_map(|((), items)| items.iter().copied()).collect();
            linked.sort_unstable();
            let good: Vec<u32> = items.iter().copied().filter(|item| !bad.contains(item)).collect();
            prop_assert_eq!(linked, good);
            let expected: BTreeSet<u32> = items.iter().copied().filter(|item| bad.contains(item)).collect();
            prop_assert!(tries <= 1 + 2 * expected.len() * 9);
            prop_assert_eq!(told, expected);
        }
    }
}
