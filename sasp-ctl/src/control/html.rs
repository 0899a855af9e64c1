//! What our status pages share: one HTML document each that needs nothing else and loads itself again.

use std::fmt::{self, Display, Write as _};

/// Up to the first heading.
pub(crate) const HEAD: &str = r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="2">
<meta name="viewport" content="width=device-width"><title>sasp-ctl</title><style>
body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:75em;padding:0 1em;color:#222;background:#fff}
h2{margin:1.5em 0 .3em}table{border-collapse:collapse;width:100%}th,td{padding:.25em .6em;border-bottom:1px solid #ddd}
th{text-align:left;font-weight:600}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.bar{background:#e8eef5;min-width:8em}.bar i{display:block;background:#4a7fb5;height:.8em}.bad{color:#b00020}.dim{color:#666}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181a1b}th,td{border-color:#333}.bar{background:#2a3038}.bad{color:#ff6b6b}.dim{color:#999}}
</style></head><body>
"#;

/// Names come from files and from peers: they are text, not markup.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                _ => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Escaped;

    #[test]
    fn names_are_text_and_not_markup() {
        assert_eq!(
            Escaped("<b>\"F&1\"</b>").to_string(),
            "&lt;b&gt;&quot;F&amp;1&quot;&lt;/b&gt;"
        );
    }
}
