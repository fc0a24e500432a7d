//! The file that the bank is given: valid, exact, and nobody is in two (rule 25).

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Desk, IBAN, SEPA, text};
use crate::harness::{Backend, Parrain, on_both_databases, python};

on_both_databases!(
    a_hundred_withdrawals_are_one_valid_file_whose_sums_match,
    two_exports_in_a_row_or_at_once_pay_nobody_twice,
    a_file_is_had_again_to_the_byte_whatever_has_happened_since,
    what_cannot_be_in_a_file_is_left_out_and_said,
    a_file_needs_somebody_who_pays,
    a_copy_of_the_books_has_the_files_too,
    with_four_eyes_nobody_puts_into_a_file_what_he_approved,
);

pub const EXPORT: [&str; 4] = ["export", "withdrawals", "--format", "pain001"];
/// Banks of as many countries, and names that their letters cannot write.
const PAYEES: [(&str, &str); 5] = [
    (IBAN, "Jörg Müller & Söhne"),
    ("FR1420041010050500013M02606", "Zoë d'Été"),
    ("GB82WEST12345698765432", "O'Neill <Ltd>"),
    ("NL91ABNA0417164300", "Łukasz Żółć"),
    ("BE68539007547034", "電話株式会社"),
];

/// What the schema and the file itself say of it.
fn check(parrain: &Parrain, file: &str) -> Value {
    let path: PathBuf = parrain.folder().join(format!("{:016x}.xml", rand::random::<u64>()));
    std::fs::write(&path, file).unwrap();
    serde_json::from_str(&python("check_pain001.py", &path)).unwrap()
}

/// The end-to-end ids in a file.
pub fn ids_in(file: &str) -> BTreeSet<String> {
    let parts = file.split("<EndToEndId>").skip(1);
    parts.map(|part| part.split('<').next().unwrap().to_owned()).collect()
}

async fn a_hundred_withdrawals_are_one_valid_file_whose_sums_match(backend: Backend) {
    let desk = Desk::open(backend).await;
    let mut cents = 0;
    for number in 0..100_u64 {
        if number % 20 == 0 {
            desk.rich_partner(&format!("acct-{}", number / 20), "10000").await;
        }
        let partner = desk.partner(&format!("acct-{}", number / 20)).await;
        let (iban, holder) = PAYEES[usize::try_from(number % 5).unwrap()];
        let amount = 1_001 + number * 37;
        cents += amount;
        let amount = format!("{}.{:02}", amount / 100, amount % 100);
        let id = desk.request(&partner, &amount, iban, holder).await;
        desk.done(&desk.ann, "approveWithdrawal", json!({ "id": id })).await;
    }
    let export = desk.parrain.run(EXPORT).ended_with(0);
    let sum = format!("{}.{:02}", cents / 100, cents % 100);
    assert!(export.stderr.contains(&format!("100 withdrawals, {sum}0000 EUR")), "{}", export.stderr);
    let checked = check(&desk.parrain, &export.stdout);
    assert_eq!((&checked["transfers"], &checked["sum"]), (&json!(100), &json!(sum)));
    assert_eq!(checked["control_sums"], json!([sum, sum]), "of the file, and of its one payment");
    assert_eq!(checked["numbers"], json!(["100", "100"]));
    assert_eq!(ids_in(&export.stdout).len(), 100);
    assert_eq!(checked["strange"], json!([]), "every letter is one that every bank takes");
    let names = ["DianHuaZhuShiHuiShe", "Jorg Muller + Sohne", "Lukasz Zolc", "O'Neill Ltd", "Zoe d'Ete"];
    assert_eq!(checked["names"], json!(names));
    assert!(export.stdout.contains("<Dbtr>\n        <Nm>Example SAS</Nm>"), "{}", &export.stdout[..1_500]);
    desk.parrain.verify();
}

