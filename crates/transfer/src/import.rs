//! Passes the lines of a file to the engine, chunk by chunk.
//!
//! ```text
//! a thread reads and translates ──▶ Chunk, Chunk ──▶ one transaction each, with the progress made
//!                                                      └ a line is refused: from here on lines are only checked
//! ```
//!
//! Others may write meanwhile. The reason for which a line is refused may be gone by the time it is checked; then the chunk is retried.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use roster_engine::{self as engine, Caller, ImportProgress, ImportState, ImportStep, Incoming, Timestamp};
use tokio::sync::{mpsc, oneshot};

use crate::lines::{Input, LINE_MAX, Lines, RawLine};
use crate::map::{self, Line};
use crate::record::{FORMAT, VERSION};
use crate::write_pacer::WritePacer;

/// Lines in a chunk: at the beginning, at least and at most.
const INITIAL_CHUNK_LINES: usize = 1000;
const MIN_CHUNK_LINES: usize = 50;
const MAX_CHUNK_LINES: usize = 20_000;
/// Maximum bytes of lines in a chunk.
const CHUNK_BYTES: u64 = 8 << 20;
/// How long a transaction should take, since nobody else can write meanwhile.
const TARGET_TRANSACTION_TIME: Duration = Duration::from_millis(500);
/// How often [`Caller::analyze_after_import`] may run: at most in this interval, and so that it takes at most one part in so many of the time.
const ANALYZE_INTERVAL: Duration = Duration::from_secs(2);
const ANALYZE_TIME_SHARE: u32 = 20;
/// Chunks that are read ahead.
const CHUNKS_AHEAD: usize = 2;
/// How often a chunk is tried if the reason for refusing its lines is gone each time they are checked.
const MAX_TRIES: u32 = 5;

/// Lines of a chunk that are refused, by their positions in it.
type Refused = Vec<(usize, engine::Error)>;

/// Why an import failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the input can't be read")]
    Read(#[from] io::Error),
    #[error(
        "this input differs from what was being imported before, and can't be read again from its first line: use --restart"
    )]
    OtherStream,
    #[error("another import into this realm is under way")]
    Concurrent,
    #[error(transparent)]
    Engine(engine::Error),
}

impl From<engine::Error> for Error {
    fn from(error: engine::Error) -> Self {
        match error {
            engine::Error::PreconditionFailed => Self::Concurrent,
            other => Self::Engine(other),
        }
    }
}

/// How to import.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Report what would be refused, and change nothing.
    pub dry_run: bool,
    /// Begin at the first line, whatever was imported before.
    pub restart: bool,
}

