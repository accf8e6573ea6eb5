//! What a rollout would do, for people.

use annuli_api::v1::rollout::{PlannedStep, RolloutPlan};
use annuli_core::IndexName;

/// A line for each step, and for each replica.
pub(super) fn text(index: &IndexName, plan: &RolloutPlan) -> String {
    let RolloutPlan { generation, dump, waits_for, steps } = plan;
    if steps.is_empty() {
        return format!("the replicas of index `{index}` serve generation {generation} already\n");
    }
    let mut text = format!("to generation {generation} of index `{index}`, dump {dump}:\n");
    for task in waits_for {
        text += &format!("   -  wait for task {task}\n");
    }
    for (number, step) in steps.iter().enumerate() {
        text += &format!("{:>4}  {}\n", number + 1, said(step, *generation));
        if let PlannedStep::Prepare { replicas } | PlannedStep::Drain { replicas } = step {
            for replica in replicas {
                text += &format!("        shard {}  {}\n", replica.shard, replica.address);
            }
        }
    }
    text
}

fn said(step: &PlannedStep, generation: u64) -> String {
    match step {
        PlannedStep::Prepare { .. } => "prepare on, at once".to_owned(),
        PlannedStep::Drain { .. } => "let go of what is served and prepare, at once, on".to_owned(),
        PlannedStep::Switch { shard } => format!("serve it of shard {shard}"),
        PlannedStep::Compare { percent, searches, floor_percent } => format!(
            "make {percent} % of the live searches in it as well, until {searches} were compared; fewer than {floor_percent} % \
             of common hits stop it"
        ),
        PlannedStep::AwaitApproval => "wait for `annuli rollout resume`".to_owned(),
        PlannedStep::Flip { from: Some(from) } => format!("serve generation {generation} in place of {from}"),
        PlannedStep::Flip { from: None } => {
            format!("serve generation {generation} from the replicas, in place of the primaries")
        }
        PlannedStep::Retire { generation } => format!("let go of generation {generation}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use annuli_api::v1::rollout::PlannedReplica;
    use uuid::Uuid;

    fn plan(steps: Vec<PlannedStep>) -> String {
        let plan = RolloutPlan { generation: 2, dump: Uuid::nil(), waits_for: Vec::new(), steps };
        text(&IndexName::new("faces").unwrap(), &plan)
    }

    #[test]
    fn steps_are_numbered_in_their_order() {
        let replica = PlannedReplica { shard: 1, id: Uuid::nil(), address: "127.0.0.1:7730".to_owned() };
        let text = plan(vec![
            PlannedStep::Prepare { replicas: vec![replica] },
            PlannedStep::Compare { percent: 5, searches: 100, floor_percent: 80 },
            PlannedStep::AwaitApproval,
            PlannedStep::Flip { from: Some(1) },
            PlannedStep::Retire { generation: 1 },
        ]);
        let expected = "to generation 2 of index `faces`, dump 00000000-0000-0000-0000-000000000000:
   1  prepare on, at once
        shard 1  127.0.0.1:7730
   2  make 5 % of the live searches in it as well, until 100 were compared; fewer than 80 % of common hits stop it
   3  wait for `annuli rollout resume`
   4  serve generation 2 in place of 1
   5  let go of generation 1
";
        assert_eq!(text, expected);
    }

    #[test]
    fn where_nothing_is_to_be_done_it_is_said() {
        assert_eq!(plan(Vec::new()), "the replicas of index `faces` serve generation 2 already\n");
    }
}
