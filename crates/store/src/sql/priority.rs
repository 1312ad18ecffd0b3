/// Lowers the calling thread's scheduling priority, so that threads that answer requests go first when cores are
/// scarce. It still gets a share of the CPU.
pub(super) fn lower_priority() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::setpriority_process;
        use rustix::thread::gettid;
        /// About a third of a normal thread's share when both want a whole core.
        const NICE: i32 = 5;
        // On Linux, setpriority accepts a thread id here.
        if let Err(error) = setpriority_process(Some(gettid()), NICE) {
            tracing::debug!(%error, "a thread's priority could not be lowered");
        }
    }
}
