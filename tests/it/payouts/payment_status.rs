//! The bank's answers, from a file of CSV and from its own report: each recorded once (rules 25 and 27).

use serde_json::json;

use super::payment_file::EXPORT;
use super::{Desk, Partner, text};
use crate::harness::{Backend, on_both_databases};

on_both_databases!(
    answers_in_csv_are_recorded_once_and_bad_rows_are_refused,
    a_banks_own_report_is_told_by_its_content,
    a_report_on_a_whole_file_is_one_on_each_of_its_transfers,
);

/// Approved and given to the bank: the withdrawals and their end-to-end ids.
async fn sent(desk: &Desk, partner: &Partner, count: usize) -> Vec<(String, String)> {
    let mut sent = Vec::new();
    for _ in 0..count {
        let id = desk.approved(partner, "100").await;
        let end_to_end_id = text(&desk.withdrawal(&id).await["endToEndId"]);
        sent.push((id, end_to_end_id));
    }
    desk.parrain.run(EXPORT).printed();
    sent
}

/// What an import ends with and says; the refused rows, if there are any.
fn import(desk: &Desk, content: &str) -> (Option<i32>, String, Option<String>) {
    let file = desk.parrain.folder().join(format!("bank-{:016x}", rand::random::<u64>()));
    std::fs::write(&file, content).unwrap();
    let output = desk.parrain.run(["import", "payment-status", file.to_str().unwrap()]);
    let refused = std::fs::read_to_string(format!("{}.refused.csv", file.display())).ok();
    (output.status, output.stderr, refused)
}

async fn answers_in_csv_are_recorded_once_and_bad_rows_are_refused(backend: Backend) {
    let desk = Desk::open(backend).await;
    let partner = desk.rich_partner("acct-1", "1000").await;
    let sent = sent(&desk, &partner, 4).await;
    let [paid, failed, bare, open] = [0, 1, 2, 3].map(|place| sent[place].1.as_str());
    let header = "end_to_end_id,status,reference,reason\n";
    let good = format!("{header}{paid},PAID,bank-7,\n{failed},FAILED,,\"AC04, closed\"\n{bare},PAID,,\n");
    let (status, said, refused) = import(&desk, &good);
    assert_eq!((status, refused), (Some(0), None), "{said}");
    assert!(said.contains("3 recorded, 0 replayed"), "{said}");
    let seen = desk.withdrawal(&sent[0].0).await;
    assert_eq!((&seen["status"], &seen["paymentReference"]), (&json!("PAID"), &json!("bank-7")));
    let seen = desk.withdrawal(&sent[1].0).await;
    assert_eq!((&seen["status"], &seen["reason"]), (&json!("FAILED"), &json!("AC04, closed")));
    assert_eq!(desk.withdrawal(&sent[2].0).await["paymentReference"], bare, "for want of one of the bank's");
    assert_eq!(desk.balance(&partner).await, ["700.000000", "100.000000", "200.000000"]);
    let (status, said, _) = import(&desk, &good);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("0 recorded, 3 replayed"), "{said}");

    let bad = format!(
        "{header}{paid},PAID,bank-8,\n{paid},FAILED,,AC04\n{open},LOST,,\n{open},FAILED,,\n\
         00000000000000000000000000000000,PAID,x,\nNOTPROVIDED,PAID,x,\n{open},PAID\n"
    );
    let (status, said, refused) = import(&desk, &bad);
    assert_eq!(status, Some(3), "{said}");
    let refused = refused.unwrap();
    let reasons: Vec<&str> = refused.lines().skip(1).map(|row| row.split(',').nth(1).unwrap()).collect();
    let expected = [
        "the payment is already on record with another value",
        "what is PAID cannot become FAILED",
        "status is none of PAID and FAILED",
        "reason is required",
        "there is no such withdrawal",
        "there is no such withdrawal",
        "has 2 fields",
    ];
    assert_eq!(reasons.len(), expected.len(), "{refused}");
    for (reason, expected) in reasons.iter().zip(expected) {
        assert!(reason.trim_matches('"').starts_with(expected), "{reason}: {expected}");
    }
    assert_eq!(desk.balance(&partner).await, ["700.000000", "100.000000", "200.000000"], "nothing more");
    let leases = desk.parrain.database().column::<i64>("SELECT COUNT(*) FROM import_run").await;
    assert_eq!(leases, [0], "settlement does not wait for a bank");
    desk.parrain.verify();
}

fn report(group: &str, payments: &str) -> String {
    format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10\"><CstmrPmtStsRpt>\n\
         <GrpHdr><MsgId>B1</MsgId><CreDtTm>2026-11-22T10:00:00</CreDtTm></GrpHdr>\n\
         <OrgnlGrpInfAndSts>{group}</OrgnlGrpInfAndSts>\n{payments}</CstmrPmtStsRpt></Document>\n"
    )
}

