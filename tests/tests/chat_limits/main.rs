//! What the chat stands: its datagram door, those who do not read, those who say hostile things, and those who are too fast.

mod corpus;
mod door;
mod hostile;
mod impostors;
mod lines;
mod lossy;
mod people;
mod slow;
mod speaking;
mod storms;
