//! A bank's status report (ISO 20022 pain.002, any version): what it says of transfers, payments and whole files.

use std::collections::BTreeSet;

use quick_xml::events::Event;
use quick_xml::reader::Reader;

/// How deep a report may nest: the schema needs about twelve.
const DEEPEST: usize = 64;

/// One thing that the report says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reported {
    /// The line on which it ends, from 1.
    pub line: u64,
    pub about: About,
    /// The bank's code: ACSC, RJCT.
    pub code: String,
    /// The reasons, as codes and words.
    pub reason: Option<String>,
    /// The bank's own reference.
    pub reference: Option<String>,
}

/// What a status is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// By its end-to-end id.
    Transfer(String),
    /// Every transfer of a file, by the file's id, but those that the report speaks of one by one.
    File { id: String, but: BTreeSet<String> },
}

impl Default for About {
    fn default() -> Self {
        About::Transfer(String::new())
    }
}

/// Reads a report.
///
/// # Errors
/// Where it is no well-formed XML, or no status report.
pub fn read(text: &str) -> Result<Vec<Reported>, String> {
    let mut reader = Reader::from_str(text);
    let mut report = Report::default();
    let mut path: Vec<String> = Vec::new();
    let mut content = String::new();
    loop {
        let at = |reader: &Reader<&[u8]>| line_of(text, reader.buffer_position());
        let event = reader.read_event().map_err(|error| format!("line {}: {error}", at(&reader)))?;
        match event {
            Event::Start(tag) => {
                path.push(tag.local_name().as_ref().to_owned());
                content.clear();
                if path.len() > DEEPEST {
                    return Err("it nests too deep to be a status report".to_owned());
                }
            }
            Event::Text(words) => content.push_str(&words.xml10_content()),
            Event::CData(words) => content.push_str(&words),
            Event::GeneralRef(name) => content.extend(letter(&name)),
            Event::End(_) => {
                let line = at(&reader);
                report.end(&path, content.trim(), line);
                path.pop();
                content.clear();
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if !path.is_empty() {
        return Err("it ends in the middle".to_owned());
    }
    report.finish(line_of(text, text.len() as u64))
}

/// A letter that the text names: of entities those that every document has, and no others.
fn letter(name: &quick_xml::events::BytesRef<'_>) -> Option<char> {
    match &**name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => name.resolve_char_ref().ok().flatten(),
    }
}

fn line_of(text: &str, position: u64) -> u64 {
    let end = usize::try_from(position).unwrap_or(text.len()).min(text.len());
    1 + text.as_bytes()[..end].iter().filter(|byte| **byte == b'\n').count() as u64
}

/// A status on one of the report's three levels.
#[derive(Debug, Default)]
struct Status {
    id: String,
    code: String,
    reasons: Vec<String>,
    reference: Option<String>,
}

impl Status {
    fn take(&mut self, inner: &[&str], content: &str) {
        match inner {
            ["OrgnlEndToEndId" | "OrgnlPmtInfId" | "OrgnlMsgId"] => self.id = content.to_owned(),
            ["TxSts" | "PmtInfSts" | "GrpSts"] => self.code = content.to_owned(),
            ["AcctSvcrRef"] => self.reference = Some(content.to_owned()),
            ["StsRsnInf", "Rsn", "Cd" | "Prtry"] | ["StsRsnInf", "AddtlInf"] => {
                self.reasons.push(content.to_owned());
            }
            _ => {}
        }
    }

    fn reason(&self) -> Option<String> {
        (!self.reasons.is_empty()).then(|| self.reasons.join(": "))
    }
}

#[derive(Debug, Default)]
struct Report {
    is_one: bool,
    group: Status,
    payment: Status,
    transfer: Status,
    /// Of all payments, and of this one.
    named: BTreeSet<String>,
    named_of_payment: BTreeSet<String>,
    /// Whether a payment has a status of its own.
    has_payments: bool,
    found: Vec<Reported>,
}

impl Report {
    fn end(&mut self, path: &[String], content: &str, line: u64) {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let [_, "CstmrPmtStsRpt", within @ ..] = path.as_slice() else { return };
        self.is_one = true;
        match within {
            ["OrgnlGrpInfAndSts", inner @ ..] => self.group.take(inner, content),
            ["OrgnlPmtInfAndSts", "TxInfAndSts"] => self.end_transfer(line),
            ["OrgnlPmtInfAndSts", "TxInfAndSts", inner @ ..] => self.transfer.take(inner, content),
            ["OrgnlPmtInfAndSts"] => self.end_payment(line),
            ["OrgnlPmtInfAndSts", inner @ ..] => self.payment.take(inner, content),
            _ => {}
        }
    }

    /// A transfer without a status of its own has that of its payment, or of its file.
    fn end_transfer(&mut self, line: u64) {
        let transfer = std::mem::take(&mut self.transfer);
        let levels = [&transfer, &self.payment, &self.group];
        let code = levels.iter().map(|level| &level.code).find(|code| !code.is_empty());
        let reason = levels.iter().find_map(|level| level.reason());
        self.named.insert(transfer.id.clone());
        self.named_of_payment.insert(transfer.id.clone());
        self.found.push(Reported {
            line,
            code: code.cloned().unwrap_or_default(),
            reason,
            reference: transfer.reference,
            about: About::Transfer(transfer.id),
        });
    }

    fn end_payment(&mut self, line: u64) {
        let payment = std::mem::take(&mut self.payment);
        let but = std::mem::take(&mut self.named_of_payment);
        if payment.code.is_empty() {
            return;
        }
        self.has_payments = true;
        let reason = payment.reason().or_else(|| self.group.reason());
        let about = About::File { id: payment.id, but };
        self.found.push(Reported { line, about, code: payment.code, reason, reference: None });
    }

    fn finish(mut self, line: u64) -> Result<Vec<Reported>, String> {
        if !self.is_one {
            return Err("it is no status report (pain.002) and no CSV".to_owned());
        }
        if !self.group.code.is_empty() && !self.has_payments {
            let reason = self.group.reason();
            let about = About::File { id: self.group.id, but: self.named };
            self.found.push(Reported { line, about, code: self.group.code, reason, reference: None });
        }
        Ok(self.found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(inner: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?>\n<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10\">\n\
             <CstmrPmtStsRpt><GrpHdr><MsgId>bank-1</MsgId></GrpHdr>{inner}</CstmrPmtStsRpt></Document>"
        )
    }

    fn said(inner: &str) -> Vec<(About, String, Option<String>)> {
        let found = read(&report(inner)).unwrap();
        found.into_iter().map(|one| (one.about, one.code, one.reason)).collect()
    }

    fn transfer(id: &str) -> About {
        About::Transfer(id.to_owned())
    }

    fn file(id: &str, but: &[&str]) -> About {
        About::File { id: id.to_owned(), but: but.iter().map(|id| (*id).to_owned()).collect() }
    }

    #[test]
    fn each_transfer_has_its_status_and_its_reasons() {
        let text = report(
            "<OrgnlGrpInfAndSts><OrgnlMsgId>f1</OrgnlMsgId></OrgnlGrpInfAndSts>\n<OrgnlPmtInfAndSts>\
             <OrgnlPmtInfId>f1</OrgnlPmtInfId>\n<TxInfAndSts><OrgnlEndToEndId>a</OrgnlEndToEndId>\
             <TxSts>ACSC</TxSts><AcctSvcrRef>ref-1</AcctSvcrRef></TxInfAndSts>\n<TxInfAndSts>\
             <OrgnlEndToEndId>b</OrgnlEndToEndId><TxSts>RJCT</TxSts><StsRsnInf><Rsn><Cd>AC04</Cd></Rsn>\
             <AddtlInf>closed &amp; gone &#33;</AddtlInf></StsRsnInf></TxInfAndSts></OrgnlPmtInfAndSts>",
        );
        let found = read(&text).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((&found[0].about, found[0].code.as_str(), found[0].line), (&transfer("a"), "ACSC", 5));
        assert_eq!(found[0].reference.as_deref(), Some("ref-1"));
        assert_eq!(found[1].reason.as_deref(), Some("AC04: closed & gone !"));
        assert_eq!(found[1].line, 6);
    }

    #[test]
    fn a_status_of_a_payment_or_of_the_whole_file_is_that_of_its_transfers() {
        let rejected = "<OrgnlGrpInfAndSts><OrgnlMsgId>f1</OrgnlMsgId><GrpSts>RJCT</GrpSts><StsRsnInf><Rsn>\
                        <Cd>FF01</Cd></Rsn></StsRsnInf></OrgnlGrpInfAndSts>";
        let reason = || Some("FF01".to_owned());
        assert_eq!(said(rejected), [(file("f1", &[]), "RJCT".to_owned(), reason())]);
        let named = format!(
            "{rejected}<OrgnlPmtInfAndSts><TxInfAndSts><OrgnlEndToEndId>a</OrgnlEndToEndId></TxInfAndSts>\
             </OrgnlPmtInfAndSts>"
        );
        let expected =
            [(transfer("a"), "RJCT".to_owned(), reason()), (file("f1", &["a"]), "RJCT".to_owned(), reason())];
        assert_eq!(said(&named), expected);
        let payment = "<OrgnlPmtInfAndSts><OrgnlPmtInfId>f1</OrgnlPmtInfId><PmtInfSts>ACSC</PmtInfSts>\
                       </OrgnlPmtInfAndSts>";
        assert_eq!(said(payment), [(file("f1", &[]), "ACSC".to_owned(), None)]);
    }

    #[test]
    fn what_is_no_report_is_an_error() {
        for text in [
            "<a/>",
            "<Document><CstmrCdtTrfInitn></CstmrCdtTrfInitn></Document>",
            "<Document><CstmrPmtStsRpt>",
            "<Document><CstmrPmtStsRpt></Document>",
            &"<a>".repeat(1_000),
        ] {
            assert!(read(text).is_err(), "{}", &text[..text.len().min(80)]);
        }
        let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><Document><CstmrPmtStsRpt>\
                    <OrgnlGrpInfAndSts><OrgnlMsgId>&b;</OrgnlMsgId><GrpSts>RJCT</GrpSts></OrgnlGrpInfAndSts>\
                    </CstmrPmtStsRpt></Document>";
        assert_eq!(read(bomb).unwrap()[0].about, file("", &[]), "no entity of the document's own is read");
    }
}