async fn a_banks_own_report_is_told_by_its_content(backend: Backend) {
    let desk = Desk::open(backend).await;
    let partner = desk.rich_partner("acct-1", "1000").await;
    let sent = sent(&desk, &partner, 3).await;
    // While suspended: what the bank has done is recorded as always.
    let why = json!({ "partnerId": partner.id, "reason": "Doubts." });
    desk.done(&desk.ann, "suspendPartner", why).await;
    let transfer = |id: &str, status: &str, more: &str| {
        format!(
            "<TxInfAndSts><OrgnlEndToEndId>{id}</OrgnlEndToEndId><TxSts>{status}</TxSts>{more}</TxInfAndSts>\n"
        )
    };
    let reason = "<StsRsnInf><Rsn><Cd>AC04</Cd></Rsn><AddtlInf>DE89 3704 0044 0532 0130 00 is closed</AddtlInf></StsRsnInf>";
    let payments = format!(
        "<OrgnlPmtInfAndSts><OrgnlPmtInfId>x</OrgnlPmtInfId>{}{}{}{}</OrgnlPmtInfAndSts>",
        transfer(&sent[0].1, "ACSC", "<AcctSvcrRef>bank-1</AcctSvcrRef>"),
        transfer(&sent[1].1, "RJCT", reason),
        transfer(&sent[2].1, "ACSP", ""),
        transfer("somebody-elses", "ACSC", ""),
    );
    let (status, said, refused) = import(&desk, &report("<OrgnlMsgId>x</OrgnlMsgId>", &payments));
    assert_eq!(status, Some(3), "{said}");
    assert!(said.contains("2 recorded") && said.contains("1 still on the way"), "{said}");
    let refused = refused.unwrap();
    assert!(refused.starts_with("line,reason,end_to_end_id,status,reference,reason\n"), "{refused}");
    assert!(refused.contains("there is no such withdrawal,somebody-elses,ACSC"), "{refused}");
    assert_eq!(desk.withdrawal(&sent[0].0).await["paymentReference"], "bank-1");
    let seen = desk.withdrawal(&sent[1].0).await;
    assert_eq!((&seen["status"], &seen["reason"]), (&json!("FAILED"), &json!("AC04: DE…3000 is closed")));
    assert_eq!(desk.withdrawal(&sent[2].0).await["status"], "APPROVED");
    for content in ["<html></html>", "<Document><CstmrPmtStsRpt>", "end_to_end_id,status\n", ""] {
        let (status, said, _) = import(&desk, content);
        assert_eq!(status, Some(1), "{content}: {said}");
    }
    desk.parrain.verify();
}

async fn a_report_on_a_whole_file_is_one_on_each_of_its_transfers(backend: Backend) {
    let desk = Desk::open(backend).await;
    let partner = desk.rich_partner("acct-1", "1000").await;
    let rejected = sent(&desk, &partner, 2).await;
    let accepted = sent(&desk, &partner, 2).await;
    let file_of = async |id: &str| text(&desk.withdrawal(id).await["paymentBatchId"]).replace('-', "");
    let group = format!(
        "<OrgnlMsgId>{}</OrgnlMsgId><GrpSts>RJCT</GrpSts><StsRsnInf><Rsn><Cd>FF01</Cd></Rsn></StsRsnInf>",
        file_of(&rejected[0].0).await
    );
    let (status, said, _) = import(&desk, &report(&group, ""));
    assert_eq!(status, Some(0), "{said}");
    let payment = format!(
        "<OrgnlPmtInfAndSts><OrgnlPmtInfId>{}</OrgnlPmtInfId><PmtInfSts>ACSC</PmtInfSts><TxInfAndSts>\
         <OrgnlEndToEndId>{}</OrgnlEndToEndId><TxSts>RJCT</TxSts></TxInfAndSts></OrgnlPmtInfAndSts>",
        file_of(&accepted[0].0).await,
        accepted[1].1
    );
    let (status, said, _) = import(&desk, &report("<OrgnlMsgId>x</OrgnlMsgId>", &payment));
    assert_eq!(status, Some(0), "{said}");
    for (id, status, reason) in [
        (&rejected[0].0, "FAILED", json!("FF01")),
        (&rejected[1].0, "FAILED", json!("FF01")),
        (&accepted[0].0, "PAID", json!(null)),
        (&accepted[1].0, "FAILED", json!("The bank gave no reason.")),
    ] {
        let seen = desk.withdrawal(id).await;
        assert_eq!((&seen["status"], &seen["reason"]), (&json!(status), &reason));
    }
    let (status, said, refused) =
        import(&desk, &report("<OrgnlMsgId>x</OrgnlMsgId><GrpSts>ACSC</GrpSts>", ""));
    assert_eq!(status, Some(3), "{said}");
    assert!(refused.unwrap().contains("there is no such payment batch"));
    assert_eq!(desk.balance(&partner).await, ["900.000000", "0.000000", "100.000000"]);
    desk.parrain.verify();
}
