//! Links that take many functions or none: one that the kernel does not accept is found by halves.
//!
//! The kernel says only that something is wrong. Of n functions with k bad ones some k log n links are tried, and what
//! comes out are at most k + 1 times as many links as there need be.

use std::io;

/// Links to all of `items` that the kernel accepts, each with the items it took; `refused` hears of the others. An error of `refused` ends it.
pub fn link<'a, T, L, E>(
    items: &'a [T],
    link: &mut impl FnMut(&[T]) -> io::Result<L>,
    refused: &mut impl FnMut(&T, io::Error) -> Result<(), E>,
) -> Result<Vec<(L, &'a [T])>, E> {
    let mut links = Vec::new();
    let mut waiting = vec![items];
    while let Some(items) = waiting.pop() {
        match (items, link_some(items, link)) {
            (_, None) => {}
            (_, Some(Ok(done))) => links.push((done, items)),
            ([one], Some(Err(error))) => refused(one, error)?,
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
