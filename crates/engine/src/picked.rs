use roster_store::Selection;

use crate::error::Result;

/// Those named, without those excepted, as a caller names them. The default is everything.
#[derive(Clone, Debug)]
pub struct Picked<T> {
    /// `Some` of nothing is nothing.
    pub only: Option<Vec<T>>,
    pub except: Vec<T>,
}

impl<T> Default for Picked<T> {
    fn default() -> Self {
        Self { only: None, except: Vec::new() }
    }
}

impl<T> Picked<T> {
    /// What isn't there matches nothing.
    pub(crate) fn resolve<I>(&self, find: impl Fn(&T) -> Result<Option<I>>) -> Result<Selection<I>> {
        let all = |names: &[T]| names.iter().filter_map(|name| find(name).transpose()).collect::<Result<Vec<I>>>();
        Ok(Selection { only: self.only.as_deref().map(all).transpose()?, except: all(&self.except)? })
    }
}
