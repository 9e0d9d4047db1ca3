//! The connections of one lane: requests take one and give it back; meanwhile they are watched, and opened ahead of need.
//!
//! ```text
//!  keep_warm ──> opens ──> idle ──> take ──> Lease (HTTP/1.1: one holder) or Many (HTTP/2: shared) ──> give_back
//!      └── drives what lies idle, what is shared, what is being opened: the Crew
//! ```
//!
//! Nothing here runs by itself: the lane's worker polls [`Pool::drive`] beside its requests.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Poll;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use hyper::header::HeaderMap;
use tokio::sync::Notify;

use super::connection::Place;
use super::connection_http1::Single;
use super::connection_http2::{Common, Many};
use super::life::{self, Life};
use super::pool_berth::{Berth, Lease};
use super::pool_hold::Hold;
use super::words;
use crate::clock::Clock;
use crate::model::limits;

/// Work beside the requests.
pub(crate) type Job = Pin<Box<dyn Future<Output = ()> + Send>>;
type Opening = Pin<Box<dyn Future<Output = io::Result<Hold>> + Send>>;

/// Takes work for [`Pool::drive`] to do.
#[derive(Clone, Default)]
pub(crate) struct Crew(Arc<Waiting>);

#[derive(Default)]
struct Waiting {
    /// `None` once nobody does any more.
    jobs: Mutex<Option<Vec<Job>>>,
    more: Notify,
}

impl Crew {
    fn jobs(&self) -> MutexGuard<'_, Option<Vec<Job>>> {
        self.0.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(&self, job: Job) {
        if let Some(jobs) = &mut *self.jobs() {
            jobs.push(job);
        }
        self.0.more.notify_one();
    }
}

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Crew {
    fn execute(&self, job: F) {
        self.push(Box::pin(job));
    }
}

/// See the module.
pub(crate) struct Pool {
    place: Place,
    clock: Clock,
    /// Connections of HTTP/1.1 held open while nothing is to be sent.
    want: usize,
    /// Connections kept at most.
    most: usize,
    /// TCP and TLS together.
    limit: Duration,
    crew: Crew,
    /// A connection has become free, or an opening is over.
    freed: Notify,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The one used last at the end.
    idle: Vec<Arc<Berth>>,
    many: Option<Many>,
    /// Connections of HTTP/1.1 that stand, idle or not.
    singles: usize,
    /// Connections being opened.
    opening: usize,
    /// What the peer chose the last time.
    http2: Option<bool>,
    /// How long the peer lets a connection of HTTP/1.1 lie idle.
    life: Life,
    /// Connections in a row that could not be opened or did not last.
    misfires: u32,
    /// Nothing is opened ahead before.
    not_before: Duration,
}

