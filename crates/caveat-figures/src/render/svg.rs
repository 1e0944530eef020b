//! A picture as SVG: text stays text, in the fonts of whoever looks at it, and nothing carries an id.

use std::fmt::Write;

use super::Page;
use crate::element::{Element, Group, HALO, Pen, Point, Segment, path_through};
use crate::fonts;
use crate::palette::Color;
use crate::text::Anchor;

/// The page as SVG text with a view box, to be scaled by whatever page it stands in.
pub(crate) fn svg(page: &Page<'_>) -> String {
    let Page { width, height, .. } = page;
    let mut out = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}pt" height="{height}pt" viewBox="0 0 {width} {height}" font-family="{}" role="img" aria-label="{}">"#,
        fonts::FAMILY,
        escaped(page.title)
    );
    out.push_str(r#"<rect width="100%" height="100%" fill="white" /><g stroke-linejoin="round">"#);
    for element in page.elements {
        write_element(&mut out, element);
    }
    out.push_str("</g></svg>");
    out
}

fn write_element(out: &mut String, element: &Element) {
    match element {
        Element::Line { points, pen } => {
            out.push_str("<path d=\"");
            write_segments(out, &path_through(points));
            out.push('"');
            write_pen(out, Some(pen));
            out.push_str(" fill=\"none\" />");
        }
        Element::Path { segments, fill, outline } => {
            out.push_str("<path d=\"");
            write_segments(out, segments);
            out.push('"');
            write_pen(out, outline.as_ref());
            match fill {
                Some((color, opacity)) => {
                    write_paint(out, "fill", *color);
                    if *opacity < 1.0 {
                        write_number(out, "fill-opacity", *opacity);
                    }
                }
                None => out.push_str(" fill=\"none\""),
            }
            out.push_str(" />");
        }
        Element::Cells { x, y, w, h, fills } => {
            for k in 0..x.len() {
                out.push_str("<rect");
                for (name, value) in [("x", x[k]), ("y", y[k]), ("width", w[k]), ("height", h[k])] {
                    write_number(out, name, value);
                }
                write_paint(out, "fill", fills[k]);
                out.push_str(" />");
            }
        }
        Element::Disc { center, r, fill, outline } => {
            out.push_str("<circle");
            for (name, value) in [("cx", center.0), ("cy", center.1), ("r", *r)] {
                write_number(out, name, value);
            }
            write_paint(out, "fill", *fill);
            if let Some((color, width)) = outline {
                write_paint(out, "stroke", *color);
                write_number(out, "stroke-width", *width);
            }
            out.push_str(" />");
        }
        Element::Text { at, content, size, anchor, rotation, bold, color } => {
            let anchor = match anchor {
                Anchor::Start => "start",
                Anchor::Middle => "middle",
                Anchor::End => "end",
            };
            out.push_str("<text");
            write_number(out, "x", at.0);
            write_number(out, "y", at.1);
            // Writing into a string cannot fail.
            let _ = write!(out, r#" font-size="{size}" text-anchor="{anchor}""#);
            if *bold {
                out.push_str(r#" font-weight="bold""#);
            }
            write_paint(out, "fill", *color);
            if *rotation != 0.0 {
                let [angle, x, y] = [*rotation, at.0, at.1].map(number);
                let _ = write!(out, r#" transform="rotate({angle},{x},{y})""#);
            }
            let _ = write!(out, ">{}</text>", escaped(content));
        }
        Element::Open(Group::Crisp) => out.push_str(r#"<g shape-rendering="crispEdges">"#),
        Element::Open(Group::Halo(color)) => {
            out.push_str("<g");
            write_paint(out, "stroke", *color);
            let _ = write!(out, r#" stroke-width="{HALO}" paint-order="stroke">"#);
        }
        Element::Close => out.push_str("</g>"),
    }
}

fn write_segments(out: &mut String, segments: &[Segment]) {
    for (k, segment) in segments.iter().enumerate() {
        if k > 0 {
            out.push(' ');
        }
        let points: &[Point] = match segment {
            Segment::Move(point) => {
                out.push('M');
                std::slice::from_ref(point)
            }
            Segment::Line(point) => {
                out.push('L');
                std::slice::from_ref(point)
            }
            Segment::Quadratic(points) => {
                out.push('Q');
                points
            }
            Segment::Curve(points) => {
                out.push('C');
                points
            }
            Segment::Close => {
                out.push('Z');
                &[]
            }
        };
        for &point in points {
            out.push(' ');
            write_point(out, point);
        }
    }
}

fn write_pen(out: &mut String, pen: Option<&Pen>) {
    let Some(pen) = pen else {
        out.push_str(r#" stroke="none""#);
        return;
    };
    write_paint(out, "stroke", pen.color);
    write_number(out, "stroke-width", pen.width);
    if !pen.dashes.is_empty() {
        let lengths: Vec<String> = pen.dashes.iter().copied().map(number).collect();
        let _ = write!(out, r#" stroke-dasharray="{}""#, lengths.join(" "));
    }
}

fn write_paint(out: &mut String, name: &str, Color(r, g, b): Color) {
    let _ = write!(out, r##" {name}="#{r:02x}{g:02x}{b:02x}""##);
}

fn write_number(out: &mut String, name: &str, value: f64) {
    let _ = write!(out, r#" {name}="{}""#, number(value));
}

fn write_point(out: &mut String, (x, y): Point) {
    let _ = write!(out, "{} {}", number(x), number(y));
}

/// At most two decimals: a hundredth of a point is less than any printer or screen shows.
fn number(value: f64) -> String {
    let mut text = format!("{value:.2}");
    text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    if text == "-0" { "0".into() } else { text }
}

/// The text with the special characters of XML escaped, and without control characters, which XML forbids.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !c.is_control()) {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            _ => out.push(c),
        }
    }
    out
}
