//! The HTTP API's JWT authorizer: a token must be signed by the issuer's key, for this audience, and be valid now.
//!
//! API Gateway itself takes RSA signatures alone ("Control access to HTTP APIs with JWT authorizers", API Gateway developer guide). This
//! one also takes ES256, with which the local issuer signs: an RSA key would take a crate and half a minute to make.

use std::collections::BTreeMap;

use serde_json::Value;
use sfm_core::clock::Clock;

use super::jwt::Token;
use super::template::Resource;

/// As the template declares it.
#[derive(Debug, Clone)]
pub struct Authorizer {
    pub issuer: String,
    pub audience: Vec<String>,
    pub clock: Clock,
}

impl Authorizer {
    /// The authorizers of an API, by name.
    pub fn all(api: &Resource, clock: &Clock) -> Vec<(String, Self)> {
        let declared = api.properties["Auth"]["Authorizers"].as_object().into_iter().flatten();
        let made = declared.filter_map(|(name, authorizer)| {
            let jwt = &authorizer["JwtConfiguration"];
            let audience = jwt["audience"].as_array()?.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect();
            Some((name.clone(), Self { issuer: jwt["issuer"].as_str()?.to_owned(), audience, clock: clock.clone() }))
        });
        made.collect()
    }

    /// The claims of a request's token, as the gateway hands them on: each one text. None when the token is refused.
    pub async fn claims(&self, headers: &http::HeaderMap) -> Option<BTreeMap<String, String>> {
        let mut values = headers.get_all(http::header::AUTHORIZATION).iter();
        let header = values.next().filter(|_| values.next().is_none())?.to_str().ok()?;
        let (scheme, token) = header.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let token = Token::parse(token)?;
        let keys = self.keys().await?;
        let kid = token.key_id()?;
        let key = keys["keys"].as_array()?.iter().find(|key| key["kid"] == kid)?;
        let claims = token.verified(key)?;
        // `aud` is one name or a list of them (RFC 7519, section 4.1.3).
        let meant = match &claims["aud"] {
            Value::Array(names) => names.iter().any(|name| self.is_audience(name)),
            name => self.is_audience(name),
        };
        let now = self.clock.now().as_second();
        let valid = claims["exp"].as_i64()? > now && claims.get("nbf").is_none_or(|nbf| nbf.as_i64().is_some_and(|nbf| nbf <= now));
        if !meant || !valid || claims["iss"] != self.issuer {
            return None;
        }
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Some(claims.as_object()?.iter().map(|(name, value)| (name.clone(), text(value))).collect())
    }

    fn is_audience(&self, name: &Value) -> bool {
        name.as_str().is_some_and(|name| self.audience.iter().any(|audience| audience == name))
    }

    /// The issuer's keys. Asked for each time: the issuer is in this process.
    async fn keys(&self) -> Option<Value> {
        let discovered: Value = get(&format!("{}/.well-known/openid-configuration", self.issuer)).await?;
        get(discovered["jwks_uri"].as_str()?).await
    }
}

async fn get<T: serde::de::DeserializeOwned>(url: &str) -> Option<T> {
    let client = crate::plain_http_client().ok()?;
    let text = client.get(url).send().await.ok()?.text().await.ok()?;
    serde_json::from_str(&text).ok()
}