async fn two_exports_in_a_row_or_at_once_pay_nobody_twice(backend: Backend) {
    let desk = Desk::open(backend).await;
    let partner = desk.rich_partner("acct-1", "10000").await;
    let mut paid = BTreeSet::new();
    for _ in 0..4 {
        for _ in 0..3 {
            desk.approved(&partner, "100").await;
        }
        let exports = [desk.parrain.start(EXPORT), desk.parrain.start(EXPORT)];
        for export in exports {
            let file = export.finish(std::time::Duration::from_secs(60)).printed();
            for id in ids_in(&file) {
                assert!(paid.insert(id), "nobody is in two files");
            }
        }
        assert_eq!(desk.parrain.run(EXPORT).printed(), "", "nothing is left");
    }
    assert_eq!(paid.len(), 12, "and nobody is in none");
    desk.parrain.verify();
}

async fn a_file_is_had_again_to_the_byte_whatever_has_happened_since(backend: Backend) {
    let desk = Desk::open(backend).await;
    let partner = desk.rich_partner("acct-1", "10000").await;
    let [first, second] = [desk.approved(&partner, "100").await, desk.approved(&partner, "200.50").await];
    let file = desk.parrain.run(EXPORT).printed();
    let seen = desk.withdrawal(&first).await;
    let batch = text(&seen["paymentBatchId"]);
    assert!(ids_in(&file).contains(&text(&seen["endToEndId"])), "the id is the withdrawal's own");
    let again = |batch: &str| desk.parrain.run(EXPORT.into_iter().chain(["--batch", batch]));
    assert_eq!(again(&batch).printed(), file);
    desk.done(&desk.bob, "markWithdrawalPaid", json!({ "id": first, "paymentReference": "r" })).await;
    desk.done(&desk.bob, "markWithdrawalFailed", json!({ "id": second, "reason": "AC04" })).await;
    let why = json!({ "partnerId": partner.id, "reason": "Doubts." });
    desk.done(&desk.ann, "suspendPartner", why).await;
    assert_eq!(again(&batch).printed(), file);
    let unknown = again("00000000-0000-7000-8000-000000000000").ended_with(1);
    assert!(unknown.stderr.contains("there is no such payment batch"), "{}", unknown.stderr);
    let partners = "SELECT payment_batch_id FROM withdrawal WHERE payment_batch_id IS NOT NULL";
    assert_eq!(desk.parrain.database().column::<uuid::Uuid>(partners).await.len(), 2);
    desk.parrain.verify();
    // Somebody changes what is to be paid, behind the program's back.
    desk.parrain
        .database()
        .execute("UPDATE withdrawal SET amount = amount + 10000 WHERE status = 'PAID'")
        .await;
    let changed = again(&batch).ended_with(1);
    assert!(changed.stderr.contains("is not what it was"), "{}", changed.stderr);
    let verified = desk.parrain.run(["verify"]).ended_with(1);
    assert!(verified.stdout.contains("payment_batch"), "{}{}", verified.stdout, verified.stderr);
}

async fn what_cannot_be_in_a_file_is_left_out_and_said(backend: Backend) {
    let desk = Desk::open(backend).await;
    let partner = desk.rich_partner("acct-1", "10000").await;
    let abroad = desk.request(&partner, "100", "BR1800360305000010009795493C1", "Zé").await;
    let paypal = json!({
        "amount": "100", "idempotencyKey": "paypal", "destination": { "paypal": { "email": "jo@example.com" } }
    });
    let paypal = text(&desk.done(&partner.token, "requestWithdrawal", paypal).await["id"]);
    for id in [&abroad, &paypal] {
        desk.done(&desk.ann, "approveWithdrawal", json!({ "id": id })).await;
    }
    desk.request(&partner, "300", IBAN, "Jo").await;
    let export = desk.parrain.run(EXPORT).ended_with(0);
    assert_eq!(export.stdout, "", "not approved, not to a bank, not within SEPA");
    assert!(export.stderr.contains("left out: 1 (to an account outside SEPA"), "{}", export.stderr);
    assert!(export.stderr.contains("nothing is to be paid"), "{}", export.stderr);
    for arguments in [
        &["export", "withdrawals", "--batch", "00000000-0000-7000-8000-000000000000"][..],
        &["export", "withdrawals", "--format", "pain001", "--partner", "abc"],
        &["export", "withdrawals", "--format", "pain001", "--from", "2026-01-01"],
        &["export", "withdrawals", "--format", "pain002"],
        &["export", "withdrawals", "--format", "pain001", "--batch", "7"],
    ] {
        desk.parrain.run(arguments).ended_with(2);
    }
    let rows = desk.parrain.export("withdrawals");
    assert_eq!(rows.lines().count(), 4, "as CSV they are all there");
}

