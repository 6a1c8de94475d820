//! Sends back what it receives.

use socketserver::{Conn, Handler, HandlerError, Input};

/// Sends back what it receives, byte for byte (the service of RFC 862).
///
/// After the peer has ended its side, it still gets everything back before the connection closes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Echo;

impl Handler for Echo {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.write(input.take_all());
        Ok(())
    }
}
