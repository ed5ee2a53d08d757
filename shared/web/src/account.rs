//! The settings of an account as a body asks for them.

use serde_json::Value;
use sfm_core::settings::{Emptied, FaxSettingsChange};
use sfm_store::accounts::AccountSettings;

use crate::{ApiError, Request};

/// What a body asks to be changed. The name and the identification of the line above each page may be null, which takes them away.
///
/// # Errors
/// When no setting is named, or one is not as it must be.
pub fn account_settings(request: &Request) -> Result<AccountSettings, ApiError> {
    let body = request.json()?;
    for (field, value) in body.iter() {
        let may_be_null = ["header_name", "station_id"].contains(&field);
        if value.is_null() && ["header", "time_zone", "paper", "recipients"].contains(&field) && !may_be_null {
            return Err(ApiError::invalid(format!("{field} cannot be taken away. Leave it out, or give another.")).param(field.to_owned()));
        }
    }
    let is_emptied = |field: &str| {
        body.iter().any(|(name, value)| name == field && (value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())))
    };
    let header = match body.get("header") {
        None => None,
        Some(Value::Bool(header)) => Some(*header),
        Some(_) => return Err(ApiError::invalid("header must be true or false.").param("header")),
    };
    let header_name = if is_emptied("header_name") { Some(Emptied(None)) } else { body.parsed("header_name", "header_name")? };
    let station_id = if is_emptied("station_id") { Some(Emptied(None)) } else { body.parsed("station_id", "station_id")? };
    let faxes = FaxSettingsChange {
        header,
        header_name,
        station_id,
        time_zone: body.parsed("time_zone", "time_zone")?,
        paper: body.parsed("paper", "paper")?,
    };
    let settings = AccountSettings { recipients: body.parsed("recipients", "recipients")?, faxes };
    if settings == AccountSettings::default() {
        return Err(ApiError::invalid(
            "Name at least one of header, header_name, station_id, time_zone, paper and recipients, which is to be changed.",
        ));
    }
    Ok(settings)
}
