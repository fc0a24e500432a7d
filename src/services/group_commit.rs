//! Group commit: what many callers want written goes into one transaction, and each is answered when it is committed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::error::ServiceError;

/// What one transaction may hold, in the unit of an item's weight: rows.
const MOST: usize = 500;
/// What may wait; beyond it nothing is taken in, so that a database that is down does not fill the memory.
const CAPACITY: usize = 8_192;

type Answer<A> = Result<A, ServiceError>;

/// Gathers items and writes them together, in lanes that get on side by side. There is no task of its own: whoever
/// comes while nobody is at work in his lane starts a writer, which ends when nothing is left; meanwhile others gather
/// for the next transaction.
#[derive(Debug)]
pub struct GroupCommit<T, A> {
    lanes: Vec<Arc<Mutex<Queue<T, A>>>>,
}

#[derive(Debug)]
struct Queue<T, A> {
    waiting: VecDeque<Waiting<T, A>>,
    /// The weight of all that waits.
    weight: usize,
    is_at_work: bool,
}

#[derive(Debug)]
struct Waiting<T, A> {
    item: T,
    weight: usize,
    answer: oneshot::Sender<Answer<A>>,
}

impl<T: Send + 'static, A: Send + 'static> GroupCommit<T, A> {
    /// With so many transactions at once, at least one.
    pub fn new(lanes: usize) -> GroupCommit<T, A> {
        let queue = || Queue { waiting: VecDeque::new(), weight: 0, is_at_work: false };
        GroupCommit { lanes: (0..lanes.max(1)).map(|_| Arc::new(Mutex::new(queue()))).collect() }
    }

    /// Writes an item with whatever else waits in its lane, and answers after the commit. `write` answers each item in
    /// its order. Items that touch the same rows belong under one `key`: in one lane they never wait for each other's
    /// locks. What was taken in is written even if nobody waits for the answer any more.
    ///
    /// # Errors
    /// What `write` says of this item; `NoAnswer` where too much waits or the writer broke off.
    pub async fn write<W, F>(&self, key: u8, item: T, weight: usize, write: W) -> Answer<A>
    where
        W: Fn(Vec<T>) -> F + Send + 'static,
        F: Future<Output = Vec<Answer<A>>> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let lane = &self.lanes[usize::from(key) % self.lanes.len()];
        let starts = {
            let mut queue = lock(lane);
            if queue.weight >= CAPACITY / self.lanes.len() {
                return Err(ServiceError::NoAnswer);
            }
            queue.weight += weight;
            queue.waiting.push_back(Waiting { item, weight, answer });
            !std::mem::replace(&mut queue.is_at_work, true)
        };
        if starts {
            // In a task of its own: a caller who gives up takes nobody's answer with him.
            tokio::spawn(work(AtWork { queue: lane.clone(), is_over: false }, write));
        }
        answered.await.unwrap_or(Err(ServiceError::NoAnswer))
    }
}

/// A writer at work; it is off again however it ends.
struct AtWork<T, A> {
    queue: Arc<Mutex<Queue<T, A>>>,
    is_over: bool,
}

impl<T, A> AtWork<T, A> {
    /// The items of the next transaction, and whom to answer. Where there are none it is off, in the same step:
    /// whoever comes now starts another.
    fn next(&mut self) -> Option<Taken<T, A>> {
        let mut queue = lock(&self.queue);
        let taken = take(&mut queue);
        if taken.is_none() {
            queue.is_at_work = false;
            self.is_over = true;
        }
        taken
    }
}

impl<T, A> Drop for AtWork<T, A> {
    fn drop(&mut self) {
        if !self.is_over {
            lock(&self.queue).is_at_work = false;
        }
    }
}

type Taken<T, A> = (Vec<T>, Vec<oneshot::Sender<Answer<A>>>);

async fn work<T, A, W, F>(mut at_work: AtWork<T, A>, write: W)
where
    W: Fn(Vec<T>) -> F,
    F: Future<Output = Vec<Answer<A>>>,
{
    while let Some((items, answers)) = at_work.next() {
        for (answer, result) in answers.into_iter().zip(write(items).await) {
            // Nobody may be waiting any more.
            let _ = answer.send(result);
        }
    }
}

fn take<T, A>(queue: &mut Queue<T, A>) -> Option<Taken<T, A>> {
    let (mut items, mut answers, mut taken) = (Vec::new(), Vec::new(), 0);
    while let Some(next) = queue.waiting.front() {
        if taken > 0 && taken + next.weight > MOST {
            break;
        }
        taken += next.weight;
        if let Some(next) = queue.waiting.pop_front() {
            items.push(next.item);
            answers.push(next.answer);
        }
    }
    queue.weight -= taken;
    (!items.is_empty()).then_some((items, answers))
}