impl Pool {
    pub(crate) fn new(place: Place, clock: Clock, want: usize, most: usize, limit: Duration) -> Self {
        let http2 = if place.may_speak_http2() { None } else { Some(false) };
        let state = Mutex::new(State { http2, ..State::default() });
        let crew = Crew::default();
        *crew.jobs() = Some(Vec::new());
        Self { place, clock, want, most, limit, crew, freed: Notify::new(), state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request would find a connection that stands.
    pub(crate) fn is_warm(&self) -> bool {
        let state = self.state();
        !state.idle.is_empty() || state.many.as_ref().is_some_and(Many::is_open)
    }

    /// A connection that stands and is free, if there is one.
    pub(crate) async fn standing(&self) -> Option<Hold> {
        loop {
            let (many, berth) = {
                let mut state = self.state();
                let many = state.many.clone();
                let berth = if many.is_none() { state.idle.pop() } else { None };
                (many, berth)
            };
            match (many, berth) {
                (Some(many), _) if many.is_ready().await => return Some(Hold::Many(many, None)),
                (Some(many), _) => self.ended(&many.mark()),
                (None, Some(berth)) => {
                    let Some(mut lease) = Lease::of(berth) else { continue };
                    if poll_fn(|cx| Poll::Ready(lease.single().is_ready(cx))).await {
                        return Some(Hold::Single(lease));
                    }
                    self.idled(lease.since());
                }
                (None, None) => return None,
            }
        }
    }

    /// A connection that stands and is free, or else a new one, whichever is there first.
    pub(crate) async fn take(self: &Arc<Self>) -> io::Result<Hold> {
        let mut opening: Option<Opening> = None;
        loop {
            // From here on, so that none is missed.
            let freed = self.freed.notified();
            if let Some(hold) = self.standing().await {
                if let Some(opening) = opening {
                    self.crew.push(self.finish(opening));
                }
                return Ok(hold);
            }
            if opening.is_none() && self.may_open() {
                opening = Some(self.open());
            }
            match &mut opening {
                None => freed.await,
                Some(opening) => tokio::select! {
                    biased;
                    opened = opening => return opened,
                    () = freed => {}
                },
            }
        }
    }

    /// While it is not known whether the peer lets requests share a connection, one is opened and all wait for it; likewise if it does.
    fn may_open(&self) -> bool {
        let state = self.state();
        state.opening == 0 || state.http2 == Some(false)
    }

    fn open(self: &Arc<Self>) -> Opening {
        self.state().opening += 1;
        let mut over = Over { pool: Arc::clone(self), reached: false };
        Box::pin(async move {
            let pool = &over.pool;
            let opened = tokio::time::timeout(pool.limit, pool.connect()).await;
            let opened =
                opened.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, format!("within {:?}", pool.limit))));
            over.note(&opened);
            opened
        })
    }

    async fn connect(self: &Arc<Self>) -> io::Result<Hold> {
        let reached = self.place.dial().await?;
        let now = self.clock.elapsed();
        let Some(socket) = reached.http2 else {
            let single = Single::new(reached.stream, reached.sight);
            let mut state = self.state();
            state.http2 = Some(false);
            state.singles += 1;
            drop(state);
            let (lease, watch) = Lease::new(Arc::downgrade(self), single, now);
            self.crew.push(watch);
            return Ok(Hold::Single(lease));
        };
        let crew = self.crew.clone();
        let (many, driver) = Many::new(reached.stream, socket, now, crew).await.map_err(io::Error::other)?;
        {
            let mut state = self.state();
            state.http2 = Some(true);
            if !state.many.as_ref().is_some_and(Many::is_open) {
                state.many = Some(many.clone());
            }
        }
        let (pool, mark) = (Arc::downgrade(self), many.mark());
        self.crew.push(Box::pin(async move {
            // Why it ended is told to the requests on it.
            let _ = driver.await;
            if let Some(pool) = pool.upgrade() {
                pool.ended(&mark);
            }
        }));
        Ok(Hold::Many(many, None))
    }

    /// An opening that its request needs no more.
    fn finish(self: &Arc<Self>, opening: Opening) -> Job {
        let pool = Arc::downgrade(self);
        Box::pin(async move {
            match opening.await {
                Ok(Hold::Single(lease)) => lease.give_back(),
                Ok(Hold::Many(..)) => {}
                Err(error) => {
                    if let Some(pool) = pool.upgrade() {
                        pool.missed(&error);
                    }
                }
            }
        })
    }

    /// A connection of HTTP/1.1 is free again.
    pub(crate) fn free(&self, berth: Arc<Berth>, used: bool) {
        let mut state = self.state();
        if used {
            state.misfires = 0;
        }
        state.idle.push(berth);
        drop(state);
        self.freed.notify_one();
    }

    /// The peer has ended a connection of HTTP/1.1 that lay idle since then.
    pub(crate) fn idled(&self, since: Duration) {
        let now = self.clock.elapsed();
        self.state().life.ended(now.saturating_sub(since), now);
    }

    /// What the head of an answer of HTTP/1.1 says of the connection.
    pub(crate) fn heed(&self, headers: &HeaderMap) {
        if let Some(life) = life::told(headers)
            && self.state().life.tell(life)
        {
            self.crew.0.more.notify_one();
        }
    }

    /// A connection of HTTP/1.1 is no more.
    pub(crate) fn lost(&self, berth: &Arc<Berth>, opened: Duration, used: bool) {
        let mut state = self.state();
        state.singles = state.singles.saturating_sub(1);
        state.idle.retain(|idle| !Arc::ptr_eq(idle, berth));
        state.gone(self.clock.elapsed(), opened, used);
    }

    /// The shared connection takes no more requests.
    fn ended(&self, mark: &Weak<Common>) {
        let mut state = self.state();
        if let Some(many) = state.many.take_if(|many| many.is(mark)) {
            state.gone(self.clock.elapsed(), many.opened(), many.is_used());
        }
    }

    fn missed(&self, error: &io::Error) {
        let reason = words::shown(&error.to_string());
        tracing::debug!(target: "birdcall::deliver", host = %self.place.host, reason, "no connection could be opened ahead");
        let mut state = self.state();
        state.misfire(self.clock.elapsed());
    }

    #[cfg(test)]
    pub(crate) fn doubt_names(&self) {
        self.place.names.doubt();
    }

    pub(crate) fn now(&self) -> Duration {
        self.clock.elapsed()
    }

    /// Does all work beside the requests, for ever; with `warm`, connections are opened ahead of need too. One at a time may run.
    pub(crate) async fn drive(self: &Arc<Self>, warm: bool) {
        let _end = End(self);
        let mut crew = FuturesUnordered::new();
        loop {
            let pause = if warm { self.maintain() } else { None };
            crew.extend(self.crew.jobs().iter_mut().flat_map(|jobs| jobs.drain(..)));
            tokio::select! {
                biased;
                Some(()) = crew.next(), if !crew.is_empty() => {}
                () = self.crew.0.more.notified() => {}
                () = tokio::time::sleep(pause.unwrap_or_default()), if pause.is_some() => {}
            }
        }
    }

    /// Begins what is due: names, connections ahead of need, the end of those that nobody needs. Returns when to look again at the latest.
    fn maintain(self: &Arc<Self>) -> Option<Duration> {
        let now = self.clock.elapsed();
        let mut pauses = [self.place.names.due(now), None, None, None];
        if pauses[0].is_some_and(|due| due.is_zero()) {
            if self.place.names.begin_refresh(now) {
                let pool = Arc::clone(self);
                self.crew.push(Box::pin(async move { pool.place.names.refresh().await }));
            }
            pauses[0] = self.place.names.due(now);
        }
        let missing = {
            let mut state = self.state();
            let renew = state.life.renew_after(now);
            let (old, pause) = state.old(renew, now);
            pauses[1] = pause;
            let (missing, pause) = state.missing(self.want, old, now);
            pauses[2] = pause;
            pauses[3] = state.let_go(self.want, self.most, renew, now);
            missing
        };
        for _ in 0..missing {
            self.crew.push(self.finish(self.open()));
        }
        pauses.into_iter().flatten().min()
    }
}

