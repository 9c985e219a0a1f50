//! A secret's value, which no log, error or panic can print.

/// A password, a key, a token. Neither `Debug` nor anything else shows it; who needs it asks for it by name.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(String);

impl Hidden {
    /// Hides a value.
    pub fn new(value: impl Into<String>) -> Hidden {
        Hidden(value.into())
    }

    /// The value, for whoever signs in with it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}
