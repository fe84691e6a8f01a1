//! The WASM entry point. Everything lives in `app`; this crate exists so that `app` need not be a `cdylib`.
#![cfg(target_arch = "wasm32")]

extern crate app;

#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    leptos::mount::hydrate_islands();
}
