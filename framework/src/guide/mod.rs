//! The guide: chapters to be read in any order, whose examples are compiled and run as tests.
//!
//! | Chapter | Read it when |
//! |---|---|
//! | [`from_python`] | you know Python's `socketserver`, and want each class, hook and attribute in one place |
//! | [`framing`] | bytes come and you need messages |
//! | [`handlers`] | your handler shall run in every mode, or you wonder what may happen to it |
//! | [`datagrams`] | you serve UDP or Unix datagrams, or wonder whether you should |
//! | [`proving`] | you want to know that your handler is right |
//! | [`defaults`] | you want to change a setting, or to know why it is as it is |

pub mod datagrams;
pub mod defaults;
pub mod framing;
pub mod from_python;
pub mod handlers;
pub mod proving;
