use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::message::Naming;
use crate::track::ObjectId;

/// The names and colours that users gave the objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Names(BTreeMap<ObjectId, Name>);

/// A name and a colour `#rrggbb`, as far as they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Name {
    /// The name, not empty.
    pub name: Option<String>,
    /// `#rrggbb`.
    pub color: Option<String>,
}

impl Names {
    /// Sets what is given; an empty name takes the name away.
    pub fn set(&mut self, naming: Naming) {
        let entry = self.0.entry(naming.object).or_default();
        if let Some(name) = naming.name {
            entry.name = Some(name).filter(|name| !name.is_empty());
        }
        if naming.color.is_some() {
            entry.color = naming.color;
        }
    }

    /// The name and colour of an object, if it was given either.
    pub fn get(&self, object: ObjectId) -> Option<&Name> {
        self.0.get(&object)
    }

    /// Forgets all but those that are `wanted`; true if any was forgotten.
    pub fn keep(&mut self, wanted: impl Fn(ObjectId) -> bool) -> bool {
        let before = self.0.len();
        self.0.retain(|object, _| wanted(*object));
        self.0.len() < before
    }

    /// The message to the pages.
    pub fn text(&self) -> Arc<str> {
        #[derive(Serialize)]
        struct Text<'a> {
            r#type: &'static str,
            names: &'a Names,
        }
        serde_json::to_string(&Text { r#type: "names", names: self }).unwrap_or_default().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_set_sent_and_forgotten() {
        let mut names = Names::default();
        let naming = |object, name: Option<&str>, color: Option<&str>| Naming {
            object,
            name: name.map(str::to_owned),
            color: color.map(str::to_owned),
        };
        names.set(naming(1, Some("cup"), None));
        names.set(naming(1, None, Some("#112233")));
        names.set(naming(2, Some("\"quoted\""), None));
        let text = names.text();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["names"]["1"]["name"], "cup");
        assert_eq!(value["names"]["1"]["color"], "#112233");
        assert_eq!(value["names"]["2"]["name"], "\"quoted\"");
        names.set(naming(1, Some(""), None));
        assert_eq!(names.get(1).unwrap().name, None);
        assert!(names.keep(|id| id == 1));
        assert!(!names.keep(|id| id == 1));
        assert_eq!(names.get(2), None);
    }
}
