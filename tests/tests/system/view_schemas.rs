//! The rows of every view of the flow have their JSON Schema in a file: `UPDATE=1 cargo test -p inkflow-tests view_schemas`
//! writes them.

use inkflow_schemas::json_schema::{check_file, of_view, FOLDER};
use inkflow_tests::core::{settings, Core};
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn the_files_are_what_the_flow_says() {
    let core = Core::start(1, settings([]));
    let views = core.tables.schemas();
    for view in views {
        assert_eq!(check_file(&format!("views/{}", view.name), &of_view(view)), Ok(()));
    }
    let files = std::fs::read_dir(Path::new(FOLDER).join("views")).expect("the folder of the schemas");
    let files: BTreeSet<_> =
        files.map(|file| file.expect("a file").file_name().into_string().expect("UTF-8")).collect();
    let names: BTreeSet<_> = views.iter().map(|view| format!("{}.json", view.name)).collect();
    assert_eq!(files, names, "a file of a view that is none");
}
