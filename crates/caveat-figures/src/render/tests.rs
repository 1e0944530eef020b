//! One picture in three formats: text that can be read out of the files, and pixels where they should be.

use std::collections::HashMap;
use std::io::{Cursor, Read};

use flate2::read::ZlibDecoder;
use proptest::prelude::*;

use crate::palette::{BLACK, Color, WHITE};
use crate::{Anchor, Canvas, Dash, Format, Level, Marker, PNG_DPI, Rect, Stroke, Text};

const RED: Color = Color(255, 0, 0);
const BLUE: Color = Color(0, 0, 255);

/// Content of the streams of a PDF, unpacked.
fn streams(pdf: &[u8]) -> Vec<Vec<u8>> {
    let find = |from: usize, what: &[u8]| pdf[from..].windows(what.len()).position(|w| w == what).map(|at| from + at);
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = find(at, b"\nstream\n") {
        let end = find(start, b"\nendstream").unwrap();
        let mut content = Vec::new();
        ZlibDecoder::new(&pdf[start + 8..end]).read_to_end(&mut content).unwrap();
        found.push(content);
        at = end;
    }
    found
}

/// The characters of every code, font by font in the order of their names, as the maps of a PDF have them.
fn maps(streams: &[Vec<u8>]) -> Vec<HashMap<String, String>> {
    let is_map = |text: &&str| text.contains("begincmap");
    let texts = streams.iter().filter_map(|stream| std::str::from_utf8(stream).ok()).filter(is_map);
    let characters = |hex: &str| {
        let units: Vec<u16> =
            (0..hex.len() / 4).map(|k| u16::from_str_radix(&hex[4 * k..4 * k + 4], 16).unwrap()).collect();
        String::from_utf16(&units).unwrap()
    };
    let entry = |line: &str| {
        let (code, to) = line.strip_prefix('<')?.strip_suffix('>')?.split_once("> <")?;
        (code.len() == 4 && code != "0000").then(|| (code.to_owned(), characters(to)))
    };
    texts.map(|text| text.lines().filter_map(entry).collect()).collect()
}

/// What a reader copies out of a PDF: the shown strings, decoded.
fn copied(pdf: &[u8]) -> String {
    let streams = streams(pdf);
    let maps = maps(&streams);
    let content = &streams.last().unwrap();
    let mut font = 0;
    let mut text = String::new();
    let mut at = 0;
    while at < content.len() {
        match content[at] {
            // A font is chosen.
            b'F' if content[at - 1] == b'/' => font = usize::from(content[at + 1] - b'0'),
            b'(' => {
                let mut bytes = Vec::new();
                let mut depth = 1;
                at += 1;
                while depth > 0 {
                    let mut byte = content[at];
                    match byte {
                        b'\\' => {
                            at += 1;
                            byte = match content[at] {
                                b'n' => b'\n',
                                b'r' => b'\r',
                                b't' => b'\t',
                                b'b' => 8,
                                b'f' => 12,
                                b'0'..=b'7' => {
                                    let octal = std::str::from_utf8(&content[at..at + 3]).unwrap();
                                    at += 2;
                                    u8::from_str_radix(octal, 8).unwrap()
                                }
                                other => other,
                            };
                        }
                        b'(' => depth += 1,
                        b')' => depth -= 1,
                        _ => {}
                    }
                    bytes.push(byte);
                    at += 1;
                }
                bytes.pop();
                at -= 1;
                text += &decoded(&bytes, &maps[font]);
            }
            b'<' => {
                let end = at + content[at..].iter().position(|&byte| byte == b'>').unwrap();
                let hex = std::str::from_utf8(&content[at + 1..end]).unwrap();
                let bytes: Vec<u8> =
                    (0..hex.len() / 2).map(|k| u8::from_str_radix(&hex[2 * k..2 * k + 2], 16).unwrap()).collect();
                text += &decoded(&bytes, &maps[font]);
                at = end;
            }
            _ => {}
        }
        at += 1;
    }
    text
}

