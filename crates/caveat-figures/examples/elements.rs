//! Draws every element of the drawing layer once: `cargo run --release -p caveat-figures --example elements -- elements.png`.

use std::path::PathBuf;

use caveat_figures::heatmap::{ItemLabels, color_bar, cross_cells, heatmap, outline_cells, raster};
use caveat_figures::palette::{self, ColorScale, class_color, class_label, ordered_color};
use caveat_figures::{
    Anchor, Axis, Canvas, DOUBLE_COLUMN, Dash, Format, Key, Legend, Level, Marker, Panel, Rect, Stroke, Text, layout,
};
use caveat_theory::PairClass;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "elements.svg".into()));
    let mut canvas = Canvas::new(DOUBLE_COLUMN, 400.0).titled("Elements of the drawing layer");
    let cells = layout::grid(canvas.page().inset(44.0, 30.0, 16.0, 70.0), 2, 3, (52.0, 60.0));

    let panel =
        Panel::new(cells[0], Axis::linear(0.0, 1.0).label("conjunctivity α"), Axis::log(0.01, 100.0).label("1/C"));
    panel.grid(&mut canvas);
    let band = (0..60).map(|k| k as f64 / 59.0).map(|x| (x, 10f64.powf(3.0 * x - 2.0), 10f64.powf(4.0 * x - 1.0)));
    let band = band.collect::<Vec<_>>();
    panel.band(&mut canvas, &band, palette::SKY_BLUE, 0.3);
    for (k, dash) in Dash::ALL.into_iter().enumerate() {
        let curve = |x: f64| (x, 10f64.powf(5.0 * x - 2.0 - 0.5 * k as f64));
        let points: Vec<_> = (0..99).map(|i| curve(i as f64 / 98.0)).collect();
        panel.line(&mut canvas, &points, Stroke::new(ordered_color(k, 4), 1.2).dash(dash));
    }
    panel.note(&mut canvas, (0.3, 0.1), (4.0, 0.0), &Text::new("α_{gen}(C) ≥ α_{mem}").halo(palette::WHITE));
    panel.axes(&mut canvas);
    panel.title(&mut canvas, "lines and a band");
    panel.letter(&mut canvas, "a");

    let panel = Panel::new(
        cells[1],
        Axis::linear(0.0, 7.0).label("item").ticks((1..=6).map(|k| (k as f64, caveat_figures::item(k - 1)))),
        Axis::linear(-1.2, 1.2).label("rank r").ticks([(-1.0, "−1"), (0.0, "0"), (1.0, "∞")]),
    );
    panel.grid(&mut canvas);
    for (k, marker) in Marker::ALL.into_iter().enumerate() {
        let (x, y) = (1.0 + k as f64, 0.9 - 0.3 * k as f64);
        panel.error_bars(&mut canvas, &[(x, y - 0.2, y + 0.2)], Stroke::new(palette::category_color(k), 0.8));
        panel.points(&mut canvas, &[(x, y), (x, 9.0)], marker, 2.6, palette::category_color(k));
    }
    panel.axes(&mut canvas);
    panel.title(&mut canvas, "markers and error bars");
    panel.letter(&mut canvas, "b");

    let value = |i: usize, j: usize| if (i, j) == (2, 7) { f64::NAN } else { (j as f64 - i as f64) / 4.0 };
    let values: Vec<f64> = (0..81).map(|k| value(k / 9, k % 9)).collect();
    let scale = ColorScale::diverging(&values);
    let square = layout::square(cells[2].inset(0.0, 0.0, 26.0, 0.0));
    heatmap(&mut canvas, square, 9, &values, scale, ItemLabels::BOTH);
    outline_cells(&mut canvas, square, 9, (0..8).map(|k| (k, k + 1)), Stroke::new(palette::BLACK, 1.0));
    cross_cells(&mut canvas, square, 9, [(2, 6), (6, 2)], |i, j| scale.color(value(i, j)).ink());
    color_bar(&mut canvas, Rect::new(square.right() + 8.0, square.y, 7.0, square.height), scale, "margin f");
    caveat_figures::letter_above(&mut canvas, square, "c");

    let panel = Panel::new(cells[3], Axis::linear(0.0, 1.0).label("α"), Axis::log(1e-4, 10.0).label("1/C")).closed();
    let scale = ColorScale::Sequential { min: 0.0, max: 1.0 };
    raster(&mut canvas, panel.rect(), 200, 200, |i, j| {
        let v = ((i as f64 - 60.0).hypot(j as f64 - 50.0) / 30.0).floor() / 6.0;
        Some(scale.color(1.0 - v))
    });
    panel.axes(&mut canvas);
    panel.letter(&mut canvas, "d");
    let bar = Rect::new(cells[3].right() + 6.0, cells[3].y, 6.0, cells[3].height);
    color_bar(&mut canvas, bar, scale, "accuracy");

    let r = cells[4].inset(30.0, 0.0, 0.0, 0.0);
    canvas.curve(
        [(r.x, r.bottom() - 20.0), (r.x, r.y), (r.right(), r.y), (r.right(), r.bottom() - 20.0)],
        Stroke::new(palette::ORANGE, 1.2),
    );
    canvas.arrow_head((r.right(), r.bottom() - 20.0), (0.0, 1.0), 6.0, palette::ORANGE);
    for k in 0..5 {
        let at = (r.x + r.width * k as f64 / 4.0, r.bottom());
        canvas.disc(at, 8.0, palette::SKY_BLUE.tint(0.4), Some(Stroke::new(palette::SKY_BLUE, 0.8)));
        canvas.text(at, &Text::new(caveat_figures::item(k)).anchored(Anchor::Middle, Level::Middle));
    }
    canvas.text(
        (r.center().0, r.y + 40.0),
        &Text::new("10^{−2} · μ_{⋆} rotated").rotated(-20.0).anchored(Anchor::Middle, Level::Middle),
    );
    caveat_figures::letter_above(&mut canvas, cells[4], "e");

    let mut legend = Legend::new();
    for class in PairClass::ALL {
        legend.push(Key::Patch(class_color(class)), class_label(class));
    }
    legend.push(Key::Outline(Stroke::new(palette::BLACK, 1.0)), "trained");
    legend.push(Key::LinePoint(Stroke::new(palette::BLUE, 1.0), Marker::Circle), "line and point");
    legend.push(Key::Line(Stroke::new(palette::VERMILLION, 1.2).dash(Dash::Dashed)), "α_{gen}");
    legend.draw(&mut canvas, (cells[5].x, cells[5].y), 1);
    let page = canvas.page().inset(20.0, 0.0, 20.0, 0.0);
    legend.draw_centered(&mut canvas, page, 370.0);

    std::fs::write(&path, canvas.render(Format::from_path(&path)?)?)?;
    Ok(())
}
