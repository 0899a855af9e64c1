//! The picture for the README: bars, one panel for each figure.
//!
//! It brings its own background and follows the reader's light or dark setting; the browser chooses the font.

use svg::Document;
use svg::node::element::{Group, Rectangle, Style, Text, Title};

use super::figures::{Panel, Row, rate};

const WIDTH: f64 = 840.0;
const MARGIN: f64 = 24.0;
/// Where bars begin; names end before.
const BARS: f64 = 200.0;
/// The longest bar. What is right of it belongs to the numbers.
const BAR_WIDTH: f64 = 460.0;
const BAR_HEIGHT: f64 = 18.0;
const ROW: f64 = 28.0;
const HEADING: f64 = 36.0;
const GAP: f64 = 20.0;
const FOOTNOTE: &str =
    "One core does everything: clients, box and members. Medians; longer is better.";
/// From the middle of a line of text to its base.
const MIDDLE: f64 = 4.5;

const STYLE: &str = "
text { font: 13px sans-serif; fill: #1f2328 }
.title { font-weight: bold; font-size: 14px }
.note { fill: #59636e; font-size: 12px }
.page { fill: #ffffff; stroke: #d1d9e0 }
.base { fill: #8c959f }
.peer { fill: #b6bfc8 }
.ours { fill: #0969da }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc }
.note { fill: #9198a1 }
.page { fill: #0d1117; stroke: #3d444d }
.base { fill: #9198a1 }
.peer { fill: #565e68 }
.ours { fill: #4493f8 }
}
";

/// Draws all panels, one below the other.
pub(super) fn draw(panels: &[Panel]) -> Document {
    let mut document = Document::new();
    let mut top = MARGIN / 2.0;
    for panel in panels {
        document = document.add(draw_panel(panel, top));
        top += HEADING + ROW * panel.rows.len() as f64 + GAP;
    }
    document = document.add(text(FOOTNOTE, MARGIN, top, "note"));
    let height = top + MARGIN;
    let page = Rectangle::new()
        .set("class", "page")
        .set("x", 0.5)
        .set("y", 0.5)
        .set("width", WIDTH - 1.0)
        .set("height", height - 1.0)
        .set("rx", 8);
    let mut page = Document::new()
        .set("viewBox", (0, 0, WIDTH, height))
        .set("width", WIDTH)
        .set("height", height)
        .set("role", "img")
        .add(Title::new("Balancers compared"))
        .add(Style::new(STYLE))
        .add(page);
    for panel in document.get_children() {
        page = page.add(panel.clone());
    }
    page
}

fn draw_panel(panel: &Panel, top: f64) -> Group {
    let most = panel.rows.iter().map(|row| row.rate).fold(0.0, f64::max);
    let baseline = panel.rows.first().map_or("", |row| row.name);
    let middle = top + HEADING / 2.0;
    let ratio = text(&format!("× {baseline}"), WIDTH - MARGIN, middle, "note");
    let mut group = Group::new()
        .add(text(panel.title, MARGIN, middle, "title"))
        .add(ratio.set("text-anchor", "end"));
    for (row, place) in panel.rows.iter().zip(0..) {
        let middle = top + HEADING + ROW * (f64::from(place) + 0.5);
        group = group.add(draw_row(row, place == 0, row.rate / most, middle));
    }
    group
}

fn draw_row(row: &Row, is_baseline: bool, share: f64, middle: f64) -> Group {
    let class = match (row.ours, is_baseline) {
        (true, _) => "ours",
        (false, true) => "base",
        (false, false) => "peer",
    };
    let width = share * BAR_WIDTH;
    let bar = Rectangle::new()
        .set("class", class)
        .set("x", BARS)
        .set("y", middle - BAR_HEIGHT / 2.0)
        .set("width", tenths(width))
        .set("height", BAR_HEIGHT)
        .set("rx", 2);
    let name = text(row.name, BARS - 10.0, middle, "name").set("text-anchor", "end");
    let figure = text(
        &rate(row.rate),
        BARS + tenths(width) + 8.0,
        middle,
        "figure",
    );
    let ratio = text(&format!("{:.2}", row.ratio), WIDTH - MARGIN, middle, "note");
    Group::new()
        .add(name)
        .add(bar)
        .add(figure)
        .add(ratio.set("text-anchor", "end"))
}

fn text(content: &str, x: f64, middle: f64, class: &str) -> Text {
    Text::new(content)
        .set("class", class)
        .set("x", x)
        .set("y", middle + MIDDLE)
}

/// Nobody sees finer.
fn tenths(length: f64) -> f64 {
    (length * 10.0).round() / 10.0
}