fn decoded(bytes: &[u8], map: &HashMap<String, String>) -> String {
    let codes = bytes.chunks_exact(2).map(|pair| format!("{:02X}{:02X}", pair[0], pair[1]));
    codes.map(|code| map.get(&code).cloned().unwrap_or_default()).collect()
}

/// The pixels of a picture, and how many make a point.
struct Pixels {
    width: usize,
    rgb: Vec<u8>,
}

impl Pixels {
    fn of(canvas: &Canvas) -> Self {
        let file = canvas.render(Format::Png).unwrap();
        let mut reader = png::Decoder::new(Cursor::new(file)).read_info().unwrap();
        let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut rgb).unwrap();
        Self { width: info.width as usize, rgb }
    }

    /// The color at a place in points.
    fn at(&self, x: f64, y: f64) -> Color {
        let [column, row] = [x, y].map(|points| (points * PNG_DPI / 72.0) as usize);
        let k = 3 * (row * self.width + column);
        Color(self.rgb[k], self.rgb[k + 1], self.rgb[k + 2])
    }

    fn colors(&self) -> std::collections::BTreeSet<[u8; 3]> {
        self.rgb.chunks_exact(3).map(|p| [p[0], p[1], p[2]]).collect()
    }

    /// The smallest rectangle around what is not white, in points.
    fn ink(&self) -> Rect {
        let dark = self.rgb.chunks_exact(3).enumerate().filter(|(_, p)| p.iter().any(|&c| c < 128)).map(|(k, _)| k);
        let (mut left, mut top, mut right, mut bottom) = (f64::MAX, f64::MAX, 0.0_f64, 0.0_f64);
        for k in dark {
            let (x, y) = ((k % self.width) as f64, (k / self.width) as f64);
            (left, top, right, bottom) = (left.min(x), top.min(y), right.max(x + 1.0), bottom.max(y + 1.0));
        }
        let scale = 72.0 / PNG_DPI;
        Rect::new(left * scale, top * scale, (right - left) * scale, (bottom - top) * scale)
    }
}

fn with_text(text: &Text) -> Canvas {
    let mut canvas = Canvas::new(200.0, 100.0).titled("text");
    canvas.text((100.0, 50.0), text);
    canvas
}

/// A pixel of a picture, in points.
const PIXEL: f64 = 72.0 / PNG_DPI;

#[test]
fn text_of_a_pdf_can_be_copied() {
    for text in ["α = 0.197", "exc_mid_n9 (fi) \\ ffl", "I₁₀ > I₄", "AVATAR Tom's", "été ≥ −3·10"] {
        for style in [Text::new(text), Text::new(text).bold().rotated(-90.0), Text::new(text).halo(WHITE)] {
            assert_eq!(copied(&with_text(&style).render(Format::Pdf).unwrap()), text, "{style:?}");
        }
    }
    let mut two = with_text(&Text::new("plain"));
    two.text((10.0, 10.0), &Text::new(" bold").bold());
    two.text((10.0, 20.0), &Text::new(" plain again"));
    assert_eq!(copied(&two.render(Format::Pdf).unwrap()), "plainboldplain again");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_text_of_the_font_can_be_copied(text in "[!-~À-žΑ-ΡΣ-ωА-я][ -~À-žΑ-ΡΣ-ωА-я]{0,24}") {
        let spaced = text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        prop_assume!(!text.contains("_{") && !text.contains("^{"));
        prop_assert_eq!(copied(&with_text(&Text::new(text)).render(Format::Pdf).unwrap()), spaced);
    }
}

#[test]
fn a_pdf_has_its_size_and_title_and_no_date() {
    let pdf = with_text(&Text::new("x")).render(Format::Pdf).unwrap();
    let text = String::from_utf8_lossy(&pdf);
    assert!(text.starts_with("%PDF-") && text.contains("[0 0 200 100]") && text.contains("/Title (text)"));
    assert!(!text.contains("Date"));
    assert_eq!(pdf, with_text(&Text::new("x")).render(Format::Pdf).unwrap());
}

