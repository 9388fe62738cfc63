//! How the entries of a cache are written.

use super::{Cache, CacheKind};
use crate::settings::SettingsError;
use crate::settings::environ::OptionValue;
use crate::wire::CacheFormat;
use crate::wire::pickle::Protocol;

impl Cache {
    /// How the entries of this cache are written: as Django's own backends do it, or as `django-redis` is told to.
    ///
    /// # Errors
    /// A serializer, a pickle protocol or a compressor that cannot be had here.
    pub(crate) fn format(&self) -> Result<CacheFormat, SettingsError> {
        if self.kind() != CacheKind::DjangoRedis {
            return Ok(CacheFormat::default());
        }
        let format = match self.option("SERIALIZER").and_then(OptionValue::as_text) {
            None | Some("django_redis.serializers.pickle.PickleSerializer") => CacheFormat::pickle(self.protocol()?),
            Some("django_redis.serializers.json.JSONSerializer") => CacheFormat::json(),
            Some(_) => {
                let remedy = "use django_redis.serializers.pickle.PickleSerializer or \
                              django_redis.serializers.json.JSONSerializer";
                return Err(refuse("SERIALIZER", "names a serializer that cloakroom does not have", remedy));
            }
        };
        match self.option("COMPRESSOR").and_then(OptionValue::as_text) {
            None | Some("django_redis.compressors.identity.IdentityCompressor") => Ok(format),
            Some("django_redis.compressors.zlib.ZlibCompressor") => Ok(format.zlib()),
            Some(_) => {
                let remedy = "use django_redis.compressors.zlib.ZlibCompressor, or none";
                Err(refuse("COMPRESSOR", "names a compressor that cloakroom does not have", remedy))
            }
        }
    }

    /// `pickle.DEFAULT_PROTOCOL` unless set.
    fn protocol(&self) -> Result<Protocol, SettingsError> {
        let number = match self.option("PICKLE_VERSION") {
            None => return Ok(Protocol::Four),
            Some(OptionValue::Text(text)) => text.trim().parse().ok(),
            Some(value) => value.as_int(),
        };
        match number {
            Some(4) => Ok(Protocol::Four),
            // The highest one.
            Some(5 | -1) => Ok(Protocol::Five),
            _ => Err(refuse("PICKLE_VERSION", "is no pickle protocol that cloakroom writes", "use 4 or 5")),
        }
    }
}

fn refuse(option: &str, problem: &str, remedy: &str) -> SettingsError {
    SettingsError::new(format!("CACHES.OPTIONS.{option}"), None, problem, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(query: &str) -> Result<CacheFormat, SettingsError> {
        let url = format!("redis://h/1?{query}");
        Cache::from_url_for(&url, Some("django_redis.cache.RedisCache")).unwrap().format()
    }

    #[test]
    fn django_redis_is_told_how_to_write() {
        let (json, zlib) = (
            "SERIALIZER=django_redis.serializers.json.JSONSerializer",
            "COMPRESSOR=django_redis.compressors.zlib.ZlibCompressor",
        );
        assert_eq!(format("").unwrap(), CacheFormat::pickle(Protocol::Four));
        assert_eq!(format("PICKLE_VERSION=5").unwrap(), CacheFormat::pickle(Protocol::Five));
        assert_eq!(format("PICKLE_VERSION=-1").unwrap(), CacheFormat::pickle(Protocol::Five));
        assert_eq!(format(json).unwrap(), CacheFormat::json());
        assert_eq!(format(zlib).unwrap(), CacheFormat::pickle(Protocol::Four).zlib());
        assert_eq!(format(&format!("{json}&{zlib}")).unwrap(), CacheFormat::json().zlib());
        assert_eq!(Cache::from_url("redis://h/1").unwrap().format().unwrap(), CacheFormat::default());
        for (query, name) in [
            ("PICKLE_VERSION=3", "CACHES.OPTIONS.PICKLE_VERSION"),
            ("SERIALIZER=django_redis.serializers.msgpack.MSGPackSerializer", "CACHES.OPTIONS.SERIALIZER"),
            ("COMPRESSOR=django_redis.compressors.lz4.Lz4Compressor", "CACHES.OPTIONS.COMPRESSOR"),
        ] {
            assert_eq!(format(query).unwrap_err().setting(), name);
        }
    }
}
