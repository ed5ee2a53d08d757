//! `sfm send`, `sfm status`, `sfm receipt`: what the owner of an API key does, over HTTP alone.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use clap::Subcommand;
use serde_json::{Value, json};
use sfm_core::clock::Clock;
use sfm_core::id::RequestId;
use sfm_core::secret::Secret;
use sfm_http_client::{Client, Tls, request};
use url::{Host, Url};

use super::CommandError;

/// What a send may carry itself, decoded: 4 MB (the API's limit for inline documents). More is uploaded first.
const INLINE: usize = 4_000_000;
/// Between two looks at a fax that is under way.
const LOOK: Duration = Duration::from_secs(2);
/// An answer is over by then: API Gateway gives a function 30 s (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>).
const ANSWER: Duration = Duration::from_secs(60);
/// An upload is over by then: its address is good for 15 min.
const UPLOAD: Duration = Duration::from_mins(15);
/// Bytes of an answer that are read: a receipt has a picture of a page.
const LONGEST_ANSWER: usize = 20_000_000;

/// What works with an API key: `SFM_URL` says where the service is, `SFM_KEY` has the key.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Sends documents as one fax
    #[command(
        after_help = "SFM_URL says where the service is, SFM_KEY has the key.\n\nExample:\n  sfm send letter.pdf scan.png +12125551234 --subject Invoice --watch"
    )]
    Send {
        /// The documents, in their order
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The number that is called, +12125551234
        number: String,
        /// The number that it is sent from, if not the account's first
        #[arg(long)]
        from: Option<String>,
        /// A cover before the documents, for this recipient
        #[arg(long, value_name = "NAME")]
        cover_to: Option<String>,
        /// A cover with this subject
        #[arg(long)]
        subject: Option<String>,
        /// What you call it, for instance a file number
        #[arg(long)]
        reference: Option<String>,
        /// Waits for its end, and tells of each step on the way
        #[arg(long)]
        watch: bool,
        /// Goes on with a send that was interrupted, by the key that it printed: nothing is sent twice
        #[arg(long, value_name = "KEY")]
        resume: Option<String>,
    },
    /// Shows a fax
    #[command(after_help = "Example:\n  sfm status fax_01M8G0F2Z7V5YKQ4T9XN3D6B1C --watch")]
    Status {
        /// The fax, fax_…
        id: String,
        /// Waits for its end, and tells of each step on the way
        #[arg(long)]
        watch: bool,
    },
    /// Writes the receipt of a fax that has ended, signed: a PDF, or JSON where the file's name ends so
    #[command(after_help = "Example:\n  sfm receipt fax_01M8G0F2Z7V5YKQ4T9XN3D6B1C --output receipt.pdf")]
    Receipt {
        /// The fax, fax_…
        id: String,
        /// The file that is written
        #[arg(long, short)]
        output: PathBuf,
    },
}

impl UserCommand {
    /// Carries it out and returns what is printed.
    ///
    /// # Errors
    /// The API's own error, or what kept the command from asking.
    pub async fn run(self) -> Result<Value, CommandError> {
        let api = Api::from_env()?;
        match self {
            Self::Send { files, number, from, cover_to, subject, reference, watch, resume } => {
                let cover =
                    (cover_to.is_some() || subject.is_some()).then(|| without_nulls(json!({"to_name": cover_to, "subject": subject})));
                let fax = without_nulls(json!({"to": number, "from": from, "cover": cover, "reference": reference}));
                let sent = api.send(&files, fax, resume).await?;
                if watch { api.watch(sent["id"].as_str().unwrap_or_default()).await } else { Ok(sent) }
            }
            Self::Status { id, watch: true } => api.watch(&id).await,
            Self::Status { id, watch: false } => api.get(&format!("/v1/faxes/{}", segment(&id)?)).await,
            Self::Receipt { id, output } => api.receipt(&id, &output).await,
        }
    }
}

fn without_nulls(mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    value
}

/// An id as it may stand in a path.
fn segment(id: &str) -> Result<&str, CommandError> {
    let is_id = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if is_id { Ok(id) } else { Err(CommandError::not_found("fax")) }
}

/// Nobody reads what is sent there on its way: it is encrypted, or does not leave this machine.
fn is_private(url: &Url) -> bool {
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || url.scheme() == "http" && is_here
}

struct Api {
    http: Client,
    url: Url,
    key: Secret,
}

/// An answer of the API, or of the storage.
struct Answer {
    status: http::StatusCode,
    body: Bytes,
}

impl Api {
    fn from_env() -> Result<Self, CommandError> {
        let var = |name: &str, what: &str| {
            let value = std::env::var(name).ok().filter(|value| !value.trim().is_empty());
            value.ok_or_else(|| CommandError::new("configuration", format!("{name} is not set: {what}.")))
        };
        let url: Url = var("SFM_URL", "the address of the service, as http://127.0.0.1:3000")?
            .parse()
            .map_err(|e| CommandError::new("configuration", format!("SFM_URL is no address: {e}.")))?;
        if !is_private(&url) {
            return Err(CommandError::new(
                "configuration",
                "SFM_URL must begin with https://: the key would be read on the way. Plain http:// is for this machine alone.",
            ));
        }
        let key = Secret::new(var("SFM_KEY", "an API key, sfm_…")?);
        let tls = Tls::new().map_err(|e| CommandError::new("configuration", e.to_string()))?;
        Ok(Self { http: Client::new(tls.config().clone()), url, key })
    }

    async fn get(&self, path: &str) -> Result<Value, CommandError> {
        self.json(http::Method::GET, path, None, &[]).await
    }

