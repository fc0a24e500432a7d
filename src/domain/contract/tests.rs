//! How a contract comes about, is replaced and ends.

use super::*;

const NOW: Moment = Moment(1_000);

fn digest(letter: char) -> String {
    letter.to_string().repeat(64)
}

fn document(version: &str, letter: char) -> ContractDocument {
    let url = format!("https://provider.example/contract-{version}.pdf");
    ContractDocument { version: version.to_owned(), url, digest: digest(letter) }
}

fn offered(letter: char) -> ContractState {
    offer(&ContractState::default(), document("1", letter), NOW).unwrap()
}

fn active(letter: char) -> ContractState {
    accept(&offered(letter), &digest(letter), "acct:7", NOW).unwrap()
}

#[test]
fn it_is_asked_for_offered_and_accepted() {
    let requested = request(&ContractState::default(), NOW).unwrap();
    assert_eq!((requested.status, requested.requested_at), (ContractStatus::Requested, Some(NOW)));
    assert_eq!(request(&requested, NOW), Err(Refusal::AlreadyDone));
    let offered = offer(&requested, document("1", 'a'), Moment(2_000)).unwrap();
    assert_eq!(offered.status, ContractStatus::Offered);
    assert!(!offered.is_in_force());
    let active = accept(&offered, &digest('a'), "acct:7", Moment(3_000)).unwrap();
    let acceptance = ContractAcceptance {
        document: document("1", 'a'),
        accepted_at: Moment(3_000),
        by: "acct:7".to_owned(),
    };
    assert!(active.is_in_force());
    assert_eq!((active.acceptance, active.offer), (Some(acceptance), None));
}

#[test]
fn only_exactly_the_offered_document_can_be_accepted() {
    let refused = |state: &ContractState, digest: &str| accept(state, digest, "acct:7", NOW).unwrap_err();
    assert!(
        matches!(refused(&offered('a'), &digest('b')), Refusal::Invalid(i) if i.field == "documentDigest")
    );
    for text in ["", "a", &digest('A'), &digest('g'), &"a".repeat(65)] {
        assert!(matches!(refused(&offered('a'), text), Refusal::Invalid(_)), "{text}");
    }
    let nothing = Refusal::IllegalTransition { from: "NONE", to: "ACTIVE" };
    assert_eq!(refused(&ContractState::default(), &digest('a')), nothing);
    assert_eq!(refused(&active('a'), &digest('a')), Refusal::AlreadyDone);
}

#[test]
fn a_new_offer_leaves_the_old_acceptance_in_force_until_it_is_accepted_or_staff_ends_it() {
    let both = offer(&active('a'), document("2", 'b'), NOW).unwrap();
    assert!(both.is_in_force());
    assert_eq!(both.acceptance, active('a').acceptance);
    let newer = accept(&both, &digest('b'), "acct:7", NOW).unwrap();
    assert_eq!(newer.acceptance.map(|acceptance| acceptance.document), Some(document("2", 'b')));
    assert_eq!(newer.offer, None);
    let ended = terminate(&both).unwrap();
    assert!(!ended.is_in_force());
    assert_eq!(ended.offer, None);
    assert!(accept(&ended, &digest('b'), "acct:7", NOW).is_err());
    assert!(accept(&ended, &digest('a'), "acct:7", NOW).is_err(), "what was ended is not accepted again");
}

#[test]
fn after_a_termination_a_request_begins_anew() {
    let ended = terminate(&active('a')).unwrap();
    assert_eq!(terminate(&ended), Err(Refusal::AlreadyDone));
    let again = request(&ended, NOW).unwrap();
    assert_eq!((again.status, &again.offer, &again.acceptance), (ContractStatus::Requested, &None, &None));
    assert!(offer(&ended, document("1", 'a'), NOW).is_ok_and(|state| !state.is_in_force()));
    assert!(terminate(&ContractState::default()).is_err());
    assert!(request(&active('a'), NOW).is_err());
}

#[test]
fn the_same_offer_is_made_once_and_a_bad_one_never() {
    assert_eq!(offer(&offered('a'), document("1", 'a'), NOW), Err(Refusal::AlreadyDone));
    assert_eq!(offer(&active('a'), document("1", 'a'), NOW), Err(Refusal::AlreadyDone));
    assert!(offer(&offered('a'), document("2", 'b'), NOW).is_ok());
    for url in
        ["http://provider.example/c.pdf", "javascript:alert(1)", "", "https://a:b@provider.example/", "c.pdf"]
    {
        let bad = ContractDocument { url: url.to_owned(), ..document("1", 'a') };
        assert!(offer(&ContractState::default(), bad, NOW).is_err(), "{url}");
    }
    assert!(offer(&ContractState::default(), document("", 'a'), NOW).is_err());
    assert!(offer(&ContractState::default(), document("1", 'A'), NOW).is_err());
}
