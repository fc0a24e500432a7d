//! The one way of rounding there is: half to even (rule 10).

/// numerator / denominator to the nearest whole number, a tie to the even one. The denominator is above zero.
/// `None` where it is not, or where 128 bits do not hold the doubled remainder.
pub(super) fn divide_half_to_even(numerator: i128, denominator: i128) -> Option<i128> {
    if denominator <= 0 {
        return None;
    }
    let floor = numerator.div_euclid(denominator);
    let twice_the_rest = numerator.rem_euclid(denominator).checked_mul(2)?;
    let rounds_up = twice_the_rest > denominator || (twice_the_rest == denominator && floor % 2 != 0);
    Some(if rounds_up { floor + 1 } else { floor })
}

/// Micro-units in one minor unit of a currency with `minor_units` decimals (at most six).
pub(super) fn micros_per_minor_unit(minor_units: u32) -> i128 {
    10_i128.pow(6_u32.saturating_sub(minor_units))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tie_goes_to_the_even_number_on_both_sides_of_zero() {
        for (numerator, denominator, rounded) in [
            (5, 2, 2),
            (7, 2, 4),
            (-5, 2, -2),
            (-7, 2, -4),
            (1, 2, 0),
            (-1, 2, 0),
            (2, 3, 1),
            (1, 3, 0),
            (-2, 3, -1),
        ] {
            assert_eq!(
                divide_half_to_even(numerator, denominator),
                Some(rounded),
                "{numerator}/{denominator}"
            );
        }
        assert_eq!(divide_half_to_even(1, 0), None);
    }
}
