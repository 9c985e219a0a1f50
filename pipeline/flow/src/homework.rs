//! The homework flow: from submissions, rosters, assignments, reviews, policies and answers to every view.

use crate::feed::{Fed, Garbage, Want};
use crate::flow::Flow;
use inkflow_operators::counted::{counted, questions, Asking};
use inkflow_operators::keep::Told;
use inkflow_operators::pages::{pages, PageTold, Pages};
use inkflow_operators::pairs::{pairs, Enrolled, Task};
use inkflow_operators::phases::phases;
use inkflow_operators::policy::rules;
use inkflow_operators::readings::{answers, readings, PhotoTold, Photos};
use inkflow_operators::resolve::resolve;
use inkflow_operators::unasked::unasked;
use inkflow_operators::upsert::{upsert, Upsert};
use inkflow_operators::views::agreement::{model_agreement, review_agreement};
use inkflow_operators::views::class_assignment::class_assignment;
use inkflow_operators::views::class_day::{class_day, DayOf};
use inkflow_operators::views::failed_photos::failed_photos;
use inkflow_operators::views::page_status::{page_status, statuses};
use inkflow_operators::views::positions::{Freshness, Rejected};
use inkflow_operators::views::student_assignment::student_assignment;
use inkflow_operators::views::student_completion::{student_completion, student_recent, student_subject};
use inkflow_schemas::{Id, ModelName, Policy, Question, Scope};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What the flow takes from its configuration. All of it is fixed for the life of a process.
#[derive(Clone)]
pub struct Settings {
    /// The model that reads where no policy says otherwise.
    pub model: ModelName,
    /// The models that compare a photo with the blank page.
    pub template_models: Arc<BTreeSet<ModelName>>,
    /// The day of a time, in the flow's time zone.
    pub day_of: DayOf,
    /// So many days after its photo left demand, what is known of it is deleted.
    pub keep_readings_days: u32,
}

/// Defines the homework flow.
pub fn homework(flow: &mut Flow<'_>, settings: Settings) {
    // Logs become collections.
    let (pages, page_garbage) = pages(flow.source::<Pages>(pick_page));
    let (enrolments, left) = upsert(flow.source::<Upsert<Id, Id, Enrolled>>(pick_enrolment), "Enrolments");
    let (assignments, _) = upsert(flow.source::<Upsert<Id, (), Arc<Task>>>(pick_assignment), "Assignments");
    let (policies, _) = upsert(flow.source::<Upsert<Scope, (), Arc<Policy>>>(pick_policy), "Policies");
    let (known, late_reads) = readings(flow.source::<Photos>(pick_photo));
    let ledger = answers(known.clone());
    let (fresh, _) = upsert(flow.source::<Upsert<(ecow::EcoString, u32), (), Freshness>>(pick_fresh), "Freshness");
    let (rejected, _) = upsert(flow.source::<Upsert<Rejected, (), ()>>(pick_rejected), "Rejected");

    // Who has which assignment, and where the clock stands in it.
    let (tasks, instants) =
        phases(assignments.map(|(_, task)| task), flow.clock(), |task: &Arc<Task>| task.instants, "Phases");
    let places = enrolments.clone().map(|((_, class), enrolled)| (class, enrolled.school_id));
    let rules = rules(places, policies.map(|((scope, ()), policy)| (scope, policy)), settings.model);
    let seats = enrolments.clone().map(|(seat, _)| seat);
    let pairs = pairs(enrolments, rules, tasks.clone());

    // Which pages count, what is asked of the readers for them, and what they answered.
    let (counted, uncounted) = counted(pages, pairs.clone());
    let template_models = settings.template_models;
    let asked = questions(counted.clone(), move |model| template_models.contains(model));
    let photos = asked.clone().map(|(question, _)| question.photo);
    let resolved = resolve(asked, ledger.arrange_by_key_named("Ledger"));
    let rows = resolved.rows();
    let live = rows.clone().flat_map(|(asking, answer)| (!asking.shadow).then_some((asking.page, answer)));
    let shadow = rows.flat_map(|(asking, answer)| asking.shadow.then_some((asking.page, answer)));

    // The views.
    let statuses = statuses(counted, live.clone());
    let progress = student_assignment(statuses.clone(), pairs);
    flow.view(page_status(statuses.clone(), uncounted));
    flow.view(progress.clone());
    flow.view(student_completion(progress.clone(), seats.clone()));
    flow.view(student_subject(progress.clone()));
    flow.view(student_recent(progress.clone(), seats));
    flow.view(class_assignment(progress, tasks.map(|(task, _)| task)));
    flow.view(class_day(statuses.clone(), settings.day_of));
    flow.view(model_agreement(live, shadow));
    flow.view(review_agreement(statuses));
    flow.view(failed_photos(resolved.answered.map(|(question, _, answer)| (question, answer))));
    flow.view(rejected.map(|((rejected, ()), ())| rejected));
    flow.view(fresh.map(|(_, freshness)| freshness));

    // What goes back to the world.
    flow.missing(resolved.missing.map(want));
    flow.garbage(page_garbage.map(|row| match row.upload {
        Some(upload) => Garbage::Upload(row.student_id, row.page, upload),
        None => Garbage::Review(row.student_id, row.page),
    }));
    flow.garbage(left.map(|(student, class)| Garbage::Enrolment(student, class)));
    flow.garbage(late_reads.map(|(photo, epoch)| Garbage::Read(photo, epoch)));
    flow.unasked(unasked(photos, known, flow.clock(), settings.keep_readings_days));
    flow.instants(instants);
}

