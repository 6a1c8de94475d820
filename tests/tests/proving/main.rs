//! The proving kit: it must find what is wrong, and must not blame what is right.

mod bugs;
mod right;
mod scripts;
mod sockets;
