use domain::{
    ids::{ProjectId, WorkItemId},
    text::{BaseUrl, WorkspaceSlug},
};
use url::{Host, Url};

/// What a pasted address means: where Plane's API is, and which workspace it named, if any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub base: BaseUrl,
    pub workspace: Option<WorkspaceSlug>,
}

/// Why a pasted address was refused, in words for the person who pasted it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("Enter the address of your Plane, such as https://plane.example.com.")]
    Empty,
    #[error("The address must start with https:// (or http://).")]
    Scheme,
    #[error("Leave the name and password out of the address: the API key is all that Plane needs.")]
    Userinfo,
    #[error("This is not the address of a server.")]
    NotAnAddress,
}

impl AddressError {
    /// A stable word.
    pub fn code(&self) -> &'static str {
        match self {
            AddressError::Empty => "empty",
            AddressError::Scheme => "scheme",
            AddressError::Userinfo => "userinfo",
            AddressError::NotAnAddress => "not_an_address",
        }
    }
}

const CLOUD: &str = "https://api.plane.so";

/// First words of the web app's addresses that are not below a workspace.
const APP_ROOTS: [&str; 13] = [
    "accounts",
    "auth",
    "create-workspace",
    "god-mode",
    "installations",
    "invitations",
    "login",
    "onboarding",
    "sign-in",
    "sign-up",
    "signup",
    "spaces",
    "workspace-invitations",
];

/// Words that follow a workspace's slug in the web app's addresses.
const APP_PAGES: [&str; 22] = [
    "active-cycles",
    "analytics",
    "browse",
    "customers",
    "dashboards",
    "drafts",
    "home",
    "initiatives",
    "inbox",
    "intake",
    "notifications",
    "pages",
    "pi-chat",
    "profile",
    "projects",
    "releases",
    "settings",
    "stickies",
    "teamspaces",
    "wiki",
    "workspace-views",
    "your-work",
];

/// Makes Plane's base URL of what people paste: the web app's address, the API's, or just a host name
/// (plane-api.md section 1). Normalising its own result changes nothing.
pub fn normalise(pasted: &str) -> Result<Address, AddressError> {
    let url = parse(pasted)?;
    let mut segments: Vec<&str> = url.path().split('/').filter(|s| !s.is_empty()).collect();
    let host = url
        .host_str()
        .ok_or(AddressError::NotAnAddress)?
        .trim_end_matches('.');
    if host.is_empty() {
        return Err(AddressError::NotAnAddress);
    }

    if let Some(sub_domain) = cloud(&url, host) {
        let workspace = match sub_domain {
            "api" => below_api(&segments).and_then(slug),
            "app" => segments
                .first()
                .filter(|s| !APP_ROOTS.contains(s))
                .and_then(|s| slug(s)),
            "" | "www" => None,
            // The seed's way of writing it; the workspace is a slug in the path, not a sub-domain.
            named => slug(named),
        };
        let base = CLOUD.parse().map_err(|_| AddressError::NotAnAddress)?;
        return Ok(Address { base, workspace });
    }

    let workspace = below_api(&segments)
        .or_else(|| below_app(&segments))
        .and_then(slug);
    segments.truncate(prefix_len(&segments));
    let port = url
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    let prefix: String = segments.iter().flat_map(|s| ["/", s]).collect();
    let base = format!("{}://{host}{port}{prefix}", url.scheme());
    Ok(Address {
        base: base.parse().map_err(|_| AddressError::NotAnAddress)?,
        workspace,
    })
}

fn parse(pasted: &str) -> Result<Url, AddressError> {
    let text = pasted.trim();
    if text.is_empty() {
        return Err(AddressError::Empty);
    }
    if text.len() > 2000 {
        return Err(AddressError::NotAnAddress);
    }
    let url = match text.split_once("://") {
        Some((scheme, _))
            if scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http") =>
        {
            Url::parse(text)
        }
        Some((scheme, _))
            if scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c)) =>
        {
            return Err(AddressError::Scheme);
        }
        _ => Url::parse(&format!("https://{}", text.trim_start_matches('/'))),
    };
    let url = url.map_err(|_| AddressError::NotAnAddress)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(AddressError::Userinfo);
    }
    Ok(url)
}

/// The part of a Plane Cloud host before `plane.so`.
fn cloud<'a>(url: &Url, host: &'a str) -> Option<&'a str> {
    let named = matches!(url.host(), Some(Host::Domain(_))) && url.port().is_none();
    let sub_domain = host.strip_suffix("plane.so").filter(|_| named)?;
    match sub_domain.strip_suffix('.') {
        Some(sub_domain) if !sub_domain.contains('.') => Some(sub_domain),
        None if sub_domain.is_empty() => Some(""),
        _ => None,
    }
}

