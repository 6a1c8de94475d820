//! What a comparison has found: the data, what follows from it, and the file that keeps it.

mod baseline;
mod budget;
mod chat;
mod datagrams;
mod estimate;
mod file;
mod metric;
mod model;
mod verdict;

pub use self::baseline::{Change, Changes, Direction, Incomparable};
pub use self::budget::{Budget, BudgetError};
pub use self::chat::Chat;
pub use self::datagrams::Datagrams;
pub use self::estimate::Estimate;
pub use self::file::ReportError;
pub use self::metric::{Metric, Unit, UnknownMetric};
pub use self::model::{
    Contestant, Cost, GeneratorCost, GeneratorLimit, Kind, Latency, Machine, Point, Report, Run,
    SCHEMA, Setup,
};
pub use self::verdict::{
    Choice, Crossover, Doubt, Finding, Flaw, Noise, NoiseLevel, Outcome, Section, Shift, Standing,
    Verdict,
};
