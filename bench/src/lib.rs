//! Measures socket servers, ours and others: the library behind `socketserver load` and `socketserver compare`.

#![forbid(unsafe_code)]

pub mod report;
