//! Finds out whether a text is well-formed XML: as much of the rules as a document of ours could break.

use std::collections::HashSet;

/// What is wrong with the text; nothing when it is well-formed.
pub(crate) fn fault(text: &str) -> Option<String> {
    let mut open: Vec<&str> = Vec::new();
    let mut names = HashSet::new();
    let mut rest = text.strip_prefix("<!DOCTYPE html>").unwrap_or(text).trim();
    while !rest.is_empty() {
        let (letters, after) = rest.split_at(rest.find('<').unwrap_or(rest.len()));
        if let Some(fault) = text_fault(letters) {
            return Some(fault);
        }
        if open.is_empty() && !letters.trim().is_empty() {
            return Some(format!("text outside of the document: {letters:?}"));
        }
        if after.is_empty() {
            break;
        }
        let Some(end) = after.find('>') else {
            return Some("a tag without an end".to_owned());
        };
        let tag = &after[1..end];
        rest = &after[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return Some(format!("</{name}> closes nothing"));
            }
            continue;
        }
        let (name, attributes) = tag
            .trim_end_matches('/')
            .split_once(' ')
            .unwrap_or((tag.trim_end_matches('/'), ""));
        if let Some(fault) = attribute_fault(attributes, &mut names) {
            return Some(format!("{fault} in <{tag}>"));
        }
        if !tag.ends_with('/') {
            open.push(name);
        }
    }
    open.pop().map(|name| format!("<{name}> is not closed"))
}

fn text_fault(text: &str) -> Option<String> {
    let is_no_letter = |letter: char| {
        (letter.is_control() && letter != '\n' && letter != '\t') || letter == '\u{FFFF}'
    };
    if text.contains(is_no_letter) {
        return Some(format!("a letter that XML lacks in {text:?}"));
    }
    let mut entities = text
        .split('&')
        .skip(1)
        .map(|part| part.split_once(';').map(|(name, _)| name));
    let known = ["amp", "lt", "gt", "quot", "#39"];
    let is_unknown = entities.any(|name| !name.is_some_and(|name| known.contains(&name)));
    is_unknown.then(|| format!("an unknown entity in {text:?}"))
}

/// Attributes are `name="text"`, no name twice, and no `id` twice in the document.
fn attribute_fault<'a>(attributes: &'a str, names: &mut HashSet<&'a str>) -> Option<String> {
    let mut seen = HashSet::new();
    let mut rest = attributes.trim();
    while !rest.is_empty() {
        let Some((name, after)) = rest.split_once("=\"") else {
            return Some(format!("an attribute without a value: {rest:?}"));
        };
        let Some((value, after)) = after.split_once('"') else {
            return Some(format!("a value without an end: {name}"));
        };
        if !seen.insert(name) || (name == "id" && !names.insert(value)) {
            return Some(format!("{name}={value} twice"));
        }
        if value.contains("NaN") || value.contains("inf ") {
            return Some(format!("no number: {name}={value}"));
        }
        if let Some(fault) = text_fault(value) {
            return Some(fault);
        }
        rest = after.trim_start();
    }
    None
}

#[test]
fn faults_are_found() {
    for good in [
        "<a b=\"c\"><d/>x &amp; y</a>",
        "<!DOCTYPE html>\n<html></html>",
    ] {
        assert_eq!(fault(good), None, "{good}");
    }
    for bad in [
        "<a>",
        "<a></b>",
        "<a>&nbsp;</a>",
        "<a b></a>",
        "<a b=\"1\" b=\"2\"/>",
        "<a id=\"1\"><b id=\"1\"/></a>",
        "<a>\u{1b}</a>",
        "x",
    ] {
        assert!(fault(bad).is_some(), "{bad}");
    }
}
