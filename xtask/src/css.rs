//! Makes one style sheet of `style/main.css` and what it imports.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// The sheet with every `@import "file.css";` replaced by that file, without comments and indentation.
///
/// `@import "file.css" layer(name);` puts the file into that layer, as a browser would.
pub(crate) fn bundle(main: &Path) -> Result<String> {
    let mut bundled = String::new();
    import(main, &mut bundled, 0)?;
    Ok(bundled)
}

fn import(file: &Path, bundled: &mut String, depth: u32) -> Result<()> {
    if depth > 16 {
        bail!("{} imports itself", file.display());
    }
    let sheet = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    for line in without_comments(&sheet)
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let Some(rule) = line.strip_prefix("@import ") else {
            bundled.push_str(line);
            bundled.push('\n');
            continue;
        };
        let Some((imported, layer)) = parse_import(rule) else {
            bail!(
                "{}: `{line}` is no import of a file beside it",
                file.display()
            );
        };
        let imported = file.with_file_name(imported);
        match layer {
            Some(layer) => {
                bundled.push_str(&format!("@layer {layer} {{\n"));
                import(&imported, bundled, depth + 1)?;
                bundled.push_str("}\n");
            }
            None => import(&imported, bundled, depth + 1)?,
        }
    }
    Ok(())
}

/// The file and the layer of `"ui/table.css" layer(ui);` or `url("…")…`.
fn parse_import(rule: &str) -> Option<(&str, Option<&str>)> {
    let rule = rule.trim().strip_suffix(';')?;
    let rule = rule.strip_prefix("url(").unwrap_or(rule);
    let quote = rule
        .chars()
        .next()
        .filter(|quote| matches!(quote, '"' | '\''))?;
    let (file, rest) = rule[1..].split_once(quote)?;
    match rest.trim_start_matches(')').trim() {
        "" => Some((file, None)),
        rest => Some((file, Some(rest.strip_prefix("layer(")?.strip_suffix(')')?))),
    }
}

/// The sheet without comments; what stands in quotes is kept.
fn without_comments(sheet: &str) -> String {
    let mut kept = String::with_capacity(sheet.len());
    let mut rest = sheet;
    while let Some(at) = rest.find(['/', '"', '\'']) {
        kept.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, after)| after);
            continue;
        } else if rest.starts_with('/') {
            1
        } else {
            quoted_length(rest)
        };
        kept.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    kept.push_str(rest);
    kept
}

/// How long the string at the start of `rest` is, quotes and escapes included.
fn quoted_length(rest: &str) -> usize {
    let mut characters = rest.char_indices();
    let quote = characters.next().map(|(_, quote)| quote);
    while let Some((at, character)) = characters.next() {
        if character == '\\' {
            characters.next();
        } else if Some(character) == quote {
            return at + 1;
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_replaced_by_their_files_in_their_layers() {
        let folder = std::env::temp_dir().join(format!("css-{}", std::process::id()));
        fs::create_dir_all(folder.join("ui")).unwrap();
        fs::write(folder.join("main.css"), "@layer base, ui;\n@import \"base.css\" layer(base);\n@import url('ui/all.css');\na { b: c }\n").unwrap();
        fs::write(folder.join("base.css"), "html { color: red }\n").unwrap();
        fs::write(
            folder.join("ui/all.css"),
            "@import \"table.css\" layer(ui);\n",
        )
        .unwrap();
        fs::write(folder.join("ui/table.css"), "/* rows */\n  td { x: y }\n").unwrap();

        let bundled = bundle(&folder.join("main.css"));

        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(
            bundled.unwrap(),
            "@layer base, ui;\n@layer base {\nhtml { color: red }\n}\n@layer ui {\ntd { x: y }\n}\na { b: c }\n"
        );
    }

    #[test]
    fn a_sheet_that_imports_itself_is_an_error() {
        let file = std::env::temp_dir().join(format!("loop-{}.css", std::process::id()));
        fs::write(
            &file,
            format!("@import \"{}\";", file.file_name().unwrap().display()),
        )
        .unwrap();

        let bundled = bundle(&file);

        fs::remove_file(&file).unwrap();
        assert!(bundled.is_err());
    }

    #[test]
    fn comments_go_and_strings_stay() {
        assert_eq!(without_comments("a{/* x */b:c}"), "a{b:c}");
        assert_eq!(
            without_comments(r#"a{content:"/* \" */"}/*é*/"#),
            r#"a{content:"/* \" */"}"#
        );
        assert_eq!(
            without_comments("a{width:calc(1px / 2)} /* open"),
            "a{width:calc(1px / 2)} "
        );
    }
}
