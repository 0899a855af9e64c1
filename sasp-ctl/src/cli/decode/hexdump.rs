//! Hex digits as people have them: plain in any grouping, or as a dump with offsets and a text column.
//!
//! A line is a line of a dump only if that cannot be doubted; else its digits are taken as they stand. Byte-swapped
//! words (`hexdump` without `-C`) and lines that a dump left out are refused: guessing would decode something else.

/// The bytes that a text stands for.
///
/// # Errors
/// A reason with the number of the line.
pub(super) fn parse(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut dump: Option<Dump> = None;
    // A digit whose second half is on the next line.
    let mut half: Option<u8> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let at = |reason: String| format!("line {number}: {reason}");
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line == "*" {
            return Err(at(
                "`*` stands for lines that were left out: use `hexdump -Cv`".to_owned(),
            ));
        }
        if is_word_dump(line) {
            return Err(at(SWAPPED.to_owned()));
        }
        match Row::of(line, dump.as_ref().map(|dump| dump.next)) {
            Some(row) if half.is_none() => {
                let continues = dump.as_ref().is_some_and(|dump| dump.next == row.offset);
                if dump.is_some() && !continues && row.offset != 0 {
                    return Err(at(format!(
                        "offset {:#x} does not follow: lines are missing before it",
                        row.offset
                    )));
                }
                let data = row.bytes();
                dump = Some(Dump {
                    next: row.offset + data.len() as u64,
                });
                bytes.extend(data);
            }
            _ => plain(line, &mut bytes, &mut half).map_err(at)?,
        }
    }
    if half.is_some() {
        return Err("an odd number of hex digits".to_owned());
    }
    if bytes.is_empty() {
        return Err("no hex digits".to_owned());
    }
    if bytes.starts_with(&[0x10, 0x20, 0x0d, 0x00]) {
        return Err(SWAPPED.to_owned());
    }
    Ok(bytes)
}

const SWAPPED: &str =
    "the bytes are swapped in pairs, as `hexdump` alone does: use `hexdump -C` or `xxd`";

/// `hexdump` without `-C`: an offset of seven digits and words of two bytes.
fn is_word_dump(line: &str) -> bool {
    let mut tokens = line.split_whitespace();
    let mut next_is = |digits| {
        tokens
            .next()
            .is_some_and(|token| token.len() == digits && is_hex(token))
    };
    next_is(7) && next_is(4)
}

struct Dump {
    /// The offset that the next line must have.
    next: u64,
}

/// A line of a dump without its offset.
struct Row<'a> {
    offset: u64,
    rest: &'a str,
}

impl<'a> Row<'a> {
    /// `next`: the offset that is due, if a dump has begun.
    fn of(line: &'a str, next: Option<u64>) -> Option<Self> {
        let digits = line.strip_prefix("0x").unwrap_or(line);
        let end = digits
            .find(|c: char| !c.is_ascii_hexdigit())
            .unwrap_or(digits.len());
        let (offset, rest) = digits.split_at(end);
        if !(4..=16).contains(&offset.len()) {
            return None;
        }
        let value = u64::from_str_radix(offset, 16).ok()?;
        if let Some(rest) = rest.strip_prefix(':') {
            // Else colons separate bytes.
            return (rest.starts_with(char::is_whitespace)).then_some(Self {
                offset: value,
                rest,
            });
        }
        // The last line of `hexdump -C` is an offset alone.
        let ends = rest.is_empty() && next == Some(value);
        let wide = rest.starts_with("  ") || rest.starts_with('\t');
        let due = value == next.unwrap_or(0);
        let pairs = first_token(rest).is_some_and(|token| token.len() == 2 && is_hex(token));
        (ends || (pairs && (wide || due))).then_some(Self {
            offset: value,
            rest,
        })
    }

    /// The bytes up to the text column.
    fn bytes(&self) -> Vec<u8> {
        let (data, has_bar) = match self.rest.split_once("  |") {
            Some((data, _)) => (data, true),
            None => (self.rest, false),
        };
        let mut bytes = Vec::new();
        let mut rest = data.trim_start();
        loop {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let (token, behind) = rest.split_at(end);
            let Some(token) = (!token.is_empty() && token.len() % 2 == 0)
                .then(|| hex::decode(token).ok())
                .flatten()
            else {
                return bytes;
            };
            let pairs = token.len() == 1;
            bytes.extend(token);
            let next = behind.trim_start();
            let gap = behind.len() - next.len();
            // `hexdump -C` leaves two blanks in the middle; everywhere else they end the digits.
            let middle = pairs && gap == 2 && bytes.len() == 8 && has_pair(next);
            if gap > 1 && !middle && !has_bar {
                return bytes;
            }
            rest = next;
        }
    }
}

fn has_pair(text: &str) -> bool {
    first_token(text).is_some_and(|token| token.len() == 2 && is_hex(token))
}

fn first_token(text: &str) -> Option<&str> {
    text.split_whitespace().next()
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Digits between blanks, commas, colons, `0x` and `\x`.
fn plain(line: &str, bytes: &mut Vec<u8>, half: &mut Option<u8>) -> Result<(), String> {
    let mut rest = line;
    while let Some(char) = rest.chars().next() {
        if let Some(behind) = rest
            .strip_prefix("0x")
            .or_else(|| rest.strip_prefix("0X"))
            .or_else(|| rest.strip_prefix("\\x"))
            && half.is_none()
        {
            rest = behind;
            continue;
        }
        rest = rest.get(char.len_utf8()..).unwrap_or_default();
        match char.to_digit(16) {
            // A hex digit is below 16.
            Some(digit) => match half.take() {
                Some(high) => bytes.push(high << 4 | digit as u8),
                None => *half = Some(digit as u8),
            },
            None if char.is_whitespace() || ",:;-_\"'{}[]".contains(char) => {}
            None => return Err(format!("{char:?} is no hex digit")),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
