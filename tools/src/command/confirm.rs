//! Asking before something is gone for good.

use std::io::{self, BufRead, IsTerminal, Write};

/// Somebody did not say yes.
#[derive(Debug, thiserror::Error)]
pub enum NotConfirmed {
    /// The answer was another.
    #[error("nothing was deleted")]
    Declined,
    /// There is nobody to ask.
    #[error("nothing was deleted: say --yes where there is no terminal to ask on")]
    NobodyToAsk,
}

/// Asks on the terminal whether to delete `what`; with `yes` it is taken for granted.
pub(super) fn delete(what: &str, yes: bool) -> Result<(), NotConfirmed> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(NotConfirmed::NobodyToAsk);
    }
    // A question or an answer that is lost is no yes.
    let _ = write!(io::stderr(), "delete {what}? [y/N] ").and_then(|()| io::stderr().flush());
    let mut answer = String::new();
    match io::stdin().lock().read_line(&mut answer) {
        Ok(_) if is_yes(&answer) => Ok(()),
        Ok(_) | Err(_) => Err(NotConfirmed::Declined),
    }
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        for (answer, yes) in [("y\n", true), ("Yes\n", true), ("\n", false), ("n\n", false), ("yesterday", false)] {
            assert_eq!(is_yes(answer), yes, "{answer:?}");
        }
    }
}
