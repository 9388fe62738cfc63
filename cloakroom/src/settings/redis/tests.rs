use super::*;

const DJANGO_REDIS: &str = "django_redis.cache.RedisCache";

fn shown(url: &str) -> String {
    format!("{:?}", RedisOptions::from_url(url).unwrap_or_else(|error| panic!("{url}: {error}")))
}

fn for_django_redis(url: &str) -> Result<RedisOptions, SettingsError> {
    RedisOptions::for_cache(&Cache::from_url_for(url, Some(DJANGO_REDIS)).unwrap())
}

#[test]
fn what_django_gives_redis_py_arrives() {
    let all = shown("redis://ada:p%40ss@[::1]:6380/3?socket_timeout=2.5&socket_connect_timeout=1&max_connections=9");
    for part in ["[::1]:6380", "Some(\"ada\")", "database: 3", "2.5s", "Some(1s)", "tls: None", "Seconds"] {
        assert!(all.contains(part), "{part}: {all}");
    }
    assert!(!all.contains("p@ss"));
    assert!(shown("redis://").contains("/:") || shown("redis://h").contains("h:6379"));
    assert!(shown("redis:///run/redis.sock?db=4").contains("/run/redis.sock"));
    assert!(shown("redis:///run/redis.sock?db=4").contains("database: 4"));
    // What the location says goes before OPTIONS.
    assert!(shown("redis://h/2?db=4").contains("database: 2"));
    assert!(shown("redis://one/1,two/1").contains("one:6379"));
    assert!(shown("rediss://h").contains("VerifyFull"));
    assert!(shown("rediss://h?ssl_check_hostname=False").contains("VerifyCa"));
    for none in ["none", "None"] {
        assert!(shown(&format!("rediss://h?ssl_cert_reqs={none}")).contains("Require"));
    }
}

#[cfg(feature = "toml")]
fn by_file(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cloakroom.toml");
    std::fs::write(&path, text).unwrap();
    let settings = crate::Settings::new().with_toml_file(path).unwrap();
    format!("{:?}", RedisOptions::for_cache(&settings.session_cache().unwrap()).unwrap())
}

#[cfg(feature = "toml")]
#[test]
fn several_locations_in_one_text_are_taken_apart() {
    let file = |location: &str, backend: &str| {
        by_file(&format!("[CACHES.default]\nBACKEND = \"{backend}\"\nLOCATION = {location}\n"))
    };
    let own = "django.core.cache.backends.redis.RedisCache";
    assert!(file("\"redis://a/1;redis://b/1\"", own).contains("a:6379"));
    assert!(file("\"redis://a/1?db=7,redis://b\"", DJANGO_REDIS).contains("database: 7"));
    assert!(file("[\"redis://a/5\", \"redis://b/1\"]", own).contains("database: 5"));
    let pool =
        "\"redis://a/1\"\nKEY_PREFIX = \"shop\"\nOPTIONS.CONNECTION_POOL_KWARGS = { max_connections = 9, db = 3 }";
    assert!(file(pool, DJANGO_REDIS).contains("CacheKey(shop:1:…)"));
    assert!(file("\"unix://:pw@/run/r.sock?db=2\"", own).contains("/run/r.sock"));
}

#[test]
fn django_redis_is_understood() {
    let options = for_django_redis("redis://h/1?PASSWORD=hunter2&SOCKET_TIMEOUT=3&IGNORE_EXCEPTIONS=True").unwrap();
    let shown = format!("{options:?}");
    assert!(shown.contains("3s") && shown.contains("Milliseconds") && !shown.contains("hunter2"), "{shown}");
    for (query, name) in [
        ("CLIENT_CLASS=django_redis.client.HerdClient", "CACHES.OPTIONS.CLIENT_CLASS"),
        ("SERIALIZER=site.MySerializer", "CACHES.OPTIONS.SERIALIZER"),
        ("CONNECTION_POOL_CLASS=site.Pool", "CACHES.OPTIONS.CONNECTION_POOL_CLASS"),
        ("DB=1", "CACHES.OPTIONS.DB"),
        ("KEY_FUNCTION=site.make_key", "CACHES.KEY_FUNCTION"),
        ("CLIENT_CLASS=django_redis.client.SentinelClient", "CACHES.LOCATION"),
    ] {
        assert_eq!(for_django_redis(&format!("redis://h/1?{query}")).unwrap_err().setting(), name, "{query}");
    }
}

#[cfg(feature = "toml")]
#[test]
fn sentinels_are_named_as_django_redis_names_them() {
    let text = "[CACHES.default]\nBACKEND = \"django_redis.cache.RedisCache\"\nLOCATION = \"redis://mymaster/2\"\n\
                [CACHES.default.OPTIONS]\nCLIENT_CLASS = \"django_redis.client.SentinelClient\"\n\
                CONNECTION_POOL_CLASS = \"redis.sentinel.SentinelConnectionPool\"\nPASSWORD = \"hunter2\"\n\
                SENTINELS = [[\"one\", 26379], [\"two\", 26380]]\nSENTINEL_KWARGS = { password = \"hunter3\" }\n";
    let shown = by_file(text);
    assert!(shown.contains("mymaster by the sentinels [one:26379, two:26380]"), "{shown}");
    assert!(shown.contains("database: 2") && !shown.contains("hunter"), "{shown}");
}

#[test]
fn what_would_change_something_is_refused_by_name() {
    for (url, name) in [
        ("redis://h?ssl_ca_certs=/ca.pem", "CACHES.LOCATION"),
        ("redis://h?socket_timeout=0", "CACHES.OPTIONS.socket_timeout"),
        ("redis://h?socket_timeout=soon", "CACHES.OPTIONS.socket_timeout"),
        ("redis://h?db=one", "CACHES.OPTIONS.db"),
        ("redis://h?decode_responses=True", "CACHES.OPTIONS.decode_responses"),
        ("redis://h?serializer=site.Json", "CACHES.OPTIONS.serializer"),
        ("redis://h?pool_class=site.Pool", "CACHES.OPTIONS.pool_class"),
        ("redis://h?credential_provider=x", "CACHES.OPTIONS.credential_provider"),
        ("rediss://h?ssl_ca_path=/etc/ssl", "CACHES.OPTIONS.ssl_ca_path"),
        ("rediss://h?ssl_cert_reqs=maybe", "CACHES.OPTIONS.ssl_cert_reqs"),
        ("rediss://h?ssl_keyfile=/k.pem", "CACHES.LOCATION"),
        ("redis://h:port", "CACHES.LOCATION"),
        ("valkey://h", "CACHES.LOCATION"),
        ("pymemcache://h", "CACHES.BACKEND"),
    ] {
        let error = RedisOptions::from_url(url).err().unwrap_or_else(|| panic!("{url} is not refused"));
        assert_eq!(error.setting(), name, "{url}: {error}");
    }
    let error = RedisOptions::from_url("redis://:hunter2@h:port").unwrap_err().to_string();
    assert!(!error.contains("hunter2"), "{error}");
}
