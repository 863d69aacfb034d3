//! Where spans go: a collector's address, as it is typed.
//!
//! Only `http`: encryption would cost more than all else here, and a host that is watched usually
//! has an agent of its own that encrypts. That is said when `https` is typed, not when the first
//! span is to go.

use std::{fmt, str::FromStr};

use hyper::Uri;
use thiserror::Error;

/// Where collectors take traces if nothing else is said (OTLP/HTTP, "Request URL").
const PATH: &str = "/v1/traces";

/// A collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What its HTTP calls the host.
    pub authority: String,
    /// What is asked of it.
    pub path: String,
}

/// That is no collector's address.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum EndpointError {
    /// It is encrypted.
    #[error(
        "https is not supported: send to a collector or an agent on this host, such as \
        http://127.0.0.1:4318, and let that encrypt"
    )]
    Encrypted,
    /// It has a name or a password in it.
    #[error("a URL with a user name is not supported: let a collector on this host sign in")]
    User,
    /// It is anything else.
    #[error("that is no URL of a collector: write it as http://127.0.0.1:4318")]
    Malformed,
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let uri: Uri = text.parse().map_err(|_| EndpointError::Malformed)?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(EndpointError::Encrypted),
            _ => return Err(EndpointError::Malformed),
        }
        let authority = uri.authority().ok_or(EndpointError::Malformed)?;
        if authority.as_str().contains('@') {
            return Err(EndpointError::User);
        }
        let host = authority.host();
        // The authority itself takes a number that is none as no port at all.
        let port = match &authority.as_str()[host.len()..] {
            "" => 80,
            port => port.trim_start_matches(':').parse().unwrap_or(0),
        };
        let host = host.trim_matches(['[', ']']);
        if host.is_empty() || port == 0 {
            return Err(EndpointError::Malformed);
        }
        let path = match uri.path_and_query().map_or("", |path| path.as_str()) {
            "" | "/" => PATH,
            other => other,
        };
        Ok(Self {
            host: host.to_owned(),
            port,
            authority: authority.to_string(),
            path: path.to_owned(),
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "http://{}{}", self.authority, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_added_where_there_is_none() {
        let shown = |text: &str| text.parse::<Endpoint>().map(|it| it.to_string());
        let usual = "http://127.0.0.1:4318/v1/traces".to_owned();
        assert_eq!(shown("http://127.0.0.1:4318"), Ok(usual.clone()));
        assert_eq!(shown("http://127.0.0.1:4318/"), Ok(usual));
        let own = "http://collector/in?key=1";
        assert_eq!(shown(own), Ok(own.to_owned()));
        let six: Endpoint = "http://[::1]:4318".parse().unwrap();
        assert_eq!((six.host.as_str(), six.port), ("::1", 4318));
        let plain: Endpoint = own.parse().unwrap();
        assert_eq!((plain.host.as_str(), plain.port), ("collector", 80));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        use EndpointError::{Encrypted, Malformed, User};
        for (text, error) in [
            ("", Malformed),
            ("collector", Malformed),
            ("127.0.0.1:4318", Malformed),
            ("/v1/traces", Malformed),
            ("ftp://collector", Malformed),
            ("http://", Malformed),
            ("http://:4318", Malformed),
            ("http://collector:", Malformed),
            ("http://collector:0", Malformed),
            ("http://collector:65536", Malformed),
            ("http://a collector", Malformed),
            ("https://collector:4318", Encrypted),
            ("http://me:secret@collector", User),
        ] {
            assert_eq!(text.parse::<Endpoint>(), Err(error), "{text}");
        }
    }
}
