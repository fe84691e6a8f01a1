use leptos::prelude::*;

/// A place in a component for text or for a view (`|| view! { … }`, or `view! { … }.into_any()`); nothing unless given.
#[derive(Default)]
pub struct Slot(pub(super) Option<AnyView>);

impl From<&'static str> for Slot {
    fn from(text: &'static str) -> Self {
        Self(Some(text.into_any()))
    }
}

impl From<String> for Slot {
    fn from(text: String) -> Self {
        Self(Some(text.into_any()))
    }
}

impl From<AnyView> for Slot {
    fn from(view: AnyView) -> Self {
        Self(Some(view))
    }
}

impl<F, V> From<F> for Slot
where
    F: FnOnce() -> V,
    V: IntoView + 'static,
{
    fn from(view: F) -> Self {
        Self(Some(view().into_any()))
    }
}
