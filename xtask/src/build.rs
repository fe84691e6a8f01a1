//! Builds the product: the server's binaries, and the site that the server embeds.
//!
//! Site: cargo for wasm32 -> wasm-bindgen -> esbuild and wasm-opt -> hashed names, brotli and gzip -> `manifest.json`.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use wasm_bindgen_cli_support::Bindgen;

use crate::css;
use crate::paths;
use crate::setup::node;
use crate::setup::node::Node;
use crate::setup::on_path;
use crate::setup::wasm_target::{self, WasmCompiler};
use crate::steps::{Step, side_by_side, step};

/// The packages that are built and tested as one, always with the same features, so that SurrealDB is compiled once.
pub(crate) const PRODUCT: [&str; 5] =
    ["--workspace", "--exclude", "xtask", "--exclude", "frontend"];

/// Whether the npm tools may be missing.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Tools {
    /// Without Node.js the site is built all the same, only larger.
    IfPresent,
    /// The site is as it ships.
    Required,
}

/// Everything that `hangar` needs to run from `target/debug`.
pub(crate) fn quick(tools: Tools) -> Result<()> {
    side_by_side(|| site(tools), portal)?;
    Ok(())
}

/// The portal, and the fake Plane to show it with, in the quick-to-build profile.
pub(crate) fn portal() -> Result<()> {
    compiled(&["--bin", "hangar", "--bin", "fake-plane"])
}

/// The same and what only tests start: a SurrealDB server.
pub(crate) fn binaries() -> Result<()> {
    compiled(&["--bins"])
}

fn compiled(which: &[&str]) -> Result<()> {
    step("server", |step| {
        let mut build = product_cargo();
        // With the examples, cargo switches on what the tests want of the dependencies: without them, the tests
        // would compile SurrealDB a second time.
        build
            .arg("build")
            .args(PRODUCT)
            .args(which)
            .arg("--examples");
        step.run(&mut build)?;
        step.note("target/debug/hangar");
        Ok(())
    })
}

/// The optimised binaries, by cargo's profile of that name, with what they ship and no more; the folder they are in.
pub(crate) fn optimised(profile: &str) -> Result<PathBuf> {
    step(profile, |step| {
        step.run(cargo().args([
            "build",
            "--profile",
            profile,
            "-p",
            "server",
            "-p",
            "fake-plane",
            "--bins",
        ]))
    })?;
    Ok(paths::target().join(profile))
}

/// The whole site.
pub(crate) fn site(tools: Tools) -> Result<()> {
    // The server's build looks for it.
    fs::create_dir_all(paths::site())?;
    let settings = Settings::read()?;
    let compiler = step("wasm32", |step| {
        let compiler = wasm_target::find_or_make(step)?;
        step.note(format!("standard library: {}", compiler.origin));
        Ok(compiler)
    })?;
    let node = step("npm tools", |step| match tools {
        Tools::Required => node::find_or_install(step).map(Some),
        Tools::IfPresent => {
            let node = node::find(step)?;
            if node.is_none() {
                step.note("no Node.js 20 here: the WASM stays larger than it could be");
            }
            Ok(node)
        }
    })?;
    step("wasm", |step| {
        let module = compile(step, &settings, &compiler)?;
        let (js, wasm) = browser_files(step, &module, &settings.output_name, node.as_ref())?;
        step.note(format!(
            "{} + glue {} brotli",
            kilobytes(&wasm)?,
            kilobytes(&js)?
        ));
        Ok(())
    })?;
    step("site", |step| {
        let css = style(&settings)?;
        let names = publish(&settings, css)?;
        step.note(names.join(" "));
        Ok(())
    })
}

/// The style sheet and the public files alone, for a change that touches no Rust.
pub(crate) fn restyle() -> Result<()> {
    let settings = Settings::read()?;
    step("site", |step| {
        let css = style(&settings)?;
        let names = publish(&settings, css)?;
        step.note(names.join(" "));
        Ok(())
    })
}

/// Cargo in the workspace, as xtask itself was built by it.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(paths::root());
    // What cargo told xtask about itself would look to the build scripts like news of theirs.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        }) {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// [`cargo`] for what is built and tested together. Our own crates are compiled by clippy's driver, where there is one: it is the
/// compiler, and looks for what clippy finds on the way. So clippy needs no build of its own, which would compile every dependency
/// a second time.
pub(crate) fn product_cargo() -> Command {
    let mut cargo = cargo();
    if let Some(driver) = on_path("clippy-driver") {
        cargo.env("RUSTC_WORKSPACE_WRAPPER", driver);
    }
    cargo
}

