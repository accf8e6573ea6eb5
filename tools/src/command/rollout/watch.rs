//! `annuli rollout watch`: a bar for each replica on a terminal, a line for each change elsewhere.

use super::RolloutError;
use super::board::Board;
use crate::cli::OutputFormat;
use crate::client::Client;
use crate::clock;
use crate::command::task::{self, EndedBadly};
use crate::output;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::time::Duration;
use uuid::Uuid;

/// Between two looks: what is shown seems to move, and a router does not notice.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Shows a rollout until it is over.
///
/// # Errors
/// When it ends without success, or cannot be looked at any longer.
pub(super) fn until_over(client: &Client, id: Uuid, format: OutputFormat) -> Result<(), RolloutError> {
    let mut view = View::open(format);
    loop {
        let rollout = client.task(id)?;
        if let View::Hidden = view {
            // Programs are told the end alone.
        } else {
            view.show(Board::of(&rollout, &client.cluster()?))?;
        }
        if rollout.status.is_over() {
            view.close();
            if format == OutputFormat::Json {
                task::print(&rollout, format)?;
            }
            return Ok(EndedBadly::check(rollout)?);
        }
        clock::pause(LOOK_EVERY);
    }
}

/// How a rollout is shown.
enum View {
    Bars(Bars),
    Lines(Option<Board>),
    Hidden,
}

impl View {
    fn open(format: OutputFormat) -> Self {
        match format {
            OutputFormat::Json => Self::Hidden,
            // Bars are drawn on stderr.
            OutputFormat::Table if io::stdout().is_terminal() && io::stderr().is_terminal() => {
                Self::Bars(Bars::default())
            }
            OutputFormat::Table => Self::Lines(None),
        }
    }

    fn show(&mut self, board: Board) -> io::Result<()> {
        match self {
            Self::Bars(bars) => bars.show(&board),
            Self::Lines(before) => {
                for line in board.news(before.as_ref()) {
                    output::text(&format!("{}\n", output::printable(&line)))?;
                }
                *before = Some(board);
            }
            Self::Hidden => {}
        }
        Ok(())
    }

    fn close(&self) {
        if let Self::Bars(bars) = self {
            bars.close();
        }
    }
}

/// A heading, and a bar for each replica below it.
#[derive(Default)]
struct Bars {
    all: MultiProgress,
    heading: Option<ProgressBar>,
    replicas: BTreeMap<(u32, String, Uuid), ProgressBar>,
}

impl Bars {
    fn show(&mut self, board: &Board) {
        let all = &self.all;
        let heading = self.heading.get_or_insert_with(|| all.add(bar("{msg}")));
        let compared = board.compared.as_ref().map(|compared| format!("; {compared}")).unwrap_or_default();
        heading.set_message(output::printable(&format!("{}{compared}", board.heading())));
        for row in &board.replicas {
            let new = || {
                let bar = all.add(bar("  {prefix}  {bar:30} {msg}"));
                bar.set_prefix(format!("shard {:<3} {}", row.shard, output::printable(&row.address)));
                bar
            };
            let bar = self.replicas.entry((row.shard, row.address.clone(), row.id)).or_insert_with(new);
            bar.set_position(row.percent());
            bar.set_message(output::printable(&row.state));
        }
        for ((_, _, id), bar) in &self.replicas {
            if !board.replicas.iter().any(|row| row.id == *id) {
                bar.set_message("gone");
            }
        }
    }

    /// What was shown last stays.
    fn close(&self) {
        self.heading.iter().chain(self.replicas.values()).for_each(ProgressBar::abandon);
    }
}

fn bar(template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).expect("the template is a constant");
    ProgressBar::new(100).with_style(style)
}
