//! The load generator is measured with servers whose faults are known: what is planted must be found, and nothing else.

mod chat;
mod chat_compared;
mod chat_servers;
mod file_servers;
mod files;
mod load;
mod servers;