/// The table of the workspace's Cargo.toml that cargo-leptos reads too.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Settings {
    output_name: String,
    lib_package: String,
    lib_profile_release: String,
    site_pkg_dir: String,
    style_file: PathBuf,
    assets_dir: PathBuf,
}

impl Settings {
    fn read() -> Result<Self> {
        let manifest: toml::Table = fs::read_to_string(paths::root().join("Cargo.toml"))?
            .parse()
            .context("Cargo.toml")?;
        let table = manifest["workspace"]["metadata"]["leptos"][0].clone();
        table
            .try_into()
            .context("[[workspace.metadata.leptos]] in Cargo.toml")
    }
}

fn compile(step: &Step, settings: &Settings, compiler: &WasmCompiler) -> Result<PathBuf> {
    // Not the host's target folder: the two builds run side by side and may use different compilers.
    let target = paths::target().join("wasm");
    let mut build = cargo();
    build
        .args([
            "build",
            "--package",
            &settings.lib_package,
            "--target",
            wasm_target::TARGET,
        ])
        .args(["--profile", &settings.lib_profile_release, "--target-dir"])
        .arg(&target)
        .env_remove("RUSTFLAGS");
    if let Some(rustc) = &compiler.rustc {
        build.env("RUSTC", rustc);
    }
    step.run(&mut build)?;
    let built = target
        .join(wasm_target::TARGET)
        .join(&settings.lib_profile_release);
    Ok(built
        .join(settings.lib_package.replace('-', "_"))
        .with_extension("wasm"))
}

/// Turns cargo's module into what a browser loads; done again only when the module or the tools have changed.
fn browser_files(
    step: &Step,
    module: &Path,
    name: &str,
    node: Option<&Node>,
) -> Result<(PathBuf, PathBuf)> {
    let work = paths::target().join("wasm/site");
    let (js, wasm) = (
        work.join(format!("{name}.js")),
        work.join(format!("{name}_bg.wasm")),
    );
    let key = format!(
        "{} {}",
        hash(&fs::read(module)?),
        if node.is_some() { "small" } else { "large" }
    );
    let stamp = work.join("made-from");
    if js.exists() && wasm.exists() && fs::read_to_string(&stamp).ok().as_deref() == Some(&*key) {
        return Ok((js, wasm));
    }

    let raw = work.join("bindgen");
    let _ = fs::remove_dir_all(&work);
    fs::create_dir_all(&raw)?;
    step.busy("wasm-bindgen");
    Bindgen::new()
        .input_path(module)
        .out_name(name)
        .web(true)?
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        // The page names the module itself: it knows the hash.
        .omit_default_module_path(true)
        .generate(&raw)?;
    let (raw_js, raw_wasm) = (
        raw.join(format!("{name}.js")),
        raw.join(format!("{name}_bg.wasm")),
    );
    match node {
        Some(node) => {
            step.busy("esbuild");
            step.run(
                node.tool(".bin/esbuild")
                    .arg(&raw_js)
                    .args(["--bundle", "--minify", "--format=esm", "--target=es2022"])
                    .arg(format!("--outfile={}", js.display())),
            )?;
            step.busy("wasm-opt");
            step.run(
                node.tool(".bin/wasm-opt")
                    .arg(&raw_wasm)
                    // What rustc emits by default for this target, and nothing newer.
                    .args([
                        "-Oz",
                        "--enable-bulk-memory",
                        "--enable-nontrapping-float-to-int",
                    ])
                    .args(["--enable-sign-ext", "--enable-mutable-globals"])
                    .args(["--enable-reference-types", "--enable-multivalue", "-o"])
                    .arg(&wasm),
            )?;
        }
        None if raw.join("snippets").exists() => {
            bail!("Install Node.js 20 or newer with npm: the WASM brings JavaScript to bundle.")
        }
        None => {
            fs::copy(raw_js, &js)?;
            fs::copy(raw_wasm, &wasm)?;
        }
    }
    fs::write(stamp, key)?;
    Ok((js, wasm))
}

fn style(settings: &Settings) -> Result<Option<String>> {
    let main = paths::root().join(&settings.style_file);
    if main.exists() {
        css::bundle(&main).map(Some)
    } else {
        Ok(None)
    }
}

