//! What can be typed of what a trace may cost.

use clap::Args as ClapArgs;

use crate::session::budget::Share;

/// What a trace may cost
#[derive(Clone, Copy, Debug, Default, ClapArgs)]
pub struct BudgetArgs {
    /// Let tracing take at most this share of the time of all CPUs, such as 1% or 0.5%: sample root
    /// calls and lower the depth where it would take more. none lets it take what it takes. Without
    /// it: 1% with --prometheus or --otlp, else none
    #[arg(long, value_name = "SHARE", value_parser = budget)]
    pub budget: Option<Limit>,
}

/// What was typed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// There is none.
    None,
    /// This.
    Share(Share),
}

impl BudgetArgs {
    /// What the trace may cost. One that goes on for weeks has a budget unless told otherwise.
    pub(super) const fn share(self, goes_on: bool) -> Option<Share> {
        match self.budget {
            Some(Limit::Share(share)) => Some(share),
            None if goes_on => Some(Share::USUAL),
            Some(Limit::None) | None => None,
        }
    }
}

fn budget(text: &str) -> Result<Limit, String> {
    if text == "none" {
        return Ok(Limit::None);
    }
    let percent = text
        .strip_suffix('%')
        .and_then(|number| number.trim_end().parse::<f64>().ok());
    match percent {
        Some(percent) if percent > 0.0 && percent < 100.0 => {
            Ok(Limit::Share(Share(percent / 100.0)))
        }
        Some(_) => Err("give a share of more than 0% and less than 100%, or none".to_owned()),
        None => Err(format!(
            "`{text}` is no share: write it as 1% or 0.5%, or none"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_a_share() {
        assert_eq!(budget("1%"), Ok(Limit::Share(Share(0.01))));
        assert_eq!(budget("0.5 %"), Ok(Limit::Share(Share(0.005))));
        assert_eq!(budget("none"), Ok(Limit::None));
        for wrong in ["", "1", "%", "0%", "100%", "-1%", "NaN%", "x%"] {
            assert!(budget(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_goes_on_for_weeks_has_one() {
        let typed = |budget| BudgetArgs { budget };
        assert_eq!(typed(None).share(true), Some(Share::USUAL));
        assert_eq!(typed(None).share(false), None);
        assert_eq!(typed(Some(Limit::None)).share(true), None);
    }
}
