//! Holes: zeros that take no room on the disk.

/// A run of zeros of at least this size becomes a hole.
const HOLE_BYTES_MIN: usize = 4096;

/// Whether a piece of a file is nothing but zeros, and long enough for a hole.
pub(super) fn is_hole(piece: &[u8]) -> bool {
    // Comparing all bytes but the first with all but the last is one fast comparison of memory.
    piece.len() >= HOLE_BYTES_MIN && piece[0] == 0 && piece[1..] == piece[..piece.len() - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_is_enough_to_be_no_hole() {
        assert!(is_hole(&[0; HOLE_BYTES_MIN]));
        assert!(!is_hole(&[0; HOLE_BYTES_MIN - 1]) && !is_hole(b""));
        for at in [0, 1, HOLE_BYTES_MIN / 2, HOLE_BYTES_MIN - 1] {
            let mut piece = [0; HOLE_BYTES_MIN];
            piece[at] = 1;
            assert!(!is_hole(&piece), "{at}");
        }
        assert!(!is_hole(&[7; HOLE_BYTES_MIN]));
    }
}
