//! Lists: every filter and order walks an index, and sorts no history.

use entity::{LineKind, Moment, Money, PartnerStatus, Period, TicketStatus, WithdrawalStatus};
use parrain::services::audit_log::{self, AuditFilter};
use parrain::services::commission::{self, CommissionFilter, CommissionStatus, LinesAsked};
use parrain::services::dashboard::{Asked, AskedDashboard};
use parrain::services::listing::{self, PartnerFilter, PartnerOrder, TicketFilter, WithdrawalFilter};
use parrain::services::owner::Owner;
use parrain::services::paging::{Cursor, List, PageRequest};
use parrain::services::referral_link::LinksAsked;
use parrain::services::referred_client::{self, ClientsAsked, ReferredClientFilter, ReferredClientOrder};
use parrain::services::statement;
use sea_orm::{ConnectionTrait, Statement};
use uuid::Uuid;

use crate::harness::{Backend, Program, on_both_databases};

on_both_databases!(every_filter_and_order_walks_an_index, all_of_a_dashboard_walks_indexes);

const ID: Uuid = Uuid::from_u128(1);
/// Tables of a few rows, all of which are wanted.
const SHORT: [&str; 2] = ["tier_table", "programme"];
const AT: Moment = Moment(1_767_225_600_000_000);

async fn every_filter_and_order_walks_an_index(backend: Backend) {
    let program = Program::new(backend).await;
    let first = PageRequest { size: 20, is_backwards: false, after: None, before: None };
    let cursor = Some(Cursor { key: 7, id: ID });
    let pages = [
        first,
        PageRequest { after: cursor, ..first },
        PageRequest { is_backwards: true, before: cursor, ..first },
    ];
    for (name, list) in lists(&program, first) {
        for page in &pages {
            let (sql, values) = list.select(page);
            assert_walks(&program, backend, &format!("{name}, {page:?}"), &sql, values).await;
        }
    }
}

async fn all_of_a_dashboard_walks_indexes(backend: Backend) {
    let program = Program::new(backend).await;
    let first = PageRequest { size: 20, is_backwards: false, after: None, before: None };
    let cursor = Some(Cursor { key: 7, id: ID });
    for request in
        [first, PageRequest { after: cursor, ..first }, PageRequest { is_backwards: true, ..first }]
    {
        let asked = Asked {
            links: Some(LinksAsked { request, include_archived: false }),
            clients: Some(ClientsAsked {
                request,
                filter: ReferredClientFilter::default(),
                order: ReferredClientOrder::RegisteredAt,
                is_descending: true,
            }),
            lines: Some(LinesAsked { request, filter: CommissionFilter::default() }),
        };
        let (together, _) = AskedDashboard::ask(&program.app, "partner-1", &asked);
        let (sql, values) = together.into_statement();
        assert_walks(&program, backend, &format!("{request:?}"), &sql, values).await;
    }
}

async fn assert_walks(
    program: &Program,
    backend: Backend,
    name: &str,
    sql: &str,
    values: Vec<sea_orm::Value>,
) {
    let plan = plan(program, backend, sql, values).await;
    let (scans, sorts) = match backend {
        Backend::Sqlite => {
            (plan.contains("SCAN") || plan.contains("AUTOMATIC"), plan.contains("FOR ORDER BY"))
        }
        Backend::Postgres => {
            (plan.contains("Seq Scan"), plan.contains(" Sort ") && !plan.contains("Incremental Sort"))
        }
    };
    // The held lines of one partner are few: they are found by an index of their own and sorted.
    let sorts = sorts && !plan.contains("line_set_aside");
    assert!(!scans && !sorts, "{name}:\n{sql}\n{plan}");
}

