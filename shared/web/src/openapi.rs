//! The OpenAPI document, and what it says of the routes.

use serde_json::Value;

/// OpenAPI 3.1, as it is served.
pub const DOCUMENT: &str = include_str!("../../../docs/openapi.json");

/// The routes of the API with their methods.
#[derive(Debug)]
pub struct Routes(Vec<(String, Vec<String>)>);

impl Routes {
    /// Reads the document.
    ///
    /// # Errors
    /// When it is no JSON.
    pub fn read() -> Result<Self, serde_json::Error> {
        let document: Value = serde_json::from_str(DOCUMENT)?;
        let operations = |item: &Value| item.as_object().into_iter().flatten().map(|(method, _)| method.to_uppercase()).collect();
        let paths = document["paths"].as_object().into_iter().flatten();
        Ok(Self(paths.map(|(path, item)| (path.clone(), operations(item))).collect()))
    }

    /// The methods that a path takes, by the route without parameters if one has it; none when there is no such route.
    pub fn methods(&self, path: &str) -> Vec<&str> {
        let exact = self.0.iter().find(|(pattern, _)| pattern == path);
        let route = exact.or_else(|| self.0.iter().find(|(pattern, _)| matches(pattern, path)));
        let mut methods: Vec<&str> = route.map_or_else(Vec::new, |(_, methods)| methods.iter().map(String::as_str).collect());
        methods.sort_unstable();
        methods
    }
}

fn matches(pattern: &str, path: &str) -> bool {
    let (mut parts, mut segments) = (pattern.split('/'), path.split('/'));
    loop {
        match (parts.next(), segments.next()) {
            (None, None) => return true,
            (Some(part), Some(segment)) if part == segment || (part.starts_with('{') && !segment.is_empty()) => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_the_methods_of_its_route() -> Result<(), serde_json::Error> {
        let routes = Routes::read()?;
        assert_eq!(routes.methods("/v1/faxes"), ["GET", "POST"]);
        assert_eq!(routes.methods("/v1/scheduled/anything"), ["DELETE", "GET"]);
        assert_eq!(routes.methods("/v1/faxes/export"), ["GET"], "not those of a fax");
        for unknown in ["/", "/v1", "/v1/faxes/", "/v1/faxes/a/b", "/v2/faxes", "/v1//faxes", ""] {
            assert_eq!(routes.methods(unknown), [""; 0], "{unknown}");
        }
        Ok(())
    }
}