/// How many segments are a path in front of Plane itself.
fn prefix_len(segments: &[&str]) -> usize {
    if segments
        .first()
        .is_some_and(|first| APP_ROOTS.contains(first))
    {
        return 0;
    }
    for (at, segment) in segments.iter().enumerate() {
        if *segment == "api" {
            return at;
        }
        if at > 0 && APP_PAGES.contains(segment) {
            return at - 1;
        }
    }
    segments.len()
}

fn below_api<'a>(segments: &[&'a str]) -> Option<&'a str> {
    let at = segments.iter().position(|s| *s == "api")?;
    let rest = segments.get(at + 1..)?;
    let rest = rest.strip_prefix(&["v1"]).unwrap_or(rest);
    match rest {
        ["workspaces", slug, ..] => Some(slug),
        _ => None,
    }
}

fn below_app<'a>(segments: &[&'a str]) -> Option<&'a str> {
    let at = prefix_len(segments);
    match segments.get(at..)? {
        [slug, page, ..] if APP_PAGES.contains(page) && *slug != "api" => Some(slug),
        _ => None,
    }
}

fn slug(text: &str) -> Option<WorkspaceSlug> {
    text.parse().ok()
}

/// A work item in Plane's web app, which lives on the API's origin, or on its own host in the cloud.
pub fn work_item_page(
    base: &BaseUrl,
    workspace: &WorkspaceSlug,
    project: ProjectId,
    item: WorkItemId,
) -> String {
    let app = if base.as_str() == CLOUD {
        "https://app.plane.so"
    } else {
        base.as_str()
    };
    format!("{app}/{workspace}/projects/{project}/issues/{item}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(pasted: &str, base: &str, workspace: Option<&str>) {
        let address = normalise(pasted).unwrap_or_else(|error| panic!("{pasted:?}: {error}"));
        assert_eq!(address.base.as_str(), base, "{pasted:?}");
        assert_eq!(
            address.workspace.as_ref().map(WorkspaceSlug::as_str),
            workspace,
            "{pasted:?}"
        );
    }

    #[test]
    fn plane_cloud_is_found_by_any_of_its_addresses() {
        check("https://api.plane.so", "https://api.plane.so", None);
        check("https://api.plane.so/", "https://api.plane.so", None);
        check("http://api.plane.so/api/v1", "https://api.plane.so", None);
        check(
            "api.plane.so/api/v1/workspaces/acme/projects/",
            "https://api.plane.so",
            Some("acme"),
        );
        check(
            "https://app.plane.so/acme/",
            "https://api.plane.so",
            Some("acme"),
        );
        check(
            "https://app.plane.so/acme/projects/4067044b/issues?x=1#y",
            "https://api.plane.so",
            Some("acme"),
        );
        check(
            "app.plane.so/Acme-2",
            "https://api.plane.so",
            Some("Acme-2"),
        );
        check("https://app.plane.so/sign-in", "https://api.plane.so", None);
        check(
            "https://app.plane.so/create-workspace/",
            "https://api.plane.so",
            None,
        );
        check(
            "https://acme.plane.so",
            "https://api.plane.so",
            Some("acme"),
        );
        check("plane.so", "https://api.plane.so", None);
        check("https://www.plane.so/pricing", "https://api.plane.so", None);
        check(
            "https://APP.PLANE.SO./acme",
            "https://api.plane.so",
            Some("acme"),
        );
    }

    #[test]
    fn hosts_that_only_look_like_plane_cloud_are_left_alone() {
        check("https://notplane.so", "https://notplane.so", None);
        check(
            "https://api.plane.so.example.com",
            "https://api.plane.so.example.com",
            None,
        );
        check(
            "https://api.plane.so:8443",
            "https://api.plane.so:8443",
            None,
        );
        check("https://a.b.plane.so", "https://a.b.plane.so", None);
    }

    #[test]
    fn a_self_hosted_plane_keeps_its_origin() {
        check(
            "https://plane.example.com",
            "https://plane.example.com",
            None,
        );
        check("plane.example.com", "https://plane.example.com", None);
        check("//plane.example.com/", "https://plane.example.com", None);
        check(
            "  HTTPS://Plane.Example.COM:443/  ",
            "https://plane.example.com",
            None,
        );
        check(
            "http://plane.example.com:80",
            "http://plane.example.com",
            None,
        );
        check("localhost:8080", "https://localhost:8080", None);
        check("http://127.0.0.1:18000/", "http://127.0.0.1:18000", None);
        check(
            "https://plane.example.com./",
            "https://plane.example.com",
            None,
        );
        check("http://[::1]:8000/api/", "http://[::1]:8000", None);
        check(
            "https://bücher.example",
            "https://xn--bcher-kva.example",
            None,
        );
        check("http://0x7f.1/", "http://127.0.0.1", None);
        check("http://2130706433", "http://127.0.0.1", None);
        check("http://0177.0.0.01:9000", "http://127.0.0.1:9000", None);
        check("http://①②⑦.0.0.1", "http://127.0.0.1", None);
        check(
            "https://plane.example.com\\acme\\projects\\x",
            "https://plane.example.com",
            Some("acme"),
        );
    }

    #[test]
    fn pasted_api_addresses_lose_their_path() {
        check("https://p.example/api", "https://p.example", None);
        check("https://p.example/api/", "https://p.example", None);
        check("https://p.example/api/v1", "https://p.example", None);
        check("https://p.example//api//v1//", "https://p.example", None);
        check(
            "https://p.example/api/v1/workspaces/acme/projects/",
            "https://p.example",
            Some("acme"),
        );
        check(
            "https://p.example/api/workspaces/acme/projects",
            "https://p.example",
            Some("acme"),
        );
        check(
            "https://p.example/api/v1/users/me/",
            "https://p.example",
            None,
        );
        check(
            "https://p.example/api/instances/?a=b",
            "https://p.example",
            None,
        );
    }

    #[test]
    fn pasted_app_addresses_name_the_workspace() {
        check(
            "https://p.example/acme/projects/",
            "https://p.example",
            Some("acme"),
        );
        check(
            "https://p.example/acme/browse/WEB-7/",
            "https://p.example",
            Some("acme"),
        );
        check(
            "https://p.example/acme/settings/members",
            "https://p.example",
            Some("acme"),
        );
        check(
            "https://p.example/projects/settings",
            "https://p.example",
            Some("projects"),
        );
        check(
            "https://p.example/god-mode/general/",
            "https://p.example",
            None,
        );
        check(
            "https://p.example/sign-in?next_path=/acme",
            "https://p.example",
            None,
        );
        check("https://p.example/%20/projects/", "https://p.example", None);
    }

    #[test]
    fn a_path_in_front_of_plane_is_kept() {
        check("https://p.example/plane", "https://p.example/plane", None);
        check(
            "https://p.example/tools/plane/",
            "https://p.example/tools/plane",
            None,
        );
        check(
            "https://p.example/tools/plane/api/v1",
            "https://p.example/tools/plane",
            None,
        );
        check(
            "https://p.example/tools/acme/projects/x",
            "https://p.example/tools",
            Some("acme"),
        );
        check(
            "https://p.example/a/../plane",
            "https://p.example/plane",
            None,
        );
    }

    #[test]
    fn what_is_no_address_is_refused_with_a_reason() {
        let check =
            |pasted: &str, expected| assert_eq!(normalise(pasted), Err(expected), "{pasted:?}");
        check("", AddressError::Empty);
        check("   \n", AddressError::Empty);
        check("ftp://p.example", AddressError::Scheme);
        check("file:///etc/passwd", AddressError::Scheme);
        check("gopher://p.example", AddressError::Scheme);
        check("https://me:secret@p.example", AddressError::Userinfo);
        check("me@p.example", AddressError::Userinfo);
        check("https://", AddressError::NotAnAddress);
        check("https://exa mple.com", AddressError::NotAnAddress);
        check("https://p.example:99999", AddressError::NotAnAddress);
        check("javascript:alert(1)", AddressError::NotAnAddress);
        check("http://[::1", AddressError::NotAnAddress);
        check("https://.", AddressError::NotAnAddress);
        check(&"x".repeat(3000), AddressError::NotAnAddress);
    }

    proptest! {
        #[test]
        fn anything_may_be_pasted(text in ".{0,80}") {
            let _ = normalise(&text);
        }

        #[test]
        fn normalising_twice_changes_nothing(
            scheme in prop::sample::select(vec!["https://", "http://", "", "//", "HTTPS://"]),
            host in prop::sample::select(vec![
                "p.example", "app.plane.so", "api.plane.so", "acme.plane.so", "127.1", "[fe80::1]", "bücher.example", "P.example.",
            ]),
            port in prop::sample::select(vec!["", ":80", ":443", ":8080"]),
            path in prop::collection::vec(
                prop::sample::select(vec![
                    "api", "v1", "workspaces", "acme", "projects", "settings", "sign-in", "plane", "%20", "", ".", "..", "é",
                ]),
                0..7,
            ),
            tail in prop::sample::select(vec!["", "/", "?q=1", "#f", "//"]),
        ) {
            let pasted = format!("{scheme}{host}{port}/{}{tail}", path.join("/"));
            let first = normalise(&pasted).unwrap();
            let second = normalise(first.base.as_str()).unwrap();
            prop_assert_eq!(second.base, first.base);
        }
    }
}
