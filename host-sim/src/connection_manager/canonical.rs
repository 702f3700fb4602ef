//! The canonical form of a path, as the URL library inside Envoy makes it.
//! Source: RFC 3986 sections 5.2.4 and 6.2.2; what browsers do beyond it (`\` is `/`, nested
//! escapes) as observed on Envoy 1.40.0.

/// Dot segments resolved, escapes of unreserved characters undone, unsafe characters escaped;
/// `None` for an escaped NUL.
pub(super) fn canonical(path: &str) -> Option<String> {
    let mut canonical = Canonical {
        rest: path.as_bytes(),
        out: Vec::with_capacity(path.len()),
        stray_percent: None,
    };
    while !canonical.rest.is_empty() {
        canonical.step()?;
    }
    String::from_utf8(canonical.out).ok()
}

struct Canonical<'a> {
    rest: &'a [u8],
    out: Vec<u8>,
    /// Where the last `%` that begins no escape is in `out`.
    stray_percent: Option<usize>,
}

impl Canonical<'_> {
    fn step(&mut self) -> Option<()> {
        if let Some((dots, len)) = dot_segment(self.rest).filter(|_| self.out.ends_with(b"/")) {
            self.rest = &self.rest[len..];
            if dots == 2 {
                self.leave_segment();
            }
            return Some(());
        }
        let byte = self.rest[0];
        match escape(self.rest) {
            Some(0) => return None,
            Some(unescaped) if is_unreserved(unescaped) => {
                self.rest = &self.rest[3..];
                self.out.push(unescaped);
                self.escape_stray_percent();
                return Some(());
            }
            Some(_) => {
                self.out.extend_from_slice(&self.rest[..3]);
                self.rest = &self.rest[3..];
                return Some(());
            }
            None => self.rest = &self.rest[1..],
        }
        match byte {
            b'%' => {
                self.stray_percent = Some(self.out.len());
                self.out.push(byte);
            }
            b'\\' => self.out.push(b'/'),
            b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}' => {
                self.out.extend(format!("%{byte:02X}").bytes());
            }
            _ => self.out.push(byte),
        }
        Some(())
    }

    /// Removes the last segment, but never the first slash.
    fn leave_segment(&mut self) {
        let parent = self.out.len().saturating_sub(1);
        let slash = self.out[..parent].iter().rposition(|byte| *byte == b'/');
        self.out.truncate(slash.unwrap_or(0) + 1);
    }

    /// Undoing an escape must not make another one, as in `%4%41`: the `%` before it is escaped.
    fn escape_stray_percent(&mut self) {
        let Some(percent) = self.stray_percent else {
            return;
        };
        let mut formed = self.out[percent..].to_vec();
        if formed.len() == 2 {
            formed.extend(self.rest.first());
        }
        if formed.len() == 3 && escape(&formed).is_some() {
            self.out.splice(percent..=percent, *b"%25");
            self.stray_percent = None;
        }
    }
}

/// How many dots a segment at the beginning of `rest` has, and its length with the slash after it.
fn dot_segment(rest: &[u8]) -> Option<(usize, usize)> {
    let dot = |at: usize| match rest.get(at..)? {
        [b'.', ..] => Some(1),
        rest if escape(rest) == Some(b'.') => Some(3),
        _ => None,
    };
    let first = dot(0)?;
    let (dots, len) = match dot(first) {
        Some(second) => (2, first + second),
        None => (1, first),
    };
    match rest.get(len) {
        None => Some((dots, len)),
        Some(b'/' | b'\\') => Some((dots, len + 1)),
        Some(_) => None,
    }
}

/// The byte that an escape at the beginning of `rest` stands for.
fn escape(rest: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = rest else {
        return None;
    };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}
