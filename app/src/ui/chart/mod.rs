//! Charts over time, drawn on the server in shares of the width, so that they fit any, with the same as a table below. What is
//! pointed at or has the focus says its numbers in the line at the top, without a script. In the page's `div.charts` they stand
//! two in a row. A page whose charts have links says `islands=true` in its frame: then the arrow keys go from one to the next.

/// Stacked bars.
pub mod bars;
/// Lines.
pub mod lines;
/// What happened, over either.
pub mod marks;

/// What is around both: caption, scale, labels, legend, table.
mod frame;
/// Where things stand in a drawing.
mod plot;
/// What a stretch of time says.
mod words;

#[cfg(test)]
mod look;

pub use bars::{BarChart, BarChartView, ChartBar};
pub use lines::{ChartPoint, ChartTarget, LineChart, LineChartView};
pub use marks::{ChartMark, MarkKind, MarksView};

/// One kind of part, or one line.
#[derive(Clone, Debug)]
pub struct Series {
    pub word: String,
    /// Its colour and pattern: `1` to `6`, or `bad`.
    pub look: &'static str,
}
