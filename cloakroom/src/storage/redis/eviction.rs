//! Whether the server throws entries away before their time.

use redis::Value;

use super::RedisStorage;
use super::failure::Failure;
use super::link::Deadline;
use crate::storage::StorageError;

impl RedisStorage {
    /// Whether the server may remove sessions that have not ended, to make room: the `maxmemory-policy` that says so.
    /// `None` where it has no `maxmemory`, or refuses writes then (`noeviction`). Sessions have an end, so the policies
    /// that spare entries without one do not spare them.
    ///
    /// ```no_run
    /// use cloakroom::storage::redis::RedisOptions;
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let storage = RedisOptions::from_url("redis://cache.example/1")?.open();
    /// if let Some(policy) = storage.eviction_policy().await? {
    ///     eprintln!("sessions may be lost: maxmemory-policy is {policy}");
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The server does not answer, or does not say.
    pub async fn eviction_policy(&self) -> Result<Option<String>, StorageError> {
        let mut command = redis::cmd("INFO");
        command.arg("memory");
        let answer = self.inner.way.ask("", &command, true, Deadline::after(self.inner.timeout)).await;
        let answer = answer.map_err(Failure::of_read)?;
        told(&answer).ok_or_else(|| Failure::Unexpected.of_read())
    }
}

fn told(answer: &Value) -> Option<Option<String>> {
    let text: String = redis::from_redis_value(answer.clone()).ok()?;
    let of = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    let (limit, policy) = (of("maxmemory")?, of("maxmemory_policy")?);
    Some((limit != "0" && policy != "noeviction").then(|| policy.to_owned()))
}
