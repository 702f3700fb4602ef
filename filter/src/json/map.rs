//! The members of a JSON object.

use serde::ser::{Serialize, Serializer};
use smol_str::SmolStr;

use super::Value;

/// Members in the order of their names, each of which is there once. Most objects have few, with
/// short names, and lie in one piece of memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map(Vec<(SmolStr, Value)>);

impl Map {
    /// These members; an error is a name that is there twice.
    pub fn new(mut members: Vec<(SmolStr, Value)>) -> Result<Self, SmolStr> {
        members.sort_unstable_by(|(a, _), (b, _)| a.as_bytes().cmp(b.as_bytes()));
        let mut names = members.iter().map(|(name, _)| name);
        let mut before = names.next();
        for name in names {
            if before == Some(name) {
                return Err(name.clone());
            }
            before = Some(name);
        }
        Ok(Self(members))
    }

    /// The member `name`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let (_, value) = self.0.get(self.place(name)?)?;
        Some(value)
    }

    /// The member `name`, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        let place = self.place(name)?;
        let (_, value) = self.0.get_mut(place)?;
        Some(value)
    }

    /// Whether there is a member `name`.
    pub fn contains_key(&self, name: &str) -> bool {
        self.place(name).is_some()
    }

    /// Every member in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Every name in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    fn place(&self, name: &str) -> Option<usize> {
        let name = name.as_bytes();
        let found = self
            .0
            .binary_search_by(|(other, _)| other.as_bytes().cmp(name));
        found.ok()
    }
}

impl Serialize for Map {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_and_ordered() {
        let names: Vec<String> = (0..100).map(|number| format!("{}", number * 7)).collect();
        let member = |name: &String| (name.into(), Value::String(name.into()));
        for len in 0..names.len() {
            let mut map = Map::new(names.iter().take(len).map(member).collect()).unwrap();
            for (index, name) in names.iter().enumerate() {
                let expected = Value::String(name.into());
                let expected = (index < len).then_some(expected);
                assert_eq!(map.get(name), expected.as_ref(), "{len} {name}");
                assert_eq!(map.get_mut(name).cloned(), expected, "{len} {name}");
                assert_eq!(map.contains_key(name), index < len, "{len} {name}");
            }
            assert!(map.keys().is_sorted(), "{len}");
            assert_eq!(map.iter().count(), len);
        }
    }

    #[test]
    fn a_name_is_there_once() {
        for (first, second) in [(0, 1), (0, 59), (30, 31), (20, 40)] {
            let mut names: Vec<SmolStr> = (0..60).map(|n| format!("{n}").into()).collect();
            names[first] = names[second].clone();
            let twice = names[second].clone();
            let members = names.into_iter().map(|name| (name, Value::Null)).collect();
            assert_eq!(Map::new(members), Err(twice), "{first} {second}");
        }
    }
}
