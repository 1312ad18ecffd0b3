//! A realm to export, and one to import into.

use std::sync::Arc;

use roster_engine::{Caller, Config, Engine, IndexMode};
use roster_testing::Database;
use roster_transfer::{ImportNotice, Imported, Input, Options};

pub struct Place {
    pub engine: Arc<Engine>,
    pub caller: Caller,
    _database: Database,
}

impl Place {
    pub async fn new() -> Self {
        Self::on(Database::new()).await
    }

    pub async fn on(database: Database) -> Self {
        let mut config = Config::new(database.url());
        // There is no other process, so nobody has to wait for one.
        config.index = IndexMode::None;
        let (engine, _) = Engine::open(config).await.expect("an engine");
        let caller = engine.operator("default").await.expect("the database").expect("the realm `default`");
        Self { engine, caller, _database: database }
    }

    pub async fn export(&self) -> String {
        let mut output = Vec::new();
        roster_transfer::export(&self.caller, &mut output, &mut |_| ()).await.expect("an export");
        String::from_utf8(output).expect("UTF-8")
    }

    /// What was done, and what was refused.
    pub async fn import_with(&self, text: &str, options: Options) -> (Imported, Vec<String>) {
        let mut refused = Vec::new();
        let input = Input::Stream(Box::new(std::io::Cursor::new(text.to_owned().into_bytes())));
        let done = roster_transfer::import(&self.caller, input, options, &mut |told| {
            if let ImportNotice::Refused { line, problem } = told {
                refused.push(format!("{line}: {problem}"));
            }
        })
        .await
        .expect("an import");
        assert_eq!(done.refused, refused.len() as u64);
        (done, refused)
    }

    pub async fn import(&self, text: &str) -> (Imported, Vec<String>) {
        self.import_with(text, Options::default()).await
    }

    /// Log, tables and rules agree.
    pub async fn verify(&self) {
        let problems = self.engine.verify(self.caller.realm_id()).await.expect("the database");
        assert_eq!(problems, Vec::<String>::new());
    }
}
