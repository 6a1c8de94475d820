//! What is in the files: bytes that follow from the number of a file and the place in it, so that none has to be kept as a whole.

/// After how many bytes a file repeats itself. It is a prime number, so that bytes which are off by any number of blocks, pages or buffers
/// are wrong ones.
const PERIOD: usize = 65_521;
/// How many bytes can be had in one piece, from wherever in a file.
pub(super) const PIECE_BYTES: usize = 256 * 1024;
/// How far apart two files begin in the pattern: the same for no two of fewer than [`PERIOD`].
const STEP: usize = 31_337;

/// The bytes of all files.
#[derive(Debug)]
pub(super) struct Pattern {
    bytes: Vec<u8>,
    file_bytes: u64,
}

impl Pattern {
    /// Of files with so many bytes.
    pub(super) fn new(file_bytes: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(9004);
        let mut bytes = vec![0; PERIOD];
        random.fill(&mut bytes);
        bytes.reserve_exact(PIECE_BYTES);
        for index in 0..PIECE_BYTES {
            bytes.push(bytes[index]);
        }
        Self { bytes, file_bytes }
    }

    /// How many bytes a file has.
    pub(super) fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// The next bytes of a file from there on, as many as there are in one piece.
    pub(super) fn piece(&self, file: usize, from: u64) -> &[u8] {
        let place = (file % PERIOD * STEP + (from % PERIOD as u64) as usize) % PERIOD;
        let left = usize::try_from(self.file_bytes.saturating_sub(from)).unwrap_or(usize::MAX);
        &self.bytes[place..place + left.min(PIECE_BYTES)]
    }

    /// At which byte of a file the first of these is wrong that is; none when they are right. No piece may be longer than [`PIECE_BYTES`].
    pub(super) fn compare(&self, file: usize, from: u64, bytes: &[u8]) -> Option<u64> {
        let expected = self.piece(file, from);
        if expected.len() >= bytes.len() && expected[..bytes.len()] == *bytes {
            return None;
        }
        let right = (bytes.iter().zip(expected)).take_while(|(one, other)| one == other);
        Some(from + right.count() as u64)
    }

    /// The BLAKE3 hash of a file, in hexadecimal.
    pub(super) fn hash(&self, file: usize) -> String {
        let mut hasher = blake3::Hasher::new();
        let mut from = 0;
        while from < self.file_bytes {
            let piece = self.piece(file, from);
            hasher.update(piece);
            from += piece.len() as u64;
        }
        hasher.finalize().to_hex().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(pattern: &Pattern, file: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < pattern.file_bytes() {
            bytes.extend_from_slice(pattern.piece(file, bytes.len() as u64));
        }
        bytes
    }

    #[test]
    fn a_file_is_the_same_in_any_pieces_and_has_its_hash() {
        for size in [1, 1000, 65_521, 1_000_000] {
            let pattern = Pattern::new(size);
            let bytes = whole(&pattern, 3);
            assert_eq!(bytes.len() as u64, size);
            assert_eq!(pattern.hash(3), blake3::hash(&bytes).to_hex().as_str());
            let mut from = 0;
            for piece in bytes.chunks(77_777) {
                assert_eq!(pattern.compare(3, from, piece), None);
                from += piece.len() as u64;
            }
        }
    }

    #[test]
    fn any_other_byte_and_any_other_file_is_found() {
        let pattern = Pattern::new(300_000);
        let mut bytes = whole(&pattern, 1);
        bytes[70_000] ^= 1;
        assert_eq!(pattern.compare(1, 0, &bytes[..200_000]), Some(70_000));
        assert_eq!(pattern.compare(1, 65_000, &bytes[65_000..]), Some(70_000));
        for other in (0..1000).filter(|&other| other != 1) {
            assert_ne!(whole(&pattern, other)[..64], whole(&pattern, 1)[..64]);
        }
        let shifted = &whole(&pattern, 1)[4096..8192];
        assert!(pattern.compare(1, 0, shifted).is_some(), "off by a page");
        let too_many = [whole(&pattern, 1).as_slice(), b"x"].concat();
        assert_eq!(
            pattern.compare(1, 299_999, &too_many[299_999..]),
            Some(300_000)
        );
    }
}
