use url::Url;

/// Where traces go, and how many.
#[derive(Clone, Debug)]
pub struct TraceSettings {
    /// The collector; its path is what stands before `/v1/traces`.
    pub endpoint: Url,
    /// Of the traces that begin here: from 0 to 1.
    pub sample: f64,
    /// Under what name.
    pub service: String,
}

/// A setting that makes no sense. It does not repeat what may hold a secret.
#[derive(Debug, thiserror::Error)]
pub enum TraceSettingsError {
    #[error("--otlp-endpoint: {0}")]
    Endpoint(&'static str),
    #[error("--otlp-sample: {0} is not a share from 0 to 1")]
    Sample(f64),
}

impl TraceSettings {
    /// `None`: nobody said where. The standard variables, in `env`, count where there is no setting of ours.
    pub fn read(
        endpoint: Option<String>,
        sample: Option<f64>,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, TraceSettingsError> {
        let sample = sample.unwrap_or(1.0);
        if !(0.0..=1.0).contains(&sample) {
            return Err(TraceSettingsError::Sample(sample));
        }
        let Some(text) = endpoint.or_else(|| env("OTEL_EXPORTER_OTLP_ENDPOINT")) else {
            return Ok(None);
        };
        Ok(Some(Self {
            endpoint: address(&text).map_err(TraceSettingsError::Endpoint)?,
            sample,
            service: env("OTEL_SERVICE_NAME").unwrap_or_else(|| "hangar".to_owned()),
        }))
    }
}

fn address(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "this is not an address")?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("it must start with http:// or https://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("give secrets in OTEL_EXPORTER_OTLP_HEADERS, not in the address");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("it must end with its host, its port or a path");
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn traces_go_where_either_setting_says_and_nowhere_by_themselves() {
        let read = TraceSettings::read(None, None, nothing);
        assert!(read.unwrap().is_none());
        let standard = |name: &str| match name {
            "OTEL_EXPORTER_OTLP_ENDPOINT" => Some("http://standard:4318".to_owned()),
            "OTEL_SERVICE_NAME" => Some("portal".to_owned()),
            _ => None,
        };
        let traces = TraceSettings::read(None, None, standard).unwrap().unwrap();
        assert_eq!(traces.endpoint.as_str(), "http://standard:4318/");
        assert_eq!((traces.sample, &*traces.service), (1.0, "portal"));
        let ours = Some("https://ours.example/otlp".to_owned());
        let traces = TraceSettings::read(ours, Some(0.25), standard);
        let traces = traces.unwrap().unwrap();
        assert_eq!(traces.endpoint.as_str(), "https://ours.example/otlp");
        assert_eq!(traces.sample, 0.25);
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name_and_not_repeated() {
        let secret = "it_is_secret";
        for (endpoint, says) in [
            ("collector", "not an address"),
            ("grpc://collector:4317", "http://"),
            (&format!("http://me:{secret}@collector:4318"), "HEADERS"),
            (&format!("http://collector:4318/?key={secret}"), "path"),
        ] {
            let read = TraceSettings::read(Some(endpoint.to_owned()), None, nothing);
            let error = read.unwrap_err().to_string();
            assert!(error.starts_with("--otlp-endpoint"), "{error}");
            assert!(error.contains(says) && !error.contains(secret), "{error}");
        }
        for share in [-0.1, 1.1, f64::NAN] {
            let error = TraceSettings::read(None, Some(share), nothing).unwrap_err();
            assert!(error.to_string().starts_with("--otlp-sample"), "{error}");
        }
    }
}
