use domain::text::{BaseUrl, WorkspaceSlug};
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
