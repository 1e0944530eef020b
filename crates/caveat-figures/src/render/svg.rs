//! A picture as SVG: text stays text, in the fonts of the viewer, and nothing carries an id.

use std::fmt::Write;
use std::slice;

use super::Page;
use crate::element::{Element, HALO, Pen, Point, Segment, path_through};
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
        Element::Line { points, pen } => write_path(out, &path_through(points), None, Some(pen)),
        Element::Path { segments, fill, outline } => write_path(out, segments, *fill, outline.as_ref()),
        Element::Cells { cells, crisp } => {
            if *crisp {
                out.push_str(r#"<g shape-rendering="crispEdges">"#);
            }
            for ([x, y, width, height], fill) in cells {
                out.push_str("<rect");
                for (name, value) in [("x", x), ("y", y), ("width", width), ("height", height)] {
                    write_number(out, name, *value);
                }
                write_paint(out, "fill", *fill);
                out.push_str(" />");
            }
            if *crisp {
                out.push_str("</g>");
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
        Element::Text { at, content, size, anchor, rotation, bold, color, halo } => {
            if let Some(halo) = halo {
                out.push_str("<g");
                write_paint(out, "stroke", *halo);
                // Writing into a string cannot fail.
                let _ = write!(out, r#" stroke-width="{HALO}" paint-order="stroke">"#);
            }
            let anchor = match anchor {
                Anchor::Start => "start",
                Anchor::Middle => "middle",
                Anchor::End => "end",
            };
            out.push_str("<text");
            write_number(out, "x", at.0);
            write_number(out, "y", at.1);
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
            if halo.is_some() {
                out.push_str("</g>");
            }
        }
    }
}

fn write_path(out: &mut String, segments: &[Segment], fill: Option<(Color, f64)>, outline: Option<&Pen>) {
    out.push_str("<path d=\"");
    for (k, segment) in segments.iter().enumerate() {
        let (letter, points): (&str, &[Point]) = match segment {
            Segment::Move(point) => ("M", slice::from_ref(point)),
            Segment::Line(point) => ("L", slice::from_ref(point)),
            Segment::Quadratic(points) => ("Q", points),
            Segment::Curve(points) => ("C", points),
            Segment::Close => ("Z", &[]),
        };
        out.push_str(if k > 0 { " " } else { "" });
        out.push_str(letter);
        for &(x, y) in points {
            let _ = write!(out, " {} {}", number(x), number(y));
        }
    }
    out.push('"');
    match outline {
        Some(pen) => {
            write_paint(out, "stroke", pen.color);
            write_number(out, "stroke-width", pen.width);
            if !pen.dashes.is_empty() {
                let lengths: Vec<String> = pen.dashes.iter().copied().map(number).collect();
                let _ = write!(out, r#" stroke-dasharray="{}""#, lengths.join(" "));
            }
        }
        None => out.push_str(r#" stroke="none""#),
    }
    match fill {
        Some((color, opacity)) => {
            write_paint(out, "fill", color);
            if opacity < 1.0 {
                write_number(out, "fill-opacity", opacity);
            }
        }
        None => out.push_str(r#" fill="none""#),
    }
    out.push_str(" />");
}

fn write_paint(out: &mut String, name: &str, Color(r, g, b): Color) {
    let _ = write!(out, r##" {name}="#{r:02x}{g:02x}{b:02x}""##);
}

fn write_number(out: &mut String, name: &str, value: f64) {
    let _ = write!(out, r#" {name}="{}""#, number(value));
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
