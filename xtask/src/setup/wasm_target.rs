//! A standard library for wasm32, by whichever way this machine has.
//!
//! rustup has one in most places. Where it can't download, Debian's security suite has a current compiler with the
//! source of its standard library, which is built once into a private sysroot under `target/`.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::{asked, can_install_debian_packages, install_debian_packages, on_path};
use crate::paths;
use crate::steps::Step;

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// A mirror that does not answer must not hold up the way out.
const RUSTUP_PATIENCE: Duration = Duration::from_secs(120);

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
/// The oldest compiler that builds the workspace: `rust-version` in Cargo.toml.
const OLDEST_MINOR: u32 = 95;

/// How to build for wasm32 here.
pub(crate) struct WasmCompiler {
    /// The compiler to build with, when it isn't the one cargo finds by itself.
    pub(crate) rustc: Option<PathBuf>,
    /// Where its standard library came from.
    pub(crate) origin: &'static str,
}

/// Finds a standard library for wasm32, or makes one. `HANGAR_WASM=rustup|debian` leaves only that way.
pub(crate) fn find_or_make(step: &Step) -> Result<WasmCompiler> {
    let forced = std::env::var("HANGAR_WASM").ok();
    match forced.as_deref() {
        None | Some("") => by_rustup(step).or_else(|why| {
            by_debian(step).map_err(|then| {
                anyhow::anyhow!(
                    "No wasm32 standard library. By rustup: {why:#} By Debian: {then:#}"
                )
            })
        }),
        Some("rustup") => by_rustup(step),
        Some("debian") => by_debian(step),
        Some(other) => bail!("HANGAR_WASM is `{other}`; it can be `rustup` or `debian`."),
    }
}

fn by_rustup(step: &Step) -> Result<WasmCompiler> {
    let here = |origin| {
        Ok(WasmCompiler {
            rustc: None,
            origin,
        })
    };
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let sysroot = asked(
        Command::new(rustc)
            .args(["--print", "sysroot"])
            .current_dir(paths::root()),
    );
    let installed = || {
        sysroot
            .as_deref()
            .is_some_and(|sysroot| has_std(Path::new(sysroot)))
    };
    if installed() {
        return here("the toolchain's own");
    }
    if on_path("rustup").is_none() {
        bail!("rustup is not installed (https://rustup.rs).");
    }
    step.busy("rustup target add");
    let mut command = Command::new("rustup");
    command
        .args(["target", "add", TARGET])
        .current_dir(paths::root());
    if !ends_well_within(&mut command, RUSTUP_PATIENCE)? || !installed() {
        bail!("`rustup target add {TARGET}` did not succeed.");
    }
    here("added by rustup")
}

fn by_debian(step: &Step) -> Result<WasmCompiler> {
    let linker = install_debian_compiler(step)?;
    let version = debian_rustc_version().context("Debian's rustc does not run.")?;
    let sysroot = paths::target().join("wasm-sysroot");
    let stamp = sysroot.join("made-with");
    if fs::read_to_string(&stamp).ok().as_deref() != Some(&*version) {
        make_sysroot(step, &sysroot, &linker)?;
        fs::write(&stamp, version)?;
    }
    Ok(WasmCompiler {
        rustc: Some(sysroot.join("rustc")),
        origin: "built from Debian's source",
    })
}

/// Leaves Debian's compiler, its source and the linker of its LLVM on this machine, and says where the linker is.
fn install_debian_compiler(step: &Step) -> Result<PathBuf> {
    let have_compiler = || {
        debian_rustc_version().is_some_and(|version| minor(&version) >= OLDEST_MINOR)
            && Path::new(DEBIAN_CARGO).exists()
            && Path::new("/usr/lib/rustlib/src/rust/library/std").exists()
    };
    if !have_compiler() {
        if !can_install_debian_packages() {
            bail!(
                "install the packages rustc-web, cargo-web, rust-web-src and lld of the same LLVM."
            );
        }
        step.busy("apt-get install rustc-web cargo-web rust-web-src");
        install_debian_packages(step, &["rustc-web", "cargo-web", "rust-web-src"])?;
        if !have_compiler() {
            bail!("Debian's rustc-web is older than 1.{OLDEST_MINOR}: update the package lists.");
        }
    }
    let llvm = debian_llvm().context("Debian's rustc does not say its LLVM version.")?;
    let linker = Path::new("/usr/lib").join(format!("llvm-{llvm}/bin/lld"));
    if !linker.exists() {
        let package = format!("lld-{llvm}");
        if !can_install_debian_packages() {
            bail!("install the package {package}.");
        }
        install_debian_packages(step, &[&package])?;
    }
    Ok(linker)
}

