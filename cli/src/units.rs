//! Times, sizes, counts and permission bits as people write them.

use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;

/// A limit, or the word `none` for no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit<T>(pub(crate) Option<T>);

/// `10s`, `500ms`, `1h 30m`.
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|_| format!("'{text}' is not a time: write 10s or 500ms"))
}

/// A time, or `none`.
pub(crate) fn time_limit(text: &str) -> Result<Limit<Duration>, String> {
    limit(text, time)
}

/// A whole number.
pub(crate) fn count<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("'{text}' is not a number, or too large: write digits"))
}

/// A whole number, or `none`.
pub(crate) fn count_limit<T: FromStr>(text: &str) -> Result<Limit<T>, String> {
    limit(text, count)
}

/// `64KiB`, `1MiB`, or a plain number of bytes.
pub(crate) fn size(text: &str) -> Result<usize, String> {
    let size = text.parse::<ByteSize>().ok();
    let bytes = size.and_then(|size| usize::try_from(size.as_u64()).ok());
    bytes.ok_or_else(|| format!("'{text}' is not a size: write 64KiB or 1MiB"))
}

/// Permission bits in octal digits: `660`, also `0660` and `0o660`.
pub(crate) fn permissions(text: &str) -> Result<u32, String> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    match u32::from_str_radix(digits, 8) {
        Ok(bits @ 0..=0o777) if !digits.starts_with('+') => Ok(bits),
        _ => Err(format!(
            "'{text}' is not made of permission bits: write octal digits such as 660"
        )),
    }
}

/// `true` or `false`, and what else people write for them in the environment.
pub(crate) fn switch(text: &str) -> Result<bool, String> {
    match text {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err(format!("'{text}' is not a switch: write true or false")),
    }
}

fn limit<T>(text: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Limit<T>, String> {
    match text {
        "none" => Ok(Limit(None)),
        text => match parse(text) {
            Ok(value) => Ok(Limit(Some(value))),
            Err(sentence) => Err(sentence + ", or none"),
        },
    }
}

/// A limit as it is written.
pub(crate) fn written(limit: Option<Duration>) -> String {
    limit.map_or_else(
        || "none".to_owned(),
        |time| humantime::format_duration(time).to_string(),
    )
}

/// A number of bytes as people read it: `12 B`, `1.5 MiB`.
pub(crate) fn bytes(count: impl TryInto<u64>) -> ByteSize {
    ByteSize::b(count.try_into().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_is_not_the_limit_zero() {
        assert_eq!(time_limit("none"), Ok(Limit(None)));
        assert_eq!(time_limit("0s"), Ok(Limit(Some(Duration::ZERO))));
        assert_eq!(
            time_limit("1h 30m"),
            Ok(Limit(Some(Duration::from_secs(5400))))
        );
        assert_eq!(count_limit("0"), Ok(Limit(Some(0_usize))));
    }

    #[test]
    fn sizes_are_binary_where_they_say_so() {
        assert_eq!(size("64KiB"), Ok(65_536));
        assert_eq!(size("64KB"), Ok(64_000));
        assert_eq!(size("17"), Ok(17));
    }

    #[test]
    fn permissions_are_octal_with_and_without_a_prefix() {
        for text in ["660", "0660", "0o660"] {
            assert_eq!(permissions(text), Ok(0o660));
        }
        for text in ["", "668", "1777", "+660", "-1", "rw"] {
            assert!(permissions(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_an_example() {
        assert_eq!(
            time("soon").unwrap_err(),
            "'soon' is not a time: write 10s or 500ms"
        );
        assert_eq!(
            time_limit("10").unwrap_err(),
            "'10' is not a time: write 10s or 500ms, or none"
        );
        assert_eq!(
            size("much").unwrap_err(),
            "'much' is not a size: write 64KiB or 1MiB"
        );
        assert_eq!(
            count::<u32>("-1").unwrap_err(),
            "'-1' is not a number, or too large: write digits"
        );
    }
}
