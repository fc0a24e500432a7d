//! A SEPA credit transfer file: ISO 20022 pain.001.001.09, its elements in the order of the schema.

use std::io;

use entity::{Moment, Money};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use uuid::Uuid;

use super::{Head, Transfer};
use crate::domain::sepa::{self, CURRENCY, MAX_NAME, end_to_end_id, euros};
use crate::services::error::ServiceError;

const NAMESPACE: &str = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09";

type Xml = Writer<Vec<u8>>;

/// Writes the file; the same values make the same bytes.
pub(super) fn write(
    batch_id: Uuid,
    created_at: Moment,
    head: &Head,
    transfers: &[Transfer],
) -> Result<Vec<u8>, ServiceError> {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    document(&mut xml, batch_id, created_at, head, transfers)
        .map_err(|error| ServiceError::Broken(format!("a payment file cannot be written: {error}")))?;
    let mut bytes = xml.into_inner();
    bytes.push(b'\n');
    Ok(bytes)
}

fn document(
    xml: &mut Xml,
    batch_id: Uuid,
    created_at: Moment,
    head: &Head,
    transfers: &[Transfer],
) -> io::Result<()> {
    // 32 characters, of the 35 that there are.
    let id = batch_id.simple().to_string();
    let count = transfers.len().to_string();
    let sum = euros(transfers.iter().map(|transfer| transfer.amount).sum::<Money>());
    let created = created_at.to_utc().format("%Y-%m-%dT%H:%M:%SZ").to_string();
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let root = xml.create_element("Document").with_attribute(("xmlns", NAMESPACE));
    root.write_inner_content(|xml| {
        inside(xml, "CstmrCdtTrfInitn", |xml| {
            inside(xml, "GrpHdr", |xml| {
                text(xml, "MsgId", &id)?;
                text(xml, "CreDtTm", &created)?;
                text(xml, "NbOfTxs", &count)?;
                text(xml, "CtrlSum", &sum)?;
                inside(xml, "InitgPty", |xml| text(xml, "Nm", &head.debtor.name))
            })?;
            inside(xml, "PmtInf", |xml| {
                text(xml, "PmtInfId", &id)?;
                text(xml, "PmtMtd", "TRF")?;
                text(xml, "NbOfTxs", &count)?;
                text(xml, "CtrlSum", &sum)?;
                payer(xml, head)?;
                transfers.iter().try_for_each(|one| transfer(xml, head, one))
            })
        })
    })?;
    Ok(())
}

fn payer(xml: &mut Xml, head: &Head) -> io::Result<()> {
    let debtor = &head.debtor;
    inside(xml, "PmtTpInf", |xml| inside(xml, "SvcLvl", |xml| text(xml, "Cd", "SEPA")))?;
    inside(xml, "ReqdExctnDt", |xml| text(xml, "Dt", &head.execution_date))?;
    inside(xml, "Dbtr", |xml| text(xml, "Nm", &debtor.name))?;
    inside(xml, "DbtrAcct", |xml| inside(xml, "Id", |xml| text(xml, "IBAN", &debtor.iban)))?;
    inside(xml, "DbtrAgt", |xml| {
        inside(xml, "FinInstnId", |xml| match &debtor.bic {
            Some(bic) => text(xml, "BICFI", bic),
            None => inside(xml, "Othr", |xml| text(xml, "Id", "NOTPROVIDED")),
        })
    })?;
    // Each side pays its own bank.
    text(xml, "ChrgBr", "SLEV")
}

fn transfer(xml: &mut Xml, head: &Head, transfer: &Transfer) -> io::Result<()> {
    inside(xml, "CdtTrfTxInf", |xml| {
        inside(xml, "PmtId", |xml| text(xml, "EndToEndId", &end_to_end_id(transfer.id)))?;
        inside(xml, "Amt", |xml| {
            let amount = xml.create_element("InstdAmt").with_attribute(("Ccy", CURRENCY));
            amount.write_text_content(BytesText::from_escaped(euros(transfer.amount))).map(|_| ())
        })?;
        inside(xml, "Cdtr", |xml| text(xml, "Nm", &sepa::latin(&transfer.holder, MAX_NAME)))?;
        inside(xml, "CdtrAcct", |xml| inside(xml, "Id", |xml| text(xml, "IBAN", &transfer.iban)))?;
        inside(xml, "RmtInf", |xml| text(xml, "Ustrd", &head.remittance))
    })
}