/// Builds the standard library once by way of a crate that does nothing, and puts it beside links to Debian's own.
fn make_sysroot(step: &Step, sysroot: &Path, linker: &Path) -> Result<()> {
    let seed = sysroot.join("seed");
    let _ = fs::remove_dir_all(sysroot);
    fs::create_dir_all(seed.join("src"))?;
    // A workspace of its own: the seed lies below ours. The bitcode is for the LTO of the real build.
    fs::write(
        seed.join("Cargo.toml"),
        "[package]\nname = \"seed\"\nedition = \"2021\"\n[lib]\ncrate-type = [\"rlib\"]\n\
         [profile.release]\nopt-level = \"z\"\npanic = \"abort\"\ncodegen-units = 1\n[workspace]\n",
    )?;
    fs::write(seed.join("src/lib.rs"), "")?;
    let mut build = Command::new(DEBIAN_CARGO);
    build
        .args([
            "build",
            "--release",
            "--target",
            TARGET,
            "-Zbuild-std=std,panic_abort",
        ])
        .current_dir(&seed)
        .env("RUSTC", DEBIAN_RUSTC)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Cembed-bitcode=yes")
        .env("CARGO_TARGET_DIR", seed.join("target"));
    for inherited in [
        "RUSTUP_TOOLCHAIN",
        "CARGO",
        "RUSTC_WRAPPER",
        "CARGO_BUILD_TARGET",
        "RUSTDOC",
    ] {
        build.env_remove(inherited);
    }
    step.run(&mut build)?;

    let library = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    fs::create_dir_all(&library)?;
    for built in fs::read_dir(seed.join("target").join(TARGET).join("release/deps"))? {
        let built = built?.path();
        let name = built
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        if name.ends_with(".rlib") && !name.starts_with("libseed-") {
            fs::copy(&built, library.join(name))?;
        }
    }
    if !has_std(sysroot) {
        bail!("the build of Debian's standard library left no libstd behind.");
    }

    let host = asked(Command::new(DEBIAN_RUSTC).arg("-vV"))
        .and_then(|said| field(&said, "host").map(str::to_owned))
        .context("Debian's rustc does not say its host.")?;
    let debian_host_library = Path::new("/usr/lib/rustlib").join(&host).join("lib");
    // The host's library for build scripts and macros, and the linker under the name that rustc looks for.
    let host = sysroot.join("lib/rustlib").join(host);
    fs::create_dir_all(host.join("bin"))?;
    symlink(debian_host_library, host.join("lib"))?;
    symlink(linker, host.join("bin/rust-lld"))?;
    let wrapper = sysroot.join("rustc");
    fs::write(
        &wrapper,
        format!(
            "#!/bin/sh\nexec {DEBIAN_RUSTC} --sysroot '{}' \"$@\"\n",
            sysroot.display()
        ),
    )?;
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755))?;
    fs::remove_dir_all(&seed)?;
    Ok(())
}

fn has_std(sysroot: &Path) -> bool {
    fs::read_dir(sysroot.join("lib/rustlib").join(TARGET).join("lib")).is_ok_and(|files| {
        files.flatten().any(|file| {
            let name = file.file_name();
            let name = name.to_string_lossy();
            name.starts_with("libstd-") && name.ends_with(".rlib")
        })
    })
}

fn debian_rustc_version() -> Option<String> {
    asked(
        Command::new(DEBIAN_RUSTC)
            .arg("--version")
            .env_remove("RUSTUP_TOOLCHAIN"),
    )
}

fn debian_llvm() -> Option<String> {
    let said = asked(Command::new(DEBIAN_RUSTC).arg("-vV"))?;
    Some(field(&said, "LLVM version")?.split('.').next()?.to_owned())
}

/// One line of `rustc -vV`.
fn field<'a>(said: &'a str, name: &str) -> Option<&'a str> {
    said.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// The 96 of `rustc 1.96.0 (…)`; zero for what isn't understood.
fn minor(version: &str) -> u32 {
    version
        .split('.')
        .nth(1)
        .and_then(|minor| minor.parse().ok())
        .unwrap_or(0)
}

fn ends_well_within(command: &mut Command, patience: Duration) -> Result<bool> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let started = Instant::now();
    while started.elapsed() < patience {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        thread::sleep(Duration::from_millis(100));
    }
    child.kill()?;
    child.wait()?;
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_a_compiler_is_read_from_what_it_says() {
        let said = "rustc 1.96.0 (ac68faa20 2026-05-25)\nhost: x86_64-unknown-linux-gnu\nLLVM version: 22.1.8";

        assert_eq!(minor(said), 96);
        assert_eq!(field(said, "host"), Some("x86_64-unknown-linux-gnu"));
        assert_eq!(field(said, "LLVM version"), Some("22.1.8"));
        assert_eq!(minor("rustc, once"), 0);
    }

    #[test]
    fn a_command_that_does_not_end_is_given_up() {
        let slow = &mut Command::new("sleep");
        assert!(!ends_well_within(slow.arg("30"), Duration::from_millis(150)).unwrap());
        assert!(ends_well_within(&mut Command::new("true"), Duration::from_secs(5)).unwrap());
    }
}
