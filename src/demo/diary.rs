//! All that the provider tells, in the order in which it does.

use entity::Moment;

use super::clients::{self, ClientPlan};
use super::world::World;
use super::{payments, rates};
use crate::domain::top_up::{RefundFact, TopUpFact};
use crate::services::exchange_rate::PublishedRate;

/// What happens, each at its moment. It is taken from the front, day by day.
#[derive(Debug)]
pub struct Told<T>(std::iter::Peekable<std::vec::IntoIter<(Moment, T)>>);

impl<T> Told<T> {
    pub fn in_order(mut told: Vec<(Moment, T)>) -> Told<T> {
        told.sort_by_key(|(at, _)| *at);
        Told(told.into_iter().peekable())
    }

    /// Takes what happens until then and was not taken before.
    pub fn until(&mut self, until: Moment) -> Vec<(Moment, T)> {
        std::iter::from_fn(|| self.0.next_if(|(at, _)| *at <= until)).collect()
    }

    fn what(&mut self, until: Moment) -> Vec<T> {
        self.until(until).into_iter().map(|(_, what)| what).collect()
    }
}

/// What the provider will tell, as it is collected.
#[derive(Debug, Default)]
pub struct Diary {
    rates: Vec<(Moment, PublishedRate)>,
    top_ups: Vec<(Moment, TopUpFact)>,
    refunds: Vec<(Moment, RefundFact)>,
}

impl Diary {
    pub fn tell_rate(&mut self, at: Moment, rate: PublishedRate) {
        self.rates.push((at, rate));
    }

    pub fn tell_top_up(&mut self, at: Moment, fact: TopUpFact) {
        self.top_ups.push((at, fact));
    }

    pub fn tell_refund(&mut self, at: Moment, fact: RefundFact) {
        self.refunds.push((at, fact));
    }
}

/// What is told next.
#[derive(Debug)]
pub struct News {
    partners: Told<usize>,
    rates: Told<PublishedRate>,
    clients: Told<ClientPlan>,
    top_ups: Told<TopUpFact>,
    refunds: Told<RefundFact>,
}

/// What is told together.
#[derive(Debug)]
pub struct Report {
    pub partners: Vec<usize>,
    pub rates: Vec<PublishedRate>,
    pub clients: Vec<ClientPlan>,
    pub top_ups: Vec<TopUpFact>,
    pub refunds: Vec<RefundFact>,
}

impl News {
    /// All that a world has to tell until then.
    pub fn of(world: &World, until: Moment) -> News {
        let mut diary = Diary::default();
        let clients = clients::all(world, until);
        for client in &clients {
            payments::write(world, client, until, &mut diary);
        }
        payments::write_orphans(world, until, &mut diary);
        rates::write(world, until, &mut diary);
        let joining = world.partners.iter().enumerate().map(|(number, partner)| (partner.joined_at, number));
        News {
            partners: Told::in_order(joining.collect()),
            rates: Told::in_order(diary.rates),
            clients: Told::in_order(clients.into_iter().map(|client| (client.reported_at, client)).collect()),
            top_ups: Told::in_order(diary.top_ups),
            refunds: Told::in_order(diary.refunds),
        }
    }

    /// Takes what is told until then and was not taken before.
    pub fn until(&mut self, until: Moment) -> Report {
        Report {
            partners: self.partners.what(until),
            rates: self.rates.what(until),
            clients: self.clients.what(until),
            top_ups: self.top_ups.what(until),
            refunds: self.refunds.what(until),
        }
    }
}
