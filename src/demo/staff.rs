//! What staff does of its own accord: planned from the beginning.

use chrono::Duration;
use entity::{
    ContractStatus, LineKind, LineState, Moment, Money, RateBasisPoints, TicketAuthor, contract, line,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::names::{LINKS, Thread};
use super::office::Office;
use super::people::People;
use super::world::{Size, World};
use super::{agreements, conversations};
use crate::services::adjustment::{self, AdjustBalance};
use crate::services::error::ServiceError;
use crate::services::referral_link::{self, NewLink};
use crate::services::ticket::{self as tickets, OpenTicket};
use crate::services::{contract as contracts, individual_rate, review, suspension};

/// When version 2.0 of the contract is offered to all, in thousandths of the world's first years.
pub const NEW_VERSION_PERMILLE: i64 = 620;
/// How many conversations and reviews there are in the world's first years.
const CONVERSATIONS: i64 = 70;
const REVIEWS: i64 = 36;

#[derive(Debug)]
pub enum StaffAct {
    Suspend {
        partner: usize,
        reason: &'static str,
    },
    Reinstate {
        partner: usize,
        reason: &'static str,
    },
    SetRate {
        partner: usize,
        rate: Option<RateBasisPoints>,
        reason: &'static str,
    },
    Adjust {
        partner: usize,
        amount: Money,
        reason: &'static str,
    },
    /// To everybody who has accepted the one before.
    OfferNewVersion,
    /// Of a small partner.
    EndAContract,
    /// Of what has been held longest.
    Review,
    /// A partner makes one of his further links.
    MakeLink {
        partner: usize,
        link: usize,
    },
    OpenTicket {
        partner: usize,
        thread: &'static Thread,
    },
    Say {
        partner: usize,
        opened_at: Moment,
        author: TicketAuthor,
        text: &'static str,
    },
    CloseTicket {
        partner: usize,
        opened_at: Moment,
    },
}

/// All that is planned until then.
pub fn plan(world: &World, until: Moment) -> Vec<(Moment, StaffAct)> {
    let mut acts = milestones(world);
    for (partner, plan) in world.partners.iter().enumerate() {
        acts.extend(
            (1..=plan.links).map(|link| (plan.link_made_at(link), StaffAct::MakeLink { partner, link })),
        );
    }
    let spacing = |count: i64| Duration::minutes((world.scale.days * 1_440 / count).max(1));
    let times = |count: i64, from: i64| {
        let first = world.at_permille(from);
        (0..).map(move |n| first.plus(spacing(count) * n)).take_while(move |at| *at <= until)
    };
    acts.extend(times(REVIEWS, 200).map(|at| (at, StaffAct::Review)));
    for (number, at) in times(CONVERSATIONS, 60).enumerate() {
        acts.extend(conversations::one(world, number, at));
    }
    acts.retain(|(at, _)| *at <= until);
    acts
}

fn milestones(world: &World) -> Vec<(Moment, StaffAct)> {
    let mut acts = Vec::new();
    let mut at = |permille: i64, size: Size, nth: usize, act: &dyn Fn(usize) -> StaffAct| {
        let moment = world.at_permille(permille).plus(Duration::hours(10));
        if let Some(partner) = established(world, size, nth, moment) {
            acts.push((moment, act(partner)));
        }
    };
    let rate = |points: i32, reason: &'static str| {
        move |partner| StaffAct::SetRate { partner, rate: Some(RateBasisPoints(points)), reason }
    };
    at(300, Size::Small, 4, &rate(1_250, "Agreed at the trade fair."));
    at(400, Size::Medium, 0, &rate(1_800, "Brings whole companies."));
    at(600, Size::Big, 2, &rate(2_250, "Exclusive partner in his country."));
    at(650, Size::Small, 4, &|partner| StaffAct::SetRate {
        partner,
        rate: None,
        reason: "The agreement has ended.",
    });
    at(500, Size::Medium, 1, &|partner| StaffAct::Suspend {
        partner,
        reason: "Spam was sent with his link; he is heard.",
    });
    at(535, Size::Medium, 1, &|partner| StaffAct::Reinstate {
        partner,
        reason: "It was somebody else's mailing.",
    });
    at(780, Size::Small, 1, &|partner| StaffAct::Suspend {
        partner,
        reason: "Accounts registered in bulk from one address.",
    });
    at(450, Size::Big, 0, &|partner| StaffAct::Adjust {
        partner,
        amount: Money::from_units(25),
        reason: "For the trouble with the visitor cookie in March.",
    });
    let anybody = |permille: i64| world.at_permille(permille).plus(Duration::hours(11));
    acts.push((anybody(NEW_VERSION_PERMILLE), StaffAct::OfferNewVersion));
    acts.push((anybody(700), StaffAct::EndAContract));
    acts.push((anybody(900), StaffAct::EndAContract));
    acts
}

/// The nth partner of a size who has been there for a while.
pub fn established(world: &World, size: Size, nth: usize, at: Moment) -> Option<usize> {
    let well_before = at.minus(Duration::minutes(world.scale.days * 72));
    let numbered = world.partners.iter().enumerate();
    let of_size: Vec<usize> = numbered
        .filter(|(_, plan)| plan.size == size && plan.joined_at < well_before)
        .map(|(number, _)| number)
        .collect();
    of_size.get(nth).or(of_size.last()).copied()
}

