//! A folder as a storage: what comes from outside stays within it, and whatever fails or dies, a file is the old one or the new one.

mod helpers;
mod kill;
mod links;
mod listing;
mod names;
mod quota_of_folders;
mod races;
mod removal;
mod room;
mod special;
mod uploads;