/// Progress of an import, reported while it runs.
#[derive(Debug)]
pub enum ImportNotice<'t> {
    /// It resumes after what was imported before.
    Resumed(&'t ImportProgress),
    /// The position reached, counted from the beginning of the file.
    At { lines: u64, bytes: u64 },
    /// This line is refused. Reported in the order of lines.
    Refused { line: u64, problem: &'t str },
}

/// The result of an import, or of a dry run.
#[derive(Debug, Default)]
pub struct Imported {
    /// Records by their kind, in this run.
    pub records: BTreeMap<&'static str, u64>,
    /// Lines of the file imported so far, by this run and earlier ones.
    pub lines: u64,
    /// Lines that are refused.
    pub refused: u64,
    /// Whether this very file was imported before, and nothing was left to do.
    pub nothing_new: bool,
}

impl Imported {
    pub fn total(&self) -> u64 {
        self.records.values().sum()
    }
}

/// Some lines, read and translated.
struct Chunk {
    records: Arc<[Incoming]>,
    /// Their line numbers.
    numbers: Vec<u64>,
    /// Lines that don't conform to the format, with the problem.
    problems: Vec<(u64, String)>,
    after: FilePosition,
    last: bool,
    /// Whether the file has nothing but blank lines up to the end of this chunk.
    blank: bool,
}

impl Chunk {
    fn is_empty(&self) -> bool {
        self.records.is_empty() && self.problems.is_empty()
    }
}

/// The position in the file after a chunk.
#[derive(Clone)]
struct FilePosition {
    beginning: String,
    hash: String,
    bytes: u64,
    lines: u64,
}

/// Imports `input` on behalf of a caller who may do everything in the realm.
///
/// Each chunk is one transaction. The first chunk with a line that is refused is not imported, and from there on the rest of the file is
/// only checked for more such lines.
pub async fn import(
    caller: &Caller,
    input: Input,
    options: Options,
    notify: &mut (dyn FnMut(ImportNotice<'_>) + Send),
) -> Result<Imported, Error> {
    let before = caller.begin_import().await?;
    let from = before.clone().filter(|_| !options.restart);
    let size = Arc::new(AtomicUsize::new(INITIAL_CHUNK_LINES));
    let (send, mut chunks) = mpsc::channel(CHUNKS_AHEAD);
    let (opened, resumed) = oneshot::channel();
    let reading = ChunkReader { size: Arc::clone(&size), send, end: None, blank: true };
    let begin = from.clone();
    let reader = tokio::task::spawn_blocking(move || {
        let (lines, resumed) = Lines::open(input, begin.as_ref())?;
        let _ = opened.send(resumed);
        reading.run(lines, begin.filter(|_| resumed))
    });
    // If the input couldn't be opened, the reader's result has the error.
    let resumed = resumed.await.unwrap_or(false);
    let from = from.filter(|_| resumed);
    if let Some(from) = &from {
        notify(ImportNotice::Resumed(from));
    }
    let mut run = ImportRun {
        caller,
        begun: from.as_ref().map_or_else(|| caller.now(), |from| from.begun),
        imported: Imported { lines: from.as_ref().map_or(0, |from| from.lines), ..Imported::default() },
        finished: from.as_ref().is_some_and(|from| from.finished),
        before,
        size,
        write_pacer: WritePacer::new(caller),
        last_analyze: (Instant::now(), ANALYZE_INTERVAL),
        checking: options.dry_run.then(Box::default),
        dry_run: options.dry_run,
    };
    let mut nothing_new = from.is_some();
    while let Some(chunk) = chunks.recv().await {
        nothing_new &= chunk.is_empty();
        run.chunk(&chunk, notify).await?;
        notify(ImportNotice::At { lines: chunk.after.lines, bytes: chunk.after.bytes });
    }
    reader.await.map_err(|error| io::Error::other(error.to_string()))??;
    if run.imported.total() > 0 && !run.dry_run {
        caller.analyze_after_import().await;
    }
    Ok(Imported { nothing_new, ..run.imported })
}

/// An import in progress.
struct ImportRun<'c> {
    caller: &'c Caller,
    begun: Timestamp,
    /// Whether all of the file was imported before.
    finished: bool,
    before: Option<ImportProgress>,
    imported: Imported,
    size: Arc<AtomicUsize>,
    write_pacer: WritePacer,
    /// When [`Caller::analyze_after_import`] last ran, and how long after that it may run again.
    last_analyze: (Instant, Duration),
    /// Set once lines are only checked and no longer imported: what the lines checked so far would create.
    checking: Option<Box<ImportState>>,
    /// Nothing is to be imported at all, only checked.
    dry_run: bool,
}

impl ImportRun<'_> {
    async fn chunk(&mut self, chunk: &Chunk, notify: &mut (dyn FnMut(ImportNotice<'_>) + Send)) -> Result<(), Error> {
        // Recording progress for an empty file would overwrite the progress of the one imported before.
        if chunk.blank || (self.finished && chunk.is_empty()) {
            return Ok(());
        }
        let refused = if self.checking.is_none() && chunk.problems.is_empty() {
            let Some(refused) = self.import(chunk).await? else { return Ok(()) };
            refused
        } else {
            self.check(chunk).await?
        };
        if self.dry_run {
            self.imported.count(&chunk.records);
        }
        let refused = refused.iter().filter_map(|(place, error)| Some((*chunk.numbers.get(*place)?, describe(error))));
        let mut problems: Vec<_> = chunk.problems.iter().cloned().chain(refused).collect();
        problems.sort();
        self.imported.refused += problems.len() as u64;
        for (line, problem) in &problems {
            notify(ImportNotice::Refused { line: *line, problem });
        }
        Ok(())
    }

    /// `None` if the chunk was imported. Else its refused lines; from now on lines are only checked.
    async fn import(&mut self, chunk: &Chunk) -> Result<Option<Refused>, Error> {
        let mut tries = 0;
        loop {
            let Some(refused) = self.try_to_import(chunk).await? else { return Ok(None) };
            let found = self.check(chunk).await?;
            tries += 1;
            if !found.is_empty() {
                return Ok(Some(found));
            }
            if tries == MAX_TRIES {
                // The reason comes and goes, but the lines weren't imported, so the refusal has to be reported.
                return Ok(Some(refused));
            }
            self.checking = None;
        }
    }

    /// Which lines would be refused, given all lines checked before.
    async fn check(&mut self, chunk: &Chunk) -> Result<Refused, Error> {
        let known = self.checking.take().unwrap_or_default();
        let (known, refused) = self.caller.check_import(Arc::clone(&chunk.records), known).await?;
        self.checking = Some(known);
        Ok(refused)
    }

    /// `None` if the chunk was imported. Else its refused lines, at least one.
    async fn try_to_import(&mut self, chunk: &Chunk) -> Result<Option<Refused>, Error> {
        let FilePosition { beginning, hash, bytes, lines } = chunk.after.clone();
        let (begun, updated) = (self.begun, self.caller.now());
        let after = ImportProgress { beginning, hash, bytes, lines, finished: chunk.last, begun, updated };
        let step = ImportStep { before: self.before.clone(), after: after.clone() };
        self.write_pacer.pause_if_needed().await;
        let started = Instant::now();
        let log = match self.caller.import(Arc::clone(&chunk.records), step).await {
            Ok(log) => log,
            Err(engine::Error::Items(refused)) if !refused.is_empty() => return Ok(Some(refused)),
            Err(error) => return Err(error.into()),
        };
        adapt(&self.size, chunk.numbers.len(), started.elapsed());
        self.write_pacer.chunk_written(log);
        self.before = Some(after);
        self.imported.lines = lines;
        self.imported.count(&chunk.records);
        if self.last_analyze.0.elapsed() >= self.last_analyze.1 {
            let started = Instant::now();
            self.caller.analyze_after_import().await;
            self.last_analyze = (Instant::now(), ANALYZE_INTERVAL.max(started.elapsed() * ANALYZE_TIME_SHARE));
        }
        Ok(None)
    }
}

impl Imported {
    fn count(&mut self, records: &[Incoming]) {
        for record in records {
            *self.records.entry(map::kind(record)).or_default() += 1;
        }
    }
}

/// Adapts the chunk size so that a transaction takes about [`TARGET_TRANSACTION_TIME`].
fn adapt(size: &AtomicUsize, lines: usize, took: Duration) {
    if lines < MIN_CHUNK_LINES {
        return;
    }
    let fits = lines as u128 * TARGET_TRANSACTION_TIME.as_micros() / took.as_micros().max(1);
    let fits = usize::try_from(fits).unwrap_or(usize::MAX);
    let now = size.load(Ordering::Relaxed);
    size.store(fits.clamp(now / 2, now * 2).clamp(MIN_CHUNK_LINES, MAX_CHUNK_LINES), Ordering::Relaxed);
}

/// The engine's error, with the id of the existing entity if it names one.
fn describe(error: &engine::Error) -> String {
    match error {
        engine::Error::AlreadyExists { id: Some(id), .. } => match native(*id) {
            Some(id) => format!("{error}: {id}"),
            None => error.to_string(),
        },
        _ => error.to_string(),
    }
}

fn native(raw: i64) -> Option<String> {
    use roster_engine::{EntityId, OrganizationId, PermissionId, RoleId, UserId};
    let user = UserId::checked(raw).map(EntityId::native);
    let organization = || OrganizationId::checked(raw).map(EntityId::native);
    let role = || RoleId::checked(raw).map(EntityId::native);
    user.or_else(organization).or_else(role).or_else(|| PermissionId::checked(raw).map(EntityId::native))
}

/// Reads a file to its end, on a thread for blocking work.
struct ChunkReader {
    size: Arc<AtomicUsize>,
    send: mpsc::Sender<Chunk>,
    /// Whether the `end` line was read; `None` if the header doesn't announce one and none was read.
    end: Option<bool>,
    /// Whether only blank lines were read so far.
    blank: bool,
}

impl ChunkReader {
    fn run(mut self, mut lines: Lines, from: Option<ImportProgress>) -> Result<(), Error> {
        self.blank = from.is_none();
        // When resuming, the header (and the end line of a file that was read completely) isn't read again but still counts.
        if let Some(from) = from
            && let Ok(Line::Header(header)) = map::read(lines.first_line())
        {
            self.end = header.end.then_some(from.finished);
        }
        loop {
            let chunk = self.chunk(&mut lines)?;
            let last = chunk.last;
            // The receiver is gone if the import has failed.
            if self.send.blocking_send(chunk).is_err() || last {
                return Ok(());
            }
        }
    }

    fn chunk(&mut self, lines: &mut Lines) -> Result<Chunk, Error> {
        let (mut records, mut numbers, mut problems) = (Vec::new(), Vec::new(), Vec::new());
        let size = self.size.load(Ordering::Relaxed);
        let full = lines.bytes + CHUNK_BYTES;
        let mut last = false;
        while records.len() + problems.len() < size && lines.bytes < full {
            let number = lines.number + 1;
            let Some(text) = lines.next()? else {
                last = true;
                break;
            };
            self.blank &= matches!(text, RawLine::Line([]));
            match text {
                RawLine::TooLong => problems.push((number, format!("is longer than {} MiB", LINE_MAX >> 20))),
                RawLine::Line([]) => {}
                RawLine::Line(text) => match self.line(number, text) {
                    Ok(Some(record)) => {
                        records.push(record);
                        numbers.push(number);
                    }
                    Ok(None) => {}
                    Err(problem) => problems.push((number, problem)),
                },
            }
        }
        if last && self.end == Some(false) {
            problems.push((lines.number + 1, String::from("is missing: the header announces a last line of type end")));
        }
        let after =
            FilePosition { beginning: lines.beginning(), hash: lines.hash(), bytes: lines.bytes, lines: lines.number };
        Ok(Chunk { records: records.into(), numbers, problems, after, last, blank: self.blank })
    }

    fn line(&mut self, number: u64, text: &[u8]) -> Result<Option<Incoming>, String> {
        if self.end == Some(true) {
            return Err(String::from("comes after the line of type end"));
        }
        match map::read(text)? {
            Line::Record(record) => Ok(Some(record)),
            Line::Header(_) if number > 1 => Err(String::from("a header must be the first line")),
            Line::Header(header) if header.format != FORMAT => {
                Err(format!("format {:?} is unknown, only {FORMAT:?} can be imported", header.format))
            }
            Line::Header(header) if header.version != VERSION => {
                Err(format!("version {} is unknown, this version of Roster can import only {VERSION}", header.version))
            }
            Line::Header(header) => {
                self.end = header.end.then_some(false);
                Ok(None)
            }
            Line::End(end) => {
                self.end = Some(true);
                let before = number - 1;
                if end.lines == before {
                    Ok(None)
                } else {
                    Err(format!("says {} lines, there are {before}", end.lines))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicI64};

    use roster_engine::{Clock, Config, Engine, IndexMode};
    use roster_testing::Database;

    use super::*;

    const FIRST: i64 = 1_795_327_200_000;
    /// When every invitation has expired.
    const THEN: i64 = FIRST + 1000 * 24 * 60 * 60 * 1000;

    /// Shows the writer thread an older time than readers. So what blocks a write (an invitation that holds a place until it expires) is gone
    /// when a read looks for it.
    #[derive(Debug, Default)]
    struct SwitchingClock {
        moved: AtomicBool,
        /// How many more times the writer thread sees the old time.
        late: AtomicI64,
    }

    impl Clock for SwitchingClock {
        fn now(&self) -> Timestamp {
            let writes = std::thread::current().name() == Some("roster-writer");
            let moved = self.moved.load(Ordering::SeqCst);
            let late = moved && writes && self.late.fetch_sub(1, Ordering::SeqCst) > 0;
            Timestamp::from_ms(if moved && !late { THEN } else { FIRST })
        }
    }

    async fn import_all(caller: &Caller, text: &str) -> (Imported, Vec<String>) {
        let mut refused = Vec::new();
        let input = Input::Stream(Box::new(io::Cursor::new(text.to_owned().into_bytes())));
        let done = import(caller, input, Options::default(), &mut |notice| {
            if let ImportNotice::Refused { line, problem } = notice {
                refused.push(format!("{line}: {problem}"));
            }
        })
        .await
        .expect("an import");
        (done, refused)
    }

    /// Imports a member into an organization whose only place is held by an invitation, as the next `late` writes see it, and no read.
    async fn import_where_a_place_is_kept(late: i64) -> (Imported, Vec<String>) {
        let database = Database::new();
        let clock = Arc::new(SwitchingClock::default());
        let mut config = Config::new(database.url());
        config.index = IndexMode::None;
        config.clock = Arc::clone(&clock) as Arc<dyn Clock>;
        let (engine, _) = Engine::open(config).await.expect("an engine");
        let caller = engine.operator("default").await.expect("the database").expect("the realm `default`");
        let before = r#"{"type":"organization","name":"Acme","max_members":1}
{"type":"invitation","organization":"acme","email":"eve@example.com","roles":["member"]}
{"type":"user","email":"ann@example.com"}"#;
        assert_eq!(import_all(&caller, before).await.1, Vec::<String>::new());
        clock.late.store(late, Ordering::SeqCst);
        clock.moved.store(true, Ordering::SeqCst);
        let line = r#"{"type":"membership","organization":"acme","user":"ann@example.com","roles":["member"]}"#;
        let done = import_all(&caller, line).await;
        engine.close().await;
        done
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_was_in_the_way_a_moment_ago_leaves_nothing_out() {
        let (done, refused) = import_where_a_place_is_kept(1).await;
        assert_eq!((done.total(), done.lines, refused), (1, 1, Vec::new()));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_not_imported_is_refused() {
        let (done, refused) = import_where_a_place_is_kept(i64::MAX).await;
        assert_eq!(refused, ["1: the organization has reached its limit of members (1)"]);
        assert_eq!((done.total(), done.lines, done.refused), (0, 0, 1));
    }
}