fn inside(xml: &mut Xml, name: &str, content: impl FnOnce(&mut Xml) -> io::Result<()>) -> io::Result<()> {
    xml.create_element(name).write_inner_content(content).map(|_| ())
}

/// Nothing here holds a letter that would have to be escaped: so no way of escaping can change the bytes.
fn text(xml: &mut Xml, name: &str, content: &str) -> io::Result<()> {
    xml.create_element(name).write_text_content(BytesText::from_escaped(content)).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sepa::Debtor;

    #[test]
    fn a_file_says_who_pays_whom_and_how_much() {
        let head = Head {
            debtor: Debtor::new("Example SAS", "FR7630006000011234567890189", Some("AGRIFRPP")).unwrap(),
            remittance: "Partner programme".to_owned(),
            execution_date: "2026-11-22".to_owned(),
        };
        let transfer = |id, amount| Transfer {
            id: Uuid::from_u128(id),
            amount: Money(amount),
            iban: "DE89370400440532013000".to_owned(),
            holder: "Müller & Söhne".to_owned(),
        };
        let transfers = [transfer(1, 110_050_000), transfer(2, 100_000)];
        let created_at = Moment(1_795_343_400_123_456);
        let write = |transfers| write(Uuid::from_u128(7), created_at, &head, transfers).unwrap();
        let bytes = write(&transfers);
        assert_eq!(write(&transfers), bytes);
        let transfers = [("1", "110.05"), ("2", "0.10")]
            .map(|(id, amount)| TRANSFER.replace("ID", &format!("{id:0>32}")).replace("AMOUNT", amount));
        let expected = EXPECTED.replace("TRANSFERS", &transfers.concat());
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }

    const TRANSFER: &str = r#"      <CdtTrfTxInf>
        <PmtId>
          <EndToEndId>ID</EndToEndId>
        </PmtId>
        <Amt>
          <InstdAmt Ccy="EUR">AMOUNT</InstdAmt>
        </Amt>
        <Cdtr>
          <Nm>Muller + Sohne</Nm>
        </Cdtr>
        <CdtrAcct>
          <Id>
            <IBAN>DE89370400440532013000</IBAN>
          </Id>
        </CdtrAcct>
        <RmtInf>
          <Ustrd>Partner programme</Ustrd>
        </RmtInf>
      </CdtTrfTxInf>
"#;

    const EXPECTED: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09">
  <CstmrCdtTrfInitn>
    <GrpHdr>
      <MsgId>00000000000000000000000000000007</MsgId>
      <CreDtTm>2026-11-22T10:30:00Z</CreDtTm>
      <NbOfTxs>2</NbOfTxs>
      <CtrlSum>110.15</CtrlSum>
      <InitgPty>
        <Nm>Example SAS</Nm>
      </InitgPty>
    </GrpHdr>
    <PmtInf>
      <PmtInfId>00000000000000000000000000000007</PmtInfId>
      <PmtMtd>TRF</PmtMtd>
      <NbOfTxs>2</NbOfTxs>
      <CtrlSum>110.15</CtrlSum>
      <PmtTpInf>
        <SvcLvl>
          <Cd>SEPA</Cd>
        </SvcLvl>
      </PmtTpInf>
      <ReqdExctnDt>
        <Dt>2026-11-22</Dt>
      </ReqdExctnDt>
      <Dbtr>
        <Nm>Example SAS</Nm>
      </Dbtr>
      <DbtrAcct>
        <Id>
          <IBAN>FR7630006000011234567890189</IBAN>
        </Id>
      </DbtrAcct>
      <DbtrAgt>
        <FinInstnId>
          <BICFI>AGRIFRPP</BICFI>
        </FinInstnId>
      </DbtrAgt>
      <ChrgBr>SLEV</ChrgBr>
TRANSFERS    </PmtInf>
  </CstmrCdtTrfInitn>
</Document>
"#;
}
