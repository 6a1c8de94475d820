//! Sends back what it receives.

use std::io::{Read, Write};

use socketserver::{
    BlockingHandler, Conn, Datagram, DatagramHandler, DatagramSocket, Handler, HandlerError, Input,
    Stream,
};

/// How much the blocking style reads at once: little enough that a waiting handler touches one page of its stack.
const PIECE: usize = 2048;

/// Sends back what it receives, byte for byte (the service of RFC 862).
///
/// After the peer has ended its side, it still gets everything back before the connection closes. A datagram comes back as one datagram.
#[derive(Clone, Copy, Debug, Default)]
pub struct Echo;

impl Handler for Echo {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.write(input.take_all());
        Ok(())
    }
}

impl BlockingHandler for Echo {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        let mut piece = [0; PIECE];
        loop {
            match stream.read(&mut piece)? {
                0 => return Ok(()),
                count => stream.write_all(&piece[..count])?,
            }
        }
    }
}

impl DatagramHandler for Echo {
    fn received(
        &mut self,
        datagram: &Datagram<'_>,
        socket: &mut DatagramSocket<'_>,
    ) -> Result<(), HandlerError> {
        socket.reply(datagram, datagram.bytes())?;
        Ok(())
    }
}
