//! Logging to standard error, as text or JSON.

use std::io::IsTerminal;

use anyhow::Context;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::Subscriber;

use crate::Settings;
use crate::config::LogFormat;

/// Starts logging for the whole process.
pub(crate) fn start(settings: &Settings) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&settings.log)
        .with_context(|| format!("the log filter {:?} can't be read; try info or roster_http=debug", settings.log))?;
    let logs = Subscriber::builder().with_env_filter(filter).with_writer(std::io::stderr);
    let json = match settings.log_format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let started = if json {
        logs.json().flatten_event(true).with_span_list(false).with_current_span(true).try_init()
    } else {
        logs.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init()
    };
    started.map_err(anyhow::Error::from_boxed)?;
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let message = panic.payload_as_str().unwrap_or("no message");
        tracing::error!(place, message, "panicked");
    }));
    Ok(())
}
