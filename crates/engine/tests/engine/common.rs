//! A separate engine for each test.

use std::sync::Arc;

use roster_engine::{Caller, Config, Engine, IndexMode};
use roster_testing::Database;

pub struct Bench {
    pub engine: Arc<Engine>,
    pub operator: Caller,
    _database: Database,
}

impl Bench {
    pub async fn new() -> Self {
        Self::with(|config| config).await
    }

    pub async fn with(configure: impl FnOnce(Config) -> Config) -> Self {
        let database = Database::new();
        let mut config = Config::new(database.url());
        if database.is_server() {
            // No other process writes to this database, so there is nothing to wait for.
            config.index = IndexMode::None;
        }
        let (engine, _) = Engine::open(configure(config)).await.expect("an engine");
        let operator = engine.operator("default").await.expect("the database").expect("the realm `default`");
        Self { engine, operator, _database: database }
    }

    /// Checks that log, tables and rules agree, and that events are numbered without a gap.
    pub async fn verify(&self) -> Result<(), String> {
        let problems = self.engine.verify(self.operator.realm_id()).await.map_err(|e| e.to_string())?;
        if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
    }
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}
