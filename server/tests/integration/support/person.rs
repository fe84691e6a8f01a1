use std::collections::BTreeMap;

use reqwest::{Method, Response, redirect::Policy};
use scraper::{ElementRef, Html, Selector};

/// Somebody with a browser, JavaScript off: keeps cookies, follows nothing by itself.
pub struct Person {
    base: String,
    http: reqwest::Client,
    cookies: BTreeMap<String, String>,
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Person {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test's browser is not the portal's way out"
    )]
    pub fn new(base: &str) -> Self {
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        Self {
            base: base.to_owned(),
            http,
            cookies: BTreeMap::new(),
        }
    }

    /// The same browser with the same cookies, before another portal.
    pub fn at(&self, base: &str) -> Self {
        Self {
            cookies: self.cookies.clone(),
            ..Self::new(base)
        }
    }

    /// Opens a page.
    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, &[("accept", "text/html")], None)
            .await
    }

    /// Sends a form to a server function, as a browser without JavaScript does.
    pub async fn post(&mut self, function: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_from(&format!("{}/", self.base), function, fields)
            .await
    }

    /// The same, from the page at `path`: that is where a form with mistakes comes back.
    pub async fn post_on(&mut self, path: &str, function: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_from(&format!("{}{path}", self.base), function, fields)
            .await
    }

    async fn post_from(
        &mut self,
        referer: &str,
        function: &str,
        fields: &[(&str, &str)],
    ) -> Answer {
        let headers = [
            ("accept", "text/html"),
            ("origin", self.base.as_str()),
            ("referer", referer),
            ("sec-fetch-site", "same-origin"),
        ]
        .map(|(n, v)| (n, v.to_owned()));
        let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        self.send(
            Method::POST,
            &format!("/api/ui/{function}"),
            &headers,
            Some(encode(fields)),
        )
        .await
    }

    /// Calls a server function as a program does: JSON comes back.
    pub async fn call(&mut self, function: &str, fields: &[(&str, &str)]) -> Answer {
        let origin = self.base.clone();
        let headers = [
            ("accept", "application/json"),
            ("origin", origin.as_str()),
            ("sec-fetch-site", "same-origin"),
        ];
        self.send(
            Method::POST,
            &format!("/api/ui/{function}"),
            &headers,
            Some(encode(fields)),
        )
        .await
    }

    /// Any request, for what no browser sends.
    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Answer {
        let response = self.open(method, path, headers, body).await;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await.unwrap();
        Answer {
            status,
            headers,
            text,
        }
    }

    /// The answer's head; the body is still to be read, such as a stream's.
    pub async fn open(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Response {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !self.cookies.is_empty() {
            let cookies: Vec<String> = self
                .cookies
                .iter()
                .map(|(n, v)| format!("{n}={v}"))
                .collect();
            request = request.header("cookie", cookies.join("; "));
        }
        if let Some(body) = body {
            let typed = headers
                .iter()
                .any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
            if !typed {
                request = request.header("content-type", "application/x-www-form-urlencoded");
            }
            request = request.body(body);
        }
        let response = request.send().await.unwrap();
        for cookie in response.headers().get_all("set-cookie") {
            let text = cookie.to_str().unwrap();
            let (pair, attributes) = text.split_once(';').unwrap_or((text, ""));
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        response
    }

    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    pub fn set_cookie(&mut self, name: &str, value: &str) {
        self.cookies.insert(name.to_owned(), value.to_owned());
    }
}

impl Answer {
    pub fn location(&self) -> String {
        self.header("location").unwrap_or_default().to_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }

    /// The whole page's text, white space folded.
    pub fn words(&self) -> String {
        let page = Html::parse_document(&self.text);
        words(page.root_element())
    }

    /// The texts of all elements that match.
    pub fn all(&self, selector: &str) -> Vec<String> {
        let page = Html::parse_document(&self.text);
        page.select(&Selector::parse(selector).unwrap())
            .map(words)
            .collect()
    }

    /// The value of the figure with this label.
    pub fn figure(&self, label: &str) -> String {
        let labels = self.all(".figure dt");
        let which = labels.iter().position(|it| it == label);
        let values = self.all(".figure-value");
        values[which.unwrap_or_else(|| panic!("no {label} among {labels:?}"))].clone()
    }

    /// An attribute of the first element that matches.
    pub fn attribute(&self, selector: &str, name: &str) -> Option<String> {
        let page = Html::parse_document(&self.text);
        let found = page.select(&Selector::parse(selector).unwrap()).next()?;
        found.value().attr(name).map(str::to_owned)
    }

    /// The text of the first element that matches; empty if there is none.
    pub fn text_of(&self, selector: &str) -> String {
        self.all(selector).into_iter().next().unwrap_or_default()
    }

    /// An attribute of all elements that match.
    pub fn attributes(&self, selector: &str, name: &str) -> Vec<String> {
        let page = Html::parse_document(&self.text);
        let selector = Selector::parse(selector).unwrap();
        page.select(&selector)
            .filter_map(|one| one.value().attr(name).map(str::to_owned))
            .collect()
    }

    pub fn has(&self, selector: &str) -> bool {
        !self.all(selector).is_empty()
    }
}

fn words(element: ElementRef<'_>) -> String {
    element
        .text()
        .flat_map(str::split_whitespace)
        .collect::<Vec<_>>()
        .join(" ")
}

fn encode(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}
