use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;

use crate::LazySession;
use crate::error::SessionError;
use crate::middleware::error_response::{ErrorResponse, Failed, log};
use crate::middleware::headers;
use crate::session::{Answer, Closing};

type Finishing = Pin<Box<dyn Future<Output = Result<Answer, SessionError>> + Send>>;

pin_project! {
    /// The future of [`SessionService`](crate::middleware::SessionService): the handler's response, then the
    /// session's end.
    ///
    /// ```
    /// use axum::body::Body;
    /// use cloakroom::middleware::{DefaultErrorResponse, ResponseFuture};
    /// use cloakroom::{SessionLayer, SessionStore, Settings};
    /// use http::{Request, Response};
    /// use tower::{Layer, Service, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let handler = service_fn(|_: Request<Body>| async { Ok::<_, std::io::Error>(Response::new(Body::empty())) });
    /// let mut service = SessionLayer::new(SessionStore::memory(Settings::new())?).layer(handler);
    /// // A service around it can name it as the type of its own future.
    /// let answer: ResponseFuture<_, DefaultErrorResponse, Body> = service.call(Request::new(Body::empty()));
    /// assert_eq!(answer.await?.status(), 200);
    /// # Ok(())
    /// # }
    /// ```
    pub struct ResponseFuture<F, E, B> {
        #[pin]
        handling: F,
        // The session being saved, and the handler's answer meanwhile. Boxed together: most requests have neither,
        // and a router moves this future around.
        finishing: Option<Box<(Finishing, Response<B>)>>,
        session: Guard,
        had_cookie: bool,
        on_error: E,
    }
}

impl<F, E, B> ResponseFuture<F, E, B> {
    pub(super) fn new(handling: F, session: LazySession, had_cookie: bool, on_error: E) -> Self {
        Self { handling, finishing: None, session: Guard(session), had_cookie, on_error }
    }
}

impl<F, E, B, X> Future for ResponseFuture<F, E, B>
where
    F: Future<Output = Result<Response<B>, X>>,
    E: ErrorResponse<B>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.finishing.is_none() {
            let mut response = match ready!(this.handling.poll(context)) {
                Ok(response) => response,
                // No response, no cookie: what was flushed is removed when the guard goes.
                Err(error) => return Poll::Ready(Err(error)),
            };
            let mut status = response.status().as_u16();
            if status >= 400
                && let Some(Failed(error)) = response.extensions_mut().remove()
            {
                response = this.on_error.error_response(&error);
                status = response.status().as_u16();
            }
            match this.session.0.closing(status, *this.had_cookie) {
                Ok(Closing::Done(answer)) => {
                    return Poll::Ready(Ok(headers::with_answer(response, &answer, &this.session.0)));
                }
                Ok(Closing::Work) => {
                    let (session, had_cookie) = (this.session.0.clone(), *this.had_cookie);
                    let finishing = async move { session.close(status, had_cookie).await };
                    *this.finishing = Some(Box::new((Box::pin(finishing), response)));
                }
                Err(error) => return Poll::Ready(Ok(answer_error(this.on_error, &error))),
            }
        }
        let Some(pair) = this.finishing else { return Poll::Pending };
        let answer = ready!(pair.0.as_mut().poll(context));
        let Some(pair) = this.finishing.take() else { return Poll::Pending };
        let (_, response) = *pair;
        Poll::Ready(Ok(match answer {
            Ok(answer) => headers::with_answer(response, &answer, &this.session.0),
            Err(error) => answer_error(this.on_error, &error),
        }))
    }
}

fn answer_error<E: ErrorResponse<B>, B>(on_error: &E, error: &SessionError) -> Response<B> {
    log(error);
    on_error.error_response(error)
}

/// Sees to it that a flush takes effect even if the handler panics or the visitor leaves.
struct Guard(LazySession);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.abandon();
    }
}
