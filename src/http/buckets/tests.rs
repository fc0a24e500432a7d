use super::*;

const NOW: Moment = Moment(1_700_000_000_000_000);

fn buckets() -> Buckets {
    Buckets::new(&LimitsConfig::default()).unwrap()
}

fn partner(account_id: &str) -> Caller {
    Caller::Partner { account_id: account_id.to_owned() }
}

fn service(subject: &str) -> Caller {
    Caller::Service { subject: subject.to_owned(), scopes: None }
}

fn remaining(spent: Result<RateLimit, Throttled>) -> u32 {
    spent.unwrap().remaining
}

#[test]
fn a_bucket_empties_and_fills_again_to_the_microsecond() {
    let (buckets, caller) = (buckets(), partner("7"));
    let at = |micros: i64| Moment(NOW.0 + micros);
    for left in [7_000, 4_000, 1_000] {
        assert_eq!(remaining(buckets.spend(&caller, None, 3_000, NOW)), left);
    }
    let throttled = buckets.spend(&caller, None, 3_000, NOW).unwrap_err();
    assert_eq!((throttled.retry_after, throttled.rate_limit.remaining), (10, 1_000), "2,000 at 200 a second");
    assert_eq!(throttled.rate_limit.reset_at, at(45_000_000));
    assert_eq!(remaining(buckets.spend(&caller, None, 1_000, NOW)), 0, "what it holds can be spent");
    assert_eq!(buckets.spend(&caller, None, 1, NOW).unwrap_err().retry_after, 1, "rounded up");
    // 200 a second are one in 5,000 microseconds.
    assert!(buckets.spend(&caller, None, 1, at(4_999)).is_err());
    assert_eq!(remaining(buckets.spend(&caller, None, 1, at(5_000))), 0);
    assert_eq!(
        remaining(buckets.spend(&caller, None, 0, at(3_600_000_000))),
        10_000,
        "and no more than full"
    );
}

#[test]
fn what_is_asked_for_again_and_again_cannot_be_had_faster_than_it_is_restored() {
    let (buckets, caller) = (buckets(), partner("7"));
    let spent: u32 = (0..60_000)
        .map(|millisecond| Moment(NOW.0 + millisecond * 1_000))
        .filter(|now| buckets.spend(&caller, None, 7, *now).is_ok())
        .map(|_| 7)
        .sum();
    assert!((21_980..=22_000).contains(&spent), "10,000 and 200 a second for a minute: {spent}");
}

#[test]
fn a_clock_that_goes_back_gives_nothing() {
    let (buckets, caller) = (buckets(), partner("7"));
    assert_eq!(remaining(buckets.spend(&caller, None, 3_000, NOW)), 7_000);
    assert_eq!(remaining(buckets.spend(&caller, None, 0, Moment(NOW.0 - 3_600_000_000))), 7_000);
}

#[test]
fn each_principal_has_a_bucket_of_his_own_and_services_another_size() {
    let buckets = buckets();
    let staff = Caller::Staff { subject: "7".to_owned(), scopes: None };
    let narrowed = Caller::Service { subject: "7".to_owned(), scopes: Some(vec![]) };
    let address = |text: &str| Some(text.parse().unwrap());
    for (caller, from, left) in [
        (partner("7"), None, 9_000),
        (partner("7"), address("198.51.100.1"), 8_000),
        (partner("8"), None, 9_000),
        (staff, None, 9_000),
        (service("7"), None, 49_000),
        (narrowed, None, 48_000),
        (Caller::Anonymous, address("198.51.100.1"), 9_000),
        (Caller::Anonymous, address("198.51.100.2"), 9_000),
        (Caller::Anonymous, address("::ffff:198.51.100.2"), 8_000),
        (Caller::Anonymous, address("2001:db8::1"), 9_000),
        (Caller::Anonymous, address("2001:db8::ffff:2"), 8_000),
        (Caller::Anonymous, address("2001:db8:0:1::1"), 9_000),
        (Caller::Anonymous, None, 9_000),
    ] {
        assert_eq!(remaining(buckets.spend(&caller, from, 1_000, NOW)), left, "{caller:?} {from:?}");
    }
}

#[test]
fn full_buckets_are_not_kept_and_others_are() {
    let buckets = buckets();
    for n in 0..1_000 {
        buckets.spend(&partner(&n.to_string()), None, 1_000, NOW).unwrap();
    }
    buckets.spend(&partner("deep"), None, 3_000, NOW).unwrap();
    buckets.spend(&partner("looks only"), None, 0, NOW).unwrap();
    let kept = || buckets.known.lock().unwrap().levels.len();
    assert_eq!(kept(), 1_001);
    let later = NOW.plus(Duration::seconds(11));
    assert_eq!(remaining(buckets.spend(&partner("deep"), None, 0, later)), 9_200);
    assert_eq!(kept(), 1);
}

#[test]
fn a_flood_of_addresses_shares_what_is_left_and_takes_no_more_memory() {
    let buckets = buckets();
    let spend = |n: u32, cost: u32| buckets.spend(&Caller::Anonymous, Some(IpAddr::V4(n.into())), cost, NOW);
    for n in 0..100_000 {
        spend(n, 3_000).unwrap();
    }
    for (n, left) in [(200_000, 7_000), (200_001, 4_000), (200_002, 1_000)] {
        assert_eq!(remaining(spend(n, 3_000)), left);
    }
    assert!(spend(200_003, 3_000).is_err());
    assert_eq!(remaining(spend(1, 3_000)), 4_000, "who was there before has his own");
    assert_eq!(
        remaining(buckets.spend(&partner("7"), None, 3_000, NOW)),
        7_000,
        "so has whoever has a token"
    );
    assert_eq!(buckets.anonymous.lock().unwrap().levels.len(), MAX_BUCKETS + 1);
}

#[test]
fn limits_under_which_a_request_could_never_run_are_refused() {
    for (adjust, named) in [
        ((|limits| limits.cost_bucket = 2_999) as fn(&mut LimitsConfig), "limits.cost_bucket"),
        (|limits| limits.service_cost_bucket = 2_999, "limits.service_cost_bucket"),
        (|limits| limits.cost_restored_per_second = 0, "limits.cost_restored_per_second"),
        (|limits| limits.service_cost_restored_per_second = 0, "limits.service_cost_restored_per_second"),
    ] {
        let mut limits = LimitsConfig::default();
        adjust(&mut limits);
        let error = Buckets::new(&limits).err().unwrap().to_string();
        assert!(error.starts_with(named), "{error}");
    }
}
