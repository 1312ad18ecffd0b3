//! Brings the lines of a file to the engine, chunk by chunk.
//!
//! ```text
//! a thread reads and translates ──▶ Chunk, Chunk ──▶ one transaction each, with how far it came
//!                                                      └ a line can't be done: from here on lines are only checked
//! ```
//!
//! Others write meanwhile. What a line is refused for may be gone when it is looked for; then the chunk is tried again.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use roster_engine::{self as engine, Caller, ImportProgress, ImportStep, Incoming, Known, Timestamp};
use tokio::sync::{mpsc, oneshot};

use crate::lines::{Input, LINE_MAX, Lines, Text};
use crate::map::{self, Line};
use crate::record::{FORMAT, VERSION};
use crate::turns::Turns;

/// Lines in a chunk: at the beginning, at least and at most.
const LINES: usize = 1000;
const LINES_MIN: usize = 50;
const LINES_MAX: usize = 20_000;
/// Bytes of lines in a chunk.
const BYTES: u64 = 8 << 20;
/// How long a transaction is to take, in which nobody else can write.
const TAKES: Duration = Duration::from_millis(500);
/// How often the database looks at how much there is by now: at most, and so that it takes one part in so many of the time.
const SETTLE: Duration = Duration::from_secs(2);
const SETTLE_PART: u32 = 20;
/// Chunks that wait.
const AHEAD: usize = 2;
/// How often a chunk is tried whose lines are refused for what is gone a moment later.
const TRIES: u32 = 5;

/// Lines of a chunk that can't be done, by their places in it.
type Refused = Vec<(usize, engine::Error)>;

/// Why an import ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the input can't be read")]
    Read(#[from] io::Error),
    #[error("this isn't what was being imported, nor can it be read again from its first line: say --restart")]
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
    /// Say what would be refused, and change nothing.
    pub dry_run: bool,
    /// Begin at the first line, whatever was imported before.
    pub restart: bool,
}