async fn a_file_needs_somebody_who_pays(backend: Backend) {
    for (toml, said) in [
        ("", "sepa.debtor_name is not configured"),
        ("[sepa]\ndebtor_name = \"A\"\n", "sepa.debtor_iban is not configured"),
        ("[sepa]\ndebtor_name = \"A\"\ndebtor_iban = \"DE00\"\n", "sepa.debtor_iban is no valid IBAN"),
    ] {
        let parrain = Parrain::new(backend).await;
        parrain.configure(toml);
        let export = parrain.run(EXPORT).ended_with(1);
        assert!(export.stderr.contains(said) && export.stdout.is_empty(), "{}", export.stderr);
    }
}

async fn a_copy_of_the_books_has_the_files_too(backend: Backend) {
    let desk = Desk::open(backend).await;
    let partner = desk.rich_partner("acct-1", "1000").await;
    let id = desk.approved(&partner, "100").await;
    let file = desk.parrain.run(EXPORT).printed();
    let batch = text(&desk.withdrawal(&id).await["paymentBatchId"]);
    let other = match backend {
        Backend::Sqlite => Backend::Postgres,
        Backend::Postgres => Backend::Sqlite,
    };
    let copy = Parrain::new(other).await;
    desk.parrain.run(["copy", "--to", copy.database().url()]).printed();
    assert_eq!(copy.export("audit"), desk.parrain.export("audit"));
    assert_eq!(copy.run(EXPORT.into_iter().chain(["--batch", &batch])).printed(), file);
    copy.verify();
}

async fn with_four_eyes_nobody_puts_into_a_file_what_he_approved(backend: Backend) {
    let desk = Desk::configured(backend, &format!("{SEPA}[withdrawals]\nfour_eyes = true\n")).await;
    let partner = desk.rich_partner("acct-1", "1000").await;
    let [mine, anns] =
        [desk.request(&partner, "100", IBAN, "Jo").await, desk.request(&partner, "200", IBAN, "Jo").await];
    // The user who runs the commands.
    let audited = "SELECT actor FROM audit_record WHERE role = 'CLI'";
    desk.parrain.settle_until("2026-01-01");
    let me = desk.parrain.database().column::<String>(audited).await.remove(0);
    let my_token = desk.parrain.token("staff", &me);
    desk.done(&my_token, "approveWithdrawal", json!({ "id": mine })).await;
    desk.done(&desk.ann, "approveWithdrawal", json!({ "id": anns })).await;
    let export = desk.parrain.run(EXPORT).ended_with(0);
    assert_eq!(ids_in(&export.stdout).len(), 1);
    assert!(export.stdout.contains("200.00") && export.stderr.contains("left out: 1 (approved by the same"));
    let pay = |id: &str| json!({ "id": id, "paymentReference": "r" });
    assert_eq!(desk.outcome(&desk.ann, "markWithdrawalPaid", pay(&anns)).await, "FOUR_EYES");
    assert_eq!(desk.outcome(&desk.bob, "markWithdrawalPaid", pay(&anns)).await, "PAID");
    assert_eq!(desk.outcome(&my_token, "markWithdrawalPaid", pay(&mine)).await, "FOUR_EYES");
    desk.parrain.verify();
}
