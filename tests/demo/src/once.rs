//! The demo without waiting: the whole story at a fixed clock, in two runs on one journal, and then the check.

use crate::scenario::{tell, Album, Event, Look};
use crate::screen::{Scene, Screen};
use crate::stage::Stage;
use crate::views::Reader;
use crate::{check, fail, say, summary, Options, Result};
use std::time::Instant;

/// 2026-11-20T09:00:00Z, a Friday.
const BEGINS_MS: i64 = 1_795_165_200_000;

/// Plays it.
pub fn play(options: &Options) -> Result<()> {
    let stage = Stage::set(&options.dir, &options.models)?;
    let story = tell(&Album::of(&stage.truth()?), BEGINS_MS, options.length_ms);
    let now_ms = BEGINS_MS + options.length_ms;
    stage.append(&story.rosters)?;
    let middle = story.events.partition_point(|event| event.at_ms < options.length_ms / 2);
    let (first, second) = story.events.split_at(middle);
    for (what, events) in [("the first half", first), ("the second half, on the same journal", second)] {
        events.iter().try_for_each(|event| stage.play(event))?;
        let photos = events.iter().filter(|event| event.photo.is_some()).count();
        let since = Instant::now();
        options.inkflow.run_until_end(&stage, now_ms)?;
        say(&format!(
            "{what}: {photos} photos in {:.1} s, with the start and the end of the process",
            since.elapsed().as_secs_f64()
        ));
    }

    let Some(mut reader) = Reader::open(&stage.path("views.sqlite")) else {
        return fail("inkflow has written no views.sqlite");
    };
    let mut scene = scene(&mut reader, &story.events, options.length_ms)?;
    let checked = check::check(&stage, &options.inkflow, &reader, now_ms, true);
    if let Ok(checked) = &checked {
        (scene.read, scene.failed) = (Some(checked.read), Some(checked.failed));
    }
    say("");
    Screen::stdout().print(&scene)?;
    say("");
    if scene.snapshot.pending > 0 || !scene.snapshot.is_whole() {
        return fail("the run has ended, and its views are not whole");
    }
    say(&summary::checked(&checked?, true));
    say(&summary::where_it_is(&stage, &options.inkflow));
    Ok(())
}

/// How it looks at the end.
fn scene(reader: &mut Reader, events: &[Event], length_ms: i64) -> Result<Scene> {
    let looks: Vec<&Look> = events.iter().filter_map(|event| event.note.as_ref()).map(|(_, look)| look).collect();
    let mut scene = Scene { at_ms: length_ms, length_ms, snapshot: reader.snapshot(&looks)?, ..Scene::default() };
    for event in events {
        scene.see(event);
    }
    Ok(scene)
}