    async fn json(&self, method: http::Method, path: &str, body: Option<&Value>, headers: &[(&str, &str)]) -> Result<Value, CommandError> {
        let answer = self.call(method, path, body, headers).await?;
        serde_json::from_slice(&answer.body)
            .map_err(|e| CommandError::new("unavailable", format!("The service's answer makes no sense: {e}")))
    }

    async fn call(&self, method: http::Method, path: &str, body: Option<&Value>, headers: &[(&str, &str)]) -> Result<Answer, CommandError> {
        let url = self.url.join(path).map_err(|e| CommandError::invalid(e.to_string()))?;
        let mut call = request(method, &url).header("authorization", format!("Bearer {}", self.key.expose()));
        for (name, value) in headers {
            call = call.header(*name, *value);
        }
        if body.is_some() {
            call = call.header("content-type", "application/json");
        }
        let answer = self.exchange(call, body.map(Value::to_string).unwrap_or_default().into_bytes(), ANSWER).await?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        let told: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        Err(CommandError::told(&told["error"])
            .unwrap_or_else(|| CommandError::new("unavailable", format!("The service answers {}.", answer.status))))
    }

    async fn exchange(&self, call: http::request::Builder, body: Vec<u8>, within: Duration) -> Result<Answer, CommandError> {
        let failed = |e: sfm_http_client::ExchangeError| CommandError::new("unavailable", format!("The service does not answer: {e}"));
        let exchange = async {
            let mut answer = self.http.send(call, body).await?;
            Ok(Answer { status: answer.status, body: answer.body(LONGEST_ANSWER).await? })
        };
        let answer = tokio::time::timeout(within, exchange).await;
        answer
            .map_err(|_| CommandError::new("unavailable", format!("The service does not answer within {} s.", within.as_secs())))?
            .map_err(failed)
    }

    /// Sends the files as one fax. The key is told before anything is asked for, so that whoever is interrupted can go on.
    async fn send(&self, files: &[PathBuf], mut fax: Value, resume: Option<String>) -> Result<Value, CommandError> {
        let documents = files.iter().map(|file| read(file)).collect::<Result<Vec<_>, _>>()?;
        let goes_on = resume.is_some();
        let key = resume.unwrap_or_else(|| RequestId::generate(Clock::default().now()).to_string());
        eprintln!("If this is interrupted, repeat it with: --resume {key}");
        let inline = documents.iter().map(Vec::len).sum::<usize>() <= INLINE;
        let mut parts = Vec::new();
        for (document, file) in documents.iter().zip(files) {
            parts.push(match inline {
                true => json!({"content": STANDARD.encode(document), "content_type": "application/octet-stream"}),
                false => json!({"upload_id": self.upload(document, file).await?}),
            });
        }
        fax["documents"] = parts.into();
        match self.json(http::Method::POST, "/v1/faxes", Some(&fax), &[("idempotency-key", &key)]).await {
            // Another body is that of other uploads.
            Err(e) if goes_on && !inline && e.is("idempotency_key_reused") => {
                Err(CommandError::new("conflict", "It was sent before it was interrupted. Look for it at GET /v1/faxes."))
            }
            other => other,
        }
    }

    async fn upload(&self, document: &[u8], file: &Path) -> Result<Value, CommandError> {
        eprintln!("Uploading {} ({} bytes)", file.display(), document.len());
        let upload = self.json(http::Method::POST, "/v1/uploads", Some(&json!({"size": document.len()})), &[]).await?;
        let url = upload["url"].as_str().and_then(|url| url.parse::<Url>().ok());
        let url = url.ok_or_else(|| CommandError::new("unavailable", "The service gave no address for the upload."))?;
        let answer = self.exchange(request(http::Method::PUT, &url), document.to_vec(), UPLOAD).await?;
        if !answer.status.is_success() {
            return Err(CommandError::new("unavailable", format!("{}: the storage answers {}.", file.display(), answer.status)));
        }
        Ok(upload["id"].clone())
    }

    /// Tells of each step, and returns the fax when it has ended.
    async fn watch(&self, id: &str) -> Result<Value, CommandError> {
        let path = format!("/v1/faxes/{}", segment(id)?);
        let mut before = String::new();
        loop {
            let fax = self.get(&path).await?;
            let step = step(&fax);
            if step != before {
                eprintln!("{id}: {step}");
                before = step;
            }
            if !fax["completed_at"].is_null() {
                return Ok(fax);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn receipt(&self, id: &str, output: &Path) -> Result<Value, CommandError> {
        let is_json = output.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        let accept = if is_json { "application/json" } else { "application/pdf" };
        let path = format!("/v1/faxes/{}/receipt", segment(id)?);
        let receipt = self.call(http::Method::GET, &path, None, &[("accept", accept)]).await?.body;
        std::fs::write(output, &receipt).map_err(|e| CommandError::new("unavailable", format!("{}: {e}", output.display())))?;
        Ok(json!({"output": output, "bytes": receipt.len()}))
    }
}

fn read(file: &Path) -> Result<Vec<u8>, CommandError> {
    std::fs::read(file).map_err(|e| CommandError::new("unavailable", format!("{}: {e}", file.display())))
}

/// A line for people.
fn step(fax: &Value) -> String {
    let status = fax["status"].as_str().unwrap_or_default();
    let attempts = fax["attempts"].as_array().map_or(0, Vec::len);
    let failure = fax["failure"]["message"].as_str().map(|message| format!(": {message}")).unwrap_or_default();
    match attempts {
        0 => format!("{status}{failure}"),
        _ => format!("{status}, attempt {attempts}, {} of {} pages{failure}", fax["pages_sent"], fax["pages"]),
    }
}
