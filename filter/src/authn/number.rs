//! Numbers as Envoy writes them into headers.

/// A number claim in a header: a whole number of 64 bits without sign as such, anything else with
/// six decimals.
pub fn claim(value: f64) -> String {
    const TWO_POW_64: f64 = 18_446_744_073_709_551_616.0;
    if (0.0..TWO_POW_64).contains(&value) && value.fract() == 0.0 {
        format!("{:.0}", value.abs())
    } else {
        format!("{value:.6}")
    }
}

/// A number inside JSON: the shortest of 15 and 17 digits that stands for the same value.
pub fn json(value: f64) -> String {
    let short = general(value, 15);
    match short.parse::<f64>() {
        Ok(parsed) if parsed == value => short,
        _ => general(value, 17),
    }
}

/// What C's `%.{digits}g` prints.
fn general(value: f64, digits: usize) -> String {
    let scientific = format!("{value:.*e}", digits.saturating_sub(1));
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let places = i32::try_from(digits)
        .unwrap_or(i32::MAX)
        .saturating_sub(1)
        .saturating_sub(exponent);
    if exponent >= -4 && places >= 0 {
        let places = usize::try_from(places).unwrap_or_default();
        return without_trailing_zeros(&format!("{value:.places$}")).to_owned();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    let mantissa = without_trailing_zeros(mantissa);
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

fn without_trailing_zeros(text: &str) -> &str {
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_headers() {
        let rows = [
            (0.0, "0"),
            (-0.0, "0"),
            (7.0, "7"),
            (-7.0, "-7.000000"),
            (1.5, "1.500000"),
            (1e19, "10000000000000000000"),
            (2e19, "20000000000000000000.000000"),
        ];
        for (value, text) in rows {
            assert_eq!(claim(value), text);
        }
    }

    #[test]
    fn in_json() {
        let rows = [
            (5.0, "5"),
            (-7.0, "-7"),
            (1.5, "1.5"),
            (0.1, "0.1"),
            (1e14, "100000000000000"),
            (1e15, "1e+15"),
            (9_007_199_254_740_992.0, "9007199254740992"),
            (1e-5, "1e-05"),
            (0.0001, "0.0001"),
            (1.0 / 3.0, "0.33333333333333331"),
        ];
        for (value, text) in rows {
            assert_eq!(json(value), text);
        }
    }
}
