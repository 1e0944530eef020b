//! The report as one self-contained page: figures inline, no script, no outside resource.

use caveat_figures::DOUBLE_COLUMN;

use super::sections::Section;

const STYLE: &str = "\
:root{color-scheme:light}body{font:16px/1.5 'DejaVu Sans',system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}\
h1{font-size:1.7rem;margin-bottom:.2rem}h2{font-size:1.25rem;margin-top:2.6rem;border-top:1px solid #ddd;padding-top:1.2rem}\
figure{margin:1.6rem 0}figure svg{width:100%;height:auto;display:block}figcaption{font-size:.88rem;color:#444;margin-top:.5rem}\
table{border-collapse:collapse;font-size:.9rem;margin:1rem 0}td{padding:.15rem 1.2rem .15rem 0;vertical-align:top}td+td{font-variant-numeric:tabular-nums}\
nav a{margin-right:1rem}code{font-size:.9em}a{color:#0058a3}footer{margin-top:3rem;font-size:.85rem;color:#555}";

/// The whole page.
pub(crate) fn page(sections: &[Section]) -> String {
    let mut body = String::new();
    let links: String =
        sections.iter().enumerate().map(|(k, s)| format!("<a href=\"#s{k}\">{}</a>", escape(s.title))).collect();
    for (k, section) in sections.iter().enumerate() {
        body +=
            &format!("<section id=\"s{k}\">\n<h2>{}</h2>\n<p>{}</p>\n", escape(section.title), escape(&section.text));
        if !section.findings.is_empty() {
            let rows: String = section
                .findings
                .iter()
                .map(|(what, value)| format!("<tr><td>{}</td><td>{}</td></tr>\n", escape(what), escape(value)))
                .collect();
            body += &format!("<table>\n{rows}</table>\n");
        }
        for figure in &section.figures {
            let svg = figure.canvas.svg();
            body += &format!(
                "<figure id=\"{0}\">\n<div style=\"max-width:{3:.1}rem\">{svg}</div>\n<figcaption><b>{1}.</b> {2} <a href=\"figures/{0}.svg\">SVG</a> · <a href=\"figures/{0}.pdf\">PDF</a></figcaption>\n</figure>\n",
                figure.name,
                escape(&figure.title),
                escape(&figure.caption),
                60.0 * figure.canvas.width() / DOUBLE_COLUMN,
            );
        }
        let tables: Vec<String> = section
            .figures
            .iter()
            .map(|f| format!("figure-{}", f.name))
            .chain(section.tables.iter().map(|t| t.0.clone()))
            .map(|name| {
                format!("{name} <a href=\"tables/{name}.csv\">CSV</a> <a href=\"tables/{name}.parquet\">Parquet</a>")
            })
            .collect();
        if !tables.is_empty() {
            body += &format!("<p>Tables: {}</p>\n", tables.join(" · "));
        }
        body += "</section>\n";
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>Rules and their exceptions</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>Rules and their exceptions</h1>\n\
         <p>Exact theory of transitive inference with exceptions (Cheng &amp; Lippl 2026, arXiv 2605.22972), made by <code>caveat reproduce</code> \
         {version}.</p>\n<nav>{links}</nav>\n{body}<footer>Seeds: random networks 0, predictions 0.</footer>\n</body>\n</html>\n",
        version = env!("CARGO_PKG_VERSION"),
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_nothing_is_fetched() {
        let section = Section {
            title: "a < b & c",
            text: "\"quoted\"".into(),
            findings: vec![("x > y".into(), "1".into())],
            figures: Vec::new(),
            tables: Vec::new(),
        };
        let page = page(&[section]);
        assert!(page.contains("a &lt; b &amp; c") && page.contains("&quot;quoted&quot;"));
        assert!(!page.contains("src=") && !page.contains("<script") && !page.contains("http"));
    }
}
