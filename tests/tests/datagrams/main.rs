//! Every behaviour of a datagram server, in every mode over every carrier.

mod conversations;
mod counts;
mod exchange;
mod failures;
mod guard;
mod life;
mod networks;
mod order;
mod peers;
