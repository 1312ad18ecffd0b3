//! The nesting depth of a JSON text, checked before it is parsed.

/// Whether `json` opens more than `limit` arrays and objects within each other.
///
/// It looks only at brackets outside of strings. For invalid JSON the result is arbitrary; the parser reports the error later.
pub(super) fn deeper_than(json: &[u8], limit: usize) -> bool {
    let mut depth = 0_usize;
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'{' | b'[' => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => skip_string(&mut bytes),
            _ => {}
        }
    }
    false
}

/// Advances past the closing quote of the string that `bytes` is in.
fn skip_string(bytes: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'"' => return,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::deeper_than;

    #[test]
    fn counts_levels() {
        assert!(!deeper_than(b"1", 0));
        assert!(deeper_than(b"{}", 0));
        assert!(!deeper_than(br#"{"a":[1],"b":[2]}"#, 2));
        assert!(deeper_than(br#"{"a":[[1]]}"#, 2));
        assert!(!deeper_than("[]".repeat(1000).as_bytes(), 1), "beside, not within, each other");
    }

    #[test]
    fn brackets_in_strings_do_not_count() {
        assert!(!deeper_than(br#"["[[[[", "\"[[", "\\"]"#, 1));
        assert!(deeper_than(br#"["\\",[]]"#, 1), "an escaped backslash does not escape the quote");
    }

    #[test]
    fn broken_text_is_survived() {
        for broken in [&b"]]]]"[..], b"\"abc", b"\"abc\\", b"{\"a", b"\xff\xfe"] {
            assert!(!deeper_than(broken, 1), "{broken:?}");
        }
    }
}
