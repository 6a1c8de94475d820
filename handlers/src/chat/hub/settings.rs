//! What a chat may hold at most.

use serde::{Deserialize, Serialize};
use socketserver::{Group, SlowMember};

/// What stands before a text: `/msg`, and a name of 24 characters.
const COMMAND_BYTES_MAX: usize = 128;

/// The limits of a chat. Every one has a default that the table of [`Settings::default`] names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How many members there may be. Default: 20,000.
    pub members_max: usize,
    /// How many rooms there may be. Default: 10,000.
    pub rooms_max: usize,
    /// How many rooms one member may be in. Default: 20.
    pub rooms_per_member_max: usize,
    /// How many members one room may have. Default: 20,000.
    pub members_per_room_max: usize,
    /// How many bytes may be said at once. Default: 2,000.
    pub text_bytes_max: usize,
    /// How many bytes a topic, a reason or a key may have. Default: 300.
    pub note_bytes_max: usize,
    /// How many of the last things said a room keeps for those who come. Default: 50.
    pub history_lines_max: usize,
    /// How many bytes these may have together. Default: 16 KiB.
    pub history_bytes_max: usize,
    /// Members of a room with more members than this are not told who joins and leaves: `n` people who all come and go would otherwise cost
    /// `n²` messages. Default: 500.
    pub notices_members_max: usize,
    /// What happens to a member who reads more slowly than the others speak. Default: it is cut.
    pub slow_members: SlowMember,
    /// How many bytes may wait for a member before it counts as slow. Default: 256 KiB.
    pub queued_bytes_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            members_max: 20_000,
            rooms_max: 10_000,
            rooms_per_member_max: 20,
            members_per_room_max: 20_000,
            text_bytes_max: 2_000,
            note_bytes_max: 300,
            history_lines_max: 50,
            history_bytes_max: 16 * 1024,
            notices_members_max: 500,
            slow_members: SlowMember::Disconnect,
            queued_bytes_max: Group::QUEUED_BYTES_MAX,
        }
    }
}

impl Settings {
    /// How many bytes a line may have: as much as may be said, and the command and the name before it.
    pub(crate) fn line_bytes_max(&self) -> usize {
        self.text_bytes_max + COMMAND_BYTES_MAX
    }
}
