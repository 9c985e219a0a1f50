//! Recorded answers: some for every model, some for one, some twice, some faults, some that are no answers.

use super::text::{object, quote, Members};
use super::{Dice, World};
use crate::readings::{FAULTS, QUALITIES};

pub fn readings(dice: &mut Dice, world: &World) -> Vec<u8> {
    let mut lines = Vec::new();
    for uri in &world.uris {
        match dice.below(10) {
            0 => {}
            1..6 => lines.push(answer(dice, uri, None)),
            _ => {
                for model in &world.models {
                    if dice.chance(60) {
                        lines.push(answer(dice, uri, Some(model)));
                    }
                }
                if dice.chance(50) {
                    lines.push(answer(dice, uri, None));
                }
            }
        }
        if dice.chance(10) {
            let model = dice.pick(&world.models).clone();
            lines.push(answer(dice, uri, Some(&model)));
        }
        if dice.chance(5) {
            lines.push(no_answer(dice, uri));
        }
    }
    dice.shuffle(&mut lines);
    lines.into_iter().flat_map(|line| (line + "\n").into_bytes()).collect()
}

fn answer(dice: &mut Dice, uri: &str, model: Option<&str>) -> String {
    let mut members = vec![("uri".to_string(), quote(dice, uri))];
    match model {
        Some(model) => members.push(("model".to_string(), quote(dice, model))),
        None if dice.chance(10) => members.push(("model".to_string(), "null".to_string())),
        None => {}
    }
    match dice.below(100) {
        0..10 => {
            let fault = *dice.pick(&FAULTS);
            members.push(("fault".to_string(), quote(dice, fault)));
        }
        // An `ok` without completion_bp is the fault `model_error`.
        10..13 => members.push(("quality".to_string(), quote(dice, "ok"))),
        13..28 => {
            let quality = *dice.pick(&QUALITIES[1..]);
            members.push(("quality".to_string(), quote(dice, quality)));
            // A completion that does not count, as the quality is not ok.
            if dice.chance(30) {
                members.push(("completion_bp".to_string(), "9000".to_string()));
            }
            confidence(dice, &mut members);
        }
        _ => {
            members.push(("quality".to_string(), quote(dice, "ok")));
            members.push(("completion_bp".to_string(), completion(dice)));
            confidence(dice, &mut members);
        }
    }
    object(dice, &members)
}

fn confidence(dice: &mut Dice, members: &mut Members) {
    if dice.chance(70) {
        let bp = dice.between(0, 10_000).to_string();
        members.push(("confidence_bp".to_string(), bp));
    }
}

/// On and beside the thresholds for half of them, and mostly complete, so that pairs get complete.
fn completion(dice: &mut Dice) -> String {
    match dice.below(4) {
        0 => dice.pick(&[0, 1, 499, 500, 501, 7999, 8000, 8001, 10_000]).to_string(),
        1 => dice.between(0, 10_000).to_string(),
        _ => dice.between(8000, 10_000).to_string(),
    }
}

/// A line that is passed over.
fn no_answer(dice: &mut Dice, uri: &str) -> String {
    let uri = quote(dice, uri);
    match dice.below(12) {
        0 => String::new(),
        1 => "not json".into(),
        2 => "[]".into(),
        3 => r#"{"quality":"ok","completion_bp":1}"#.into(),
        4 => format!(r#"{{"uri":{uri}}}"#),
        5 => format!(r#"{{"uri":{uri},"quality":"excellent","completion_bp":1}}"#),
        6 => format!(r#"{{"uri":{uri},"quality":"ok","completion_bp":10001}}"#),
        7 => format!(r#"{{"uri":{uri},"quality":"ok","completion_bp":1.0}}"#),
        8 => format!(r#"{{"uri":{uri},"fault":"bad_luck"}}"#),
        9 => format!(r#"{{"uri":{uri},"uri":{uri},"quality":"dark"}}"#),
        10 => format!(r#"{{"uri":{uri},"quality":"dark","fault":"corrupt"}}"#),
        _ => format!(r#"{{"uri":{uri},"quality":"dark""#),
    }
}