/// Writes what has changed into the site: files first, then the manifest that names them, then the old files go.
fn publish(settings: &Settings, css: Option<String>) -> Result<Vec<String>> {
    let made = paths::target().join("wasm/site");
    let name = &settings.output_name;
    let mut named = BTreeMap::new();
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut add_hashed = |key: &str, stem: &str, extension: &str, content: Vec<u8>| {
        let path = format!(
            "{}/{}",
            settings.site_pkg_dir,
            hashed_name(stem, extension, &content)
        );
        named.insert(key.to_owned(), path.clone());
        files.insert(path, content);
    };
    if let Some(css) = css {
        add_hashed("css", "main", "css", css.into_bytes());
    }
    add_hashed("js", name, "js", fs::read(made.join(format!("{name}.js")))?);
    let wasm = fs::read(made.join(format!("{name}_bg.wasm")))?;
    add_hashed("wasm", &format!("{name}_bg"), "wasm", wasm);
    let mut public = Vec::new();
    for (path, content) in read_tree(&paths::root().join(&settings.assets_dir))? {
        public.push(path.clone());
        files.insert(path, content);
    }

    let site = paths::site();
    for (path, content) in &files {
        write_with_compressed(&site.join(path), content)?;
    }
    let mut manifest = serde_json::to_value(&named)?;
    manifest["public"] = serde_json::to_value(&public)?;
    replace(
        &site.join("manifest.json"),
        &serde_json::to_vec_pretty(&manifest)?,
    )?;
    for (path, _) in read_tree(&site)? {
        let plain = path
            .strip_suffix(".br")
            .or_else(|| path.strip_suffix(".gz"))
            .unwrap_or(&path);
        if path != "manifest.json" && !files.contains_key(plain) {
            fs::remove_file(site.join(path))?;
        }
    }
    Ok(named.into_values().chain(public).collect())
}

fn write_with_compressed(path: &Path, content: &[u8]) -> Result<()> {
    let (brotli, gzip) = (beside(path, "br"), beside(path, "gz"));
    let made = brotli.exists() && gzip.exists();
    if made && fs::read(path).is_ok_and(|there| there == content) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    replace(&brotli, &compress_brotli(content)?)?;
    replace(&gzip, &compress_gzip(content)?)?;
    replace(path, content)
}

fn compress_brotli(content: &[u8]) -> Result<Vec<u8>> {
    let mut out = brotli::CompressorWriter::new(Vec::new(), 1 << 16, 11, 22);
    out.write_all(content)?;
    Ok(out.into_inner())
}

fn compress_gzip(content: &[u8]) -> Result<Vec<u8>> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    out.write_all(content)?;
    Ok(out.finish()?)
}

/// Puts a file in its place at once: a server that is running reads the old one or the new one.
fn replace(path: &Path, content: &[u8]) -> Result<()> {
    let draft = beside(path, "draft");
    fs::write(&draft, content)?;
    fs::rename(draft, path).with_context(|| path.display().to_string())
}

fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    PathBuf::from(name)
}

/// Every file below a folder by its path there, `/` between the parts; nothing when there is no such folder.
fn read_tree(folder: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop().filter(|next| next.is_dir()) {
        for entry in fs::read_dir(&next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder)?.to_string_lossy().into_owned();
                found.push((name, fs::read(&path)?));
            }
        }
    }
    found.sort();
    Ok(found)
}

fn hashed_name(stem: &str, extension: &str, content: &[u8]) -> String {
    // The hash stands before a `_bg` that tools look for at the end.
    match stem.strip_suffix("_bg") {
        Some(stem) => format!("{stem}-{}_bg.{extension}", &hash(content)[..8]),
        None => format!("{stem}-{}.{extension}", &hash(content)[..8]),
    }
}

fn hash(content: &[u8]) -> String {
    hex::encode(Sha256::digest(content))
}

fn kilobytes(file: &Path) -> Result<String> {
    // Quality 9 is within two percent of what is served and takes no noticeable time.
    let mut out = brotli::CompressorWriter::new(Vec::new(), 1 << 16, 9, 22);
    out.write_all(&fs::read(file)?)?;
    #[expect(
        clippy::cast_precision_loss,
        reason = "bundles are far below 2^52 bytes"
    )]
    let size = out.into_inner().len() as f64 / 1_000.0;
    Ok(format!("{size:.1} kB"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_changes_with_the_content_and_keeps_its_ending() {
        let name = hashed_name("hangar_bg", "wasm", b"one");
        assert!(
            name.starts_with("hangar-") && name.ends_with("_bg.wasm"),
            "{name}"
        );
        assert_ne!(name, hashed_name("hangar_bg", "wasm", b"two"));
        assert_eq!(
            hashed_name("main", "css", b"one"),
            hashed_name("main", "css", b"one")
        );
    }

    #[test]
    fn the_leptos_table_of_the_workspace_is_understood() {
        let settings = Settings::read().unwrap();
        assert_eq!(settings.site_pkg_dir, "pkg");
        assert!(paths::site().ends_with("target/site"));
    }
}
