//! Fills an empty database by `roster import`, as whoever moves to Roster does.

use std::io::{BufWriter, Write as _};
use std::process::Stdio;

use anyhow::{Result, ensure};

use super::{Shape, Store, lines};
use crate::cores::{Cores, Place};
use crate::roster::{self, Roster};
use crate::settings::Settings;

pub fn fill(cores: &Cores, store: &Store, shape: Shape) -> Result<()> {
    // The first start makes the realm and its key.
    Roster::start(cores, Place::Anywhere, store)?.stop()?;
    let mut file = BufWriter::new(tempfile::NamedTempFile::new_in(Settings::folder())?);
    lines::write(&mut file, shape)?;
    file.flush()?;
    let mut import = roster::command(store)?;
    import.arg("import").arg(file.get_ref().path()).stdout(Stdio::null());
    let status = cores.run_at(Place::Anywhere, || Ok(import.status()?))?;
    ensure!(status.success(), "roster import: {status}");
    Ok(())
}
