//! The page's text.

use std::fmt::Write as _;

use entity::Money;

use super::chart::{self, ChartError};
use crate::app::Terms;
use crate::services::printed_statement::PrintedStatement;

const STYLE: &str = include_str!("page.css");

/// A statement as a page of HTML.
///
/// # Errors
/// `ChartError`.
pub fn html(terms: &Terms, printed: &PrintedStatement) -> Result<String, ChartError> {
    let statement = &printed.statement;
    let period = statement.period;
    let last_day = period.end().pred_opt().unwrap_or(period.end());
    let chart = chart::svg(&printed.last_periods)?;
    let title = format!("Statement {} to {last_day}", period.start());
    let mut page = String::with_capacity(16 * 1024);
    // Writing to a String never fails.
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <header><div><p class=\"programme\">{programme}</p><h1>{title}</h1></div>\
         <dl><dt>Partner</dt><dd>{code}</dd><dt>Settled</dt><dd>{settled_at} UTC</dd>\
         <dt>Currency</dt><dd>{currency}</dd></dl></header>",
        programme = escaped(&terms.name),
        code = escaped(&printed.partner_code),
        settled_at = statement.settled_at.to_utc().format("%Y-%m-%d %H:%M"),
        currency = escaped(&terms.currency),
    );
    let _ = write!(
        page,
        "<section class=\"key\"><div><p>Credited</p><strong>{}</strong></div>\
         <div><p>Active clients</p><strong>{}</strong></div><div><p>Tier</p><strong>{}</strong></div>\
         <div><p>Rate</p><strong>{} %</strong></div></section>",
        amount(statement.credited),
        statement.active_clients,
        escaped(&statement.tier),
        statement.rate_basis_points,
    );
    page.push_str(&bases(printed));
    page.push_str(&settlement(printed));
    let _ = write!(
        page,
        "<section class=\"chart\"><h2>The last twelve periods</h2>{chart}\
         <p class=\"legend\"><span class=\"commission\"></span>commission <span class=\"credited\"></span>credited</p>\
         </section>\n\
         <footer><p>Digest (SHA-256) <code>{digest}</code></p><p>Of the statement before <code>{previous}</code></p>\
         </footer>\n</main>\n</body>\n</html>",
        digest = escaped(&statement.digest),
        previous = escaped(printed.previous_digest.as_deref().unwrap_or("none")),
    );
    Ok(page)
}

/// What was earned, by the rate that it has.
fn bases(printed: &PrintedStatement) -> String {
    let mut rows = String::new();
    for line in &printed.by_rate_period {
        let _ = write!(
            rows,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{} %</td><td>{}</td></tr>",
            line.period.start(),
            line.top_ups,
            amount(line.base),
            line.rate,
            amount(line.commission)
        );
    }
    let statement = &printed.statement;
    format!(
        "<section><h2>What was earned</h2><table class=\"bases\"><thead><tr><th>Occurred in the period from</th>\
         <th>Top-ups</th><th>Base</th><th>Rate</th><th>Commission</th></tr></thead><tbody>{rows}</tbody>\
         <tfoot><tr><td>Together</td><td>{}</td><td>{}</td><td></td><td>{}</td></tr></tfoot></table></section>\n",
        statement.top_ups,
        amount(statement.base),
        amount(statement.commission)
    )
}

/// What became of it.
fn settlement(printed: &PrintedStatement) -> String {
    let statement = &printed.statement;
    let reason = statement.carry_reason.map(|reason| match reason {
        entity::CarryReason::TooFewActiveClients => " (too few active clients)",
        entity::CarryReason::NegativeNet => " (less than nothing after refunds)",
        entity::CarryReason::PartnerSuspended => " (suspended)",
    });
    let rows = [
        ("Carried in from the statement before".to_owned(), statement.carried_in),
        ("Commission".to_owned(), statement.commission),
        ("Credited to the balance".to_owned(), statement.credited),
        (format!("Carried into the next statement{}", reason.unwrap_or_default()), statement.carried_out),
        ("Available after the statement before".to_owned(), printed.opening_balance),
        ("Available after this one".to_owned(), statement.closing_balance),
    ];
    let rows = rows.map(|(what, value)| format!("<tr><td>{what}</td><td>{}</td></tr>", amount(value)));
    format!("<section><h2>What became of it</h2><table><tbody>{}</tbody></table></section>\n", rows.concat())
}

/// Exact, with at least two decimals.
fn amount(amount: Money) -> String {
    let text = amount.to_string();
    let short = text.trim_end_matches('0');
    let decimals = short.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    text[..text.len() - 6 + decimals.max(2)].to_owned()
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_with_two_decimals_at_the_least() {
        for (micros, text) in [(0, "0.00"), (12_500_000, "12.50"), (-4_999_500, "-4.9995"), (1, "0.000001")] {
            assert_eq!(amount(Money(micros)), text);
        }
    }

    #[test]
    fn a_text_cannot_become_markup() {
        assert_eq!(escaped("<b a=\"'&'\">"), "&lt;b a=&quot;&#39;&amp;&#39;&quot;&gt;");
    }
}
