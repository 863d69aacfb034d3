//! Counts of calls of which some were sampled out: each one that was counted stands for more.
//!
//! While one in `n` is counted, all numbers of that time are multiplied by what there was over what
//! was counted, so their sum is exactly the number of calls that there were, whatever `n` was. The
//! time is cut where `n` changes ([`Weighted::cut`]). A call that is open meanwhile counts for the
//! time in which it returns. The shortest and the longest are what they are.

use crate::attach::count::Counted;

/// Numbers of the times that are over, and where the tables were then.
#[derive(Debug, Default)]
pub struct Weighted {
    over: Vec<Counted>,
    tables: Vec<Counted>,
    sampled_out: u64,
}

impl Weighted {
    /// All up to now: what the tables hold, with so many calls sampled out.
    pub fn now(&self, tables: &[Counted], sampled_out: u64) -> Vec<Counted> {
        let mut all = tables.to_vec();
        let since: Vec<Counted> = (0..tables.len())
            .map(|root| self.since(&tables[root], root))
            .collect();
        let weight = Weight {
            counted: since.iter().map(returned).sum(),
            out: sampled_out.saturating_sub(self.sampled_out),
        };
        // Over all roots: what each of them is rounded by is in the next.
        let mut sum = 0;
        for (root, (all, since)) in all.iter_mut().zip(&since).enumerate() {
            weight.put(all, since, &mut sum);
            if let Some(over) = self.over.get(root) {
                add(all, over);
            }
        }
        all
    }

    /// From now on one of another number of calls is counted. While nothing was counted the time
    /// goes on.
    pub fn cut(&mut self, tables: Vec<Counted>, sampled_out: u64) {
        let before: u64 = self.tables.iter().map(returned).sum();
        if tables.iter().map(returned).sum::<u64>() > before {
            self.over = self.now(&tables, sampled_out);
            self.tables = tables;
            self.sampled_out = sampled_out;
        }
    }

    /// What has come since the last cut.
    fn since(&self, now: &Counted, root: usize) -> Counted {
        let mut since = now.clone();
        let Some(before) = self.tables.get(root) else {
            return since;
        };
        since.total -= before.total.min(since.total);
        since.filtered_out -= before.filtered_out;
        since.other_errors -= before.other_errors;
        for (error, count) in &mut since.errors {
            *count -= before.errors.get(error).copied().unwrap_or_default();
        }
        for (now, before) in since.linear.iter_mut().zip(before.linear) {
            *now -= before;
        }
        for (now, before) in since.buckets.iter_mut().zip(&before.buckets) {
            *now -= before;
        }
        since
    }
}

/// Calls that returned while they were counted.
fn returned(counted: &Counted) -> u64 {
    counted.buckets.iter().sum::<u64>() + counted.filtered_out
}

/// How many calls one stands for.
#[derive(Clone, Copy)]
struct Weight {
    counted: u64,
    out: u64,
}

impl Weight {
    fn of(self, count: u64) -> u64 {
        if self.counted == 0 {
            return count;
        }
        let all = u128::from(self.counted) + u128::from(self.out);
        let weighted = u128::from(count) * all / u128::from(self.counted);
        u64::try_from(weighted).unwrap_or(u64::MAX)
    }

    /// Numbers whose sum is that of the whole: each is what the sum up to it has more than `sum`,
    /// that of those before.
    fn each<'a>(self, numbers: impl Iterator<Item = &'a mut u64>, sum: &mut u64) {
        for number in numbers {
            let next = *sum + *number;
            *number = self.of(next) - self.of(*sum);
            *sum = next;
        }
    }

    fn put(self, to: &mut Counted, of: &Counted, sum: &mut u64) {
        to.total = self.of(of.total);
        to.filtered_out = of.filtered_out;
        self.each(std::iter::once(&mut to.filtered_out), sum);
        to.buckets.clone_from(&of.buckets);
        self.each(to.buckets.iter_mut(), sum);
        to.linear = of.linear;
        self.each(to.linear.iter_mut(), &mut 0);
        to.errors.clone_from(&of.errors);
        self.each(to.errors.values_mut(), &mut 0);
        to.other_errors = self.of(of.other_errors);
    }
}

fn add(all: &mut Counted, over: &Counted) {
    all.total = all.total.saturating_add(over.total);
    all.filtered_out += over.filtered_out;
    all.other_errors += over.other_errors;
    for (error, count) in &over.errors {
        *all.errors.entry(*error).or_default() += count;
    }
    for (all, over) in all.linear.iter_mut().zip(over.linear) {
        *all += over;
    }
    for (all, over) in all.buckets.iter_mut().zip(&over.buckets) {
        *all += over;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn none() -> Counted {
        Counted {
            buckets: vec![0; 8],
            ..Counted::default()
        }
    }

    proptest! {
        /// In all there are as many as were counted and sampled out, after every cut.
        #[test]
        fn the_sum_is_exact(steps in proptest::collection::vec(
            (0_usize..8, 0_u64..50, 0_u64..20, 0_u64..10_000, any::<bool>()), 1..40)) {
            let (mut weighted, mut tables, mut out) = (Weighted::default(), none(), 0);
            for (bucket, calls, filtered_out, sampled_out, cuts) in steps {
                tables.buckets[bucket] += calls;
                tables.total += calls << bucket;
                tables.filtered_out += filtered_out;
                out += sampled_out;
                let now = weighted.now(std::slice::from_ref(&tables), out);
                if returned(&tables) > weighted.tables.iter().map(returned).sum() {
                    prop_assert_eq!(returned(&now[0]), returned(&tables) + out);
                }
                if cuts {
                    weighted.cut(vec![tables.clone()], out);
                }
            }
        }

        #[test]
        fn without_sampling_nothing_changes(buckets in proptest::collection::vec(0_u64..99, 8)) {
            let mut weighted = Weighted::default();
            let mut tables = none();
            tables.buckets = buckets;
            tables.errors.insert(11, 3);
            tables.total = 77;
            let now = |weighted: &Weighted| weighted.now(std::slice::from_ref(&tables), 0);
            prop_assert_eq!(&now(&weighted)[0], &tables);
            weighted.cut(vec![tables.clone()], 0);
            prop_assert_eq!(&now(&weighted)[0], &tables);
        }
    }
}