fn want((question, asking): (Question, Asking)) -> (Question, Want) {
    let photo = asking.page.upload().map(|upload| &upload.photo);
    let want = Want {
        shadow: asking.shadow,
        admitted: asking.page.upload().map_or(0, |upload| upload.admitted.0),
        school_id: asking.page.seat.school_id.clone(),
        student_id: asking.page.student_id.clone(),
        bytes: photo.and_then(|photo| photo.bytes),
        sha256: photo.and_then(|photo| photo.sha256),
        blank: question.template.as_ref().and_then(|_| asking.page.blank().cloned()),
    };
    (question, want)
}

fn pick_page(fed: &Fed) -> Option<Told<Id, (Id, u16), PageTold>> {
    match fed {
        Fed::Upload(student, page, upload) => {
            Some(Told::Key(student.clone(), page.clone(), PageTold::Upload(upload.clone())))
        }
        Fed::Review(student, page, review) => {
            Some(Told::Key(student.clone(), page.clone(), PageTold::Review(review.clone())))
        }
        Fed::Erased(student) => Some(Told::Evict(student.clone())),
        _ => None,
    }
}

fn pick_enrolment(fed: &Fed) -> Option<Told<Id, Id, Option<Enrolled>>> {
    match fed {
        Fed::Enrolment(student, class, enrolled) => Some(Told::Key(student.clone(), class.clone(), enrolled.clone())),
        Fed::Erased(student) => Some(Told::Evict(student.clone())),
        _ => None,
    }
}

fn pick_assignment(fed: &Fed) -> Option<Told<Id, (), Option<Arc<Task>>>> {
    match fed {
        Fed::Assignment(assignment, task) => Some(Told::Key(assignment.clone(), (), task.clone())),
        _ => None,
    }
}

fn pick_policy(fed: &Fed) -> Option<Told<Scope, (), Option<Arc<Policy>>>> {
    match fed {
        Fed::Policy(scope, policy) => Some(Told::Key(scope.clone(), (), policy.clone())),
        _ => None,
    }
}

fn pick_photo(fed: &Fed) -> Option<Told<inkflow_schemas::PhotoKey, (), PhotoTold>> {
    match fed {
        Fed::Answer(question, outcome) => {
            let asked = (question.model.clone(), question.template.clone());
            Some(Told::Key(question.photo.clone(), (), PhotoTold::Answer(asked, *outcome)))
        }
        Fed::Unread(photo) => Some(Told::Key(photo.clone(), (), PhotoTold::Forgotten)),
        Fed::Left(photo, left) => Some(Told::Key(photo.clone(), (), PhotoTold::Left(*left))),
        Fed::Expired(photo) => Some(Told::Evict(photo.clone())),
        Fed::Read(photo, clock, epoch) => Some(Told::Key(photo.clone(), (), PhotoTold::Read(*clock, *epoch))),
        _ => None,
    }
}

fn pick_fresh(fed: &Fed) -> Option<Told<(ecow::EcoString, u32), (), Option<Freshness>>> {
    match fed {
        Fed::Fresh(topic, partition, freshness) => {
            Some(Told::Key((topic.clone(), *partition), (), Some(freshness.clone())))
        }
        _ => None,
    }
}

fn pick_rejected(fed: &Fed) -> Option<Told<Rejected, (), Option<()>>> {
    match fed {
        Fed::Rejected(rejected) => Some(Told::Key(rejected.clone(), (), Some(()))),
        _ => None,
    }
}
