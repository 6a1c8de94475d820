//! What a comparison has found: the data, what follows from it, and the file that keeps it.

mod estimate;
mod metric;
mod model;

pub use self::estimate::Estimate;
pub use self::metric::{Metric, Unit, UnknownMetric};
pub use self::model::{
    Contestant, Cost, GeneratorCost, GeneratorLimit, Kind, Latency, Machine, Point, Report, Run,
    SCHEMA, Setup,
};
