use std::path::PathBuf;

use super::Connection;
use super::url::Address;
use crate::error::Result;

/// How to open further connections to the same database.
#[derive(Clone, Debug)]
pub enum Source {
    File(PathBuf),
    Server(Box<Address>),
}

impl Source {
    /// Opens a connection that may write.
    pub(crate) fn open(&self) -> Result<Connection> {
        match self {
            Self::File(file) => Connection::open_file(file),
            Self::Server(address) => Connection::open_server(address),
        }
    }

    pub(crate) fn open_reader(&self) -> Result<Connection> {
        let connection = self.open()?;
        connection.tune()?;
        connection.set_query_only()?;
        Ok(connection)
    }
}