/// What happens on the way.
#[derive(Debug)]
pub enum Told<'t> {
    /// It goes on behind what was imported before.
    Resumed(&'t ImportProgress),
    /// How far it is, in the whole file.
    At { lines: u64, bytes: u64 },
    /// This line can't be done. Lines come in their order.
    Refused { line: u64, problem: &'t str },
}

/// What was done, or would be.
#[derive(Debug, Default)]
pub struct Imported {
    /// Records by their kind, in this run.
    pub records: BTreeMap<&'static str, u64>,
    /// Lines of the file that are imported now, this run and those before.
    pub lines: u64,
    /// Lines that can't be done.
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
    /// Lines that aren't of this format.
    problems: Vec<(u64, String)>,
    after: After,
    last: bool,
    /// Nothing was said up to its end: there are only blank lines, if any.
    blank: bool,
}

impl Chunk {
    fn is_empty(&self) -> bool {
        self.records.is_empty() && self.problems.is_empty()
    }
}

/// The file's position behind a chunk.
#[derive(Clone)]
struct After {
    beginning: String,
    hash: String,
    bytes: u64,
    lines: u64,
}

/// Imports what there is in `input`, for a caller who may do everything in his realm.
///
/// Each chunk is one transaction. At the first line that can't be done its chunk is left out, and the rest of the file is only looked
/// through for more of these.
pub async fn import(
    caller: &Caller,
    input: Input,
    options: Options,
    told: &mut (dyn FnMut(Told<'_>) + Send),
) -> Result<Imported, Error> {
    let before = caller.begin_import().await?;
    let from = before.clone().filter(|_| !options.restart);
    let size = Arc::new(AtomicUsize::new(LINES));
    let (send, mut chunks) = mpsc::channel(AHEAD);
    let (opened, resumed) = oneshot::channel();
    let reading = Reading { size: Arc::clone(&size), send, end: None, blank: true };
    let begin = from.clone();
    let reader = tokio::task::spawn_blocking(move || {
        let (lines, resumed) = Lines::open(input, begin.as_ref())?;
        let _ = opened.send(resumed);
        reading.run(lines, begin.filter(|_| resumed))
    });
    // If it couldn't be opened, the reader says why in the end.
    let resumed = resumed.await.unwrap_or(false);
    let from = from.filter(|_| resumed);
    if let Some(from) = &from {
        told(Told::Resumed(from));
    }
    let mut run = Run {
        caller,
        begun: from.as_ref().map_or_else(|| caller.now(), |from| from.begun),
        imported: Imported { lines: from.as_ref().map_or(0, |from| from.lines), ..Imported::default() },
        finished: from.as_ref().is_some_and(|from| from.finished),
        before,
        size,
        turns: Turns::new(caller),
        settled: (Instant::now(), SETTLE),
        checking: options.dry_run.then(Box::default),
        only_check: options.dry_run,
    };
    let mut nothing_new = from.is_some();
    while let Some(chunk) = chunks.recv().await {
        nothing_new &= chunk.is_empty();
        run.chunk(&chunk, told).await?;
        told(Told::At { lines: chunk.after.lines, bytes: chunk.after.bytes });
    }
    reader.await.map_err(|error| io::Error::other(error.to_string()))??;
    if run.imported.total() > 0 && !run.only_check {
        caller.settle_import().await;
    }
    Ok(Imported { nothing_new, ..run.imported })
}

/// What an import is about to do.
struct Run<'c> {
    caller: &'c Caller,
    begun: Timestamp,
    /// Whether all of the file was imported before.
    finished: bool,
    before: Option<ImportProgress>,
    imported: Imported,
    size: Arc<AtomicUsize>,
    turns: Turns,
    /// When the database last looked at how much there is, and when it is to look again.
    settled: (Instant, Duration),
    /// Nothing is imported (any more): what the lines amount to that are only looked at.
    checking: Option<Box<Known>>,
    /// Nothing is to be imported at all.
    only_check: bool,
}

impl Run<'_> {
    async fn chunk(&mut self, chunk: &Chunk, told: &mut (dyn FnMut(Told<'_>) + Send)) -> Result<(), Error> {
        // To remember what says nothing would be to forget the file that is remembered.
        if chunk.blank || (self.finished && chunk.is_empty()) {
            return Ok(());
        }
        let refused = if self.checking.is_none() && chunk.problems.is_empty() {
            let Some(refused) = self.import(chunk).await? else { return Ok(()) };
            refused
        } else {
            self.check(chunk).await?
        };
        if self.only_check {
            self.imported.count(&chunk.records);
        }
        let refused = refused.iter().filter_map(|(place, error)| Some((*chunk.numbers.get(*place)?, words(error))));
        let mut problems: Vec<_> = chunk.problems.iter().cloned().chain(refused).collect();
        problems.sort();
        self.imported.refused += problems.len() as u64;
        for (line, problem) in &problems {
            told(Told::Refused { line: *line, problem });
        }
        Ok(())
    }

    /// `None`: it was imported. Else there are lines that can't be, and from now on all are only checked.
    async fn import(&mut self, chunk: &Chunk) -> Result<Option<Refused>, Error> {
        let mut tries = 0;
        loop {
            let Some(refused) = self.try_to_import(chunk).await? else { return Ok(None) };
            let found = self.check(chunk).await?;
            tries += 1;
            if !found.is_empty() {
                return Ok(Some(found));
            }
            if tries == TRIES {
                // What is in the way comes and goes. The lines weren't imported, so that is what has to be said.
                return Ok(Some(refused));
            }
            self.checking = None;
        }
    }

    /// Which lines can't be done, behind all that were looked at before.
    async fn check(&mut self, chunk: &Chunk) -> Result<Refused, Error> {
        let known = self.checking.take().unwrap_or_default();
        let (known, refused) = self.caller.check_import(Arc::clone(&chunk.records), known).await?;
        self.checking = Some(known);
        Ok(refused)
    }

    /// `None`: it was imported. Else some of its lines can't be: there is at least one.
    async fn try_to_import(&mut self, chunk: &Chunk) -> Result<Option<Refused>, Error> {
        let After { beginning, hash, bytes, lines } = chunk.after.clone();
        let (begun, updated) = (self.begun, self.caller.now());
        let after = ImportProgress { beginning, hash, bytes, lines, finished: chunk.last, begun, updated };
        let step = ImportStep { before: self.before.clone(), after: after.clone() };
        self.turns.wait().await;
        let started = Instant::now();
        let log = match self.caller.import(Arc::clone(&chunk.records), step).await {
            Ok(log) => log,
            Err(engine::Error::Items(refused)) if !refused.is_empty() => return Ok(Some(refused)),
            Err(error) => return Err(error.into()),
        };
        adapt(&self.size, chunk.numbers.len(), started.elapsed());
        self.turns.took_one(log);
        self.before = Some(after);
        self.imported.lines = lines;
        self.imported.count(&chunk.records);
        if self.settled.0.elapsed() >= self.settled.1 {
            let started = Instant::now();
            self.caller.settle_import().await;
            self.settled = (Instant::now(), SETTLE.max(started.elapsed() * SETTLE_PART));
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

/// As many lines as a transaction can take in its time.
fn adapt(size: &AtomicUsize, lines: usize, took: Duration) {
    if lines < LINES_MIN {
        return;
    }
    let fits = lines as u128 * TAKES.as_micros() / took.as_micros().max(1);
    let fits = usize::try_from(fits).unwrap_or(usize::MAX);
    let now = size.load(Ordering::Relaxed);
    size.store(fits.clamp(now / 2, now * 2).clamp(LINES_MIN, LINES_MAX), Ordering::Relaxed);
}

/// An engine's refusal, with who it is about where that helps.
fn words(error: &engine::Error) -> String {
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

/// Reads a file to its end, on a thread that may block.
struct Reading {
    size: Arc<AtomicUsize>,
    send: mpsc::Sender<Chunk>,
    /// Whether there is a line that says that it is the last one; `Some(false)`: it was announced.
    end: Option<bool>,
    /// Whether nothing was said so far.
    blank: bool,
}

impl Reading {
    fn run(mut self, mut lines: Lines, from: Option<ImportProgress>) -> Result<(), Error> {
        self.blank = from.is_none();
        // What the first line said, and the last one if all was read, holds also where it isn't read again.
        if let Some(from) = from
            && let Ok(Line::Header(header)) = map::read(lines.first_line())
        {
            self.end = header.end.then_some(from.finished);
        }
        loop {
            let chunk = self.chunk(&mut lines)?;
            let last = chunk.last;
            // Nobody listens any more once something went wrong.
            if self.send.blocking_send(chunk).is_err() || last {
                return Ok(());
            }
        }
    }

    fn chunk(&mut self, lines: &mut Lines) -> Result<Chunk, Error> {
        let (mut records, mut numbers, mut problems) = (Vec::new(), Vec::new(), Vec::new());
        let size = self.size.load(Ordering::Relaxed);
        let full = lines.bytes + BYTES;
        let mut last = false;
        while records.len() + problems.len() < size && lines.bytes < full {
            let number = lines.number + 1;
            let Some(text) = lines.next()? else {
                last = true;
                break;
            };
            self.blank &= matches!(text, Text::Line([]));
            match text {
                Text::TooLong => problems.push((number, format!("is longer than {} MiB", LINE_MAX >> 20))),
                Text::Line([]) => {}
                Text::Line(text) => match self.line(number, text) {
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
        let after = After { beginning: lines.beginning(), hash: lines.hash(), bytes: lines.bytes, lines: lines.number };
        Ok(Chunk { records: records.into(), numbers, problems, after, last, blank: self.blank })
    }

    fn line(&mut self, number: u64, text: &[u8]) -> Result<Option<Incoming>, String> {
        if self.end == Some(true) {
            return Err(String::from("comes after the line that says that it is the last one"));
        }
        match map::read(text)? {
            Line::Record(record) => Ok(Some(record)),
            Line::Header(_) if number > 1 => Err(String::from("a header must be the first line")),
            Line::Header(header) if header.format != FORMAT => {
                Err(format!("format {:?} is unknown, {FORMAT:?} is what can be imported", header.format))
            }
            Line::Header(header) if header.version != VERSION => {
                Err(format!("version {} is unknown, {VERSION} is what this Roster can import", header.version))
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

    /// So that what is in the way of a write is gone before a read looks for it: an invitation that keeps a place, until it expires.
    #[derive(Debug, Default)]
    struct Hands {
        moved: AtomicBool,
        /// How many more times whoever writes doesn't know it yet.
        late: AtomicI64,
    }

    impl Clock for Hands {
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
        let done = import(caller, input, Options::default(), &mut |told| {
            if let Told::Refused { line, problem } = told {
                refused.push(format!("{line}: {problem}"));
            }
        })
        .await
        .expect("an import");
        (done, refused)
    }

    /// A member comes where a place is kept for somebody else, as the next so many writes see it, and no read.
    async fn import_where_a_place_is_kept(late: i64) -> (Imported, Vec<String>) {
        let database = Database::new();
        let clock = Arc::new(Hands::default());
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
        assert_eq!(refused, ["1: the organization may have at most 1 members"]);
        assert_eq!((done.total(), done.lines, done.refused), (0, 0, 1));
    }
}
