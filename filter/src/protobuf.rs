//! Protocol Buffers on the wire, as far as the host and external authorizers speak it.
//! Source: the Protocol Buffers encoding guide.

/// A message being written.
#[derive(Clone, Debug, Default)]
pub struct Message(Vec<u8>);

/// The value of one field of a message being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field<'a> {
    /// An integer, boolean or enumeration.
    Varint(u64),
    /// A string, bytes or a message.
    Bytes(&'a [u8]),
    /// Of a kind that is never asked for.
    Fixed,
}

/// Bytes that are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const LENGTH_DELIMITED: u64 = 2;
const FIXED32: u64 = 5;

/// Seven bits a byte: no 64-bit integer is longer.
const MAX_VARINT: usize = 10;

// === impl Message ===

impl Message {
    /// An empty message with room for so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// Adds a string, bytes, or a message that is already written.
    #[must_use]
    pub fn bytes(mut self, number: u64, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        push_varint(&mut self.0, number << 3 | LENGTH_DELIMITED);
        push_varint(&mut self.0, value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    /// Adds an integer, boolean or enumeration.
    #[must_use]
    pub fn varint(mut self, number: u64, value: u64) -> Self {
        push_varint(&mut self.0, number << 3 | VARINT);
        push_varint(&mut self.0, value);
        self
    }

    /// Its bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl AsRef<[u8]> for Message {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Hands every field of `message` to `take`, in order.
///
/// # Errors
/// When it is no message, or `take` says so.
pub fn read<'a>(
    mut message: &'a [u8],
    mut take: impl FnMut(u64, Field<'a>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    while !message.is_empty() {
        let (tag, rest) = take_varint(message).ok_or(Malformed)?;
        let (field, rest) = take_field(tag & 7, rest).ok_or(Malformed)?;
        take(tag >> 3, field)?;
        message = rest;
    }
    Ok(())
}

fn take_field(kind: u64, rest: &[u8]) -> Option<(Field<'_>, &[u8])> {
    match kind {
        VARINT => take_varint(rest).map(|(value, rest)| (Field::Varint(value), rest)),
        LENGTH_DELIMITED => {
            let (len, rest) = take_varint(rest)?;
            let (value, rest) = rest.split_at_checked(usize::try_from(len).ok()?)?;
            Some((Field::Bytes(value), rest))
        }
        FIXED64 => Some((Field::Fixed, rest.get(8..)?)),
        FIXED32 => Some((Field::Fixed, rest.get(4..)?)),
        _ => None,
    }
}

fn push_varint(message: &mut Vec<u8>, mut value: u64) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            return message.push(low & 0x7f);
        }
        message.push(low | 0x80);
    }
}

fn take_varint(message: &[u8]) -> Option<(u64, &[u8])> {
    let len = message
        .iter()
        .take(MAX_VARINT)
        .position(|byte| *byte < 0x80)?;
    let (digits, rest) = message.split_at_checked(len.checked_add(1)?)?;
    let value = digits
        .iter()
        .rev()
        .fold(0_u64, |value, byte| value << 7 | u64::from(byte & 0x7f));
    Some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_wrote() {
        let inner = Message::default().varint(1, 403);
        let message = Message::default()
            .bytes(1, "a")
            .bytes(2, &inner)
            .varint(16, u64::MAX)
            .into_bytes();
        let mut fields = Vec::new();
        let result = read(&message, |number, field| {
            fields.push((number, field));
            Ok(())
        });
        assert_eq!(result, Ok(()));
        let expected = [
            (1, Field::Bytes(b"a")),
            (2, Field::Bytes(b"\x08\x93\x03")),
            (16, Field::Varint(u64::MAX)),
        ];
        assert_eq!(fields, expected);
    }

    #[test]
    fn what_is_cut_short_is_no_message() {
        let rows: [(&[u8], bool); 9] = [
            (b"", true),
            (b"\x08\x01", true),
            (b"\x09\0\0\0\0\0\0\0\0\x0d\0\0\0\0", true),
            (b"\x08", false),
            (b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", false),
            (b"\x12\x09bad", false),
            (b"\x09\0", false),
            (b"\x0d\0", false),
            (b"\x0b", false),
        ];
        for (message, good) in rows {
            let result = read(message, |_, _| Ok(()));
            assert_eq!(result.is_ok(), good, "{message:?}");
        }
    }
}
