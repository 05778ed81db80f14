//! (pure) CRC32C (Castagnoli, RFC 3720 appendix B.4), as Google writes it into JSON: an int64, so a string of decimals.

use crc::{CRC_32_ISCSI, Crc};

static CASTAGNOLI: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// The checksum of `bytes`.
pub(crate) fn of(bytes: &[u8]) -> String {
    CASTAGNOLI.checksum(bytes).to_string()
}

/// Whether `said` is the checksum of `bytes`.
pub(crate) fn is(said: Option<&str>, bytes: &[u8]) -> bool {
    said.is_some_and(|said| said == of(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the RFC.
    #[test]
    fn the_checksum_is_that_of_the_standard() {
        assert_eq!(of(&[0; 32]), 0x8a91_36aa_u32.to_string());
        assert_eq!(of(&[0xff; 32]), 0x62a8_ab43_u32.to_string());
        assert!(is(Some("3808858755"), b"123456789") && !is(Some("3808858755"), b"12345678") && !is(None, b""));
    }
}
