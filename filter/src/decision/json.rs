//! Evidence as JSON: the very text that `serde` makes of it, for a fraction of the cost. It is
//! written for every decision that is told.

use super::{Evidence, Phase, Verdict};

impl Evidence {
    /// Adds it to `out`.
    ///
    /// # Errors
    /// As `serde_json` has them; writing to memory has none.
    pub fn write_json(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let Self {
            verdict,
            status,
            phase,
            reason,
            details,
            policy,
            rule,
            principal,
            request_principal,
            nearest,
            dry_run,
            audit,
            authorizers,
        } = self;
        out.extend_from_slice(match verdict {
            Verdict::Allow => b"{\"verdict\":\"allow\",\"status\":",
            Verdict::Deny => b"{\"verdict\":\"deny\",\"status\":",
        });
        out.extend_from_slice(itoa::Buffer::new().format(*status).as_bytes());
        out.extend_from_slice(match phase {
            Phase::Authn => b",\"phase\":\"authn\"",
            Phase::Custom => b",\"phase\":\"custom\"",
            Phase::Deny => b",\"phase\":\"deny\"",
            Phase::Allow => b",\"phase\":\"allow\"",
            Phase::None => b",\"phase\":\"none\"",
        });
        text(out, b",\"reason\":", reason.as_deref())?;
        text(out, b",\"details\":", details.as_deref())?;
        text(out, b",\"policy\":", policy.as_deref())?;
        if let Some(rule) = rule {
            out.extend_from_slice(b",\"rule\":");
            out.extend_from_slice(itoa::Buffer::new().format(*rule).as_bytes());
        }
        text(out, b",\"principal\":", principal.as_deref())?;
        text(out, b",\"requestPrincipal\":", request_principal.as_deref())?;
        if let Some(nearest) = nearest {
            out.extend_from_slice(b",\"nearest\":");
            serde_json::to_writer(&mut *out, nearest)?;
        }
        list(out, b",\"dryRun\":", dry_run)?;
        list(out, b",\"audit\":", audit)?;
        list(out, b",\"authorizers\":", authorizers)?;
        out.push(b'}');
        Ok(())
    }
}

fn text(out: &mut Vec<u8>, key: &[u8], value: Option<&str>) -> serde_json::Result<()> {
    let Some(value) = value else {
        return Ok(());
    };
    out.extend_from_slice(key);
    if has_escaped(value.as_bytes()) {
        return serde_json::to_writer(out, value);
    }
    out.push(b'"');
    out.extend_from_slice(value.as_bytes());
    out.push(b'"');
    Ok(())
}

/// Whether a byte has to be escaped (RFC 8259 section 7), eight bytes at a time.
fn has_escaped(text: &[u8]) -> bool {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGH: u64 = ONES * 0x80;
    // Whether some byte of a word is less than another number: its high bit comes from a borrow.
    let less = |word: u64, than: u64| word.wrapping_sub(ONES.wrapping_mul(than)) & !word & HIGH;
    let is = |word: u64, byte: u8| less(word ^ ONES.wrapping_mul(byte.into()), 1);
    let escaped = |word: u64| less(word, 0x20) | is(word, b'"') | is(word, b'\\') != 0;
    let (words, rest) = text.as_chunks();
    let rest = rest
        .iter()
        .fold(HIGH, |word, byte| word << 8 | u64::from(*byte));
    words.iter().any(|word| escaped(u64::from_le_bytes(*word))) || escaped(rest)
}

fn list<T: serde::Serialize>(out: &mut Vec<u8>, key: &[u8], list: &[T]) -> serde_json::Result<()> {
    if list.is_empty() {
        return Ok(());
    }
    out.extend_from_slice(key);
    serde_json::to_writer(out, list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::{DryRun, NearMiss};
    use proptest::prelude::*;

    fn some<T: Clone>(value: &T, there: bool) -> Option<T> {
        there.then(|| value.clone())
    }

    proptest! {
        #[test]
        fn it_is_the_text_that_serde_makes(
            words in proptest::array::uniform4("[ -~\u{0}-\u{1f}\u{7f}é\u{2028}\\\\\"]{0,12}"),
            flags in 0_u32..1 << 12,
            phase in 0_usize..5,
            status: u16,
            number: usize,
        ) {
            let [a, b, c, d] = &words;
            let flag = |bit: u32| flags & 1 << bit != 0;
            let phases = [Phase::Authn, Phase::Custom, Phase::Deny, Phase::Allow, Phase::None];
            let verdict = if flag(0) { Verdict::Allow } else { Verdict::Deny };
            let near = NearMiss {
                policy: a.as_str().into(),
                rule: number,
                clause: some(b, flag(1)),
                expected: vec![c.clone()],
                actual: some(d, flag(2)),
            };
            let run = DryRun {
                policy: some(&c.as_str().into(), flag(3)),
                action: d.clone(),
                verdict,
                rule: some(&number, flag(4)),
            };
            let evidence = Evidence {
                reason: some(&a.clone().into(), flag(5)),
                details: some(&b.clone().into(), flag(6)),
                policy: some(&c.as_str().into(), flag(7)),
                rule: some(&number, flag(8)),
                principal: some(&d.as_str().into(), flag(9)),
                request_principal: some(&a.as_str().into(), flag(10)),
                nearest: some(&near, flag(11)),
                dry_run: some(&run, flag(1)).into_iter().collect(),
                audit: some(&b.as_str().into(), flag(2)).into_iter().collect(),
                authorizers: some(c, flag(3)).into_iter().collect(),
                ..Evidence::new(verdict, status, phases[phase])
            };
            let mut text = Vec::new();
            evidence.write_json(&mut text).unwrap();
            prop_assert_eq!(
                String::from_utf8(text).unwrap(),
                serde_json::to_string(&evidence).unwrap()
            );
        }
    }
}
