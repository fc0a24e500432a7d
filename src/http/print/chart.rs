//! The small chart of the last periods, as SVG.

use entity::{Money, Period};
use plotters::coord::ranged1d::SegmentValue;
use plotters::prelude::*;

use crate::services::printed_statement::PeriodFigures;

const SIZE: (u32, u32) = (680, 200);
/// What was earned, and what of it was credited.
pub const COMMISSION: RGBColor = RGBColor(158, 197, 225);
pub const CREDITED: RGBColor = RGBColor(23, 95, 143);
const INK: RGBColor = RGBColor(70, 78, 86);
const GRID: RGBColor = RGBColor(224, 228, 232);

/// A chart that could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ChartError(String);

fn failed(error: impl std::fmt::Display) -> ChartError {
    ChartError(error.to_string())
}

/// Two bars a period: commission and credit.
///
/// # Errors
/// `ChartError` where the library refuses.
pub fn svg(periods: &[PeriodFigures]) -> Result<String, ChartError> {
    let count = i32::try_from(periods.len()).map_err(failed)?;
    let amounts = || periods.iter().flat_map(|period| [cents(period.commission), cents(period.credited)]);
    let (low, high) = (amounts().min().unwrap_or(0).min(0), amounts().max().unwrap_or(0).max(1));
    // A little room above the highest bar, and below one that is negative.
    let room = (high - low) / 12 + 1;
    let low = if low < 0 { low - room } else { 0 };
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin(4)
            .x_label_area_size(22)
            .y_label_area_size(70)
            .build_cartesian_2d((0..count - 1).into_segmented(), low..high + room)
            .map_err(failed)?;
        let text = ("sans-serif", 11).into_font().color(&INK);
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .axis_style(INK)
            .x_labels(periods.len())
            .y_labels(5)
            .x_label_formatter(&|place| label(periods, place))
            .y_label_formatter(&|cents| amount(*cents))
            .label_style(text)
            .draw()
            .map_err(failed)?;
        for (style, margins, value) in [
            (
                COMMISSION,
                (8, 24),
                (|period: &PeriodFigures| period.commission) as fn(&PeriodFigures) -> Money,
            ),
            (CREDITED, (24, 8), |period| period.credited),
        ] {
            let bars = (0..count).zip(periods).map(|(place, period)| {
                let (from, to) = (SegmentValue::Exact(place), SegmentValue::Exact(place + 1));
                let mut bar = Rectangle::new([(from, 0), (to, cents(value(period)))], style.filled());
                bar.set_margin(0, 0, margins.0, margins.1);
                bar
            });
            chart.draw_series(bars).map_err(failed)?;
        }
        area.present().map_err(failed)?;
    }
    Ok(svg)
}

fn label(periods: &[PeriodFigures], place: &SegmentValue<i32>) -> String {
    let place = match place {
        SegmentValue::CenterOf(place) => usize::try_from(*place).ok(),
        SegmentValue::Exact(_) | SegmentValue::Last => None,
    };
    place.and_then(|place| periods.get(place)).map_or_else(String::new, |period| short(period.period))
}

/// `15 Nov`.
fn short(period: Period) -> String {
    period.start().format("%-d %b").to_string()
}

/// A picture needs no more than hundredths.
fn cents(amount: Money) -> i64 {
    amount.0 / 10_000
}

fn amount(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    match (cents.abs() / 100, cents.abs() % 100) {
        (units, 0) => format!("{sign}{units}"),
        (units, cents) => format!("{sign}{units}.{cents:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_bar_for_each_amount_and_a_label_for_each_period() {
        let figures = |period, commission, credited| PeriodFigures {
            period: Period(period),
            commission: Money(commission),
            credited: Money(credited),
        };
        let drawn = svg(&[
            figures(20261101, 12_500_000, 0),
            figures(20261115, -3_000_000, 0),
            figures(20261201, 0, 9_500_000),
        ]);
        let drawn = drawn.unwrap();
        for label in ["1 Nov", "15 Nov", "1 Dec"] {
            assert!(drawn.contains(label), "{label} in {drawn}");
        }
        assert!(drawn.starts_with("<svg") && drawn.matches("#9EC5E1").count() >= 3, "{drawn}");
        assert!(svg(&[figures(20261101, 0, 0)]).is_ok(), "nothing earned is a chart too");
        assert!(svg(&[figures(20261101, i64::MAX, i64::MIN + 1)]).is_ok());
    }
}
