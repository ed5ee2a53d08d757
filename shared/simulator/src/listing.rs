//! Parses and answers the query of `GET /v2/faxes`.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::error::ApiError;
use super::projection::{Entry, Projection};
use super::settings::Settings;
use super::types::Direction;
use super::{outcome, resource};

const DEFAULT_SIZE: usize = 20;
const LARGEST_SIZE: usize = 250;
const LAST_PAGE: usize = 1_000_000;

#[derive(Debug)]
pub(crate) struct Query {
    filters: Vec<Filter>,
    number: usize,
    size: usize,
}

#[derive(Debug, PartialEq)]
enum Filter {
    CreatedFrom(Timestamp),
    CreatedAfter(Timestamp),
    CreatedUntil(Timestamp),
    CreatedBefore(Timestamp),
    Direction(String),
    From(String),
    To(String),
}

impl Query {
    /// Reads the percent-encoded query; what it does not know it ignores.
    pub(crate) fn parse(query: &str) -> Result<Self, ApiError> {
        let mut parsed = Self { filters: Vec::new(), number: 1, size: DEFAULT_SIZE };
        let mut url = reqwest::Url::parse("http://carrier/").map_err(|_| ApiError::unexpected())?;
        url.set_query(Some(query));
        for (name, value) in url.query_pairs() {
            let filter = match &*name {
                "filter[created_at][gte]" => Filter::CreatedFrom(time(&name, &value)?),
                "filter[created_at][gt]" => Filter::CreatedAfter(time(&name, &value)?),
                "filter[created_at][lte]" => Filter::CreatedUntil(time(&name, &value)?),
                "filter[created_at][lt]" => Filter::CreatedBefore(time(&name, &value)?),
                "filter[direction][eq]" => Filter::Direction(value.into_owned()),
                "filter[from][eq]" => Filter::From(value.into_owned()),
                "filter[to][eq]" => Filter::To(value.into_owned()),
                "page[number]" => {
                    parsed.number = count(&name, &value, LAST_PAGE)?;
                    continue;
                }
                "page[size]" => {
                    parsed.size = count(&name, &value, LARGEST_SIZE)?;
                    continue;
                }
                _ => continue,
            };
            parsed.filters.push(filter);
        }
        Ok(parsed)
    }

    /// One page of the faxes that pass every filter, newest first.
    pub(crate) fn answer(&self, projection: &Projection, settings: &Settings) -> Value {
        let passes = |entry: &&Entry| !entry.deleted && self.filters.iter().all(|filter| filter.passes(entry));
        let found: Vec<&Entry> = projection.entries().iter().rev().filter(passes).collect();
        let page = found.iter().skip((self.number - 1).saturating_mul(self.size)).take(self.size);
        let data: Vec<_> = page.map(|entry| resource::fax(entry, settings)).collect();
        json!({ "data": data, "meta": Meta {
            page_number: self.number,
            page_size: self.size,
            total_pages: found.len().div_ceil(self.size),
            total_results: found.len(),
        }})
    }
}

#[derive(Serialize)]
struct Meta {
    page_number: usize,
    page_size: usize,
    total_pages: usize,
    total_results: usize,
}

impl Filter {
    fn passes(&self, entry: &Entry) -> bool {
        let fax = &entry.fax;
        match self {
            Self::CreatedFrom(time) => fax.created_at >= *time,
            Self::CreatedAfter(time) => fax.created_at > *time,
            Self::CreatedUntil(time) => fax.created_at <= *time,
            Self::CreatedBefore(time) => fax.created_at < *time,
            Self::Direction(direction) => match fax.direction {
                Direction::Outbound => direction == "outbound",
                Direction::Inbound => direction == "inbound",
            },
            Self::From(number) => outcome::shown_from(fax) == number,
            Self::To(number) => fax.to.as_str() == number,
        }
    }
}

fn time(name: &str, value: &str) -> Result<Timestamp, ApiError> {
    value.parse().map_err(|_| ApiError::invalid(name, "An ISO 8601 date and time with an offset is needed."))
}

fn count(name: &str, value: &str, most: usize) -> Result<usize, ApiError> {
    let number = value.parse().ok().filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| ApiError::invalid(name, &format!("A number from 1 to {most} is needed.")))
}
