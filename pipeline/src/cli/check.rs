use super::Failure;
pub(super) fn run(_flow: &std::path::Path) -> Result<(), Failure> { Ok(()) }
