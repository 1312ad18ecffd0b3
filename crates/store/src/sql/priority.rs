/// From now on this thread lets those go first who answer requests, where there are too few cores for all. It has its share all the same.
pub(super) fn stand_back() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::setpriority_process;
        use rustix::thread::gettid;
        /// A third of a usual thread's share, where both want a whole core.
        const NICE: i32 = 5;
        // Linux takes a thread's id for that of a process here.
        if let Err(error) = setpriority_process(Some(gettid()), NICE) {
            tracing::debug!(%error, "a thread could not be made to stand back");
        }
    }
}
