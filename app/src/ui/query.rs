use super::failure_view::urlencode;

/// `address` with the query parameters in `set` replaced (`None` or empty: removed) and all others kept. A page's place (`after`)
/// and its draft belong to what was shown before, so they go unless they are set.
pub fn with_params(address: &str, set: &[(&str, Option<&str>)]) -> String {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let dropped =
        |name: &str| name == "after" || name == "draft" || set.iter().any(|(n, _)| *n == name);
    let kept = query
        .split('&')
        .filter(|pair| !pair.is_empty() && !dropped(pair.split('=').next().unwrap_or(pair)))
        .map(ToOwned::to_owned);
    let added = set.iter().filter_map(|(name, value)| {
        value
            .filter(|v| !v.is_empty())
            .map(|v| format!("{name}={}", urlencode(v)))
    });
    let query = kept.chain(added).collect::<Vec<_>>().join("&");
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    }
}

/// [`with_params`] for one.
pub fn with_param(address: &str, name: &str, value: Option<&str>) -> String {
    with_params(address, &[(name, value)])
}

/// The path of an address.
pub fn path_of(address: &str) -> &str {
    address.split(['?', '#']).next().unwrap_or(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_parameters_are_kept() {
        let check = |address: &str, set: &[(&str, Option<&str>)], result: &str| {
            assert_eq!(with_params(address, set), result)
        };
        check("/runs", &[], "/runs");
        check(
            "/runs?q=a",
            &[("sort", Some("name"))],
            "/runs?q=a&sort=name",
        );
        check(
            "/runs?q=a&sort=x&after=c",
            &[("sort", Some("name"))],
            "/runs?q=a&sort=name",
        );
        check("/runs?q=a&sort=x", &[("sort", None)], "/runs?q=a");
        check("/runs?q=a", &[("q", Some(""))], "/runs");
        check(
            "/runs?q=a%26b",
            &[("after", Some("x y&z"))],
            "/runs?q=a%26b&after=x%20y%26z",
        );
        check("/runs?draft=d", &[("q", Some("ü"))], "/runs?q=%C3%BC");
    }
}