/// Does it; what concerns a partner who has not joined is left.
pub async fn perform(
    office: &Office<'_>,
    people: &People,
    contracts: &[contract::Model],
    act: StaffAct,
) -> Result<(), ServiceError> {
    let (app, support) = (office.app, &office.support);
    match act {
        StaffAct::OfferNewVersion => offer_new_version(office, contracts).await,
        StaffAct::EndAContract => end_a_contract(office, people, contracts).await,
        StaffAct::Review => review_oldest(office).await,
        StaffAct::Suspend { partner, reason } => {
            let Some(id) = people.id(partner) else { return Ok(()) };
            suspension::suspend(app, support, id, reason).await.map(|_| ())
        }
        StaffAct::Reinstate { partner, reason } => {
            let Some(id) = people.id(partner) else { return Ok(()) };
            suspension::reinstate(app, support, id, reason).await.map(|_| ())
        }
        StaffAct::SetRate { partner, rate, reason } => {
            let Some(id) = people.id(partner) else { return Ok(()) };
            individual_rate::set(app, support, id, rate, reason).await.map(|_| ())
        }
        StaffAct::Adjust { partner, amount, reason } => {
            let Some(partner_id) = people.id(partner) else { return Ok(()) };
            let idempotency_key = format!("goodwill-{partner}-{amount}");
            let asked = AdjustBalance { partner_id, amount, reason: reason.to_owned(), idempotency_key };
            adjustment::adjust_balance(app, &office.finance, &asked).await.map(|_| ())
        }
        StaffAct::MakeLink { partner, link } => make_link(office, people, partner, link).await,
        StaffAct::OpenTicket { partner, thread } => {
            let Some(id) = people.id(partner) else { return Ok(()) };
            let text = thread.messages.first().map_or("", |(_, _, text)| text).to_owned();
            let asked =
                OpenTicket { kind: thread.kind, subject: thread.subject.to_owned(), text, about_id: None };
            tickets::open(app, id, &asked).await.map(|_| ())
        }
        StaffAct::Say { partner, opened_at, author, text } => {
            let Some((partner_id, ticket_id)) =
                conversations::find(office, people, partner, opened_at).await?
            else {
                return Ok(());
            };
            match author {
                TicketAuthor::Partner => tickets::reply(app, partner_id, ticket_id, text).await.map(|_| ()),
                _ => tickets::answer(app, support, ticket_id, text).await.map(|_| ()),
            }
        }
        StaffAct::CloseTicket { partner, opened_at } => {
            let Some((_, ticket_id)) = conversations::find(office, people, partner, opened_at).await? else {
                return Ok(());
            };
            tickets::close(app, support, ticket_id, None).await.map(|_| ())
        }
    }
}

async fn make_link(
    office: &Office<'_>,
    people: &People,
    partner: usize,
    link: usize,
) -> Result<(), ServiceError> {
    let plan = office.world.partners.get(partner);
    let (Some(plan), Some(id)) = (plan, people.id(partner)) else { return Ok(()) };
    let Some((_, label, campaign, target)) = link.checked_sub(1).and_then(|further| LINKS.get(further))
    else {
        return Ok(());
    };
    let new = NewLink {
        target: Some((*target).to_owned()),
        label: Some((*label).to_owned()),
        campaign: campaign.map(str::to_owned),
        code: plan.link_code(link),
    };
    referral_link::create(office.app, id, &new).await.map(|_| ())
}

async fn offer_new_version(office: &Office<'_>, contracts: &[contract::Model]) -> Result<(), ServiceError> {
    let document = agreements::document(agreements::VERSIONS[1]);
    let words = Some("The new version names the service balance. The old one holds until you accept it.");
    for contract in contracts.iter().filter(|contract| contract.status == ContractStatus::Active) {
        contracts::offer(office.app, &office.support, contract.partner_id, &document, words).await?;
    }
    Ok(())
}

async fn end_a_contract(
    office: &Office<'_>,
    people: &People,
    contracts: &[contract::Model],
) -> Result<(), ServiceError> {
    let in_force = contracts.iter().filter(|contract| contract.status == ContractStatus::Active);
    // The partner that counts least is the last one.
    let last = in_force.filter_map(|contract| people.number(contract.partner_id)).max();
    let Some(partner_id) = last.and_then(|number| people.id(number)) else { return Ok(()) };
    let reason = "He has closed his business and asked us to end it.";
    contracts::terminate(office.app, &office.support, partner_id, reason).await.map(|_| ())
}

/// What has been held for three weeks is looked at, the oldest first.
async fn review_oldest(office: &Office<'_>) -> Result<(), ServiceError> {
    let before = office.app.clock.now().minus(Duration::days(21));
    let oldest = line::Entity::find()
        .filter(line::Column::State.eq(LineState::Held))
        .filter(line::Column::Kind.eq(LineKind::TopUp))
        .filter(line::Column::RecordedAt.lt(before))
        .order_by_asc(line::Column::OccurredAt)
        .one(office.app.db.reader())
        .await?;
    let Some(held) = oldest else { return Ok(()) };
    match office.fate(&format!("review of {}", held.external_id)).percent(60) {
        true => {
            let reason = "The client's own company pays; its registration was shown.";
            review::release(office.app, &office.support, held.id, reason).await?;
        }
        false => {
            review::reject(office.app, &office.support, held.id, "Paid with the partner's own card.").await?;
        }
    }
    Ok(())
}
