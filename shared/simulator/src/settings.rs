//! What a carrier was started with.

use std::sync::Arc;

use ed25519_dalek::SigningKey;
use sfm_core::clock::Clock;

use super::Decode;
use super::file_store::FileStore;
use super::interceptor::CallInterceptor;

pub(crate) struct Settings {
    pub(crate) files: FileStore,
    /// Where this carrier is reached.
    pub(crate) base_url: String,
    pub(crate) clock: Clock,
    pub(crate) speed: f64,
    pub(crate) api_key: String,
    pub(crate) signing_key: SigningKey,
    pub(crate) default_webhook_url: String,
    pub(crate) decode: Decode,
    pub(crate) interceptor: Arc<dyn CallInterceptor>,
    pub(crate) http: reqwest::Client,
}
