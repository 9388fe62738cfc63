//! Commands that are given at the same time go out in one write.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream whose first write after a flush lets the other tasks that are ready go first: what they want to write comes
/// along. A write is the dearest part of a command, and nobody waits for longer than those tasks take.
pub(super) struct Gather<S> {
    stream: S,
    /// The others had their turn since the last flush.
    gathered: bool,
}

impl<S> Gather<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, gathered: false }
    }

    /// Ready from the second time on.
    fn poll_others(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.gathered, true) {
            return Poll::Ready(());
        }
        // A task that wakes itself is put behind those that are ready.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gather<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        std::task::ready!(self.poll_others(cx));
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        std::task::ready!(self.poll_others(cx));
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.gathered = false;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gather<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn what_other_tasks_have_to_write_comes_along() {
        let (near, mut far) = tokio::io::duplex(64);
        let (sender, mut given) = tokio::sync::mpsc::unbounded_channel::<u8>();
        // As the driver of a connection: all that was given by the time of a write goes out in it.
        let driver = tokio::spawn(async move {
            let mut stream = Gather::new(near);
            let mut buffer = Vec::new();
            while let Some(first) = given.recv().await {
                buffer.push(first);
                let written = std::future::poll_fn(|cx| {
                    while let Ok(next) = given.try_recv() {
                        buffer.push(next);
                    }
                    Pin::new(&mut stream).poll_write(cx, &buffer)
                });
                let written = written.await.unwrap();
                buffer.drain(..written);
                stream.flush().await.unwrap();
            }
        });
        let mut bytes = [0; 64];
        for round in 0..3 {
            for at in 0..10 {
                let sender = sender.clone();
                tokio::spawn(async move { sender.send(round * 10 + at).unwrap() });
            }
            let read = far.read(&mut bytes).await.unwrap();
            assert_eq!(read, 10, "all in one write");
        }
        drop(sender);
        driver.await.unwrap();
    }
}