/// The plan that the database chooses where reading a whole table or sorting is what it likes least.
async fn plan(program: &Program, backend: Backend, sql: &str, values: Vec<sea_orm::Value>) -> String {
    let snapshot = program.app.db.begin_snapshot().await.unwrap();
    let explain = match backend {
        Backend::Sqlite => "EXPLAIN QUERY PLAN",
        Backend::Postgres => {
            for setting in
                ["enable_seqscan", "enable_sort", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin"]
            {
                snapshot.execute_unprepared(&format!("SET LOCAL {setting} = off")).await.unwrap();
            }
            "EXPLAIN (COSTS OFF)"
        }
    };
    let statement =
        Statement::from_sql_and_values(snapshot.get_database_backend(), format!("{explain} {sql}"), values);
    let rows = snapshot.query_all_raw(statement).await.unwrap();
    let column = if backend == Backend::Sqlite { 3 } else { 0 };
    let lines = rows.iter().map(|row| row.try_get_by_index::<String>(column).unwrap());
    let lines: Vec<String> = lines.filter(|line| !SHORT.iter().any(|table| line.contains(table))).collect();
    // A table that is read whole says so in a line of its own on SQLite, and an index that would have to be made for the
    // statement is one that it lacks. What the statement itself has found is read whole.
    let found = ["SCAN me", "SCAN active", "SCAN records", "SCAN q"];
    let is_found = |line: &str| line == "SCAN s" || found.iter().any(|found| line.starts_with(found));
    let whole = |line: &&String| {
        let is_scan = line.starts_with("SCAN") && !line.contains("USING") && !line.contains("CONSTANT ROW");
        is_scan && !is_found(line) || line.contains("AUTOMATIC")
    };
    let marked = if lines.iter().any(|line| whole(&line)) { lines } else { without_scans(lines) };
    marked.join("\n")
}

/// Walking an index from its end is called a scan too.
fn without_scans(lines: Vec<String>) -> Vec<String> {
    lines.into_iter().map(|line| line.replace("SCAN", "WALK")).collect()
}

fn lists(program: &Program, request: PageRequest) -> Vec<(String, List)> {
    let mut lists = of_lines();
    lists.extend(of_clients(program, request));
    lists.extend(of_staff());
    for include_archived in [true, false] {
        let asked = LinksAsked { request, include_archived };
        lists.push((format!("links, archived {include_archived}"), asked.list(Owner::Partner(ID))));
    }
    lists
        .push(("lines".to_owned(), commission::of_partner(Owner::Partner(ID), &CommissionFilter::default())));
    lists.push(("lines of a client".to_owned(), commission::of_client(ID)));
    lists.push(("lines of a statement".to_owned(), commission::of_statement(ID, Period(20_260_101))));
    lists.push(("statements".to_owned(), statement::of_partner(ID)));
    lists.push(("service transfers".to_owned(), listing::service_transfers(ID)));
    lists.push(("ledger".to_owned(), listing::ledger_transfers(ID)));
    lists
}

/// A list by the filter that makes it.
fn named<F: std::fmt::Debug>(filters: Vec<F>, list: impl Fn(&F) -> List) -> Vec<(String, List)> {
    filters.iter().map(|filter| (format!("{filter:?}"), list(filter))).collect()
}

fn of_lines() -> Vec<(String, List)> {
    let any = CommissionFilter::default;
    let mut filters = vec![
        CommissionFilter { settle_period: Some(Period(20_260_101)), ..any() },
        CommissionFilter { referral_id: Some(ID), ..any() },
        CommissionFilter { link_id: Some(ID), ..any() },
        CommissionFilter { occurred_from: Some(AT), occurred_before: Some(AT), ..any() },
    ];
    filters.extend(
        [LineKind::TopUp, LineKind::Refund].map(|kind| CommissionFilter { kind: Some(kind), ..any() }),
    );
    let statuses = [
        CommissionStatus::Held,
        CommissionStatus::Rejected,
        CommissionStatus::NotEarning,
        CommissionStatus::Settled,
    ];
    filters.extend(statuses.map(|status| CommissionFilter { status: Some(status), ..any() }));
    named(filters, |filter| commission::of_partner(Owner::Partner(ID), filter))
}

fn of_clients(program: &Program, request: PageRequest) -> Vec<(String, List)> {
    let any = ReferredClientFilter::default;
    let filters = [
        any(),
        ReferredClientFilter { is_active: Some(true), ..any() },
        ReferredClientFilter { is_active: Some(false), ..any() },
        ReferredClientFilter { link_id: Some(ID), ..any() },
        ReferredClientFilter { registered_from: Some(AT), registered_before: Some(AT), ..any() },
        ReferredClientFilter { minimum_top_up_total: Some(Money(1)), ..any() },
    ];
    let orders = [
        ReferredClientOrder::RegisteredAt,
        ReferredClientOrder::LastTopUpAt,
        ReferredClientOrder::TopUpTotal,
    ];
    let asked = orders.iter().flat_map(|order| {
        filters.iter().flat_map(move |filter| {
            [true, false].map(|is_descending| ClientsAsked {
                request,
                filter: filter.clone(),
                order: *order,
                is_descending,
            })
        })
    });
    named(asked.collect(), |asked| referred_client::of_partner(&program.app, Owner::Partner(ID), asked))
}

fn of_staff() -> Vec<(String, List)> {
    let any = WithdrawalFilter::default;
    let withdrawals = vec![
        any(),
        WithdrawalFilter { status: Some(WithdrawalStatus::Requested), ..any() },
        WithdrawalFilter { partner_id: Some(ID), ..any() },
        WithdrawalFilter { requested_from: Some(AT), requested_before: Some(AT), ..any() },
    ];
    let mut lists = named(withdrawals, listing::withdrawals);
    let any = TicketFilter::default;
    let tickets = vec![
        any(),
        TicketFilter { status: Some(TicketStatus::Open), ..any() },
        TicketFilter { kind: Some(entity::TicketKind::Dispute), ..any() },
        TicketFilter { partner_id: Some(ID), ..any() },
    ];
    lists.extend(named(tickets, listing::tickets));
    let any = AuditFilter::default;
    let audited = vec![
        any(),
        AuditFilter { action: Some("settle".to_owned()), ..any() },
        AuditFilter { actor: Some("ann".to_owned()), ..any() },
        AuditFilter { subject_id: Some(ID), ..any() },
        AuditFilter { from: Some(AT), before: Some(AT), ..any() },
    ];
    lists.extend(named(audited, |filter| audit_log::records(filter.clone())));
    // By active clients the partners themselves are sorted: those without a standing have none of its index.
    let orders = [PartnerOrder::JoinedAt, PartnerOrder::Available, PartnerOrder::LifetimeCredited];
    let any = PartnerFilter::default;
    let partners = orders.into_iter().flat_map(|order| {
        let filters = [
            any(),
            PartnerFilter { status: Some(PartnerStatus::Suspended), ..any() },
            PartnerFilter { search: Some("x".to_owned()), ..any() },
            PartnerFilter { tier: Some("Growth".to_owned()), ..any() },
        ];
        filters.map(|filter| (filter, order))
    });
    lists.extend(named(partners.collect(), |(filter, order)| listing::partners(filter, *order, true)));
    lists.push(("settlements".to_owned(), listing::settlements()));
    lists.push(("parked facts".to_owned(), listing::parked_facts()));
    lists.extend([None, Some(ID)].map(|of| (format!("held lines of {of:?}"), commission::held(of))));
    lists
}
