use roster_store::Selection;

use crate::error::Result;

/// A selection by inclusion and exclusion, of references as given by a caller. The default selects everything.
#[derive(Clone, Debug)]
pub struct Picked<T> {
    /// `None` selects everything, an empty list nothing.
    pub only: Option<Vec<T>>,
    pub except: Vec<T>,
}

impl<T> Default for Picked<T> {
    fn default() -> Self {
        Self { only: None, except: Vec::new() }
    }
}

impl<T> Picked<T> {
    /// References to what doesn't exist match nothing.
    pub(crate) fn resolve<I>(&self, find: impl Fn(&T) -> Result<Option<I>>) -> Result<Selection<I>> {
        let all = |names: &[T]| names.iter().filter_map(|name| find(name).transpose()).collect::<Result<Vec<I>>>();
        Ok(Selection { only: self.only.as_deref().map(all).transpose()?, except: all(&self.except)? })
    }
}
