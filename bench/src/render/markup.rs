//! Writes XML that cannot be ill-formed: what is opened is closed, and what is text is escaped.
//!
//! It is HTML at the same time: elements that HTML has empty are written with [`Markup::empty`] only, and the others never.

use std::fmt::{Display, Write};

use super::clean;

/// A document that is being written.
#[derive(Debug, Default)]
pub(crate) struct Markup {
    text: String,
}

/// The attributes of an element.
pub(crate) type Attributes<'a> = &'a [(&'a str, &'a dyn Display)];

/// Elements in a line of text, after which a line end would be seen as a space.
const INLINE: [&str; 7] = ["a", "b", "code", "small", "span", "sup", "wbr"];

impl Markup {
    /// An element with what is written inside.
    pub(crate) fn element(
        &mut self,
        name: &str,
        attributes: Attributes<'_>,
        inside: impl FnOnce(&mut Self),
    ) {
        self.tag(name, attributes);
        self.text.push('>');
        inside(self);
        let _ = write!(self.text, "</{name}>");
        if !INLINE.contains(&name) {
            self.text.push('\n');
        }
    }

    /// An element with text inside.
    pub(crate) fn leaf(&mut self, name: &str, attributes: Attributes<'_>, text: &str) {
        self.element(name, attributes, |inside| inside.text(text));
    }

    /// An element that never has anything inside.
    pub(crate) fn empty(&mut self, name: &str, attributes: Attributes<'_>) {
        self.tag(name, attributes);
        self.text.push_str("/>");
        if !INLINE.contains(&name) {
            self.text.push('\n');
        }
    }

    /// Text.
    pub(crate) fn text(&mut self, text: &str) {
        self.text.push_str(&clean::xml(text));
    }

    /// What is written here and never comes from outside: a document type, a style sheet.
    pub(crate) fn verbatim(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// The document.
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    fn tag(&mut self, name: &str, attributes: Attributes<'_>) {
        let _ = write!(self.text, "<{name}");
        for (key, value) in attributes {
            let _ = write!(self.text, " {key}=\"{}\"", clean::xml(&value.to_string()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_attributes_are_escaped() {
        let mut markup = Markup::default();
        markup.element("p", &[("class", &"a\"b"), ("x", &1)], |inside| {
            inside.leaf("b", &[], "<&");
            inside.empty("br", &[]);
        });
        assert_eq!(
            markup.into_text(),
            "<p class=\"a&quot;b\" x=\"1\"><b>&lt;&amp;</b><br/>\n</p>\n"
        );
    }
}