/// Whoever panicked under it left the queue whole: it is changed in single steps.
fn lock<T, A>(queue: &Mutex<Queue<T, A>>) -> MutexGuard<'_, Queue<T, A>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn what_comes_together_is_written_together_and_each_gets_its_own_answer() {
        let group = Arc::new(GroupCommit::<usize, usize>::new(1));
        let batches = Arc::new(Mutex::new(Vec::new()));
        let callers = (0..1_200).map(|number| {
            let (group, batches) = (group.clone(), batches.clone());
            async move {
                let write = move |items: Vec<usize>| {
                    batches.lock().unwrap().push(items.len());
                    async move {
                        tokio::task::yield_now().await;
                        items.into_iter().map(|item| Ok(item * 2)).collect()
                    }
                };
                assert_eq!(group.write(0, number, 1, write).await.unwrap(), number * 2);
            }
        });
        futures_util::future::join_all(callers).await;
        let batches = batches.lock().unwrap().clone();
        assert_eq!(batches.iter().sum::<usize>(), 1_200);
        assert!(batches.iter().all(|size| *size <= MOST) && batches.len() <= 5, "{batches:?}");
    }

    #[tokio::test]
    async fn a_caller_who_gives_up_is_written_all_the_same_and_a_writer_that_broke_off_is_followed_by_another()
     {
        static WRITTEN: AtomicUsize = AtomicUsize::new(0);
        let group = GroupCommit::<usize, ()>::new(1);
        let slow = |items: Vec<usize>| async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            WRITTEN.fetch_add(items.len(), Ordering::SeqCst);
            items.iter().map(|_| Ok(())).collect()
        };
        let given_up = tokio::time::timeout(Duration::from_millis(1), group.write(0, 1, 1, slow)).await;
        assert!(given_up.is_err());
        group.write(0, 2, 1, slow).await.unwrap();
        assert_eq!(WRITTEN.load(Ordering::SeqCst), 2);
        let breaks = |items: Vec<usize>| async move {
            assert!(items.is_empty(), "on purpose");
            Vec::new()
        };
        assert!(matches!(group.write(0, 3, 1, breaks).await, Err(ServiceError::NoAnswer)));
        group.write(0, 4, 1, slow).await.unwrap();
    }

    #[tokio::test]
    async fn lanes_get_on_side_by_side_and_one_key_stays_in_one_lane() {
        let group = Arc::new(GroupCommit::<usize, ()>::new(2));
        let (at_work, most, of_one_key) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let counts = Arc::new((at_work, most, of_one_key));
        let callers = (0..200_usize).map(|number| {
            let (group, counts) = (group.clone(), counts.clone());
            let write = move |items: Vec<usize>| {
                let counts = counts.clone();
                async move {
                    let (at_work, most, of_one_key) = &*counts;
                    most.fetch_max(at_work.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    let has_even = items.iter().any(|item| item % 2 == 0);
                    if has_even {
                        assert_eq!(of_one_key.fetch_add(1, Ordering::SeqCst), 0, "two of one key at once");
                    }
                    tokio::time::sleep(Duration::from_millis(2)).await;
                    if has_even {
                        of_one_key.fetch_sub(1, Ordering::SeqCst);
                    }
                    at_work.fetch_sub(1, Ordering::SeqCst);
                    items.iter().map(|_| Ok(())).collect()
                }
            };
            async move { group.write(u8::try_from(number % 2).unwrap(), number, 1, write).await }
        });
        futures_util::future::join_all(callers).await.into_iter().for_each(|answer| answer.unwrap());
        assert_eq!(counts.1.load(Ordering::SeqCst), 2, "both lanes were at work at one time");
    }

    #[tokio::test]
    async fn no_more_waits_than_there_is_room_for() {
        let group = Arc::new(GroupCommit::<usize, ()>::new(1));
        let never = |_: Vec<usize>| std::future::pending();
        let waiting = group.clone();
        let first = tokio::spawn(async move { waiting.write(0, 0, 1, never).await });
        tokio::task::yield_now().await;
        let waiting = group.clone();
        let full = tokio::spawn(async move { waiting.write(0, 1, CAPACITY, never).await });
        tokio::task::yield_now().await;
        assert!(matches!(group.write(0, 2, 1, never).await, Err(ServiceError::NoAnswer)));
        first.abort();
        full.abort();
    }
}