#[test]
fn no_operator_of_a_pdf_stands_between_a_path_and_its_painting() {
    let mut canvas = with_text(&Text::new("halo").halo(WHITE));
    canvas.line((10.0, 10.0), (90.0, 20.0), Stroke::new(BLACK, 1.0).dash(Dash::DashDot));
    canvas.polygon(&[(1.0, 1.0), (5.0, 1.0), (5.0, 5.0)], RED, 0.5);
    canvas.disc((30.0, 25.0), 5.0, RED, Some(Stroke::new(BLACK, 1.0)));
    let streams = streams(&canvas.render(Format::Pdf).unwrap());
    let content = String::from_utf8_lossy(streams.last().unwrap()).into_owned();
    let is_operator = |word: &&str| word.bytes().all(|b| b.is_ascii_alphabetic() || b == b'*');
    let mut in_path = false;
    let mut painted = 0;
    for operator in content.split_ascii_whitespace().filter(is_operator) {
        match operator {
            "m" | "re" | "l" | "c" | "h" => in_path = true,
            "S" | "f" | "B" | "n" => {
                assert!(in_path, "{operator} paints nothing");
                (in_path, painted) = (false, painted + 1);
            }
            _ => assert!(!in_path, "{operator} inside a path"),
        }
    }
    assert!(painted >= 5);
}

