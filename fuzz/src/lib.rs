//! What the fuzz targets share: the codecs and streams that they try, and the laws that must hold.
//!
//! A target only says where its input comes from. What is a fault is said here, once, for bytes that anybody could send ([`oracle`]) and for
//! messages that were framed properly and damaged a little ([`exchange`]), and for file servers in [`files`].

#![forbid(unsafe_code)]

pub mod codecs;
pub mod exchange;
pub mod files;
pub mod json;
pub mod oracle;
mod planted;
