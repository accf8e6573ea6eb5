//! Answers as they should have been.

use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};

/// What RFC 9110 demands of an answer that is a range.
const PARTIAL_CONTENT: u16 = 206;

/// Connects as usual, and reads an answer that says by its headers that it is a range, and by its status that it is the
/// whole, as a range: `rclone serve s3` answers so. Whether it is the range that was asked for is checked all the same.
#[derive(Debug)]
pub(crate) struct Connector;

#[derive(Debug)]
struct Mended(HttpClient);

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Mended(ReqwestConnector::default().connect(options)?)))
    }
}

#[async_trait]
impl HttpService for Mended {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let asked = request.headers().contains_key("range");
        let mut answer = self.0.execute(request).await?;
        if asked
            && answer.status().is_success()
            && answer.headers().contains_key("content-range")
            && let Ok(partial) = PARTIAL_CONTENT.try_into()
        {
            *answer.status_mut() = partial;
        }
        Ok(answer)
    }
}