#[test]
fn an_svg_is_well_formed_and_holds_its_text() {
    let mut canvas = with_text(&Text::new("α_{gen} < $5 & 'x' \"é\" 語").halo(WHITE));
    canvas.line((10.0, 10.0), (90.0, 20.0), Stroke::new(BLACK, 1.0).dash(Dash::DashDot));
    canvas.polygon(&[(1.0, 1.0), (5.0, 1.0), (5.0, 5.0)], RED, 0.5);
    Marker::ALL.into_iter().for_each(|marker| canvas.marker(marker, (50.0, 80.0), 3.0, BLUE));
    canvas.crisp_cells([(Rect::new(1.0, 2.0, 3.0, 4.5), RED)]);
    let svg = canvas.svg();
    let document = roxmltree::Document::parse(&svg).unwrap();
    let texts = document.descendants().filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "text")));
    assert_eq!(texts.filter_map(|node| node.text()).collect::<String>(), "αgen< $5 & 'x' \"é\" 語");
    let group = |name, value| document.descendants().any(|node| node.attribute(name) == Some(value));
    assert!(group("paint-order", "stroke") && group("shape-rendering", "crispEdges") && group("fill-opacity", "0.5"));
    assert!(svg.contains(r##"<rect x="1" y="2" width="3" height="4.5" fill="#ff0000" />"##));
    assert!(svg.contains(r#"stroke-dasharray="5 1.8 1.2 1.8""#));
}

#[test]
fn pixels_of_cells_lines_and_discs_are_where_they_should_be() {
    let mut canvas = Canvas::new(60.0, 40.0);
    canvas.crisp_cells([(Rect::new(5.0, 5.0, 10.0, 10.0), RED), (Rect::new(15.0, 5.0, 10.0, 10.0), BLUE)]);
    let pixels = Pixels::of(&canvas);
    // Neighbors share an edge: neither a gap nor a mixture.
    assert_eq!(pixels.colors(), [[0, 0, 255], [255, 0, 0], [255, 255, 255]].into());
    assert_eq!(
        [pixels.at(5.2, 5.2), pixels.at(14.8, 14.8), pixels.at(15.2, 5.2), pixels.at(4.8, 5.2)],
        [RED, RED, BLUE, WHITE]
    );

    let mut canvas = Canvas::new(60.0, 40.0);
    canvas.line((10.0, 10.0), (50.0, 10.0), Stroke::new(BLACK, 2.0));
    canvas.disc((30.0, 25.0), 5.0, RED, Some(Stroke::new(BLACK, 1.0)));
    let pixels = Pixels::of(&canvas);
    assert_eq!([pixels.at(30.0, 9.2), pixels.at(30.0, 10.8), pixels.at(30.0, 11.3)], [BLACK, BLACK, WHITE]);
    assert_eq!([pixels.at(30.0, 25.0), pixels.at(35.0, 25.0), pixels.at(35.8, 25.0)], [RED, BLACK, WHITE]);
    let ink = pixels.ink();
    assert!((ink.x - 10.0).abs() < 2.0 * PIXEL && (ink.right() - 50.0).abs() < 2.0 * PIXEL);
    assert!((ink.y - 9.0).abs() < 2.0 * PIXEL && (ink.bottom() - 30.5).abs() < 2.0 * PIXEL);

    let mut canvas = Canvas::new(60.0, 40.0);
    canvas.line((0.0, 10.0), (60.0, 10.0), Stroke::new(BLACK, 1.0).dash(Dash::Dashed));
    canvas.polygon(&[(0.0, 20.0), (60.0, 20.0), (60.0, 40.0), (0.0, 40.0)], RED, 0.5);
    let pixels = Pixels::of(&canvas);
    // 4 points of a dash, 2.2 of a gap.
    assert_eq!([pixels.at(2.0, 10.0), pixels.at(5.0, 10.0), pixels.at(8.0, 10.0)], [BLACK, WHITE, BLACK]);
    let Color(red, green, _) = pixels.at(30.0, 30.0);
    assert!(red == 255 && green.abs_diff(127) <= 1);
}

#[test]
fn text_is_drawn_where_its_anchor_level_and_rotation_say() {
    // The stem of an H fills the height of a capital, 0.729 em, and starts 201 of 2048 units from the left of its 1540.
    let (size, start, stems) = (40.0, 201.0 / 2048.0 * 40.0, (1540.0 - 2.0 * 201.0) / 2048.0 * 40.0);
    let height = 0.729 * size;
    let h = || Text::new("H").size(40);
    let near = |ink: Rect, x: f64, y: f64, width: f64, height: f64| {
        let off = [ink.x - x, ink.y - y, ink.width - width, ink.height - height];
        assert!(off.iter().all(|d| d.abs() < 2.0 * PIXEL), "{ink:?} is not {x} {y} {width} {height}");
    };
    let ink = |text: Text| Pixels::of(&with_text(&text)).ink();
    near(ink(h()), 100.0 + start, 50.0 - height, stems, height);
    near(ink(h().anchored(Anchor::Middle, Level::Middle)), 100.0 - stems / 2.0, 50.0 - height / 2.0, stems, height);
    near(ink(h().anchored(Anchor::End, Level::Top)), 100.0 - start - stems, 50.0, stems, height);
    // Turned to the right, the letter's top looks right, and it goes on downwards.
    near(ink(h().rotated(90.0)), 100.0, 50.0 + start, height, stems);
    near(ink(h().rotated(-90.0)), 100.0 - height, 50.0 - start - stems, height, stems);
}

#[test]
fn a_halo_keeps_text_free_of_what_is_below_and_leaves_it_whole() {
    let on_black = |text: Text| {
        let mut canvas = Canvas::new(200.0, 100.0);
        canvas.rect(Rect::new(0.0, 0.0, 200.0, 100.0), Some(BLACK), None);
        canvas.text((100.0, 80.0), &text.size(60).color(RED));
        Pixels::of(&canvas)
    };
    let (plain, halo) = (on_black(Text::new("I")), on_black(Text::new("I").halo(WHITE)));
    let inside = 100.0 + 0.148 * 60.0;
    assert_eq!([plain.at(inside, 60.0), halo.at(inside, 60.0)], [RED, RED]);
    // The I's stem begins 0.098 em from its point, and the halo is a point wide.
    let beside = 100.0 + 0.098 * 60.0 - 0.5;
    assert_eq!([plain.at(beside, 60.0), halo.at(beside, 60.0), halo.at(beside - 1.0, 60.0)], [BLACK, WHITE, BLACK]);
}

#[test]
fn cells_after_a_text_with_a_halo_stay_crisp() {
    let mut canvas = Canvas::new(60.0, 40.0);
    canvas.text((40.0, 20.0), &Text::new(" ").halo(WHITE));
    canvas.crisp_cells([(Rect::new(5.03, 5.03, 10.0, 10.0), RED)]);
    assert_eq!(Pixels::of(&canvas).colors(), [[255, 0, 0], [255, 255, 255]].into());
}
