//! The way through the data sets: which parts are measured with which.

use super::Settings;
use super::part::{Part, Stage};
use crate::dataset::Name;
use crate::dataset::noise::Growth;
use std::time::Duration;

/// A data set and what is measured with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Visit {
    pub name: Name,
    pub parts: Vec<Part>,
}

impl Visit {
    pub(super) fn stages(&self) -> impl Iterator<Item = Stage> {
        Stage::ALL.into_iter().filter(|stage| stage.is_needed_by(&self.parts))
    }

    /// Whether it is a step of growth: our engine alone with a set that is good for nothing else.
    pub(super) fn is_growth(&self) -> bool {
        self.parts.contains(&Part::Growth)
    }

    /// About how long a stage takes on two cores: what is said of time left before anything is known, and no
    /// measurement. Building graphs is most of it, so that rows tell more than their dimension.
    pub(super) fn expected(&self, stage: Stage, settings: &Settings) -> Duration {
        let all = settings.libraries.peers.len() as u64;
        let seconds_per_10_000_rows = match stage {
            Stage::Libraries if self.is_growth() => 2,
            Stage::Libraries if self.parts.contains(&Part::Filters) => 14 * all,
            Stage::Libraries => 12 * all,
            Stage::Exact => 1,
            Stage::Own => 6,
            Stage::Servers => (4 + 12 * settings.servers.among.len() as u64) * settings.servers.peers.len() as u64 / 2,
            Stage::Dumps => 6,
            Stage::Scaling => 30,
            Stage::Rollouts => 30,
            Stage::SlowClients => 4,
        };
        Duration::from_secs(self.name.rows().div_ceil(10_000) * seconds_per_10_000_rows + 5)
    }
}

/// All visits: the chosen sets, then those to grow by, the smallest first.
pub(super) fn visits(settings: &Settings, names: &[Name]) -> Vec<Visit> {
    let of_set = |part: &Part| !matches!(part, Part::Growth);
    let parts: Vec<Part> = settings.parts.iter().copied().filter(of_set).collect();
    let mut visits: Vec<Visit> = names.iter().map(|&name| Visit { name, parts: parts.clone() }).collect();
    if parts.is_empty() {
        visits.clear();
    }
    let grown = |&growth: &Growth| Visit { name: Name::Noise(growth), parts: vec![Part::Growth] };
    visits.extend(settings.growth.iter().map(grown));
    let name = Name::Noise(Growth::Million);
    for &part in &settings.of_a_million {
        match visits.iter_mut().find(|visit| visit.name == name) {
            Some(visit) if !visit.parts.contains(&part) => visit.parts.push(part),
            Some(_) => {}
            None => visits.push(Visit { name, parts: vec![part] }),
        }
    }
    visits
}

#[cfg(test)]
mod tests {
    use super::super::tests::settings;
    use super::*;
    use crate::library::peer::Peer;

    #[test]
    fn the_set_of_a_million_is_visited_once_for_growth_restart_and_dumps() {
        let of_a_million = vec![Part::Restart, Part::Dumps];
        let settings = settings(vec![Part::Restart, Part::Growth]);
        let settings = Settings { growth: Growth::ALL.to_vec(), of_a_million, ..settings };
        let visits = visits(&settings, &[Name::FashionMnist]);
        assert_eq!(visits.len(), 1 + Growth::ALL.len());
        assert_eq!(visits[0], Visit { name: Name::FashionMnist, parts: vec![Part::Restart] });
        let million = visits.last().unwrap();
        assert_eq!((million.name, million.parts.len()), (Name::Noise(Growth::Million), 3));
        assert_eq!(million.stages().collect::<Vec<_>>(), [Stage::Libraries, Stage::Own, Stage::Dumps]);
    }

    #[test]
    fn fewer_peers_are_expected_to_take_less_time() {
        let visit = Visit { name: Name::FashionMnist, parts: vec![Part::Libraries] };
        let expected = |peers: &[Peer]| {
            let mut settings = settings(visit.parts.clone());
            settings.libraries.peers = peers.to_vec();
            visit.expected(Stage::Libraries, &settings)
        };
        assert!(expected(&Peer::ALL) > expected(&[Peer::Annuli, Peer::Hnswlib]));
    }

    #[test]
    fn growth_alone_visits_no_other_set() {
        let settings = Settings { growth: Growth::SMALL.to_vec(), ..settings(vec![Part::Growth]) };
        let visits = visits(&settings, &[Name::FashionMnist, Name::Glove100]);
        assert_eq!(visits.iter().map(|visit| visit.name).collect::<Vec<_>>(), Growth::SMALL.map(Name::Noise));
    }
}