impl State {
    /// How many idle connections the peer will end soon, and when to look again.
    fn old(&self, renew: Option<Duration>, now: Duration) -> (usize, Option<Duration>) {
        let Some(renew) = renew else { return (0, None) };
        let left = |berth: &Arc<Berth>| (berth.since() + renew).saturating_sub(now);
        // The one that has lain longest is the first.
        let old = self.idle.iter().take_while(|berth| left(berth).is_zero()).count();
        // What is given back from now on is not old sooner than this.
        (old, Some(self.idle.get(old).map_or(renew, left)))
    }

    /// How many connections are to be opened now, or when. The `old` ones count as gone: they are replaced, and closed afterwards.
    fn missing(&self, want: usize, old: usize, now: Duration) -> (usize, Option<Duration>) {
        if self.many.as_ref().is_some_and(Many::is_open) {
            return (0, None);
        }
        let standing = self.singles.saturating_sub(old);
        // One goes ahead, and the rest follow when there is something to follow.
        let want = if self.http2 == Some(false) && standing > 0 { want } else { want.min(1) };
        match want.saturating_sub(standing + self.opening) {
            0 => (0, None),
            missing if now >= self.not_before => (missing, None),
            _ => (0, Some(self.not_before - now)),
        }
    }

    /// Closes what has lain idle too long, or is too much. Returns when the next one is due.
    fn let_go(&mut self, want: usize, most: usize, renew: Option<Duration>, now: Duration) -> Option<Duration> {
        let want = if self.many.is_some() { 0 } else { want };
        let kept = renew.map_or(limits::POOL_IDLE, |renew| renew.min(limits::POOL_IDLE));
        while self.idle.len() > want {
            let oldest = self.idle.first()?;
            let left = (oldest.since() + kept).saturating_sub(now);
            if self.idle.len() <= most && !left.is_zero() {
                return Some(left);
            }
            let oldest = self.idle.remove(0);
            self.singles = self.singles.saturating_sub(usize::from(oldest.close()));
        }
        // What is in use now may be too much later.
        (self.singles > want).then_some(limits::POOL_IDLE)
    }

    /// A connection has ended: the next one may be opened at once, unless it has lived for a moment only.
    fn gone(&mut self, now: Duration, opened: Duration, used: bool) {
        if !used && now.saturating_sub(opened) < limits::IDLE_LIFE_MIN {
            self.misfire(now);
        } else {
            self.misfires = 0;
            self.not_before = now;
        }
    }

    /// Those that end together are one sign of trouble, however many there were.
    fn misfire(&mut self, now: Duration) {
        if now < self.not_before {
            return;
        }
        let pause = limits::REOPEN_FIRST.saturating_mul(2_u32.saturating_pow(self.misfires)).min(limits::REOPEN_MAX);
        self.misfires = self.misfires.saturating_add(1);
        self.not_before = now + pause;
    }
}

/// An opening that is over, however.
struct Over {
    pool: Arc<Pool>,
    reached: bool,
}

impl Over {
    fn note(&mut self, opened: &io::Result<Hold>) {
        self.reached = opened.is_ok();
    }
}

impl Drop for Over {
    fn drop(&mut self) {
        let mut state = self.pool.state();
        state.opening = state.opening.saturating_sub(1);
        drop(state);
        if !self.reached {
            // It may live elsewhere by now.
            self.pool.place.names.doubt();
            self.pool.crew.0.more.notify_one();
        }
        self.pool.freed.notify_waiters();
    }
}

/// Nobody works any more: what was given to do is let go, as it may hold on to the pool, and so are connections that nobody watches.
struct End<'a>(&'a Pool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        let jobs = self.0.crew.jobs().take();
        drop(jobs);
        let mut state = self.0.state();
        let idle = std::mem::take(&mut state.idle);
        state.singles = state.singles.saturating_sub(idle.iter().filter(|berth| berth.close()).count());
        state.many = None;
    }
}
