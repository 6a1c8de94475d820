//! What a handler reads from: the bytes that have come and were not taken yet.

use std::ops::Deref;

/// The bytes of a connection that its handler has not taken yet.
///
/// It dereferences to a byte slice, for looking; [`take`](Input::take) and [`take_all`](Input::take_all) consume. What is
/// left when the callback returns is kept by the connection and offered again.
#[derive(Debug)]
pub struct Input<'a> {
    bytes: &'a [u8],
    taken: usize,
}

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, taken: 0 }
    }

    /// Takes the first `count` bytes.
    ///
    /// # Panics
    ///
    /// When there are fewer: [`len`](slice::len) tells how many there are.
    #[inline]
    #[track_caller]
    pub fn take(&mut self, count: usize) -> &'a [u8] {
        let left = &self.bytes[self.taken..];
        assert!(
            count <= left.len(),
            "cannot take {count} bytes of input: there are {}",
            left.len()
        );
        self.taken += count;
        &left[..count]
    }

    /// Takes everything that is there.
    #[inline]
    pub fn take_all(&mut self) -> &'a [u8] {
        let left = &self.bytes[self.taken..];
        self.taken = self.bytes.len();
        left
    }

    pub(crate) fn taken(&self) -> usize {
        self.taken
    }
}

/// For tests of a handler's parsing: an input as the server would make it of these bytes.
impl<'a> From<&'a [u8]> for Input<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::new(bytes)
    }
}

impl Deref for Input<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.taken..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taking_moves_the_view_and_nothing_else() {
        let mut input = Input::new(b"abcdef");
        assert_eq!(input.take(2), b"ab");
        assert_eq!(&*input, b"cdef");
        assert_eq!(input.take_all(), b"cdef");
        assert!(input.is_empty());
        assert_eq!(input.taken(), 6);
    }

    #[test]
    #[should_panic(expected = "cannot take 4 bytes of input: there are 3")]
    fn taking_more_than_there_is_is_the_programmers_error() {
        Input::new(b"abc").take(4);
    }
}
