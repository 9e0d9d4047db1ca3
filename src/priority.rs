//! Which threads go first where there are fewer processors than threads with something to do.
//!
//! A run that is given a real-time priority (`chrt --rr 40 birdcall run`) has all its threads at that priority, and of threads at one priority none
//! makes way for another: an alert that comes while the journal commits would wait for the commit's end, some hundred microseconds. So the journal
//! asks to go after alerts. What is done beside them in moments (the log's lines, a look at files) stays as it is, and must: it hands over by
//! queues without locks, at which the loop might wait for a thread that it does not let go on. The journal hands over under locks, and
//! the loop sees to it that it gets its turn.

#[cfg(target_os = "linux")]
use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id, unix::thread_schedule_policy_param,
};

/// The calling thread goes after alerts from now on: under real-time scheduling one step below the priority that it was started with, which every
/// process may ask for. Under any other it stays as it is: there the system divides a processor by shares, and an order, which waits for its
/// intent to be written, would get a smaller one. Where the system refuses, or there is nothing below, nothing changes.
#[cfg(target_os = "linux")]
pub fn go_after_alerts() {
    let Ok((policy, now)) = thread_schedule_policy_param(thread_native_id()) else { return };
    let is_stepped = matches!(
        policy,
        ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo | RealtimeThreadSchedulePolicy::RoundRobin)
    );
    let below = u8::try_from(now.sched_priority).ok().and_then(|now| now.checked_sub(1)).filter(|below| *below > 0);
    let below = below.filter(|_| is_stepped).and_then(|below| ThreadPriorityValue::try_from(below).ok());
    if let Some(below) = below {
        // A commit that an alert waits for is a little slower, and nothing worse.
        let _ = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Crossplatform(below), policy);
    }
}

/// Elsewhere threads stay as they are.
#[cfg(not(target_os = "linux"))]
pub fn go_after_alerts() {}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    const REAL_TIME: ThreadSchedulePolicy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);

    /// How a thread of its own is scheduled that goes after alerts, having been given this real-time priority, or none. `None`: who runs the tests may not
    /// give it.
    fn after_alerts(priority: Option<u8>) -> Option<(ThreadSchedulePolicy, i32)> {
        let thread = std::thread::spawn(move || {
            if let Some(priority) = priority {
                let priority = ThreadPriorityValue::try_from(priority).map(ThreadPriority::Crossplatform).unwrap();
                set_thread_priority_and_policy(thread_native_id(), priority, REAL_TIME).ok()?;
            }
            go_after_alerts();
            let (policy, now) = thread_schedule_policy_param(thread_native_id()).unwrap();
            Some((policy, now.sched_priority))
        });
        thread.join().unwrap()
    }

    #[test]
    fn under_real_time_scheduling_a_thread_goes_one_step_below_and_never_out_of_it() {
        for (given, left) in [(40, 39), (2, 1), (1, 1)] {
            if let Some(found) = after_alerts(Some(given)) {
                assert_eq!(found, (REAL_TIME, left));
            }
        }
    }

    #[test]
    fn under_any_other_it_stays_as_it_is() {
        let (policy, now) = thread_schedule_policy_param(thread_native_id()).unwrap();
        if !matches!(policy, ThreadSchedulePolicy::Realtime(_)) {
            assert_eq!(after_alerts(None), Some((policy, now.sched_priority)));
        }
    }
}
